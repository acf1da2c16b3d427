"""Dynamic batching: requests of many callers, painted together.

One thread paints. It takes the request whose turn is next and those that wait behind it for the same entrant
at the same settings, at most as many as the model paints at once, and waits a moment for more if there are
fewer. A picture does not depend on its neighbours: each has a generator of its own.
"""

from __future__ import annotations

import gc
import itertools
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from models.contracts import GeneratedImage, GenerationRequest, Refusal, TextToImage
from models.errors import Busy, GenerationFailed, PartlyFailed
from models.queueing import Pace, Place, Queue, Waiting

log = logging.getLogger(__name__)

UNKNOWN_WAIT = 1.0
SHORTEST_WAIT = 0.1

Answer = GeneratedImage | Refusal


def paint_each(model: TextToImage, requests: Sequence[GenerationRequest]) -> list[Answer | Exception]:
    """Paint together; if that breaks, one by one, so that a request fails alone.

    Returns
    -------
    list
        One entry a request, in order; an error where there is no answer.
    """
    try:
        answers = model.generate(requests)
        if len(answers) != len(requests):
            raise GenerationFailed(
                f"{model.card.slug} gave {len(answers)} answers to {len(requests)} requests"
            )
    except PartlyFailed as error:
        return list(error.answers)
    except Exception as error:
        if len(requests) == 1:
            return [error]
        log.warning("%s broke on a batch of %d; now one by one: %s", model.card.slug, len(requests), error)
        return [answer for request in requests for answer in paint_each(model, [request])]
    return list(answers)


def largest_batch(model: TextToImage) -> int:
    """How many pictures a model makes at once: what it says now, else its card."""
    return max(1, int(getattr(model, "batch", None) or model.card.runtime.get("batch", 1)))


