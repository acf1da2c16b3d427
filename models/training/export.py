"""From a checkpoint to a folder that ships: a pipeline of diffusers in bfloat16, without what only trains."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import nn

from models.baselines.unet import PixelUnetPipeline, noise_schedule
from models.baselines.vae import WordVae, WordVaePipeline
from models.cards import read_card
from models.contracts import EntrantCard
from models.digests import digest_folder
from models.errors import ModelError
from models.lumen.autoencoder import LumenAutoencoder
from models.lumen.pipeline import LumenPipeline
from models.training.autoencode import open_autoencoder
from models.training.captioned import open_state
from models.training.reader_network import AttributeReader
from models.training.settings import BadSettings
from models.training.train import open_painter
from models.training.unet import open_denoiser
from models.training.vae import open_word_painter

EXAMPLES = """examples:
  python -m models.training.export runs/train/checkpoint.pt --autoencoder runs/autoencode/autoencoder \\
      --out weights/lumen-1 --steps 16 --guidance 3
  python -m models.training.export runs/distil/checkpoint.pt --autoencoder runs/autoencode/autoencoder \\
      --out weights/lumen-1-turbo --steps 4 --guidance 1
An early Lumen is a snapshot of the same run:
  python -m models.training.export runs/train/snapshots/0006000.pt \\
      --autoencoder runs/autoencode/autoencoder --out weights/lumen-1-early
The baselines and the reader need no autoencoder:
  python -m models.training.export runs/unet/checkpoint.pt --out weights/pixel-unet
  python -m models.training.export runs/vae/checkpoint.pt --out weights/word-vae
  python -m models.training.export runs/reader/checkpoint.pt --out weights/reader"""
FAMILIES = {
    "LumenPipeline": ("in-house", "lumen"),
    "PixelUnetPipeline": ("baseline", "pixel-unet"),
    "WordVaePipeline": ("baseline", "word-vae"),
}
"""Kind and family of a card, by the class of its pipeline."""


def decoder_alone(autoencoder: LumenAutoencoder | WordVae) -> Any:
    """The same autoencoder without its encoder, which painting never uses."""
    told = {key: value for key, value in autoencoder.config.items() if not key.startswith("_")}
    alone = type(autoencoder)(**told | {"encoder_blocks": ()})
    weights = autoencoder.state_dict().items()
    alone.load_state_dict({name: value for name, value in weights if not name.startswith("encoder.")})
    return alone


def _cast(network: nn.Module, dtype: torch.dtype) -> Any:
    """In another precision by torch's own way; that of diffusers warns of exceptions that are not there."""
    return nn.Module.to(network, dtype).eval()


def export(
    checkpoint: Path,
    autoencoder: Path,
    out: Path,
    *,
    steps: int = 16,
    guidance: float = 3.0,
    dtype: torch.dtype = torch.bfloat16,
) -> LumenPipeline:
    """Save the averaged weights of a checkpoint of Lumen's as a pipeline.

    Parameters
    ----------
    checkpoint : Path
        Of `models.training.train` or `models.training.distil`; a snapshot will do.
    autoencoder : Path
        The folder that its latents were made with.
    out : Path
        The pipeline's folder.
    steps, guidance
        What the pipeline uses where a call says nothing else.
    dtype : torch.dtype
        Of the saved weights.
    """
    painter, settings, tokenizer = open_painter(checkpoint)
    pipeline = LumenPipeline(
        tokenizer=tokenizer,
        text_encoder=_cast(painter.text_encoder, dtype),
        transformer=_cast(painter.transformer, dtype),
        vae=_cast(decoder_alone(open_autoencoder(autoencoder)), dtype),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=settings.shift),
        steps=steps,
        guidance=guidance,
    )
    pipeline.save_pretrained(out)
    return pipeline


def export_unet(
    checkpoint: Path,
    out: Path,
    *,
    steps: int = 25,
    guidance: float = 2.0,
    dtype: torch.dtype = torch.bfloat16,
) -> PixelUnetPipeline:
    """Save a checkpoint or a snapshot of `models.training.unet` as a pipeline; see `export`."""
    denoiser, tokenizer = open_denoiser(checkpoint)
    pipeline = PixelUnetPipeline(
        tokenizer=tokenizer,
        text_encoder=_cast(denoiser.text_encoder, dtype),
        unet=_cast(denoiser.unet, dtype),
        scheduler=noise_schedule(),
        fold=denoiser.fold,
        steps=steps,
        guidance=guidance,
    )
    pipeline.save_pretrained(out)
    return pipeline


