"""The velocity of a flow from noise to latents, given a prompt: one sequence of picture and word tokens."""

from __future__ import annotations

import math

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional

from models.lumen.layers import Attention, RMSNorm, SwiGLU, padding_bias, rotation


def time_features(t: Tensor, width: int) -> Tensor:
    """Sines and cosines of 1000 t at `width` / 2 frequencies (Vaswani et al. 2017, sec. 3.5).

    Parameters
    ----------
    t : Tensor of shape (batch,)
        From 0 (picture) to 1 (noise).

    Returns
    -------
    Tensor of shape (batch, width), float32
    """
    half = width // 2
    speed = torch.exp(-math.log(10_000.0) * torch.arange(half, device=t.device, dtype=torch.float32) / half)
    angle = 1000.0 * t.float()[:, None] * speed
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


def patches(x: Tensor, side: int) -> Tensor:
    """Squares of `side` x `side` as tokens: (b, c, h, w) to (b, hw / side^2, c side^2)."""
    return functional.pixel_unshuffle(x, side).flatten(2).transpose(1, 2)


def unpatches(tokens: Tensor, side: int, rows: int, columns: int) -> Tensor:
    """Inverse of `patches` for a grid of `rows` x `columns` tokens."""
    grid = tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], rows, columns)
    return functional.pixel_shuffle(grid, side)


def zero(layer: nn.Module) -> None:
    """Set the weights of a layer to 0, so that it says nothing at first."""
    for weight in layer.parameters():
        nn.init.zeros_(weight)


class Modulation(nn.Module):
    """Shifts and scales from the condition (adaLN, Peebles and Xie 2023, sec. 3.2), zero at first.

    With a rank the matrix is a product of two: what the condition says needs few dimensions, and these
    matrices would else be a third of the model.
    """

    def __init__(self, width: int, vectors: int, rank: int, *, out: int = 0) -> None:
        super().__init__()
        self.vectors = vectors
        self.reduce = nn.Linear(width, rank, bias=False) if rank else nn.Identity()
        self.spread = nn.Linear(rank or width, vectors * (out or width))
        zero(self.spread)

    def forward(self, condition: Tensor) -> tuple[Tensor, ...]:
        """Turn (batch, width) into `vectors` tensors of shape (batch, 1, out or width)."""
        spread: Tensor = self.spread(self.reduce(condition))
        return spread[:, None].chunk(self.vectors, dim=-1)


class Block(nn.Module):
    """Attention and a gated MLP, each shifted, scaled and gated by the condition; the identity at first."""

    def __init__(self, width: int, heads: int, hidden: int, rank: int) -> None:
        super().__init__()
        self.norm = RMSNorm(width, affine=False)
        self.attention = Attention(width, heads)
        self.mlp = SwiGLU(width, hidden)
        self.modulation = Modulation(width, 6, rank)
        nn.init.zeros_(self.attention.out.weight)
        nn.init.zeros_(self.mlp.down.weight)

    def forward(self, x: Tensor, condition: Tensor, turn: tuple[Tensor, Tensor], bias: Tensor) -> Tensor:
        shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = self.modulation(condition)
        mixed = self.attention(self.norm(x) * (1 + scale_1) + shift_1, turn, bias)
        x = x + (1 + gate_1) * mixed
        answer: Tensor = x + (1 + gate_2) * self.mlp(self.norm(x) * (1 + scale_2) + shift_2)
        return answer


class FineBlock(nn.Module):
    """Two convolutions on the latents' grid, modulated by the condition; the identity at first."""

    def __init__(self, width: int, condition: int, rank: int) -> None:
        super().__init__()
        self.norm = RMSNorm(width, affine=False)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.modulation = Modulation(condition, 3, rank, out=width)
        zero(self.second)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shift, scale, gate = (one.transpose(1, 2)[..., None] for one in self.modulation(condition))
        normed = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        inner = self.second(functional.silu(self.first(normed * (1 + scale) + shift)))
        answer: Tensor = x + (1 + gate) * inner
        return answer


class Fine(nn.Module):
    """What the tokens leave to their neighbours: outlines that cross the border of two tokens.

    A token holds `patch` x `patch` places of the latents and its last layer is linear, so that nothing but
    attention makes the places of two tokens agree. This stage looks at every place and its neighbours. It
    adds nothing at first. It is never compiled: with convolutions in a graph, torch would compile anew for
    every number of words.
    """

    def __init__(self, channels: int, patch: int, width: int, inner: int, layers: int, rank: int) -> None:
        super().__init__()
        self.patch = patch
        self.spread = nn.Linear(width, inner * patch**2)
        self.enter = nn.Conv2d(channels, inner, 3, padding=1)
        self.blocks = nn.ModuleList([FineBlock(inner, width, rank) for _ in range(layers)])
        self.leave = nn.Conv2d(inner, channels, 3, padding=1)
        zero(self.leave)

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def forward(self, tokens: Tensor, latents: Tensor, condition: Tensor) -> Tensor:
        """Correct the velocity: (b, tokens, width), latents (b, c, h, w), (b, width) to (b, c, h, w)."""
        rows, columns = latents.shape[2] // self.patch, latents.shape[3] // self.patch
        x = unpatches(self.spread(tokens), self.patch, rows, columns) + self.enter(latents)
        for block in self.blocks:
            x = block(x, condition)
        answer: Tensor = self.leave(functional.silu(x))
        return answer


