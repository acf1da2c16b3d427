"""The attribute reader: what stands in a picture, of what, where, in which light.

It judges pictures that Lumen paints, so it is trained on real renders alone and its own accuracy on held-out
renders is stated beside every score.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.atelier.grammar import Scene
from models.errors import ModelError
from models.training.attributes import HEADS, THING, Score, judge, label_table
from models.training.loop import examples_of, generator, last_figures, prepare, train
from models.training.places import all_squares
from models.training.reader_network import AttributeReader, places
from models.training.settings import Loop, command_line, read_settings, saved_network
from models.training.shards import Pictures, open_pictures, to_unit


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """Settings of a reader.

    Attributes
    ----------
    size : int
        Pixels along one side of what it sees.
    network : mapping
        Arguments of `AttributeReader`.
    rate, weight_decay, smoothing : float
        Of AdamW, and label smoothing.
    """

    loop: Loop
    size: int = 256
    network: Mapping[str, Any] = field(default_factory=dict)
    rate: float = 2e-3
    weight_decay: float = 0.05
    smoothing: float = 0.05


def roughen(pictures: Tensor, seed: int, step: int) -> Tensor:
    """Small changes that a label survives: contrast, brightness, noise, softness; painting has them too."""
    draw = generator(seed, 7, step)
    count = pictures.shape[0]
    gain, lift = 1 + 0.1 * torch.randn(2, count, 1, 1, 1, generator=draw)
    # One field of noise, at a strength of each picture's own: a field a picture would double a step's cost.
    noise = (
        0.06 * torch.rand(count, 1, 1, 1, generator=draw) * torch.randn(pictures.shape[1:], generator=draw)
    )
    soft = functional.interpolate(
        functional.avg_pool2d(pictures, 2), scale_factor=2, mode="bilinear", align_corners=False
    )
    share = torch.rand(count, 1, 1, 1, generator=draw) * (torch.rand(count, 1, 1, 1, generator=draw) < 0.5)
    rough: Tensor = (pictures + share * (soft - pictures)) * gain + (lift - 1) + noise
    return rough


def shaken(squares: Tensor, draw: torch.Generator) -> Tensor:
    """Squares as they might have been found: a little beside the thing, too large or too small."""
    aside = 0.12 * squares[:, 2:] * torch.randn(len(squares), 2, generator=draw)
    half = squares[:, 2:] * torch.exp(0.12 * torch.randn(len(squares), 1, generator=draw))
    return torch.cat([squares[:, :2] + aside, half], dim=-1)


def reading_loss(
    logits: Mapping[str, Tensor], wanted: Mapping[str, Tensor], smoothing: float
) -> list[Tensor]:
    """Cross-entropy of each head over the pictures that have such a label."""
    total = []
    for name, told in logits.items():
        known = wanted[name] >= 0
        if bool(known.any()):
            total.append(
                functional.cross_entropy(told[known].float(), wanted[name][known], label_smoothing=smoothing)
            )
    return total


def finding_loss(odds: Tensor, squares: Tensor, wanted: Tensor) -> Tensor:
    """How badly things were found: cross-entropy of their places, and distance of the squares.

    Parameters
    ----------
    odds, squares : Tensor
        Of the things that are there, shapes (n, rows * columns) and (n, 3); see `AttributeReader.survey`.
    wanted : Tensor of shape (n, 3)
        The true squares.
    """
    side = round(odds.shape[-1] ** 0.5)
    grid = places(side, side).to(wanted).flatten(1)
    # A tent over the nearest places, whose mean is the very middle.
    tent = (1 - (wanted[:, :2, None] - grid).abs() * side / 2).clamp(min=0).prod(1)
    tent = tent / tent.sum(-1, keepdim=True).clamp(min=1e-6)
    apart = (squares[:, :2] - wanted[:, :2]).abs().mean() + (squares[:, 2] - wanted[:, 2]).abs().mean()
    loss: Tensor = -(tent * odds).sum(-1).mean() / 4 + apart
    return loss


@torch.no_grad()
def read_all(
    reader: AttributeReader, pictures: Pictures | Tensor, *, batch: int = 64
) -> tuple[dict[str, Tensor], Tensor]:
    """Read many pictures.

    Parameters
    ----------
    reader : AttributeReader
    pictures : Pictures or Tensor of shape (n, 3, size, size), uint8

    Returns
    -------
    logits : dict of str to Tensor of shape (n, n_classes)
    features : Tensor of shape (n, features), float32
    """
    reader.eval()
    weight = next(reader.parameters())
    logits: dict[str, list[Tensor]] = {name: [] for name in HEADS}
    features = []
    for start in range(0, len(pictures), batch):
        stop = min(start + batch, len(pictures))
        chosen = pictures.take(range(start, stop)) if isinstance(pictures, Pictures) else pictures[start:stop]
        told, seen = reader(to_unit(chosen).to(weight))
        for name, one in told.items():
            logits[name].append(one.float().cpu())
        features.append(seen.float().cpu())
    return {name: torch.cat(told) for name, told in logits.items()}, torch.cat(features)


def score_pictures(
    scenes: Sequence[Scene], logits: Mapping[str, Tensor], missing: Collection[int] = ()
) -> dict[str, float]:
    """Share of wishes met of each attribute that the scenes speak of, and of pictures that meet them ``all``.

    Parameters
    ----------
    scenes : sequence of Scene
        What was asked of each picture.
    logits : mapping of str to Tensor of shape (n_pictures, n_classes)
    missing : collection of int
        Places where there is no picture, which meets nothing.
    """
    total: Score = {"all": []}
    for n, scene in enumerate(scenes):
        score = judge(scene, {head: told[n] for head, told in logits.items()})
        for name, hits in score.items():
            total.setdefault(name, []).extend([hit and n not in missing for hit in hits])
        total["all"].append(n not in missing and all(all(hits) for hits in score.values()))
    return {name: float(np.mean(hits)) for name, hits in total.items()}


def train_reader(
    settings: ReaderSettings, data: Path, out: Path, *, stop_after: int | None = None
) -> AttributeReader:
    """Train a reader, log its accuracy on unseen renders and save it to ``out/reader``."""
    loop = settings.loop
    device = prepare(loop)
    pictures = open_pictures(data, "train", settings.size, mirror=True)
    unseen = open_pictures(data, "test_seen", settings.size)
    wanted, there = label_table(pictures.scenes), torch.from_numpy(all_squares(pictures, data))
    reader = AttributeReader(**settings.network, size=settings.size).to(
        device, memory_format=torch.channels_last
    )
    optimizer = torch.optim.AdamW(reader.parameters(), lr=settings.rate, weight_decay=settings.weight_decay)

    def loss_of(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        chosen, _ = examples_of(step, loop.batch, len(pictures), loop.seed)
        seen = roughen(to_unit(pictures.take(chosen)), loop.seed, step).to(device)
        asked = {name: told[chosen].to(device) for name, told in wanted.items()}
        squares = there[chosen]
        common, odds, found = reader.survey(seen)
        read = reading_loss(reader.read_whole(common), asked, settings.smoothing)
        picture, slot = torch.nonzero(~squares[:, :, 2].isnan(), as_tuple=True)
        if len(picture) < 2:
            return torch.stack(read).mean(), {}
        true = squares[picture, slot]
        astray = finding_loss(odds[picture, slot], found[picture, slot], true.to(device))
        close = shaken(true, generator(loop.seed, 8, step)).to(device)
        things = reader.read_thing(reader.approach(seen[picture], close))
        labels = {
            name: torch.stack([asked[name], asked[f"{name}_1"]], dim=1)[picture, slot] for name in THING
        }
        named = reading_loss(things, labels, settings.smoothing)
        return torch.stack([*read, *named]).mean() + astray, {"astray": astray}

    def check(network: nn.Module) -> dict[str, float]:
        assert isinstance(network, AttributeReader)
        return score_pictures(unseen.scenes, read_all(network, unseen)[0])

    average = train(
        reader,
        [optimizer],
        loss_of,
        loop,
        out,
        about={"kind": "reader", "settings": asdict(settings)},
        check=check,
        stop_after=stop_after,
    )
    reader.load_state_dict(average.weights)
    reader.eval().save_pretrained(out / "reader")
    return cast(AttributeReader, reader)


def open_reader(folder: Path, device: str = "cpu") -> AttributeReader:
    """A reader that `train_reader` saved or `models.training.export` wrote, in float32."""
    reader = AttributeReader.from_pretrained(saved_network(folder, "reader"), local_files_only=True)
    return cast(AttributeReader, reader.float().to(device).eval())


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the module."""
    parser = command_line("reader", "Train the attribute reader on real renders.", "reader")
    told = parser.parse_args(arguments)
    try:
        settings = read_settings(ReaderSettings, told.config, told.set)
        train_reader(settings, told.data, told.out, stop_after=told.stop_after)
    except ModelError as error:
        parser.exit(1, f"{error}\n")
    sys.stdout.write(f"{json.dumps(last_figures(told.out))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
