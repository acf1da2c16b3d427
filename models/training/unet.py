"""Train the pixel U-Net, a baseline: predict the noise in small pictures, given their captions."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0
from torch import Tensor, nn

from models.baselines.unet import noise_schedule, predict_noise
from models.errors import ModelError
from models.lumen.text_encoder import LumenTextEncoder
from models.lumen.tokenizer import LumenTokenizer, make_tokenizer
from models.training.captioned import Captioned, check_words, open_state
from models.training.loop import generator, last_figures, prepare, train
from models.training.settings import Loop, build, command_line, read_settings
from models.training.shards import open_pictures


@dataclass(frozen=True, slots=True)
class UnetSettings:
    """Settings of a pixel U-Net.

    Attributes
    ----------
    size : int
        Pixels along one side of the pictures.
    fold : int
        See `models.baselines.unet.predict_noise`.
    longest : int
        Most tokens of a prompt.
    text, network : mapping
        Arguments of `LumenTextEncoder` (but for its vocabulary) and of `UNet2DConditionModel` (but for those
        that the other settings decide).
    rate : float
        Of AdamW.
    empty : float
        Share of empty captions.
    """

    loop: Loop
    size: int = 64
    fold: int = 2
    longest: int = 48
    text: Mapping[str, Any] = field(default_factory=dict)
    network: Mapping[str, Any] = field(default_factory=dict)
    rate: float = 1e-3
    empty: float = 0.1


class Denoiser(nn.Module):
    """Text encoder and U-Net as one network.

    Parameters
    ----------
    settings : UnetSettings
    vocabulary : int
        Number of tokens.
    """

    def __init__(self, settings: UnetSettings, vocabulary: int) -> None:
        super().__init__()
        self.fold = settings.fold
        self.text_encoder = LumenTextEncoder(vocabulary, **settings.text)
        width = self.text_encoder.config.width
        self.unet = UNet2DConditionModel(
            sample_size=settings.size // settings.fold,
            in_channels=3 * settings.fold**2,
            out_channels=3 * settings.fold**2,
            cross_attention_dim=width,
            class_embed_type="projection",
            projection_class_embeddings_input_dim=width,
            **settings.network,
        )

    def forward(self, x: Tensor, t: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """The noise in `x` at level `t`, for prompts; see `predict_noise`."""
        words, pooled = self.text_encoder(ids, mask)
        return predict_noise(self.unet, x, t, words, mask, pooled, self.fold)


def train_unet(settings: UnetSettings, data: Path, out: Path, *, stop_after: int | None = None) -> Denoiser:
    """Train a U-Net into ``out/checkpoint.pt``; `models.training.export` makes a pipeline of it."""
    loop = settings.loop
    device = prepare(loop)
    tokenizer = make_tokenizer(longest=settings.longest)
    known, silent = tokenizer.words
    check_words(out, known)
    examples, tests = (
        Captioned(
            open_pictures(data, split, settings.size, mirror=split == "train"),
            tokenizer,
            loop,
            empty=settings.empty,
        )
        for split in ("train", "test_seen")
    )
    denoiser = Denoiser(settings, tokenizer.vocab_size).to(device)
    denoiser.unet.to(memory_format=torch.channels_last)
    # On a CPU the backward pass of the fused attention is the slower.
    denoiser.unet.set_attn_processor(AttnProcessor())
    optimizer = torch.optim.AdamW(
        denoiser.parameters(), lr=settings.rate, betas=(0.9, 0.99), weight_decay=0.0
    )
    schedule = noise_schedule()
    levels = schedule.config.num_train_timesteps

    def noise_loss(network: nn.Module, source: Captioned, step: int) -> Tensor:
        clean, ids, mask = source.batch(step)
        draw = generator(loop.seed, 4, step)
        noise = torch.randn(clean.shape, generator=draw).to(device)
        t = torch.randint(0, levels, (len(clean),), generator=draw).to(device)
        noisy = schedule.add_noise(clean, noise, t).contiguous(memory_format=torch.channels_last)
        loss: Tensor = (network(noisy, t, ids, mask).float() - noise).square().mean()
        return loss

    def loss_of(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        return noise_loss(denoiser, examples, step), {}

    @torch.no_grad()
    def check(network: nn.Module) -> dict[str, float]:
        losses = [float(noise_loss(network, tests, step)) for step in range(max(1, 256 // loop.batch))]
        return {"unseen_loss": float(np.mean(losses))}

    average = train(
        denoiser,
        [optimizer],
        loss_of,
        loop,
        out,
        about={"kind": "unet", "settings": asdict(settings), "words": known, "silent": silent},
        check=check,
        stop_after=stop_after,
    )
    denoiser.load_state_dict(average.weights)
    denoiser.unet.set_attn_processor(AttnProcessor2_0())
    denoiser.eval()
    return denoiser


def open_denoiser(checkpoint: Path) -> tuple[Denoiser, LumenTokenizer]:
    """The averaged weights of a checkpoint or a snapshot, with the tokenizer."""
    state = open_state(checkpoint)
    settings = build(UnetSettings, state["settings"], str(checkpoint))
    tokenizer = make_tokenizer(state["words"], state["silent"], longest=settings.longest)
    denoiser = Denoiser(settings, tokenizer.vocab_size)
    denoiser.load_state_dict(state["average"])
    return denoiser.eval(), tokenizer


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the module."""
    parser = command_line("unet", "Train the pixel U-Net, a baseline of the 2020 kind.", "pixel-unet")
    told = parser.parse_args(arguments)
    try:
        settings = read_settings(UnetSettings, told.config, told.set)
        train_unet(settings, told.data, told.out, stop_after=told.stop_after)
    except ModelError as error:
        parser.exit(1, f"{error}\n")
    sys.stdout.write(f"{json.dumps(last_figures(told.out))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
