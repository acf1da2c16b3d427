"""Writing a runtime into the operator's own catalogue, and leaving all else in it as it stands."""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from models.cards import read_card
from models.contracts import EntrantCard
from models.errors import CardError

ENTRANT = re.compile(r"\s*\[\[\s*entrant\s*\]\]")
RUNTIME = re.compile(r"\s*\[\s*entrant\s*\.\s*runtime\s*\]")
TABLE = re.compile(r"\s*\[")
WHAT_STANDS = ("slug", "name", "kind", "family", "backend", "licence", "source", "description")


def write_runtime(card: EntrantCard, runtime: Mapping[str, Any], file: Path) -> None:
    """Set runtime keys of a card in a catalogue; a card that stands elsewhere is copied into it first.

    The file is replaced whole, once it is certain that it reads as the same cards but for this runtime.

    Raises
    ------
    CardError
        If the file is written in a way that this cannot edit: what to write by hand, and where.
    """
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    slugs = [entrant.get("slug") for entrant in tomllib.loads(text).get("entrant", [])]
    if card.slug in slugs:
        changed = _edited(text, slugs.index(card.slug), runtime)
    else:
        changed = text.rstrip("\n") + ("\n\n" if text.strip() else "") + as_toml(card, runtime)
    if not _is_only_that(text, changed, card, runtime, file):
        told = ", ".join(f"{key} = {_value(value)}" for key, value in runtime.items())
        raise CardError(f"{file} cannot be edited safely; under entrant {card.slug!r} set runtime {told}")
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(changed)
        Path(draft).chmod(file.stat().st_mode & 0o777 if file.exists() else 0o644)
        Path(draft).replace(file)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _edited(text: str, place: int, runtime: Mapping[str, Any]) -> str:
    """Set keys in the runtime table of the entrant at a place, which is made if there is none."""
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if ENTRANT.match(line)]
    if place >= len(starts):
        return text
    start = starts[place]
    end = starts[place + 1] if place + 1 < len(starts) else len(lines)
    header = next((n for n in range(start, end) if RUNTIME.match(lines[n])), None)
    if header is None:
        at = _last_told(lines, start, end) + 1
        return "\n".join([*lines[:at], "", "[entrant.runtime]", *_lines(runtime), *lines[at:]])
    stop = next((n for n in range(header + 1, end) if TABLE.match(lines[n])), end)
    left = dict(runtime)
    for number in range(header + 1, stop):
        found = re.match(r"(\s*)([A-Za-z_]+)(\s*=\s*)([^#]*?)(\s*(?:#.*)?)$", lines[number])
        if found and found[2] in left:
            lines[number] = f"{found[1]}{found[2]}{found[3]}{_value(left.pop(found[2]))}{found[5]}"
    at = _last_told(lines, header, stop) + 1
    return "\n".join([*lines[:at], *_lines(left), *lines[at:]])


def _last_told(lines: list[str], start: int, end: int) -> int:
    """The last line that is neither empty nor a comment."""
    return max(
        n
        for n in range(start, end)
        if n == start or (lines[n].strip() and not lines[n].lstrip().startswith("#"))
    )


def _is_only_that(before: str, after: str, card: EntrantCard, runtime: Mapping[str, Any], file: Path) -> bool:
    """Whether the new text says what the old one did, with this runtime and the same revision."""
    try:
        was, now = tomllib.loads(before).get("entrant", []), tomllib.loads(after).get("entrant", [])
        (mine,) = (entrant for entrant in now if entrant["slug"] == card.slug)
    except (ValueError, KeyError):
        return False
    for entrant in was:
        if entrant["slug"] == card.slug:
            entrant["runtime"] = {**entrant.get("runtime", {}), **runtime}
    others = [entrant for entrant in now if entrant is not mine or len(was) == len(now)]
    same = was == others and all(mine["runtime"].get(key) == value for key, value in runtime.items())
    return same and read_card(mine, file=file).revision == card.revision


def as_toml(card: EntrantCard, runtime: Mapping[str, Any] = MappingProxyType({})) -> str:
    """A card as the ``[[entrant]]`` table of a catalogue, with some of its runtime changed."""
    identity = dict(card.identity)
    if card.folder:
        identity = {"path": card.folder, **identity}
    told = {key: getattr(card, key) for key in WHAT_STANDS if getattr(card, key)}
    parts = [
        "[[entrant]]",
        *_lines(told),
        "",
        "[entrant.identity]",
        *_lines(identity),
        "",
        "[entrant.runtime]",
        *_lines({**card.runtime, **runtime}),
    ]
    return "\n".join(parts) + "\n"


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items()]


def _value(value: Any) -> str:
    """A value of a card as TOML; what JSON writes is TOML too, but for tables."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)
