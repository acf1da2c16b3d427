"""Prompt sets as files: CSV, TSV, JSON lines or plain text, with our columns or those of known sets.

Columns are found by name, in any case: ``prompt``; ``categories`` or ``category`` (slugs by blanks, commas or
semicolons; in JSON also a list); ``language``; ``licence`` or ``license``; ``origin`` or ``source``. A TSV is
read as it stands, without quoting. A file with PartiPrompts' or GenEval's columns is known as such.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.domain.categories import check_categories
from arena.domain.prompts import clean_prompt
from arena.errors import InvalidPrompt
from arena.services.curation import NewPrompt

PARTI, GENEVAL = "PartiPrompts", "GenEval"
PARTI_CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "abstract": ("abstract",),
    "animals": ("animals",),
    "artifacts": ("still-life",),
    "arts": ("painting",),
    "food & beverage": ("still-life",),
    "illustrations": ("illustration",),
    "indoor scenes": ("architecture",),
    "outdoor scenes": ("landscape",),
    "people": ("people",),
    "produce & plants": ("still-life",),
    "vehicles": ("still-life",),
    "world knowledge": (),
}
"""PartiPrompts' categories as ours; what is World Knowledge to them may show anything: the rules tag it.

GenEval's tags (counting, position, ...) name what is tested, not what is shown: the rules tag its prompts.
"""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_LONGEST_LANGUAGE, _LONGEST_ORIGIN = 16, 120
Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A prompt and the line of the file on which it ends, from 1."""

    number: int
    prompt: NewPrompt


@dataclass(frozen=True, slots=True)
class PromptFile:
    """A prompt set that was read: whose columns it has (``arena`` or a known set's), and its prompts."""

    name: str
    columns: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is said of all prompts of a file; an empty string leaves it to the file.

    ``known`` are categories of the operator's own, and ``new`` lets the file introduce others.
    """

    origin: str = ""
    licence: str = ""
    language: str = ""
    known: tuple[str, ...] = ()
    new: bool = False


def read_prompt_file(path: Path, defaults: Defaults) -> PromptFile:
    """Read a prompt set; every prompt can be painted, and every category is known.

    Raises
    ------
    InvalidPrompt
        With the file, the line and what is wrong there; nothing is returned of the rest.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidPrompt(
            "unknown_format", f"{path} is none of {', '.join(_READERS)}; rename it after what it holds"
        )
    try:
        rows = list(reader(path))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidPrompt("unreadable", f"{path} cannot be read as UTF-8 text: {error}") from error
    if not rows:
        raise InvalidPrompt("no_prompts", f"{path} has no prompts")
    columns = _columns(rows[0][1])
    origin = defaults.origin or (columns if columns in (PARTI, GENEVAL) else path.stem)
    lines = []
    for number, fields in rows:
        try:
            lines.append(Line(number, _prompt(fields, columns, origin, defaults)))
        except InvalidPrompt as error:
            raise InvalidPrompt(error.reason, f"{path}, line {number}: {error}") from error
    return PromptFile(path.name, columns, tuple(lines))


def _columns(fields: Fields) -> str:
    if {"prompt", "category", "challenge"} <= fields.keys():
        return PARTI
    if {"prompt", "tag", "include"} <= fields.keys():
        return GENEVAL
    return "arena"


def _table(path: Path, **dialect: Any) -> Iterator[tuple[int, Fields]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, **dialect)
        names = [name.strip().lower() for name in next(reader, [])]
        if "prompt" not in names:
            told = ", ".join(names) or "nothing"
            raise InvalidPrompt("no_column", f"{path} has no column called prompt; its first line has {told}")
        for row in reader:
            if len(row) > len(names):
                raise InvalidPrompt(
                    "bad_row",
                    f"{path}, line {reader.line_num}: {len(row)} fields under {len(names)} columns; "
                    "put a prompt that has the separator into quotes, or use JSON lines",
                )
            if row:
                yield reader.line_num, dict(zip(names, row, strict=False))


def _csv(path: Path) -> Iterator[tuple[int, Fields]]:
    return _table(path, strict=True)


def _tsv(path: Path) -> Iterator[tuple[int, Fields]]:
    return _table(path, delimiter="\t", quoting=csv.QUOTE_NONE)


def _jsonl(path: Path) -> Iterator[tuple[int, Fields]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, _object(path, number, line)


def _object(path: Path, number: int, line: str) -> Fields:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidPrompt("bad_row", f"{path}, line {number} is no JSON: {error}") from error
    if not isinstance(told, dict) or not any(name.lower() == "prompt" for name in told):
        raise InvalidPrompt("bad_row", f'{path}, line {number} is no JSON object with a "prompt"')
    return {name.lower(): value for name, value in told.items()}


def _text(path: Path) -> Iterator[tuple[int, Fields]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, {"prompt": line}


_READERS: Mapping[str, Callable[[Path], Iterator[tuple[int, Fields]]]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".jsonl": _jsonl,
    ".txt": _text,
}


def _prompt(fields: Fields, columns: str, origin: str, defaults: Defaults) -> NewPrompt:
    language = defaults.language or _word(fields, "language") or "en"
    if len(language) > _LONGEST_LANGUAGE or not _LANGUAGE.fullmatch(language):
        raise InvalidPrompt("bad_language", f"{language!r} is no language tag; use one such as en or pt-BR")
    origin = defaults.origin or _word(fields, "origin", "source") or origin
    if len(origin) > _LONGEST_ORIGIN:
        raise InvalidPrompt("bad_origin", f"the origin is longer than {_LONGEST_ORIGIN} characters")
    return NewPrompt(
        text=clean_prompt(_word(fields, "prompt")),
        categories=_categories(fields, columns, defaults),
        language=language,
        licence=defaults.licence or _word(fields, "licence", "license"),
        origin=origin,
    )


def _categories(fields: Fields, columns: str, defaults: Defaults) -> tuple[str, ...]:
    if columns == GENEVAL:
        return ()
    if columns == PARTI:
        theirs = _word(fields, "category")
        if theirs.lower() not in PARTI_CATEGORIES:
            raise InvalidPrompt("unknown_category", f"{theirs!r} is no category of {PARTI}")
        return PARTI_CATEGORIES[theirs.lower()]
    told = fields.get("categories") or fields.get("category") or ""
    if isinstance(told, str):
        told = re.split(r"[\s,;]+", told.strip()) if told.strip() else []
    if not isinstance(told, list) or not all(isinstance(slug, str) for slug in told):
        raise InvalidPrompt("bad_row", "the categories are neither a text nor a list of texts")
    return check_categories(told, known=defaults.known, new=defaults.new)


def _word(fields: Fields, *names: str) -> str:
    """The first of these fields that says something."""
    for name in names:
        told = fields.get(name)
        if told is not None and not isinstance(told, str):
            raise InvalidPrompt("bad_row", f"the {name} is no text")
        if told and told.strip():
            return told.strip()
    return ""
