"""What the arena and a picture-maker say to each other.

An *entrant* is a picture-maker at a pinned revision. Its card has two halves: the *identity* decides the
pixels and is hashed into the revision; the *runtime* (engine, device, dtype, batch) decides only how fast
they come. Nothing in this module imports torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image

KINDS = ("in-house", "baseline", "reference", "external")


@dataclass(frozen=True, slots=True)
class EntrantCard:
    """Who paints, and with which settings.

    Attributes
    ----------
    slug : str
        Short stable name, ``[a-z0-9-]+``; what commands and exports use.
    name : str
        The name people read after the reveal.
    kind : str
        One of `KINDS`.
    family : str
        Variants of one model share it.
    backend : str
        Which loader of `models.loading` makes it paint, such as ``"atelier"`` or ``"diffusers"``.
    identity : mapping
        Everything that decides the pixels: weights digest, scheduler, steps, guidance, size, quantisation.
    runtime : mapping
        Everything that decides only the speed: engine, device, dtype, batch.
    licence, description, source : str
        For the reveal, the entrant's page and the dataset card.
    folder : str
        Where local weights lie on this machine, or nothing. The identity holds their digest; where they lie
        decides neither pixels nor revision.
    """

    slug: str
    name: str
    kind: str
    family: str
    backend: str
    identity: Mapping[str, Any]
    runtime: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""
    description: str = ""
    source: str = ""
    folder: str = ""

    @property
    def revision(self) -> str:
        """First 12 hex digits of the SHA-256 of the canonical identity; the runtime never changes it."""
        told = {"backend": self.backend, "identity": dict(self.identity)}
        text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One picture asked for; with the card it decides every pixel.

    Attributes
    ----------
    steps, guidance, size : int, float, (int, int) or None
        In place of the card's, for the playground and the images API; ``size`` is width and height in
        pixels. A picture of a battle leaves them alone: with another setting it is not the entrant's.
    """

    prompt: str
    seed: int
    steps: int | None = None
    guidance: float | None = None
    size: tuple[int, int] | None = None

    @property
    def settings(self) -> tuple[int | None, float | None, tuple[int, int] | None]:
        """What must be equal for two requests to one entrant to share a batch."""
        return self.steps, self.guidance, self.size


@dataclass(frozen=True, slots=True, eq=False)
class GeneratedImage:
    """One picture, and what making it took.

    Attributes
    ----------
    pixels : PIL.Image.Image
        RGB, 8 bits a channel, at the entrant's native size.
    seconds, cpu_seconds : float
        This picture's share of the wall and processor time of its batch.
    batch : int
        How many pictures were made together.
    peak_bytes : int or None
        Largest memory that was seen while its batch was made; None where nobody looked.
    joules : float or None
        This picture's share of the energy of its batch; None where it is not known.
    energy_method : str
        How the joules were got: ``"nvml"``, ``"rapl"`` or ``"estimated"``; empty without joules.
    notes : mapping
        What a reader should know, such as ``{"unknown_words": [...]}``; shown after the reveal only.
    """

    pixels: Image
    seed: int
    seconds: float
    cpu_seconds: float
    batch: int = 1
    peak_bytes: int | None = None
    joules: float | None = None
    energy_method: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The entrant will not paint this prompt: an outcome, not an error and not a lost battle."""

    reason: str
    words: tuple[str, ...] = ()


class TextToImage(Protocol):
    """A picture-maker. The same request gives the same picture alone or in any batch."""

    @property
    def card(self) -> EntrantCard: ...

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GeneratedImage | Refusal]:
        """One answer a request, in order."""
        ...
