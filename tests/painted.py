"""Pictures of arenas to test with: real PNG files, as if an entrant had painted them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from io import BytesIO

from PIL import Image as Picture
from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.media.blind import blind_copy, encode
from arena.storage import ImageStore
from arena.tables import BlindCopy, Image, Job, JobState

NOON = datetime(2026, 11, 2, 12, 0, 0, 123456, tzinfo=UTC)


def picture(*told: object, size: int = 24) -> bytes:
    """PNG file of its own for each thing that is told."""
    shade = hashlib.sha256(repr(told).encode()).digest()
    made = Picture.new("RGB", (size, size), (shade[0], shade[1], shade[2]))
    made.paste((shade[3], shade[4], shade[5]), (size // 4, size // 4, size // 2, size // 2))
    out = BytesIO()
    made.save(out, format="PNG")
    return encode(Picture.open(BytesIO(out.getvalue())))


def paint(session: Session, store: ImageStore, painter_id: int, prompt_id: int, canvas: int) -> int:
    """Number of an entrant's picture of a prompt, made with its blind copy if there is none."""
    found = session.scalar(select(Image).where(Image.entrant_id == painter_id, Image.prompt_id == prompt_id))
    data = picture(painter_id, prompt_id)
    if found is None:
        job = Job(
            entrant_id=painter_id,
            prompt_id=prompt_id,
            seed=17,
            state=JobState.DONE,
            priority=0,
            attempts=1,
            created_at=NOON,
            not_before=NOON,
            finished_at=NOON,
        )
        session.add(job)
        session.flush()
        found = Image(
            job_id=job.id,
            entrant_id=painter_id,
            prompt_id=prompt_id,
            seed=17,
            digest=store.put(data),
            width=24,
            height=24,
            length=len(data),
            seconds=0.25,
            cpu_seconds=0.5,
            batch=1,
            settings={"identity": {"steps": 4}},
            environment={"cores": 2},
            notes={},
            made_at=NOON,
        )
        session.add(found)
        session.flush()
    if (
        session.scalar(select(BlindCopy.id).where(BlindCopy.image_id == found.id, BlindCopy.canvas == canvas))
        is None
    ):
        copy, method = blind_copy(data, canvas)
        session.add(BlindCopy(image_id=found.id, canvas=canvas, digest=store.put(copy), method=method))
    return found.id
