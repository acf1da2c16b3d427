"""Seed the database of a large arena: simulated raters with tastes of their own, prompts, pictures, votes.

    python benchmarks/large_arena.py FOLDER --votes 1000000 --entrants 60 --prompts 20000

The rows are those that dealing, painting and voting would have written; the picture files are not there, and
votes are not sealed. SQLite only. Every number comes from the seed.
"""

from __future__ import annotations

import argparse
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from analysis.outcomes import Outcome
from arena.cli.context import Context
from arena.cli.setup import prepare
from arena.services import curation
from models.contracts import EntrantCard

LARGE = "large"
CATEGORIES = tuple(f"category-{number}" for number in range(12))
COHORTS = ("public", "creators", "staff")
OUTCOMES = tuple(outcome.value for outcome in Outcome)
RATERS = 4_000
FIRST_DAY = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = 150
CHUNK = 50_000
_NOTHING = "0" * 64

Ints = NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--votes", type=int, default=1_000_000)
    parser.add_argument("--entrants", type=int, default=60)
    parser.add_argument("--prompts", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    seed(context_of(told.folder), told.votes, told.entrants, told.prompts, np.random.default_rng(told.seed))


def context_of(folder: Path, **settings: str) -> Context:
    """What commands work with, on the data folder of a benchmark."""
    import os

    return Context({**os.environ, "ARENA_HOME": str(folder), "ARENA_LOG_LEVEL": "error", **settings})


def seed(context: Context, votes: int, entrants: int, prompts: int, rng: np.random.Generator) -> None:
    """Write an arena with one campaign of so many votes."""
    prepare(context)
    campaign, ids = _campaign(context, entrants)
    database = sqlite3.connect(context.settings.home / "arena.sqlite")
    database.execute("PRAGMA synchronous=OFF")
    (criterion,) = database.execute("SELECT id FROM criterion WHERE campaign_id = ?", (campaign,)).fetchone()
    tags = rng.integers(0, len(CATEGORIES), prompts)
    own = rng.random(prompts) < 0.1
    _write(database, "prompt", _prompts(tags, own), prompts)
    _write(database, "campaign_prompt", ((campaign, n + 1, n) for n in range(prompts)), prompts)
    cohorts = rng.choice(len(COHORTS), RATERS, p=(0.8, 0.15, 0.05))
    _write(database, "voter", _voters(cohorts), RATERS)
    _write(database, "job", _jobs(ids, prompts), prompts * entrants)
    _write(database, "image", _images(ids, prompts, rng), prompts * entrants)
    _write(database, "image_measure", _measures(prompts * entrants, rng), prompts * entrants)
    left, right = _pairs(votes, entrants, rng)
    prompt = rng.integers(0, prompts, votes)
    rater = np.minimum((RATERS * rng.random(votes) ** 2).astype(np.int64), RATERS - 1)
    outcome = _answers(left, right, prompt, rater, entrants, prompts, rng)
    number = np.array(ids)
    battle = np.column_stack(
        [
            prompt + 1,
            rater + 1,
            number[left],
            number[right],
            left * prompts + prompt + 1,
            right * prompts + prompt + 1,
        ]
    )
    _write(database, "battle", _battles(campaign, battle), votes)
    _write(database, "vote", _votes(criterion, outcome), votes)
    keys = np.column_stack([tags[prompt], own[prompt], cohorts[rater], left, right, outcome])
    tallies = list(_tallies(campaign, criterion, keys, ids))
    _write(database, "tally", iter(tallies), len(tallies))
    database.commit()
    database.execute("ANALYZE")
    database.close()


def _campaign(context: Context, entrants: int) -> tuple[int, list[int]]:
    with context.database.write.begin() as session:
        made = [
            curation.enter(session, _card(number, "in-house" if number == 0 else "baseline"), now=FIRST_DAY)
            for number in range(entrants)
        ]
        campaign = curation.open_campaign(
            session, slug=LARGE, name="Large", entrants=made, canvas=512, now=FIRST_DAY, seed=1
        )
        session.flush()
        return campaign.id, [entrant.id for entrant in made]


def _card(number: int, kind: str) -> EntrantCard:
    return EntrantCard(
        slug=f"entrant-{number:02}", name=f"Entrant {number}", kind=kind, family=f"family-{number // 3}",
        backend="atelier", identity={"number": number}, runtime={}, licence="CC0-1.0", description="",
        source="",
    )  # fmt: skip


def _write(database: sqlite3.Connection, table: str, rows: Iterator[tuple[object, ...]], count: int) -> None:
    """Insert rows that begin with the first column of a table; columns left out are null."""
    with tqdm(total=count, desc=table, unit="row") as bar:
        while chunk := [row for _, row in zip(range(CHUNK), rows, strict=False)]:
            marks = ", ".join("?" * len(chunk[0]))
            names = ", ".join(COLUMNS[table])
            database.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", chunk)
            bar.update(len(chunk))


COLUMNS = {
    "prompt": (
        "text", "digest", "categories", "tagged_by", "language", "source", "licence", "origin", "created_at"
    ),
    "campaign_prompt": ("campaign_id", "prompt_id", "position"),
    "voter": ("key", "cohort", "created_at"),
    "job": (
        "id", "entrant_id", "prompt_id", "seed", "state", "priority", "attempts", "created_at", "not_before"
    ),
    "image": (
        "id", "job_id", "entrant_id", "prompt_id", "seed", "digest", "width", "height", "length", "seconds",
        "cpu_seconds", "batch", "settings", "environment", "notes", "made_at", "joules", "energy_method",
    ),
    "image_measure": (
        "image_id", "version", "brightness", "saturation", "colourfulness", "contrast", "sharpness",
        "edge_density", "vector", "measured_at",
    ),
    "battle": (
        "id", "key", "campaign_id", "prompt_id", "voter_id", "kind", "left_entrant_id", "right_entrant_id",
        "left_image_id", "right_image_id", "left_token", "right_token", "propensity", "eligible", "policy",
        "dealt_at", "expires_at", "voted_at", "revealed_at",
    ),
    "vote": (
        "id", "battle_id", "criterion_id", "ballot_no", "outcome", "elapsed_ms", "consent", "salt", "cast_at"
    ),
    "tally": (
        "campaign_id", "criterion_id", "category", "source", "cohort", "left_entrant_id", "right_entrant_id",
        "outcome", "votes",
    ),
}  # fmt: skip


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def _digest(*told: object) -> str:
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _prompts(tags: Ints, own: NDArray[np.bool_]) -> Iterator[tuple[object, ...]]:
    at = _stamp(FIRST_DAY)
    for n, (tag, is_own) in enumerate(zip(tags.tolist(), own.tolist(), strict=True)):
        source = "own" if is_own else "curated"
        yield (
            f"prompt {n}",
            _digest("prompt", n),
            f'["{CATEGORIES[tag]}"]',
            "import",
            "en",
            source,
            "",
            "",
            at,
        )


def _voters(cohorts: Ints) -> Iterator[tuple[object, ...]]:
    for n, cohort in enumerate(cohorts.tolist()):
        yield _digest("voter", n)[:32], COHORTS[cohort], _stamp(FIRST_DAY)


def _jobs(ids: Iterable[int], prompts: int) -> Iterator[tuple[object, ...]]:
    at = _stamp(FIRST_DAY)
    for place, entrant in enumerate(ids):
        for n in range(prompts):
            yield place * prompts + n + 1, entrant, n + 1, 1, "done", 0, 1, at, at


def _images(ids: Iterable[int], prompts: int, rng: np.random.Generator) -> Iterator[tuple[object, ...]]:
    at = _stamp(FIRST_DAY)
    for place, entrant in enumerate(ids):
        seconds = rng.gamma(4.0, 0.1 * (1 + place % 7), prompts).tolist()
        for n, took in enumerate(seconds):
            number = place * prompts + n + 1
            yield (
                number, number, entrant, n + 1, 1, _digest("image", number), 512, 512, 300_000, took, took,
                1, "{}", "{}", "{}", at, 30 * took, "estimated",
            )  # fmt: skip


def _measures(count: int, rng: np.random.Generator) -> Iterator[tuple[object, ...]]:
    at = _stamp(FIRST_DAY)
    for number in range(1, count + 1):
        a, b, c, d, e, f = rng.random(6).tolist()
        yield number, "1", a, b, c, d, e + 0.01, f, b"", at


def _pairs(votes: int, entrants: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    left = rng.integers(0, entrants, votes)
    right = (left + rng.integers(1, entrants, votes)) % entrants
    return left, right


def _answers(
    left: Ints, right: Ints, prompt: Ints, rater: Ints, entrants: int, prompts: int, rng: np.random.Generator
) -> Ints:
    """Positions in `OUTCOMES`: strengths from 900 to 1100 points, tastes of raters and of prompts on top."""
    strength = np.linspace(0.6, -0.6, entrants)
    by_rater = rng.normal(0, 0.3, (RATERS, entrants))
    by_prompt = rng.normal(0, 0.4, (prompts, entrants))
    gap = (
        strength[left] - strength[right]
        + by_rater[rater, left] - by_rater[rater, right]
        + by_prompt[prompt, left] - by_prompt[prompt, right]
    )  # fmt: skip
    drawn = rng.random(left.size)
    answers = np.where(rng.random(left.size) < 1 / (1 + np.exp(-gap)), 0, 1)
    return np.where(drawn < 0.08, 2, np.where(drawn < 0.12, 3, answers))


def _battles(campaign: int, rows: Ints) -> Iterator[tuple[object, ...]]:
    span = DAYS * 86_400 / len(rows)
    for n, row in enumerate(rows.tolist()):
        at = FIRST_DAY + timedelta(seconds=n * span)
        dealt, late = _stamp(at), _stamp(at + timedelta(minutes=60))
        key = _digest("battle", n)
        yield (
            n + 1, key[:22], campaign, row[0], row[1], "ordinary", *row[2:6], key[:32], key[32:], 0.001,
            _NOTHING, "uniform/1", dealt, late, dealt, dealt,
        )  # fmt: skip


def _votes(criterion: int, outcome: Ints) -> Iterator[tuple[object, ...]]:
    span = DAYS * 86_400 / len(outcome)
    for n, answer in enumerate(outcome.tolist()):
        at = _stamp(FIRST_DAY + timedelta(seconds=n * span))
        yield n + 1, n + 1, criterion, 1, OUTCOMES[answer], 4000, "2026-11", n.to_bytes(16, "big"), at


def _tallies(campaign: int, criterion: int, keys: Ints, ids: list[int]) -> Iterator[tuple[object, ...]]:
    for whole in (True, False):
        seen, votes = np.unique(keys[:, 1:] if whole else keys, axis=0, return_counts=True)
        for row, count in zip(seen.tolist(), votes.tolist(), strict=True):
            tag = "all" if whole else CATEGORIES[row.pop(0)]
            own, cohort, left, right, outcome = row
            yield (
                campaign, criterion, tag, "own" if own else "curated", COHORTS[cohort], ids[left], ids[right],
                OUTCOMES[outcome], count,
            )  # fmt: skip


if __name__ == "__main__":
    main()
