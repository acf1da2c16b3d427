"""Parts that Lumen's text encoder and transformer share: norms, rotary positions, attention, SwiGLU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

ROPE_BASE = 100.0
"""Longest wavelength of a position over 2 pi; grids here are 8 to 32 wide."""


class RMSNorm(nn.Module):
    """``x / sqrt(mean(x^2) + eps) * weight`` over the last axis (Zhang and Sennrich 2019, eq. 4).

    Parameters
    ----------
    width : int
        Length of the last axis.
    affine : bool
        Whether there is a learnt weight.
    """

    def __init__(self, width: int, *, affine: bool = True, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        normed = (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)).to(x.dtype)
        return normed if self.weight is None else normed * self.weight.to(x.dtype)


def rotation(positions: Tensor, sizes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary positions along several axes (Su et al. 2021, sec. 3.4.2).

    Parameters
    ----------
    positions : Tensor of shape (n_tokens, n_axes)
        Where each token is, in token units.
    sizes : tuple of int
        Pairs of channels that turn with each axis; their sum is half a head's width.

    Returns
    -------
    cos, sin : Tensor of shape (n_tokens, head_width / 2), float32
    """
    angles = []
    for axis, size in enumerate(sizes):
        speed = ROPE_BASE ** (-torch.arange(size, device=positions.device, dtype=torch.float32) / size)
        angles.append(positions[:, axis, None].float() * speed)
    angle = torch.cat(angles, dim=-1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn channels (n, n + width / 2) of `x`, shape (batch, heads, tokens, width), by their angle."""
    first, second = x.chunk(2, dim=-1)
    c, s = cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat([first * c - second * s, first * s + second * c], dim=-1)


class Attention(nn.Module):
    """Self-attention with normalised queries and keys and rotary positions.

    While training, attention is written out: on a CPU the backward pass of the fused kernel is the slower.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.norm_q = RMSNorm(width // heads)
        self.norm_k = RMSNorm(width // heads)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], bias: Tensor) -> Tensor:
        """Mix tokens.

        Parameters
        ----------
        x : Tensor of shape (batch, tokens, width)
        turn : tuple of Tensor
            See `rotation`.
        bias : Tensor of shape (batch, 1, 1, tokens)
            Zero, or minus infinity for keys that are only padding.
        """
        batch, tokens, width = x.shape[0], x.shape[1], x.shape[2]
        qkv = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        q, k = rotate(self.norm_q(q), *turn), rotate(self.norm_k(k), *turn)
        if self.training:
            scores = q @ k.transpose(-1, -2) * (width // self.heads) ** -0.5
            mixed = torch.softmax(scores + bias.to(scores.dtype), dim=-1).to(v.dtype) @ v
        else:
            mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        answer: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return answer


class SwiGLU(nn.Module):
    """``W_down (silu(W_gate x) * W_up x)`` (Shazeer 2020, eq. 6)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.up(x).chunk(2, dim=-1)
        answer: Tensor = self.down(functional.silu(gate) * up)
        return answer


def padding_bias(mask: Tensor) -> Tensor:
    """Attention bias of a key mask, (batch, tokens) to (batch, 1, 1, tokens): minus infinity at padding."""
    bias = torch.zeros(mask.shape, dtype=torch.float32, device=mask.device)
    return bias.masked_fill(~mask, float("-inf"))[:, None, None, :]


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens that count; shape (batch, tokens, width) to (batch, width)."""
    weight = mask.to(x.dtype)[..., None]
    return (x * weight).sum(1) / weight.sum(1).clamp(min=1)
