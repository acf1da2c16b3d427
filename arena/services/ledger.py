"""Writing from many threads: one writer on SQLite, whose commits carry all that wait.

SQLite takes one writer at a time, and what a commit costs is its ``fdatasync``. Sixteen threads that each
commit wait for each other without order; one thread that commits for all that wait answers in order and pays
for one sync. A piece that fails takes nothing with it: the batch is rolled back and runs again, each piece in
a savepoint of its own. An answer is given only after the commit.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from arena.db import Database, told_plainly
from arena.errors import Unavailable

T = TypeVar("T")
Work = Callable[[Session], Any]
Piece = tuple[Work, Future[Any], float]
Watch = Callable[[int, float], None]

MOST_AT_ONCE = 64
PATIENCE_SECONDS = 60

log = logging.getLogger(__name__)


class Ledger:
    """Runs pieces of work in transactions: grouped on SQLite, one each on other databases.

    ``on_commit(pieces, seconds)`` hears of every transaction, and how long its first piece had waited.
    """

    def __init__(
        self, database: Database, *, patience: float = PATIENCE_SECONDS, on_commit: Watch | None = None
    ) -> None:
        self._database = database
        self._patience = patience
        self._on_commit = on_commit
        self._waiting: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        self._closed = False
        self._thread: threading.Thread | None = None
        if database.single_writer:
            self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
            self._thread.start()

    def write(self, work: Callable[[Session], T]) -> T:
        """Run ``work(session)`` in a transaction; its result comes after the commit.

        Raises
        ------
        Unavailable
            If the database cannot keep it now, or the ledger is closed; nothing was written. Also if it has
            not answered in time: what had not begun is never written then.
        """
        if self._closed:
            raise Unavailable("the server is stopping; nothing was lost, send it again")
        if self._thread is None:
            began = time.monotonic()
            with told_plainly(), self._database.write.begin() as session:
                result = work(session)
            self._tell(1, began)
            return result
        answer: Future[T] = Future()
        self._waiting.put((work, answer, time.monotonic()))
        try:
            with told_plainly():
                return answer.result(timeout=self._patience)
        except TimeoutError:
            if answer.cancel():
                raise Unavailable("the database is too busy; nothing was written, send it again") from None
            raise Unavailable("the database is slow to answer; reload to see whether it was kept") from None

    def close(self) -> None:
        """Finish what waits and stop."""
        self._closed = True
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()

    def _tell(self, pieces: int, since: float) -> None:
        if self._on_commit:
            self._on_commit(pieces, time.monotonic() - since)

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch = [first] if first[1].set_running_or_notify_cancel() else []
            stop = False
            while len(batch) < MOST_AT_ONCE:
                try:
                    item = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    stop = True
                    break
                if item[1].set_running_or_notify_cancel():
                    batch.append(item)
            if batch:
                self._commit(batch)
                self._tell(len(batch), batch[0][2])
            if stop:
                return

    def _commit(self, batch: list[Piece]) -> None:
        """Run a batch in one transaction; if a piece of it fails, again with a savepoint for each."""
        try:
            with self._database.write.begin() as session:
                done = [(answer, work(session)) for work, answer, _ in batch]
        except Exception:
            self._commit_carefully(batch)
            return
        for answer, result in done:
            answer.set_result(result)

    def _commit_carefully(self, batch: list[Piece]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        try:
            with self._database.write.begin() as session:
                for work, answer, _ in batch:
                    try:
                        with session.begin_nested():
                            result = work(session)
                    except OperationalError:
                        raise  # a full disk has ended the whole transaction, savepoints and all
                    except Exception as error:
                        answer.set_exception(error)
                    else:
                        done.append((answer, result))
        except Exception as error:
            log.warning("a commit of %d pieces failed: %s", len(batch), error)
            for _, answer, _ in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for answer, result in done:
            answer.set_result(result)
