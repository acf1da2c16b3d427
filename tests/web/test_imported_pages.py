"""Pages of an arena that took in the votes of another, without their pictures."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from arena.services import sampling
from arena.services.importing.importing import import_votes
from arena.services.standings import refresh
from arena.tables import Battle, Prompt
from tests.web import small

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
VOTES = """\
model_a,model_b,winner,prompt,judge,day
Theirs 1,Theirs 2,model_a,a pear on a plate,u1,2026-01-02
Theirs 2,Theirs 1,tie,a plum,u2,2026-01-03
"""


@pytest.fixture
def taken(arena: small.SmallArena, tmp_path: Path) -> small.SmallArena:
    """An arena with a campaign of its own and one of imported votes."""
    file = tmp_path / "theirs.csv"
    file.write_text(VOTES, encoding="utf-8")
    import_votes(arena.database, arena.images, file, "csv", now=NOW)
    refresh(arena.database, now=NOW)
    return arena


def test_every_page_shows_imported_votes_and_says_what_did_not_come(taken: small.SmallArena) -> None:
    client = taken.app.test_client()
    with taken.database.read() as session:
        battle = session.scalars(select(Battle.id)).first()
        prompt = session.scalars(select(Prompt.id).where(Prompt.text == "a plum")).one()
    pages = ("/leaderboard?campaign=theirs", "/entrants", "/entrants/theirs-1", "/method", "/data", "/style")
    for path in (*pages, f"/prompts/{prompt}"):
        response = client.get(path)
        assert response.status_code == 200, path
    for path in ("/battles", f"/battles/{battle}"):
        page = client.get(path)
        assert page.status_code == 200
        assert "Its picture did not come with the votes." in page.text
        assert "<img" not in page.text.partition("<main")[2].partition("</main>")[0]


def test_fair_play_says_what_another_arena_dealt(taken: small.SmallArena) -> None:
    sampling.refresh(taken.database, sampling.SamplingBook(), now=NOW)
    client = taken.app.test_client()
    assert "2 of them came with the votes of another arena" in client.get("/fair-play?campaign=theirs").text
    assert "of another arena" not in client.get("/fair-play?campaign=open").text


def test_nobody_is_offered_an_entrant_that_paints_nothing(taken: small.SmallArena) -> None:
    page = taken.app.test_client().get("/playground").text
    assert "Sfumato 2.1" in page
    assert "Theirs 1" not in page
