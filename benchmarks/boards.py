"""Boards of a large arena: seed one, then time its pages and its fits.

    python benchmarks/boards.py seed FOLDER --votes 1000000 --entrants 60 --prompts 20000
    python benchmarks/boards.py fits FOLDER
    python benchmarks/boards.py pages FOLDER --seconds 10

``seed`` writes a database of simulated raters with tastes of their own. ``fits`` reads its votes as the
worker does and prints processor seconds of each kind of board, and of a refresh after 1,000 new votes.
``pages`` starts the real server and prints p50 and p95 of the leaderboard beside its empty route, in turns.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import secrets
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from tqdm import tqdm

from arena.cli.context import Context
from arena.cli.setup import prepare
from arena.domain.views import View
from arena.queries.boards import first_criterion
from arena.services import curation, standings
from arena.services.snapshots import OUTCOMES, SnapshotCache
from arena.tables import Campaign, Criterion, Entrant
from models.contracts import EntrantCard

CATEGORIES = 12
RATERS = 4_000
CHUNK = 50_000
START = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = 150
VIEWS = (
    "category=category-3",
    "cohort=creators",
    "since=2026-08-01&until=2026-08-31",
    "ties=drop",
    "ties=davidson",
    "category=category-3&style=1",
    "style=1",
)
Ints = NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["seed", "fits", "pages", "vote"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--votes", type=int, default=1_000_000)
    parser.add_argument("--entrants", type=int, default=60)
    parser.add_argument("--prompts", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=10.0, help="pages: of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    if told.what == "seed":
        seed(told.folder, told.votes, told.entrants, told.prompts, np.random.default_rng(told.seed))
    elif told.what == "fits":
        fits(told.folder)
    elif told.what == "pages":
        pages(told.folder, told.seconds, told.rounds)


def context_of(folder: Path) -> Context:
    """The arena of a data folder."""
    os.environ["ARENA_HOME"] = str(folder)
    return Context(folder)


if __name__ == "__main__":
    main()
