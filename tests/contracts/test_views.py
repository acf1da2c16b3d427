"""Boards of some of the votes: each says what `arena rate` says of the same votes in an export."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.cli import arena as command
from arena.db import Database
from arena.domain.views import View
from arena.errors import Invalid
from arena.queries.boards import Board, board
from arena.services import standings
from arena.services.styling import MEASURES
from arena.services.tagging import set_categories
from arena.storage import ImageStore
from arena.tables import Battle, Image, ImageMeasure, Prompt, PromptSource, TaggedBy, Vote, Voter
from tests.contracts.conftest import Publish
from tests.factory import Arena, open_arena

Chosen = Callable[[pd.DataFrame], pd.Series]
PERIOD = ("2026-11-02", "2026-11-02")


def fitted(arena: Arena, view: View) -> Board:
    """The board of a view, as a page gets it."""
    now = arena.tick(3600) + timedelta(days=1)  # so that every board has rested
    with arena.database.write.begin() as session:
        standings.ask(session, arena.criteria[0], view, now=now)
    standings.refresh(arena.database, now=now)
    with arena.database.read() as session:
        return board(session, campaign=arena.slug, view=view)


def rated(folder: Path, rows: pd.DataFrame, *options: str) -> dict[str, dict[str, float]]:
    """What the command says of rows of an export, by entrant."""
    file = folder / "some.csv"
    rows.to_csv(file, index=False)
    answer = CliRunner().invoke(command, ["rate", str(file), "--format", "json", *options])
    assert answer.exit_code == 0, answer.output
    return {row["entrant"].partition("@")[0]: row for row in json.loads(answer.stdout)["rows"]}


def measure_all(arena: Arena, rng: np.random.Generator) -> None:
    """Give every picture a style, drawn at random."""
    with arena.database.write.begin() as session:
        for image_id in session.scalars(select(Image.id)).all():
            style = dict(zip(MEASURES, rng.uniform(0.1, 1, len(MEASURES)), strict=True))
            session.add(
                ImageMeasure(image_id=image_id, version="1", vector=b"", measured_at=arena.now, **style)
            )


def let_votes_change(session: Session) -> None:
    """Votes are append-only; here they are written anew, before anybody has seen them."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("DROP TRIGGER keep_vote_update"))
    else:
        session.execute(text("ALTER TABLE vote DISABLE TRIGGER keep_vote"))


VIEWS: list[tuple[str, Chosen, list[str]]] = [
    ("", lambda votes: votes.vote > 0, []),
    ("category=still-life", lambda votes: votes.categories == "still-life", []),
    ("source=own", lambda votes: votes.source == "own", []),
    ("category=still-life&source=curated",
     lambda votes: (votes.categories == "still-life") & (votes.source == "curated"), []),
    ("cohort=creators", lambda votes: votes.cohort == "creators", []),
    ("since={0}&until={1}", lambda votes: votes.day.between(*PERIOD), []),
    ("ties=drop", lambda votes: votes.vote > 0, ["--ties", "drop"]),
    ("ties=davidson", lambda votes: votes.vote > 0, ["--method", "davidson", "--cluster", "none"]),
]  # fmt: skip


@pytest.mark.parametrize(("view", "chosen", "options"), VIEWS)
def test_a_view_says_what_rate_says_of_the_same_votes(
    arena: Arena, publish: Publish, tmp_path: Path, view: str, chosen: Chosen, options: list[str]
) -> None:
    with arena.database.write.begin() as session:
        session.execute(update(Prompt).where(Prompt.id == arena.prompts[1]).values(source=PromptSource.OWN))
    arena.now = arena.now.replace(hour=23, minute=50)
    arena.fill(900, rng=random.Random(5))
    with arena.database.write.begin() as session:
        session.execute(update(Voter).where(Voter.id % 2 == 0).values(cohort="creators"))
    shown = fitted(arena, View.of_text(view.format(*PERIOD)))
    publish(tmp_path / "export")
    votes = pd.read_csv(tmp_path / "export" / "votes.csv", keep_default_na=False)
    some = votes[chosen(votes)]
    assert 0 < len(some) == shown.votes
    assert view in {"", "ties=drop", "ties=davidson"} or len(some) < len(votes)
    told = rated(tmp_path, some, *options)
    assert len(shown.rows) == len(told)
    for row in shown.rows:
        expected = told[row.entrant]
        for name in ("rating", "low", "high", "votes", "wins", "rank"):
            assert getattr(row, name) == pytest.approx(expected[name], abs=1e-6), (row.entrant, name)


