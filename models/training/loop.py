"""The loop that trains every network here: resumable, logged, and the same numbers after a stop as without.

All chance of a step comes from ``(seed, step)``, so that a checkpoint needs no state of any random generator.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from models.errors import ModelError
from models.training.settings import BadSettings, Loop

log = logging.getLogger(__name__)
Loss = Callable[[int], tuple[Tensor, Mapping[str, Tensor | float]]]
State = dict[str, Any]


def generator(seed: int, *place: int) -> torch.Generator:
    """Torch's random numbers for one purpose, such as the noise of one step; always on the CPU."""
    drawn = np.random.SeedSequence([seed, *place]).generate_state(1, np.uint32)
    return torch.Generator().manual_seed(int(drawn[0]))


@lru_cache(maxsize=2)
def _order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, 1, epoch]).permutation(count)


def examples_of(step: int, batch: int, count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of `count` examples the update `step` sees, and each one's epoch; every epoch in a new order."""
    epochs, places = np.divmod(np.arange(step * batch, (step + 1) * batch), count)
    chosen = [_order(count, seed, int(epoch))[place] for epoch, place in zip(epochs, places, strict=True)]
    return np.array(chosen), epochs


def learning_rate(step: int, loop: Loop) -> float:
    """Factor of the learning rate: a linear rise, a plateau, and a linear fall to 0."""
    rise = min(1.0, (step + 1) / max(loop.warmup, 1))
    fall = min(1.0, (loop.steps - step) / max(loop.decay * loop.steps, 1e-9))
    return rise * fall


class NoPlateau(ModelError):
    """A run cannot be made longer."""


class OtherNetwork(ModelError):
    """A run cannot begin with the weights of another network."""


def begin_with(network: nn.Module, other: nn.Module, path: Path, *, new: str = "") -> None:
    """Begin with the weights of a network that was trained before; `path` is where they come from.

    Layers whose name begins with `new` may be missing there, and keep their first weights.

    Raises
    ------
    OtherNetwork
        If its layers are others.
    """
    told = f"{path} holds a network of other layers or words; begin without it"
    try:
        missing, unexpected = network.load_state_dict(other.state_dict(), strict=False)
    except RuntimeError as error:
        raise OtherNetwork(told) from error
    if unexpected or any(not (new and name.startswith(new)) for name in missing):
        raise OtherNetwork(told)


def moving(network: nn.Module, parts: Sequence[str]) -> list[nn.Parameter]:
    """The weights whose names match one of some patterns, in the network's order.

    Raises
    ------
    BadSettings
        If no name matches a pattern.
    """
    names = dict(network.named_parameters())
    for pattern in parts:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise BadSettings(f"no weight is called {pattern!r}; the first is {next(iter(names))!r}")
    return [weight for name, weight in names.items() if any(fnmatchcase(name, pattern) for pattern in parts)]


class Average:
    """Moving average of a network's weights and running statistics, in float32.

    ``a += (1 - d)(w - a)`` with ``d = min(decay, (1 + n) / (10 + n))`` after n updates, so that the first
    weights, drawn at random, are soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.weights = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take one step towards the present weights."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value.float(), 1 - decay)
            else:
                self.weights[name].copy_(value)


def save_whole(path: Path, state: Any) -> None:
    """Write a file with `torch.save` so that it appears whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load_state(path: Path) -> State:
    """Read what `save_whole` wrote; nothing but tensors and plain values is accepted."""
    state: State = torch.load(path, map_location="cpu", weights_only=True)
    return state


class Journal:
    """A log of one JSON object a line; what a resumed run will write again is cut off first."""

    def __init__(self, path: Path, *, before: int) -> None:
        self._path = path
        kept = []
        if path.exists():
            kept = [line for line in path.read_text(encoding="utf-8").splitlines() if _step(line) <= before]
        path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def write(self, **told: Any) -> None:
        """Append one line."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")


def _step(line: str) -> int:
    try:
        return int(json.loads(line).get("step", 0))
    except ValueError:
        return 1 << 62


def muon_and_adamw(
    network: nn.Module, *, rate: float, other_rate: float, decay: float = 0.01
) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of attention and MLP, AdamW for all else that moves (Jordan et al. 2024).

    Muon's update is scaled to the size of AdamW's (Liu et al. 2025, eq. 4), so that one `rate` means the same
    for matrices of all shapes.

    Parameters
    ----------
    rate, other_rate : float
        Learning rates of Muon and of AdamW.
    decay : float
        Weight decay of the matrices; nothing else decays.
    """
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, weight in network.named_parameters():
        if not weight.requires_grad:
            continue
        inner = ".attention." in name or ".mlp." in name
        (matrices if inner and weight.ndim == 2 else others).append(weight)
    made: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(others, lr=other_rate, betas=(0.9, 0.98), weight_decay=0.0)
    ]
    if matrices:
        made.append(torch.optim.Muon(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"))
    return made


def train(
    network: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    loss_of: Loss,
    loop: Loop,
    out: Path,
    *,
    about: Mapping[str, Any],
    check: Callable[[nn.Module], Mapping[str, float]] | None = None,
    extend: bool = False,
    stop_after: int | None = None,
) -> Average:
    """Train a network, going on where an earlier run into the same folder stopped.

    Parameters
    ----------
    network : nn.Module
        Already on its device.
    optimizers : sequence of torch.optim.Optimizer
    loss_of : callable
        Takes the step, returns the loss (a scalar) and figures for the log.
    loop : Loop
    out : Path
        Holds ``checkpoint.pt``, ``plateau.pt`` (as it was before the learning rate began to fall),
        ``snapshots/`` and ``log.jsonl``.
    about : mapping
        Plain values that every checkpoint carries, such as the settings.
    check : callable, optional
        Scores the network while it holds the averaged weights; called at every snapshot and at the end, for
        the log alone.
    extend : bool
        Go on from ``plateau.pt`` instead, for a run that shall be longer than was planned; the checkpoint
        and the log that it had come to are copied first.
    stop_after : int, optional
        Leave after this many steps in all; the checkpoint of that step is written first.

    Raises
    ------
    NoPlateau
        If a run shall be extended whose learning rate has not begun to fall.

    Returns
    -------
    Average
        Of the weights; load it into a network with ``load_state_dict(average.weights)``.
    """
    out.mkdir(parents=True, exist_ok=True)
    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    average = Average(network, loop.average)
    step, spent, seen = 0, 0.0, 0
    start = out / ("plateau.pt" if extend else "checkpoint.pt")
    if extend:
        _set_aside(out, start)
    if start.exists():
        state = load_state(start)
        network.load_state_dict(state["network"])
        average.weights, average.updates = state["average"], state["updates"]
        average.weights = {name: value.to(_device(network)) for name, value in average.weights.items()}
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        step, spent, seen = state["step"], state["cpu_seconds"], state["images"]
    journal = Journal(out / "log.jsonl", before=step)
    clock = time.process_time() - spent

    def save(name: str) -> None:
        state = {"network": network.state_dict(), "average": average.weights, "updates": average.updates}
        state["optimizers"] = [optimizer.state_dict() for optimizer in optimizers]
        told = {"step": step, "cpu_seconds": time.process_time() - clock, "images": seen, **about}
        save_whole(out / name, state | told)

    def score() -> None:
        """Check the averaged weights in the network's place, off the run's clock."""
        nonlocal clock
        if check is None:
            return
        begun = time.process_time()
        present = {name: value.clone() for name, value in network.state_dict().items()}
        network.load_state_dict(average.weights)
        told = check(network.eval())
        network.load_state_dict(present)
        journal.write(step=step, images=seen, **{name: round(value, 5) for name, value in told.items()})
        clock += time.process_time() - begun

    device, wide = _device(network), loop.dtype == "float32"
    last = min(loop.steps, stop_after or loop.steps)
    weights = [weight for group in optimizers for part in group.param_groups for weight in part["params"]]
    pause = 0.5 if sys.stderr.isatty() else 30.0
    with tqdm(total=loop.steps, initial=step, unit="step", smoothing=0.05, mininterval=pause) as bar:
        while step < last:
            factor = learning_rate(step, loop)
            if step > loop.warmup and factor < 1 <= learning_rate(step - 1, loop):
                save("plateau.pt")
            for optimizer, start_rates in zip(optimizers, rates, strict=True):
                for group, rate in zip(optimizer.param_groups, start_rates, strict=True):
                    group["lr"] = rate * factor
                optimizer.zero_grad(set_to_none=True)
            network.train()
            with torch.autocast(device.type, torch.bfloat16, enabled=not wide):
                loss, figures = loss_of(step)
            loss.backward()  # type: ignore[no-untyped-call]
            norm = torch.nn.utils.clip_grad_norm_(weights, loop.clip or float("inf"))
            for optimizer in optimizers:
                optimizer.step()
            average.update(network)
            step, seen = step + 1, seen + loop.batch
            bar.update()
            if step % loop.log_every == 0 or step == last:
                told = {name: round(_number(value), 6) for name, value in figures.items()}
                bar.set_postfix(loss=f"{_number(loss):.4f}", refresh=False)
                journal.write(
                    step=step,
                    images=seen,
                    cpu_seconds=round(time.process_time() - clock, 2),
                    loss=round(_number(loss), 6),
                    gradient=round(_number(norm), 4),
                    rate=round(factor, 5),
                    **told,
                )
            if step % loop.save_every == 0 or step == last:
                save("checkpoint.pt")
            if loop.snapshot_every and step % loop.snapshot_every == 0:
                _snapshot(out, step, average, about, time.process_time() - clock, seen)
                score()
    if last == loop.steps and not (loop.snapshot_every and last % loop.snapshot_every == 0):
        score()
    return average


def _set_aside(out: Path, start: Path) -> None:
    """Keep what a run came to before it is made longer."""
    if not start.exists():
        raise NoPlateau(f"{out} has no plateau to go on from: its learning rate has not begun to fall")
    for name in ("checkpoint.pt", "log.jsonl"):
        if (there := out / name).exists():
            shutil.copy(there, out / f"before-extension-{name}")


def _snapshot(
    out: Path, step: int, average: Average, about: Mapping[str, Any], spent: float, seen: int
) -> None:
    """Keep the averaged weights of this moment, in bfloat16."""
    (out / "snapshots").mkdir(exist_ok=True)
    small = {name: _half(value) for name, value in average.weights.items()}
    told = {"average": small, "step": step, "cpu_seconds": spent, "images": seen, **about}
    save_whole(out / "snapshots" / f"{step:07d}.pt", told)


def _number(value: Tensor | float) -> float:
    return float(value.detach()) if isinstance(value, Tensor) else float(value)


def _half(value: Tensor) -> Tensor:
    return value.to(torch.bfloat16) if value.is_floating_point() else value


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device


def prepare(loop: Loop) -> torch.device:
    """Set threads and the global seed, which only the first weights draw from; returns the device."""
    torch.set_num_threads(loop.threads)
    torch.manual_seed(loop.seed)
    return torch.device(loop.device)


def compiled(network: nn.Module, loop: Loop) -> Callable[..., Any]:
    """The network, or the same weights in fewer kernels, for any number of words."""
    return torch.compile(network, dynamic=True) if loop.compile else network


def last_figures(out: Path) -> dict[str, Any]:
    """The newest line of a run's log."""
    lines: Iterable[str] = (out / "log.jsonl").read_text(encoding="utf-8").splitlines()
    told: dict[str, Any] = {}
    for line in lines:
        told |= json.loads(line)
    return told
