"""What an operator set up to check prompts and pictures: ``moderation.toml`` in the data folder.

::

    unknown_language = "allow"          # another checker knows more languages than our lists

    [[rule]]                            # as in arena/data/moderation.toml, which it adds to
    category = "other"
    words = ["our mascot"]

    [[checker]]
    kind = "openai"                     # openai, azure, llama-guard, open-nsfw, diffusers
    checks = ["prompts", "pictures"]
    base_url = "https://api.openai.com/v1"
    key_env = "OPENAI_API_KEY"          # the environment variable that holds the key
    review = 0.4
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from arena import paths
from arena.domain.moderation import WordList, read_lists
from arena.errors import SettingsError

if TYPE_CHECKING:
    from models.safety import PictureChecker, PromptChecker

FILE: Final = "moderation.toml"
BUILT_IN: Final = paths.PACKAGE / "data" / FILE
PROMPTS, PICTURES = "prompts", "pictures"
_TABLES: Final = {"unknown_language", "harmless", "groups", "rule", "checker"}
_KNOWN: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "openai": (
        frozenset({PROMPTS, PICTURES}),
        frozenset({"base_url", "key_env", "model", "review", "timeout"}),
    ),
    "azure": (
        frozenset({PROMPTS, PICTURES}),
        frozenset({"base_url", "key_env", "review", "block", "timeout"}),
    ),
    "llama-guard": (frozenset({PROMPTS, PICTURES}), frozenset({"base_url", "key_env", "model", "timeout"})),
    "open-nsfw": (frozenset({PICTURES}), frozenset({"review", "block"})),
    "diffusers": (frozenset({PICTURES}), frozenset({"path"})),
}
"""What each kind can check, and what may be said of it."""
_NEEDS: Final = {
    "openai": ("base_url", "key_env"),
    "azure": ("base_url", "key_env"),
    "llama-guard": ("base_url", "model"),
    "diffusers": ("path",),
}


@dataclass(frozen=True, slots=True)
class CheckerSettings:
    """One ``[[checker]]`` of the file; ``folder`` is what a relative path starts from."""

    kind: str
    checks: frozenset[str]
    options: Mapping[str, Any]
    folder: Path


@dataclass(frozen=True, slots=True)
class Guardrails:
    """The lists, and the checkers beside them."""

    words: WordList
    checkers: tuple[CheckerSettings, ...] = field(default=())

    def prompt_checkers(self) -> tuple[PromptChecker, ...]:
        """Make the checkers of prompts."""
        made = [_MAKERS[one.kind](one) for one in self.checkers if PROMPTS in one.checks]
        return tuple(made)

    def picture_checkers(self) -> tuple[PictureChecker, ...]:
        """Make the checkers of pictures; loads their weights."""
        made = [_MAKERS[one.kind](one) for one in self.checkers if PICTURES in one.checks]
        return tuple(made)


def read_guardrails(home: Path) -> Guardrails:
    """Read what is built in, and what the data folder adds.

    Raises
    ------
    SettingsError
        If the file cannot be used: where, and what to write instead.
    """
    tables = [("the built-in list", _toml(BUILT_IN))]
    own = home / FILE
    if own.exists():
        tables.append((str(own), _toml(own)))
    checkers = [
        _settings(told, f"{own}: checker {place}", home)
        for _, table in tables
        for place, told in enumerate(table.get("checker", []), start=1)
    ]
    return Guardrails(read_lists(tables), tuple(checkers))


def _toml(file: Path) -> dict[str, Any]:
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    unknown = sorted(set(told) - _TABLES)
    if unknown:
        raise SettingsError(f"{file} has {unknown[0]!r}; it may have {', '.join(sorted(_TABLES))}")
    return told


def _settings(told: Any, where: str, folder: Path) -> CheckerSettings:
    kind = str(told.get("kind")) if isinstance(told, dict) else ""
    if kind not in _KNOWN:
        raise SettingsError(f"{where}: kind must be one of {', '.join(_KNOWN)}")
    can, may = _KNOWN[kind]
    unknown = sorted(set(told) - may - {"kind", "checks"})
    missing = [name for name in _NEEDS.get(kind, ()) if name not in told]
    if unknown or missing:
        what = f"has {unknown[0]!r}" if unknown else f"lacks {missing[0]!r}"
        raise SettingsError(f"{where} {what}; {kind} takes {', '.join(sorted(may))}")
    listed = told.get("checks", sorted(can))
    checks = frozenset(map(str, listed)) if isinstance(listed, list) else frozenset()
    if not checks or not checks <= can:
        raise SettingsError(f"{where}: {kind} can check {' and '.join(sorted(can))}")
    options = {name: value for name, value in told.items() if name not in {"kind", "checks"}}
    for name in ("review", "block", "timeout"):
        if name in options and (
            isinstance(options[name], bool) or not isinstance(options[name], int | float)
        ):
            raise SettingsError(f"{where}: {name} must be a number")
    return CheckerSettings(kind, checks, options, folder)


def _server(told: CheckerSettings, header: str, form: str) -> Any:
    from models.remote_safety import Server

    headers: dict[str, str] = {}
    variable = told.options.get("key_env")
    if variable is not None:
        key = os.environ.get(variable)
        if not key:
            raise SettingsError(f"{variable} is not set; the checker {told.kind} needs the key it holds")
        headers[header] = form.format(key)
    return Server(str(told.options["base_url"]), headers, float(told.options.get("timeout", 5.0)))


def _chosen(told: CheckerSettings, *names: str) -> dict[str, Any]:
    return {name: told.options[name] for name in names if name in told.options}


def _openai(told: CheckerSettings) -> Any:
    from models.remote_safety import OpenAiModeration

    return OpenAiModeration(_server(told, "Authorization", "Bearer {}"), **_chosen(told, "model", "review"))


def _azure(told: CheckerSettings) -> Any:
    from models.remote_safety import AzureContentSafety

    server = _server(told, "Ocp-Apim-Subscription-Key", "{}")
    return AzureContentSafety(server, **_chosen(told, "review", "block"))


def _llama_guard(told: CheckerSettings) -> Any:
    from models.remote_safety import LlamaGuard

    return LlamaGuard(_server(told, "Authorization", "Bearer {}"), model=str(told.options["model"]))


def _open_nsfw(told: CheckerSettings) -> Any:
    from models.safety import OpenNsfw

    return OpenNsfw(**_chosen(told, "review", "block"))


def _diffusers(told: CheckerSettings) -> Any:
    from models.safety import DiffusersSafety

    return DiffusersSafety(told.folder / str(told.options["path"]))


_MAKERS: Final[Mapping[str, Callable[[CheckerSettings], Any]]] = {
    "openai": _openai,
    "azure": _azure,
    "llama-guard": _llama_guard,
    "open-nsfw": _open_nsfw,
    "diffusers": _diffusers,
}
