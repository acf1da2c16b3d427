"""What a card may say: the keys of each back end, what they may hold, and how they are normalised.

A value that means the same is stored the same (``size = 64`` and ``size = [64, 64]``), so that it hashes to
the same revision.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from models.contracts import KINDS, EntrantCard
from models.digests import digest_folder
from models.errors import CardError

Rule = Callable[[Any], Any]

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
HUB = re.compile(r"[\w.-]+/[\w.-]+")
COMMIT = re.compile(r"[0-9a-f]{40}")
DIGEST = re.compile(r"[0-9a-f]{64}")
VARIABLE = re.compile(r"[A-Za-z_]\w*")
CURRENCY = re.compile(r"[A-Z]{3}")
CLASS = re.compile(r"[A-Za-z_]\w*")
ENGINES = ("auto", "torch", "openvino")
DTYPES = ("auto", "float32", "bfloat16", "float16")
OURS = frozenset(
    {
        "clean_caption",
        "generator",
        "guidance_scale",
        "height",
        "latents",
        "negative_prompt",
        "num_images_per_prompt",
        "num_inference_steps",
        "output_type",
        "prompt",
        "return_dict",
        "use_resolution_binning",
        "width",
    }
)
SENT = frozenset(
    {"guidance", "model", "n", "partial_images", "prompt", "seed", "size", "steps", "stream", "user"}
)


def text(value: Any) -> str:
    """Any words but none at all."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be some text")
    return value


def maybe_text(value: Any) -> str:
    """Any words, or none."""
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


def flag(value: Any) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def table(value: Any) -> dict[str, Any]:
    """A table of its own, checked against the rules of its back end."""
    if not isinstance(value, dict):
        raise ValueError("must be a table")
    return dict(value)


def matching(pattern: re.Pattern[str], meaning: str) -> Rule:
    """Text of a stated form."""

    def rule(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"must be {meaning}")
        return value

    return rule


def one_of(*choices: str) -> Rule:
    """One of a few words."""

    def rule(value: Any) -> Any:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return rule


