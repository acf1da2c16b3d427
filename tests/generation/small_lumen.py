"""A Lumen of 64 px that paints coloured discs on coloured grounds, made in a few seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from PIL import Image, ImageDraw

from models.lumen.autoencoder import LumenAutoencoder
from models.lumen.pipeline import LumenPipeline
from models.lumen.text_encoder import LumenTextEncoder
from models.lumen.tokenizer import make_tokenizer
from models.lumen.transformer import LumenTransformer
from models.training.export import decoder_alone
from models.training.shards import to_unit
from models.training.train import draw_times, on_path

SIDE = 64
SMALL = {"width": 32, "layers": 2, "heads": 2, "hidden": 32}


def disc(rng: np.random.Generator) -> Image.Image:
    """A disc on a ground, both of any muted colour, wherever it falls."""
    ground, colour = (tuple(int(one) for one in rng.integers(40, 216, 3)) for _ in range(2))
    picture = Image.new("RGB", (SIDE, SIDE), ground)
    radius = int(rng.integers(10, 20))
    x, y = (int(one) for one in rng.integers(radius, SIDE - radius, 2))
    ImageDraw.Draw(picture).ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return picture


def pixels(count: int, seed: int) -> torch.Tensor:
    """Discs as values in [-1, 1], shape (count, 3, 64, 64)."""
    rng = np.random.default_rng(seed)
    drawn = np.stack([np.asarray(disc(rng)) for _ in range(count)])
    return to_unit(torch.from_numpy(drawn).permute(0, 3, 1, 2))


def _learn(network: torch.nn.Module, steps: int, rate: float, loss_of) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    for step in range(steps):
        optimizer.zero_grad()
        loss_of(step).backward()
        optimizer.step()
        schedule.step()


def make_coder(seen: torch.Tensor, steps: int) -> LumenAutoencoder:
    """An autoencoder of 4 x 8 x 8 latents that has seen some discs."""
    torch.manual_seed(1)
    coder = LumenAutoencoder(4, 8, (48,), (1,), (1,))

    def loss_of(step: int) -> torch.Tensor:
        some = seen[step * 16 % len(seen) :][:16]
        return (coder(some) - some).abs().mean()

    _learn(coder, steps, 4e-3, loss_of)
    with torch.no_grad():
        latents = coder.encode(seen)
    moments = {"mean": latents.mean((0, 2, 3)).tolist(), "std": latents.std((0, 2, 3)).tolist()}
    coder.register_to_config(**moments)
    return coder.eval()


def save_small_lumen(folder: Path, *, coder_steps: int = 160, steps: int = 240) -> tuple[Path, Path]:
    """Train and save one; returns the folders of the pipeline and of its whole autoencoder."""
    seen = pixels(320, 1)
    coder = make_coder(seen, coder_steps)
    with torch.no_grad():
        clean = coder.normalise(coder.encode(seen))
    torch.manual_seed(2)
    tokenizer = make_tokenizer()
    text = LumenTextEncoder(tokenizer.vocab_size, **SMALL).eval()
    transformer = LumenTransformer(channels=4, grid=8, text_width=32, rank=8, fine=1, fine_width=8, **SMALL)
    reading = tokenizer.read(["a red vase on sand"])
    with torch.no_grad():
        words, pooled = text(reading.ids, reading.mask)

    def loss_of(step: int) -> torch.Tensor:
        draw = torch.Generator().manual_seed(step)
        some = clean[torch.randint(0, len(clean), (16,), generator=draw)]
        noise, t = torch.randn(some.shape, generator=draw), draw_times(16, 1.0, 0.2, draw)
        x, velocity = on_path(some, noise, t)
        told = (one.expand(16, *one.shape[1:]) for one in (words, reading.mask, pooled))
        return (transformer(x, t, *told) - velocity).square().mean()

    _learn(transformer, steps, 4e-3, loss_of)
    LumenPipeline(
        tokenizer=tokenizer,
        text_encoder=text,
        transformer=transformer.eval(),
        vae=decoder_alone(coder),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0),
        steps=6,
        guidance=1.0,
    ).save_pretrained(folder / "lumen-small")
    coder.save_pretrained(folder / "autoencoder")
    return folder / "lumen-small", folder / "autoencoder"
