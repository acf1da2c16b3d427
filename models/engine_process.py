"""`EngineProcess`: an entrant that paints in a process of its own, so that its crash is not ours.

A driver that aborts, a kernel that kills for memory: what takes the child down leaves this process and its
queue alone. Requests go to the child pickled, pictures come back as raw bytes, both through one pipe.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Any, Self

from models import errors
from models.batching import Answer, largest_batch
from models.contracts import EntrantCard, GeneratedImage, GenerationRequest, TextToImage
from models.errors import GenerationFailed, PartlyFailed
from models.loading import load

log = logging.getLogger(__name__)

MORE_TRIES = 2
PATIENCE = 5.0
TOLD = ("CardError", "MissingPart", "GenerationFailed")


class EngineDied(GenerationFailed):
    """The child process ended before it answered."""


class EngineProcess:
    """An entrant in a child process, which is started anew when it dies.

    What a dead child left unanswered is painted again, each request alone and at most `MORE_TRIES` times
    more: the one that kills it fails, the others do not. The child ends with its parent, however that ends.

    Parameters
    ----------
    card : EntrantCard
        Who paints.
    load : callable
        Makes it paint, in the child; a function of a module, or a `functools.partial` of one.

    Attributes
    ----------
    batch : int
        Most pictures made together, as the child says; halved there whenever memory ran out.

    Raises
    ------
    CardError, MissingPart
        As `load` does in the child.
    GenerationFailed
        If the child dies while it loads.
    """

    def __init__(self, card: EntrantCard, *, load: Callable[[EntrantCard], TextToImage] = load) -> None:
        self._asked = card
        self._load = load
        self._lock = threading.Lock()
        self._closed = False
        self._child: SpawnProcess | None = None
        self._card = card
        self.batch = 1
        self._start()

    @property
    def card(self) -> EntrantCard:
        return self._card

    @property
    def process_id(self) -> int | None:
        """The child's, or nothing if there is none now."""
        child = self._child
        return child.pid if child else None

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Answer]:
        """Paint in the child, batch by batch.

        Raises
        ------
        GenerationFailed
            If the entrant says so, or the only request kills the child.
        PartlyFailed
            If some of several requests kill the child; the answers of the others are in it.
        """
        answers: list[Answer | GenerationFailed] = []
        with self._lock:
            while len(answers) < len(requests):
                answers += self._answer(requests[len(answers) : len(answers) + self.batch])
        made = [answer for answer in answers if not isinstance(answer, GenerationFailed)]
        if len(made) == len(answers):
            return made
        if len(answers) == 1 and isinstance(answers[0], GenerationFailed):
            raise answers[0]
        raise PartlyFailed(answers)

    def close(self) -> None:
        """End the child, whatever it does; what it was painting fails."""
        self._closed = True
        idle = self._lock.acquire(blocking=False)
        child = self._child
        if not idle:
            if child is not None:
                with suppress(ValueError, OSError):  # it was ended meanwhile
                    child.terminate()
            self._lock.acquire()
        try:
            self._end()
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, batch: Sequence[GenerationRequest]) -> list[Answer | GenerationFailed]:
        try:
            return list(self._ask(batch))
        except EngineDied as death:
            if self._closed:
                raise
            log.warning("%s; its %d requests are painted again, one by one", death, len(batch))
        return [self._paint_alone(request) for request in batch]

    def _paint_alone(self, request: GenerationRequest) -> Answer | GenerationFailed:
        failed: GenerationFailed | None = None
        for _ in range(MORE_TRIES):
            try:
                return self._ask([request])[0]
            except EngineDied as death:
                if self._closed:
                    raise
                log.warning("%s again", death)
                failed = GenerationFailed(f"{death}, {MORE_TRIES + 1} times while painting this request")
            except GenerationFailed as error:
                return error
        assert failed is not None
        return failed

    def _ask(self, batch: Sequence[GenerationRequest]) -> list[Answer]:
        if self._child is None:
            self._start()
        try:
            self._pipe.send(list(batch))
            kind, *told = self._pipe.recv()
            if kind == "failed":
                raise _error(*told)
            answers, self.batch = told
            return [_whole(answer, self._pipe) for answer in answers]
        except (EOFError, OSError) as error:
            raise self._buried() from error

    def _start(self) -> None:
        if self._closed:
            raise EngineDied(f"the engine of {self._asked.slug} is closed")
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._child = context.Process(
            target=_serve, args=(theirs, self._asked, self._load), name="engine", daemon=True
        )
        self._child.start()
        theirs.close()  # so that the child's end is the only one, and its death an end of file
        try:
            kind, *told = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._buried() from error
        if kind == "failed":
            self._end()
            raise _error(*told)
        self._card, self.batch = told

    def _buried(self) -> EngineDied:
        """Wait for the end of a child whose pipe is closed, and say how it ended."""
        child = self._child
        if child is not None:
            child.join(PATIENCE)
        code = child.exitcode if child is not None else None
        self._end()
        how = f"killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit {code}"
        return EngineDied(f"the engine process of {self._asked.slug} died ({how})")

    def _end(self) -> None:
        """No child, no zombie, no open pipe; a child that waits for requests goes by itself."""
        child, self._child = self._child, None
        if child is None:
            return
        self._pipe.close()
        for insist in (None, child.terminate, child.kill):
            if insist is not None:
                insist()
            child.join(PATIENCE)
            if child.exitcode is not None:
                break
        child.close()


def _serve(pipe: Connection, card: EntrantCard, load: Callable[[EntrantCard], TextToImage]) -> None:
    """Paint what comes through the pipe until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to answer
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    try:
        model = load(card)
    except Exception as error:
        pipe.send(("failed", *_words(error)))
        return
    pipe.send(("ready", model.card, largest_batch(model)))
    with suppress(EOFError, OSError):
        while True:
            requests = pipe.recv()
            try:
                answers = model.generate(requests)
            except Exception as error:
                pipe.send(("failed", *_words(error)))
                continue
            pipe.send(("painted", [_head(answer) for answer in answers], largest_batch(model)))
            for answer in answers:
                if isinstance(answer, GeneratedImage):
                    pipe.send_bytes(answer.pixels.tobytes())


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _head(answer: Answer) -> Any:
    """What is pickled of an answer: a refusal, or all of a picture but its pixels."""
    if not isinstance(answer, GeneratedImage):
        return answer
    told = {field.name: getattr(answer, field.name) for field in fields(answer)}
    return told | {"pixels": (answer.pixels.mode, answer.pixels.size)}


def _whole(head: Any, pipe: Connection) -> Answer:
    if not isinstance(head, dict):
        refusal: Answer = head
        return refusal
    from PIL import Image

    mode, size = head["pixels"]
    return GeneratedImage(**head | {"pixels": Image.frombytes(mode, size, pipe.recv_bytes())})


def _words(error: Exception) -> tuple[str, str]:
    """An error's kind, as one that the parent knows, and what it says."""
    for kind in TOLD:
        if isinstance(error, getattr(errors, kind)):
            return kind, str(error)
    return "GenerationFailed", f"{type(error).__name__}: {error}"


def _error(kind: str, told: str) -> Exception:
    made: Exception = getattr(errors, kind)(told)
    return made
