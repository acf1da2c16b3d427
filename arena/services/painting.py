"""Painting: claimed jobs in, pictures kept, jobs settled; the models come in here and nowhere else."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.domain.moderation import SAFETY
from arena.errors import UnknownEntrant
from arena.media.blind import blind_copy, encode
from arena.services import generation
from arena.services.generation import ClaimedJob
from arena.services.moderation import Guard, may_be_sketched
from arena.services.sketching import ClaimedSketch, SketchOutcome
from arena.storage import ImageStore
from arena.tables import (
    BlindCopy,
    Campaign,
    CampaignEntrant,
    CampaignPrompt,
    Image,
    JobState,
    Submission,
)

if TYPE_CHECKING:
    from models.catalog import Catalog
    from models.contracts import EntrantCard, GeneratedImage, Refusal, TextToImage

log = logging.getLogger(__name__)

MOST_LOADED = 4


@dataclass(slots=True)
class Studio:
    """The entrants that can paint here, loaded when first asked for; the oldest makes room."""

    catalog: Catalog
    device: str | None
    dtype: str | None
    engine: Callable[[EntrantCard], TextToImage] | None = None
    """Makes an entrant that paints elsewhere, in place of loading it here."""
    _loaded: OrderedDict[str, TextToImage] = field(default_factory=OrderedDict)

    def model(self, label: str) -> TextToImage:
        """Load the entrant of a ``slug@revision``.

        Raises
        ------
        UnknownEntrant
            If the catalogue's card is of another revision: it would paint other pictures.
        models.errors.ModelError
            If there is no such card, or it cannot be loaded.
        """
        from models.loading import load

        if label in self._loaded:
            self._loaded.move_to_end(label)
            return self._loaded[label]
        slug, _, revision = label.partition("@")
        card = self.catalog[slug]
        if revision and card.revision != revision:
            raise UnknownEntrant(label, (f"{slug}@{card.revision}",))
        model = self.engine(card) if self.engine else load(card, device=self.device, dtype=self.dtype)
        self._loaded[label] = model
        if len(self._loaded) > MOST_LOADED:
            self._loaded.popitem(last=False)
        return model

    def batch(self, label: str) -> int | None:
        """How many pictures the entrant of a ``slug@revision`` paints together here; None if unknown.

        What is loaded knows best: it paints fewer than its card says once memory ran out.
        """
        from models.batching import largest_batch

        if label in self._loaded:
            return largest_batch(self._loaded[label])
        slug, _, revision = label.partition("@")
        if slug not in self.catalog or self.catalog[slug].revision != revision:
            return None
        return int(self.catalog[slug].runtime.get("batch", 1))


@dataclass(frozen=True, slots=True)
class Painted:
    """A picture whose files are already in the store."""

    job: ClaimedJob
    digest: str
    length: int
    copies: tuple[tuple[int, str, str], ...]
    answer: GeneratedImage


def paint(studio: Studio, jobs: Sequence[ClaimedJob]) -> list[GeneratedImage | Refusal | Exception]:
    """Paint claimed jobs of one entrant; touches neither the database nor the store.

    Returns
    -------
    list
        One entry a job; an error where the entrant broke on this very one.
    """
    from models.batching import paint_each
    from models.contracts import GenerationRequest

    requests = [GenerationRequest(prompt=job.prompt, seed=job.seed) for job in jobs]
    return paint_each(studio.model(jobs[0].entrant), requests)


def paint_sketch(studio: Studio, sketch: ClaimedSketch, guard: Guard | None = None) -> SketchOutcome:
    """Paint a sketch and have it looked at; an error becomes the reason why there is no picture."""
    from models.contracts import GeneratedImage, GenerationRequest

    request = GenerationRequest(prompt=sketch.prompt, seed=sketch.seed, steps=sketch.steps)
    try:
        (answer,) = studio.model(sketch.entrant).generate([request])
    except Exception as error:
        log.exception("%s could not paint a sketch", sketch.entrant)
        return SketchOutcome(JobState.FAILED, reason=(str(error) or type(error).__name__)[:500])
    if not isinstance(answer, GeneratedImage):
        return SketchOutcome(JobState.REFUSED, reason=answer.reason, words=answer.words)
    if guard is not None and not may_be_sketched(guard, answer.pixels):
        return SketchOutcome(JobState.REFUSED, reason=SAFETY)
    unknown = tuple(map(str, answer.notes.get("unknown_words", ())))
    return SketchOutcome(JobState.DONE, encode(answer.pixels), answer.seconds, words=unknown)


def store(images: ImageStore, job: ClaimedJob, answer: GeneratedImage, canvases: Sequence[int]) -> Painted:
    """Put a picture and its blind copies into the store, before any row speaks of them."""
    data = encode(answer.pixels)
    copies = []
    for canvas in canvases:
        copy, method = blind_copy(data, canvas)
        copies.append((canvas, images.put(copy), method))
    return Painted(job, images.put(data), len(data), tuple(copies), answer)


def settle(
    session: Session,
    painted: Painted,
    *,
    settings: dict[str, Any],
    environment: dict[str, Any],
    worker: str,
    now: datetime,
    hardware: str | None = None,
) -> bool:
    """Write the rows of a stored picture and close its job; false if the lease was lost meanwhile."""
    if not generation.complete(session, painted.job.id, worker=worker, now=now):
        log.warning("job %d went to another worker; its picture is dropped", painted.job.id)
        return False
    picture = painted.answer
    image = Image(
        job_id=painted.job.id,
        entrant_id=painted.job.entrant_id,
        prompt_id=painted.job.prompt_id,
        seed=painted.job.seed,
        digest=painted.digest,
        width=picture.pixels.width,
        height=picture.pixels.height,
        length=painted.length,
        seconds=picture.seconds,
        cpu_seconds=picture.cpu_seconds,
        batch=picture.batch,
        settings=settings,
        environment=environment,
        notes=dict(picture.notes),
        made_at=now,
        peak_bytes=picture.peak_bytes,
        joules=picture.joules,
        energy_method=picture.energy_method or None,
        hardware=hardware,
    )
    session.add(image)
    session.flush()
    for canvas, digest, method in painted.copies:
        session.add(BlindCopy(image_id=image.id, canvas=canvas, digest=digest, method=method))
    return True


def canvases(session: Session, job: ClaimedJob) -> list[int]:
    """The canvases of the campaigns that will show a job's picture, be its prompt a rater's own or not."""
    dealt = (
        select(Campaign.canvas)
        .join(CampaignPrompt, CampaignPrompt.campaign_id == Campaign.id)
        .join(CampaignEntrant, CampaignEntrant.campaign_id == Campaign.id)
        .where(CampaignPrompt.prompt_id == job.prompt_id, CampaignEntrant.entrant_id == job.entrant_id)
    )
    own = (
        select(Campaign.canvas)
        .join(Submission, Submission.campaign_id == Campaign.id)
        .where(Submission.prompt_id == job.prompt_id, Submission.seed == job.seed)
    )
    return list(session.scalars(dealt.union(own)))


def missing_copies(session: Session, campaign: Campaign) -> list[tuple[int, str]]:
    """Pictures of a campaign, as (image id, digest), that are not on its canvas yet."""
    return [
        (image_id, digest)
        for image_id, digest in session.execute(
            select(Image.id, Image.digest)
            .join(
                CampaignPrompt,
                (CampaignPrompt.prompt_id == Image.prompt_id) & (CampaignPrompt.campaign_id == campaign.id),
            )
            .join(
                CampaignEntrant,
                (CampaignEntrant.entrant_id == Image.entrant_id)
                & (CampaignEntrant.campaign_id == campaign.id),
            )
            .outerjoin(BlindCopy, (BlindCopy.image_id == Image.id) & (BlindCopy.canvas == campaign.canvas))
            .where(BlindCopy.id.is_(None))
            .order_by(Image.id)
        )
    ]
