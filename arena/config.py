"""Settings: frozen, parsed once, no default secret."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from arena.errors import SettingsError

SHORTEST_SECRET = 32


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
    bucket: str | None = field(
        metadata=_setting(
            "ARENA_BUCKET", "`s3://NAME/PREFIX` that holds the pictures; the folder is then its cache (none)"
        )
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
    contact: str | None = field(
        metadata=_setting(
            "ARENA_CONTACT", "who runs it, on the privacy page: an e-mail address, or a web page (none)"
        )
    )
    host: str = field(metadata=_setting("ARENA_HOST", "address to listen on (`127.0.0.1`)"))
    port: int = field(metadata=_setting("ARENA_PORT", "port to listen on (`8000`)"))
    threads: int = field(metadata=_setting("ARENA_THREADS", "threads of the web process (`16`)"))
    redis: str | None = field(
        repr=False,
        metadata=_setting(
            "ARENA_REDIS", "`redis://` URL where web processes count requests together (each its own)"
        ),
    )
    metrics: str = field(
        metadata=_setting(
            "ARENA_METRICS", "`/metrics` for this machine alone, `local`, or for nobody, `off` (`local`)"
        )
    )
    metrics_token: str | None = field(
        repr=False,
        metadata=_setting("ARENA_METRICS_TOKEN", "opens `/metrics` from elsewhere as a bearer token (none)"),
    )
    sign_command: str | None = field(
        repr=False,
        metadata=_setting(
            "ARENA_SIGN_COMMAND",
            "signs credentials of pictures, bytes in and ES256 signature out (the key in the data folder)",
        ),
    )
    timestamps: str | None = field(
        metadata=_setting("ARENA_TIMESTAMPS", "URL of an RFC 3161 timestamp server for credentials (none)")
    )
    proxies: tuple[str, ...] = field(
        metadata=_setting(
            "ARENA_PROXIES",
            "networks of proxies whose `X-Forwarded-For` is believed, by commas (this machine alone)",
        )
    )
    openid_issuer: str | None = field(
        metadata=_setting("ARENA_OIDC_ISSUER", "OpenID provider that operators may sign in at (none)")
    )
    openid_client: str | None = field(
        metadata=_setting("ARENA_OIDC_CLIENT_ID", "what the arena is called there (none)")
    )
    openid_secret: str | None = field(
        repr=False,
        metadata=_setting("ARENA_OIDC_CLIENT_SECRET", "what the arena shows there (none: a public client)"),
    )
    proof_of_work: int = field(
        metadata=_setting(
            "ARENA_PROOF_OF_WORK", "bits of work asked of a new voter's browser, 18 or so (`0`)"
        )
    )
    captcha: str | None = field(
        metadata=_setting(
            "ARENA_CAPTCHA",
            "address of a captcha's script, with the three below; without, none loads (none)",
        )
    )
    captcha_verify: str | None = field(
        metadata=_setting("ARENA_CAPTCHA_VERIFY", "address that checks what the captcha answered (none)")
    )
    captcha_key: str | None = field(
        metadata=_setting("ARENA_CAPTCHA_KEY", "the captcha's public key of this site (none)")
    )
    captcha_secret: str | None = field(
        repr=False, metadata=_setting("ARENA_CAPTCHA_SECRET", "the captcha's secret of this site (none)")
    )
    device: str = field(metadata=_setting("ARENA_DEVICE", "where models run: `cpu`, `cuda`, `mps` (`auto`)"))
    dtype: str = field(
        metadata=_setting("ARENA_DTYPE", "`float32`, `bfloat16`, `float16` (`card`: each card's own)")
    )
    log_level: str = field(
        metadata=_setting("ARENA_LOG_LEVEL", "`debug`, `info`, `warning`, `error` (`info`)")
    )
    log: str = field(
        metadata=_setting("ARENA_LOG", "lines of the log: `text`, or `json` for machines (`text`)")
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
                f"{unknown[0]} is no setting; docs/running.md lists them: {', '.join(sorted(_KNOWN))}"
            )
        home = Path(environ.get("ARENA_HOME") or "var").expanduser().absolute()
        public_url = environ.get("ARENA_PUBLIC_URL") or (
            f"http://{environ.get('ARENA_HOST') or '127.0.0.1'}:{environ.get('ARENA_PORT') or 8000}"
        )
        if urlsplit(public_url).scheme not in {"http", "https"}:
            raise SettingsError(f"ARENA_PUBLIC_URL must start with http:// or https://, not {public_url!r}")
        captcha = [
            _web_address(environ, "ARENA_CAPTCHA"),
            _web_address(environ, "ARENA_CAPTCHA_VERIFY"),
            environ.get("ARENA_CAPTCHA_KEY") or None,
            environ.get("ARENA_CAPTCHA_SECRET") or None,
        ]
        if any(captcha) and not all(captcha):
            raise SettingsError(
                "a captcha takes ARENA_CAPTCHA, ARENA_CAPTCHA_VERIFY, ARENA_CAPTCHA_KEY and "
                "ARENA_CAPTCHA_SECRET together; set all four or none"
            )
        return cls(
            home=home,
            database=environ.get("ARENA_DATABASE") or f"sqlite:///{home / 'arena.sqlite'}",
            images=Path(environ.get("ARENA_IMAGES") or home / "images").expanduser().absolute(),
            bucket=_bucket(environ.get("ARENA_BUCKET")),
            catalog=Path(environ.get("ARENA_CATALOG") or home / "catalog.toml").expanduser().absolute(),
            assets=Path(environ.get("ARENA_ASSETS") or home / "assets").expanduser().absolute(),
            secret_key=environ.get("ARENA_SECRET_KEY") or _read_secret(home),
            public_url=public_url.rstrip("/"),
            contact=_contact(environ.get("ARENA_CONTACT")),
            host=environ.get("ARENA_HOST") or "127.0.0.1",
            port=_whole(environ, "ARENA_PORT", 8000, low=0, high=65535),
            threads=_whole(environ, "ARENA_THREADS", 16, low=1, high=512),
            redis=_redis(environ.get("ARENA_REDIS")),
            metrics=_one_of(environ, "ARENA_METRICS", "local", ("local", "off")),
            metrics_token=_token(environ.get("ARENA_METRICS_TOKEN")),
            sign_command=environ.get("ARENA_SIGN_COMMAND") or None,
            timestamps=_web_address(environ, "ARENA_TIMESTAMPS"),
            proxies=_networks(environ.get("ARENA_PROXIES")),
            openid_issuer=_issuer(environ),
            openid_client=environ.get("ARENA_OIDC_CLIENT_ID") or None,
            openid_secret=environ.get("ARENA_OIDC_CLIENT_SECRET") or None,
            proof_of_work=_whole(environ, "ARENA_PROOF_OF_WORK", 0, low=0, high=24),
            captcha=captcha[0],
            captcha_verify=captcha[1],
            captcha_key=captcha[2],
            captcha_secret=captcha[3],
            device=_one_of(environ, "ARENA_DEVICE", "auto", ("auto", "cpu", "cuda", "mps")),
            dtype=_one_of(environ, "ARENA_DTYPE", "card", ("card", "float32", "bfloat16", "float16")),
            log_level=_one_of(environ, "ARENA_LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
            log=_one_of(environ, "ARENA_LOG", "text", ("text", "json")),
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
    if len(secret) < SHORTEST_SECRET:
        raise SettingsError(
            f"{file} holds fewer than {SHORTEST_SECRET} characters; remove it and run `arena init`"
        )
    return secret


def _contact(told: str | None) -> str | None:
    """An address that a link can lead to."""
    if not told:
        return None
    if urlsplit(told).scheme in {"http", "https"} or re.fullmatch(r"[^@\s:/]+@[^@\s:/]+", told):
        return told
    raise SettingsError(
        f"ARENA_CONTACT must be an e-mail address, or a page that starts with https://, not {told!r}"
    )


def _bucket(url: str | None) -> str | None:
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.username:
        raise SettingsError(
            f"ARENA_BUCKET must be s3://NAME or s3://NAME/PREFIX, not {url!r}; keys and endpoint stand in "
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL"
        )
    return url.rstrip("/")


def _redis(url: str | None) -> str | None:
    if url and urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
        raise SettingsError("ARENA_REDIS must start with redis://, rediss:// or unix://")
    return url or None


def _token(token: str | None) -> str | None:
    if token and len(token) < SHORTEST_SECRET:
        raise SettingsError(
            f"ARENA_METRICS_TOKEN must have at least {SHORTEST_SECRET} characters; `openssl rand -hex 32`"
        )
    return token or None


def _networks(told: str | None) -> tuple[str, ...]:
    networks = [each.strip() for each in (told or "").split(",") if each.strip()]
    try:
        return tuple(str(ipaddress.ip_network(each)) for each in networks)
    except ValueError as error:
        raise SettingsError(
            f"ARENA_PROXIES must be addresses or networks such as 10.0.0.0/8, by commas, not {told!r}"
        ) from error


def _issuer(environ: Mapping[str, str]) -> str | None:
    """The OpenID provider, whose word lets people in: over https, or on this machine."""
    url = environ.get("ARENA_OIDC_ISSUER")
    if not url:
        return None
    parts = urlsplit(url)
    here = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if parts.scheme != "https" and not (parts.scheme == "http" and here):
        raise SettingsError(f"ARENA_OIDC_ISSUER must start with https://, not {url!r}")
    if not environ.get("ARENA_OIDC_CLIENT_ID"):
        raise SettingsError("ARENA_OIDC_ISSUER needs ARENA_OIDC_CLIENT_ID, what the arena is called there")
    return url


def _web_address(environ: Mapping[str, str], name: str) -> str | None:
    url = environ.get(name)
    if url and urlsplit(url).scheme not in {"http", "https"}:
        raise SettingsError(f"{name} must start with http:// or https://, not {url!r}")
    return url or None


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
