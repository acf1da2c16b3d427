"""The page of fair play: its numbers are those of the tables, and it says what it cannot say."""

from __future__ import annotations

import html
import random
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from analysis import Comparisons, clustered, fit_bradley_terry, selection_adjusted
from analysis.outcomes import Outcome
from analysis.profile import FEW_DECISIVE, FEW_ONE_WAY, FEW_VOTES
from arena.domain.blinding import CONSENT_VERSION
from arena.queries.finding import find_campaign
from arena.services import dealing, removing, voting
from arena.services.quality import set_checks, set_rule
from arena.services.undoing import undo
from arena.services.working import keep_books
from arena.tables import Battle, BattleKind, Entrant, Tally, Vote, Voter
from tests.web import small
from tests.web.pages import read
from tests.web.test_catalogue_pages import cast_many

NOW = datetime.now(UTC)
FATES = ("voted", "skipped", "expired")
FAMILY = (
    *small.CARDS,
    replace(small.card("sfumato-mini", "Sfumato Mini", "in-house", steps=8), family="sfumato"),
)


@pytest.fixture
def arena(bare: small.SmallArena) -> small.SmallArena:
    """An arena whose in-house family has two variants here and one, retired, in another campaign."""
    other = replace(small.card("sfumato-nano", "Sfumato Nano", "in-house", steps=4), family="sfumato")
    small.open_campaign(bare, cards=(other, small.CARDS[1]), slug="older", name="Autumn", prompts=("A pear",))
    small.open_campaign(bare, cards=FAMILY)
    with bare.database.write.begin() as session:
        session.execute(update(Entrant).where(Entrant.slug == "sfumato-nano").values(retired_at=NOW))
    return bare


def set_aside(arena: small.SmallArena, skipped: int, left: int) -> None:
    """Deal battles to raters who skip them, and to others who never answer."""
    with arena.database.write.begin() as session:
        for number in range(skipped + left):
            voter = f"idle{number:028x}"
            dealt = dealing.next_battle(
                session, campaign=arena.campaign, voter_key=voter, now=NOW, rng=random.Random(number)
            )
            assert isinstance(dealt, dealing.Dealt)
            if number < skipped:
                voting.skip(session, key=dealt.key, voter_key=voter, now=NOW)
            else:
                session.execute(update(Battle).where(Battle.key == dealt.key).values(expires_at=NOW))


def vote_and_undo(session: Session, arena: small.SmallArena, *, voter: str) -> None:
    """Deal a battle whose rater answers it and takes the answer back."""
    dealt = dealing.next_battle(
        session, campaign=arena.campaign, voter_key=voter, now=NOW, rng=random.Random(1)
    )
    assert isinstance(dealt, dealing.Dealt)
    voting.cast_vote(
        session,
        key=dealt.key,
        voter_key=voter,
        criterion="preference",
        outcome=Outcome.TIE,
        elapsed_ms=900,
        consent=CONSENT_VERSION,
        now=NOW,
    )
    undo(session, key=dealt.key, voter_key=voter, now=NOW)


