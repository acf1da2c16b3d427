"""The worker: paints jobs, measures pictures, and once a second seals votes and refits boards that moved."""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from arena.db import Database, told_plainly
from arena.domain.jobs import LEASE
from arena.errors import ArenaError, Unavailable
from arena.services import (
    costing,
    generation,
    looking,
    moderation,
    painting,
    quality_figures,
    retention,
    sampling,
    sealing,
    sketching,
    standings,
    watching,
)
from arena.services.generation import ClaimedJob
from arena.services.moderation import Guard
from arena.services.painting import Studio
from arena.services.sketching import ClaimedSketch
from arena.storage import ImageStore

if TYPE_CHECKING:
    from models.contracts import GeneratedImage, Refusal

log = logging.getLogger(__name__)

REST_SECONDS = 1.0
KEEPER_SECONDS = 10.0
"""How long a worker that stops waits for its clerk and onlooker."""


@dataclass(slots=True)
class Worker:
    """One worker process: a painter in the calling thread, a clerk and an onlooker in others."""

    database: Database
    images: ImageStore
    studio: Studio
    stop: threading.Event
    campaign_id: int | None = None
    on_settled: Callable[[ClaimedJob, str], None] | None = None
    lease: timedelta = LEASE
    guard: Guard | None = None
    on_beat: Callable[[str], None] | None = None
    name: str = f"{socket.gethostname()[:40]}:{os.getpid()}"
    _held: list[ClaimedJob] = field(default_factory=list)
    _sketching: ClaimedSketch | None = None

    def run(self, *, until_idle: bool = False, clerk: bool = True) -> None:
        """Work until told to stop, or until nothing is left to paint."""
        keepers = []
        if clerk:
            looks = (self.database, self.images, self.stop)
            keepers = [
                threading.Thread(target=self._keep, name="clerk", daemon=True),
                threading.Thread(target=looking.keep_looking, args=looks, name="onlooker", daemon=True),
            ]
        for keeper in keepers:
            keeper.start()
        while not self.stop.is_set():
            self._beat("painter")
            try:
                painted = self.paint_some()
            except (ArenaError, SQLAlchemyError) as error:
                log.warning("painting rests: %s", error)
                painted = 0
                self.stop.wait(REST_SECONDS)
            if painted == 0:
                if until_idle and not self._waiting():
                    break
                self.stop.wait(REST_SECONDS)
        self.stop.set()
        for keeper in keepers:
            keeper.join(timeout=None if until_idle else KEEPER_SECONDS)

    def give_back(self) -> None:
        """Let others have at once what this worker holds: it ends before it is painted."""
        with told_plainly(), self.database.write.begin() as session:
            generation.release(session, self._held, worker=self.name, now=_now())
            if self._sketching is not None:
                sketching.release(session, self._sketching, worker=self.name)

    def paint_some(self) -> int:
        """Claim, paint and settle a sketch, for somebody waits, else a batch of jobs; returns how many."""
        if self.campaign_id is None and self._sketch():
            return 1
        jobs = self._claim()
        if not jobs:
            return 0
        self._held = jobs
        painted = threading.Event()
        threading.Thread(target=self._hold, args=(jobs, painted), name="lease", daemon=True).start()
        try:
            self._paint(jobs)
        finally:
            painted.set()
            self._held = []
        return len(jobs)

    def _sketch(self) -> bool:
        """Paint the sketch that has waited longest; false if none waits."""
        with self.database.read() as session:
            if not sketching.any_waits(session):
                return False
        with told_plainly(), self.database.write.begin() as session:
            sketch = sketching.claim(session, worker=self.name, now=_now())
        if sketch is None:
            return False
        self._sketching = sketch
        came = painting.paint_sketch(self.studio, sketch, self.guard)
        with told_plainly(), self.database.write.begin() as session:
            sketching.settle(session, sketch, came, worker=self.name, now=_now())
        self._sketching = None
        return True

    def _paint(self, jobs: list[ClaimedJob]) -> None:
        try:
            answers = painting.paint(self.studio, jobs)
        except Exception as error:
            log.exception("%s could not paint", jobs[0].entrant)
            self._fail(jobs, error)
            return
        for place, (job, answer) in enumerate(zip(jobs, answers, strict=True)):
            try:
                if isinstance(answer, Exception):
                    self._fail([job], answer)
                else:
                    self._settle(job, answer)
            except Unavailable:
                with told_plainly(), self.database.write.begin() as session:
                    generation.release(session, jobs[place:], worker=self.name, now=_now())
                raise

    def _fail(self, jobs: list[ClaimedJob], error: Exception) -> None:
        told = f"{type(error).__name__}: {error}"[:500]
        with told_plainly(), self.database.write.begin() as session:
            for job in jobs:
                generation.fail(session, job, worker=self.name, reason=told, now=_now())
        self._tell(jobs, "failed")

    def _hold(self, jobs: list[ClaimedJob], painted: threading.Event) -> None:
        """Renew the leases of a batch until it is painted: a slow one is not a dead worker's."""
        while not painted.wait(self.lease.total_seconds() / 5):
            self._beat("painter")
            try:
                with told_plainly(), self.database.write.begin() as session:
                    generation.renew(session, jobs, worker=self.name, now=_now(), lease=self.lease)
            except (ArenaError, SQLAlchemyError) as error:
                log.warning("a lease could not be renewed: %s", error)

    def _claim(self) -> list[ClaimedJob]:
        with told_plainly(), self.database.write.begin() as session:
            return generation.claim(
                session,
                worker=self.name,
                now=_now(),
                campaign_id=self.campaign_id,
                lease=self.lease,
                batch_of=self.studio.batch,
            )

    def _settle(self, job: ClaimedJob, answer: GeneratedImage | Refusal) -> None:
        from models.contracts import GeneratedImage
        from models.metering import environment, hardware

        if not isinstance(answer, GeneratedImage):
            with told_plainly(), self.database.write.begin() as session:
                generation.refuse(
                    session, job.id, worker=self.name, reason=answer.reason, words=answer.words, now=_now()
                )
            self._tell([job], "refused")
            return
        if self.guard is not None and not moderation.passes(
            self.database,
            self.images,
            self.guard,
            job_id=job.id,
            pixels=answer.pixels,
            worker=self.name,
            now=_now(),
        ):
            self._tell([job], "refused")
            return
        with self.database.read() as session:
            canvases = painting.canvases(session, job)
        card = self.studio.model(job.entrant).card
        settings: dict[str, Any] = {"identity": dict(card.identity), "runtime": dict(card.runtime)}
        device = card.runtime.get("device")  # what paints elsewhere does not say on what
        painted = painting.store(self.images, job, answer, canvases)
        with told_plainly(), self.database.write.begin() as session:
            painting.settle(
                session,
                painted,
                settings=settings,
                environment=environment(str(device or "cpu")),
                hardware=hardware(str(device)) if device else None,
                worker=self.name,
                now=_now(),
            )
        self._tell([job], "done")

    def _waiting(self) -> bool:
        """Whether any job is still queued or being painted by somebody."""
        with self.database.read() as session:
            return generation.unsettled(session, self.campaign_id) > 0

    def _tell(self, jobs: list[ClaimedJob], state: str) -> None:
        for job in jobs:
            log.info("job %d: %s %s", job.id, job.entrant, state)
            if self.on_settled:
                self.on_settled(job, state)

    def _beat(self, thread: str) -> None:
        if self.on_beat:
            self.on_beat(thread)

    def _keep(self) -> None:
        books, swept = Books(), -math.inf
        while True:
            started = time.monotonic()
            self._beat("clerk")
            try:
                keep_books(self.database, books)
                if started - swept >= retention.REST_SECONDS:
                    swept = started
                    retention.sweep(self.database, self.images, now=_now())
            except (ArenaError, SQLAlchemyError) as error:
                log.warning("the books wait: %s", error)
            except Exception:
                log.exception("the books could not be kept")
            if self.stop.wait(max(0.05, REST_SECONDS - (time.monotonic() - started))):
                return


@dataclass(frozen=True, slots=True)
class Books:
    """What a clerk has read, so that only what is newer is read again."""

    boards: standings.Cache = field(default_factory=standings.Cache)
    costs: costing.CostBook = field(default_factory=costing.CostBook)
    sampling: sampling.SamplingBook = field(default_factory=sampling.SamplingBook)
    quality: quality_figures.QualityBook = field(default_factory=quality_figures.QualityBook)


def keep_books(database: Database, books: Books | None = None) -> tuple[int, int]:
    """Seal, add up costs, refit what lags, look at targets, count deals; (sealed, boards fitted)."""
    books = Books() if books is None else books
    sealed = 0
    with database.read() as session:
        batch = sealing.pending(session)
    if batch:
        with told_plainly(), database.write.begin() as session:
            sealed = sealing.seal(session, batch, now=_now())
    costing.refresh(database, books.costs, now=_now())
    fitted = standings.refresh(database, now=_now(), cache=books.boards)
    watching.refresh(database, books.boards.votes, now=_now())
    sampling.refresh(database, books.sampling, now=_now())
    quality_figures.refresh(database, books.quality, books.boards.votes, now=_now())
    return sealed, fitted


def _now() -> datetime:
    return datetime.now(UTC)
