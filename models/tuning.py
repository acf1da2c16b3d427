"""Which runtime paints an entrant fastest on this machine, of those whose pictures stay the entrant's.

Each candidate runs in a process of its own, so that memory is its own and a crash is only that candidate's.
"""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from models.cards import adjusted
from models.contracts import EntrantCard, GeneratedImage, GenerationRequest
from models.errors import CardError, GenerationFailed, ModelError

if TYPE_CHECKING:
    from models.engines.tolerance import Pixels

PROMPTS = (
    "a red mug on a table",
    "a blue vase on sand at sunset",
    "a gold bowl left of a green book",
    "mountains beside a lake at dawn",
    "a glass bottle in a garden",
    "a white candle on stone at night",
    "the open sea at noon",
    "a wooden box on snow",
)
BATCHES = (2, 4, 8)
WORTH = 0.97
"""A larger batch is tried only while a picture takes at most this share of what it took before."""
PLAIN: Mapping[str, Any] = {"compile": False, "channels_last": False}
REFERENCE: Mapping[str, Any] = {"engine": "torch", "dtype": "float32", **PLAIN}


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What one runtime did.

    Attributes
    ----------
    seconds : dict of int to float
        By batch, of one picture: the median over pictures for a batch of 1.
    peak_bytes : int
        Largest resident set of its process.
    alone, together : list of ndarray of shape (height, width, 3)
        The same pictures, painted one by one and in the largest batch that was tried.
    """

    seconds: dict[int, float]
    peak_bytes: int
    alone: list[Pixels]
    together: list[Pixels]


@dataclass(frozen=True, slots=True)
class Trial:
    """One runtime, measured and judged.

    Attributes
    ----------
    runtime : dict
        ``engine``, ``dtype``, ``compile``, ``channels_last`` and the best ``batch``.
    seconds, best_seconds : float
        Of one picture alone, and in the best batch.
    peak_bytes : int
    mean_psnr, least_psnr : float
        Against eager float32, in dB; infinite where the pictures are equal.
    levels : int
        Between alone and in a batch, of 255.
    verdict : str
        ``"within"`` the limits, or why not.
    """

    runtime: dict[str, Any]
    verdict: str
    seconds: float = math.nan
    best_seconds: float = math.nan
    peak_bytes: int = 0
    mean_psnr: float = math.nan
    least_psnr: float = math.nan
    levels: int = 0


def candidates(device: str, *, native: frozenset[str], compiled: bool = False) -> list[dict[str, Any]]:
    """Runtimes worth a try on a device, eager float32 first.

    Parameters
    ----------
    device : str
        As `models.pipelines.assembly.find_device` names it.
    native : frozenset of str
        What the processor computes in, see `models.engines.choice.capabilities`.
    compiled : bool
        Also torch.compile, which takes half a minute a candidate and more.
    """
    found = [dict(REFERENCE)]
    if device == "cpu":
        halves = ["bfloat16"] if "BF16" in native else []
        found += [{**REFERENCE, "engine": "openvino", "dtype": dtype} for dtype in [*halves, "float32"]]
    else:
        halves = ["bfloat16", "float16"]
    found += [{**REFERENCE, "dtype": dtype} for dtype in halves]
    found += [{**REFERENCE, "dtype": dtype, "channels_last": True} for dtype in ["float32", *halves[:1]]]
    if compiled:
        found += [{**REFERENCE, "dtype": dtype, "compile": True} for dtype in ["float32", *halves[:1]]]
    return found


def runtimes_here(card: EntrantCard, *, compiled: bool = False) -> list[dict[str, Any]]:
    """The `candidates` for a card on this machine."""
    from models.engines.choice import capabilities
    from models.pipelines.assembly import find_device

    _check(card)
    device = find_device(card.runtime["device"])
    return candidates(device, native=capabilities() if device == "cpu" else frozenset(), compiled=compiled)


def chosen(card: EntrantCard, trial: Trial) -> dict[str, Any]:
    """What to write into the card: engine, precision and batch, and the options that are or were set."""
    told = {key: trial.runtime[key] for key in ("engine", "dtype", "batch")}
    return told | {key: trial.runtime[key] for key in PLAIN if trial.runtime[key] or card.runtime[key]}


def measure(card: EntrantCard, count: int, most: int) -> Measured:
    """Load an entrant and paint `count` prompts, alone and in batches of up to `most`."""
    import numpy as np

    from models.loading import load

    model = load(card)
    peak = 0

    def painted(requests: Sequence[GenerationRequest]) -> tuple[list[Pixels], list[float]]:
        nonlocal peak
        pictures, seconds = [], []
        for answer in model.generate(requests):
            if not isinstance(answer, GeneratedImage):
                raise GenerationFailed(f"{card.slug} refused one of the prompts it was to be measured on")
            pictures.append(np.asarray(answer.pixels))
            seconds.append(answer.seconds)
            peak = max(peak, answer.peak_bytes or 0)
        return pictures, seconds

    asked = [GenerationRequest(PROMPTS[n % len(PROMPTS)], 1000 + n) for n in range(max(count, most))]
    painted(asked[:1])  # the first call converts and compiles
    alone, took = [], []
    for request in asked[:count]:
        (picture,), (second,) = painted([request])
        alone.append(picture)
        took.append(second)
    seconds, together = {1: median(took)}, alone
    for batch in (size for size in BATCHES if size <= most):
        model.batch = batch  # type: ignore[attr-defined]
        painted(asked[:batch])
        pictures, took = painted(asked[:batch])
        if model.batch < batch:  # type: ignore[attr-defined]
            break  # memory ran out
        together = (pictures + together[batch:])[:count]
        gained = took[0] <= WORTH * min(seconds.values())
        seconds[batch] = took[0]
        if not gained:
            break
    return Measured(seconds, peak, alone, together)


Run = Callable[[EntrantCard, int, int], Measured]


def in_a_process(card: EntrantCard, count: int, most: int) -> Measured:
    """`measure` in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=_say_nothing) as pool:
        try:
            return pool.submit(measure, card, count, most).result()
        except BrokenProcessPool:
            raise GenerationFailed("the process ended without a word, perhaps for lack of memory") from None


