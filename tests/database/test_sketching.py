"""Sketches: leased like jobs, forgotten after a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from PIL import Image as Pillow
from sqlalchemy import func, select

from arena.domain.jobs import LEASE
from arena.domain.moderation import SAFETY
from arena.services import sketching
from arena.services.moderation import Guard
from arena.services.painting import Studio, paint_sketch
from arena.services.sketching import ClaimedSketch, SketchOutcome
from arena.tables import JobState, Sketch
from models.catalog import Catalog
from models.safety import Finding, Found
from tests.database.conftest import NOW, Arena, card
from tests.generation.painters import Plain


def ask(arena: Arena, prompt: str, voter: str = "ann", seconds: float = 0) -> str:
    with arena.database.write.begin() as session:
        return sketching.ask(
            session,
            voter_key=voter,
            entrant="e0",
            prompt=prompt,
            seed=1,
            steps=None,
            now=NOW + timedelta(seconds=seconds),
        )


def claim(arena: Arena, worker: str, seconds: float = 0) -> sketching.ClaimedSketch | None:
    with arena.database.write.begin() as session:
        return sketching.claim(session, worker=worker, now=NOW + timedelta(seconds=seconds))


def state(arena: Arena, key: str) -> JobState | None:
    with arena.database.read() as session:
        return session.scalar(select(Sketch.state).where(Sketch.key == key))


def test_sketches_are_painted_in_the_order_of_asking_each_by_one_worker(arena: Arena) -> None:
    for n, voter in enumerate(("ann", "bob")):
        ask(arena, f"a lighthouse {n}", voter)
    first, second = claim(arena, "one"), claim(arena, "two")
    assert first
    assert second
    assert (first.prompt, second.prompt) == ("a lighthouse 0", "a lighthouse 1")
    assert claim(arena, "three") is None


def test_a_dead_worker_loses_no_sketch_and_cannot_settle_it_later(arena: Arena) -> None:
    key = ask(arena, "a lighthouse")
    late = LEASE.total_seconds() + 1
    dead, living = claim(arena, "dead"), claim(arena, "living", late)
    assert dead
    assert living
    for worker, sketch, data in (("dead", dead, b"dead"), ("living", living, b"living")):
        with arena.database.write.begin() as session:
            came = SketchOutcome(JobState.DONE, data, 1.0)
            sketching.settle(session, sketch, came, worker=worker, now=NOW)
    with arena.database.read() as session:
        assert session.execute(select(Sketch.state, Sketch.data)).one() == (JobState.DONE, b"living")
    assert state(arena, key) is JobState.DONE


def test_a_sketch_that_kills_its_workers_is_given_up(arena: Arena) -> None:
    key = ask(arena, "a lighthouse")
    for n in range(sketching.MOST_TRIES):
        assert claim(arena, f"w{n}", n * (LEASE.total_seconds() + 1))
    assert claim(arena, "next", sketching.MOST_TRIES * (LEASE.total_seconds() + 1)) is None
    assert state(arena, key) is JobState.FAILED


def test_what_was_taken_back_while_it_was_painted_stays_gone(arena: Arena) -> None:
    key = ask(arena, "a lighthouse")
    sketch = claim(arena, "one")
    assert sketch
    with arena.database.write.begin() as session:
        sketching.cancel(session, key=key, voter_key="ann")
    with arena.database.write.begin() as session:
        came = SketchOutcome(JobState.DONE, b"png", 1.0)
        sketching.settle(session, sketch, came, worker="one", now=NOW)
    assert state(arena, key) is None


def test_after_a_day_nothing_is_left(arena: Arena) -> None:
    key = ask(arena, "a lighthouse")
    ask(arena, "a harbour", "bob", sketching.KEPT.total_seconds() + 1)
    assert state(arena, key) is None
    with arena.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Sketch)) == 1


class Says:
    """A checker that says the same of every picture."""

    name, version = "says", "1"

    def __init__(self, decision: Found) -> None:
        self.decision: Found = decision

    def check_pictures(self, pictures: Sequence[Pillow.Image]) -> list[Finding]:
        return [Finding(self.decision) for _ in pictures]


@pytest.mark.parametrize("decision", ["allow", "review", "block"])
def test_a_sketch_that_a_checker_declines_is_shown_to_nobody(decision: Found) -> None:
    one = card("e0")
    studio = Studio(Catalog([one]), None, None, engine=Plain)
    sketch = ClaimedSketch(1, f"{one.slug}@{one.revision}", "a lighthouse", 7, None)
    came = paint_sketch(studio, sketch, Guard((Says(decision),)))
    if decision == "block":
        assert came == SketchOutcome(JobState.REFUSED, reason=SAFETY)
    else:
        assert came.state is JobState.DONE
        assert came.data
