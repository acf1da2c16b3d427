"""Pictures on order: what the images API asks of the entrants, and what it gets.

The models come in here, so that the web knows none of them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, CancelledError, Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from arena.errors import ArenaError, Invalid, UnknownEntrant
from arena.services.moderation import Guard, Moderator, may_be_sketched, words_may_be_sketched

if TYPE_CHECKING:
    from PIL.Image import Image

    from models.contracts import EntrantCard, GeneratedImage, GenerationRequest, Refusal

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25

LANGUAGE = "en"
"""What words on order are taken for: they come without a word of their language."""


class Overloaded(ArenaError):
    """As much waits as may wait; ``retry_after`` says in how many seconds to ask again."""

    status = 429
    code = "server_busy"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotPainted(ArenaError):
    """The entrant broke while painting; asking again would break it again."""

    code = "generation_failed"


class CannotLoad(ArenaError):
    """The entrant cannot be made ready on this machine."""

    status = 503
    code = "model_unavailable"


class TooSlow(ArenaError):
    """No picture within the time that a request may take."""

    status = 504
    code = "timeout"


class NobodyWaits(ArenaError):
    """Whoever asked has gone; nobody reads this."""

    status = 499
    code = "client_closed_request"


class Painter(Protocol):
    """What takes requests of many callers; `models.batching.Batcher` is one."""

    def submit(
        self, entrant: str, request: GenerationRequest, *, priority: int = 0
    ) -> Future[GeneratedImage | Refusal]: ...


@dataclass(frozen=True, slots=True)
class Model:
    """An entrant that may be asked for pictures; ``size`` is the width and height it paints at."""

    slug: str
    revision: str
    name: str
    kind: str
    size: tuple[int, int]
    identity: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """Pictures of one prompt by one entrant, a seed each; what is None is as on its card."""

    slug: str
    prompt: str
    seeds: tuple[int, ...]
    steps: int | None = None
    guidance: float | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture that was made, and what it took."""

    pixels: Image
    seed: int
    took: Mapping[str, Any]
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declined:
    """The entrant will not paint it, or a checker will not have it painted: an outcome, not an error."""

    reason: str
    words: tuple[str, ...] = ()


