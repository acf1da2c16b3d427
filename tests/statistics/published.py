"""The published data sets as comparisons; sources in data/README.md."""

from __future__ import annotations

import csv
from pathlib import Path

from analysis import Comparisons

DATA = Path(__file__).parent / "data"


def read(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(newline="") as file:
        return list(csv.DictReader(file))


def from_wins(wins: dict[tuple[str, str], float]) -> Comparisons:
    labels = sorted({name for pair in wins for name in pair})
    left, right = zip(*wins, strict=True)
    return Comparisons.from_counts(labels, left, right, ["left"] * len(wins), list(wins.values()))


def wikipedia() -> Comparisons:
    pairs = {"AB": 2, "AD": 1, "BA": 3, "BC": 5, "CB": 3, "CD": 1, "DA": 4, "DC": 3}
    return from_wins({(pair[0], pair[1]): count for pair, count in pairs.items()})


def stigler() -> Comparisons:
    wins = {}
    for row in read("stigler_1994.csv"):
        cited = row.pop("cited")
        wins.update({(cited, citing): float(count) for citing, count in row.items() if citing != cited})
    return from_wins(wins)


def baseball() -> Comparisons:
    """At home on the left."""
    rows = read("baseball_1987.csv")
    labels = sorted({row["home_team"] for row in rows})
    home, away = [row["home_team"] for row in rows] * 2, [row["away_team"] for row in rows] * 2
    outcome = ["left"] * len(rows) + ["right"] * len(rows)
    count = [float(row["home_wins"]) for row in rows] + [float(row["away_wins"]) for row in rows]
    return Comparisons.from_counts(labels, home, away, outcome, count)


def pudding() -> Comparisons:
    rows = read("pudding_1970.csv")
    left, right = [row["i"] for row in rows] * 3, [row["j"] for row in rows] * 3
    outcome = [word for word in ("left", "right", "tie") for _ in rows]
    count = [float(row[column]) for column in ("w_ij", "w_ji", "t_ij") for row in rows]
    return Comparisons.from_counts("123456", left, right, outcome, count)