def whole(low: int, high: int) -> Rule:
    """A whole number between bounds."""

    def rule(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return rule


def number(low: float, high: float) -> Rule:
    """A number between bounds; 7 and 7.0 are the same card."""

    def rule(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return float(value)

    return rule


def width_and_height(value: Any) -> list[int]:
    """``[width, height]`` in pixels; one number is a square."""
    side = whole(8, 8192)
    try:
        pair = value if isinstance(value, list) else [value, value]
        width, height = (side(one) for one in pair)
    except ValueError:
        raise ValueError("must be [width, height] in pixels, or one number, from 8 to 8192") from None
    return [width, height]


def options(value: Any) -> dict[str, Any]:
    """A table of words, numbers and yes-or-no's, or lists of these."""

    def plain(one: Any) -> bool:
        if isinstance(one, list):
            return all(plain(item) for item in one)
        return isinstance(one, str | bool | int) or (isinstance(one, float) and math.isfinite(one))

    if not isinstance(value, dict) or not value or not all(plain(one) for one in value.values()):
        raise ValueError("must be a table of words, finite numbers and true or false")
    return dict(value)


def arguments(value: Any) -> dict[str, Any]:
    """Arguments of a pipeline's call that no other key of the card decides."""
    told = options(value)
    if taken := sorted(OURS & told.keys()):
        raise ValueError(f"must not hold {', '.join(taken)}: other keys of the card decide them")
    return told


def wishes(value: Any) -> dict[str, Any]:
    """What a request to an images API says beside the card's other keys."""
    told = options(value)
    if taken := sorted(SENT & told.keys()):
        raise ValueError(f"must not hold {', '.join(taken)}: other keys of the card decide them")
    return told


def address(value: Any) -> str:
    """The base URL of an images API; a key has no place in it."""
    meant = "must be an address such as https://painter.example/v1, without a name, a key or a question mark"
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        plain = parts and parts.scheme in {"http", "https"} and parts.hostname and (parts.port or 1)
    except ValueError:
        raise ValueError(meant) from None
    if parts is None or not plain or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(meant)
    return parts.geturl().rstrip("/")


@dataclass(frozen=True, slots=True)
class Backend:
    """The keys a back end's card must and may have, and what each may hold."""

    required: Mapping[str, Rule]
    optional: Mapping[str, Rule] = field(default_factory=dict)
    runtime: Mapping[str, Rule] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)


CARD: Mapping[str, Rule] = {
    "slug": matching(SLUG, "small letters, digits and single hyphens"),
    "name": text,
    "kind": one_of(*KINDS),
    "family": matching(SLUG, "small letters, digits and single hyphens"),
    "backend": text,
    "licence": maybe_text,
    "description": maybe_text,
    "source": maybe_text,
    "identity": table,
    "runtime": table,
}
NEEDED = ("slug", "name", "kind", "backend", "identity")

BACKENDS: Mapping[str, Backend] = {
    "atelier": Backend(
        required={"size": whole(16, 2048), "samples": whole(1, 4096), "denoise": flag},
        optional={
            "bounces": whole(0, 64),
            "grammar": text,
            "assets": text,
        },
        runtime={"engine": one_of("mitsuba"), "device": one_of("cpu"), "assets": text},
        defaults={"engine": "mitsuba", "device": "cpu"},
    ),
    "diffusers": Backend(
        required={"steps": whole(1, 1000), "size": width_and_height},
        optional={
            "path": text,
            "hub": matching(HUB, "a hub id such as owner/name"),
            "revision": matching(COMMIT, "a commit of 40 hex digits: a branch or tag can move"),
            "weights": matching(DIGEST, "a SHA-256 of 64 hex digits"),
            "guidance": number(0, 100),
            "scheduler": matching(CLASS, "the name of a scheduler class of diffusers"),
            "scheduler_options": options,
            "negative_prompt": text,
            "arguments": arguments,
        },
        runtime={
            "engine": one_of(*ENGINES),
            "device": matching(DEVICE, "cpu, cuda, cuda:N, mps or auto"),
            "dtype": one_of(*DTYPES),
            "batch": whole(1, 1024),
            "threads": whole(1, 1024),
            "compile": flag,
            "channels_last": flag,
            "attention": text,
            "vae_slicing": flag,
            "vae_tiling": flag,
            "download": flag,
        },
        defaults={
            "engine": "auto",
            "device": "auto",
            "dtype": "auto",
            "batch": 1,
            "compile": False,
            "channels_last": False,
            "attention": "auto",
            "vae_slicing": False,
            "vae_tiling": False,
            "download": False,
        },
    ),
    # Painted elsewhere. Where it is served decides no pixel and what it costs even less: runtime. Whether the
    # seed is sent does decide them: without it no picture can be made twice.
    "images-api": Backend(
        required={
            "provider": text,
            "model": text,
            "version": text,
            "size": width_and_height,
            "seed": one_of("body", "none"),
        },
        optional={"steps": whole(1, 1000), "guidance": number(0, 100), "arguments": wishes},
        runtime={
            "base_url": address,
            "key_env": matching(VARIABLE, "the name of an environment variable; the key has no place here"),
            "timeout": number(1, 3600),
            "retries": whole(0, 20),
            "batch": whole(1, 64),
            "price": number(0, 1000),
            "currency": matching(CURRENCY, "three capital letters such as USD"),
            "live": flag,
            "private_pictures": flag,
        },
        defaults={"timeout": 300.0, "retries": 5, "batch": 4},
    ),
    "retrieval": Backend(
        required={"path": text, "size": whole(16, 2048)},
        optional={"weights": matching(DIGEST, "a SHA-256 of 64 hex digits")},
        runtime={"device": one_of("cpu")},
        defaults={"device": "cpu"},
    ),
}


def read_card(told: Mapping[str, Any], *, file: Path, cache: Path | None = None) -> EntrantCard:
    """Check an ``[[entrant]]`` table and make it a card.

    Parameters
    ----------
    told : mapping
        The table as TOML gives it.
    file : Path
        The catalogue it stands in: what errors name, and what a relative ``path`` starts from.
    cache : Path or None
        Where digests of weights are remembered, see `digest_folder`.

    Raises
    ------
    CardError
        Naming the file, the entrant and the key, and what to write instead.
    """
    slug = told.get("slug")
    where = f"{file}: entrant {slug!r}" if isinstance(slug, str) else f"{file}: an entrant without a slug"
    card = _checked(told, CARD, NEEDED, where)
    backend = BACKENDS.get(card["backend"])
    if backend is None:
        raise CardError(f"{where}: 'backend' must be one of {', '.join(BACKENDS)}, not {card['backend']!r}")
    identity = _checked(
        card["identity"], {**backend.required, **backend.optional}, backend.required, f"{where}, identity"
    )
    runtime = _checked(card.get("runtime", {}), backend.runtime, (), f"{where}, runtime")
    folder = ""
    if card["backend"] in ("diffusers", "retrieval"):
        folder = _pin(identity, file, where, cache)
    return EntrantCard(
        slug=card["slug"],
        name=card["name"],
        kind=card["kind"],
        family=card.get("family", card["slug"]),
        backend=card["backend"],
        identity=identity,
        runtime={**backend.defaults, **runtime},
        licence=card.get("licence", ""),
        description=card.get("description", ""),
        source=card.get("source", ""),
        folder=folder,
    )


def adjusted(card: EntrantCard, **runtime: Any) -> EntrantCard:
    """The same card with other runtime settings, checked as a catalogue's would be; None leaves one alone.

    Raises
    ------
    CardError
        If its back end knows no such setting or the value makes no sense.
    """
    given = {key: value for key, value in runtime.items() if value is not None}
    backend = BACKENDS[card.backend]
    checked = _checked(given, backend.runtime, (), f"entrant {card.slug!r}, runtime")
    return replace(card, runtime={**backend.defaults, **card.runtime, **checked})


def _checked(
    told: Mapping[str, Any], rules: Mapping[str, Rule], needed: Iterable[str], where: str
) -> dict[str, Any]:
    """Check every key of a table against its rule."""
    if unknown := sorted(told.keys() - rules.keys()):
        raise CardError(f"{where}: unknown key {unknown[0]!r}; the keys are {', '.join(sorted(rules))}")
    if missing := [key for key in needed if key not in told]:
        raise CardError(f"{where}: {missing[0]!r} is missing; add it")
    checked = {}
    for key, value in told.items():
        try:
            checked[key] = rules[key](value)
        except ValueError as error:
            raise CardError(f"{where}: {key!r} {error}, not {_short(value)}") from None
    return checked


def _pin(identity: dict[str, Any], file: Path, where: str, cache: Path | None) -> str:
    """Pin the weights in the identity; returns the folder they lie in, or nothing for a hub id."""
    path = identity.pop("path", None)
    if (path is None) == ("hub" not in identity):
        raise CardError(f"{where}, identity: say either 'path', a local folder, or 'hub', a hub id")
    if path is None:
        if "revision" not in identity:
            raise CardError(f"{where}, identity: 'revision' is missing; add the commit of {identity['hub']}")
        return ""
    if "revision" in identity:
        raise CardError(f"{where}, identity: 'revision' goes with 'hub'; leave it out beside 'path'")
    folder = (file.parent / Path(path).expanduser()).resolve()
    if "weights" not in identity:
        try:
            identity["weights"] = digest_folder(folder, cache=cache)
        except CardError as error:
            raise CardError(f"{where}, identity: 'path': {error}") from error
    return str(folder)


def _short(value: Any) -> str:
    told = repr(value)
    return told if len(told) <= 60 else told[:57] + "..."
