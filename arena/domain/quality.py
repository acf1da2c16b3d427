"""The rules about the quality of votes: which battles only check their rater, and what follows from them.

A rule is published under a name, and never changed under that name: a campaign that registered
``quality/1`` is judged by what `RULES` holds under it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CHECKS_SHARE: Final = 0.06
"""Share of battles that only check raters, where a campaign says nothing else."""

MOST_CHECKS: Final = 0.5
"""The largest share that a campaign may choose."""

BATTLES_BETWEEN: Final = 8
"""A pair comes again after at least so many others; before as many, nobody is checked at all."""

CHECKS_VERSION: Final = "checks/1"
"""Version of how battles that check are drawn, kept with each."""

TOO_FAST_MS: Final = 600
"""An answer sooner than this after both pictures were shown is too fast to have compared them."""

KNOWN_QUESTIONS: Final = frozenset({"preference", "prompt-following", "prompt_following"})
"""The questions to which the picture of the prompt is the known answer beside a picture of other words."""

_SHORTEST: Final = 4
_WORD: Final = re.compile(r"[^\W\d_]+")


def quite_different(text: str, other: str) -> bool:
    """Whether two prompts share no word of four letters or more, nor two letters of a script without blanks.

    Articles and prepositions are short, so that "in" and "the" make no two prompts alike; of Chinese and
    Japanese, which set no blanks, every two neighbouring letters are compared.
    """
    return not _telling(text) & _telling(other)


def _telling(text: str) -> frozenset[str]:
    """The parts of a text that tell what it is about."""
    parts: set[str] = set()
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
        if ord(max(word)) >= 0x3040:
            parts |= {word[at : at + 2] for at in range(max(1, len(word) - 1))}
        elif len(word) >= _SHORTEST:
            parts.add(word.removesuffix("s"))
    return frozenset(parts)


class Failing(StrEnum):
    """Why a rule leaves a rater's votes out."""

    KNOWN_ANSWERS = "known_answers"
    TOO_FAST = "too_fast"


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted of one rater in one campaign.

    Attributes
    ----------
    known, passed : int
        Answers to pairs whose answer is known, and those that gave it. "Both bad" is not among them: both
        may be bad as pictures.
    timed, fast : int
        Answers with a stopwatch, and those sooner than `TOO_FAST_MS`.
    """

    known: int = 0
    passed: int = 0
    timed: int = 0
    fast: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """When all of a rater's votes in a campaign are left out.

    Attributes
    ----------
    name : str
    failures : int
        At least so many known answers were missed, and
    pass_rate : float
        fewer than this share were given; or,
    timed : int
        of at least so many answers with a stopwatch,
    fast_share : float
        more than this share were too fast.
    """

    name: str
    failures: int
    pass_rate: float
    timed: int
    fast_share: float

    def failing(self, counted: Counted) -> tuple[Failing, ...]:
        """What a rater fails by; nothing if their votes count."""
        found = []
        missed = counted.known - counted.passed
        if missed >= self.failures and counted.passed < self.pass_rate * counted.known:
            found.append(Failing.KNOWN_ANSWERS)
        if counted.timed >= self.timed and counted.fast > self.fast_share * counted.timed:
            found.append(Failing.TOO_FAST)
        return tuple(found)


RULES: Final[Mapping[str, Rule]] = {
    "quality/1": Rule("quality/1", failures=3, pass_rate=0.6, timed=20, fast_share=0.5),
}
"""Every rule there has been, by its name."""
