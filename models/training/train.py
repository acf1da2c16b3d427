"""Train Lumen: text encoder and transformer together, by flow matching in latent space."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.errors import ModelError
from models.lumen.pipeline import LumenPipeline
from models.lumen.text_encoder import LumenTextEncoder
from models.lumen.tokenizer import LumenTokenizer, make_tokenizer
from models.lumen.transformer import LumenTransformer
from models.training.latents import Latents, encode_split
from models.training.loop import (
    OtherNetwork,
    begin_with,
    compiled,
    examples_of,
    generator,
    last_figures,
    load_state,
    moving,
    muon_and_adamw,
    prepare,
    train,
)
from models.training.settings import BadSettings, Loop, build, command_line, read_settings
from models.training.wording import words_of_update


@dataclass(frozen=True, slots=True)
class LumenSettings:
    """Settings of Lumen's text encoder and transformer.

    Attributes
    ----------
    size : int
        Pixels along one side of the pictures.
    longest : int
        Most tokens of a prompt.
    text, network : mapping
        Arguments of `LumenTextEncoder` (but for its vocabulary) and of `LumenTransformer`.
    rate, other_rate, weight_decay : float
        See `models.training.loop.muon_and_adamw`.
    shift : float
        Of the times, in training and in painting.
    extra : float
        Share of times drawn evenly from [0.9, 1] on top, where layout and colour are decided.
    low : float
        Share drawn evenly from [0, 0.4], where texture and outlines are: shifted by 3, the others hardly ever
        lie below 0.15, and a network that never saw such times adds noise there.
    empty : float
        Share of empty captions.
    parts : tuple of str
        Patterns of the names of weights that move, such as ``transformer.detail.*``.
    """

    loop: Loop
    size: int = 256
    longest: int = 48
    text: Mapping[str, Any] = field(default_factory=dict)
    network: Mapping[str, Any] = field(default_factory=dict)
    rate: float = 2.5e-3
    other_rate: float = 2.5e-3
    weight_decay: float = 0.01
    shift: float = 3.0
    extra: float = 0.2
    low: float = 0.2
    empty: float = 0.1
    parts: tuple[str, ...] = ("*",)


class Painter(nn.Module):
    """Text encoder and transformer as one network.

    Parameters
    ----------
    settings : LumenSettings
    vocabulary : int
        Number of tokens.
    """

    def __init__(self, settings: LumenSettings, vocabulary: int) -> None:
        super().__init__()
        self.text_encoder = LumenTextEncoder(vocabulary, **settings.text)
        self.transformer = LumenTransformer(**settings.network)

    def forward(self, x: Tensor, t: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """Velocity at `x`, time `t`, for prompts; see `LumenTransformer.forward`."""
        words, pooled = self.text_encoder(ids, mask)
        velocity: Tensor = self.transformer(x, t, words, mask, pooled)
        return velocity


def shifted(t: Tensor, shift: float) -> Tensor:
    """``s t / (1 + (s - 1) t)``: more time at the noisy end (Esser et al. 2024, eq. 23)."""
    return shift * t / (1 + (shift - 1) * t)


def draw_times(count: int, shift: float, extra: float, draw: torch.Generator, *, low: float = 0.0) -> Tensor:
    """Times of training, (count,): logit-normal, shifted (Esser et al. 2024, eq. 19), some near 1 and 0."""
    times = shifted(torch.sigmoid(torch.randn(count, generator=draw)), shift)
    place, which = torch.rand(count, generator=draw), torch.rand(count, generator=draw)
    times = torch.where(which < extra, 0.9 + 0.1 * place, times)
    return torch.where(which > 1 - low, 0.4 * place, times)


def on_path(latents: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Point and velocity of the straight path (Liu et al. 2023, eq. 1; Lipman et al. 2023).

    ``x = (1 - t) latents + t noise`` and ``v = dx/dt = noise - latents``.
    """
    at = t.reshape(-1, *(1,) * (latents.ndim - 1))
    return (1 - at) * latents + at * noise, noise - latents