def export_vae(checkpoint: Path, out: Path, *, dtype: torch.dtype = torch.bfloat16) -> WordVaePipeline:
    """Save a checkpoint or a snapshot of `models.training.vae` as a pipeline; see `export`."""
    painter, tokenizer = open_word_painter(checkpoint)
    pipeline = WordVaePipeline(
        tokenizer=tokenizer,
        text_encoder=_cast(painter.text_encoder, dtype),
        vae=_cast(decoder_alone(painter.vae), dtype),
    )
    pipeline.save_pretrained(out)
    return pipeline


def export_reader(checkpoint: Path, out: Path, *, dtype: torch.dtype = torch.bfloat16) -> AttributeReader:
    """Save a checkpoint or a snapshot of `models.training.reader` at half the size."""
    state = open_state(checkpoint)
    settings = state["settings"]
    reader = AttributeReader(**settings["network"], size=settings["size"])
    reader.load_state_dict(state["average"])
    _cast(reader, dtype).save_pretrained(out)
    return cast(AttributeReader, reader)


def folder_card(folder: Path, *, batch: int = 8, device: str = "cpu", slug: str = "") -> EntrantCard:
    """An ordinary card of a folder that was written here or by `models.training.bank`.

    Raises
    ------
    BadSettings
        If it is no such folder.
    """
    identity: dict[str, Any] = {"path": str(folder.resolve())}
    runtime: dict[str, Any] = {}
    if (folder / "bank.json").is_file():
        kind, family, backend = "baseline", "retrieval", "retrieval"
        identity["size"] = _settings(folder, "bank.json")["size"]
    else:
        index = _settings(folder, "model_index.json")
        if index["_class_name"] not in FAMILIES:
            raise BadSettings(f"{folder} holds a {index['_class_name']}, which was not made here")
        (kind, family), backend = FAMILIES[index["_class_name"]], "diffusers"
        identity |= {"steps": index.get("steps", 1), "size": _native_size(folder, index)}
        identity |= {"guidance": index["guidance"]} if "guidance" in index else {}
        runtime = {"batch": batch, "device": device}
    name = slug or folder.name
    told = {"slug": name, "name": name, "kind": kind, "family": family, "backend": backend}
    return read_card(told | {"identity": identity, "runtime": runtime}, file=folder / "catalog.toml")


def _native_size(folder: Path, index: dict[str, Any]) -> int:
    """Pixels along one side of what a pipeline was trained to paint."""
    if "unet" in index:
        return int(_settings(folder, "unet/config.json")["sample_size"] * index["fold"])
    vae = _settings(folder, "vae/config.json")
    if "transformer" not in index:
        return int(vae["size"])
    grid = _settings(folder, "transformer/config.json")["grid"]
    return int(grid * vae["stem"] * 2 ** (len(vae["widths"]) - 1))


def _settings(folder: Path, name: str) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadSettings(f"{folder} holds no pipeline; export one first") from error
    return told


def megabytes(folder: Path) -> float:
    """Size of a folder's files in millions of bytes."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def _export_any(told: argparse.Namespace) -> None:
    """Save whatever a checkpoint is of."""
    kind = open_state(told.checkpoint).get("kind", "lumen")
    chosen = {key: getattr(told, key) for key in ("steps", "guidance") if getattr(told, key) is not None}
    if chosen and kind not in ("lumen", "unet"):
        raise BadSettings(
            f"{told.checkpoint} is of a {kind}, which has no {next(iter(chosen))}; leave it out"
        )
    if kind == "lumen":
        if told.autoencoder is None:
            raise BadSettings(
                f"{told.checkpoint} is of Lumen; add --autoencoder, the folder it was trained with"
            )
        export(told.checkpoint, told.autoencoder, told.out, **chosen)
    elif kind == "unet":
        export_unet(told.checkpoint, told.out, **chosen)
    elif kind == "vae":
        export_vae(told.checkpoint, told.out)
    else:
        export_reader(told.checkpoint, told.out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the module."""
    parser = argparse.ArgumentParser(
        prog="python -m models.training.export",
        description="Save a checkpoint or a snapshot as a folder that ships.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--autoencoder", type=Path, help="folder of the trained autoencoder, for Lumen")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--steps", type=int, help="default: 16 for Lumen, 25 for the U-Net")
    parser.add_argument("--guidance", type=float, help="default: 3 for Lumen, 2 for the U-Net")
    told = parser.parse_args(arguments)
    try:
        _export_any(told)
        weights = digest_folder(told.out)
    except ModelError as error:
        parser.exit(1, f"{error}\n")
    sys.stdout.write(f"{told.out}: {megabytes(told.out):.1f} MB, weights {weights}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
