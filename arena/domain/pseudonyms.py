"""Names for raters that hold within one export and mean nothing in another."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

LENGTH = 20


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Keyed pseudonyms of one export.

    The key is derived from the arena's secret and the export's own random id: without the secret nobody can
    test a guess, and the same rater has another pseudonym in every export.
    """

    secret_key: str = field(repr=False)
    export_id: str

    def of(self, voter_key: str) -> str:
        """Pseudonym of a rater: 20 hex digits (80 bits) of an HMAC-SHA256."""
        derived = f"pseudonyms of {self.export_id}".encode()
        key = hmac.digest(self.secret_key.encode(), derived, hashlib.sha256)
        return hmac.digest(key, voter_key.encode(), hashlib.sha256).hex()[:LENGTH]