class Examples:
    """Latents, captions, noise and times of each update, all decided by the seed and the step."""

    def __init__(self, latents: Latents, tokenizer: LumenTokenizer, settings: LumenSettings) -> None:
        self._latents, self._tokenizer, self._settings = latents, tokenizer, settings

    def batch(
        self, step: int, *, empty: float | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Latents, noise, times, ids and mask of one update, on its device."""
        loop = self._settings.loop
        chosen, epochs = examples_of(step, loop.batch, len(self._latents), loop.seed)
        ids, mask = words_of_update(
            self._latents.scenes,
            chosen,
            epochs,
            self._tokenizer,
            loop.seed,
            empty=self._settings.empty if empty is None else empty,
        )
        latents = self._latents.take(chosen)
        draw = generator(loop.seed, 4, step)
        noise = torch.randn(latents.shape, generator=draw)
        told = self._settings
        times = draw_times(len(chosen), told.shift, told.extra, draw, low=told.low)
        latents, noise, times, ids, mask = (one.to(loop.device) for one in (latents, noise, times, ids, mask))
        return latents, noise, times, ids, mask


def train_lumen(
    settings: LumenSettings,
    data: Path,
    autoencoder: Path,
    out: Path,
    *,
    start: Path | None = None,
    extend: bool = False,
    stop_after: int | None = None,
) -> Painter:
    """Train Lumen into ``out/checkpoint.pt``; `models.training.export` makes a pipeline of it.

    `start` is what a new run begins with, see `open_painter`.
    """
    loop = settings.loop
    device = prepare(loop)
    tokenizer = make_tokenizer(longest=settings.longest)
    known, silent = tokenizer.words
    if (before := out / "checkpoint.pt").exists() and load_state(before)["words"] != known:
        raise BadSettings(f"{out} was trained with other words than the grammar has now; begin a new run")
    latents = encode_split(data, "train", settings.size, autoencoder, mirror=True, device=loop.device)
    unseen = encode_split(data, "test_seen", settings.size, autoencoder, device=loop.device)
    painter = Painter(settings, tokenizer.vocab_size).to(device)
    if start is not None:
        begin_lumen(painter, tokenizer, start)
    moved = moving(painter, settings.parts)
    painter.requires_grad_(requires_grad=False)
    for weight in moved:
        weight.requires_grad_()
    optimizers = muon_and_adamw(
        painter, rate=settings.rate, other_rate=settings.other_rate, decay=settings.weight_decay
    )
    examples, tests = Examples(latents, tokenizer, settings), Examples(unseen, tokenizer, settings)

    forward = compiled(painter, loop)

    def velocity_loss(network: Callable[..., Tensor], source: Examples, step: int) -> Tensor:
        clean, noise, times, ids, mask = source.batch(step)
        x, velocity = on_path(clean, noise, times)
        loss: Tensor = (network(x, times, ids, mask).float() - velocity).square().mean()
        return loss

    def loss_of(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        return velocity_loss(forward, examples, step), {}

    @torch.no_grad()
    def check(network: nn.Module) -> dict[str, float]:
        losses = [float(velocity_loss(network, tests, step)) for step in range(max(1, 256 // loop.batch))]
        return {"unseen_loss": float(np.mean(losses))}

    average = train(
        painter,
        optimizers,
        loss_of,
        loop,
        out,
        about={"settings": asdict(settings), "words": known, "silent": silent},
        check=check,
        extend=extend,
        stop_after=stop_after,
    )
    painter.load_state_dict(average.weights)
    return painter.eval()


def begin_lumen(painter: Painter, tokenizer: LumenTokenizer, start: Path) -> None:
    """Begin with the weights of another Lumen of the same words; see `open_painter` and `begin_with`.

    Raises
    ------
    OtherNetwork
        If its words or layers are others; the stage of fine detail alone may be missing there.
    """
    other, _, reader = open_painter(start)
    if reader.words != tokenizer.words:
        raise OtherNetwork(f"{start} has other words than the grammar has now; begin without it")
    begin_with(painter, other, start, new="transformer.detail.")


def open_painter(checkpoint: Path, device: str = "cpu") -> tuple[Painter, LumenSettings, LumenTokenizer]:
    """The averaged weights of a checkpoint or a snapshot, or those of a pipeline that `export` wrote.

    Returns
    -------
    painter : Painter
    settings : LumenSettings
        As it was trained; of a pipeline only what its folder says, the rest as if nothing was stated.
    tokenizer : LumenTokenizer
    """
    if (checkpoint / "model_index.json").is_file():
        return _painter_of_pipeline(checkpoint, device)
    if not checkpoint.is_file():
        raise BadSettings(f"{checkpoint} is no checkpoint; train a model first")
    state = load_state(checkpoint)
    settings = build(LumenSettings, state["settings"], str(checkpoint))
    tokenizer = make_tokenizer(state["words"], state["silent"], longest=settings.longest)
    painter = Painter(settings, tokenizer.vocab_size)
    painter.load_state_dict({name: value.float() for name, value in state["average"].items()})
    painter.to(device).eval()
    return painter, settings, tokenizer


def _painter_of_pipeline(folder: Path, device: str) -> tuple[Painter, LumenSettings, LumenTokenizer]:
    if (kind := json.loads((folder / "model_index.json").read_text())["_class_name"]) != "LumenPipeline":
        raise BadSettings(f"{folder} holds a {kind}, which is no Lumen")
    parts = LumenPipeline.from_pretrained(folder, local_files_only=True)
    text, network = (
        {key: value for key, value in part.config.items() if not key.startswith("_") and key != "vocabulary"}
        for part in (parts.text_encoder, parts.transformer)
    )
    settings = LumenSettings(
        Loop(steps=1, batch=1),
        size=int(parts.vae.factor * network["grid"]),
        longest=parts.tokenizer.model_max_length,
        text=text,
        network=network,
        shift=float(parts.scheduler.config.shift),
    )
    painter = Painter(settings, parts.tokenizer.vocab_size)
    painter.text_encoder.load_state_dict(parts.text_encoder.state_dict())
    painter.transformer.load_state_dict(parts.transformer.state_dict())
    return painter.to(device).eval(), settings, parts.tokenizer


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the module."""
    parser = command_line(
        "train", "Train Lumen by flow matching.", "lumen-1", " --autoencoder runs/autoencode/autoencoder"
    )
    parser.add_argument("--autoencoder", type=Path, required=True, help="folder of a trained autoencoder")
    parser.add_argument(
        "--extend", action="store_true", help="go on from before the learning rate fell, to more steps"
    )
    parser.add_argument("--start", type=Path, help="checkpoint, snapshot or folder of a Lumen to begin with")
    told = parser.parse_args(arguments)
    try:
        settings = read_settings(LumenSettings, told.config, told.set)
        train_lumen(
            settings,
            told.data,
            told.autoencoder,
            told.out,
            start=told.start,
            extend=told.extend,
            stop_after=told.stop_after,
        )
    except ModelError as error:
        parser.exit(1, f"{error}\n")
    sys.stdout.write(f"{json.dumps(last_figures(told.out))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
