"""The battles on show, found by the database, against the same rules told in Python."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from analysis.outcomes import Outcome
from arena.db import Database
from arena.queries import explorer, liked, prompts, records
from arena.queries.explorer import Filters, battle_list
from arena.queries.showing import Count
from arena.services.keeping import Favourites, ReasonCounts
from arena.storage import ImageStore
from arena.tables import Battle, BattleKind, Campaign, Prompt, Reason, Vote
from tests import factory

CLOSED = factory.NOON + timedelta(days=2)
NOW = CLOSED + timedelta(hours=5)


@pytest.fixture
def arena(database: Database, images: ImageStore) -> factory.Arena:
    """Two campaigns that have closed, and an open one that deals one of their prompts; and oddities."""
    rng = random.Random(5)
    spring = factory.open_arena(database, images, closed_at=CLOSED)
    spring.fill(90, rng=rng)
    autumn = factory.open_arena(
        database, images, slug="autumn", closed_at=CLOSED, criteria=("preference", "skill")
    )
    autumn.now = spring.now
    autumn.fill(60, rng=rng)
    factory.open_arena(database, images, slug="winter", prompts=factory.PROMPTS[:1])
    odd = spring.deal("rose", "lily", kind=BattleKind.MIRRORED, prompt=1)
    spring.vote(odd)
    spring.deal("rose", "lily", prompt=1)
    waiting = spring.deal("rose", "iris", prompt=1, minutes=60 * 24 * 30)
    spring.vote(waiting, reasons=["text"])
    with database.write.begin() as session:
        for battle in session.scalars(
            select(Battle).where(Battle.voted_at.is_not(None), Battle.id != waiting)
        ):
            if battle.id % 3 == 0:
                for tag, unblinded in (("text", False), ("generic", battle.id % 2 == 0)):
                    session.add(
                        Reason(battle_id=battle.id, tag=tag, unblinded=unblinded, given_at=battle.dealt_at)
                    )
    return spring


def expected(arena: factory.Arena, wanted: Callable[[Battle, Outcome, Prompt, set[str]], bool]) -> list[int]:
    """Numbers of the battles that the rules show, newest first, of those that are wanted."""
    with arena.database.read() as session:
        dealt = arena.prompts[0]
        found = []
        blind: dict[int, set[str]] = {}
        for number, tag in session.execute(
            select(Reason.battle_id, Reason.tag).where(Reason.unblinded.is_(False))
        ):
            blind.setdefault(number, set()).add(tag)
        for battle, outcome, prompt in session.execute(
            select(Battle, Vote.outcome, Prompt)
            .join(Vote, Vote.battle_id == Battle.id)
            .join(Prompt, Battle.prompt_id == Prompt.id)
            .join(Campaign, Battle.campaign_id == Campaign.id)
            .where(Campaign.slug != "winter")
            .order_by(Battle.id.desc())
        ):
            past = battle.revealed_at is not None or battle.expires_at <= NOW
            on_show = battle.kind is BattleKind.ORDINARY and past and battle.prompt_id != dealt
            if on_show and wanted(battle, outcome, prompt, blind.get(battle.id, set())):
                found.append(battle.id)
        return found


def walk(arena: factory.Arena, filters: Filters) -> list[int]:
    """All numbers, page by page; the way back meets every page again."""
    numbers: list[int] = []
    with arena.database.read() as session:
        page = battle_list(session, filters, now=NOW)
        first = page
        assert page.newer is None
        while True:
            numbers += [battle.number for battle in page.battles]
            if page.older is None:
                break
            older = battle_list(session, filters, now=NOW, before=page.older)
            assert older.newer is not None
            assert battle_list(session, filters, now=NOW, after=older.newer).battles == page.battles
            page = older
        assert (first.count, first.exact) == (len(numbers), True)
    return numbers


def test_every_filter_finds_what_python_finds(arena: factory.Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer, "PAGE", 15)
    rose, lily = arena.entrants["rose"], arena.entrants["lily"]

    def met(battle: Battle, *entrants: int) -> bool:
        return set(entrants) <= {battle.left_entrant_id, battle.right_entrant_id}

    def won(battle: Battle, outcome: Outcome, entrant: int) -> bool:
        side = battle.left_entrant_id if outcome is Outcome.LEFT else battle.right_entrant_id
        return outcome in (Outcome.LEFT, Outcome.RIGHT) and side == entrant

    cases: list[tuple[dict[str, Any], Callable[[Battle, Outcome, Prompt, set[str]], bool]]] = [
        ({}, lambda b, o, p, r: True),
        ({"campaign": "spring"}, lambda b, o, p, r: b.campaign_id == arena.campaign_id),
        ({"campaign": "winter"}, lambda b, o, p, r: False),
        ({"entrants": (rose,)}, lambda b, o, p, r: met(b, rose)),
        ({"entrants": (rose, lily)}, lambda b, o, p, r: met(b, rose, lily)),
        ({"words": "BLUE window"}, lambda b, o, p, r: "blue" in p.text),
        ({"words": "no such words"}, lambda b, o, p, r: False),
        ({"category": "landscape"}, lambda b, o, p, r: "landscape" in p.categories),
        ({"category": "uncategorised"}, lambda b, o, p, r: not p.categories),
        ({"outcome": "tie"}, lambda b, o, p, r: o is Outcome.TIE),
        ({"outcome": "won"}, lambda b, o, p, r: o in (Outcome.LEFT, Outcome.RIGHT)),
        ({"outcome": "won", "entrants": (lily,)}, lambda b, o, p, r: won(b, o, lily)),
        (
            {"outcome": "lost", "entrants": (lily, rose)},
            lambda b, o, p, r: met(b, lily, rose) and won(b, o, rose),
        ),
        ({"reason": "generic"}, lambda b, o, p, r: "generic" in r),
        ({"prompt": arena.prompts[2]}, lambda b, o, p, r: p.id == arena.prompts[2]),
        ({"prompt": arena.prompts[0]}, lambda b, o, p, r: False),
        (
            {"reason": "text", "outcome": "right", "category": "still-life"},
            lambda b, o, p, r: "text" in r and o is Outcome.RIGHT and "still-life" in p.categories,
        ),
    ]
    found = 0
    for told, wanted in cases:
        numbers = expected(arena, wanted)
        assert walk(arena, Filters(**told)) == numbers, told
        found += bool(numbers)
    assert found == len(cases) - 4


def test_many_prompts_are_searched_like_few(arena: factory.Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    few = walk(arena, Filters(words="a"))
    monkeypatch.setattr(explorer, "FEW_PROMPTS", 1)
    assert walk(arena, Filters(words="a")) == few
    assert few


def test_a_count_that_would_take_long_is_cut_short(
    arena: factory.Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked = walk(arena, Filters(campaign="spring"))
    monkeypatch.setattr(explorer, "MOST_COUNTED", 20)
    with arena.database.read() as session:
        page = battle_list(session, Filters(), now=NOW)
        assert (page.count, page.exact) == (20, False)
    monkeypatch.setattr(explorer, "MOST_COUNTED", 10_000)
    monkeypatch.setattr(explorer, "COUNTED_BACK", 80)
    with arena.database.read() as session:
        page = battle_list(session, Filters(campaign="spring"), now=NOW)
        assert 0 < page.count < len(walked)
        assert not page.exact


def test_pictures_have_the_votes_of_their_battles(arena: factory.Arena) -> None:
    """Sums over an entrant's pictures, over prompts, and over the tallies are told apart and agree."""
    with arena.database.read() as session:
        by_entrant = {
            entrant: sum(liked.picture_counts(session, entrant, now=NOW).values(), Count())
            for entrant in arena.entrants.values()
        }
        by_prompt: dict[str, Count] = {}
        for number in arena.prompts[1:]:
            for painter in prompts.prompt_page(session, number, now=NOW).painters:
                label = painter.entrant.label
                by_prompt[label] = by_prompt.get(label, Count()) + painter.count
        for name, entrant in arena.entrants.items():
            assert by_entrant[entrant] == next(c for label, c in by_prompt.items() if label.startswith(name))
        shown = len(expected(arena, lambda b, o, p, r: True))
        assert sum(count.votes for count in by_entrant.values()) == 2 * shown
        met = records.encounters(session, arena.entrants["rose"], now=arena.now)
        assert {row.opponent.name for row in met} == {"Lily", "Iris"}
        mirror = records.encounters(session, arena.entrants["lily"], now=arena.now)
        there = next(row for row in met if row.opponent.name == "Lily")
        back = next(row for row in mirror if row.opponent.name == "Rose")
        assert there.on_left.votes == back.on_right.votes
        assert (there.count.wins, there.count.losses) == (back.count.losses, back.count.wins)
        assert not prompts.prompt_page(session, arena.prompts[0], now=NOW).painters


def test_what_is_kept_is_counted_anew_when_there_is_more(arena: factory.Arena) -> None:
    favourites, told = Favourites(), ReasonCounts()
    with arena.database.read() as session:
        best, worst = favourites.of(session, arena.entrants["rose"], now=NOW)
        before = told.of(session, arena.campaign_id)
    assert best
    assert all(one.count.wins > one.count.losses for one in best)
    assert all(one.count.wins < one.count.losses for one in worst)
    image = best[0].picture.image_id
    prompt = arena.prompts.index(best[0].picture.prompt)
    for _ in range(9):
        arena.vote(arena.deal("rose", "lily", prompt=prompt), Outcome.LEFT, reasons=["lighting"])
    with arena.database.read() as session:
        now = NOW + timedelta(days=1)
        again, _ = favourites.of(session, arena.entrants["rose"], now=now)
        after = told.of(session, arena.campaign_id)
    assert next(one for one in again if one.picture.image_id == image).count.wins == best[0].count.wins + 9
    assert after.battles == before.battles + 9
