"""Torch's own options: memory layout, attention, slices and tiles of the autoencoder, compilation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models import attention_processor
from diffusers.models.attention_dispatch import AttentionBackendName
from diffusers.utils import logging as diffusers_logging
from torch import nn

from models.contracts import EntrantCard
from models.engines.parts import denoisers
from models.errors import CardError

PROCESSORS = {"sdpa": "AttnProcessor2_0", "eager": "AttnProcessor"}


def apply(pipeline: Any, card: EntrantCard) -> None:
    """Set a pipeline up as its card's runtime says, for whatever engine.

    Raises
    ------
    CardError
        If the pipeline has nothing that an option could change, or does not know its value.
    """
    runtime, where = card.runtime, f"entrant {card.slug!r}"
    coder = getattr(pipeline, "vae", None)
    for key, method in (("vae_slicing", "enable_slicing"), ("vae_tiling", "enable_tiling")):
        if runtime[key]:
            try:
                getattr(coder, method)()
            except (AttributeError, NotImplementedError):
                told = f"{where}: {type(coder).__name__} cannot do that; leave {key} out of the runtime"
                raise CardError(told) from None
    if runtime["attention"] != "auto":
        for part in denoisers(pipeline).values():
            _set_attention(part, runtime["attention"], where)
    if runtime["channels_last"]:
        for network in (*denoisers(pipeline).values(), coder):
            if isinstance(network, nn.Module):
                network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if runtime["compile"]:
        for part in denoisers(pipeline).values():
            part.compile()


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Let torch use so many threads meanwhile; None leaves it as it is."""
    before = torch.get_num_threads()
    if count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def attentions() -> tuple[str, ...]:
    """What ``attention`` may be: our words, and the back ends of diffusers that fetch nothing from a hub."""
    own = [one.value for one in AttentionBackendName if not one.value.endswith("_hub")]
    return ("auto", *PROCESSORS, "sliced", *own)


def _set_attention(part: Any, attention: str, where: str) -> None:
    kind = type(part).__name__
    if attention not in attentions():
        raise CardError(f"{where}: 'attention' must be one of {', '.join(attentions())}, not {attention!r}")
    processors = getattr(part, "attn_processors", {})
    try:
        if attention == "sliced":
            if not processors or "SlicedAttnProcessor" not in _slice(part):
                raise ValueError("it has no attention that slices")
        elif attention in PROCESSORS:
            wanted = getattr(attention_processor, PROCESSORS[attention])
            plain = {type(one).__name__ for one in processors.values()}
            if not plain or plain - {*PROCESSORS.values(), "SlicedAttnProcessor"}:
                raise ValueError("its attention is not of the kind that swaps")
            part.set_attn_processor(wanted())
        else:
            _set_backend(part, attention)
    except (AttributeError, NotImplementedError, ValueError, RuntimeError, ImportError) as error:
        told = " ".join(str(error).split())[:200]
        raise CardError(
            f"{where}: {kind} cannot do attention = {attention!r}: {told}; leave it out of the runtime"
        ) from error


def _slice(part: Any) -> set[str]:
    part.set_attention_slice("auto")
    return {type(one).__name__ for one in part.attn_processors.values()}


def _set_backend(part: Any, name: str) -> None:
    takes = [one for one in part.modules() if hasattr(getattr(one, "processor", None), "_attention_backend")]
    if not takes:
        raise ValueError("it has no attention with back ends")
    spoken = diffusers_logging.get_verbosity()
    diffusers_logging.set_verbosity_error()
    try:
        part.set_attention_backend(name)
    finally:
        diffusers_logging.set_verbosity(spoken)
