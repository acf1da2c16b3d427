"""From votes back to a model: Diffusion-DPO on what an arena's raters preferred.

The denoiser learns to be less wrong about pictures that won and more about those that lost, each compared
with the model that it starts from, which stays as it was. Text encoders and autoencoder are left alone. There
is no LoRA here: `parts` names the weights that move, the others keep theirs.

References
----------
.. [1] B. Wallace et al., "Diffusion model alignment using direct preference optimization", CVPR 2024
   (arXiv:2311.12908), 2023.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.catalog import BUILT_IN, read_catalog
from models.contracts import EntrantCard
from models.errors import ModelError
from models.training.ballots import BadVotes, Pairs, encode_ballots, open_ballots
from models.training.denoising import Denoising, NoisePath, path_of
from models.training.export import folder_card
from models.training.loop import examples_of, generator, last_figures, load_state, moving, prepare, train
from models.training.parents import CARD, Parent, open_parent, save_tuned
from models.training.settings import BadSettings, Loop, read_settings

HELD_OUT = "validation"
CHECKED = 256


@dataclass(frozen=True, slots=True)
class PreferenceSettings:
    """Settings of a tuning on votes.

    Attributes
    ----------
    beta : float
        How dear it is to leave the reference; the larger, the nearer the tuned model stays. The paper's are
        2,000 and 5,000.
    rate, weight_decay : float
        Of AdamW.
    even_prompts : bool
        Whether all votes on one prompt together weigh as much as those on another.
    parts : tuple of str
        Patterns of the names of weights that move, such as ``blocks.*.attention.*``.
    extra : float
        Of a flow: share of times drawn evenly from the noisiest tenth on top.
    """

    loop: Loop
    beta: float = 2000.0
    rate: float = 2e-5
    weight_decay: float = 0.01
    even_prompts: bool = False
    parts: tuple[str, ...] = ("*",)
    extra: float = 0.2


def margins(tuned: Tensor, reference: Tensor) -> Tensor:
    """How much less wrong the tuned model became about winners than about losers, shape (n,).

    Parameters
    ----------
    tuned, reference : Tensor of shape (2 n,)
        Mean squared errors, first of n winners, then of their losers, at the same noise and time.
    """
    winners, losers = (tuned - reference).chunk(2)
    return losers - winners


def preference_loss(tuned: Tensor, reference: Tensor, beta: float) -> Tensor:
    """``-log sigmoid(beta / 2 margin)`` of each pair, shape (n,) [1]_, eq. 14.

    The paper's weight of a time and its T are in `beta`, and errors are means over the latents, as in the
    code that its values of beta belong to; of a flow they are errors of the velocity.
    """
    return -functional.logsigmoid(beta / 2 * margins(tuned, reference))


class Comparer:
    """Errors of the tuned and the reference model on pairs, both pictures of a pair at one noise and time."""

    def __init__(self, denoising: Denoising, path: NoisePath, settings: PreferenceSettings) -> None:
        self._denoising, self._path, self._settings = denoising, path, settings
        # It computes as the tuned one does while that is trained, so that both round alike.
        self.reference = copy.deepcopy(denoising.network).requires_grad_(requires_grad=False).train()

    def errors(
        self, network: nn.Module, pairs: Pairs, places: NDArray[np.int64], draw: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Mean squared errors of a network and of the reference, both of shape (2 n,), winners first."""
        device = self._settings.loop.device
        captions, latents = pairs.take(places)
        noise = torch.randn(latents[: len(places)].shape, generator=draw).repeat(
            2, *(1,) * (latents.ndim - 1)
        )
        times = self._path.times(len(places), draw).repeat(2)
        x, wanted = (one.to(device) for one in self._path.at(latents, noise, times))
        told, times = self._denoising.told(captions + captions), times.to(device)

        def error(one: nn.Module) -> Tensor:
            gap = self._denoising.answer(one, told, x, times) - wanted
            return gap.square().flatten(1).mean(1)

        with torch.no_grad():
            reference = error(self.reference)
        return error(network), reference


