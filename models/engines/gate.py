"""The only way in to OpenVINO, with its telemetry kept out."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from models.errors import MissingPart


def openvino() -> Any:
    """The module ``openvino``.

    Importing it would report the import to its makers, and so would each conversion, through the package
    ``openvino_telemetry`` that is installed with it. A None in ``sys.modules`` makes Python say that there
    is no such package; OpenVINO then falls back to a stub that sends nothing.

    Raises
    ------
    MissingPart
        If it is not installed.
    """
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("openvino")
    except ImportError as error:
        raise MissingPart(
            "OpenVINO is not installed; pip install openvino, or write engine = 'torch'"
        ) from error
