"""Jobs: each picture once, whoever paints it and whoever dies meanwhile."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from arena.db import Database
from arena.domain.jobs import LEASE, MOST_ATTEMPTS
from arena.errors import CorruptImage, Invalid, InvalidPrompt, NameTaken, UnknownPicture
from arena.media.blind import blind_copy
from arena.services import curation, generation, painting
from arena.services.copying import copy_missing
from arena.storage import ImageStore
from arena.tables import (
    BlindCopy,
    Campaign,
    CampaignPrompt,
    Entrant,
    Event,
    Image,
    Job,
    JobState,
    Prompt,
    PromptSource,
)
from tests.database.conftest import NOW, Arena, card, picture


def open_small(database: Database, prompts: int = 3) -> int:
    with database.write.begin() as session:
        rows = [curation.enter(session, card(slug), now=NOW) for slug in ("one", "two")]
        campaign = curation.open_campaign(
            session, slug="small", name="Small", entrants=rows, canvas=64, now=NOW
        )
        new = [curation.NewPrompt(f"a pear, {n}") for n in range(prompts)]
        curation.add_prompts(session, campaign, new, now=NOW)
        generation.enqueue(session, campaign, now=NOW)
        return campaign.id


def test_pictures_are_asked_for_once_and_in_the_order_of_prompts(database: Database) -> None:
    campaign_id = open_small(database)
    with database.write.begin() as session:
        assert generation.enqueue(session, session.get_one(Campaign, campaign_id), now=NOW) == 0
        jobs = session.scalars(select(Job).order_by(Job.priority, Job.id)).all()
    assert len(jobs) == 6
    assert [job.entrant_id for job in jobs[:2]] != [jobs[0].entrant_id] * 2, "the first prompt is done first"
    assert jobs[0].seed == jobs[1].seed, "entrants paint a prompt from the same seed"


def test_two_workers_never_share_a_job(database: Database) -> None:
    open_small(database, prompts=10)
    taken: list[int] = []
    lock = threading.Lock()

    def worker(name: str) -> None:
        while True:
            with database.write.begin() as session:
                jobs = generation.claim(session, worker=name, now=NOW)
            if not jobs:
                return
            with lock:
                taken.extend(job.id for job in jobs)

    threads = [threading.Thread(target=worker, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 20


def test_a_dead_workers_job_is_taken_up_and_given_up_in_the_end(database: Database) -> None:
    open_small(database, prompts=1)
    now = NOW
    for attempt in range(1, MOST_ATTEMPTS + 1):
        with database.write.begin() as session:
            jobs = generation.claim(session, worker=f"w{attempt}", now=now)
            assert jobs[0].attempts == attempt
            other = generation.claim(session, worker="other", now=now)
            assert {job.id for job in other}.isdisjoint({job.id for job in jobs})
        now += LEASE
    with database.write.begin() as session:
        assert generation.claim(session, worker="last", now=now) == []
        states = session.scalars(select(Job.state)).all()
    assert states == [JobState.FAILED] * 2


def test_a_worker_that_lost_its_lease_changes_nothing(database: Database, images: ImageStore) -> None:
    open_small(database, prompts=1)
    with database.write.begin() as session:
        (late,) = generation.claim(session, worker="late", now=NOW)
    with database.write.begin() as session:
        taken = generation.claim(session, worker="new", now=NOW + LEASE)
    assert late.id in {job.id for job in taken}
    painted = painting.store(images, late, picture(late), [64])
    with database.write.begin() as session:
        assert not painting.settle(
            session, painted, settings={}, environment={}, worker="late", now=NOW + LEASE
        )
        assert session.scalar(select(func.count(Image.id))) == 0


def test_a_failed_job_rests_and_is_tried_again(database: Database) -> None:
    open_small(database, prompts=1)
    with database.write.begin() as session:
        jobs = generation.claim(session, worker="w", now=NOW)
        generation.fail(session, jobs[0], worker="w", reason="RuntimeError: out of paint", now=NOW)
    with database.write.begin() as session:
        other = generation.claim(session, worker="w", now=NOW)
        assert [job.id for job in other] != [jobs[0].id]
        again = generation.claim(session, worker="w", now=NOW + timedelta(seconds=6))
    assert [job.id for job in again] == [jobs[0].id]


def test_a_refusal_is_an_outcome_with_its_words(database: Database) -> None:
    campaign_id = open_small(database, prompts=1)
    with database.write.begin() as session:
        (job,) = generation.claim(session, worker="w", now=NOW)
        generation.refuse(session, job.id, worker="w", reason="unknown words", words=["unicorn"], now=NOW)
    with database.read() as session:
        row = session.get_one(Job, job.id)
        made = generation.progress(session, campaign_id)
    assert (row.state, row.words) == (JobState.REFUSED, ["unicorn"])
    assert (made.asked, made.refused, made.settled) == (2, 1, 1)


def test_pictures_are_kept_by_content_and_checked_when_read(arena: Arena) -> None:
    with arena.database.read() as session:
        image = session.scalars(select(Image).limit(1)).one()
    path = arena.images.path(image.digest)
    path.write_bytes(path.read_bytes()[:-7] + b"garbage")
    with pytest.raises(CorruptImage):
        arena.images.get(image.digest)
    path.unlink()
    with pytest.raises(UnknownPicture):
        arena.images.get(image.digest)


def test_a_campaign_over_pictures_that_are_there_gets_its_copies(arena: Arena) -> None:
    with arena.database.write.begin() as session:
        rows = list(session.scalars(select(Entrant)))
        campaign = curation.open_campaign(
            session, slug="large", name="Large", entrants=rows, canvas=96, now=NOW, seed=5
        )
        for prompt_id in session.scalars(select(Image.prompt_id).distinct()):
            session.add(CampaignPrompt(campaign_id=campaign.id, prompt_id=prompt_id, position=prompt_id))
        campaign_id = campaign.id
    assert copy_missing(arena.database, arena.images, campaign_id) == 12
    assert copy_missing(arena.database, arena.images, campaign_id) == 0
    with arena.database.read() as session:
        methods = session.execute(select(BlindCopy.canvas, BlindCopy.method).distinct()).all()
    assert sorted(tuple(row) for row in methods) == [(64, "native"), (96, "lanczos")]


def test_blind_copies_hold_pixels_and_nothing_else(arena: Arena) -> None:
    with arena.database.read() as session:
        digests = session.scalars(select(BlindCopy.digest)).all()
    kinds = {tuple(chunks(arena.images.get(digest))) for digest in digests}
    assert kinds == {(b"IHDR", b"IDAT", b"IEND")}
    copy, method = blind_copy(arena.images.get(digests[0]), 32)
    assert method == "lanczos"
    assert set(chunks(copy)) == {b"IHDR", b"IDAT", b"IEND"}


def chunks(png: bytes) -> list[bytes]:
    """Chunk types of a PNG, runs of the same one folded."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    found: list[bytes] = []
    at = 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        kind = png[at + 4 : at + 8]
        if not found or found[-1] != kind:
            found.append(kind)
        at += 12 + length
    return found


