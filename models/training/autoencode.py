"""Train Lumen's autoencoder on crops, and measure what it loses.

What a small flow can learn to paint depends on its latents more than on itself. Noise as large as a good part
of the latents keeps little differences from meaning much (Yang et al. 2025, "Latent denoising makes good
visual tokenizers"), and halved latents must give the halved picture (Kouzelis et al. 2025, "EQ-VAE"), so
that what is coarse in a picture is coarse in its latents.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.errors import ModelError
from models.lumen.autoencoder import LumenAutoencoder
from models.training.loop import begin_with, examples_of, generator, last_figures, prepare, train
from models.training.settings import Loop, command_line, read_settings, saved_network
from models.training.shards import Pictures, open_pictures, to_bytes, to_unit

CHECKED = 64
"""Unseen pictures that a check rebuilds."""


@dataclass(frozen=True, slots=True)
class AutoencoderSettings:
    """Settings of an autoencoder.

    Attributes
    ----------
    size : int
        Pixels along one side of the pictures.
    crop : int
        Pixels along one side of what an update sees.
    network : mapping
        Arguments of `LumenAutoencoder`.
    rate : float
        Of AdamW.
    pull : float
        Weight of the mean square of the latents, which keeps them small.
    noise : float
        Most noise that is added to the latents of a picture, over their own deviation.
    halved : float
        Share of updates that halve latents and pictures.
    levels : int
        Of the pyramid in which pictures are compared.
    """

    loop: Loop
    size: int = 256
    crop: int = 128
    network: Mapping[str, Any] = field(default_factory=dict)
    rate: float = 1e-3
    pull: float = 2e-4
    noise: float = 0.3
    halved: float = 0.25
    levels: int = 4


def pyramid_distance(made: Tensor, wanted: Tensor, levels: int) -> Tensor:
    """Mean absolute difference of Laplacian pyramids (Burt and Adelson 1983; Bojanowski et al. 2018, eq. 2).

    Level j holds what one halving by box means and bilinear doubling loses; it has 4^-j as many values as
    level 0 and counts 2^j times as much a value.

    Parameters
    ----------
    made, wanted : Tensor of shape (n, 3, side, side)
    levels : int
        The last holds what remains.
    """
    gap = made - wanted
    total = gap.new_zeros(())
    for level in range(levels):
        if level == levels - 1 or gap.shape[-1] < 4:
            return total + 2.0**level * gap.abs().mean()
        small = functional.avg_pool2d(gap, 2)
        large = functional.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
        total = total + 2.0**level * (gap - large).abs().mean()
        gap = small
    return total


def crops(pictures: Tensor, side: int, draw: torch.Generator) -> Tensor:
    """A random square of each picture."""
    room = pictures.shape[-1] - side
    corner = torch.randint(0, room + 1, (pictures.shape[0], 2), generator=draw).tolist()
    return torch.stack(
        [one[:, y : y + side, x : x + side] for one, (y, x) in zip(pictures, corner, strict=True)]
    )


def shaken(latents: Tensor, most: float, draw: torch.Generator) -> Tensor:
    """Latents with noise, from none to `most` times the deviation of their channel."""
    deviation = latents.detach().float().std((0, 2, 3), keepdim=True)
    strength = most * torch.rand(latents.shape[0], 1, 1, 1, generator=draw).to(deviation)
    noise = torch.randn(latents.shape, generator=draw).to(deviation)
    return latents + (strength * deviation * noise).to(latents)


def signal_to_noise(made: Tensor, wanted: Tensor) -> Tensor:
    """PSNR of 8-bit pictures in decibels, shape (n,): ``10 log10(255^2 / mean squared error)``."""
    error = (made.float() - wanted.float()).square().flatten(1).mean(1)
    return 10 * torch.log10(255.0**2 / error.clamp(min=1e-4))


def sharpness(pictures: Tensor) -> float:
    """Mean absolute difference of neighbouring pixels, in 8-bit steps."""
    x = pictures.float()
    return float((x[..., 1:] - x[..., :-1]).abs().mean() + (x[..., 1:, :] - x[..., :-1, :]).abs().mean()) / 2


@torch.no_grad()
def rebuild(autoencoder: LumenAutoencoder, pictures: Tensor, *, batch: int = 16) -> Tensor:
    """Encode and decode 8-bit pictures."""
    weight = next(autoencoder.parameters())
    parts = [pictures[start : start + batch] for start in range(0, pictures.shape[0], batch)]
    return torch.cat([to_bytes(autoencoder(to_unit(part).to(weight)).cpu()) for part in parts])


@torch.no_grad()
def measure_latents(autoencoder: LumenAutoencoder, pictures: Pictures, *, most: int = 2000) -> None:
    """Write mean and deviation of each channel, over up to `most` pictures, into the configuration."""
    weight = next(autoencoder.parameters())
    places = np.linspace(0, len(pictures) - 1, min(most, len(pictures))).astype(np.int64)
    made = []
    for start in range(0, len(places), 16):
        seen = to_unit(pictures.take(places[start : start + 16])).to(weight)
        made.append(autoencoder.encode(seen).float().cpu())
    latents = torch.cat(made)
    mean, std = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    autoencoder.register_to_config(
        mean=[round(float(one), 6) for one in mean], std=[round(float(one), 6) for one in std]
    )


def train_autoencoder(
    settings: AutoencoderSettings,
    data: Path,
    out: Path,
    *,
    start: Path | None = None,
    stop_after: int | None = None,
) -> LumenAutoencoder:
    """Train an autoencoder and save it, with the moments of its latents, to ``out/autoencoder``.

    `start` is the folder of one whose weights a new run begins with. If it holds a decoder alone, as a
    pipeline that ships does, that stays as it is, and an encoder learns to fit it.
    """
    loop = settings.loop
    device = prepare(loop)
    pictures = open_pictures(data, "train", settings.size, mirror=True)
    tests = open_pictures(data, "test_seen", settings.size, most=CHECKED)
    unseen = tests.take(range(min(CHECKED, len(tests))))
    network = LumenAutoencoder(**settings.network).to(device, memory_format=torch.channels_last)
    if start is not None:
        begun = open_autoencoder(start, loop.device)
        begin_with(network, begun, start, new="encoder." if begun.encoder is None else "")
        network.decoder.requires_grad_(begun.encoder is not None)
    moved = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(moved, lr=settings.rate, betas=(0.9, 0.99), weight_decay=0.0)

    def loss_of(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        chosen, _ = examples_of(step, loop.batch, len(pictures), loop.seed)
        draw = generator(loop.seed, 2, step)
        wanted = to_unit(crops(pictures.take(chosen), settings.crop, draw)).to(device)
        latents = network.encode(wanted.contiguous(memory_format=torch.channels_last))
        told = shaken(latents, settings.noise, draw)
        if float(torch.rand((), generator=draw)) < settings.halved:
            told, wanted = functional.avg_pool2d(told, 2), functional.avg_pool2d(wanted, 2)
        distance = pyramid_distance(network.decode(told).float(), wanted, settings.levels)
        size = latents.float().square().mean()
        return distance + settings.pull * size, {"distance": distance, "latents": size}

    def check(made: nn.Module) -> dict[str, float]:
        assert isinstance(made, LumenAutoencoder)
        again = rebuild(made, unseen)
        with torch.no_grad():
            latents = made.encode(to_unit(unseen[:16]).to(device))
            noisy = to_bytes(made.decode(shaken(latents, settings.noise, generator(loop.seed, 2))).cpu())
        return {
            "psnr_shaken": float(signal_to_noise(noisy, unseen[:16]).mean()),
            "psnr": float(signal_to_noise(again, unseen).mean()),
            "sharpness": sharpness(again) / sharpness(unseen),
        }

    average = train(
        network,
        [optimizer],
        loss_of,
        loop,
        out,
        about={"settings": asdict(settings)},
        check=check,
        stop_after=stop_after,
    )
    network.load_state_dict(average.weights)
    measure_latents(network.eval(), pictures)
    network.save_pretrained(out / "autoencoder")
    return cast(LumenAutoencoder, network)


def open_autoencoder(folder: Path, device: str = "cpu") -> LumenAutoencoder:
    """An autoencoder that `train_autoencoder` saved."""
    folder = saved_network(folder, "autoencoder")
    network = LumenAutoencoder.from_pretrained(folder, local_files_only=True)
    return cast(LumenAutoencoder, network.to(device).eval())


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the module."""
    parser = command_line("autoencode", "Train Lumen's autoencoder.", "autoencoder")
    parser.add_argument("--start", type=Path, help="folder of an autoencoder to begin with")
    told = parser.parse_args(arguments)
    try:
        settings = read_settings(AutoencoderSettings, told.config, told.set)
        train_autoencoder(settings, told.data, told.out, start=told.start, stop_after=told.stop_after)
    except ModelError as error:
        parser.exit(1, f"{error}\n")
    sys.stdout.write(f"{json.dumps(last_figures(told.out))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
