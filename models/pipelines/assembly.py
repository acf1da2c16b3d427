"""From a card to a diffusers pipeline that is checked, pinned and ready to call."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import DiffusionPipeline
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from models.cards import number, whole, width_and_height
from models.contracts import EntrantCard
from models.digests import digest_folder
from models.errors import CardError, GenerationFailed, MissingPart

Settings = tuple[int | None, float | None, tuple[int, int] | None]

LONGEST = 300
BATCHWIDE = frozenset({"CosineDPMSolverMultistepScheduler", "DPMSolverSDEScheduler"})
OURS = {
    "LumenPipeline": "models.lumen.pipeline",
    "PixelUnetPipeline": "models.baselines.unet",
    "WordVaePipeline": "models.baselines.vae",
}
"""Pipelines that diffusers does not have, by the class that a folder names, and where each is defined."""
SAID = {"num_inference_steps": "steps", "guidance_scale": "guidance", "negative_prompt": "negative_prompt"}


def one_line(error: BaseException) -> str:
    """What an error says, in one line of bounded length."""
    told = " ".join(str(error).split()) or type(error).__name__
    return told if len(told) <= LONGEST else told[: LONGEST - 3] + "..."


def find_device(name: str) -> str:
    """Turn ``auto`` into the best device of this machine.

    Raises
    ------
    MissingPart
        If the device asked for is not here.
    """
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if here[device])
    kind, _, index = name.partition(":")
    if not here[kind] or (index and int(index) >= torch.cuda.device_count()):
        raise MissingPart(f"this machine's torch sees no device {name!r}; use cpu, or auto for the best one")
    return name


def assemble(card: EntrantCard) -> Any:
    """Load a card's pipeline and swap its scheduler; its runtime must name a real device, engine and dtype.

    For OpenVINO it is loaded in float32: schedules and latents stay exact, and converted parts round alone.

    Raises
    ------
    CardError
        If the folder is broken, holds other weights than the card pins, or its pipeline does not turn a
        prompt into a picture as the card asks.
    MissingPart
        If a hub id is not on this machine, or a package that the pipeline needs is not installed.
    """
    folder = Path(card.folder) if card.folder else _fetched(card)
    pinned = card.identity.get("weights")
    if pinned and digest_folder(folder) != pinned:
        raise CardError(
            f"entrant {card.slug!r}: the weights in {folder} are not those its card pins ({pinned[:12]}...); "
            "bring those back, or enter these as a new revision"
        )
    dtype = torch.float32 if card.runtime["engine"] == "openvino" else getattr(torch, card.runtime["dtype"])
    with _quiet():
        try:
            pipeline = _pipeline_class(folder).from_pretrained(
                folder,
                dtype=dtype,
                local_files_only=True,
                **dict.fromkeys(_left_out(folder)),
            )
        except ImportError as error:
            raise MissingPart(f"entrant {card.slug!r}: {one_line(error)}") from error
        except Exception as error:
            raise CardError(f"entrant {card.slug!r}: {folder} does not load: {one_line(error)}") from error
    _check_whole(card, pipeline, folder)
    _check_call(card, pipeline)
    _set_scheduler(card, pipeline)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(card.runtime["device"])


def call_arguments(
    card: EntrantCard, pipeline: Any, settings: Settings = (None, None, None)
) -> dict[str, Any]:
    """What a call of a card's pipeline is given, of what the pipeline takes; see `_check_call`.

    Parameters
    ----------
    card : EntrantCard
    pipeline : DiffusionPipeline
    settings : tuple
        Steps, guidance and size in place of the card's, see `models.contracts.GenerationRequest.settings`.

    Raises
    ------
    GenerationFailed
        If a setting makes no sense, or this pipeline does not have it.
    """
    steps, guidance, size = settings
    identity = dict(card.identity)
    for key, value, rule in (
        ("steps", steps, whole(1, 1000)),
        ("guidance", guidance, number(0, 100)),
        ("size", None if size is None else list(size), width_and_height),
    ):
        if value is not None:
            try:
                identity[key] = rule(value)
            except ValueError as error:
                raise GenerationFailed(f"{card.slug}: {key!r} {error}, not {value}") from None
    width, height = identity["size"]
    wanted = {
        "width": width,
        "height": height,
        "num_inference_steps": identity["steps"],
        "guidance_scale": identity.get("guidance"),
        "output_type": "np",
        # Else the caption would be cleaned where two optional packages happen to be installed.
        "clean_caption": False,
        # Else another size is painted and resampled to the one asked for.
        "use_resolution_binning": False,
    }
    taken = inspect.signature(pipeline.__call__).parameters
    for key, asked, name in (
        ("steps", steps, "num_inference_steps"),
        ("guidance", guidance, "guidance_scale"),
        ("size", size, "width"),
    ):
        if asked is not None and name not in taken:
            raise GenerationFailed(f"{card.slug}: {type(pipeline).__name__} has no {key} to choose")
    if any(side % _grain(pipeline) for side in identity["size"]):
        raise GenerationFailed(
            f"{card.slug} paints in steps of {_grain(pipeline)} pixels, and {width} x {height} does not fit"
        )
    told = {key: value for key, value in wanted.items() if key in taken and value is not None}
    return told | dict(identity.get("arguments", {}))


def _fetched(card: EntrantCard) -> Path:
    """The folder of a hub id's commit on this machine; fetched only if the card's runtime allows it."""
    hub, revision = card.identity["hub"], card.identity["revision"]
    allowed = card.runtime["download"]
    with _quiet():
        try:
            return Path(DiffusionPipeline.download(hub, revision=revision, local_files_only=not allowed))
        except Exception as error:
            told = (
                f"could not be fetched: {one_line(error)}"
                if allowed
                else "is not on this machine; fetch it once, with download = true in the card's runtime"
            )
            raise MissingPart(f"entrant {card.slug!r}: {hub} at {revision[:12]} {told}") from error


def _left_out(folder: Path) -> list[str]:
    """Parts that a folder was saved without, such as the largest of several text encoders.

    diffusers writes them as ``[null, null]`` and then asks for them, unless it is told that there is none.
    """
    return [name for name, part in _index(folder).items() if part == [None, None]]


def _pipeline_class(folder: Path) -> Any:
    """The class that a folder names, if it is one of `OURS`; else the one that finds diffusers' own."""
    name = str(_index(folder).get("_class_name"))
    return getattr(import_module(OURS[name]), name) if name in OURS else DiffusionPipeline


