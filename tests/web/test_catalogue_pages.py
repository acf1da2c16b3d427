"""The Catalogue: boards that are honest, entrants, data, method."""

from __future__ import annotations

import csv
import io
import random
import re
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest
from flask.testing import FlaskClient
from sqlalchemy import DDL, select, update

from analysis.outcomes import Outcome
from arena.domain.blinding import CONSENT_VERSION
from arena.domain.formats import FORMATS
from arena.domain.quality import TOO_FAST_MS
from arena.queries.boards import board
from arena.services import dealing, voting
from arena.services.fitting import LEVEL, fit_board
from arena.services.sealing import seal_pending
from arena.services.standings import refresh
from arena.services.working import keep_books
from arena.tables import Battle, BattleKind, Entrant, Image, Vote
from arena.web import drawing, findings, formats
from tests.cells import board_votes
from tests.web import small
from tests.web.pages import read

NOW = datetime(2026, 11, 22, 10, 40, tzinfo=UTC)


def cast_many(arena: small.SmallArena, count: int, better: str = "sfumato", share: float = 0.9) -> None:
    """Votes of many voters who mostly prefer one entrant, counted on a board and sealed."""
    chance = random.Random(7)
    with arena.database.write.begin() as session:
        slugs = {entrant.id: entrant.slug for entrant in session.scalars(select(Entrant))}
        cast = voter = 0
        while cast < count:
            voter += 1
            key = f"{voter:032x}"
            for _ in range(8):
                dealt = dealing.next_battle(
                    session, campaign=arena.campaign, voter_key=key, now=NOW, rng=chance
                )
                if not isinstance(dealt, dealing.Dealt) or cast == count:
                    break
                battle = session.scalars(select(Battle).where(Battle.key == dealt.key)).one()
                left, right = slugs[battle.left_entrant_id], slugs[battle.right_entrant_id]
                if better in (left, right) and chance.random() < share:
                    outcome = Outcome.LEFT if left == better else Outcome.RIGHT
                else:
                    outcome = chance.choice(list(Outcome))
                voting.cast_vote(
                    session,
                    key=dealt.key,
                    voter_key=key,
                    criterion="preference",
                    outcome=outcome,
                    elapsed_ms=None,
                    consent=CONSENT_VERSION,
                    now=NOW,
                )
                cast += 1
    refresh(arena.database, now=NOW)
    with arena.database.write.begin() as session:
        seal_pending(session, now=NOW)


def test_an_arena_without_a_campaign_has_every_page(bare: small.SmallArena) -> None:
    client = bare.app.test_client()
    for address in ("/", "/leaderboard", "/entrants", "/data", "/method", "/privacy", "/leaderboard.csv"):
        assert client.get(address).status_code == 200, address
    assert "The wall is still bare" in client.get("/leaderboard").get_data(as_text=True)


def test_without_votes_every_entrant_has_a_clear_row(client: FlaskClient) -> None:
    page = client.get("/leaderboard").get_data(as_text=True)
    assert "Nothing is known yet: no vote has been counted." in page
    assert page.count('<span class="remark">No votes yet</span>') == len(small.CARDS)
    told = client.get("/leaderboard.json").get_json()
    assert [row["rating"] for row in told["rows"]] == [None] * 3


def test_the_board_says_who_leads_and_as_of_which_vote(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 240)
    page = client.get("/leaderboard").get_data(as_text=True)
    assert "Sfumato 2.1 leads, and the votes set it apart from every other entrant." in page
    assert "As of vote <b>240</b>" in page
    told = client.get("/leaderboard.json").get_json()
    assert told["votes"] == 240
    row = told["rows"][0]
    assert row["entrant"] == "sfumato"
    assert row["low"] < row["rating"] < row["high"]
    assert f"<b>{round(row['rating'])}</b>" in page


def test_few_votes_are_told_as_few(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 9, share=0.5)
    page = client.get("/leaderboard").get_data(as_text=True)
    assert "Provisional" in page
    assert "leads" not in page


def test_votes_after_the_newest_board_are_told(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 30)
    with arena.database.write.begin() as session:
        dealt = dealing.next_battle(
            session, campaign="open", voter_key="f" * 32, now=NOW, rng=random.Random(1)
        )
        assert isinstance(dealt, dealing.Dealt)
        voting.cast_vote(
            session,
            key=dealt.key,
            voter_key="f" * 32,
            criterion="preference",
            outcome=Outcome.TIE,
            elapsed_ms=None,
            consent=CONSENT_VERSION,
            now=NOW,
        )
    assert "1 newer vote is being counted" in client.get("/leaderboard").get_data(as_text=True)


