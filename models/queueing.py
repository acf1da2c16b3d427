"""Requests that wait, in the order in which they are served, and how long that takes."""

from __future__ import annotations

from bisect import insort
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from models.contracts import GeneratedImage, GenerationRequest, Refusal

Group = tuple[str, tuple[int | None, float | None, tuple[int, int] | None]]
Size = Callable[[str], int]

MOST_PACES = 256
NEWEST = 0.3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request stands.

    Attributes
    ----------
    ahead : int
        Pictures that will be made before it.
    seconds : float or None
        How long until it is there, by the rate of late; None before anything was painted. Loading an
        entrant is not in it.
    """

    ahead: int
    seconds: float | None


@dataclass(slots=True, eq=False)
class Waiting:
    """A request that waits, or is being painted.

    ``turn`` orders: a request of priority n is served as one of priority 0 that came n times the queue's
    patience later. So one of a lower number goes first, but nothing is passed for ever.
    """

    entrant: str
    request: GenerationRequest
    turn: tuple[float, int]
    since: float
    future: Future[GeneratedImage | Refusal] = field(default_factory=Future)

    @property
    def group(self) -> Group:
        """What must be equal for two requests to share a batch."""
        return self.entrant, self.request.settings


class Queue:
    """Requests that wait, by group; not thread-safe by itself."""

    def __init__(self) -> None:
        self._groups: dict[Group, list[Waiting]] = {}

    def __len__(self) -> int:
        return sum(len(group) for group in self._groups.values())

    def __iter__(self) -> Iterator[Waiting]:
        for group in self._groups.values():
            yield from group

    def add(self, waiting: Waiting) -> None:
        """Put a request into its place."""
        insort(self._groups.setdefault(waiting.group, []), waiting, key=lambda other: other.turn)

    def remove(self, waiting: Waiting) -> None:
        """Take a request out; nothing happens if it is not in."""
        group = self._groups.get(waiting.group, [])
        if waiting in group:
            group.remove(waiting)
            if not group:
                del self._groups[waiting.group]

    def first(self) -> Waiting | None:
        """The request whose turn is next."""
        return min((group[0] for group in self._groups.values()), key=lambda one: one.turn, default=None)

    def mates(self, waiting: Waiting) -> list[Waiting]:
        """All that wait in a request's group, itself included, in order."""
        return list(self._groups.get(waiting.group, []))

    def batches(self, size: Size) -> Iterator[list[Waiting]]:
        """Cut what waits into batches, in the order in which they would be painted if nothing else came."""
        groups = {key: deque(group) for key, group in self._groups.items()}
        while groups:
            key = min(groups, key=lambda key: groups[key][0].turn)
            group = groups[key]
            yield [group.popleft() for _ in range(min(size(key[0]), len(group)))]
            if not group:
                del groups[key]


class Pace:
    """Seconds a picture takes, by group: an average in which each newer batch weighs `NEWEST`."""

    def __init__(self) -> None:
        self._seconds: OrderedDict[Group, float] = OrderedDict()

    def note(self, group: Group, pictures: int, seconds: float) -> None:
        """Learn from a batch."""
        new = seconds / pictures
        old = self._seconds.pop(group, new)
        self._seconds[group] = old + NEWEST * (new - old)
        if len(self._seconds) > MOST_PACES:
            self._seconds.popitem(last=False)

    def of(self, group: Group) -> float | None:
        """Seconds a picture of a group; of a group that is new, the mean of the others."""
        if group in self._seconds:
            return self._seconds[group]
        return sum(self._seconds.values()) / len(self._seconds) if self._seconds else None
