"""Where a pipeline's noise comes from: each picture's own generator, on the CPU, in float32."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch


def draw_in_float32(pipeline: Any) -> None:
    """Make a pipeline draw its initial latents in float32 and round them to its own dtype afterwards.

    Shapes and packings differ between pipelines, but nearly all draw in a method ``prepare_latents`` that is
    told a dtype. With CPU generators diffusers draws on the CPU and moves the result: a picture starts from
    the same noise on every device and in every precision. (torch 2.13 happens to draw the same numbers in
    bfloat16; it promises nothing of the kind.)
    """
    prepare = getattr(pipeline, "prepare_latents", None)
    if prepare is None:
        return
    signature = inspect.signature(prepare)
    if "dtype" not in signature.parameters:
        return

    @functools.wraps(prepare)
    def prepare_latents(*args: Any, **kwargs: Any) -> Any:
        told = signature.bind(*args, **kwargs)
        dtype = told.arguments.get("dtype")
        if dtype is None:
            return prepare(*args, **kwargs)
        told.arguments["dtype"] = torch.float32
        return _rounded(prepare(*told.args, **told.kwargs), dtype)

    pipeline.prepare_latents = prepare_latents


def draw_from(pipeline: Any, current: Callable[[], Sequence[torch.Generator]]) -> None:
    """Give the generators of the present batch to a scheduler whose pipeline forgets to.

    Some pipelines call ``scheduler.step`` without a generator, since their own scheduler draws nothing; one
    swapped in that does would take the noise of all pictures from torch's global state.
    """
    scheduler = getattr(pipeline, "scheduler", None)
    step = getattr(scheduler, "step", None)
    if step is None:
        return
    signature = inspect.signature(step)
    if "generator" not in signature.parameters:
        return

    @functools.wraps(step)
    def seeded_step(*args: Any, **kwargs: Any) -> Any:
        told = signature.bind(*args, **kwargs)
        if told.arguments.get("generator") is None:
            told.arguments["generator"] = list(current())
        return step(*told.args, **told.kwargs)

    pipeline.scheduler.step = seeded_step


def _rounded(made: Any, dtype: torch.dtype) -> Any:
    if isinstance(made, torch.Tensor):
        return made.to(dtype) if made.is_floating_point() else made
    if isinstance(made, tuple):
        return tuple(_rounded(one, dtype) for one in made)
    return made