def test_every_remark_of_the_analysis_is_known_to_the_pages(
    arena: small.SmallArena, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One board of each awkward kind; whatever the analysis says of it has its words."""
    left, right, tie = Outcome.LEFT, Outcome.RIGHT, Outcome.TIE
    cells = {
        "none": [],
        "never lost": [("a", "b", left, 40), ("b", "c", left, 20), ("c", "b", left, 20)],
        "islands": [("a", "b", tie, 40), ("c", "d", tie, 3)],
        "one way": [("a", "b", left, 5), ("b", "c", left, 5), ("c", "d", left, 5)],
        "groups": [("a", "b", tie, 9), ("c", "d", tie, 9), ("a", "c", left, 9), ("e", "a", right, 4)],
        "few": [("a", "b", left, 3), ("a", "b", right, 3)],
    }
    for kind, cell in cells.items():
        table = fit_board(["a", "b", "c", "d", "e"], board_votes(cell), seed=1).table
        told = [*table.warnings, *(row.reason for row in table.rows if row.reason)]
        unknown = [text for text in told if not findings.is_known(text)]
        assert not unknown, (kind, unknown)


def test_whiskers_share_one_axis_and_open_ends_run_to_its_edge() -> None:
    scale = drawing.axis([900.0, 1100.0, None])
    assert scale.low < 900
    assert scale.high > 1100
    assert scale.ticks == (900, 950, 1000, 1050, 1100)
    closed = drawing.whisker(scale, 1000.0, 950.0, 1050.0)
    assert closed
    assert closed.dot == "50.00%"
    assert closed.left < closed.dot < closed.right
    opened = drawing.whisker(scale, None, 950.0, None)
    assert opened
    assert (opened.dot, opened.right, opened.open_right, opened.open_left) == (None, "100.00%", True, False)
    assert drawing.whisker(scale, None, None, None) is None


def test_the_csv_of_the_board_has_the_rows_of_the_page(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 60)
    rows = list(csv.DictReader(io.StringIO(client.get("/leaderboard.csv").get_data(as_text=True))))
    with arena.database.read() as session:
        assert [row["entrant"] for row in rows] == [row.entrant for row in board(session).rows]


def test_the_data_page_shows_the_head_of_the_chain(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 12)
    page = client.get("/data").get_data(as_text=True)
    assert "Head of the chain at vote 12" in page
    assert "22 November 2026, 10:40 UTC" in page


def test_the_votes_can_be_taken_away(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 12)
    response = client.get("/data/votes.csv")
    assert response.headers["Content-Disposition"] == "attachment; filename=votes.csv"
    rows = list(csv.DictReader(io.StringIO(response.get_data(as_text=True))))
    assert len(rows) == 12
    assert not any(f"{voter:032x}" in response.get_data(as_text=True) for voter in range(1, 9))
    assert client.get("/data/votes.parquet").get_data()[:4] == b"PAR1"


def test_votes_are_taken_away_by_the_published_checks(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 40)
    with arena.database.write.begin() as session:
        failing = session.scalars(select(Battle)).first()
        failing.kind, failing.expected = BattleKind.KNOWN_ANSWER, Outcome.BOTH_BAD
        fast = session.scalar(
            select(Vote.id).join(Battle).where(Battle.voter_id != failing.voter_id).order_by(Vote.id).limit(1)
        )
        session.execute(DDL("DROP TRIGGER keep_vote_update"))
        session.execute(update(Vote).where(Vote.id == fast).values(elapsed_ms=TOO_FAST_MS - 1))
        session.execute(update(Vote).where(Vote.battle_id == failing.id).values(outcome=Outcome.LEFT))
        of_failing = set(
            session.scalars(select(Vote.id).join(Battle).where(Battle.voter_id == failing.voter_id))
        )

    def taken(asked: str) -> set[int]:
        rows = csv.DictReader(io.StringIO(client.get(f"/data/votes.csv?{asked}").get_data(as_text=True)))
        table = pq.read_table(io.BytesIO(client.get(f"/data/votes.parquet?{asked}").get_data()))
        numbers = [int(row["vote"]) for row in rows]
        assert numbers == table["vote"].to_pylist()
        return set(numbers)

    everything = taken("min_pass_rate=")
    assert len(everything) == 40
    assert taken("leave_out_fast=1") == everything - {fast}
    assert taken("min_pass_rate=0.6") == everything - of_failing
    assert taken("min_pass_rate=0.6&leave_out_fast=1") == everything - of_failing - {fast}
    for wrong in ("0", "1.5", "nan", "most"):
        refused = client.get(f"/data/votes.csv?min_pass_rate={wrong}")
        assert refused.status_code == 400
        assert "Give a number above 0 and up to 1, such as 0.6" in refused.get_data(as_text=True)
    page = read(client.get("/data"))
    assert "Leave out votes within 0.6 seconds" in page.text
    assert page.form("/data/votes.parquet").method == "get"


def test_every_format_stands_on_the_data_page_with_its_command(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    cast_many(arena, 12)
    page = client.get("/data").get_data(as_text=True)
    assert set(formats.LOADS) == set(FORMATS)
    for name in FORMATS:
        command = [f"arena export {name}"] + ([f"--format {name}"] if name != "vernissage" else [])
        assert " ".join(f'<span class="whole">{part}</span>' for part in command) + "</td>" in page
    assert re.search(r"--format dpo</span></td>.*<td class=\"left-out\">Ties, Both bad</td>", page)
    told = r"--format lmarena-55k</span></td>.*<td[^>]*>Nothing; ties and both bad are one word</td>"
    assert re.search(told, page)


def test_several_campaigns_can_be_chosen_between(arena: small.SmallArena) -> None:
    small.open_campaign(arena, slug="second", name="Autumn", prompts=["A pear"])
    client = arena.app.test_client()
    page = client.get("/leaderboard?campaign=second").get_data(as_text=True)
    assert '<option value="second" selected>Autumn</option>' in page
    assert client.get("/leaderboard?campaign=open").status_code == 200
    for slug in ("open", "second"):
        arena.campaign = slug
        cast_many(arena, 3)
    assert client.get("/leaderboard").status_code == 200
    assert client.get("/battles/next").status_code == 303


def test_the_ledger_lists_everybody_with_what_decides_their_pixels(client: FlaskClient) -> None:
    page = client.get("/entrants").get_data(as_text=True)
    for card in small.CARDS:
        for text in (card.name, card.slug, card.revision, card.licence, card.description):
            assert text in page


def test_the_method_page_prints_the_parameters_of_the_code(client: FlaskClient) -> None:
    from analysis.design import UNIFORM_SHARE
    from analysis.profile import FEW_VOTES
    from analysis.ranks import RANK_DRAWS

    page = client.get("/method").get_data(as_text=True)
    assert f"{UNIFORM_SHARE:.0%} of the probability" in page
    assert f"fewer than {FEW_VOTES} votes" in page
    assert f"{RANK_DRAWS:,} simulated maxima" in page
    assert LEVEL == 0.95
    assert "Intervals cover 95%" in page
    assert "ends 10 minutes after your vote" in page
    assert dealing.POLICIES["informative"] in page


def test_privacy_tells_the_version_that_votes_record(client: FlaskClient) -> None:
    assert CONSENT_VERSION in read(client.get("/privacy")).text


def test_the_board_tells_what_pictures_took_and_how_that_is_known(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    with arena.database.write.begin() as session:
        own = session.scalars(select(Image).join(Entrant).where(Entrant.slug == "sfumato")).all()
        for n, image in enumerate(own, start=1):
            image.seconds, image.joules, image.energy_method = float(n), 30.0 * n, "estimated"
        other = session.scalars(select(Image).join(Entrant).where(Entrant.slug == "kiln")).all()
        for image in other:
            image.joules, image.energy_method = 12.25, "rapl"
    assert len(own) == 4
    keep_books(arena.database)
    rows = {row["entrant"]: row for row in client.get("/leaderboard.json").json["rows"]}
    assert (rows["sfumato"]["seconds"], rows["sfumato"]["seconds_p95"]) == (2.5, 4.0)
    assert (rows["sfumato"]["joules"], rows["sfumato"]["energy_method"]) == (75.0, "estimated")
    assert (rows["grisaille"]["joules"], rows["grisaille"]["energy_method"]) == (None, None)
    page = client.get("/leaderboard").get_data(as_text=True)
    assert ">≈ 75</abbr>" in page
    assert "Estimated from processor time, not measured" in page
    assert 'title="Measured: rapl">12.2</abbr>' in page or 'title="Measured: rapl">12.3</abbr>' in page