def test_prompts_are_taken_all_or_none(arena: Arena) -> None:
    with arena.database.write.begin() as session:
        campaign = session.get_one(Campaign, arena.campaign_id)
        with pytest.raises(InvalidPrompt):
            curation.add_prompts(
                session, campaign, [curation.NewPrompt("a fig"), curation.NewPrompt("\x00")], now=NOW
            )
        assert session.scalar(select(func.count()).select_from(CampaignPrompt)) == 4
        assert (
            curation.add_prompts(
                session, campaign, [curation.NewPrompt("a fig"), curation.NewPrompt(" a  fig")], now=NOW
            )
            == 1
        )


def test_a_campaign_that_cannot_be_is_told(arena: Arena) -> None:
    with arena.database.write.begin() as session:
        rows = list(session.scalars(select(Entrant)))
        with pytest.raises(NameTaken):
            curation.open_campaign(session, slug="demo", name="D", entrants=rows, canvas=64, now=NOW)
        with pytest.raises(Invalid, match="policy"):
            curation.open_campaign(
                session, slug="x", name="X", entrants=rows, canvas=64, now=NOW, policy="best"
            )
        with pytest.raises(Invalid, match="canvas"):
            curation.open_campaign(session, slug="x", name="X", entrants=rows, canvas=9, now=NOW)


