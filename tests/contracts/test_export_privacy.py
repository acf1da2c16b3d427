"""What an export and the public files do not tell: who voted, and who painted what is being judged."""

from __future__ import annotations

import csv
import json
import re
import secrets
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select, update

from arena.config import Settings
from arena.errors import UnknownCampaign
from arena.queries import votes as votes_module
from arena.services.publishing import votes_csv, votes_parquet
from arena.services.sealing import seal_pending
from arena.storage import ImageStore
from arena.tables import Battle, Entrant, Image, Vote, Voter
from tests.contracts.conftest import SECRET, Publish, rows_of, some_votes
from tests.factory import NOON, Arena, open_arena

LATER = NOON + timedelta(days=40)


def settings(home: Path) -> Settings:
    return Settings.from_environment({"ARENA_HOME": str(home), "ARENA_SECRET_KEY": SECRET})


def test_nobody_can_be_found_in_it(arena: Arena, publish: Publish, tmp_path: Path) -> None:
    some_votes(arena)
    publish(tmp_path / "out")
    with arena.database.read() as session:
        secret = [SECRET.encode()]
        for battle in session.scalars(select(Battle)):
            secret += [t.encode() for t in (battle.key, battle.left_token, battle.right_token)]
        secret += [key.encode() for key in session.scalars(select(Voter.key))]
        for vote in session.scalars(select(Vote)):
            at = vote.cast_at
            secret += [vote.salt, vote.salt.hex().encode()]
            secret += [at.strftime("%H:%M:%S").encode(), str(int(at.timestamp())).encode()]
    for file in (tmp_path / "out").rglob("*"):
        data = file.read_bytes() if file.is_file() else b""
        if file.suffix == ".parquet":
            data += pq.read_table(file).to_pandas().to_csv().encode()
        for trace in secret:
            assert trace not in data, (file.name, trace)
        if file.suffix != ".png":
            assert not re.search(rb"[\w.+-]+@[\w-]+\.[a-z]{2,}", data), file.name
            assert not re.search(rb"(?<![\d.])\d{1,3}(\.\d{1,3}){3}(?![\d.])", data), file.name
            assert str(tmp_path).encode() not in data


def test_raters_are_linked_within_an_export_and_not_across_two(
    arena: Arena, publish: Publish, tmp_path: Path
) -> None:
    some_votes(arena)
    publish(tmp_path / "one")
    publish(tmp_path / "two")
    with arena.database.read() as session:
        who = dict(
            iter(session.execute(select(Vote.id, Battle.voter_id).join(Battle, Vote.battle_id == Battle.id)))
        )
    one, two = (
        {int(row["vote"]): row["rater"] for row in rows_of(tmp_path / name)} for name in ("one", "two")
    )
    for names in (one, two):
        pairs = {(who[vote], rater) for vote, rater in names.items()}
        assert len(pairs) == len(set(who.values())) == len(set(names.values()))
    assert not set(one.values()) & set(two.values())


def test_an_operator_is_warned_while_the_pictures_are_being_judged(
    arena: Arena, images: ImageStore, tmp_path: Path, publish: Publish
) -> None:
    assert "spring" in publish(tmp_path / "open").warnings[0]
    with arena.database.write.begin() as session:
        from arena.tables import Campaign

        session.get_one(Campaign, arena.campaign_id).closed_at = NOON
    assert publish(tmp_path / "closed").warnings == ()


def test_the_public_file_does_not_tell_who_painted_what_is_being_judged(
    arena: Arena, publish: Publish, images: ImageStore, tmp_path: Path
) -> None:
    closed = open_arena(arena.database, images, slug="winter", prompts=("a stone",), closed_at=NOON)
    arena.vote(arena.deal("rose", "lily"))
    closed.vote(closed.deal("rose", "lily"))
    publish(tmp_path / "out")
    with arena.database.read() as session:
        data = b"".join(votes_csv(session, settings(tmp_path), now=LATER))
        digests = set(session.scalars(select(Image.digest).where(Image.prompt_id.in_(arena.prompts))))
    rows = {row["campaign"]: row for row in csv.DictReader(data.decode().splitlines())}
    assert not [digest for digest in digests if digest.encode() in data]
    assert (rows["spring"]["left_image"], rows["spring"]["private_digest"]) == ("", "")
    exported = {row["campaign"]: row for row in rows_of(tmp_path / "out")}
    assert rows["spring"]["leaf"] == exported["spring"]["leaf"]
    assert {**rows["winter"], "rater": ""} == {**exported["winter"], "rater": ""}


