"""Pictures that go out with their names: with content credentials, where this arena signs."""

from __future__ import annotations

import logging

from arena.queries.provenance import Origin, origins, sketch_origin
from arena.services.provenance import CannotSign, signer_of
from arena.services.signing import SignedCopies, picked, sign_picture
from arena.web.context import arena, reading

log = logging.getLogger(__name__)


def copies() -> SignedCopies:
    """The signed copies of the application that answers this request."""
    return SignedCopies(arena().settings, arena().images)


def signed_file(digest: str, *, label: str | None = None, seed: int | None = None) -> bytes:
    """The file of a picture that may be shown with a name; which name, where several made the same pixels."""
    return copies().signed_if_possible(origin_of(digest, label=label, seed=seed))


def origin_of(digest: str, *, label: str | None = None, seed: int | None = None) -> Origin:
    """Where a picture comes from; by label and seed, where several entrants made the same pixels."""
    with reading() as session:
        return picked(origins(session, digest), label=label, seed=seed)


def signed_sketch(data: bytes, *, key: str, voter_key: str) -> bytes:
    """The file of a sketch with its credentials; no copy is kept, since the sketch is not."""
    signer = signer_of(arena().settings)
    if signer is None:
        return data
    with reading() as session:
        origin = sketch_origin(session, key=key, voter_key=voter_key)
    try:
        return sign_picture(data, origin, signer)
    except CannotSign as error:
        log.warning("a sketch goes out without credentials: %s", error)
        return data
