"""What operators have done for a campaign, and what they are told of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from arena.db import Database
from arena.errors import CampaignClosed
from arena.queries.admin import progress, room
from arena.services import curation, generation, steering
from arena.storage import ImageStore
from arena.tables import BlindCopy, Campaign, Event, Image, Job, JobState
from tests.database.conftest import NOW, WORKER, Arena, card


def test_the_missing_pictures_are_asked_for_once(arena: Arena, images: ImageStore) -> None:
    with arena.database.write.begin() as session:
        campaign = session.get_one(Campaign, arena.campaign_id)
        curation.add_prompts(session, campaign, [curation.NewPrompt("a late prompt")], now=NOW)
    told = [ask(arena, images) for _ in range(2)]
    assert [event.data["asked"] for event in told] == [3, 0]
    assert {(event.actor, event.kind, event.subject) for event in told} == {("ann", "campaign.asked", "demo")}
    with arena.database.read() as session:
        assert progress(session, "demo", now=NOW).state.pictures.waiting == 3


def ask(arena: Arena, images: ImageStore, campaign: str = "demo") -> Event:
    """Press the button; the event that tells what came of it."""

    def write(work: Callable[[Session], int]) -> int:
        with arena.database.write.begin() as session:
            return work(session)

    number = steering.ask_for_missing(arena.database, images, write, campaign=campaign, actor="ann", now=NOW)
    with arena.database.read() as session:
        return session.get_one(Event, number)


@pytest.mark.parametrize("most", [steering.MOST_COPIES, 11])
def test_pictures_of_an_earlier_show_hang_in_the_new_one_if_they_are_few(
    arena: Arena, images: ImageStore, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(steering, "MOST_COPIES", most)
    with arena.database.write.begin() as session:
        entrants = [curation.find_entrant(session, f"e{n}") for n in range(3)]
        campaign = curation.open_campaign(
            session, slug="wide", name="Wide", entrants=entrants, canvas=96, now=NOW, seed=5
        )
        prompts = [curation.NewPrompt(f"a vase, number {n}") for n in range(4)]
        curation.add_prompts(session, campaign, prompts, now=NOW)
    few = most >= 12
    assert ask(arena, images, "wide").data == {
        "asked": 0,
        "copied": 12 if few else 0,
        "left": 0 if few else 12,
    }
    with arena.database.read() as session:
        copies = session.scalars(select(BlindCopy).where(BlindCopy.canvas == 96)).all()
    assert len(copies) == (12 if few else 0)


def test_a_damaged_picture_keeps_no_other_from_being_asked_for(arena: Arena, images: ImageStore) -> None:
    with arena.database.write.begin() as session:
        digest = session.scalars(select(Image.digest).order_by(Image.id)).first()
        assert digest
        campaign = session.get_one(Campaign, arena.campaign_id)
        campaign.canvas = 96
        curation.add_prompts(session, campaign, [curation.NewPrompt("a late prompt")], now=NOW)
    images.path(digest).write_bytes(b"damaged")
    assert ask(arena, images).data == {"asked": 3, "copied": 0, "left": 12}


def test_failed_pictures_are_tried_again_and_others_left(arena: Arena) -> None:
    break_some(arena, failed=2, refused=1)
    told = []
    for _ in range(2):
        with arena.database.write.begin() as session:
            number = steering.try_failed_again(session, campaign="demo", actor="ann", now=NOW)
            told.append(session.get_one(Event, number).data)
    assert told == [{"queued": 2}, {"queued": 0}]
    with arena.database.read() as session:
        counts = progress(session, "demo", now=NOW).state.pictures
    assert (counts.made, counts.refused, counts.failed, counts.waiting) == (9, 1, 0, 2)


def test_a_closed_show_is_painted_no_more(arena: Arena, images: ImageStore) -> None:
    with arena.database.write.begin() as session:
        session.execute(update(Campaign).values(closed_at=NOW))
    with pytest.raises(CampaignClosed):
        ask(arena, images)
    with arena.database.write.begin() as session, pytest.raises(CampaignClosed):
        steering.try_failed_again(session, campaign="demo", actor="ann", now=NOW)


def break_some(arena: Arena, *, failed: int, refused: int) -> None:
    """Say of some pictures, the first jobs first, that they failed, or were refused."""
    with arena.database.write.begin() as session:
        jobs = session.scalars(select(Job).order_by(Job.id)).all()
        for job in jobs[:failed]:
            job.state, job.reason = JobState.FAILED, "RuntimeError: out of memory"
        for job in jobs[failed : failed + refused]:
            job.state, job.reason = JobState.REFUSED, "it does not know “vase”"


def test_why_pictures_are_missing_is_told_with_the_most_frequent_first(arena: Arena) -> None:
    break_some(arena, failed=1, refused=5)
    with arena.database.read() as session:
        seen = room(session, "demo", now=NOW)
    assert sum(reason.pictures for reason in seen.reasons) == 6
    assert [reason.pictures for reason in seen.reasons] == sorted(
        (reason.pictures for reason in seen.reasons), reverse=True
    )
    first, second = seen.hard
    assert (first.text, first.failed, first.refused) == ("a vase, number 0", ("E0",), ("E1", "E2"))
    assert (second.failed, second.refused) == ((), ("E0", "E1", "E2"))
    assert (seen.more_reasons, seen.more_hard) == (0, 0)


def test_of_many_causes_the_first_twenty_are_told_and_the_rest_counted(database: Database) -> None:
    with database.write.begin() as session:
        entrants = [curation.enter(session, card(f"e{n}"), now=NOW) for n in range(2)]
        campaign = curation.open_campaign(
            session, slug="demo", name="Demo", entrants=entrants, canvas=64, now=NOW
        )
        prompts = [curation.NewPrompt(f"prompt {n}") for n in range(23)]
        curation.add_prompts(session, campaign, prompts, now=NOW)
        generation.enqueue(session, campaign, now=NOW)
        for number, job in enumerate(session.scalars(select(Job))):
            job.state, job.reason = JobState.FAILED, f"error {number}"
    with database.read() as session:
        seen = room(session, "demo", now=NOW)
    assert (len(seen.reasons), seen.more_reasons) == (20, 26)
    assert (len(seen.hard), seen.more_hard) == (20, 3)


def test_the_pace_is_of_the_last_minutes_and_tells_how_long(arena: Arena) -> None:
    """One picture every ten seconds by one entrant, four of them; of the others none of late."""
    with arena.database.write.begin() as session:
        campaign = session.get_one(Campaign, arena.campaign_id)
        more = [curation.NewPrompt(f"more, number {n}") for n in range(6)]
        curation.add_prompts(session, campaign, more, now=NOW)
        generation.enqueue(session, campaign, now=NOW)
        session.execute(update(Job).values(finished_at=None))
        e0 = curation.find_entrant(session, "e0").id
        done = session.scalars(select(Job).where(Job.entrant_id == e0, Job.state == JobState.DONE)).all()
        for number, job in enumerate(done):
            job.finished_at = NOW - timedelta(seconds=30 - 10 * number)
    with arena.database.read() as session:
        first, second, _ = progress(session, "demo", now=NOW).entrants
        later = progress(session, "demo", now=NOW + timedelta(minutes=6))
    assert first.pace == pytest.approx(0.1)
    assert first.seconds_left == pytest.approx(60)
    assert (second.pace, second.seconds_left) == (None, None)
    assert (later.pace, later.seconds_left, later.active) == (None, None, True)


def test_nothing_is_told_of_a_pace_when_nothing_waits(arena: Arena) -> None:
    with arena.database.write.begin() as session:
        session.execute(update(Job).values(finished_at=NOW, worker=WORKER))
    with arena.database.read() as session:
        far = progress(session, "demo", now=NOW + timedelta(seconds=5))
    assert (far.active, far.pace, far.seconds_left) == (False, None, None)
    assert {one.pace for one in far.entrants} == {None}