def tune(
    settings: PreferenceSettings, votes: Path, parent: Parent, out: Path, *, stop_after: int | None = None
) -> nn.Module:
    """Tune a parent's denoiser, in its place, into ``out/checkpoint.pt``; returns it with averaged weights.

    Where the export has a part `HELD_OUT`, the log's last line says how often the tuned model sides with its
    votes.

    Raises
    ------
    BadVotes
        If the votes cannot be used.
    BadSettings
        If no weight has a name that `parts` matches, or the folder holds a run of other votes or another
        parent.
    """
    loop = settings.loop
    device = prepare(loop)
    pairs, held_out = (_pairs(votes, part, parent) for part in ("train", HELD_OUT))
    if pairs is None:
        raise BadVotes(f"{votes} has no data/train-*.parquet; make it with `arena export --format dpo`")
    about = {"votes": pairs.ballots.digest, "count": len(pairs), "parent": parent.label}
    if (before := out / "checkpoint.pt").exists():
        state = load_state(before)
        if {key: state[key] for key in about} != about:
            raise BadSettings(f"{out} holds a run of other votes or another model; name a new folder")
    network = parent.denoising.network.to(device).requires_grad_(requires_grad=False)
    moved = moving(network, settings.parts)
    path = path_of(parent.denoising.scheduler, extra=settings.extra)
    comparer = Comparer(parent.denoising, path, settings)
    weights = pairs.ballots.weights(even_prompts=settings.even_prompts)
    optimizer = torch.optim.AdamW(
        [weight.requires_grad_() for weight in moved],
        lr=settings.rate,
        betas=(0.9, 0.98),
        weight_decay=settings.weight_decay,
    )

    def loss_of(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        places, _ = examples_of(step, loop.batch, len(pairs), loop.seed)
        tuned, reference = comparer.errors(network, pairs, places, generator(loop.seed, 7, step))
        losses = preference_loss(tuned, reference, settings.beta)
        winners, losers = (tuned - reference).detach().chunk(2)
        figures = {"sided": (winners < losers).float().mean()}
        figures |= {"winners": winners.mean(), "losers": losers.mean()}
        return (weights[places].to(losses) * losses).mean(), figures

    @torch.no_grad()
    def check(made: nn.Module) -> dict[str, float]:
        assert held_out is not None
        count = min(CHECKED, len(held_out))
        found = []
        for start in range(0, count, loop.batch):
            places = np.arange(start, min(start + loop.batch, count))
            draw = generator(loop.seed, 8, start)
            found.append(margins(*comparer.errors(made, held_out, places, draw)).cpu())
        return {"held_out_sided": float((torch.cat(found) > 0).float().mean())}

    average = train(
        network,
        [optimizer],
        loss_of,
        loop,
        out,
        about={"settings": asdict(settings), **about},
        check=check if held_out is not None else None,
        stop_after=stop_after,
    )
    network.load_state_dict(average.weights)
    return network.eval()


def _pairs(votes: Path, part: str, parent: Parent) -> Pairs | None:
    ballots = open_ballots(votes, part)
    if ballots is None:
        return None
    width, height = parent.card.identity["size"]
    return encode_ballots(ballots, votes, (width, height), parent.denoising.encode, name=parent.coder)


def run(
    settings: PreferenceSettings,
    votes: Path,
    card: EntrantCard,
    out: Path,
    *,
    slug: str,
    autoencoder: Path | None = None,
    stop_after: int | None = None,
) -> EntrantCard | None:
    """Tune the model of a card, and save it with a card of its own; None if it was stopped before its end."""
    parent = open_parent(card, settings.loop.device, autoencoder)
    tune(settings, votes, parent, out, stop_after=stop_after)
    if stop_after is not None and stop_after < settings.loop.steps:
        return None
    return save_tuned(parent, out / "checkpoint.pt", out, slug=slug)


EXAMPLES = """examples:
  arena export votes --format dpo --split train=0.9,validation=0.1
  python -m models.training.preference --votes votes --model weights/lumen-1 \\
      --autoencoder runs/autoencode/autoencoder --out runs/preference
  python -m models.training.preference --votes votes --entrant my-model --catalog var/catalog.toml \\
      --out runs/mine --set beta=5000 --set 'parts=["*attn*"]' --set loop.device=cuda
Stop it at any time; the same command goes on where it stopped."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the module."""
    parser = argparse.ArgumentParser(
        prog="python -m models.training.preference",
        description="Tune a model on an arena's votes.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "config", nargs="?", type=Path, default=Path("preference"), help="settings (default: preference)"
    )
    parser.add_argument("--votes", type=Path, required=True, help="folder of `arena export --format dpo`")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--model", type=Path, help="folder of an exported Lumen")
    who.add_argument("--entrant", help="slug of any diffusers pipeline in --catalog")
    parser.add_argument("--catalog", type=Path, help="catalogue of --entrant (default: the one that ships)")
    parser.add_argument("--autoencoder", type=Path, help="Lumen's whole one, where the folder has none")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run; one that is there is resumed"
    )
    parser.add_argument("--slug", help="of the tuned entrant (default: the parent's, and -preferred)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting")
    parser.add_argument("--stop-after", type=int, metavar="STEP", help="write a checkpoint there and leave")
    told = parser.parse_args(arguments)
    try:
        settings = read_settings(PreferenceSettings, told.config, told.set)
        card = _card(told)
        made = run(
            settings,
            told.votes,
            card,
            told.out,
            slug=told.slug or f"{card.slug}-preferred",
            autoencoder=told.autoencoder,
            stop_after=told.stop_after,
        )
    except ModelError as error:
        parser.exit(1, f"{error}\n")
    sys.stdout.write(f"{json.dumps(last_figures(told.out))}\n")
    if made:
        sys.stdout.write(
            f"{made.slug}@{made.revision}: add {told.out / CARD} to catalog.toml in the data folder, then\n"
            f"arena entrants enter {made.slug}\n"
        )
    return 0


def _card(told: argparse.Namespace) -> EntrantCard:
    if told.entrant:
        return read_catalog(*([told.catalog] if told.catalog else [BUILT_IN]))[told.entrant]
    return folder_card(told.model, device="auto")


if __name__ == "__main__":
    sys.exit(main())
