"""Votes that are not honest: attackers are found, honest raters are not, and boards come back."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import func, select

from analysis import fit_bradley_terry
from arena.db import Database
from arena.domain.integrity import Decision, Look
from arena.errors import Conflict, NotFound
from arena.queries.boards import votes_of
from arena.queries.finding import find_campaign
from arena.queries.integrity import decided_in, looked, suspects
from arena.services import integrity
from arena.services.integrity import IntegrityBook, exclude_found, look_now
from arena.services.snapshots import SnapshotCache
from arena.storage import ImageStore
from arena.tables import Event, IntegrityFlag, Removal, Voter
from tests.dishonest import ENTRANTS, attack, honest, lift
from tests.factory import NOON, Arena, open_arena

TARGET = "tulip"


@pytest.fixture
def spring(database: Database, images: ImageStore) -> Arena:
    """Six entrants, forty honest raters of different tastes, 800 votes."""
    arena = open_arena(database, images, entrants=ENTRANTS)
    honest(arena, raters=40, each=20)
    return arena


def strengths(arena: Arena) -> dict[str, float]:
    """The board of the votes that count."""
    names = {number: name for name, number in arena.entrants.items()}
    with arena.database.read() as session:
        snapshot = SnapshotCache().read(session, arena.campaign_id, arena.criteria[0])
        fit = fit_bradley_terry(snapshot.comparisons(names, sorted(names.values())))
    return dict(zip(fit.labels, fit.strengths.tolist(), strict=True))


def flags(arena: Arena) -> dict[str, set[Look]]:
    """Looks by the name of the rater they found."""
    names = {number: name for name, number in arena.voters.items()}
    found: dict[str, set[Look]] = {}
    with arena.database.read() as session:
        for flag in session.scalars(select(IntegrityFlag)):
            found.setdefault(names[flag.voter_id], set()).add(flag.look)
    return found


def events(arena: Arena) -> list[str]:
    with arena.database.read() as session:
        kinds = session.scalars(select(Event.kind).order_by(Event.id))
        return [kind for kind in kinds if kind.startswith(("integrity", "votes"))]


def test_attackers_are_found_and_excluding_them_brings_the_board_back(spring: Arena) -> None:
    before = strengths(spring)
    attack(spring, lift(TARGET), accounts=4, each=30)
    rigged = strengths(spring)
    assert rigged[TARGET] > before[TARGET] + 0.1
    look_now(spring.database, spring.campaign_id, now=NOON)
    found = flags(spring)
    assert set(found) == {f"attacker {number}" for number in range(4)}
    assert all(Look.FOLLOWING in looks for looks in found.values())
    assert any({Look.RING, Look.BURST} <= looks for looks in found.values())
    with spring.database.write.begin() as session:
        campaign = find_campaign(session, spring.slug)
        assert exclude_found(session, campaign, actor="ann", now=spring.tick()) == (4, 120)
    after = strengths(spring)
    assert after == pytest.approx(before)
    assert events(spring) == ["integrity.found", *["votes.excluded", "integrity.excluded"] * 4]
    with spring.database.read() as session:
        rules = set(session.scalars(select(Removal.rule)))
        assert rules == {"integrity/1"}
        assert decided_in(session, spring.campaign_id).votes == 120


def test_honest_raters_are_left_alone(spring: Arena) -> None:
    assert look_now(spring.database, spring.campaign_id, now=NOON).found == ()
    with spring.database.read() as session:
        told = looked(session, find_campaign(session, spring.slug))
        assert suspects(session) == []
    assert told is not None
    assert (told.raters, told.votes) == (40, 800)
    assert 40 < told.taste < 150, "half a nat is 87 points"
    assert events(spring) == []


def test_a_dismissed_rater_stays_so_and_an_excluded_one_too(spring: Arena) -> None:
    attack(spring, lift(TARGET), accounts=2, each=30)
    look_now(spring.database, spring.campaign_id, now=NOON)
    with spring.database.read() as session:
        first, second = (one.findings[0].number for one in suspects(session))
    with spring.database.write.begin() as session:
        integrity.dismiss(session, first, actor="ann", now=spring.tick())
        assert integrity.exclude_rater(session, second, actor="ann", now=spring.tick()) == 30
        with pytest.raises(Conflict, match="for good"):
            integrity.dismiss(session, second, actor="ann", now=spring.tick())
        with pytest.raises(NotFound):
            integrity.dismiss(session, 99_999, actor="ann", now=spring.tick())
    attack(spring, lift(TARGET), accounts=2, each=10, seed=3)
    book = IntegrityBook()
    assert integrity.refresh(spring.database, book, now=NOON) == 1
    assert integrity.refresh(spring.database, book, now=NOON) == 0, "it rests"
    assert integrity.refresh(spring.database, book, now=NOON + timedelta(days=1)) == 0, "nothing is new"
    with spring.database.read() as session:
        assert suspects(session) == []
        decided = decided_in(session, spring.campaign_id)
        assert (decided.open, decided.dismissed, decided.excluded) == (0, 1, 1)
        assert decided.votes == 40, "votes that came later are excluded, too"
        assert votes_of(session, spring.campaign_id, spring.criteria[0]) == 800 + 40
        decisions = session.scalars(select(IntegrityFlag.decision)).all()
    assert Decision.OPEN not in decisions


def test_a_finding_goes_when_the_votes_are_taken_back(spring: Arena) -> None:
    from arena.services.removing import withdraw_all

    attack(spring, lift(TARGET), accounts=1, each=30)
    look_now(spring.database, spring.campaign_id, now=NOON)
    assert set(flags(spring)) == {"attacker 0"}
    with spring.database.write.begin() as session:
        key = session.get_one(Voter, spring.voters["attacker 0"]).key
        assert withdraw_all(session, voter_key=key, now=spring.tick()) == 30
    look_now(spring.database, spring.campaign_id, now=NOON)
    assert flags(spring) == {}


def test_evidence_is_plain_json_and_the_same_votes_give_the_same(spring: Arena) -> None:
    attack(spring, lift(TARGET), accounts=3, each=30)
    first = look_now(spring.database, spring.campaign_id, now=NOON)
    again = look_now(spring.database, spring.campaign_id, now=NOON)
    assert first == again
    told = {one.look: one.evidence for one in first.found}
    json.dumps([dict(evidence) for evidence in told.values()], allow_nan=False)
    following = told[Look.FOLLOWING]
    assert following["entrant"] == str(spring.entrants[TARGET])
    assert (following["met"], following["won"], following["upward"]) == (30, 30.0, True)
    assert following["expected"] < 20, "one of the weaker ones"


def test_too_few_raters_tell_nothing(database: Database, images: ImageStore) -> None:
    arena = open_arena(database, images, entrants=ENTRANTS)
    attack(arena, lift(TARGET), accounts=3, each=12)
    findings = look_now(database, arena.campaign_id, now=NOON)
    assert (findings.found, findings.raters, findings.looked) == ((), 3, 0)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(IntegrityFlag)) == 0
    assert np.isfinite(findings.taste)
