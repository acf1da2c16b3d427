"""What the read API tells: what its document says, every row once, and no more than the public files."""

from __future__ import annotations

import csv
import io
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema_rs
import pytest
from sqlalchemy import select

from arena.db import Database
from arena.storage import ImageStore
from arena.tables import Battle, Entrant, Image, Rating, RatingRun, Voter
from arena.web.read.asking import CURSOR, LARGEST, MOST, cursor_of, fits, number_of
from tests.contracts.reading import Reader, reader
from tests.factory import open_arena

PATHS = (
    "",
    "/openapi.json",
    "/campaigns",
    "/leaderboard",
    "/entrants",
    "/entrants/rose",
    "/prompts",
    "/battles",
    "/votes",
    "/runs",
    "/runs/1",
)


@pytest.fixture
def api(database: Database, images: ImageStore, tmp_path: Path) -> Iterator[Reader]:
    """The read API of an arena with votes, on each kind of database."""
    with reader(database, images, tmp_path / "home") as found:
        yield found


def test_the_document_names_every_route_and_each_answers_as_it_says(api: Reader) -> None:
    told = api.get("/openapi.json").get_json()
    routes = {
        re.sub(r"<(\w+)>", r"{\1}", rule.rule)
        for rule in api.app.url_map.iter_rules()
        if rule.endpoint.startswith("read.")
    }
    assert routes == set(told["paths"])
    assert {path for path in routes if "{" not in path} == set(api.get("").get_json()["links"].values())
    for path, methods in told["paths"].items():
        assert methods.keys() == {"get"}
        response = api.app.test_client().get(path.format(slug="rose", number=1), buffered=True)
        ((media, content),) = methods["get"]["responses"]["200"]["content"].items()
        assert (response.status_code, response.mimetype) == (200, media), path
        if media == "application/json":
            jsonschema_rs.validator_for(content["schema"]).validate(response.get_json())


def test_a_walk_visits_every_row_once_while_votes_arrive(api: Reader) -> None:
    for path, key, limit in (("/votes", "vote", 9), ("/battles", "battle", 9), ("/runs", "run", 2)):
        before = [row[key] for row in api.rows(f"{path}?limit={MOST}")]
        visited = []
        for number, page in enumerate(api.pages(f"{path}?limit={limit}")):
            visited += [row[key] for row in page]
            if number < 2:
                api.arena.fill(3, rng=random.Random(number))
                api.seal()
        assert len(before) > limit
        assert visited[: len(before)] == before
        assert len(visited) == len(set(visited)) > len(before), path
    prompts = [row["prompt"] for row in api.rows("/prompts?limit=1")]
    assert len(prompts) == len(set(prompts)) == 6


def test_votes_are_those_of_the_public_file_and_of_no_rater(api: Reader) -> None:
    api.young()
    withheld, revealed = (api.arena.deal("rose", "iris", voter=name) for name in ("eve", "bob"))
    api.arena.vote(withheld)
    api.arena.vote(revealed)
    api.reveal(revealed)
    api.seal()
    file = api.app.test_client().get("/data/votes.csv", buffered=True).get_data(as_text=True)
    published = list(csv.DictReader(io.StringIO(file)))
    assert all(row.pop("rater") for row in published)
    votes = api.rows(f"/votes?limit={MOST}")
    assert [{name: "" if v is None else str(v) for name, v in row.items()} for row in votes] == published
    numbers = {row["battle"] for row in votes}
    assert revealed in numbers
    assert withheld not in numbers
    assert {row["left_image"] == "" for row in votes if row["campaign"] == "spring"} == {True}
    assert {row["left_image"] == "" for row in votes if row["campaign"] == "autumn"} == {False}
    flat = [{**battle, **vote} for battle in api.rows("/battles?limit=7") for vote in battle["votes"]]
    assert all(row.pop("votes") for row in flat)
    assert sorted(flat, key=lambda row: row["vote"]) == votes
    assert api.rows("/votes?campaign=autumn") == [row for row in votes if row["campaign"] == "autumn"]
    assert api.rows("/battles?campaign=autumn&limit=1000") == [
        row for row in api.rows("/battles?limit=1000") if row["campaign"] == "autumn"
    ]


