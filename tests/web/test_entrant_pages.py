"""The page of an entrant: what it is, where it stands, whom it met, what its pictures took."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from analysis.outcomes import Outcome
from arena.services import curation
from arena.services.standings import refresh
from arena.tables import Entrant, Image, Job, JobState, Rating, RatingRun, Reason
from arena.web.histogram import histogram, percentile
from models.contracts import EntrantCard
from tests.web import small
from tests.web.pages import read
from tests.web.shown import close, judge

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def page_of(arena: small.SmallArena, name: str) -> str:
    response = arena.app.test_client().get(f"/entrants/{name}")
    assert response.status_code == 200
    return response.get_data(as_text=True)


def words_of(page: str) -> str:
    """The page without its tags, in one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_an_entrant_without_votes_has_a_page(arena: small.SmallArena) -> None:
    page = page_of(arena, "sfumato")
    for told in ("No board has been computed yet", "It has met nobody yet", "4 made", "Apache-2.0"):
        assert told in page
    assert read(arena.app.test_client().get("/entrants")).links.count(
        f"/entrants/sfumato@{small.CARDS[0].revision}"
    )


def test_a_slug_is_the_newest_revision_and_the_family_is_listed(arena: small.SmallArena) -> None:
    old = small.CARDS[0]
    new = EntrantCard(
        slug="sfumato",
        name="Sfumato 2.2",
        kind="in-house",
        family="sfumato",
        backend="test",
        identity={"size": 128, "steps": 30},
        runtime={"engine": "torch", "assets": "/srv/operator/assets", "base_url": "http://10.0.0.7"},
        source="javascript:alert(1)",
    )
    with arena.database.write.begin() as session:
        curation.enter(session, new, now=NOW)
        session.scalars(select(Entrant).where(Entrant.revision == old.revision)).one().retired_at = NOW
    newest, oldest = page_of(arena, "sfumato"), page_of(arena, f"sfumato@{old.revision}")
    assert "<h1>Sfumato 2.2</h1>" in newest
    assert "<h1>Sfumato 2.1</h1>" in oldest
    assert "retired 23 November 2026" in oldest
    assert f"/entrants/sfumato@{old.revision}" in newest
    assert f"/entrants/sfumato@{new.revision}" in oldest
    assert "torch" in newest
    assert "operator/assets" not in newest
    assert "10.0.0.7" not in newest
    assert "javascript:alert(1)" not in "".join(read(arena.app.test_client().get("/entrants/sfumato")).links)


def test_the_record_is_that_of_the_votes(arena: small.SmallArena) -> None:
    judge(arena, (Outcome.LEFT,) * 20 + (Outcome.TIE,) * 4 + (Outcome.BOTH_BAD,) * 3)
    refresh(arena.database, now=NOW)
    client = arena.app.test_client()
    total = dict.fromkeys(("votes", "wins", "losses", "ties", "both bad"), 0)
    for card in small.CARDS:
        row = read(client.get(f"/entrants/{card.slug}")).text
        sides = re.findall(r'<th scope="row">On the (?:left|right)</th>(.*?)</tr>', row, re.S)
        assert len(sides) == 2
        for side in sides:
            numbers = re.findall(r'<td class="figure">(\d+)', side)
            votes, *rest = [int(number) for number in numbers if number]
            wins, losses, ties, bad = rest[-4:]
            assert votes == wins + losses + ties + bad
            for name, number in zip(total, (votes, wins, losses, ties, bad), strict=True):
                total[name] += number
    assert total == {"votes": 54, "wins": 20, "losses": 20, "ties": 8, "both bad": 6}


def test_standings_and_categories_come_from_the_newest_runs(arena: small.SmallArena) -> None:
    judge(arena, (Outcome.LEFT, Outcome.RIGHT) * 15)
    refresh(arena.database, now=NOW)
    with arena.database.write.begin() as session:
        run = session.scalars(select(RatingRun).order_by(RatingRun.id.desc()).limit(1)).one()
        rows = session.scalars(select(Rating).where(Rating.run_id == run.id)).all()
        for view, points in (("category=portrait", 1234.0), ("category=portrait&ties=drop", 1777.0)):
            columns = {c.name: getattr(run, c.name) for c in RatingRun.__table__.columns if c.name != "id"}
            part = RatingRun(**{**columns, "view": view})
            session.add(part)
            session.flush()
            for row in rows:
                told = {c.name: getattr(row, c.name) for c in Rating.__table__.columns}
                session.add(
                    Rating(
                        **{**told, "run_id": part.id, "rating": points, "low": points - 9, "high": points + 9}
                    )
                )
        own = next(row for row in rows if row.entrant_id == arena.entrants["kiln"])
        rating, rank = own.rating, (own.rank_low, own.rank_high)
    page = page_of(arena, "kiln")
    assert rating is not None
    assert f"<b>{round(rating)}</b>" in page
    assert f"{rank[0]}–{rank[1]} of 3" in words_of(page)
    assert "Portrait" in page
    assert "<b>1234</b>" in page
    assert "1777" not in page


