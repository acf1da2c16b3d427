"""The arena's own authority for content credentials, in the data folder.

::

    provenance/
        ca.crt        the authority's certificate, for everybody
        ca.key        its key: makes the next leaf
        signer.pem    the leaf with its authority, and its key unless a command signs
        trust/*.crt   authorities of others that this arena trusts, each file a list

What holds a key may be read by its owner alone and is in no backup that was not asked for secrets.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from arena.config import Settings
from arena.errors import ArenaError, Invalid, SettingsError, Unavailable
from arena.media.credentials import available
from arena.storage import sync_folder

FOLDER = "provenance"
OWN = "this arena"
"""Name of the list that has only the arena's own authority."""

_CA, _CA_KEY, _SIGNER, _TRUST = "ca.crt", "ca.key", "signer.pem", "trust"
_KEY = re.compile(r"-----BEGIN PRIVATE KEY-----.+?-----END PRIVATE KEY-----\n?", re.DOTALL)
_COMMAND_SECONDS = 20
_INSTALL = "content credentials need `pip install 'vernissage-arena[provenance]'`"


class CannotSign(ArenaError):
    """A picture cannot be signed now."""

    status = 503
    code = "cannot_sign"


@dataclass(frozen=True, slots=True)
class Signer:
    """What signs: the private key in PEM, or a callable; ``leaf`` is the fingerprint of its certificate."""

    chain: str
    leaf: str
    signature: str | Callable[[bytes], bytes] = field(repr=False)
    timestamps: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How the arena's authority stands, for people; a name is what the certificate says."""

    authority: str
    fingerprint: str
    authority_ends: datetime
    leaf_fingerprint: str | None
    leaf_ends: datetime | None
    lists: tuple[str, ...]
    by_command: bool
    timestamps: str | None


def folder_of(settings: Settings) -> Path:
    """Where the authority lies."""
    return settings.home / FOLDER


def is_established(settings: Settings) -> bool:
    """Whether there is an authority, and the libraries it takes."""
    return available() and (folder_of(settings) / _CA).exists()


def establish(
    settings: Settings, *, now: datetime, public_key: str | None = None, anew: bool = False
) -> bool:
    """Make the authority and its first leaf; false if there was one.

    Parameters
    ----------
    public_key : str, optional
        Of the key that ``ARENA_SIGN_COMMAND`` signs with, in PEM; else a key is made here.
    anew : bool
        Make another authority even so; pictures that the one before signed are trusted as before.

    Raises
    ------
    SettingsError
        If the libraries are not installed.
    Invalid
        If the public key is none of P-256.
    """
    _require_libraries()
    from arena.media import authority

    folder = folder_of(settings)
    if is_established(settings):
        if not anew:
            return False
        former = (folder / _CA).read_text()
        (folder / _TRUST).mkdir(exist_ok=True)
        _write(folder / _TRUST / f"former-{authority.read_certificate(former).fingerprint[:12]}.crt", former)
    folder.mkdir(parents=True, exist_ok=True)
    key = authority.new_key()
    certificate = authority.make_authority(key, name=_name(settings), now=now)
    signer = _new_signer(settings, certificate, key, public_key, now)
    _write(folder / _CA_KEY, key, secret=True)
    _write(folder / _SIGNER, signer, secret=True)
    _write(folder / _CA, certificate)
    return True


def rotate(settings: Settings, *, now: datetime, public_key: str | None = None) -> Standing:
    """Make a new leaf; what the one before signed stays good until that expires.

    Raises
    ------
    SettingsError
        If there is no authority here, or its key is not.
    Invalid
        If the public key is none of P-256.
    """
    folder = folder_of(settings)
    _require_established(settings)
    if not (folder / _CA_KEY).exists():
        raise SettingsError(
            f"{folder / _CA_KEY} is not there; bring it back from a backup made --with-secrets, or make "
            "another authority with `arena provenance init --anew`"
        )
    certificate, key = (folder / _CA).read_text(), (folder / _CA_KEY).read_text()
    _write(folder / _SIGNER, _new_signer(settings, certificate, key, public_key, now), secret=True)
    return standing(settings)


