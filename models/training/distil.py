"""Distil Lumen into a student of a few steps that needs no guidance.

The student walks the teacher's guided path in `steps` strides. Each update starts somewhere on a path, lets
the teacher take small guided steps to the end of the stride, and teaches the student the mean velocity in
between, ``u = (x_start - x_end) / (t_start - t_end)``: progressive distillation (Salimans and Ho 2022) of a
guided teacher (Meng et al. 2023) in one stage. Half the starts lie on the student's own path, so that it
learns to go on from where it really arrives.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from models.errors import ModelError
from models.training.latents import encode_split
from models.training.loop import compiled, generator, last_figures, muon_and_adamw, prepare, train
from models.training.settings import Loop, command_line, read_settings
from models.training.train import Examples, Painter, begin_lumen, on_path, open_painter, shifted

Velocity = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Of a painter, or of a compiled one; see `Painter.forward`."""


@dataclass(frozen=True, slots=True)
class DistilSettings:
    """Settings of a student.

    Attributes
    ----------
    steps : int
        Strides of the student.
    inner : int
        Steps of the teacher in a stride.
    guidance : float
        Of the teacher.
    own : float
        Share of starts on the student's own path.
    rate, other_rate : float
        Of Muon and of AdamW.
    """

    loop: Loop
    steps: int = 4
    inner: int = 4
    guidance: float = 3.0
    own: float = 0.5
    rate: float = 1e-3
    other_rate: float = 5e-4


@dataclass(frozen=True, slots=True, eq=False)
class Prompts:
    """Ids and mask of a batch of prompts, and of the empty prompt as often."""

    ids: Tensor
    mask: Tensor
    start: int

    @property
    def empty(self) -> tuple[Tensor, Tensor]:
        """Prompts of the same shape that say nothing."""
        ids, mask = torch.zeros_like(self.ids), torch.zeros_like(self.mask)
        ids[:, 0], mask[:, 0] = self.start, True
        return ids, mask


def time_of(stride: Tensor, steps: int, shift: float) -> Tensor:
    """Time at the start of a stride; strides may be fractions, and `steps` itself is the end, 0."""
    return shifted(1 - stride / steps, shift)


def guided(teacher: Velocity, x: Tensor, t: Tensor, prompts: Prompts, scale: float) -> Tensor:
    """``v = v_empty + scale (v_prompt - v_empty)`` (Ho and Salimans 2022, eq. 6) in one batch."""
    if scale == 1.0:
        return teacher(x, t, prompts.ids, prompts.mask).float()
    ids, mask = prompts.empty
    both = teacher(
        torch.cat([x, x]), torch.cat([t, t]), torch.cat([prompts.ids, ids]), torch.cat([prompts.mask, mask])
    )
    told, nothing = both.float().chunk(2)
    mixed: Tensor = nothing + scale * (told - nothing)
    return mixed


def _across(t: Tensor) -> Tensor:
    return t[:, None, None, None]


@torch.no_grad()
def stride_target(
    teacher: Velocity, x: Tensor, stride: Tensor, prompts: Prompts, settings: DistilSettings, shift: float
) -> Tensor:
    """Mean velocity of the teacher's guided path over one stride, by `inner` Euler steps.

    Parameters
    ----------
    x : Tensor of shape (batch, channels, grid, grid)
        Where the strides start.
    stride : Tensor of shape (batch,)
        Their numbers, 0 being the noisiest.
    """
    now = x
    for inner in range(settings.inner):
        t = time_of(stride + inner / settings.inner, settings.steps, shift)
        later = time_of(stride + (inner + 1) / settings.inner, settings.steps, shift)
        now = now + _across(later - t) * guided(teacher, now, t, prompts, settings.guidance)
    length = time_of(stride, settings.steps, shift) - time_of(stride + 1, settings.steps, shift)
    return (x - now) / _across(length)


@torch.no_grad()
def own_path(
    student: Velocity, noise: Tensor, stride: Tensor, prompts: Prompts, steps: int, shift: float
) -> Tensor:
    """Where the student itself arrives at the start of each stride."""
    x = noise
    for number in range(int(stride.max())):
        here = torch.full_like(stride, number)
        t, later = time_of(here, steps, shift), time_of(here + 1, steps, shift)
        moved = x + _across(later - t) * student(x, t, prompts.ids, prompts.mask).float()
        x = torch.where(_across(stride > number), moved, x)
    return x


def distil(
    settings: DistilSettings,
    teacher_path: Path,
    data: Path,
    autoencoder: Path,
    out: Path,
    *,
    start: Path | None = None,
    stop_after: int | None = None,
) -> Painter:
    """Train a student of the teacher in a checkpoint into ``out/checkpoint.pt``, which has the same form.

    It begins with the teacher's weights, or with those of `start`, a student of an earlier one.
    """
    loop = settings.loop
    device = prepare(loop)
    teacher, told, tokenizer = open_painter(teacher_path, loop.device)
    teacher.requires_grad_(requires_grad=False)
    student = open_painter(teacher_path, loop.device)[0]
    if start is not None:
        begin_lumen(student, tokenizer, start)
    taught, learnt = compiled(teacher, loop), compiled(student, loop)
    told = replace(told, loop=loop)
    latents = encode_split(data, "train", told.size, autoencoder, mirror=True, device=loop.device)
    examples = Examples(latents, tokenizer, told)
    optimizers = muon_and_adamw(student, rate=settings.rate, other_rate=settings.other_rate, decay=0.0)
    opening = tokenizer.numbers_of("")[0][0]

    def loss_of(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        clean, noise, _, ids, mask = examples.batch(step, empty=0.0)
        prompts = Prompts(ids, mask, opening)
        draw = generator(loop.seed, 5, step)
        count = clean.shape[0]
        stride = torch.randint(0, settings.steps, (count,), generator=draw).to(device).float()
        own = (torch.rand(count, generator=draw) < settings.own).to(device)
        t = time_of(stride, settings.steps, told.shift)
        student.eval()
        walked = own_path(learnt, noise, stride, prompts, settings.steps, told.shift)
        x = torch.where(_across(own), walked, on_path(clean, noise, t)[0])
        target = stride_target(taught, x, stride, prompts, settings, told.shift)
        student.train()
        return (learnt(x, t, ids, mask).float() - target).square().mean(), {}

    known, silent = tokenizer.words
    average = train(
        student,
        optimizers,
        loss_of,
        loop,
        out,
        about={
            "settings": asdict(told),
            "distilled": asdict(settings),
            "words": known,
            "silent": silent,
        },
        stop_after=stop_after,
    )
    student.load_state_dict(average.weights)
    return student.eval()


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the module."""
    parser = command_line(
        "distil",
        "Distil Lumen into a few steps without guidance.",
        "lumen-1-turbo",
        " --autoencoder runs/autoencode/autoencoder --teacher runs/train/checkpoint.pt",
    )
    parser.add_argument("--autoencoder", type=Path, required=True, help="folder of the trained autoencoder")
    parser.add_argument("--teacher", type=Path, required=True, help="checkpoint, snapshot or folder of Lumen")
    parser.add_argument("--start", type=Path, help="an earlier student to begin with")
    told = parser.parse_args(arguments)
    try:
        settings = read_settings(DistilSettings, told.config, told.set)
        places = (told.teacher, told.data, told.autoencoder, told.out)
        distil(settings, *places, start=told.start, stop_after=told.stop_after)
    except ModelError as error:
        parser.exit(1, f"{error}\n")
    sys.stdout.write(f"{json.dumps(last_figures(told.out))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