def _index(folder: Path) -> dict[str, Any]:
    """What ``model_index.json`` says, or nothing: from_pretrained says better what is wrong with it."""
    try:
        index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return index if isinstance(index, dict) else {}


def _check_whole(card: EntrantCard, pipeline: Any, folder: Path) -> None:
    """Whether every weight was found; diffusers leaves what a file lacks without values, and fails later."""
    for name, part in pipeline.components.items():
        if isinstance(part, torch.nn.Module):
            lacking = [weight for weight, value in part.state_dict().items() if value.is_meta]
            if lacking:
                raise CardError(
                    f"entrant {card.slug!r}: {folder} does not load: {name} lacks {len(lacking)} of its "
                    f"weights, such as {lacking[0]}; bring the whole folder"
                )


def _check_call(card: EntrantCard, pipeline: Any) -> None:
    """Whether the pipeline takes what the card says, and the card says what the pipeline needs."""
    kind, identity = type(pipeline).__name__, card.identity
    where = f"entrant {card.slug!r}: {kind}"
    taken = inspect.signature(pipeline.__call__).parameters
    if "prompt" not in taken:
        raise CardError(f"{where} takes no prompt, so it cannot enter; it needs a text-to-image pipeline")
    if "generator" not in taken:
        raise CardError(f"{where} takes no generator, so that no seed could bring a picture back")
    readers = [part for name, part in pipeline.components.items() if name.startswith("text_encoder")]
    if readers and all(part is None for part in readers):
        raise CardError(f"{where} was saved without a text encoder, so it cannot read a prompt")
    open_needs = [
        name
        for name, parameter in taken.items()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and name not in {"prompt", *identity.get("arguments", {})}
    ]
    if open_needs:
        raise CardError(f"{where} needs {', '.join(open_needs)} beside a prompt, which the arena cannot give")
    for name, key in SAID.items():
        if key in identity and name not in taken:
            raise CardError(f"{where} takes no {name}; leave {key!r} out of the card's identity")
    if "guidance_scale" in taken and "guidance" not in identity:
        raise CardError(f"{where} takes a guidance_scale; the card's identity must say its 'guidance'")
    if strange := sorted(identity.get("arguments", {}).keys() - taken.keys()):
        raise CardError(f"{where} takes no {strange[0]}; leave it out of the card's 'arguments'")
    if any(side % _grain(pipeline) for side in identity["size"]):
        raise CardError(
            f"{where} paints in steps of {_grain(pipeline)} pixels; 'size' must be multiples of it"
        )


def _grain(pipeline: Any) -> int:
    """Sides of pictures are multiples of this many pixels."""
    return int(getattr(pipeline, "vae_scale_factor", None) or 1)


def _set_scheduler(card: EntrantCard, pipeline: Any) -> None:
    """Swap or adjust the scheduler, keeping what its configuration says else."""
    name, changes = card.identity.get("scheduler"), dict(card.identity.get("scheduler_options", {}))
    where = f"entrant {card.slug!r}"
    present = getattr(pipeline, "scheduler", None)
    if (chosen := name or type(present).__name__) in BATCHWIDE:
        raise CardError(
            f"{where}: {chosen} draws its noise for a whole batch at once, so that a picture would depend on "
            "its neighbours; choose another 'scheduler'"
        )
    if name or changes:
        if present is None:
            raise CardError(f"{where}: {type(pipeline).__name__} has no scheduler; leave it out of the card")
        kind: Any = getattr(diffusers, name, None) if name else type(present)
        known = isinstance(kind, type) and issubclass(kind, diffusers.SchedulerMixin)
        if not known:
            raise CardError(f"{where}: diffusers has no scheduler called {name!r}")
        if strange := sorted(changes.keys() - inspect.signature(kind).parameters.keys()):
            raise CardError(f"{where}: {kind.__name__} takes no {strange[0]}; see 'scheduler_options'")
        try:
            pipeline.scheduler = present = kind.from_config(present.config, **changes)
        except Exception as error:
            raise CardError(f"{where}: {kind.__name__} cannot be made: {one_line(error)}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars of other libraries while something loads."""
    shown = [lib for lib in (diffusers_logging, transformers_logging) if lib.is_progress_bar_enabled()]
    for library in shown:
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library in shown:
            library.enable_progress_bar()
