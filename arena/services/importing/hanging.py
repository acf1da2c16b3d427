"""Pictures of another arena: a row for each, and a job that is done, as the tables ask for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from arena.services.importing.staging import Kept
from arena.tables import Image, Job, JobState

Place = tuple[int, int, str]
"""Entrant, prompt and digest of a picture."""
Hanging = Mapping[Place, int]
"""Numbers of pictures."""

_AT_ONCE: Final = 500


def hang(session: Session, wanted: Mapping[Place, Kept], *, now: datetime) -> tuple[Hanging, int]:
    """Find the pictures, or give them rows; their numbers, and how many are new."""
    digests = list({digest for _, _, digest in wanted})
    query = select(Image.entrant_id, Image.prompt_id, Image.digest, Image.id)
    found: dict[Place, int] = {
        (entrant_id, prompt_id, digest): number
        for start in range(0, len(digests), _AT_ONCE)
        for entrant_id, prompt_id, digest, number in session.execute(
            query.where(Image.digest.in_(digests[start : start + _AT_ONCE]))
        )
    }
    new = [place for place in wanted if place not in found]
    if new:
        jobs = session.scalars(
            insert(Job).returning(Job.id, sort_by_parameter_order=True), [_job(place, now) for place in new]
        ).all()
        rows = [_image(job, place, wanted[place], now) for job, place in zip(jobs, new, strict=True)]
        numbers: Sequence[int] = session.scalars(
            insert(Image).returning(Image.id, sort_by_parameter_order=True), rows
        ).all()
        found |= dict(zip(new, numbers, strict=True))
    return found, len(new)


def _what(place: Place) -> dict[str, Any]:
    """The seed is not known: a number stands for it that no other picture of the entrant and prompt has."""
    entrant_id, prompt_id, digest = place
    return {"entrant_id": entrant_id, "prompt_id": prompt_id, "seed": int(digest[:15], 16)}


def _job(place: Place, now: datetime) -> dict[str, Any]:
    return {
        **_what(place),
        "state": JobState.DONE,
        "priority": 0,
        "attempts": 0,
        "created_at": now,
        "not_before": now,
        "finished_at": now,
    }


def _image(job: int, place: Place, kept: Kept, now: datetime) -> dict[str, Any]:
    return {
        **_what(place),
        "job_id": job,
        "digest": kept.digest,
        "width": kept.width,
        "height": kept.height,
        "length": kept.length,
        "seconds": None,
        "cpu_seconds": None,
        "batch": 0,
        "settings": {},
        "environment": {},
        "notes": {"original": kept.original} if kept.original else {},
        "made_at": now,
    }
