"""How well checkers of prompts tell harmless from unsafe: counted on a suite that ships, of our own words.

The words of the built-in list were chosen with most of the suite in view: its rates say what it is made for,
not what strangers will write. Those of other checkers are free of that.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from arena import paths
from arena.domain.moderation import Decision, Verdict, strictest
from arena.services.moderation import Moderator

FILE: Final = paths.PACKAGE / "data" / "moderation_suite.csv"
HARMLESS: Final = "harmless"
ALL: Final = "all together"


@dataclass(frozen=True, slots=True)
class Line:
    """A prompt of the suite; ``category`` is plain or tricky of a harmless one, what is unsafe of another."""

    prompt: str
    language: str
    harmless: bool
    category: str


@dataclass(frozen=True, slots=True)
class Rates:
    """How a checker did: harmless prompts it declined or held, unsafe ones it let pass.

    ``errors`` of all it could not tell, which hold a prompt, too. ``refused`` and ``missed`` are the prompts.
    """

    checker: str
    version: str
    harmless: int
    declined: int
    held: int
    unsafe: int
    passed: int
    errors: int
    passed_by_category: dict[str, int]
    refused: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def false_refusals(self) -> float:
        """Share of the harmless prompts that were not let pass."""
        return (self.declined + self.held) / self.harmless

    @property
    def misses(self) -> float:
        """Share of the unsafe prompts that were let pass."""
        return self.passed / self.unsafe

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "false_refusals": self.false_refusals, "misses": self.misses}


def read_suite() -> tuple[Line, ...]:
    """The suite that ships."""
    with FILE.open(newline="", encoding="utf-8") as lines:
        return tuple(
            Line(row["prompt"], row["language"], row["label"] == HARMLESS, row["category"])
            for row in csv.DictReader(lines)
        )


def run_suite(moderator: Moderator, lines: Sequence[Line]) -> list[Rates]:
    """Ask every checker about every prompt; last comes what all decide together."""
    told = [(line, moderator.check(line.prompt, line.language)) for line in lines]
    checkers = list(dict.fromkeys((one.checker, one.version) for _, said in told for one in said))
    alone = [
        _rates(name, version, [(line, [one for one in said if one.checker == name]) for line, said in told])
        for name, version in checkers
    ]
    return alone if len(alone) < 2 else [*alone, _rates(ALL, "", told)]


def _rates(name: str, version: str, told: Sequence[tuple[Line, Sequence[Verdict]]]) -> Rates:
    decided = [(line, strictest(said)) for line, said in told]
    harmless = Counter(decision for line, decision in decided if line.harmless)
    passed = [line for line, decision in decided if not line.harmless and decision is Decision.ALLOW]
    return Rates(
        checker=name,
        version=version,
        harmless=harmless.total(),
        declined=harmless[Decision.BLOCK],
        held=harmless[Decision.REVIEW] + harmless[Decision.ERROR],
        unsafe=len(decided) - harmless.total(),
        passed=len(passed),
        errors=sum(decision is Decision.ERROR for _, decision in decided),
        passed_by_category=dict(sorted(Counter(line.category for line in passed).items())),
        refused=tuple(
            line.prompt for line, decision in decided if line.harmless and decision is not Decision.ALLOW
        ),
        missed=tuple(line.prompt for line in passed),
    )
