"""What of an entrant's card is for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRIVATE = frozenset({"base_url", "key_env", "assets"})
"""Settings of a runtime that say where things lie in the operator's own house."""


def public_runtime(runtime: Mapping[str, Any]) -> dict[str, Any]:
    """A runtime as exports and pages may show it."""
    return {name: value for name, value in runtime.items() if name not in PRIVATE}
