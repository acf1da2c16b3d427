"""From a checkpoint to a folder that ships: a `LumenPipeline` in bfloat16, with the decoder alone."""

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

from models.cards import read_card
from models.contracts import EntrantCard
from models.errors import ModelError
from models.lumen.autoencoder import LumenAutoencoder
from models.lumen.pipeline import LumenPipeline
from models.training.autoencode import open_autoencoder
from models.training.train import open_painter

EXAMPLES = """examples:
  python -m models.training.export runs/train/checkpoint.pt --autoencoder runs/autoencode/autoencoder \\
      --out weights/lumen-1 --steps 16 --guidance 3
  python -m models.training.export runs/distil/checkpoint.pt --autoencoder runs/autoencode/autoencoder \\
      --out weights/lumen-1-turbo --steps 4 --guidance 1"""


def decoder_alone(autoencoder: LumenAutoencoder) -> LumenAutoencoder:
    """The same autoencoder without its encoder, which painting never uses."""
    told = {key: value for key, value in autoencoder.config.items() if not key.startswith("_")}
    alone = LumenAutoencoder(**told | {"encoder_blocks": ()})
    alone.decoder.load_state_dict(autoencoder.decoder.state_dict())
    return cast(LumenAutoencoder, alone)


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
    """Save the averaged weights of a checkpoint as a pipeline.

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


def lumen_card(folder: Path, *, batch: int = 8, device: str = "cpu", slug: str = "") -> EntrantCard:
    """An ordinary card of a folder of Lumen's, with the steps, guidance and size that the folder names."""
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    transformer = json.loads((folder / "transformer" / "config.json").read_text(encoding="utf-8"))
    vae = json.loads((folder / "vae" / "config.json").read_text(encoding="utf-8"))
    told = {
        "slug": slug or folder.name,
        "name": folder.name,
        "kind": "in-house",
        "family": "lumen",
        "backend": "diffusers",
        "identity": {
            "path": str(folder.resolve()),
            "steps": index["steps"],
            "guidance": index["guidance"],
            "size": transformer["grid"] * vae["stem"] * 2 ** (len(vae["widths"]) - 1),
        },
        "runtime": {"batch": batch, "device": device},
    }
    return read_card(told, file=folder / "catalog.toml")


def megabytes(folder: Path) -> float:
    """Size of a folder's files in millions of bytes."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the module."""
    parser = argparse.ArgumentParser(
        prog="python -m models.training.export",
        description="Save a checkpoint as a pipeline of diffusers.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--autoencoder", type=Path, required=True, help="folder of the trained autoencoder")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pipeline")
    parser.add_argument("--steps", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--guidance", type=float, default=3.0, help="default: %(default)s")
    told = parser.parse_args(arguments)
    try:
        export(told.checkpoint, told.autoencoder, told.out, steps=told.steps, guidance=told.guidance)
        weights = lumen_card(told.out).identity["weights"]
    except ModelError as error:
        parser.exit(1, f"{error}\n")
    sys.stdout.write(f"{told.out}: {megabytes(told.out):.1f} MB, weights {weights}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
