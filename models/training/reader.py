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
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional

from models.atelier.grammar import Scene
from models.errors import ModelError
from models.training.attributes import HEADS, THING, Score, judge, label_table
from models.training.loop import examples_of, generator, last_figures, prepare, train
from models.training.settings import Loop, command_line, read_settings, saved_network
from models.training.shards import Pictures, open_pictures, to_unit

SLOTS = 2
SECOND = frozenset(f"{name}_1" for name in THING)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm_1, self.norm_2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.second(functional.silu(self.norm_1(self.first(x))))
        answer: Tensor = functional.silu(x + self.norm_2(inner))
        return answer


def _halve(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.PixelUnshuffle(2), nn.Conv2d(4 * before, after, 1, bias=False), nn.BatchNorm2d(after), nn.SiLU()
    )


class AttributeReader(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A convolutional network with one head an attribute.

    It looks twice with the same weights: at the whole picture at half size, and at the middle at full size,
    where the things are, for a material shows in fine texture. For each slot of `models.training.attributes`
    it then pools the places that it attends to (a soft crop of the thing) into a vector.

    Parameters
    ----------
    widths, blocks : sequence of int
        Channels and residual blocks at each level, finest first; slots are pooled at the last but one.
    features : int
        Width of the common vector that every head reads and Fréchet distances are taken in.
    size : int
        Pixels along one side of what it was trained on; other pictures are resampled to it.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 192),
        blocks: Sequence[int] = (0, 1, 2, 2),
        features: int = 192,
        size: int = 256,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, widths[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.SiLU(),
        )
        levels = []
        for level, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            entry = _halve(widths[level - 1], width) if level else nn.Identity()
            levels.append(nn.Sequential(entry, *(_Residual(width) for _ in range(count))))
        self.levels = nn.ModuleList(levels)
        fine, coarse = widths[-2], widths[-1]
        self.join = nn.Sequential(nn.Conv2d(fine + coarse + 2, coarse, 1), nn.SiLU())
        self.attend = nn.Conv2d(coarse, 2 * SLOTS, 1)
        self.common = nn.Sequential(nn.Linear((2 + SLOTS) * coarse, features), nn.SiLU())
        self.heads = nn.ModuleDict(
            {
                name: nn.Linear(features + (coarse if name.removesuffix("_1") in THING else 0), len(classes))
                for name, classes in HEADS.items()
            }
        )

    def _views(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Fine maps of both views, (n, 2, coarse, h, w), and mean coarse features of each, (n, 2, coarse)."""
        side = pictures.shape[-1]
        whole, middle = (
            functional.avg_pool2d(pictures, 2),
            pictures[..., side // 4 : -(side // 4), side // 4 : -(side // 4)],
        )
        x = torch.cat([whole, middle]).contiguous(memory_format=torch.channels_last)
        maps = [self.stem(x)]
        for level in self.levels:
            maps.append(level(maps[-1]))
        coarse = functional.interpolate(maps[-1], size=maps[-2].shape[-2:], mode="nearest")
        joined = self.join(torch.cat([maps[-2], coarse, _places(maps[-2])], dim=1))
        stack = joined.unflatten(0, (2, -1)).transpose(0, 1)
        return stack, maps[-1].mean((2, 3)).unflatten(0, (2, -1)).transpose(0, 1)

    def describe(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Features of pictures in [-1, 1].

        Returns
        -------
        common : Tensor of shape (n, features)
        slots : Tensor of shape (n, SLOTS, coarse)
        """
        stack, means = self._views(pictures)
        odds = self.attend(stack.flatten(0, 1)).unflatten(0, (-1, 2)).flatten(3)
        # Each view has its own maps of where to look; one softmax runs over the places of both views.
        odds = torch.stack([odds[:, view, SLOTS * view : SLOTS * (view + 1)] for view in range(2)], dim=2)
        weight = torch.softmax(odds.float().flatten(2), dim=-1).to(stack.dtype)
        slots = weight @ stack.flatten(3).permute(0, 1, 3, 2).flatten(1, 2)
        return self.common(torch.cat([means.flatten(1), slots.flatten(1)], dim=-1)), slots

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Logits of each head for pictures in [-1, 1], shape (n, 3, size, size)."""
        common, slots = self.describe(pictures)
        logits = {}
        for name, head in self.heads.items():
            told = [common]
            if name.removesuffix("_1") in THING:
                told.append(slots[:, int(name in SECOND)])
            logits[name] = head(torch.cat(told, dim=-1))
        return logits


def _places(like: Tensor) -> Tensor:
    """Column and row of every place of a map, from -1 to 1; shape (n, 2, h, w)."""
    count, _, height, width = like.shape
    rows = torch.linspace(-1, 1, height, dtype=like.dtype, device=like.device)
    columns = torch.linspace(-1, 1, width, dtype=like.dtype, device=like.device)
    grid = torch.stack([columns.expand(height, -1), rows[:, None].expand(-1, width)])
    return grid.expand(count, -1, -1, -1)


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


def reader_loss(logits: Mapping[str, Tensor], wanted: Mapping[str, Tensor], smoothing: float) -> Tensor:
    """Mean over heads of the cross-entropy, each over the pictures that have such a label."""
    total = []
    for name, told in logits.items():
        known = wanted[name] >= 0
        if bool(known.any()):
            total.append(
                functional.cross_entropy(told[known].float(), wanted[name][known], label_smoothing=smoothing)
            )
    return torch.stack(total).mean()


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
    kept: list[Tensor] = []
    hook = reader.common.register_forward_hook(lambda _, __, made: kept.append(made))
    for start in range(0, len(pictures), batch):
        stop = min(start + batch, len(pictures))
        chosen = pictures.take(range(start, stop)) if isinstance(pictures, Pictures) else pictures[start:stop]
        for name, told in reader(to_unit(chosen).to(weight)).items():
            logits[name].append(told.float().cpu())
        features.append(kept.pop().float().cpu())
    hook.remove()
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
    pictures = open_pictures(data, "train", settings.size)
    unseen = open_pictures(data, "test_seen", settings.size)
    wanted = label_table(pictures.scenes)
    reader = AttributeReader(**settings.network, size=settings.size).to(
        device, memory_format=torch.channels_last
    )
    optimizer = torch.optim.AdamW(reader.parameters(), lr=settings.rate, weight_decay=settings.weight_decay)

    def loss_of(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        chosen, _ = examples_of(step, loop.batch, len(pictures), loop.seed)
        seen = roughen(to_unit(pictures.take(chosen)), loop.seed, step).to(device)
        asked = {name: told[chosen].to(device) for name, told in wanted.items()}
        return reader_loss(reader(seen), asked, settings.smoothing), {}

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
    """A reader that `train_reader` saved."""
    reader = AttributeReader.from_pretrained(saved_network(folder, "reader"), local_files_only=True)
    return cast(AttributeReader, reader.to(device).eval())


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
