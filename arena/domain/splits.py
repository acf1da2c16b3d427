"""Splits by prompt: no words of one part are in another."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass

from arena.errors import Invalid

WHOLE = "train"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Split:
    """Named shares of the prompts.

    A prompt's part follows from the seed and the prompt alone, so it stays where it was when later exports
    hold more prompts; with few prompts the shares are met roughly.
    """

    shares: tuple[tuple[str, float], ...]
    seed: int

    @classmethod
    def parse(cls, text: str, seed: int) -> Split:
        """Read ``train=0.9,validation=0.05,test=0.05``.

        Raises
        ------
        Invalid
            If it cannot be read so, a name stands twice, or the shares do not add up to 1.
        """
        shares = []
        for part in text.split(","):
            name, _, share = part.strip().partition("=")
            try:
                number = float(share)
            except ValueError:
                number = math.nan
            if not _NAME.fullmatch(name) or not 0 < number <= 1:
                raise Invalid(
                    f"{part.strip()!r} is no part of a split; write it like "
                    "train=0.9,validation=0.05,test=0.05"
                )
            shares.append((name, number))
        if len({name for name, _ in shares}) < len(shares):
            raise Invalid(f"a part of the split {text!r} stands twice; name each once")
        if not math.isclose(math.fsum(share for _, share in shares), 1, abs_tol=1e-6):
            raise Invalid(f"the shares of the split {text!r} must add up to 1")
        return cls(tuple(shares), seed)

    def of(self, prompt_digest: str) -> str:
        """Part of a prompt."""
        told = hashlib.sha256(f"{self.seed}/{prompt_digest}".encode()).digest()
        drawn = int.from_bytes(told[:8], "big") / 2**64
        below = 0.0
        for name, share in self.shares[:-1]:
            below += share
            if drawn < below:
                return name
        return self.shares[-1][0]

    def __str__(self) -> str:
        return ",".join(f"{name}={share:g}" for name, share in self.shares)