def standing(settings: Settings) -> Standing:
    """How the authority stands.

    Raises
    ------
    SettingsError
        If there is none.
    """
    _require_established(settings)
    from arena.media.authority import read_certificate

    own = read_certificate((folder_of(settings) / _CA).read_text())
    found = _signer_file(settings)
    leaf = read_certificate(found) if found else None
    return Standing(
        authority=own.name,
        fingerprint=own.fingerprint,
        authority_ends=own.ends,
        leaf_fingerprint=leaf.fingerprint if leaf else None,
        leaf_ends=leaf.ends if leaf else None,
        lists=tuple(trust_lists(settings)),
        by_command=bool(found) and not _KEY.search(found),
        timestamps=settings.timestamps,
    )


def authority_certificate(settings: Settings) -> str:
    """The authority's certificate in PEM, for those who check pictures elsewhere.

    Raises
    ------
    SettingsError
        If there is none.
    """
    _require_established(settings)
    return (folder_of(settings) / _CA).read_text()


def trust_lists(settings: Settings) -> dict[str, str]:
    """Authorities that are trusted, by the name of their list: the arena's own first, then files."""
    folder = folder_of(settings)
    own = {OWN: (folder / _CA).read_text()} if (folder / _CA).exists() else {}
    return own | {file.stem: file.read_text() for file in sorted((folder / _TRUST).glob("*.crt"))}


def signer_of(settings: Settings) -> Signer | None:
    """What signs pictures now; nothing where no authority was made, or its key is not here."""
    if not is_established(settings) or not (found := _signer_file(settings)):
        return None
    from arena.media.authority import raw_signature, read_certificate

    chain = _KEY.sub("", found)
    leaf = read_certificate(chain).fingerprint
    if key := _KEY.search(found):
        return Signer(chain, leaf, key.group(), settings.timestamps)
    if settings.sign_command is None:
        return None
    sign = _by_command(settings.sign_command)

    def signature(data: bytes) -> bytes:
        try:
            return raw_signature(sign(data), data=data, leaf=chain)
        except ValueError as error:
            raise CannotSign(f"{error}; `arena provenance rotate` makes another leaf") from error

    return Signer(chain, leaf, signature, settings.timestamps)


def _by_command(line: str) -> Callable[[bytes], bytes]:
    """Sign with a command: bytes on its standard input, the signature on its standard output."""
    words = shlex.split(line)

    def sign(data: bytes) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603
                words, input=data, capture_output=True, timeout=_COMMAND_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotSign(f"ARENA_SIGN_COMMAND could not sign: {error}") from error
        if done.returncode:
            told = done.stderr.decode(errors="replace").strip().splitlines()
            raise CannotSign(
                f"ARENA_SIGN_COMMAND ended with {done.returncode}: {told[-1] if told else 'no word'}"
            )
        return done.stdout

    return sign


def _new_signer(settings: Settings, certificate: str, key: str, public_key: str | None, now: datetime) -> str:
    """A new leaf with its authority; before them its key, unless it lies elsewhere."""
    from arena.media import authority

    if public_key is not None and settings.sign_command is None:
        raise Invalid(
            "a public key alone signs nothing; set ARENA_SIGN_COMMAND to what signs with its other half"
        )
    if public_key is None and settings.sign_command is not None:
        raise Invalid(
            "ARENA_SIGN_COMMAND signs with a key of its own; name its public half with --public-key"
        )
    own = authority.new_key() if public_key is None else ""
    ends = min(now + authority.LEAF_LASTS, authority.read_certificate(certificate).ends)
    try:
        chain = authority.make_leaf(
            public_key or authority.public_key_of(own),
            authority=certificate,
            authority_key=key,
            name=_name(settings),
            now=now,
            ends=ends,
        )
    except ValueError as error:
        raise Invalid(f"no leaf can be made of that key: {error}") from error
    return own + chain


def _signer_file(settings: Settings) -> str:
    file = folder_of(settings) / _SIGNER
    return file.read_text() if file.exists() else ""


def _name(settings: Settings) -> str:
    return f"Vernissage at {urlsplit(settings.public_url).hostname}"


def _require_libraries() -> None:
    if not available():
        raise SettingsError(_INSTALL)


def _require_established(settings: Settings) -> None:
    _require_libraries()
    if not is_established(settings):
        raise SettingsError(f"{folder_of(settings)} has no authority; `arena provenance init` makes one")


def _write(target: Path, text: str, *, secret: bool = False) -> None:
    """Put a file in its place whole; a secret one was never readable to others."""
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o600 if secret else 0o644)
        Path(name).replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise Unavailable(f"{target} cannot be written: {error.strerror}") from error
