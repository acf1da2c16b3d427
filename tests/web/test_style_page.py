"""The page of style, and pictures by name: never while somebody may still judge them blind."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from analysis.outcomes import Outcome
from arena.domain.blinding import CONSENT_VERSION
from arena.domain.views import View
from arena.queries.style import examples, style_run
from arena.services import curation, dealing, standings, studies, voting
from arena.services.measuring import measure_some
from arena.tables import Campaign, Criterion, Entrant, Image, ImageMeasure
from arena.web import style, words
from tests.web import small
from tests.web.pages import read
from tests.web.test_catalogue_pages import cast_many

NOW = datetime.now(UTC)
NAMED = re.compile(r"/pictures/([0-9a-f]{64})\.png")
GONE = "/pictures/" + 64 * "0" + ".png"


def measured(arena: small.SmallArena) -> None:
    """Measure every picture and make the studies."""
    while measure_some(arena.database, arena.images, now=NOW, most=50).last is not None:
        pass
    studies.refresh(arena.database, now=NOW)


def close(arena: small.SmallArena) -> None:
    """Close every campaign."""
    with arena.database.write.begin() as session:
        session.execute(update(Campaign).values(closed_at=datetime.now(UTC)))


def digests(arena: small.SmallArena) -> list[str]:
    with arena.database.read() as session:
        return list(session.scalars(select(Image.digest).order_by(Image.id)))


def text(client: FlaskClient, address: str = "/style") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_without_campaigns_or_measures_the_page_says_so(bare: small.SmallArena) -> None:
    client = bare.app.test_client()
    assert "The wall is still bare" in text(client)
    small.open_campaign(bare)
    page = text(client)
    assert "Nothing has been measured yet" in page
    assert "Nobody has given a reason yet." in page
    assert client.get("/style?campaign=none").status_code == 404


def test_every_measure_of_every_entrant_is_told(client: FlaskClient, arena: small.SmallArena) -> None:
    measured(arena)
    page = text(client)
    assert read(client.get("/style")).styled == []
    for label in words.MEASURES.values():
        assert label in page
    with arena.database.read() as session:
        values = session.scalars(
            select(ImageMeasure.brightness).join(Image).where(Image.entrant_id == arena.entrants["sfumato"])
        ).all()
    assert f"<b>{sum(values) / len(values):.2f}</b>" in page
    assert page.count('<svg class="strip ') == 3 * len(words.MEASURES)
    assert "There are too few prompts to say how well entrants can be told" in page
    assert "From 12 of 12 measured pictures, of 4 prompts" in page


def test_no_picture_is_named_while_a_campaign_deals_its_prompt(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    measured(arena)
    page = text(client)
    assert not NAMED.search(page)
    assert not [digest for digest in digests(arena) if digest in page]
    unknown = client.get(GONE)
    for digest in digests(arena):
        answer = client.get(f"/pictures/{digest}.png")
        assert (answer.status_code, answer.data.replace(digest.encode(), 64 * b"0")) == (404, unknown.data)
        assert dict(answer.headers).keys() == dict(unknown.headers).keys()
        assert "ETag" not in answer.headers


def test_both_ends_are_shown_when_the_campaign_has_closed(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    measured(arena)
    close(arena)
    shown = NAMED.findall(text(client))
    assert len(shown) == 4 * 7  # every measure but width to height, in which all are alike
    assert set(shown) <= set(digests(arena))
    with arena.database.read() as session:
        ends = examples(session, 1, now=datetime.now(UTC))["saturation"]
        most = session.scalar(
            select(Image.digest).join(ImageMeasure).order_by(ImageMeasure.saturation.desc()).limit(1)
        )
    assert ends.most[0].digest == most
    assert ends.most[0].value > ends.most[1].value
    assert len({example.prompt for example in ends.most}) == 2
    assert ends.least[0].value < ends.least[1].value < ends.most[1].value


def test_a_named_picture_may_be_kept_until_it_is_dealt_again(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    close(arena)
    address = f"/pictures/{digests(arena)[0]}.png"
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.mimetype == "image/png"
    assert answer.data == arena.images.get(digests(arena)[0])
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    assert client.get(address, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    with arena.database.write.begin() as session:
        entrants = session.scalars(select(Entrant)).all()
        again = curation.open_campaign(
            session, slug="again", name="Again", entrants=entrants, canvas=small.CANVAS, now=NOW
        )
        curation.add_prompts(session, again, [curation.NewPrompt(small.PROMPTS[0])], now=NOW)
    assert client.get(address, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 404
    other = client.get(f"/pictures/{digests(arena)[-1]}.png")  # of a prompt that is not dealt again
    assert other.status_code == 200
    with arena.database.write.begin() as session:
        later = datetime.now(UTC) + timedelta(hours=1)
        session.execute(update(Campaign).where(Campaign.slug == "again").values(closed_at=later))
    assert client.get(address).status_code == 404


def test_what_is_no_digest_is_no_named_picture(client: FlaskClient, arena: small.SmallArena) -> None:
    close(arena)
    for name in ("..%2f..%2farena.sqlite", "x" * 64 + ".png", digests(arena)[0][:63] + ".png"):
        assert client.get(f"/pictures/{name}").status_code == 404


def test_what_gloss_is_worth_comes_from_the_board_that_holds_it_equal(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    assert "No board has been fitted with style held equal." in text(client)
    assert 'href="/leaderboard?campaign=open&amp;style=1"' in text(client)
    measured(arena)
    cast_many(arena, 90, share=0.6)
    with arena.database.write.begin() as session:
        criterion_id = session.scalars(select(Criterion.id)).one()
        standings.ask(session, criterion_id, View(style=True), now=NOW)
    standings.refresh(arena.database, now=NOW)
    with arena.database.read() as session:
        run = style_run(session, 1)
    assert run
    assert run.effects
    page = text(client)
    assert "No board has been fitted" not in page
    assert "As of vote 90." in page
    for effect in run.effects:
        told = rf"{words.MEASURES[effect.name]}</th>\s*<td class=\"figure\"><b>{effect.estimate:,.0f}</b>"
        assert re.search(told, page), effect
    assert len(run.rows) == 3
    for row in run.rows:
        assert row.rating is not None
        assert row.plain is not None
        assert f'<td class="figure">{row.plain - row.rating:,.0f}</td></tr>' in page
    board = client.get("/leaderboard?style=1").get_data(as_text=True)
    assert "Ratings are adjusted for: brightness, saturation," in board
    assert "edge_density" not in board


def test_reasons_stand_beside_the_average(client: FlaskClient, arena: small.SmallArena) -> None:
    tags = iter(["texture", "lighting", "texture"])
    for voter in ("a", "b", "c"):
        key = voter * 32
        with arena.database.write.begin() as session:
            dealt = dealing.next_battle(
                session, campaign="open", voter_key=key, now=NOW, rng=small.random.Random(voter)
            )
            assert isinstance(dealt, dealing.Dealt)
            voting.cast_vote(
                session, key=dealt.key, voter_key=key, criterion="preference", outcome=Outcome.LEFT,
                elapsed_ms=None, consent=CONSENT_VERSION, now=NOW,
            )  # fmt: skip
        with arena.database.write.begin() as session:
            voting.give_reasons(session, key=dealt.key, voter_key=key, tags=[next(tags)], now=NOW)
    page = text(client)
    assert "in 3 battles with a winner" in page
    assert page.count('<td class="figure">67%</td>') == page.count('<td class="figure">33%</td>') == 2


@pytest.mark.parametrize(
    ("numbers", "ticks"),
    [([-3.2, 4.9, None], (-5, 0, 5)), ([], (-1, 0, 1)), ([120.0], (-200, 0, 200)), ([0.0], (-1, 0, 1))],
)
def test_a_scale_of_effects_has_zero_in_its_middle(
    numbers: list[float | None], ticks: tuple[int, ...]
) -> None:
    scale = style.around_zero(numbers)
    assert scale.ticks == ticks
    assert scale.at(0) == "50.00%"
    assert all(scale.low < number < scale.high for number in numbers if number is not None)