def test_what_it_declined_and_why_are_told(arena: small.SmallArena) -> None:
    with arena.database.write.begin() as session:
        jobs = session.scalars(select(Job).where(Job.entrant_id == arena.entrants["grisaille"])).all()
        for job in jobs[:3]:
            job.state, job.reason, job.words = (
                JobState.REFUSED,
                "it does not know celadon",
                ["celadon", "vase"],
            )
        jobs[3].state, jobs[3].reason = JobState.FAILED, "cannot open /srv/secret/weights"
    told = words_of(page_of(arena, "grisaille"))
    assert "3 pictures declined, 0 made, 1 failed." in told
    assert "it does not know celadon × 3" in told
    assert "Words it does not know: celadon × 3 , vase × 3" in told
    assert "/srv/secret" not in told


def test_reasons_stand_against_the_average(arena: small.SmallArena) -> None:
    numbers = judge(arena, (Outcome.LEFT,) * 16, reasons=["anatomy"])
    with arena.database.write.begin() as session:
        for number in numbers:
            session.add(Reason(battle_id=number, tag="texture", unblinded=True, given_at=NOW))
    refresh(arena.database, now=NOW)
    page = page_of(arena, "sfumato")
    assert "Why it lost" in page
    assert "Anatomy" in page
    assert "100%" in page
    assert "Texture" not in page


def test_most_and_least_liked_pictures_are_those_of_the_closed_campaign(arena: small.SmallArena) -> None:
    judge(arena, (Outcome.LEFT,) * 24)
    assert "Won most surely" not in page_of(arena, "sfumato")
    close(arena)
    page = page_of(arena, "sfumato")
    won = [tuple(map(int, pair)) for pair in re.findall(r"won (\d+) of (\d+)", page)]
    assert won
    assert len(read(arena.app.test_client().get("/entrants/sfumato")).pictures) == len(won)
    assert all(0 <= wins <= decided for wins, decided in won)
    assert all(2 * wins != decided for wins, decided in won)


def test_costs_are_told_by_how_they_were_got(arena: small.SmallArena) -> None:
    with arena.database.write.begin() as session:
        own = session.scalars(select(Image).where(Image.entrant_id == arena.entrants["kiln"])).all()
        for place, image in enumerate(own):
            image.seconds, image.joules = place + 1.0, 120.0 * (place + 1)
            image.energy_method = "rapl" if place < 2 else "estimated"
    told = words_of(page_of(arena, "kiln"))
    assert "Seconds 2.00 4.00 4" in told
    assert "Joules, measured: rapl 120 240 2" in told
    assert "Joules, estimated from processor time 360 480 2" in told


@pytest.mark.parametrize(
    "values", [[3.0], [2.0] * 40, [1.0, 1.1, 1.2, 9.0], [0.0, 0.0], [n**1.5 for n in range(900)]]
)
def test_a_histogram_counts_every_value_once(values: list[float]) -> None:
    drawn = histogram(values)
    assert drawn is not None
    assert sum(bar.count for bar in drawn.bars) == len(values)
    assert drawn.bars[0].low <= min(values)
    assert drawn.bars[-1].high is None or max(values) < drawn.bars[-1].high
    assert max(bar.count for bar in drawn.bars) == drawn.most
    for bar in drawn.bars[:-1]:
        inside = [value for value in values if bar.low - 1e-9 <= value < (bar.high or 0) - 1e-9]
        assert abs(len(inside) - bar.count) <= 1  # a value on an edge belongs to either of its bars


def test_percentiles_are_values_that_were_seen() -> None:
    assert histogram([]) is None
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.0
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.95) == 4.0
