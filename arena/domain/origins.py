"""What kind of source a picture has, in the words of the IPTC that content credentials use."""

from __future__ import annotations

from arena.domain.imported import BACKEND as IMPORTED

TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TRAINED = TERMS + "trainedAlgorithmicMedia"
"""Painted by a model that learnt from other pictures."""
ALGORITHMIC = TERMS + "algorithmicMedia"
"""Computed by a program that learnt from none, such as a path tracer."""

_ALGORITHMS = frozenset({"atelier"})
_UNKNOWN = frozenset({IMPORTED, "retrieval"})


def source_type(backend: str) -> str | None:
    """The kind of source of an entrant's pictures by its back end.

    Nothing where the picture was there before: imported from another arena, or looked up among others.
    """
    if backend in _UNKNOWN:
        return None
    return ALGORITHMIC if backend in _ALGORITHMS else TRAINED