def text(client: FlaskClient, address: str = "/fair-play") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without their marks."""
    (table,) = re.findall(rf'aria-labelledby="{heading}">\s*<table.*?</table>', page, re.DOTALL)
    found = re.findall(r"<tr>(.*?)</tr>", table.split("</thead>")[1], re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in found]
    return [[" ".join(html.unescape(re.sub("<[^>]+>", " ", cell)).split()) for cell in row] for row in cells]


def test_the_numbers_are_those_of_the_tables(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 120)
    set_aside(arena, skipped=7, left=5)
    keep_books(arena.database)
    counted: dict[str, Counter[str]] = {}
    with arena.database.read() as session:
        names = dict(session.execute(select(Entrant.id, Entrant.name)).all())
        battles = session.scalars(select(Battle)).all()
        for battle in battles:
            fate = "voted" if battle.voted_at else "skipped" if battle.skipped_at else "expired"
            counted.setdefault(names[battle.left_entrant_id], Counter()).update(("places", "left", fate))
            counted.setdefault(names[battle.right_entrant_id], Counter()).update(("places", fate))
    page = text(client)
    shown = rows(page, "sampling")
    assert len(shown) == len(FAMILY)
    for name, places, dealt, even, policy, *fates, left in shown:
        numbers = next(counted[card.name] for card in FAMILY if name.startswith(card.name + " "))
        assert int(places) == numbers["places"]
        assert dealt == f"{numbers['places'] / 2 / len(battles):.1%}"
        assert fates == [
            f"{numbers[fate] / numbers['places']:.1%}" for fate in ("voted", "skipped", "expired")
        ]
        assert left.startswith(f"{numbers['left'] / numbers['places']:.1%} ")
        assert re.fullmatch(r"[\d.]+% [\d.]+% to [\d.]+%", even)
        assert re.fullmatch(r"[\d.]+%", policy)
    assert sum(float(row[4].rstrip("%")) for row in shown) == pytest.approx(100, abs=0.2)
    families = {row[0].split()[0]: int(row[1]) for row in rows(page, "by-family")}
    assert families["sfumato"] == sum(counted[name]["places"] for name in ("Sfumato 2.1", "Sfumato Mini"))
    assert f"{len(battles)} ordinary battles" in page


def test_the_best_of_several_variants_stands_beside_its_plain_rating(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    cast_many(arena, 200)
    with arena.database.read() as session:
        slugs = dict(session.execute(select(Entrant.id, Entrant.slug)).all())
        votes = [
            (slugs[battle.left_entrant_id], slugs[battle.right_entrant_id], outcome.value, *cluster)
            for battle, outcome, *cluster in session.execute(
                select(Battle, Vote.outcome, Battle.voter_id, Battle.prompt_id)
                .join(Vote, Vote.battle_id == Battle.id)
                .order_by(Vote.id)
            )
        ]
    frame = pd.DataFrame(votes, columns=["left", "right", "outcome", "rater", "prompt"])
    fit = clustered(
        fit_bradley_terry(Comparisons.from_frame(frame, rater="rater", prompt="prompt", keep_votes=True))
    )
    (best,) = selection_adjusted(fit, {"sfumato": ["sfumato", "sfumato-mini"]}, tried={"sfumato": 3})
    shown = rows(text(client), "variants")
    assert [row[-1] for row in shown].count("–") == len(shown) - 1
    assert shown[0][:2] == ["sfumato", f"Sfumato Nano {label(arena, 'sfumato-nano')}"]
    assert shown[0][3] != "–"
    assert shown[0][-3:] == ["not in this campaign", "–", "–"]
    (row,) = [row for row in shown if row[-1] != "–"]
    assert label(arena, best.best) in row[-6]
    assert row[-2].split()[0] == str(round(best.rating))
    assert row[-1] == f"{round(best.adjusted)} best of 3: −{round(best.correction)}"
    assert best.correction > 5


def label(arena: small.SmallArena, slug: str) -> str:
    with arena.database.read() as session:
        entrant = session.scalars(select(Entrant).where(Entrant.slug == slug)).one()
        return f"{entrant.slug}@{entrant.revision}"


def test_who_was_retired_and_who_is_provisional_is_told(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 9)
    page = text(client)
    retired = page.split('id="retired"')[1].split("</section>")[0]
    assert "Sfumato Nano" in retired
    provisional = page.split('id="provisional"')[1].split("</section>")[0]
    assert provisional.count("<li>") == len(FAMILY)
    assert f"fewer than {FEW_VOTES} votes" in provisional
    assert f"fewer than {FEW_ONE_WAY} wins or losses" in provisional
    assert f"fewer than {FEW_DECISIVE} votes that are no ties" in provisional
    other = text(client, "/fair-play?campaign=older")
    assert "No board has been fitted yet." in other


def test_votes_that_do_not_count_are_listed_by_kind(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 20)
    with arena.database.write.begin() as session:
        checks = session.scalars(select(Battle).order_by(Battle.id).limit(3)).all()
        for battle, kind in zip(checks, ("mirrored", "mirrored", "known_answer"), strict=True):
            battle.kind = BattleKind(kind)
        for cell in session.scalars(
            select(Tally).where(Tally.category == "all").order_by(Tally.votes.desc()).limit(3)
        ):
            cell.votes -= 1
    keep_books(arena.database)
    page = text(client)
    assert "Votes excluded: none." in page
    assert "All 17 votes on ordinary battles count" in page
    assert [row[2:] for row in rows(page, "left-out")] == [
        ["18", "17", "0"], ["2", "2", "2"], ["0", "0", "0"], ["1", "1", "1"],
    ]  # fmt: skip
    with arena.database.write.begin() as session:
        standing = session.scalars(
            select(Vote.id).join(Battle).where(Battle.kind == BattleKind.ORDINARY).order_by(Vote.id)
        ).all()
        removing.exclude(session, standing[:3], rule="too-fast/1", by="ann", now=NOW)
        battle = session.scalars(select(Battle).join(Vote).where(Vote.id == standing[3])).one()
        voter = session.get_one(Voter, battle.voter_id).key
        removing.withdraw(session, voter_key=voter, vote_id=standing[3], now=NOW)
        vote_and_undo(session, arena, voter="undoes" + 26 * "0")
    keep_books(arena.database)
    page = text(client)
    assert "none; no rule" not in page
    assert "Of 17 votes on ordinary battles 13 count" in page
    assert '3 votes are excluded by the rule <span class="mono">too-fast/1</span>.' in page
    assert "1 vote was withdrawn by its rater." in page
    assert "1 vote was undone by its rater before the reveal." in page
    assert rows(page, "left-out")[0][2:] == ["19", "17", "4"]


def test_the_page_is_there_before_anything_was_counted(bare: small.SmallArena) -> None:
    client = bare.app.test_client()
    assert "No campaign has been opened here." in text(client)
    small.open_campaign(bare)
    assert text(client).count("Nothing has been counted yet") == 3
    keep_books(bare.database)
    page = text(client)
    assert [row[1:4] for row in rows(page, "sampling")] == [["0", "–", "–"]] * 3
    assert client.get("/fair-play?campaign=none").status_code == 404


def test_every_page_of_the_catalogue_leads_there(client: FlaskClient) -> None:
    page = text(client, "/leaderboard")
    navigation, footer = page.split("</nav>")[0], page.split("<footer")[1]
    assert "/fair-play" in footer
    assert "/fair-play" not in navigation
    assert "/fair-play" in read(client.get("/method")).links
    assert "/method#variants" in read(client.get("/fair-play")).links


def test_the_quality_of_votes_is_told_with_the_rule_that_excludes_raters(bare: small.SmallArena) -> None:
    small.open_campaign(bare, prompts=[f"{number} pears in a bowl" for number in range(22)])
    client = bare.app.test_client()
    with bare.database.write.begin() as session:
        campaign = find_campaign(session, None)
        set_checks(session, campaign, 0, now=NOW, actor="operator")
        for number in range(21):
            dealt = dealing.next_battle(
                session, campaign=None, voter_key="hasty", now=NOW, rng=random.Random(number)
            )
            assert isinstance(dealt, dealing.Dealt)
            voting.cast_vote(
                session,
                key=dealt.key,
                voter_key="hasty",
                criterion="preference",
                outcome=Outcome.LEFT,
                elapsed_ms=200,
                consent="2026-11",
                now=NOW,
            )
    keep_books(bare.database)
    page = text(client)
    assert "It is not in force in this campaign. 1 rater would fail it, with 21 votes." in page
    (everybody,) = rows(page, "checks")
    assert everybody[:2] == ["All 1", "21"]
    assert everybody[5].startswith("100.0% ")
    assert everybody[5].endswith("of 21")
    assert everybody[7] == "1 of 1", "always the left"
    with bare.database.write.begin() as session:
        set_rule(session, find_campaign(session, None), "quality/1", now=NOW, actor="operator")
    for _ in range(2):  # the rule is applied, then what it did is counted
        keep_books(bare.database)
    page = text(client)
    assert "It is in force in this campaign. 1 rater fails it, with 21 votes." in page
    assert '21 votes are excluded by the rule <span class="mono">quality/1</span>.' in page
