"""Pictures as small grids of numbers and back: residual convolutions, no norm layers.

A 256 px picture becomes 16 x 16 latents. Without norm layers a position depends only on its surroundings, so
the autoencoder is trained on crops and used on whole pictures of any size.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional


class Residual(nn.Module):
    """``x + conv(silu(conv(silu(x))))`` with 3 x 3 convolutions, the identity at first (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = x + self.second(functional.silu(self.first(functional.silu(x))))
        return answer


def encoder(channels: int, stem: int, widths: Sequence[int], blocks: Sequence[int]) -> nn.Sequential:
    """Pixels to latents: unshuffle by `stem`, then one halving between levels."""
    layers: list[nn.Module] = [nn.PixelUnshuffle(stem), nn.Conv2d(3 * stem**2, widths[0], 3, padding=1)]
    for level, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        if level:
            layers += [nn.PixelUnshuffle(2), nn.Conv2d(4 * widths[level - 1], width, 1)]
        layers += [Residual(width) for _ in range(count)]
    return nn.Sequential(*layers, nn.SiLU(), nn.Conv2d(widths[-1], channels, 3, padding=1))


def decoder(channels: int, stem: int, widths: Sequence[int], blocks: Sequence[int]) -> nn.Sequential:
    """Latents to pixels, the mirror of `encoder`."""
    layers: list[nn.Module] = [nn.Conv2d(channels, widths[-1], 3, padding=1)]
    for level in reversed(range(len(widths))):
        layers += [Residual(widths[level]) for _ in range(blocks[level])]
        if level:
            layers += [nn.Conv2d(widths[level], 4 * widths[level - 1], 1), nn.PixelShuffle(2)]
    return nn.Sequential(
        *layers, nn.SiLU(), nn.Conv2d(widths[0], 3 * stem**2, 3, padding=1), nn.PixelShuffle(stem)
    )


class LumenAutoencoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A deterministic convolutional autoencoder.

    Parameters
    ----------
    channels : int
        Of the latents.
    stem : int
        Side of the squares of pixels that become channels before the first convolution.
    widths : sequence of int
        Channels at each level, finest first; pixels a latent: ``stem * 2 ** (len(widths) - 1)``.
    encoder_blocks, decoder_blocks : sequence of int
        Residual blocks at each level; no `encoder_blocks` makes a decoder alone, which is all that painting
        needs.
    mean, std : sequence of float
        Of each channel of the latents over the training pictures; what `normalise` uses.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        channels: int = 16,
        stem: int = 2,
        widths: Sequence[int] = (32, 64, 128, 160),
        encoder_blocks: Sequence[int] = (1, 1, 1, 1),
        decoder_blocks: Sequence[int] = (1, 1, 2, 2),
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
    ) -> None:
        super().__init__()
        self.encoder = encoder(channels, stem, widths, encoder_blocks) if len(encoder_blocks) else None
        self.decoder = decoder(channels, stem, widths, decoder_blocks)

    @property
    def factor(self) -> int:
        """Pixels along the side of one latent."""
        return int(self.config.stem * 2 ** (len(self.config.widths) - 1))

    def encode(self, pictures: Tensor) -> Tensor:
        """Turn pictures in [-1, 1], (n, 3, h, w), into raw latents, (n, channels, h / factor, w / factor)."""
        if self.encoder is None:
            raise ValueError("this autoencoder was saved without its encoder")
        latents: Tensor = self.encoder(pictures)
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """Inverse of `encode`; not clamped."""
        pictures: Tensor = self.decoder(latents)
        return pictures

    def forward(self, pictures: Tensor) -> Tensor:
        return self.decode(self.encode(pictures))

    def normalise(self, latents: Tensor) -> Tensor:
        """Raw latents to mean 0 and variance 1 a channel."""
        mean, std = self._moments(latents)
        return (latents - mean) / std

    def denormalise(self, latents: Tensor) -> Tensor:
        """Inverse of `normalise`."""
        mean, std = self._moments(latents)
        return latents * std + mean

    def _moments(self, like: Tensor) -> tuple[Tensor, Tensor]:
        channels = self.config.channels
        mean = torch.tensor(self.config.mean or [0.0] * channels, dtype=like.dtype, device=like.device)
        std = torch.tensor(self.config.std or [1.0] * channels, dtype=like.dtype, device=like.device)
        return mean[:, None, None], std[:, None, None]
