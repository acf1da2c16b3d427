"""Train the word VAE, a baseline: small pictures from their captions and a few numbers drawn by chance."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.baselines.vae import WordVae
from models.errors import ModelError
from models.lumen.text_encoder import LumenTextEncoder
from models.lumen.tokenizer import LumenTokenizer, make_tokenizer
from models.training.captioned import Captioned, check_words, open_state
from models.training.loop import generator, last_figures, prepare, train
from models.training.settings import Loop, build, command_line, read_settings
from models.training.shards import open_pictures


@dataclass(frozen=True, slots=True)
class VaeSettings:
    """Settings of a word VAE.

    Attributes
    ----------
    longest : int
        Most tokens of a prompt.
    text, network : mapping
        Arguments of `LumenTextEncoder` (but for its vocabulary) and of `WordVae` (but for the width of the
        text).
    deviation : float
        Standard deviation of a value of a picture, in [-1, 1], about what the decoder says; the larger, the
        more is left to the words and the less to the latents.
    rate : float
        Of AdamW.
    empty : float
        Share of empty captions.
    """

    loop: Loop
    longest: int = 48
    text: Mapping[str, Any] = field(default_factory=dict)
    network: Mapping[str, Any] = field(default_factory=dict)
    deviation: float = 0.3
    rate: float = 1e-3
    empty: float = 0.05


class WordPainter(nn.Module):
    """Text encoder and VAE as one network.

    Parameters
    ----------
    settings : VaeSettings
    vocabulary : int
        Number of tokens.
    """

    def __init__(self, settings: VaeSettings, vocabulary: int) -> None:
        super().__init__()
        self.text_encoder = LumenTextEncoder(vocabulary, **settings.text)
        self.vae = WordVae(text_width=self.text_encoder.config.width, **settings.network)

    def forward(self, pictures: Tensor, noise: Tensor, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures rebuilt from drawn latents, and how far those are from what is foretold, in nats."""
        _, pooled = self.text_encoder(ids, mask)
        mean, log_variance = self.vae.encode(pictures, pooled)
        latents = mean + (0.5 * log_variance).exp() * noise
        return self.vae.decode(latents, pooled), divergence(mean, log_variance, *self.vae.expect(pooled))


def divergence(mean: Tensor, log_variance: Tensor, other_mean: Tensor, other_log_variance: Tensor) -> Tensor:
    """Divergence of one normal distribution from another in nats, summed over the last axis.

    ``(log s2/s1 + (s1 + (m1 - m2)^2) / s2 - 1) / 2`` with variances s, a number at a time.
    """
    m1, l1, m2, l2 = (one.float() for one in (mean, log_variance, other_mean, other_log_variance))
    return 0.5 * (l2 - l1 + ((l1 - l2).exp() + (m1 - m2).square() / l2.exp()) - 1).sum(-1)


def train_vae(settings: VaeSettings, data: Path, out: Path, *, stop_after: int | None = None) -> WordPainter:
    """Train a VAE into ``out/checkpoint.pt``; `models.training.export` makes a pipeline of it."""
    loop = settings.loop
    device = prepare(loop)
    tokenizer = make_tokenizer(longest=settings.longest)
    known, silent = tokenizer.words
    check_words(out, known)
    painter = WordPainter(settings, tokenizer.vocab_size).to(device)
    painter.vae.to(memory_format=torch.channels_last)
    size, latent = painter.vae.config.size, painter.vae.config.latent
    examples, tests = (
        Captioned(
            open_pictures(data, split, size, mirror=split == "train"), tokenizer, loop, empty=settings.empty
        )
        for split in ("train", "test_seen")
    )
    optimizer = torch.optim.AdamW(painter.parameters(), lr=settings.rate, betas=(0.9, 0.99), weight_decay=0.0)

    def bound(network: nn.Module, source: Captioned, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Negative evidence bound times ``2 deviation^2 / values``, its squared error, its divergence."""
        clean, ids, mask = source.batch(step)
        noise = torch.randn(len(clean), latent, generator=generator(loop.seed, 4, step)).to(device)
        made, apart = network(clean.contiguous(memory_format=torch.channels_last), noise, ids, mask)
        error = (made.float() - clean).square().mean()
        nats = apart.mean()
        return error + 2 * settings.deviation**2 * nats / clean[0].numel(), error, nats

    def loss_of(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        loss, error, nats = bound(painter, examples, step)
        return loss, {"error": error, "nats": nats}

    @torch.no_grad()
    def check(network: nn.Module) -> dict[str, float]:
        told = [bound(network, tests, step) for step in range(max(1, 256 // loop.batch))]
        loss, error, nats = (float(np.mean([float(row[n]) for row in told])) for n in range(3))
        return {"unseen_loss": loss, "unseen_error": error, "unseen_nats": nats}

    average = train(
        painter,
        [optimizer],
        loss_of,
        loop,
        out,
        about={"kind": "vae", "settings": asdict(settings), "words": known, "silent": silent},
        check=check,
        stop_after=stop_after,
    )
    painter.load_state_dict(average.weights)
    painter.eval()
    return painter


def open_word_painter(checkpoint: Path) -> tuple[WordPainter, LumenTokenizer]:
    """The averaged weights of a checkpoint or a snapshot, with the tokenizer."""
    state = open_state(checkpoint)
    settings = build(VaeSettings, state["settings"], str(checkpoint))
    tokenizer = make_tokenizer(state["words"], state["silent"], longest=settings.longest)
    painter = WordPainter(settings, tokenizer.vocab_size)
    painter.load_state_dict(state["average"])
    return painter.eval(), tokenizer


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the module."""
    parser = command_line("vae", "Train the word VAE, a baseline.", "word-vae")
    told = parser.parse_args(arguments)
    try:
        settings = read_settings(VaeSettings, told.config, told.set)
        train_vae(settings, told.data, told.out, stop_after=told.stop_after)
    except ModelError as error:
        parser.exit(1, f"{error}\n")
    sys.stdout.write(f"{json.dumps(last_figures(told.out))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
