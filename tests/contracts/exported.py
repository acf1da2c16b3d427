"""A small arena with everything that an export must tell apart, and a hand to export it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import aliased

from analysis import Comparisons, fit_bradley_terry
from analysis.outcomes import Outcome
from arena.db import Database
from arena.domain.splits import Split
from arena.services.formats.exporting import FormatReport, export_as
from arena.services.formats.filters import Filters
from arena.services.standings import refresh
from arena.storage import ImageStore
from arena.tables import Battle, BattleKind, Criterion, Entrant, Image, Prompt, Vote
from tests.databases import new_sqlite
from tests.factory import Arena, open_arena

SECONDS_A_DAY = 86_400
SPLIT = Split.parse("train=0.5,validation=0.25,test=0.25", seed=3)
COLOURS = ("red", "blue", "green", "gold", "grey", "pink", "teal", "jade")
WORDS = tuple(f"a {colour} vase, “as dealt”" for colour in COLOURS)


@dataclass(frozen=True)
class Voted:
    """The arena, its pictures, and all of its ordinary votes on the first question as they were cast."""

    database: Database
    images: ImageStore
    arena: Arena
    votes: pd.DataFrame

    def export(self, name: str, folder: Path, **asked: object) -> FormatReport:
        """Export into a folder of that name."""
        with self.database.read() as session:
            return export_as(
                session,
                name,
                folder=folder / name,
                images=self.images,
                asked=Filters(**asked),
                now=self.arena.now,
                rng=random.Random(7),
            )


def furnished(home: Path) -> Iterator[Voted]:
    """Three entrants, eight prompts, four days, two questions, every outcome, and battles that count not."""
    database = new_sqlite(home / "arena.sqlite")
    images = ImageStore(home / "images")
    arena = open_arena(database, images, prompts=WORDS, criteria=("preference", "likeness"))
    for day in range(4):
        arena.fill(60, rng=random.Random(day), voters=5)
        arena.tick(SECONDS_A_DAY)
    for kind in BattleKind:
        arena.vote(arena.deal("rose", "lily", kind=kind), Outcome.LEFT)
    arena.vote(arena.deal("rose", "lily"), Outcome.RIGHT, criterion=1)
    arena.deal("rose", "iris", skipped=True)
    refresh(database, now=arena.now)
    arena.tick(SECONDS_A_DAY)
    arena.vote(arena.deal("lily", "iris", voter="late"), Outcome.LEFT)
    refresh(database, now=arena.now + timedelta(seconds=60))
    yield Voted(database, images, arena, _cast(arena))
    database.dispose()


def _cast(arena: Arena) -> pd.DataFrame:
    left, right = aliased(Entrant), aliased(Entrant)
    left_image, right_image = aliased(Image), aliased(Image)
    query = (
        select(
            Vote.id.label("vote"),
            (left.slug + "@" + left.revision).label("left"),
            (right.slug + "@" + right.revision).label("right"),
            left_image.digest.label("left_image"),
            right_image.digest.label("right_image"),
            Vote.outcome,
            Vote.cast_at,
            Prompt.text.label("prompt"),
            Prompt.digest.label("prompt_digest"),
        )
        .join(Battle, Vote.battle_id == Battle.id)
        .join(Prompt, Battle.prompt_id == Prompt.id)
        .join(left, Battle.left_entrant_id == left.id)
        .join(right, Battle.right_entrant_id == right.id)
        .join(left_image, Battle.left_image_id == left_image.id)
        .join(right_image, Battle.right_image_id == right_image.id)
        .join(Criterion, Vote.criterion_id == Criterion.id)
        .where(Battle.kind == BattleKind.ORDINARY, Criterion.slug == "preference")
        .order_by(Vote.id)
    )
    with arena.database.read() as session:
        rows = [row._asdict() for row in session.execute(query)]
    return pd.DataFrame(rows)


def ratings(votes: Comparisons) -> dict[str, float]:
    """Strengths by entrant."""
    fit = fit_bradley_terry(votes, ties="half", both_bad="tie")
    return dict(zip(fit.labels, fit.strengths.tolist(), strict=True))
