"""Which engine and which precision, where a card leaves them open."""

from __future__ import annotations

import logging
import shutil
from typing import Any

from models.cards import adjusted
from models.contracts import EntrantCard
from models.engines.gate import openvino
from models.errors import CardError, MissingPart

log = logging.getLogger(__name__)

TORCHS_OWN = ("compile", "channels_last", "attention")
"""Options that mean something to torch alone."""
NATIVE = {"bfloat16": "BF16", "float16": "FP16", "float32": "FP32"}
"""What OpenVINO calls a precision that a processor computes in."""


def choose(card: EntrantCard) -> EntrantCard:
    """The card with an engine and a dtype in place of ``auto``; its runtime must name a real device.

    OpenVINO on a processor, else torch. With OpenVINO bfloat16 where the processor computes in it, else
    float32. What was chosen, and why, is logged.

    Raises
    ------
    CardError
        If the runtime asks for what does not go together, saying what to write instead.
    MissingPart
        If what it asks for is not installed.
    """
    runtime = card.runtime
    engine, why = runtime["engine"], "the card says so"
    if engine == "auto":
        engine, why = _engine(runtime)
    if engine == "openvino":
        _check_openvino(card)
    elif runtime["compile"] and runtime["device"] == "cpu" and not _compiler():
        raise MissingPart(
            f"entrant {card.slug!r}: compile = true needs a C++ compiler; install g++, or leave it out"
        )
    dtype = runtime["dtype"]
    if dtype == "auto":
        dtype = "bfloat16" if engine == "openvino" and "BF16" in capabilities() else "float32"
    log.info("%s paints with %s in %s on %s: %s", card.slug, engine, dtype, runtime["device"], why)
    return adjusted(card, engine=engine, dtype=dtype)


def capabilities() -> frozenset[str]:
    """Precisions that this processor computes in, in OpenVINO's words, such as ``BF16``."""
    told = openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return frozenset(str(one) for one in told)


def _engine(runtime: Any) -> tuple[str, str]:
    """An engine, and why this one."""
    if runtime["device"] != "cpu":
        return "torch", f"OpenVINO is for processors, and the device is {runtime['device']}"
    if asked := _asked(runtime):
        return "torch", f"{asked} is an option of torch"
    try:
        native = capabilities()
    except MissingPart as error:
        return "torch", str(error)
    if (dtype := runtime["dtype"]) != "auto" and NATIVE[dtype] not in native:
        return "torch", f"OpenVINO does not compute in {dtype} on this processor"
    return "openvino", "the fastest on a processor"


def _check_openvino(card: EntrantCard) -> None:
    runtime, where = card.runtime, f"entrant {card.slug!r}"
    if runtime["device"] != "cpu":
        raise CardError(
            f"{where}: engine = 'openvino' paints on the processor; write device = 'cpu', or engine = 'torch'"
        )
    if asked := _asked(runtime):
        raise CardError(f"{where}: {asked} goes with engine = 'torch'; write that, or leave {asked} out")
    native = capabilities()
    if (dtype := runtime["dtype"]) != "auto" and NATIVE[dtype] not in native:
        raise CardError(
            f"{where}: OpenVINO does not compute in {dtype} on this processor; write dtype = 'auto'"
        )


def _asked(runtime: Any) -> str:
    """The first option that means something to torch alone, or nothing."""
    return next((key for key in TORCHS_OWN if runtime[key] not in (False, "auto")), "")


def _compiler() -> bool:
    return any(shutil.which(name) for name in ("g++", "c++", "clang++"))