def test_the_files_of_a_campaign_hold_its_votes_alone(api: Reader) -> None:
    rows = list(csv.DictReader(io.StringIO(api.get("/votes.csv?campaign=autumn").get_data(as_text=True))))
    assert [int(row["vote"]) for row in rows] == [row["vote"] for row in api.rows("/votes?campaign=autumn")]
    assert {row["campaign"] for row in rows} == {"autumn"}


def test_a_prompt_is_told_once_a_released_vote_has_shown_it(api: Reader, images: ImageStore) -> None:
    winter = open_arena(api.arena.database, images, slug="winter", prompts=("a fig that nobody saw",))
    trusted, plain = api.key("painter", may_unblind=True), api.key("site")

    def told(**headers: str) -> bool:
        rows = api.get(f"/prompts?campaign=winter&limit={MOST}", **headers).get_json()["data"]
        assert len(api.get(f"/prompts?limit={MOST}", **headers).get_json()["data"]) == 6 + len(rows)
        return [row["prompt"] for row in rows] == ["a fig that nobody saw"]

    assert (told(), told(**plain), told(**trusted)) == (False, False, True)
    winter.now = datetime.now(UTC) - timedelta(minutes=3)
    battle = winter.deal("rose", "lily")
    winter.vote(battle)
    assert not told()
    api.seal()
    assert not told()
    api.reveal(battle)
    assert told()
    assert told(**plain)


def test_no_rater_no_time_and_no_picture_under_judgement_is_told(api: Reader) -> None:
    with api.arena.database.read() as session:
        secret = set(session.scalars(select(Voter.key)))
        for battle in session.scalars(select(Battle)):
            secret |= {battle.key, battle.left_token, battle.right_token}
        dealt = select(Image.digest).where(Image.prompt_id.in_(api.arena.prompts))
        secret |= set(session.scalars(dealt))
    for path in PATHS:
        body = api.get(path).get_data(as_text=True)
        assert not [word for word in secret if word in body], path
        assert not re.search(r"\d:\d\d", body), path
        assert '"rater":' not in body, path


def test_a_run_is_told_with_all_that_is_kept_of_it(api: Reader) -> None:
    (first, *_) = api.rows("/runs?campaign=spring")
    whole = api.get(f"/runs/{first['run']}").get_json()
    with api.arena.database.read() as session:
        run = session.get_one(RatingRun, first["run"])
        kept = session.scalars(select(Rating).where(Rating.run_id == run.id).order_by(Rating.position)).all()
        assert whole.pop("details") == run.details
        assert first["last_vote"] == run.last_vote_id
        for row, rating in zip(first["rows"], kept, strict=True):
            assert row["entrant"].startswith(session.get_one(Entrant, rating.entrant_id).slug + "@")
            assert {name: getattr(rating, name) for name in row if name != "entrant"} == {
                name: value for name, value in row.items() if name != "entrant"
            }
    assert whole == first


def test_a_view_of_the_board_is_fitted_once_somebody_has_asked_for_it(api: Reader) -> None:
    asked = "/leaderboard?campaign=spring&ties=drop&category=still-life"
    assert api.get(asked).get_json()["run"] is None
    api.seal()
    told = api.get(asked).get_json()
    assert told["view"] == {"category": "still-life", "ties": "drop"}
    everything = api.get("/leaderboard?campaign=spring").get_json()
    assert 0 < told["votes"] < everything["votes"]
    (run,) = api.rows("/runs?view=category%3Dstill-life%26ties%3Ddrop")
    assert run["run"] == told["run"]
    assert [row["rating"] for row in run["rows"]] == [row["rating"] for row in told["rows"]]
    other = api.get("/leaderboard?campaign=spring&criterion=likeness").get_json()
    assert (other["criterion"], other["votes"]) == ("likeness", 1)


@pytest.mark.parametrize("number", [0, 1, 31, 32, LARGEST])
def test_a_cursor_is_read_as_it_was_written(number: int) -> None:
    assert number_of(cursor_of(number)) == number
    assert fits(CURSOR.schema, cursor_of(number))


def test_nothing_is_behind_the_last_number_that_there_can_be(api: Reader) -> None:
    for path in ("/votes", "/battles", "/prompts", "/runs"):
        assert api.get(f"{path}?cursor=vvvvvvv").get_json() == {"data": [], "next": None}
    assert api.get(f"/runs/{LARGEST}").status_code == 404
    assert api.get(f"/runs/{LARGEST + 1}").status_code == 400
