"""`arena generate`: what a campaign still needs, and what is told at the end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select, update

from arena.cli.context import Context
from arena.cli.generate import generate
from arena.cli.setup import prepare
from arena.domain.jobs import MOST_ATTEMPTS
from arena.services.curation import NewPrompt, add_prompts, find_entrant, open_campaign
from arena.services.generation import enqueue
from arena.tables import Campaign, Image, Job

CARD = """
[[entrant]]
slug = "{slug}"
name = "Small"
kind = "baseline"
backend = "atelier"
[entrant.identity]
size = {size}
samples = 1
denoise = false
"""
PROMPTS = ("a red vase on an oak table", "a red unicorn on the moon", "a blue unicorn")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A data folder with a campaign of two small path tracers."""
    (tmp_path / "catalog.toml").write_text(
        CARD.format(slug="one", size=24) + CARD.format(slug="two", size=16)
    )
    context = Context({"ARENA_HOME": str(tmp_path)})
    prepare(context)
    now = datetime.now(UTC)
    with context.database.write.begin() as session:
        entrants = [find_entrant(session, slug) for slug in ("one", "two")]
        campaign = open_campaign(session, slug="small", name="Small", entrants=entrants, canvas=64, now=now)
        add_prompts(session, campaign, [NewPrompt(text) for text in PROMPTS], now=now)
    return context


def run(context: Context, *words: str) -> Result:
    return CliRunner().invoke(generate, ["--campaign", "small", *words], obj=Context(context.environ))


def test_every_picture_is_made_once_and_what_is_missing_is_told(context: Context) -> None:
    first = run(context)
    assert first.exit_code == 0, first.output
    assert "2 made, 4 refused, 0 failed, of 6." in first.stdout
    lines = [line.split() for line in first.stdout.splitlines()]
    assert ["entrant", "made", "refused", "failed"] in lines
    assert ["one", "1", "2", "0"] in lines
    assert ["two", "1", "2", "0"] in lines
    assert "unicorn" in first.stdout
    assert first.stdout.count(f"      {PROMPTS[1]}") == 2
    assert "pictures/s" in first.stderr or "s/ pictures" in first.stderr

    again = run(context, "--json")
    told = json.loads(again.stdout)
    assert (again.exit_code, told["campaign"], told["asked"], told["done"]) == (0, "small", 6, 2)
    one = told["entrants"][0]
    assert (one["entrant"], one["made"], one["refused"], one["failed"], one["waiting"]) == ("one", 1, 2, 0, 0)
    assert sum(cause["jobs"] for cause in one["causes"]) == 2
    assert one["causes"][0]["state"] == "refused"
    assert set(one["causes"][0]["prompts"]) <= set(PROMPTS)
    with context.database.read() as session:
        assert session.scalar(select(func.count(Image.id))) == 2


def test_an_entrant_that_cannot_paint_makes_it_fail_with_the_reason(context: Context) -> None:
    with context.database.write.begin() as session:
        campaign = session.scalars(select(Campaign).where(Campaign.slug == "small")).one()
        enqueue(session, campaign, now=datetime.now(UTC))
        session.execute(update(Job).values(attempts=MOST_ATTEMPTS - 1))
    (Path(context.environ["ARENA_HOME"]) / "catalog.toml").write_text(CARD.format(slug="one", size=24))
    done = run(context, "--json")
    assert done.exit_code == 1
    told = {one["entrant"]: one for one in json.loads(done.stdout)["entrants"]}
    assert told["one"]["made"] == 1
    assert told["two"]["failed"] == 3
    assert told["two"]["causes"][0]["jobs"] == 3
    assert "no entrant is called 'two'" in told["two"]["causes"][0]["reason"]