def test_a_taste_for_saturation_misleads_the_plain_board_and_not_the_controlled_one(
    database: Database, images: ImageStore
) -> None:
    """Truth: the last entrant is the best; raters like saturated pictures, which the first one makes."""
    arena = open_arena(database, images, prompts=[f"a vase, number {n}" for n in range(30)])
    entrants = list(arena.entrants)
    strength = dict(zip(entrants, np.linspace(-0.6, 0.6, len(entrants)), strict=True))
    rng = np.random.default_rng(3)
    measure_all(arena, rng)
    saturation: dict[int, float] = {}
    with arena.database.write.begin() as session:
        owner = dict(session.execute(select(Image.id, Image.entrant_id)).all())
        for style in session.scalars(select(ImageMeasure)):
            name = entrants[list(arena.entrants.values()).index(owner[style.image_id])]
            style.saturation = saturation[style.image_id] = rng.normal(-1.5 * strength[name], 1.0)
    arena.fill(4000, rng=random.Random(8), voters=40)
    names = {number: name for name, number in arena.entrants.items()}
    with arena.database.write.begin() as session:
        battles = {battle.id: battle for battle in session.scalars(select(Battle))}
        session.execute(update(Battle).values(voted_at=arena.now))
        let_votes_change(session)
        for vote in session.scalars(select(Vote)):
            battle = battles[vote.battle_id]
            gap = strength[names[battle.left_entrant_id]] - strength[names[battle.right_entrant_id]]
            gloss = saturation[battle.left_image_id] - saturation[battle.right_image_id]
            left = rng.random() < 1 / (1 + np.exp(-(gap + 1.2 * gloss)))
            vote.outcome = Outcome.LEFT if left else Outcome.RIGHT
    arena.count()
    plain, controlled = fitted(arena, View()), fitted(arena, View(style=True))
    truth = entrants[::-1]
    assert [row.entrant for row in plain.rows] != truth
    assert [row.entrant for row in controlled.rows] == truth
    points = 400 / np.log(10)
    for row in controlled.rows:
        assert row.low < 1000 + points * strength[row.entrant] < row.high
        assert row.plain == pytest.approx(
            next(r.rating for r in plain.rows if r.entrant == row.entrant), abs=1e-6
        )
    effects = {effect["name"]: effect for effect in controlled.details["style"]}
    worth = effects["saturation"]
    assert worth["low"] < 1.2 * points * worth["scale"] < worth["high"]
    assert effects["brightness"]["low"] < 0 < effects["brightness"]["high"]


def test_style_waits_until_every_picture_is_measured(arena: Arena) -> None:
    arena.fill(60, rng=random.Random(1))
    shown = fitted(arena, View(style=True))
    assert shown.run is None
    assert "have not been measured" in shown.fault
    measure_all(arena, np.random.default_rng(1))
    assert fitted(arena, View(style=True)).fault is None


def test_a_view_is_fitted_anew_only_while_it_is_looked_at(arena: Arena) -> None:
    arena.fill(60, rng=random.Random(1))
    view = View(ties="drop")
    assert fitted(arena, view).votes_in_all == 60
    arena.fill(10, rng=random.Random(2))
    later = arena.now + timedelta(days=2)
    assert standings.refresh(arena.database, now=later) == 1  # the standing board alone
    with arena.database.write.begin() as session:
        standings.ask(session, arena.criteria[0], view, now=later)
    assert standings.refresh(arena.database, now=later + timedelta(seconds=5)) == 1
    with arena.database.read() as session:
        assert board(session, campaign=arena.slug, view=view).votes_in_all == 70


def test_a_board_of_a_category_follows_the_prompts_that_are_tagged_anew(arena: Arena) -> None:
    arena.fill(120, rng=random.Random(4))
    view = View(category="still-life")
    before = fitted(arena, view).votes
    with arena.database.write.begin() as session:
        prompt = session.get_one(Prompt, arena.prompts[0])
        assert "still-life" in prompt.categories
        set_categories(session, prompt, ["landscape"], by=TaggedBy.OPERATOR, now=arena.now)
    after = fitted(arena, view)
    with arena.database.read() as session:
        asked = session.execute(select(Vote.id, Battle.prompt_id).join(Battle)).all()
        still = {n for n in arena.prompts if "still-life" in session.get_one(Prompt, n).categories}
    assert arena.prompts[0] not in still
    assert after.votes == sum(prompt in still for _, prompt in asked) < before


@pytest.mark.parametrize(
    "told", ["ties=thirds", "since=yesterday", "style=1&ties=davidson", "category=Still Life", "style=maybe",
             "since=2026-11-03&until=2026-11-02"]
)  # fmt: skip
def test_what_no_view_can_be_is_told(told: str) -> None:
    with pytest.raises(Invalid):
        View.of_text(told)


def test_a_view_has_one_name() -> None:
    view = View.read(
        {"style": "1", "category": "anime", "campaign": "demo", "until": "2026-11-02", "ties": ""}
    )
    assert str(view) == "category=anime&until=2026-11-02&style=1"
    assert View.of_text(str(view)) == view
    assert str(View.read({"ties": "half", "style": "0"})) == ""
