"""The four outcomes of a comparison, and the words other formats have for them, in one place.

References
----------
.. [FastChat] `winner` of the clean_battle files and of the 33k and 100k releases of Chatbot Arena.
.. [LMArena] `winner` of arena-human-preference-140k, one-hot columns of arena-human-preference-55k.
.. [GenAIBench] `vote_type` of TIGER-Lab/GenAI-Bench.
.. [PickaPic] `label_0` of Pick-a-Pic, where 0.5 is any vote without a winner.
.. [HPDv2] `human_preference` of the Human Preference Dataset v2, which holds decided pairs only.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from analysis.errors import InvalidOption, UnknownOutcome


class Outcome(StrEnum):
    """What a rater said of the picture on the left and the picture on the right."""

    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"
    BOTH_BAD = "both_bad"


def _words(left: str, right: str, tie: str | None, both_bad: str | None) -> Mapping[Outcome, str | None]:
    """Make one column of the table."""
    return MappingProxyType(
        {Outcome.LEFT: left, Outcome.RIGHT: right, Outcome.TIE: tie, Outcome.BOTH_BAD: both_bad}
    )


OUTCOME_WORDS: Final[Mapping[str, Mapping[Outcome, str | None]]] = MappingProxyType(
    {
        "vernissage": _words("left", "right", "tie", "both_bad"),
        "clean_battle": _words("model_a", "model_b", "tie", "tie (bothbad)"),
        "lmarena_100k": _words("model_a", "model_b", "tie", "tie (bothbad)"),
        "lmarena_140k": _words("model_a", "model_b", "tie", "both_bad"),
        "lmarena_55k": _words("1,0,0", "0,1,0", "0,0,1", "0,0,1"),
        "genai_bench": _words("leftvote", "rightvote", "tievote", "bothbad_vote"),
        "pickapic": _words("1.0", "0.0", "0.5", "0.5"),
        "hpdv2": _words("[1,0]", "[0,1]", None, None),
        "dpo": _words("1.0", "0.0", None, None),
        "rapidata": _words("votes_image1", "votes_image2", None, None),
    }
)
"""``OUTCOME_WORDS[format][outcome]`` is the word of a format, or None where the format drops such a vote.

A format with one word for tie and both bad cannot be read back to both bad: its word is read as a tie.
"""


def _readings(words: Mapping[Outcome, str | None]) -> dict[str, Outcome]:
    """Turn a column of the table round; of two outcomes with one word the first, the tie, is kept."""
    readings: dict[str, Outcome] = {}
    for outcome, word in words.items():
        if word is not None:
            readings.setdefault(word, outcome)
    return readings


_BY_FORMAT: Final = {name: _readings(words) for name, words in OUTCOME_WORDS.items()}
_ANY_FORMAT: Final = {word: outcome for readings in _BY_FORMAT.values() for word, outcome in readings.items()}


def parse_outcome(word: object, vocabulary: str | None = None) -> Outcome:
    """Read a word as an outcome, or refuse.

    Parameters
    ----------
    word : str
        One of our four words, or any word of `OUTCOME_WORDS`; case and spaces count.
    vocabulary : str, optional
        Key of `OUTCOME_WORDS`; only the words of that format are then known.

    Returns
    -------
    Outcome

    Raises
    ------
    UnknownOutcome
        The word names no outcome ("skip", a typo, an empty string, a number).
    InvalidOption
        No format has the name `vocabulary`.
    """
    if vocabulary is not None and vocabulary not in _BY_FORMAT:
        known = ", ".join(_BY_FORMAT)
        raise InvalidOption(f"no format is called {vocabulary!r}; known are {known}")
    readings = _ANY_FORMAT if vocabulary is None else _BY_FORMAT[vocabulary]
    outcome = readings.get(word) if isinstance(word, str) else None
    if outcome is None:
        raise UnknownOutcome(word, vocabulary=vocabulary)
    return outcome
