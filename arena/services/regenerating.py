"""Does the same card, prompt and seed still give the same picture? A sample is painted again and compared."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.domain.imported import BACKEND
from arena.errors import ArenaError
from arena.media.fingerprints import opened
from arena.storage import ImageStore
from arena.tables import Entrant, Image, Prompt

if TYPE_CHECKING:
    from arena.services.painting import Studio
    from models.contracts import GeneratedImage, Refusal


@dataclass(frozen=True, slots=True)
class Sample:
    """A kept picture that is painted again; ``dtype`` is what it was computed in, where that is known."""

    image: int
    entrant: str
    prompt: int
    text: str
    seed: int
    digest: str
    dtype: str | None


@dataclass(frozen=True, slots=True)
class Repainted:
    """What came of painting a picture again.

    ``psnr`` in dB is null where the pixels are equal, ``levels`` the largest difference of a channel of 255;
    both are null where nothing was painted, and ``why`` says what happened. ``limit`` is the least psnr that
    the engines' tolerance allows.
    """

    sample: Sample
    same: bool
    equal: bool
    psnr: float | None
    levels: int | None
    limit: float | None
    why: str = ""


def draw(session: Session, n: int, *, rng: random.Random) -> list[Sample]:
    """Draw kept pictures that were painted here, all if there are fewer; entrant by entrant."""
    ids = list(
        session.scalars(
            select(Image.id)
            .join(Entrant, Image.entrant_id == Entrant.id)
            .where(Entrant.backend != BACKEND)
            .order_by(Image.id)
        )
    )
    drawn = rng.sample(ids, min(n, len(ids)))
    rows = session.execute(
        select(Image, Entrant, Prompt)
        .join(Entrant, Image.entrant_id == Entrant.id)
        .join(Prompt, Image.prompt_id == Prompt.id)
        .where(Image.id.in_(drawn))
        .order_by(Entrant.id, Image.id)
    )
    return [
        Sample(
            image=image.id,
            entrant=f"{entrant.slug}@{entrant.revision}",
            prompt=prompt.id,
            text=prompt.text,
            seed=image.seed,
            digest=image.digest,
            dtype=(image.settings.get("runtime") or {}).get("dtype"),
        )
        for image, entrant, prompt in rows
    ]


def repaint(studio: Studio, images: ImageStore, samples: list[Sample]) -> Iterator[Repainted]:
    """Paint each sample again and compare its pixels with those that were kept."""
    from models.contracts import GenerationRequest
    from models.errors import ModelError

    for sample in samples:
        try:
            kept = np.asarray(opened(images.get(sample.digest)))
            model = studio.model(sample.entrant)
            (answer,) = model.generate([GenerationRequest(prompt=sample.text, seed=sample.seed)])
        except (ArenaError, ModelError) as error:
            yield _failed(sample, str(error))
            continue
        yield _compared(sample, kept, answer, model.card.runtime.get("dtype"))


def _compared(sample: Sample, kept: Any, answer: GeneratedImage | Refusal, dtype: Any) -> Repainted:
    from models.contracts import GeneratedImage
    from models.engines.tolerance import TOLERANCES, levels_apart, psnr

    if not isinstance(answer, GeneratedImage):
        return _failed(sample, f"it declines now: {answer.reason}")
    pixels = np.asarray(answer.pixels.convert("RGB"))
    if pixels.shape != kept.shape:
        sizes = " to ".join(f"{shape[1]} x {shape[0]}" for shape in (kept.shape, pixels.shape))
        return _failed(sample, f"its size went from {sizes}")
    computed = {str(each) for each in (sample.dtype, dtype) if each in TOLERANCES} or {"float32"}
    limit = min(TOLERANCES[each].least_psnr for each in computed)
    levels = levels_apart(kept, pixels)
    likeness = psnr(kept, pixels)
    return Repainted(
        sample=sample,
        same=likeness >= limit,
        equal=levels == 0,
        psnr=likeness if levels else None,
        levels=levels,
        limit=limit,
    )


def _failed(sample: Sample, why: str) -> Repainted:
    return Repainted(sample, same=False, equal=False, psnr=None, levels=None, limit=None, why=why)
