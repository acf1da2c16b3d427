"""What an address may say: each parameter has one schema, by which it is documented and read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from werkzeug.datastructures import MultiDict

from arena.domain.views import COHORTS, SOURCES, TIES
from arena.web.read.problems import Problem

MOST = 1000
USUAL = 100
_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_LENGTH = 7
LARGEST = 2**31 - 1
"""The largest number that a row can have."""
_NAME = {"type": "string", "minLength": 1, "maxLength": 64}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter.

    ``must_be`` ends the sentence that refuses a value, ``otherwise`` stands where none is given, ``of_text``
    makes the value of a text that is as the schema says.
    """

    name: str
    meaning: str
    schema: Mapping[str, Any]
    must_be: str
    otherwise: Any = None
    of_text: Callable[[str], Any] = str
    where: Literal["query", "path"] = "query"


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a request, read; ``given`` are the texts of its query."""

    values: Mapping[str, Any]
    given: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def read(takes: Sequence[Parameter], path: Mapping[str, str], query: MultiDict[str, str]) -> Asked:
    """Read the parameters of a request.

    Raises
    ------
    Problem
        400 that names the parameter, if one is unknown, given twice or not what it must be.
    """
    known = {parameter.name: parameter for parameter in takes}
    offered = [parameter.name for parameter in takes if parameter.where == "query"]
    for name, texts in query.lists():
        if name not in offered:
            told = f"there is {', '.join(offered)}" if offered else "this address takes none"
            raise _refused(name, f"{name[:60]!r} is no parameter here; {told}", code="unknown_parameter")
        if len(texts) > 1:
            raise _refused(name, f"{name} is given {len(texts)} times; give it once")
    given = query.to_dict()
    values = {parameter.name: parameter.otherwise for parameter in takes}
    for name, text in {**path, **given}.items():
        parameter = known[name]
        if not fits(parameter.schema, text):
            raise _refused(name, f"{name} must be {parameter.must_be}, not {text[:60]!r}")
        values[name] = parameter.of_text(text)
    return Asked(values, given)


def fits(schema: Mapping[str, Any], text: str) -> bool:
    """Whether a text is a value of a schema; of JSON Schema it knows what the parameters here use."""
    if schema["type"] == "integer":
        form = re.fullmatch(r"0|[1-9][0-9]{0,15}", text)
        return form is not None and schema["minimum"] <= int(text) <= schema["maximum"]
    if "enum" in schema:
        return text in schema["enum"]
    if "pattern" in schema and not re.fullmatch(schema["pattern"], text):
        return False
    if schema.get("format") == "date" and not _is_day(text):
        return False
    return bool(schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text)))


def cursor_of(number: int) -> str:
    """A cursor that goes on behind the row of that number."""
    digits = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(digits)


def number_of(cursor: str) -> int:
    """The number behind which a cursor goes on."""
    number: int = sum(_DIGITS.index(digit) * len(_DIGITS) ** place for place, digit in enumerate(cursor))
    return min(number, LARGEST)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _refused(name: str, detail: str, *, code: str = "invalid_parameter") -> Problem:
    return Problem(400, code, detail, parameter=name[:60])


def _choice(name: str, meaning: str, choices: Sequence[str]) -> Parameter:
    return Parameter(name, meaning, {"type": "string", "enum": list(choices)}, " or ".join(choices))


def _day(name: str, meaning: str) -> Parameter:
    return Parameter(name, meaning, {"type": "string", "format": "date"}, "a day such as 2026-11-23")


CAMPAIGN = Parameter("campaign", "only of this campaign, by its slug", _NAME, "the slug of a campaign")
CRITERION = Parameter(
    "criterion", "which of its questions; the first if not given", _NAME, "a criterion's slug"
)
SLUG = Parameter("slug", "slug of the entrant", _NAME, "the slug of an entrant", where="path")
NUMBER = Parameter(
    "number",
    "number of the run",
    {"type": "integer", "minimum": 1, "maximum": LARGEST},
    "the number of a run",
    of_text=int,
    where="path",
)
LIMIT = Parameter(
    "limit",
    "most rows to answer with",
    {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
    f"a whole number from 1 to {MOST}",
    otherwise=USUAL,
    of_text=int,
)
CURSOR = Parameter(
    "cursor",
    "where to go on: taken from a `next` link, never made",
    {"type": "string", "pattern": f"^[0-9a-v]{{{_LENGTH}}}$"},
    "taken from a `next` link",
    otherwise=0,
    of_text=number_of,
)
RUN_VIEW = Parameter(
    "view",
    "only runs of this view, as they tell it themselves; empty for the standing boards",
    {"type": "string", "maxLength": 240},
    "a view as a run tells it",
)
VIEW = (
    Parameter(
        "category",
        "only votes on prompts of this category",
        {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$"},
        "the slug of a category",
    ),
    _choice("source", "only votes on the operator's prompts, or on raters' own", SOURCES),
    _choice("cohort", "only votes of these raters", COHORTS),
    _day("since", "only votes from this UTC day on"),
    _day("until", "only votes up to the end of this UTC day"),
    _choice("ties", "ties as half a win each, left out, or with a probability of their own", TIES),
    _choice("style", "1 holds the measured style of the pictures equal", ("0", "1")),
)
"""Parameters of `arena.domain.views.View`."""
PAGED = (LIMIT, CURSOR)