def test_a_closed_campaign_does_not_tell_it_either_of_prompts_that_an_open_one_deals(
    arena: Arena, images: ImageStore, tmp_path: Path
) -> None:
    closed = open_arena(arena.database, images, slug="winter", closed_at=NOON)
    closed.vote(closed.deal("rose", "lily"))
    with arena.database.write.begin() as session:
        seal_pending(session, now=LATER)
    with arena.database.read() as session:
        data = b"".join(votes_csv(session, settings(tmp_path), now=LATER))
    (row,) = csv.DictReader(data.decode().splitlines())
    assert (row["campaign"], row["left_image"], row["right_image"]) == ("winter", "", "")


def test_a_vote_is_public_when_its_voter_has_seen_the_names_or_after_ten_minutes(
    arena: Arena, tmp_path: Path
) -> None:
    told, waiting = arena.deal("rose", "lily"), arena.deal("rose", "lily", voter="ann")
    for battle in (told, waiting):
        arena.vote(battle)
    with arena.database.write.begin() as session:
        session.get_one(Battle, told).revealed_at = NOON
        session.flush()
        cast = dict(session.execute(select(Vote.battle_id, Vote.cast_at)).all())
        seal_pending(session, now=NOON)

    def public(after: timedelta) -> list[int]:
        with arena.database.read() as session:
            data = b"".join(votes_csv(session, settings(tmp_path), now=cast[waiting] + after))
        return [int(row["battle"]) for row in csv.DictReader(data.decode().splitlines())]

    assert public(timedelta(minutes=9, seconds=59)) == [told]
    assert public(timedelta(minutes=10)) == [told, waiting]


def test_the_public_files_come_in_pieces_and_say_the_same(
    arena: Arena, publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_votes(arena)
    publish(tmp_path / "out")
    monkeypatch.setattr(votes_module, "CHUNK", 20)
    monkeypatch.setattr(secrets, "token_hex", lambda _n: "the same id")
    with arena.database.read() as session:
        pieces = list(votes_csv(session, settings(tmp_path), now=LATER, campaign="spring"))
        parquet = b"".join(votes_parquet(session, settings(tmp_path), now=LATER, campaign="spring"))
    assert len(pieces) == 5
    table = pq.read_table(BytesIO(parquet))
    assert pq.ParquetFile(BytesIO(parquet)).num_row_groups == 4
    assert b"".join(pieces).count(b"\n") == table.num_rows + 1 == 66
    with pytest.raises(UnknownCampaign), arena.database.read() as session:
        votes_csv(session, settings(tmp_path), now=LATER, campaign="nothing")


def test_settings_without_a_secret_make_no_pseudonyms(arena: Arena, tmp_path: Path) -> None:
    from arena.errors import SettingsError

    bare = replace(settings(tmp_path), secret_key=None)
    with pytest.raises(SettingsError, match="ARENA_SECRET_KEY"), arena.database.read() as session:
        votes_csv(session, bare, now=LATER)


def test_where_a_remote_entrant_lives_is_not_published(
    arena: Arena, publish: Publish, tmp_path: Path
) -> None:
    told = {
        "engine": "images-api",
        "base_url": "https://inside.example/v1",
        "key_env": "INSIDE_KEY",
        "batch": 4,
    }
    with arena.database.write.begin() as session:
        session.execute(update(Entrant).values(runtime=told))
        session.execute(update(Image).values(settings={"identity": {"size": 64}, "runtime": told}))
    arena.vote(arena.deal("rose", "lily"))
    publish(tmp_path / "out")
    cards = json.loads((tmp_path / "out" / "entrants.json").read_bytes())
    assert {json.dumps(card["runtime"], sort_keys=True) for card in cards} == {
        '{"batch": 4, "engine": "images-api"}'
    }
    for file in (tmp_path / "out").iterdir():
        if file.is_file():
            data = file.read_bytes()
            assert b"inside.example" not in data, file.name
    table = pq.read_table(tmp_path / "out" / "images.parquet").to_pylist()
    assert not [row for row in table if "INSIDE_KEY" in row["settings"]]
