"""What an export tells of its own biases: sides, raters, dealing and cohorts, counted from what it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.intervals import wilson_interval
from analysis.outcomes import Outcome
from arena.services.vote_columns import Columns
from arena.tables import BattleKind

TENTH = 10


@dataclass(slots=True)
class Sides:
    """Outcomes and raters of the ordinary votes of an export."""

    outcomes: Counter[str] = field(default_factory=Counter)
    raters: Counter[str] = field(default_factory=Counter)

    def add(self, columns: Columns) -> None:
        """Count a chunk of votes."""
        for kind, outcome, rater in zip(columns["kind"], columns["outcome"], columns["rater"], strict=True):
            if kind == BattleKind.ORDINARY:
                self.outcomes[outcome] += 1
                self.raters[rater] += 1

    def lines(self) -> list[str]:
        """The figures as sentences of the dataset card; none without votes."""
        left, right = self.outcomes[Outcome.LEFT], self.outcomes[Outcome.RIGHT]
        told = []
        if decided := left + right:
            low, high = wilson_interval(left, decided)
            told.append(
                f"**Side, measured.** The left picture won {left / decided:.1%} of {decided:,} decided votes "
                f"(95% interval {low:.1%} to {high:.1%}, were votes independent)."
            )
        if votes := sum(self.raters.values()):
            busiest = max(1, len(self.raters) // TENTH)
            cast = sum(n for _, n in self.raters.most_common(busiest))
            told.append(
                f"**Raters, measured.** {len(self.raters):,} raters; the busiest {busiest:,} cast "
                f"{cast / votes:.1%} of {votes:,} ordinary votes."
            )
        return told


def dealing_lines(dealt: Sequence[Mapping[str, Any]]) -> list[str]:
    """How the ordinary battles of ``dealt.csv`` ended, and how unevenly pairs were dealt."""
    rows = [row for row in dealt if row["kind"] == BattleKind.ORDINARY]
    battles = sum(row["dealt"] for row in rows)
    if not battles:
        return []
    shares = ", ".join(
        f"{sum(row[name] for row in rows) / battles:.1%} {name}"
        for name in ("voted", "removed", "skipped", "expired", "open")
    )
    pairs: Counter[tuple[str, frozenset[str]]] = Counter()
    for row in rows:
        pairs[row["campaign"], frozenset((row["left"], row["right"]))] += row["dealt"]
    return [
        f"**Dealing, measured.** Of {battles:,} ordinary battles: {shares}. A pair of entrants was dealt "
        f"{min(pairs.values()):,} to {max(pairs.values()):,} times; pairs never dealt are not counted."
    ]


def cohort_line(cohorts: Mapping[str, int]) -> str:
    """Votes by the cohort of their raters."""
    told = ", ".join(f"`{cohort}` {n:,}" for cohort, n in cohorts.items()) or "none"
    return f"**Cohorts, measured.** Votes by cohort of their raters: {told}."
