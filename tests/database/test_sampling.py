"""Who was dealt how often: the counts are those of the tables, whenever they were read."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import select

from analysis.outcomes import Outcome
from arena.db import Database
from arena.queries.fair_play import Battles, Sampling, sampling
from arena.services import dealing
from arena.services import sampling as service
from arena.services.sampling import REST, SETTLED, SamplingBook, refresh
from arena.storage import ImageStore
from arena.tables import Battle, BattleKind, Campaign, Entrant, Vote
from tests import factory
from tests.database.conftest import NOW, Arena


def counts(database: Database, campaign_id: int) -> Sampling:
    with database.read() as session:
        found = sampling(session, session.get_one(Campaign, campaign_id))
    assert found
    return found


def recount(arena: factory.Arena) -> tuple[dict[int, Counter[str]], dict[BattleKind, Counter[str]]]:
    """Places of each entrant and battles of each kind, one battle after the other."""
    places: dict[int, Counter[str]] = {number: Counter() for number in arena.entrants.values()}
    kinds: dict[BattleKind, Counter[str]] = {kind: Counter() for kind in BattleKind}
    with arena.database.read() as session:
        answered = set(
            session.scalars(select(Vote.battle_id).where(Vote.criterion_id == arena.criteria[0]))
        )
        for battle in session.scalars(select(Battle)):
            fate = "open"
            if battle.id in answered:
                fate = "voted"
            elif battle.skipped_at:
                fate = "skipped"
            elif battle.expires_at <= arena.now:
                fate = "expired"
            kinds[battle.kind].update(("dealt", fate))
            if battle.kind is BattleKind.ORDINARY:
                places[battle.left_entrant_id].update(("places", "left", fate))
                places[battle.right_entrant_id].update(("places", fate))
    return places, kinds


def furnished(database: Database, images: ImageStore) -> factory.Arena:
    """Battles of every fate and of every kind, some settled and some not."""
    arena = factory.open_arena(database, images, criteria=("preference", "craft"))
    arena.fill(200, rng=random.Random(3))
    for n in range(6):
        arena.deal("rose", "lily", voter=f"gone {n}", minutes=1)
        arena.deal("iris", "lily", voter=f"bored {n}", skipped=True, minutes=5 + 60 * (n % 2))
    for kind in (BattleKind.MIRRORED, BattleKind.REPEATED, BattleKind.KNOWN_ANSWER):
        arena.vote(arena.deal("lily", "rose", kind=kind), Outcome.LEFT)
        arena.deal("lily", "rose", kind=kind, voter="ben", minutes=600)
    arena.vote(arena.deal("rose", "iris", voter="cho"), Outcome.TIE, criterion=1)
    arena.tick(8 * 60)
    arena.deal("rose", "iris", voter="dan")
    return arena


@pytest.mark.parametrize("chunk", [service.CHUNK, 37])
def test_the_counts_are_those_of_the_tables(
    database: Database, images: ImageStore, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(service, "CHUNK", chunk)
    arena = furnished(database, images)
    book = SamplingBook()
    for _ in range(-(-300 // chunk)):
        refresh(database, book, now=arena.now)
    assert book.counted[arena.campaign_id].last > 100, "some are counted for good"
    for _ in range(2):  # later, when the open ones have ended, the same book has it right again
        told = counts(database, arena.campaign_id)
        places, kinds = recount(arena)
        for entrant, counted in places.items():
            row = told.entrants[entrant]
            assert [row.places, row.left, row.voted, row.skipped, row.expired] == [
                counted[name] for name in ("places", "left", "voted", "skipped", "expired")
            ]
            assert row.share == pytest.approx(counted["places"] / (2 * told.ordinary.dealt))
        assert told.kinds == {
            kind: Battles(*(counted[name] for name in ("dealt", "voted", "skipped", "expired")))
            for kind, counted in kinds.items()
        }
        assert told.left_out == 0
        arena.tick(24 * 3600)
        assert refresh(database, book, now=arena.now) == 1
    assert counts(database, arena.campaign_id).ordinary.expired == 8


def test_a_vote_that_no_tally_holds_is_told_as_left_out(database: Database, images: ImageStore) -> None:
    arena = factory.open_arena(database, images)
    arena.vote(arena.deal("rose", "lily"))
    with database.write.begin() as session:
        session.query(factory.Tally).delete()
    refresh(database, SamplingBook(), now=arena.now)
    assert counts(database, arena.campaign_id).left_out == 1


def test_counting_rests_and_keeps_only_what_changed(database: Database, images: ImageStore) -> None:
    arena = factory.open_arena(database, images)
    book = SamplingBook()
    assert refresh(database, book, now=arena.now) == 1
    arena.deal("rose", "lily")
    assert refresh(database, book, now=arena.now) == 0
    assert counts(database, arena.campaign_id).ordinary.dealt == 0
    assert refresh(database, book, now=arena.now + 2 * REST) == 1
    assert refresh(database, book, now=arena.now + 9 * REST) == 0
    assert counts(database, arena.campaign_id).ordinary.dealt == 1


def test_families_hold_all_places_of_their_entrants(database: Database, images: ImageStore) -> None:
    arena = factory.open_arena(database, images)
    with database.write.begin() as session:
        for entrant in session.query(Entrant).filter(Entrant.slug.in_(("rose", "lily"))):
            entrant.family = "house"
    arena.fill(60, rng=random.Random(4))
    refresh(database, SamplingBook(), now=arena.now)
    told = counts(database, arena.campaign_id)
    house, alone = told.families["house"], told.families["iris"]
    both = [told.entrants[arena.entrants[name]] for name in ("rose", "lily")]
    assert house.entrants == 2
    assert house.places == sum(row.places for row in both)
    assert house.offered == pytest.approx(sum(row.offered or 0.0 for row in both))
    assert house.policy == pytest.approx(2 / 3)
    # of two that make up everything one is as unsure as the other
    assert (house.offered_high or 0) - house.offered == pytest.approx((alone.offered_high or 0) - alone.offered)


def test_inverse_probabilities_tell_what_was_on_offer(arena: Arena) -> None:
    """Dealing prefers some pairs, and the recorded probabilities undo it: a third of all places each."""
    dealt = 900
    with arena.database.write.begin() as session:
        session.get_one(Campaign, arena.campaign_id).policy = "informative"
        e0, e1, e2 = session.scalars(select(Entrant.id).order_by(Entrant.id))
        for left, right, votes in ((e0, e1, 400), (e1, e0, 400), (e0, e2, 9), (e2, e1, 9), (e2, e0, 3)):
            session.add(
                factory.Tally(
                    campaign_id=arena.campaign_id, criterion_id=arena.criterion_id, category="all",
                    source=factory.PromptSource.CURATED, cohort="public", left_entrant_id=left,
                    right_entrant_id=right, outcome=Outcome.LEFT, votes=votes,
                )
            )  # fmt: skip
        session.flush()
        stocks, rng = dealing.Stocks(), random.Random(11)
        for number in range(dealt):
            dealing.next_battle(
                session, campaign="demo", voter_key=f"{number:032x}", now=NOW, rng=rng, stocks=stocks
            )
    refresh(arena.database, SamplingBook(), now=NOW + timedelta(hours=1) + SETTLED)
    told = counts(arena.database, arena.campaign_id)
    rare = told.entrants[e2]
    assert rare.share > 0.4, "the policy asks for what is known least"
    assert rare.policy == pytest.approx(rare.share, abs=4 * np.sqrt(0.25 / dealt))
    for row in told.entrants.values():
        assert row.offered_low is not None and row.offered_high is not None
        assert row.offered_low < 1 / 3 < row.offered_high
        assert row.offered_high - row.offered_low < 0.1
    assert sum(row.policy or 0 for row in told.entrants.values()) == pytest.approx(1)


def test_a_closed_campaign_deals_nothing_more(database: Database, images: ImageStore) -> None:
    arena = factory.open_arena(database, images, closed_at=factory.NOON)
    refresh(database, SamplingBook(), now=arena.now)
    assert {row.policy for row in counts(database, arena.campaign_id).entrants.values()} == {None}
