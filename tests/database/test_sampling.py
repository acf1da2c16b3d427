"""Who was dealt how often: the counts are those of the tables, whenever they were read."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import asdict
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import insert, select

from analysis.outcomes import Outcome
from arena.db import Database
from arena.domain.pairing import draw
from arena.domain.stock import choice
from arena.queries.fair_play import Battles, Removed, Sampling, Shown, sampling
from arena.services import dealing, removing
from arena.services import sampling as service
from arena.services.sampling import REST, SETTLED, SamplingBook, refresh
from arena.storage import ImageStore
from arena.tables import Battle, BattleKind, Campaign, Entrant, RemovalKind, Vote, Voter
from tests import factory
from tests.database.conftest import NOW, Arena


def counts(database: Database, campaign_id: int) -> Sampling:
    with database.read() as session:
        found = sampling(session, session.get_one(Campaign, campaign_id))
    assert found
    return found


def width(row: Shown) -> float:
    """Of the interval of the share on offer."""
    assert row.offered_low is not None
    assert row.offered_high is not None
    return row.offered_high - row.offered_low


def recount(arena: factory.Arena) -> tuple[dict[int, Counter[str]], dict[BattleKind, Counter[str]]]:
    """Places of each entrant and battles of each kind, one battle after the other."""
    places: dict[int, Counter[str]] = {number: Counter() for number in arena.entrants.values()}
    kinds: dict[BattleKind, Counter[str]] = {kind: Counter() for kind in BattleKind}
    with arena.database.read() as session:
        answered = set(session.scalars(select(Vote.battle_id).where(Vote.criterion_id == arena.criteria[0])))
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
    arena.tick(75 * 60)
    arena.vote(arena.deal("rose", "iris", voter="cho"), Outcome.TIE, criterion=1)
    arena.deal("rose", "iris", voter="dan")
    return arena


@pytest.mark.parametrize("chunk", [service.CHUNK, 37])
def test_the_counts_are_those_of_the_tables(
    database: Database, images: ImageStore, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(service, "CHUNK", chunk)
    arena = furnished(database, images)
    book = SamplingBook()
    for expired in (6, 8):  # later, when the open ones have ended, the same book has it right again
        for _ in range(1 + 200 // chunk):
            refresh(database, book, now=arena.now)
        assert book.last > 100, "some are counted for good"
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
        assert (told.left_out, told.ordinary.expired) == (0, expired)
        arena.tick(24 * 3600)


def test_removed_votes_are_told_by_rule(database: Database, images: ImageStore) -> None:
    arena = factory.open_arena(database, images)
    arena.fill(30, rng=random.Random(5))
    check = arena.vote(arena.deal("rose", "lily", kind=BattleKind.MIRRORED))
    with database.write.begin() as session:
        votes = session.scalars(select(Vote.id).order_by(Vote.id)).all()
        removing.exclude(session, [*votes[:4], check], rule="too-fast/1", by="ann", now=arena.now)
        removing.exclude(session, votes[4:6], rule="alike/2", by="ann", now=arena.now)
    refresh(database, SamplingBook(), now=arena.now)
    told = counts(database, arena.campaign_id)
    assert told.removed == (
        Removed(RemovalKind.EXCLUDED, "alike/2", 2),
        Removed(RemovalKind.EXCLUDED, "too-fast/1", 4),
    )
    assert (told.ordinary.voted, told.counted, told.left_out) == (30, 24, 6)


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
    assert (house.offered_high or 0) - house.offered == pytest.approx(
        (alone.offered_high or 0) - alone.offered
    )


def test_inverse_probabilities_tell_what_was_on_offer(arena: Arena) -> None:
    """Dealing prefers some pairs, and the recorded probabilities undo it: a third of all places each."""
    dealt, rng = 900, random.Random(11)
    with arena.database.write.begin() as session:
        campaign = session.get_one(Campaign, arena.campaign_id)
        campaign.policy = "informative"
        voter = Voter(key="a" * 32, cohort="public", created_at=NOW)
        session.add(voter)
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
        with dealing.Stocks().of(session, campaign) as stock:
            everything = choice(stock, seen=(), dealt=())
            weights = dealing.pair_weights(session, campaign, list(stock.pairs))
        session.execute(
            insert(Battle),
            [
                {
                    **asdict(draw(everything, weights=weights, rng=rng)),
                    "key": f"{number}", "left_token": f"l{number}", "right_token": f"r{number}",
                    "campaign_id": campaign.id, "voter_id": voter.id, "kind": BattleKind.ORDINARY,
                    "eligible": everything.eligible, "policy": dealing.POLICIES[campaign.policy],
                    "dealt_at": NOW, "expires_at": NOW + timedelta(hours=1),
                }
                for number in range(dealt)
            ],
        )  # fmt: skip
    refresh(arena.database, SamplingBook(), now=NOW + timedelta(hours=1) + SETTLED)
    told = counts(arena.database, arena.campaign_id)
    rare = told.entrants[e2]
    assert rare.share > 0.4, "the policy asks for what is known least"
    assert rare.policy == pytest.approx(rare.share, abs=4 * np.sqrt(0.25 / dealt))
    for row in told.entrants.values():
        assert width(row) < 0.1
        assert row.offered == pytest.approx(1 / 3, abs=width(row) / 2)
    assert sum(row.policy or 0 for row in told.entrants.values()) == pytest.approx(1)


def test_a_closed_campaign_deals_nothing_more(database: Database, images: ImageStore) -> None:
    arena = factory.open_arena(database, images, closed_at=factory.NOON)
    refresh(database, SamplingBook(), now=arena.now)
    assert {row.policy for row in counts(database, arena.campaign_id).entrants.values()} == {None}
