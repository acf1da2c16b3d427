"""Where pictures come from: who made each, with which settings, when and on what."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from arena.domain.cards import public_runtime
from arena.domain.prompts import prompt_digest
from arena.errors import UnknownPicture
from arena.queries.showing import Name, name_of
from arena.tables import BlindCopy, Entrant, Image, Prompt, Sketch


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a picture comes from; ``image_id`` and ``digest`` are null for one that is not kept.

    ``made_at`` is when it was kept, for an imported one when it came. ``software`` are versions by package,
    ``canvases`` the sides in pixels of the squares it is judged on, ``prompt`` its number.
    """

    image_id: int | None
    digest: str | None
    entrant: Name
    slug: str
    revision: str
    backend: str
    identity: Mapping[str, Any]
    runtime: Mapping[str, Any]
    seed: int
    steps: int | None
    prompt: int | None
    prompt_digest: str
    width: int | None
    height: int | None
    canvases: tuple[int, ...]
    made_at: datetime
    software: Mapping[str, str]
    hardware: str | None
    seconds: float | None


def origins(session: Session, digest: str) -> list[Origin]:
    """Where a picture comes from, the oldest first; several where entrants made the same pixels.

    Raises
    ------
    UnknownPicture
        If there is none of that digest.
    """
    found = _read(session, _rows().where(Image.digest == digest))
    if not found:
        raise UnknownPicture("there is no such picture")
    return found


def origins_of(session: Session, image_ids: Collection[int]) -> list[Origin]:
    """Where pictures come from, by their numbers."""
    return _read(session, _rows().where(Image.id.in_(image_ids)))


def all_digests(session: Session) -> dict[str, list[int]]:
    """Numbers of the pictures by the digest of each of their files: originals, and copies on a canvas."""
    found: dict[str, list[int]] = {}
    copies = select(BlindCopy.digest, BlindCopy.image_id).where(BlindCopy.method != "native")
    for query in (select(Image.digest, Image.id), copies):
        for digest, image_id in session.execute(query.order_by(query.selected_columns[1])):
            found.setdefault(digest, []).append(image_id)
    return found


def sketch_origin(session: Session, *, key: str, voter_key: str) -> Origin:
    """Where a sketch of a voter's own comes from.

    Raises
    ------
    UnknownPicture
        If it is not there, or somebody else's.
    """
    row = session.execute(
        select(Sketch, Entrant)
        .join(Entrant, Entrant.id == Sketch.entrant_id)
        .where(Sketch.key == key, Sketch.voter == voter_key)
    ).one_or_none()
    if row is None:
        raise UnknownPicture("there is no such sketch for you")
    sketch, entrant = row
    return Origin(
        image_id=None,
        digest=None,
        entrant=name_of(entrant),
        slug=entrant.slug,
        revision=entrant.revision,
        backend=entrant.backend,
        identity=entrant.identity,
        runtime=public_runtime(entrant.runtime),
        seed=sketch.seed,
        steps=sketch.steps if sketch.steps is not None else _steps(entrant.identity),
        prompt=None,
        prompt_digest=prompt_digest(sketch.prompt),
        width=None,
        height=None,
        canvases=(),
        made_at=sketch.finished_at or sketch.created_at,
        software={},
        hardware=None,
        seconds=sketch.seconds,
    )


def _rows() -> Select[Image, Entrant, Prompt]:
    return (
        select(Image, Entrant, Prompt)
        .join(Entrant, Image.entrant_id == Entrant.id)
        .join(Prompt, Image.prompt_id == Prompt.id)
        .order_by(Image.id)
    )


def _read(session: Session, query: Select[Image, Entrant, Prompt]) -> list[Origin]:
    rows = session.execute(query).all()
    canvases: dict[int, list[int]] = {}
    ids = [image.id for image, _, _ in rows]
    hung = select(BlindCopy.image_id, BlindCopy.canvas).where(BlindCopy.image_id.in_(ids))
    for image_id, canvas in session.execute(hung.order_by(BlindCopy.canvas)):
        canvases.setdefault(image_id, []).append(canvas)
    return [
        Origin(
            image_id=image.id,
            digest=image.digest,
            entrant=name_of(entrant),
            slug=entrant.slug,
            revision=entrant.revision,
            backend=entrant.backend,
            identity=entrant.identity,
            runtime=public_runtime(image.settings.get("runtime") or {}),
            seed=image.seed,
            steps=_steps(entrant.identity),
            prompt=prompt.id,
            prompt_digest=prompt.digest,
            width=image.width,
            height=image.height,
            canvases=tuple(canvases.get(image.id, ())),
            made_at=image.made_at,
            software={str(k): str(v) for k, v in (image.environment.get("packages") or {}).items()},
            hardware=image.hardware,
            seconds=image.seconds,
        )
        for image, entrant, prompt in rows
    ]


def _steps(identity: Mapping[str, Any]) -> int | None:
    """Steps of a card, where it has any."""
    steps = identity.get("steps")
    return steps if isinstance(steps, int) else None