class Desk:
    """Takes orders for the entrants it knows, and waits for their pictures.

    Parameters
    ----------
    cards : iterable of EntrantCard
        Who may be asked.
    painter : Painter
        Who has them painted.
    moderator : Moderator, optional
        Reads the words of an order before it is painted.
    guard : Guard, optional
        Looks at the pictures before they are handed out.
    """

    def __init__(
        self,
        cards: Iterable[EntrantCard],
        painter: Painter,
        *,
        moderator: Moderator | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._painter = painter
        self._moderator = moderator
        self._guard = guard
        self._models = {card.slug: _model(card) for card in cards}

    @property
    def models(self) -> tuple[Model, ...]:
        """Everybody who may be asked."""
        return tuple(self._models.values())

    def find(self, name: str) -> Model:
        """Find the entrant of a ``slug``, or of a ``slug@revision`` that is pinned to its pictures.

        Raises
        ------
        UnknownEntrant
            With the names there are.
        """
        slug, _, revision = name.partition("@")
        found = self._models.get(slug)
        if found is None:
            raise UnknownEntrant(name, tuple(self._models))
        if revision and revision != found.revision:
            raise UnknownEntrant(name, (f"{slug}@{found.revision}",))
        return found

    def paint(
        self, order: Order, *, seconds: float, gone: Callable[[], bool] = lambda: False
    ) -> list[Picture] | Declined:
        """Have an order painted; one picture that is declined declines it all.

        Parameters
        ----------
        seconds : float
            How long it may take.
        gone : callable
            Whether nobody waits for it any more; what is not begun by then is taken back.

        Raises
        ------
        Overloaded, NotPainted, CannotLoad, TooSlow, NobodyWaits, Invalid
        """
        model = self._models[order.slug]
        requests = _requests(model, order)
        if self._moderator and not words_may_be_sketched(self._moderator.check(order.prompt, LANGUAGE)):
            return Declined("its words are declined here")
        futures: list[Future[Any]] = []
        try:
            for request in requests:
                futures.append(self._submit(model.slug, request))  # noqa: PERF401 - those before a Busy count
            _wait(futures, seconds, gone)
            answers = [_answer(model.slug, future, requests[0]) for future in futures]
        finally:
            for future in futures:
                future.cancel()
        for answer in answers:
            if isinstance(answer, Declined):
                return answer
        pictures = [answer for answer in answers if isinstance(answer, Picture)]
        if order.size and any(picture.pixels.size != order.size for picture in pictures):
            raise Invalid(f"{model.slug} paints at {model.size[0]}x{model.size[1]} alone; leave 'size' out")
        if self._guard and not may_be_sketched(self._guard, *(picture.pixels for picture in pictures)):
            return Declined("what was painted is declined here")
        return pictures

    def _submit(self, slug: str, request: GenerationRequest) -> Future[Any]:
        from models.errors import Busy

        try:
            return self._painter.submit(slug, request)
        except Busy as error:
            raise Overloaded(str(error), error.retry_after) from error


def _model(card: EntrantCard) -> Model:
    size = card.identity.get("size", 0)
    width, height = size if isinstance(size, list | tuple) else (size, size)
    return Model(card.slug, card.revision, card.name, card.kind, (width, height), dict(card.identity))


def _requests(model: Model, order: Order) -> list[GenerationRequest]:
    from models.contracts import GenerationRequest

    size = None if order.size == model.size else order.size
    if "steps" not in model.identity:
        for name, value in (("steps", order.steps), ("guidance", order.guidance), ("size", size)):
            if value is not None:
                raise Invalid(f"{model.slug} knows no other {name!r} than its own; leave it out")
    return [
        GenerationRequest(
            prompt=order.prompt, seed=seed, steps=order.steps, guidance=order.guidance, size=size
        )
        for seed in order.seeds
    ]


def _wait(futures: Sequence[Future[Any]], seconds: float, gone: Callable[[], bool]) -> None:
    """Wait until all are there or one has failed, looking now and then whether anybody still waits."""
    over = time.monotonic() + seconds
    while True:
        left = over - time.monotonic()
        done, waiting = wait(futures, timeout=max(0.0, min(left, LOOK_SECONDS)), return_when=FIRST_EXCEPTION)
        if not waiting or any(not one.cancelled() and one.exception() for one in done):
            return
        if gone():
            raise NobodyWaits("whoever asked has gone")
        if left <= 0:
            raise TooSlow(f"no picture within {seconds:g} seconds; ask for fewer, or again when less waits")


def _answer(slug: str, future: Future[Any], asked: GenerationRequest) -> Picture | Declined | None:
    """What became of a request that is done; nothing of one that is not, beside one that failed."""
    from models.contracts import Refusal
    from models.errors import Busy, GenerationFailed, ModelError

    if not future.done():
        return None
    try:
        answer = future.result()
    except CancelledError as error:
        raise CannotLoad("the server is stopping; ask again when it is back") from error
    except Busy as error:
        raise Overloaded(str(error), error.retry_after) from error
    except GenerationFailed as error:
        log.warning("%s: %s", slug, error)
        if any(setting is not None for setting in asked.settings):
            raise Invalid(f"{slug} cannot paint this with other settings than its own: {error}") from error
        raise NotPainted(f"{slug} broke while painting this; the server's log says how") from error
    except ModelError as error:
        log.error("%s cannot be loaded: %s", slug, error)
        raise CannotLoad(f"{slug} cannot be loaded on this server; its log says why") from error
    if isinstance(answer, Refusal):
        return Declined(answer.reason, answer.words)
    took = {
        "seconds": answer.seconds,
        "cpu_seconds": answer.cpu_seconds,
        "batch": answer.batch,
        "peak_bytes": answer.peak_bytes,
        "joules": answer.joules,
        "energy_method": answer.energy_method,
    }
    return Picture(answer.pixels, answer.seed, took, dict(answer.notes))
