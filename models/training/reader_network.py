"""The network of the attribute reader: it looks at the whole, finds the things, and looks at each closely."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional

from models.training.attributes import HEADS, SLOTS, THING

MARGIN = 1.2
"""Side of what is looked at closely over the side of the square about the thing."""
WHOLE = tuple(name for name in HEADS if name.removesuffix("_1") not in THING)
"""Heads that read the whole picture."""


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


def _trunk(widths: Sequence[int], blocks: Sequence[int]) -> nn.ModuleList:
    """Levels of residual blocks, each at half the side of the one before, the first at half the input's."""
    levels = []
    for level, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        before = widths[level - 1] if level else 3
        kernel = 1 if level else 3
        entry = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(4 * before, width, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(width),
            nn.SiLU(),
        )
        levels.append(nn.Sequential(entry, *(_Residual(width) for _ in range(count))))
    return nn.ModuleList(levels)


class AttributeReader(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Two convolutional networks with one head an attribute.

    The first sees the whole picture at half size, reads what concerns all of it, and finds the square about
    each thing. The second sees each square at full size and reads the thing's shape, colour and material.

    Parameters
    ----------
    widths, blocks : sequence of int
        Channels and residual blocks at each level of the first network, finest first.
    close_widths, close_blocks : sequence of int
        The same of the second.
    close : int
        Pixels along one side of what the second network sees.
    features : int
        Width of the vector that Fréchet distances are taken in, half of it from each network.
    size : int
        Pixels along one side of what it was trained on; other pictures are resampled to it.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 96, 160),
        blocks: Sequence[int] = (0, 1, 2, 2),
        close_widths: Sequence[int] = (32, 64, 128, 192),
        close_blocks: Sequence[int] = (0, 1, 2, 2),
        close: int = 96,
        features: int = 256,
        size: int = 256,
    ) -> None:
        super().__init__()
        self.whole, self.near = _trunk(widths, blocks), _trunk(close_widths, close_blocks)
        fine, coarse = widths[-2], widths[-1]
        self.join = nn.Sequential(nn.Conv2d(fine + coarse + 2, coarse, 1), nn.SiLU())
        self.attend = nn.Conv2d(coarse, SLOTS, 1)
        self.reach = nn.Linear(coarse, 1)
        self.common = nn.Sequential(nn.Linear((2 + SLOTS) * coarse, features // 2), nn.SiLU())
        self.seen = nn.Sequential(nn.Linear(2 * close_widths[-1], features // 2), nn.SiLU())
        self.heads = nn.ModuleDict(
            {name: nn.Linear(features // 2, len(HEADS[name])) for name in (*WHOLE, *THING)}
        )

    def survey(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Look at whole pictures in [-1, 1], shape (n, 3, size, size).

        Returns
        -------
        common : Tensor of shape (n, features / 2)
        odds : Tensor of shape (n, SLOTS, rows * columns)
            Log-probabilities of where each thing's middle is.
        squares : Tensor of shape (n, SLOTS, 3)
            See `models.training.places.squares`.
        """
        x = functional.avg_pool2d(pictures, 2).contiguous(memory_format=torch.channels_last)
        maps = [x]
        for level in self.whole:
            maps.append(level(maps[-1]))
        coarse = functional.interpolate(maps[-1], size=maps[-2].shape[-2:], mode="nearest")
        grid = places(*maps[-2].shape[-2:]).to(coarse)
        joined = self.join(torch.cat([maps[-2], coarse, grid.expand(len(x), -1, -1, -1)], dim=1))
        odds = torch.log_softmax(self.attend(joined).flatten(2).float(), dim=-1)
        weight = odds.exp()
        slots = weight.to(joined.dtype) @ joined.flatten(2).transpose(1, 2)
        middle = weight @ grid.flatten(1).T.float()
        half = torch.sigmoid(self.reach(slots).float())
        pooled = [maps[-1].mean((2, 3)), maps[-1].amax((2, 3)), slots.flatten(1)]
        return self.common(torch.cat(pooled, dim=-1)), odds, torch.cat([middle, half], dim=-1)

    def approach(self, pictures: Tensor, squares: Tensor) -> Tensor:
        """Look closely at one square of each picture.

        Parameters
        ----------
        pictures : Tensor of shape (n, 3, size, size)
            In [-1, 1].
        squares : Tensor of shape (n, 3)

        Returns
        -------
        Tensor of shape (n, features / 2)
        """
        x = cut(pictures, squares, self.config.close).contiguous(memory_format=torch.channels_last)
        for level in self.near:
            x = level(x)
        seen: Tensor = self.seen(torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=-1))
        return seen

    def read_whole(self, common: Tensor) -> dict[str, Tensor]:
        """Logits of the heads that read the whole picture."""
        return {name: self.heads[name](common) for name in WHOLE}

    def read_thing(self, seen: Tensor) -> dict[str, Tensor]:
        """Logits of shape, colour and material of one thing."""
        return {name: self.heads[name](seen) for name in THING}

    def forward(self, pictures: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Read pictures in [-1, 1], shape (n, 3, size, size).

        Returns
        -------
        logits : dict of str to Tensor of shape (n, n_classes)
            Of every head.
        features : Tensor of shape (n, features)
        """
        common, _, squares = self.survey(pictures)
        logits = self.read_whole(common)
        seen = [self.approach(pictures, squares[:, slot]) for slot in range(SLOTS)]
        for slot, one in enumerate(seen):
            logits |= {f"{name}_1" if slot else name: told for name, told in self.read_thing(one).items()}
        return logits, torch.cat([common, seen[0]], dim=-1)


def places(rows: int, columns: int) -> Tensor:
    """Column and row of the middle of every place of a map, in (-1, 1); shape (2, rows, columns)."""
    down = (torch.arange(rows) + 0.5) / rows * 2 - 1
    across = (torch.arange(columns) + 0.5) / columns * 2 - 1
    return torch.stack([across.expand(rows, -1), down[:, None].expand(-1, columns)])


def cut(pictures: Tensor, squares: Tensor, side: int) -> Tensor:
    """Cut a square with some margin out of each picture, `side` pixels along one side, smoothly resampled."""
    grid = places(2 * side, 2 * side).to(squares).permute(1, 2, 0)
    where = squares[:, None, None, :2] + MARGIN * squares[:, None, None, 2:] * grid
    found = functional.grid_sample(
        pictures, where.to(pictures.dtype), padding_mode="border", align_corners=False
    )
    return functional.avg_pool2d(found, 2)
