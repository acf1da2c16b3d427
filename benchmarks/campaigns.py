"""How many votes campaigns take to their stop rule, and how often the rule is wrong.

    python benchmarks/campaigns.py                      200 campaigns of 6 entrants a row
    python benchmarks/campaigns.py --trials 1000 --seed 7 --json figures.json

Every campaign asks whether its first entrant is above another one, or above the best of the others, at 30
points and an error of 5 %. Votes are drawn from Davidson's model, which ties equals in 23 % of them; the
policy learns from the votes, and the rule looks again whenever there are 2 % more. ``wrong`` is the share of
campaigns that ended with the wrong side, with "alike" of entrants 30 points apart, or with a side of equals.
All policies of a scene start from the same seeds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from analysis.scale import POINTS_PER_NAT
from analysis.simulate import Arena
from analysis.stopping import Aim
from analysis.stopping_trials import run_trials

POLICIES = ("uniform", "informative", "targeted")
PAIR = (("entrant-1", "entrant-2"),)
OTHERS = tuple(("entrant-1", f"entrant-{number}") for number in range(2, 7))
SCENES = {
    "30 points apart": ((60, 30, 0, -20, -50, -80), PAIR),
    "60 points apart": ((90, 30, 0, -20, -50, -80), PAIR),
    "equals": ((30, 30, 0, -20, -50, -80), PAIR),
    "30 above the best of five": ((60, 30, 0, -20, -50, -80), OTHERS),
}
"""Strengths in points, and the pairs that the campaign is about."""


@dataclass(frozen=True, slots=True)
class Row:
    """Campaigns of one scene under one policy; votes are those at the stop, limited ones at the limit."""

    scene: str
    policy: str
    quarter: float
    median: float
    three_quarters: float
    mean: float
    to_uniform: float
    answers: dict[str, int]
    wrong: float
    trials: int


def campaigns(trials: int, limit: int, seed: int) -> list[Row]:
    """Run every scene under every policy."""
    rows = []
    for scene, (points, pairs) in SCENES.items():
        arena = Arena(np.array(points) / POINTS_PER_NAT, tie=0.6)
        aim = Aim(pairs, gap=30.0, error=0.05, against_best=len(pairs) > 1)
        base = 0.0
        for policy in POLICIES:
            found = run_trials(arena, aim, policy=policy, trials=trials, limit=limit, seed=seed)
            votes = np.array([one.votes for one in found])
            base = base or float(votes.mean())
            rows.append(
                Row(
                    scene,
                    policy,
                    quarter=float(np.quantile(votes, 0.25)),
                    median=float(np.median(votes)),
                    three_quarters=float(np.quantile(votes, 0.75)),
                    mean=float(votes.mean()),
                    to_uniform=float(votes.mean()) / base,
                    answers=dict(Counter(one.answer or "none" for one in found)),
                    wrong=sum(one.wrong for one in found) / trials,
                    trials=trials,
                )
            )
            print(f"  {scene}, {policy}: done", file=sys.stderr)
    return rows


def told(rows: list[Row]) -> str:
    """Lay out the table."""
    lines = [
        f"{'campaign':27}{'pairs by':13}{'votes: 25 %':>12}{'median':>9}{'75 %':>9}{'mean':>9}"
        f"{'to uniform':>12}{'wrong':>8}  answers"
    ]
    lines += [
        f"{row.scene:27}{row.policy:13}{row.quarter:12,.0f}{row.median:9,.0f}{row.three_quarters:9,.0f}"
        f"{row.mean:9,.0f}{row.to_uniform:12.2f}{row.wrong:8.1%}  "
        + ", ".join(f"{answer} {count}" for answer, count in sorted(row.answers.items()))
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=200, help="campaigns a row (200)")
    parser.add_argument("--limit", type=int, default=60_000, help="votes at which it ends (60,000)")
    parser.add_argument("--seed", type=int, default=0, help="of the first campaign (0)")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    asked = parser.parse_args()
    begin = time.process_time()
    rows = campaigns(asked.trials, asked.limit, asked.seed)
    spent = time.process_time() - begin
    print(told(rows))
    print(f"\n{asked.trials} campaigns a row, seed {asked.seed}, {spent:.0f} s of CPU")
    if asked.json:
        figures = {"seed": asked.seed, "limit": asked.limit, "rows": [asdict(row) for row in rows]}
        asked.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