def test_the_same_card_is_the_same_entrant_and_another_identity_is_not(arena: Arena) -> None:
    with arena.database.write.begin() as session:
        before = session.scalar(select(func.count(Entrant.id)))
        curation.enter(session, card("e0"), now=NOW)
        assert session.scalar(select(func.count(Entrant.id))) == before
        curation.enter(session, card("e0", samples=4), now=NOW)
        assert session.scalar(select(func.count(Entrant.id))) == before + 1
        events = session.scalars(select(Event.kind)).all()
    assert events.count("entrant.entered") == before + 1


def test_a_job_given_back_is_not_charged(database: Database) -> None:
    open_small(database, prompts=1)
    for attempt in range(MOST_ATTEMPTS + 2):
        with database.write.begin() as session:
            jobs = generation.claim(session, worker="w", now=NOW + timedelta(minutes=attempt))
            assert jobs[0].attempts == 1
            generation.release(session, jobs, worker="w", now=NOW + timedelta(minutes=attempt))
    with database.read() as session:
        assert set(session.scalars(select(Job.state))) == {JobState.QUEUED}


def test_a_lease_that_is_renewed_is_nobody_elses(database: Database) -> None:
    open_small(database, prompts=1)
    with database.write.begin() as session:
        (held,) = generation.claim(session, worker="slow", now=NOW)
        generation.renew(session, [held], worker="slow", now=NOW + LEASE - timedelta(seconds=1))
    with database.write.begin() as session:
        others = generation.claim(session, worker="other", now=NOW + LEASE)
    assert held.id not in {job.id for job in others}


def test_failed_jobs_can_be_tried_again(database: Database) -> None:
    campaign_id = open_small(database, prompts=1)
    now = NOW
    for _ in range(MOST_ATTEMPTS):
        with database.write.begin() as session:
            for _ in range(2):
                for job in generation.claim(session, worker="w", now=now):
                    generation.fail(session, job, worker="w", reason="no weights", now=now)
        now += timedelta(minutes=5)
    with database.write.begin() as session:
        assert generation.progress(session, campaign_id).failed == 2
        assert generation.try_again(session, campaign_id, now=now) == 2
        assert generation.claim(session, worker="w", now=now)[0].attempts == 1


def test_two_that_ask_for_a_campaign_at_once_ask_for_it_once(database: Database) -> None:
    with database.write.begin() as session:
        rows = [curation.enter(session, card(slug), now=NOW) for slug in ("one", "two")]
        campaign = curation.open_campaign(
            session, slug="small", name="Small", entrants=rows, canvas=64, now=NOW
        )
        curation.add_prompts(
            session, campaign, [curation.NewPrompt(f"a pear, {n}") for n in range(50)], now=NOW
        )
        campaign_id = campaign.id
    together = threading.Barrier(4)
    new: list[int] = []

    def ask() -> None:
        together.wait()
        with database.write.begin() as session:
            new.append(generation.enqueue(session, session.get_one(Campaign, campaign_id), now=NOW))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(new) == [0, 0, 0, 100]
    with database.read() as session:
        assert session.scalar(select(func.count(Job.id))) == 100


def test_a_rater_waits_for_no_campaign(database: Database) -> None:
    """The jobs of an own prompt go first, and no picture of a campaign makes their batch longer."""
    campaign_id = open_small(database, prompts=5)
    with database.write.begin() as session:
        campaign = session.get_one(Campaign, campaign_id)
        curation.add_prompts(session, campaign, [curation.NewPrompt("my own pear")], now=NOW)
        own = session.scalars(select(Prompt).where(Prompt.text == "my own pear")).one()
        own.source = PromptSource.OWN
        session.flush()
        assert generation.enqueue(session, campaign, now=NOW) == 2
    with database.write.begin() as session:
        claimed = [
            generation.claim(session, worker="w", now=NOW, batch_of=lambda _: 3),
            generation.claim(session, worker="w", now=NOW, batch_of=lambda _: 3),
        ]
        later = generation.claim(session, worker="w", now=NOW, batch_of=lambda _: 3)
    for jobs in claimed:
        assert [job.prompt for job in jobs] == ["my own pear"]
    assert [job.prompt for job in later] == ["a pear, 0", "a pear, 1", "a pear, 2"]