class Batcher:
    """Requests of many callers, painted together.

    Who is next: a request of `priority` n is served as one of priority 0 that came n times `patience` later.
    So a rater (0) goes before a campaign (10, say), and the campaign waits behind raters who came later for
    at most ten times the patience: nothing starves.

    Parameters
    ----------
    load : callable
        Makes the entrant of a name ready to paint; called in the painting thread when first asked for. What
        it returns belongs to the batcher, which closes what can be closed.
    window : float
        Seconds that a request waits for company when its batch is not full.
    most_waiting : int
        Requests that may wait, of all entrants.
    most_of_one : mapping of str to int, optional
        Requests that may wait or be painted, by entrant; no such limit for entrants that are not in it.
    most_loaded : int
        Entrants kept ready; the one that painted longest ago makes room.
    patience : float
        Seconds that one step of priority is worth.
    """

    def __init__(
        self,
        load: Callable[[str], TextToImage],
        *,
        window: float = 0.02,
        most_waiting: int = 256,
        most_of_one: Mapping[str, int] | None = None,
        most_loaded: int = 4,
        patience: float = 30.0,
    ) -> None:
        self._load = load
        self._window = window
        self._most_waiting = most_waiting
        self._most_of_one = dict(most_of_one or {})
        self._most_loaded = most_loaded
        self._patience = patience
        self._queue = Queue()
        self._running: list[Waiting] = []
        self._running_since = 0.0
        self._known: dict[Future[Answer], Waiting] = {}
        self._pace = Pace()
        self._sizes: dict[str, int] = {}
        self._models: OrderedDict[str, TextToImage] = OrderedDict()  # the painting thread's alone
        self._numbers = itertools.count()
        self._closed = False
        self._changed = threading.Condition()
        self._painter = threading.Thread(target=self._paint_all, name="painter", daemon=True)
        self._painter.start()

    def submit(self, entrant: str, request: GenerationRequest, *, priority: int = 0) -> Future[Answer]:
        """Ask for a picture.

        Returns
        -------
        Future
            Of the picture or the refusal, or of the error: `GenerationFailed` if the entrant broke on this
            very request, another `ModelError` if it cannot be loaded. ``cancel()`` takes a waiting request
            out of the queue; one that is being painted is finished, and its picture dropped.

        Raises
        ------
        Busy
            If as many wait as may wait.
        """
        now = time.monotonic()
        with self._changed:
            if self._closed:
                raise RuntimeError("the batcher is closed")
            self._make_sure_there_is_room(entrant)
            turn = (now + priority * self._patience, next(self._numbers))
            waiting = Waiting(entrant, request, turn, now)
            self._known[waiting.future] = waiting
            self._queue.add(waiting)
            self._changed.notify_all()
        waiting.future.add_done_callback(self._forget)
        return waiting.future

    def place(self, future: Future[Answer]) -> Place:
        """Where a request stands, and how long it will take; nothing is ahead of one that is done."""
        with self._changed:
            waiting = self._known.get(future)
            if waiting is None or future.done():
                return Place(0, 0.0)
            seconds = self._left()
            if waiting in self._running:
                return Place(0, seconds)
            ahead = len(self._running)
            for batch in self._queue.batches(self._size):
                pace = self._pace.of(batch[0].group)
                seconds = None if seconds is None or pace is None else seconds + pace * len(batch)
                if waiting in batch:
                    return Place(ahead + batch.index(waiting), seconds)
                ahead += len(batch)
            return Place(0, 0.0)

    def close(self) -> None:
        """Take nothing more, cancel what waits, finish what is being painted, and let the entrants go."""
        with self._changed:
            self._closed = True
            waiting = list(self._queue)
            self._changed.notify_all()
        for one in waiting:
            one.future.cancel()
        self._painter.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make_sure_there_is_room(self, entrant: str) -> None:
        waiting = len(self._queue)
        if waiting >= self._most_waiting:
            raise Busy(f"{waiting} requests wait already", retry_after=self._until_room(None))
        most = self._most_of_one.get(entrant)
        if most is None:
            return
        own = sum(one.entrant == entrant for one in (*self._queue, *self._running))
        if own >= most:
            raise Busy(f"{own} requests to {entrant} wait already", retry_after=self._until_room(entrant))

    def _until_room(self, entrant: str | None) -> float:
        """Seconds until one request fewer waits, or waits or is painted of one entrant."""
        seconds = self._left()
        if entrant is not None and all(one.entrant != entrant for one in self._running):
            for batch in self._queue.batches(self._size):
                pace = self._pace.of(batch[0].group)
                seconds = None if seconds is None or pace is None else seconds + pace * len(batch)
                if batch[0].entrant == entrant:
                    break
        return UNKNOWN_WAIT if seconds is None else max(SHORTEST_WAIT, seconds)

    def _left(self) -> float | None:
        """Seconds that the batch in work still needs, by the rate of late."""
        if not self._running:
            return 0.0
        pace = self._pace.of(self._running[0].group)
        if pace is None:
            return None
        return max(0.0, self._running_since + pace * len(self._running) - time.monotonic())

    def _size(self, entrant: str) -> int:
        return self._sizes.get(entrant, 1)

    def _forget(self, future: Future[Answer]) -> None:
        with self._changed:
            waiting = self._known.pop(future, None)
            if waiting is not None:
                self._queue.remove(waiting)
                self._changed.notify_all()

    def _paint_all(self) -> None:
        try:
            while (entrant := self._next_entrant()) is not None:
                try:
                    model = self._model(entrant)
                except Exception as error:
                    log.warning("%s cannot be loaded: %s", entrant, error)
                    self._fail_all(entrant, error)
                    continue
                if batch := self._take(entrant, model):
                    self._paint(model, batch)
        finally:
            self._stop()

    def _next_entrant(self) -> str | None:
        """Whose turn is next; waits until there is one. None once closed."""
        with self._changed:
            while not self._closed:
                first = self._queue.first()
                if first is not None:
                    return first.entrant
                self._changed.wait()
            return None

    def _take(self, entrant: str, model: TextToImage) -> list[Waiting]:
        """The next batch, once it is full or has waited long enough; nothing if another entrant is next."""
        with self._changed:
            self._sizes[entrant] = size = largest_batch(model)
            while not self._closed:
                first = self._queue.first()
                if first is None or first.entrant != entrant:
                    return []
                mates = self._queue.mates(first)
                wait = min(one.since for one in mates) + self._window - time.monotonic()
                if len(mates) < size and wait > 0:
                    self._changed.wait(wait)
                    continue
                for one in mates[:size]:
                    self._queue.remove(one)
                self._running = [one for one in mates[:size] if one.future.set_running_or_notify_cancel()]
                self._running_since = time.monotonic()
                return list(self._running)
            return []

    def _paint(self, model: TextToImage, batch: list[Waiting]) -> None:
        started = time.monotonic()
        answers = paint_each(model, [one.request for one in batch])
        with self._changed:
            if all(isinstance(answer, GeneratedImage) for answer in answers):
                self._pace.note(batch[0].group, len(batch), time.monotonic() - started)
            self._running = []
        for one, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception):
                one.future.set_exception(answer)
            else:
                one.future.set_result(answer)

    def _model(self, entrant: str) -> TextToImage:
        if entrant not in self._models:
            while len(self._models) >= self._most_loaded:
                _, oldest = self._models.popitem(last=False)
                _let_go(oldest)
                del oldest
                gc.collect()  # pipelines hold themselves in circles
            self._models[entrant] = self._load(entrant)
        self._models.move_to_end(entrant)
        return self._models[entrant]

    def _fail_all(self, entrant: str, error: Exception) -> None:
        with self._changed:
            failed = [one for one in self._queue if one.entrant == entrant]
            for one in failed:
                self._queue.remove(one)
        for one in failed:
            if one.future.set_running_or_notify_cancel():
                one.future.set_exception(error)

    def _stop(self) -> None:
        """Leave nobody waiting, whatever ended the painting thread."""
        with self._changed:
            self._closed = True
            left = list(self._known.values())
        for one in left:
            if not one.future.cancel() and not one.future.done():
                one.future.set_exception(GenerationFailed("the painting thread has ended"))
        for model in self._models.values():
            _let_go(model)
        self._models.clear()


def _let_go(model: TextToImage) -> None:
    close = getattr(model, "close", None)
    if close is not None:
        close()
