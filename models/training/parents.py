"""A model that is tuned on votes, and the new revision that comes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn

from models.cards import SLUG, adjusted, read_card
from models.contracts import EntrantCard
from models.digests import digest_folder
from models.overrides import as_toml
from models.pipelines.assembly import assemble
from models.training.autoencode import open_autoencoder
from models.training.denoising import Denoising
from models.training.loop import load_state
from models.training.settings import BadSettings

NOTE = "preference.json"
CARD = "card.toml"


@dataclass(frozen=True, slots=True, eq=False)
class Parent:
    """The model that is tuned.

    Attributes
    ----------
    card : EntrantCard
    denoising : Denoising
        In float32, on its device.
    coder : str
        What its latents depend on: the digest of its autoencoder, and the kind of pipeline, which packs them.
    """

    card: EntrantCard
    denoising: Denoising
    coder: str

    @property
    def label(self) -> str:
        """``slug@revision``."""
        return f"{self.card.slug}@{self.card.revision}"


def open_parent(card: EntrantCard, device: str, autoencoder: Path | None = None) -> Parent:
    """Open the pipeline of a card in float32, whatever its runtime says.

    Parameters
    ----------
    card : EntrantCard
    device : str
    autoencoder : Path, optional
        Folder of the whole autoencoder of a Lumen, which ships with the decoder alone.

    Raises
    ------
    ModelError
        If it cannot be opened or not be trained here: see `models.pipelines.assembly.assemble` and
        `models.training.denoising.Denoising`.
    """
    if card.backend != "diffusers" or not card.folder:
        raise BadSettings(
            f"{card.slug!r} has no folder of weights on this machine, and none else can be tuned"
        )
    pipeline = assemble(adjusted(card, device=device, engine="torch", dtype="float32"))
    coder = open_autoencoder(autoencoder, device) if autoencoder else None
    denoising = Denoising(pipeline, card, coder)
    digest = digest_folder(autoencoder or Path(card.folder) / "vae")
    return Parent(card, denoising, f"{digest} {type(pipeline).__name__}")


def save_tuned(parent: Parent, checkpoint: Path, out: Path, *, slug: str) -> EntrantCard:
    """Save the averaged weights of a tuning as a pipeline, with the card of a new revision in the family.

    All but the denoiser is copied from the parent, and the denoiser keeps the parent's precision. What it
    was tuned on lies in the folder as `NOTE`, and so is part of the digest that makes the revision.

    Parameters
    ----------
    parent : Parent
    checkpoint : Path
        Of `models.training.preference`.
    out : Path
        Gets the folder ``out/<slug>`` and the card ``out/card.toml``.
    slug : str
        Of the new entrant.

    Raises
    ------
    BadSettings
        If the slug cannot be one, or is the parent's: both shall paint.
    """
    if not SLUG.fullmatch(slug) or slug == parent.card.slug:
        raise BadSettings(f"{slug!r} must be small letters, digits and single hyphens, not the parent's slug")
    state = load_state(checkpoint)
    source, folder, name = Path(parent.card.folder), out / slug, parent.denoising.name
    network: Any = parent.denoising.network
    network.load_state_dict(state["average"])
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(".*", NOTE, name))
    # In another precision by torch's own way; that of diffusers warns of exceptions that are not there.
    nn.Module.to(network, stored_precision(source / name)).save_pretrained(folder / name)
    nn.Module.to(network, torch.float32)
    note = {"parent": parent.label, **{key: state[key] for key in ("votes", "count", "settings")}}
    (folder / NOTE).write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")
    card = read_card(_told(parent, folder, slug, state), file=out / CARD)
    (out / CARD).write_text(as_toml(card), encoding="utf-8")
    return card


def _told(parent: Parent, folder: Path, slug: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """The new card, as a catalogue would tell it."""
    card, settings = parent.card, state["settings"]
    return {
        "slug": slug,
        "name": f"{card.name}, tuned on votes",
        "kind": card.kind,
        "family": card.family,
        "backend": card.backend,
        "licence": card.licence,
        "source": card.source,
        "description": f"Tuned from {parent.label} by Diffusion-DPO on {state['count']:,} votes (export "
        f"{state['votes'][:12]}): beta {settings['beta']:g}, rate {settings['rate']:g}, {state['step']:,} "
        f"updates of {settings['loop']['batch']} pairs.",
        "identity": {
            "path": str(folder.resolve()),
            **{key: value for key, value in card.identity.items() if key != "weights"},
        },
        "runtime": dict(card.runtime),
    }


def stored_precision(folder: Path) -> torch.dtype:
    """The precision that a network was saved in; float32 where no file tells."""
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118  (it is no mapping)
                dtype: torch.dtype = opened.get_tensor(name).dtype
                if dtype.is_floating_point:
                    return dtype
    return torch.float32
