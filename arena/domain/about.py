"""What voters may tell about themselves where a campaign asks: coarse answers to three questions, or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from arena.errors import Invalid

QUESTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "age": ("under-25", "25-39", "40-59", "60-and-over"),
    "visual_work": ("none", "under-3-years", "3-to-10-years", "over-10-years"),
    "screen": ("phone", "tablet", "laptop", "desktop", "calibrated"),
}
"""Question -> its answers; not to answer is always one more."""

FEWEST: Final = 5
"""No number of people below this is told to anybody."""


def read_about(sent: Mapping[str, str]) -> dict[str, str]:
    """The answers that were given; a question without one is left out.

    Raises
    ------
    Invalid
        If an answer is none of those offered.
    """
    told: dict[str, str] = {}
    for question, answers in QUESTIONS.items():
        answer = sent.get(question, "")
        if not answer:
            continue
        if answer not in answers:
            raise Invalid(f"{answer[:40]!r} is no answer to {question}; one of {', '.join(answers)} is")
        told[question] = answer
    return told