def test_a_worker_takes_as_many_jobs_as_the_entrant_paints_together_now(database: Database) -> None:
    """Not as many as its card said when it entered, where that is known better."""
    open_small(database, prompts=6)
    told = {}

    def batch_of(label: str) -> int | None:
        told[label] = 4 if label.startswith("one@") else None
        return told[label]

    with database.write.begin() as session:
        assert len(generation.claim(session, worker="w", now=NOW, batch_of=batch_of)) == 4
        assert len(generation.claim(session, worker="w", now=NOW, batch_of=batch_of)) == 1, "its card's"
    assert sorted(label.split("@")[0] for label in told) == ["one", "two"]


def test_a_lease_lasts_as_long_as_the_worker_says(database: Database) -> None:
    open_small(database, prompts=1)
    short = timedelta(seconds=3)
    with database.write.begin() as session:
        (job,) = generation.claim(session, worker="w", now=NOW, lease=short)
        generation.renew(session, [job], worker="w", now=NOW + timedelta(seconds=2), lease=short)
    with database.write.begin() as session:
        later = [
            [
                one.id
                for _ in range(2)
                for one in generation.claim(session, worker="x", now=NOW + timedelta(seconds=s))
            ]
            for s in (4, 5)
        ]
    assert job.id not in later[0]
    assert job.id in later[1]


def test_a_picture_keeps_what_it_took(database: Database, images: ImageStore) -> None:
    open_small(database, prompts=2)
    with database.write.begin() as session:
        jobs = [job for _ in range(2) for job in generation.claim(session, worker="w", now=NOW)]
    took = {"peak_bytes": 3 * 2**31, "joules": 12.5, "energy_method": "rapl", "batch": 8}
    for job, more in zip(jobs, (took, {}), strict=True):
        painted = painting.store(images, job, replace(picture(job), **more), [64])
        with database.write.begin() as session:
            hardware = "a fast one, 2 cores" if more else None
            assert painting.settle(
                session, painted, settings={}, environment={}, worker="w", now=NOW, hardware=hardware
            )
    with database.read() as session:
        told, untold = session.scalars(select(Image).order_by(Image.id)).all()
    assert (told.peak_bytes, told.joules, told.energy_method) == (3 * 2**31, 12.5, "rapl")
    assert (told.hardware, told.batch) == ("a fast one, 2 cores", 8)
    assert (untold.peak_bytes, untold.joules, untold.energy_method, untold.hardware) == (None,) * 4


def test_why_pictures_are_missing_is_told_by_entrant(database: Database) -> None:
    campaign_id = open_small(database, prompts=4)
    with database.write.begin() as session:
        jobs = [job for _ in range(7) for job in generation.claim(session, worker="w", now=NOW)]
        one = [job for job in jobs if job.entrant.startswith("one@")]
        for job, words in zip(one[:3], (["unicorn"], ["moon", "unicorn"], []), strict=True):
            reason = "unknown words" if words else "safety"
            generation.refuse(session, job.id, worker="w", reason=reason, words=words, now=NOW)
        other = next(job for job in jobs if job.entrant.startswith("two@"))
        last = replace(other, attempts=MOST_ATTEMPTS)
        generation.fail(session, last, worker="w", reason="OSError: no paint", now=NOW)
    with database.read() as session:
        first, second = generation.progress_by_entrant(session, campaign_id)
    assert (first.entrant, first.made, first.refused, first.failed, first.waiting) == ("one", 0, 3, 0, 1)
    assert [(cause.reason, cause.jobs, cause.words) for cause in first.causes] == [
        ("unknown words", 2, ("unicorn", "moon")),
        ("safety", 1, ()),
    ]
    assert first.causes[0].prompts == ("a pear, 0", "a pear, 1")
    assert (second.entrant, second.failed, second.waiting) == ("two", 1, 3)
    assert second.causes[0].reason == "OSError: no paint"
