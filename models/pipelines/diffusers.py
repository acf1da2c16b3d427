"""`DiffusersModel`: any text-to-image pipeline of diffusers as an entrant of the arena."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from models.cards import adjusted
from models.contracts import EntrantCard, GeneratedImage, GenerationRequest, Refusal
from models.engines import eager
from models.engines.choice import choose
from models.engines.parts import denoisers, remember_embeddings, to_openvino
from models.errors import GenerationFailed
from models.metering import Meter
from models.pipelines.assembly import Settings, assemble, call_arguments, find_device, one_line
from models.pipelines.noise import draw_from, draw_in_float32
from models.seeding import generators

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

log = logging.getLogger(__name__)


class DiffusersModel:
    """A diffusers pipeline with the settings of its card.

    Each picture has a CPU generator of its own and its initial noise is drawn in float32, so the same request
    gives the same picture alone, in any batch and on any device, but for the rounding of the arithmetic;
    `models.engines.tolerance` says how much of it. One call paints at a time; others wait.

    Parameters
    ----------
    card : EntrantCard
        Of the back end ``diffusers``, with a whole runtime; `models.loading.load` sees to that.

    Attributes
    ----------
    pipeline : diffusers.DiffusionPipeline
        What paints.
    batch : int
        Most pictures made together: the card's, halved whenever memory ran out.
    parts : dict of str to models.engines.intel.Part
        What OpenVINO runs; empty with torch.
    embeddings : dict of str to models.engines.embeddings.Embeddings
        What the text encoders have said.

    Raises
    ------
    CardError, MissingPart
        See `models.pipelines.assembly.assemble`.
    """

    def __init__(self, card: EntrantCard) -> None:
        self._card = choose(adjusted(card, device=find_device(card.runtime["device"])))
        runtime = self._card.runtime
        self.batch: int = runtime["batch"]
        self.pipeline = assemble(self._card)
        eager.apply(self.pipeline, self._card)
        with eager.threads(runtime.get("threads")):
            self.parts = to_openvino(self.pipeline, self._card) if runtime["engine"] == "openvino" else {}
        self.embeddings = remember_embeddings(self.pipeline)
        self._generators: list[torch.Generator] = []
        self._lock = threading.Lock()
        draw_in_float32(self.pipeline)
        draw_from(self.pipeline, lambda: self._generators)

    @property
    def card(self) -> EntrantCard:
        """The card with what really paints: torch, once OpenVINO turned out not to take the denoiser."""
        if any(self.parts[name].given_up for name in denoisers(self.pipeline) if name in self.parts):
            return adjusted(self._card, engine="torch", dtype="float32")
        return self._card

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GeneratedImage | Refusal]:
        """Paint in batches of equal settings; where memory runs out, in smaller ones from then on.

        Raises
        ------
        GenerationFailed
            If a request asks for settings that the pipeline does not have, the pipeline breaks, or not even
            one picture fits into memory. Pictures of the same call that were already made are lost with it.
        """
        places: dict[Settings, list[int]] = {}
        for place, request in enumerate(requests):
            places.setdefault(request.settings, []).append(place)
        told = {settings: call_arguments(self._card, self.pipeline, settings) for settings in places}
        answers: dict[int, GeneratedImage | Refusal] = {}
        with self._lock, eager.threads(self._card.runtime.get("threads")):
            for settings, numbers in places.items():
                made = self._all([requests[number] for number in numbers], told[settings])
                answers |= dict(zip(numbers, made, strict=True))
        return [answers[number] for number in range(len(requests))]

    def _all(
        self, requests: Sequence[GenerationRequest], told: dict[str, Any]
    ) -> list[GeneratedImage | Refusal]:
        """Paint requests of equal settings."""
        answers: list[GeneratedImage | Refusal] = []
        while len(answers) < len(requests):
            batch = requests[len(answers) : len(answers) + self.batch]
            made = self._attempt(batch, told)
            if made is not None:
                answers += made
                continue
            if len(batch) == 1:
                raise GenerationFailed(f"{self._card.slug}: not even one picture fits into memory")
            self.batch = len(batch) // 2
            log.warning("%s ran out of memory; batches of %d from now on", self._card.slug, self.batch)
            _free_memory()
        return answers

    def _attempt(
        self, batch: Sequence[GenerationRequest], told: dict[str, Any]
    ) -> list[GeneratedImage | Refusal] | None:
        """Paint one batch; None where memory ran out (the error is let go, for it holds the tensors)."""
        try:
            return self._paint(batch, told)
        except GenerationFailed:
            raise
        except Exception as error:
            if not _out_of_memory(error):
                raise GenerationFailed(
                    f"{self._card.slug} could not paint: {type(error).__name__}: {one_line(error)}"
                ) from error
        return None

    def _paint(
        self, batch: Sequence[GenerationRequest], told: dict[str, Any]
    ) -> list[GeneratedImage | Refusal]:
        self._generators = generators([request.seed for request in batch])
        size = batch[0].size or tuple(self._card.identity["size"])
        if "negative_prompt" in self._card.identity:
            told = told | {"negative_prompt": [self._card.identity["negative_prompt"]] * len(batch)}
        with Meter(self._card.runtime["device"]) as meter:
            output = self.pipeline(
                prompt=[request.prompt for request in batch], generator=self._generators, **told
            )
        images = getattr(output, "images", None)
        if images is None or len(images) != len(batch):
            raise GenerationFailed(
                f"{self._card.slug}: {type(self.pipeline).__name__} did not answer with a picture a prompt"
            )
        flagged = getattr(output, "nsfw_content_detected", None)
        refused = [bool(flag) for flag in flagged] if flagged is not None else [False] * len(batch)
        # Lumen says which words of a prompt it could not read.
        unknown = getattr(output, "unknown_words", None) or [[]] * len(batch)
        return [
            Refusal("safety")
            if unsafe
            else GeneratedImage(
                pixels=self._picture(image, size),
                seed=request.seed,
                seconds=meter.seconds / len(batch),
                cpu_seconds=meter.cpu_seconds / len(batch),
                batch=len(batch),
                peak_bytes=meter.peak_bytes,
                joules=None if meter.joules is None else meter.joules / len(batch),
                energy_method=meter.energy_method,
                notes={"unknown_words": list(words)} if words else {},
            )
            for request, image, unsafe, words in zip(batch, images, refused, unknown, strict=True)
        ]

    def _picture(self, image: Any, size: tuple[int, ...]) -> Picture:
        """Eight bits a channel, once it is certain that there is a picture, of the size asked for."""
        if not isinstance(image, Image.Image):
            values = np.asarray(image, dtype=np.float32)
            if not np.isfinite(values).all():
                raise GenerationFailed(
                    f"{self._card.slug} painted values that are no numbers in {self._card.runtime['dtype']}; "
                    "use bfloat16 or float32"
                )
            image = Image.fromarray((values.clip(0, 1) * 255).round().astype(np.uint8).squeeze())
        width, height = size
        if image.size != (width, height):
            raise GenerationFailed(
                f"{self._card.slug} painted {image.width} x {image.height} pixels where {width} x {height} "
                "were asked for; correct 'size' in the card"
            )
        picture: Picture = image.convert("RGB")
        return picture


def _out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on a device or on the CPU, whose allocator raises a plain RuntimeError."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    told = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in told or "can't allocate memory" in told)


def _free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
