"""How much faster an entrant paints than plainly run, measured side by side in one process.

Plainly is: torch, eager, float32, 50 steps with guidance. All rows take turns, so that a busy machine slows
each of them alike; a row's figure is the median over rounds. The floor is what the entrant's denoiser would
take if all its products ran as fast as one large bfloat16 product does on the same threads at the same time.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from models.cards import adjusted
from models.contracts import EntrantCard, GeneratedImage, GenerationRequest
from models.engines import eager
from models.engines.parts import denoisers
from models.errors import CardError, GenerationFailed
from models.loading import load
from models.pipelines.diffusers import DiffusersModel
from models.tuning import PROMPTS, REFERENCE

NAIVE_STEPS = 50
USUAL_GUIDANCE = 7.5
GEMM_SIDE = 2048
ROWS = 4


@dataclass(slots=True)
class Row:
    """One way to paint the entrant.

    Attributes
    ----------
    label, engine, dtype : str
    steps : int
    guidance : float or None
    batch : int
    rounds : list of float
        Seconds of one picture, by round.
    """

    label: str
    engine: str
    dtype: str
    steps: int
    guidance: float | None
    batch: int
    rounds: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Median over rounds, of one picture."""
        return median(self.rounds)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rows measured together, the plainest first and the card's own runtime last.

    Attributes
    ----------
    rows : list of Row
    flops : int
        Floating-point operations of the denoiser, a picture, of the card's steps and guidance.
    gemm_rate : float
        Floating-point operations a second of a large bfloat16 product: the best of all rounds.
    denoising : float
        Seconds a picture that the default spends in its denoiser; median over rounds.
    """

    entrant: str
    rows: list[Row]
    flops: int
    gemm_rate: float
    denoising: float

    @property
    def floor(self) -> float:
        """Seconds a picture below which no bfloat16 denoiser of these operations comes."""
        return self.flops / self.gemm_rate

    def report(self) -> dict[str, Any]:
        """The comparison as JSON can hold it."""
        naive, default = self.rows[0], self.rows[-1]
        return {
            "entrant": self.entrant,
            "naive_seconds": naive.seconds,
            "default_seconds": default.seconds,
            "speedup": naive.seconds / default.seconds,
            "engine": default.engine,
            "dtype": default.dtype,
            "batch": default.batch,
            "naive_steps": naive.steps,
            "naive_guidance": naive.guidance,
            "flops": self.flops,
            "gemm_flops_per_second": self.gemm_rate,
            "floor_seconds": self.floor,
            "denoising_seconds": self.denoising,
            "share_of_floor": self.floor / self.denoising,
            "rounds": len(naive.rounds),
            "rows": [
                {
                    "label": row.label,
                    "engine": row.engine,
                    "dtype": row.dtype,
                    "steps": row.steps,
                    "guidance": row.guidance,
                    "batch": row.batch,
                    "seconds": row.seconds,
                    "speedup": naive.seconds / row.seconds,
                }
                for row in self.rows
            ],
        }


def compare(
    card: EntrantCard, *, batch: int | None = None, rounds: int = 3, tick: Callable[[], object] = lambda: None
) -> Comparison:
    """Measure an entrant plainly run, on torch, and as its card says.

    Parameters
    ----------
    card : EntrantCard
        Of the back end ``diffusers``.
    batch : int or None
        Pictures made together in every row; the card's own where not given.
    rounds : int
        How often the rows take turns.
    tick : callable
        Called after each turn, and once each row is warm: ``ROWS * (rounds + 1)`` times.

    Raises
    ------
    CardError
        If the entrant has no engines, or no denoiser to count.
    """
    if card.backend != "diffusers":
        raise CardError(
            f"entrant {card.slug!r} is painted by {card.backend}, which has no engines to compare"
        )
    batch = batch or int(card.runtime["batch"])
    default = _loaded(adjusted(card, batch=batch))
    plain = _loaded(adjusted(card, **REFERENCE, attention="auto", batch=batch))
    halves = _loaded(adjusted(card, **{**REFERENCE, "dtype": "bfloat16"}, attention="auto", batch=batch))
    steps, own = int(card.identity["steps"]), card.identity.get("guidance")
    runtime = default.card.runtime
    turns = [
        (plain, Row("plain", "torch", "float32", NAIVE_STEPS, naive_guidance(card, plain.pipeline), batch)),
        (plain, Row("the card's steps", "torch", "float32", steps, own, batch)),
        (halves, Row("in bfloat16", "torch", "bfloat16", steps, own, batch)),
        (default, Row("default", runtime["engine"], runtime["dtype"], steps, own, batch)),
    ]
    with eager.threads(runtime.get("threads")):
        for model, row in turns:
            _paint(model, row)
            tick()
        flops = _flops(plain, turns[1][1]) // batch
        spent = Stopwatch(default.pipeline)
        denoising, rates = [], []
        for _ in range(rounds):
            spent.seconds = 0.0
            for model, row in turns:
                row.rounds.append(_paint(model, row))
                tick()
            denoising.append(spent.seconds / batch)
            rates.append(gemm_rate(runtime["device"]))
    turns[-1][1].engine, turns[-1][1].dtype = (default.card.runtime[key] for key in ("engine", "dtype"))
    return Comparison(card.slug, [row for _, row in turns], flops, max(rates), median(denoising))


def naive_guidance(card: EntrantCard, pipeline: Any) -> float | None:
    """Guidance of the plain row, with which each step evaluates the network twice; None where there is none.

    The card's, if it guides; else what the pipeline was saved with or takes by default; else 7.5.
    """
    parameter = inspect.signature(pipeline.__call__).parameters.get("guidance_scale")
    if parameter is None:
        return None
    saved = getattr(pipeline.config, "guidance", None)
    for told in (card.identity.get("guidance"), saved, parameter.default):
        if isinstance(told, int | float) and told > 1:
            return float(told)
    return USUAL_GUIDANCE


def gemm_rate(device: str) -> float:
    """Floating-point operations a second of one product of two bfloat16 matrices of side 2048; best of 4."""
    one = torch.ones(GEMM_SIDE, GEMM_SIDE, dtype=torch.bfloat16, device=device)
    took = []
    for _ in range(4):
        start = time.perf_counter()
        one @ one
        _wait(device)
        took.append(time.perf_counter() - start)
    return 2 * GEMM_SIDE**3 / min(took)


class Stopwatch:
    """Seconds that the denoisers of a pipeline take, summed over their calls."""

    def __init__(self, pipeline: Any) -> None:
        self.seconds = 0.0
        self._start = 0.0
        self._device = str(pipeline.device)
        for network in denoisers(pipeline).values():
            network.register_forward_pre_hook(self._begin)
            network.register_forward_hook(self._end)

    def _begin(self, *_: Any) -> None:
        _wait(self._device)
        self._start = time.perf_counter()

    def _end(self, *_: Any) -> None:
        _wait(self._device)
        self.seconds += time.perf_counter() - self._start


def _flops(model: DiffusersModel, row: Row) -> int:
    """Operations of the denoisers while a batch is painted: those of one call, times the calls."""
    calls: list[tuple[torch.nn.Module, Any, Any]] = []

    def note(network: torch.nn.Module, args: Any, kwargs: Any) -> None:
        calls.append((network, args, kwargs))

    networks = denoisers(model.pipeline).values()
    hooks = [network.register_forward_pre_hook(note, with_kwargs=True) for network in networks]
    _paint(model, row)
    for hook in hooks:
        hook.remove()
    if not calls:
        raise CardError(f"entrant {model.card.slug!r} has no denoiser to count, so bench cannot compare it")
    total = 0
    for network in networks:
        mine = [(args, kwargs) for called, args, kwargs in calls if called is network]
        if mine:
            args, kwargs = mine[0]
            # Fused attention has no formula on a processor; written out it is two products.
            with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
                network(*args, **kwargs)
            total += counter.get_total_flops() * len(mine)
    return total


def _loaded(card: EntrantCard) -> DiffusersModel:
    model = load(card)
    assert isinstance(model, DiffusersModel)
    return model


def _paint(model: DiffusersModel, row: Row) -> float:
    """Paint one batch; seconds a picture."""
    asked = [
        GenerationRequest(PROMPTS[n % len(PROMPTS)], 1000 + n, steps=row.steps, guidance=row.guidance)
        for n in range(row.batch)
    ]
    answers = model.generate(asked)
    if model.batch < row.batch:
        raise GenerationFailed(
            f"{model.card.slug}: {row.batch} pictures are too many for memory; ask for fewer"
        )
    if not all(isinstance(answer, GeneratedImage) for answer in answers):
        raise GenerationFailed(f"{model.card.slug} refused one of the prompts it was to be measured on")
    return sum(answer.seconds for answer in answers if isinstance(answer, GeneratedImage)) / row.batch


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    elif device.startswith("mps"):
        torch.mps.synchronize()