class LumenTransformer(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Velocity ``v = noise - latents`` at a point of the straight path between them.

    Parameters
    ----------
    channels, grid : int
        Channels and side of the latents.
    patch : int
        Side of a token in latents.
    width, layers, heads, hidden : int
        Width of a token, number of blocks and heads, inner width of the gated MLP; a head's width must be a
        multiple of 16.
    text_width : int
        Width of the text encoder's vectors.
    rank : int
        Of the modulation's matrices; 0 is full.
    fine, fine_width : int
        Blocks and width of the stage at the latents' own resolution, see `Fine`; 0 blocks: none.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        channels: int = 16,
        grid: int = 16,
        patch: int = 2,
        width: int = 256,
        layers: int = 8,
        heads: int = 4,
        hidden: int = 512,
        text_width: int = 256,
        rank: int = 64,
        fine: int = 0,
        fine_width: int = 64,
    ) -> None:
        super().__init__()
        head = width // heads
        if head % 16:
            raise ValueError(f"a head's width must be a multiple of 16, not {head}")
        self.axes = (3 * head // 16, 3 * head // 16, 2 * head // 16)
        self.enter = nn.Linear(channels * patch**2, width)
        self.place = nn.Parameter(0.02 * torch.randn(1, width, grid // patch, grid // patch))
        self.text = nn.Linear(text_width, width)
        self.pooled = nn.Linear(text_width, width)
        self.time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList([Block(width, heads, hidden, rank) for _ in range(layers)])
        self.norm = RMSNorm(width, affine=False)
        self.modulation = Modulation(width, 2, rank)
        self.leave = nn.Linear(width, channels * patch**2)
        self.detail = Fine(channels, patch, width, fine_width, fine, rank) if fine else None
        zero(self.leave)

    def forward(self, latents: Tensor, t: Tensor, words: Tensor, mask: Tensor, pooled: Tensor) -> Tensor:
        """Predict the velocity.

        Parameters
        ----------
        latents : Tensor of shape (batch, channels, height, width)
            ``(1 - t) latents + t noise``, normalised to unit variance a channel.
        t : Tensor of shape (batch,)
            From 0 (picture) to 1 (noise).
        words, mask, pooled : Tensor
            Of the text encoder; (batch, words, text_width), (batch, words), (batch, text_width).

        Returns
        -------
        Tensor of shape (batch, channels, height, width)
        """
        side = self.config.patch
        rows, columns = latents.shape[2] // side, latents.shape[3] // side
        place: Tensor = self.place
        if place.shape[2] != rows or place.shape[3] != columns:
            place = functional.interpolate(place, size=(rows, columns), mode="bilinear", align_corners=False)
        picture = self.enter(patches(latents, side)) + place.flatten(2).transpose(1, 2).to(latents.dtype)
        text = self.text(words.to(latents.dtype)).to(picture.dtype)
        condition = self.time(time_features(t, 256).to(self.enter.weight.dtype))
        condition = functional.silu(condition + self.pooled(pooled.to(latents.dtype)))
        seen = torch.ones(latents.shape[0], rows * columns, dtype=torch.bool, device=mask.device)
        bias = padding_bias(torch.cat([seen, mask], dim=1))
        turn = rotation(self._places(rows, columns, words.shape[1], latents.device), self.axes)
        x = torch.cat([picture, text], dim=1)
        for block in self.blocks:
            x = block(x, condition, turn, bias)
        shift, scale = self.modulation(condition)
        x = self.norm(x[:, : rows * columns]) * (1 + scale) + shift
        velocity = unpatches(self.leave(x), side, rows, columns)
        return velocity if self.detail is None else velocity + self.detail(x, latents, condition)

    @staticmethod
    def _places(rows: int, columns: int, words: int, device: torch.device) -> Tensor:
        """Row, column and place in the sentence of every token; 0 along the axes that it does not have."""
        row = torch.arange(rows, device=device).repeat_interleave(columns)
        column = torch.arange(columns, device=device).repeat(rows)
        picture = torch.stack([row, column, torch.zeros_like(row)], dim=1)
        word = torch.arange(1, words + 1, device=device)
        nothing = torch.zeros_like(word)
        return torch.cat([picture, torch.stack([nothing, nothing, word], dim=1)])
