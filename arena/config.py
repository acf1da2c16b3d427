"""Settings: frozen, parsed once, no default secret."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from arena.errors import SettingsError


def _setting(variable: str, meaning: str) -> dict[str, str]:
    return {"variable": variable, "meaning": meaning}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that an operator can set; each field names its environment variable and meaning."""

    home: Path = field(metadata=_setting("ARENA_HOME", "data folder (`var`)"))
    database: str = field(metadata=_setting("ARENA_DATABASE", "database URL (SQLite in the data folder)"))
    images: Path = field(
        metadata=_setting("ARENA_IMAGES", "folder of the pictures (`images` in the data folder)")
    )
    catalog: Path = field(metadata=_setting("ARENA_CATALOG", "your own entrants (`catalog.toml` there)"))
    assets: Path = field(
        metadata=_setting("ARENA_ASSETS", "lighting fetched by `make assets` (`assets` in the data folder)")
    )
    secret_key: str | None = field(
        repr=False,
        metadata=_setting("ARENA_SECRET_KEY", "signs cookies and pseudonyms (`secret.key` there)"),
    )
    public_url: str = field(
        metadata=_setting(
            "ARENA_PUBLIC_URL",
            "where people reach it; https makes cookies `Secure` (`http://HOST:PORT`)",
        )
    )
    host: str = field(metadata=_setting("ARENA_HOST", "address to listen on (`127.0.0.1`)"))
    port: int = field(metadata=_setting("ARENA_PORT", "port to listen on (`8000`)"))
    threads: int = field(metadata=_setting("ARENA_THREADS", "threads of the web process (`16`)"))
    device: str = field(metadata=_setting("ARENA_DEVICE", "where models run: `cpu`, `cuda`, `mps` (`auto`)"))
    dtype: str = field(
        metadata=_setting("ARENA_DTYPE", "`float32`, `bfloat16`, `float16` (`card`: each card's own)")
    )
    log_level: str = field(
        metadata=_setting("ARENA_LOG_LEVEL", "`debug`, `info`, `warning`, `error` (`info`)")
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read the environment once.

        Raises
        ------
        SettingsError
            With the variable, what is wrong with it, and what to do.
        """
        unknown = sorted(
            name
            for name in environ
            if name.startswith("ARENA_") and name not in _KNOWN and "TEST" not in name
        )
        if unknown:
            raise SettingsError(
                f"{unknown[0]} is no setting; the README lists them: {', '.join(sorted(_KNOWN))}"
            )
        home = Path(environ.get("ARENA_HOME") or "var").expanduser().absolute()
        public_url = environ.get("ARENA_PUBLIC_URL") or (
            f"http://{environ.get('ARENA_HOST') or '127.0.0.1'}:{environ.get('ARENA_PORT') or 8000}"
        )
        if urlsplit(public_url).scheme not in {"http", "https"}:
            raise SettingsError(f"ARENA_PUBLIC_URL must start with http:// or https://, not {public_url!r}")
        return cls(
            home=home,
            database=environ.get("ARENA_DATABASE") or f"sqlite:///{home / 'arena.sqlite'}",
            images=Path(environ.get("ARENA_IMAGES") or home / "images").expanduser().absolute(),
            catalog=Path(environ.get("ARENA_CATALOG") or home / "catalog.toml").expanduser().absolute(),
            assets=Path(environ.get("ARENA_ASSETS") or home / "assets").expanduser().absolute(),
            secret_key=environ.get("ARENA_SECRET_KEY") or _read_secret(home),
            public_url=public_url.rstrip("/"),
            host=environ.get("ARENA_HOST") or "127.0.0.1",
            port=_whole(environ, "ARENA_PORT", 8000, low=0, high=65535),
            threads=_whole(environ, "ARENA_THREADS", 16, low=1, high=512),
            device=_one_of(environ, "ARENA_DEVICE", "auto", ("auto", "cpu", "cuda", "mps")),
            dtype=_one_of(environ, "ARENA_DTYPE", "card", ("card", "float32", "bfloat16", "float16")),
            log_level=_one_of(environ, "ARENA_LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
        )

    @property
    def secret(self) -> str:
        """The secret, for what signs with it.

        Raises
        ------
        SettingsError
            If there is none.
        """
        if self.secret_key is None:
            raise SettingsError(
                f"ARENA_SECRET_KEY is not set and {self.home} has no secret.key; `arena init` makes one"
            )
        return self.secret_key

    @property
    def secure(self) -> bool:
        """Whether people reach the arena over https."""
        return urlsplit(self.public_url).scheme == "https"


_KNOWN = {f.metadata["variable"] for f in fields(Settings)}


def make_home(home: Path) -> None:
    """Make the data folder and its secret, which stays as it is once made."""
    home.mkdir(parents=True, exist_ok=True)
    secret = home / "secret.key"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_hex(32) + "\n")


def _read_secret(home: Path) -> str | None:
    file = home / "secret.key"
    if not file.exists():
        return None
    secret = file.read_text().strip()
    if len(secret) < 32:
        raise SettingsError(f"{file} holds fewer than 32 characters; remove it and run `arena init`")
    return secret


def _whole(environ: Mapping[str, str], name: str, default: int, *, low: int, high: int) -> int:
    text = environ.get(name)
    if not text:
        return default
    if not text.isdecimal() or not low <= int(text) <= high:
        raise SettingsError(f"{name} must be a whole number from {low} to {high}, not {text!r}")
    return int(text)


def _one_of(environ: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    text = environ.get(name) or default
    if text not in allowed:
        raise SettingsError(f"{name} must be one of {', '.join(allowed)}, not {text!r}")
    return text