def tune(
    card: EntrantCard,
    runtimes: Sequence[Mapping[str, Any]],
    *,
    prompts: int = 4,
    most: int = BATCHES[-1],
    run: Run = in_a_process,
) -> Iterator[Trial]:
    """Measure runtimes in turn, the first of which is the reference that pictures are compared with.

    Parameters
    ----------
    card : EntrantCard
        Of the back end ``diffusers``; what a runtime does not say stays as the card says.
    runtimes : sequence of mapping
        See `candidates`.
    prompts : int
        How many pictures are compared.
    most : int
        Largest batch to try.
    run : callable
        What measures one.

    Yields
    ------
    Trial

    Raises
    ------
    ModelError
        If the reference itself cannot be painted.
    """
    _check(card)
    reference: Measured | None = None
    for runtime in runtimes:
        try:
            measured = run(adjusted(card, **runtime, batch=1), prompts, most)
        except ModelError as error:
            if reference is None:
                raise
            yield Trial(dict(runtime), verdict=f"failed: {error}")
            continue
        reference = reference or measured
        yield judge(runtime, measured, reference)


def judge(runtime: Mapping[str, Any], measured: Measured, reference: Measured) -> Trial:
    """Hold what a runtime painted against eager float32 and the limits of its precision."""
    from models.engines.tolerance import TOLERANCES, levels_apart, psnr

    limits = TOLERANCES[runtime["dtype"]]
    ratios = [psnr(one, other) for one, other in zip(measured.alone, reference.alone, strict=True)]
    levels = max(map(levels_apart, measured.alone, measured.together))
    mean, least = fmean(ratios), min(ratios)
    batch = min(measured.seconds, key=lambda size: measured.seconds[size])
    if mean < limits.mean_psnr or least < limits.least_psnr:
        verdict = f"too far: below {limits.mean_psnr:g} dB on average or {limits.least_psnr:g} at least"
    elif levels > limits.levels:
        verdict = f"too far: a picture depends on its batch by more than {limits.levels} levels"
    else:
        verdict = "within"
    return Trial(
        runtime={**runtime, "batch": batch},
        verdict=verdict,
        seconds=measured.seconds[1],
        best_seconds=measured.seconds[batch],
        peak_bytes=measured.peak_bytes,
        mean_psnr=mean,
        least_psnr=least,
        levels=levels,
    )


def fastest(trials: Sequence[Trial]) -> Trial:
    """The trial within the limits that takes least time a picture; the reference always is within them."""
    return min((one for one in trials if one.verdict == "within"), key=lambda one: one.best_seconds)


def _check(card: EntrantCard) -> None:
    if card.backend != "diffusers":
        raise CardError(f"entrant {card.slug!r} is painted by {card.backend}, which has no engines to choose")


def _say_nothing() -> None:
    """Keep the remarks of the libraries out of a progress bar."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    diffusers_logging.set_verbosity_error()
    transformers_logging.set_verbosity_error()
