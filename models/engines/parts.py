"""The heavy parts of a pipeline, and how OpenVINO and the memory of embeddings get hold of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.contracts import EntrantCard
from models.engines.embeddings import Embeddings
from models.engines.intel import Part
from models.engines.store import Store, usual_folder

DENOISERS = ("unet", "transformer", "transformer_2")


@dataclass(frozen=True, slots=True, eq=False)
class Heavy:
    """A network that takes most of the time: its name, itself, and how to load it anew in float32."""

    name: str
    network: nn.Module
    again: Callable[[], nn.Module]


def denoisers(pipeline: Any) -> dict[str, nn.Module]:
    """The networks that are called at every step, by name."""
    return {name: part for name in DENOISERS if isinstance(part := getattr(pipeline, name, None), nn.Module)}


def readers(pipeline: Any) -> dict[str, nn.Module]:
    """The text encoders, by name."""
    return {
        name: part
        for name, part in pipeline.components.items()
        if name.startswith("text_encoder") and isinstance(part, nn.Module)
    }


def heavy_parts(pipeline: Any, folder: Path) -> Iterator[Heavy]:
    """What is worth converting: denoisers, text encoders, and the decoder of latents."""
    for name, part in {**denoisers(pipeline), **readers(pipeline)}.items():
        yield Heavy(name, part, _loader(part, folder / name))
    coder = getattr(pipeline, "vae", None)
    if isinstance(decoder := getattr(coder, "decoder", None), nn.Module):
        load = _loader(coder, folder / "vae")
        yield Heavy("vae.decoder", decoder, lambda: load().decoder)


def to_openvino(pipeline: Any, card: EntrantCard, *, store: Store | None = None) -> dict[str, Part]:
    """Give each heavy part of a pipeline a ``forward`` on OpenVINO; returns them by name."""
    identity = card.identity
    pinned = identity.get("weights") or f"{identity['hub']}@{identity['revision']}"
    return {
        heavy.name: Part(
            heavy.name,
            heavy.network,
            again=heavy.again,
            identity={"weights": pinned},
            dtype=card.runtime["dtype"],
            threads=card.runtime.get("threads") or torch.get_num_threads(),
            store=store or Store(usual_folder()),
        )
        for heavy in heavy_parts(pipeline, Path(pipeline.name_or_path))
    }


def remember_embeddings(pipeline: Any) -> dict[str, Embeddings]:
    """Give each text encoder a memory; returns them by name."""
    memories = {}
    for name, reader in readers(pipeline).items():
        memories[name] = Embeddings(reader.forward)
        reader.forward = memories[name]
    return memories


def _loader(part: Any, folder: Path) -> Callable[[], Any]:
    return lambda: type(part).from_pretrained(folder, dtype=torch.float32, local_files_only=True)
