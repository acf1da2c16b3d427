"""Pictures are measured once, what is lost is told, and studies are made when enough has changed."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import delete, func, select, update

from arena.cli.context import Context
from arena.cli.measure import measure as measure_command
from arena.cli.setup import prepare
from arena.db import Database
from arena.queries import studies as reading
from arena.queries.studies import KINDS, MEASURES
from arena.services import looking, studies
from arena.services.measuring import Step, measure_some, unmeasured
from arena.storage import ImageStore
from arena.tables import Campaign, Image, ImageMeasure, Study
from models import features
from tests.factory import NOON, Arena, open_arena


def sweep(arena: Arena, images: ImageStore, *, most: int = 5) -> list[Step]:
    """Measure all there is, step by step."""
    steps, after = [], 0
    while True:
        step = measure_some(arena.database, images, now=arena.now, after=after, most=most)
        if step.last is None:
            return steps
        steps.append(step)
        after = step.last


def pretend(arena: Arena, *, shift: dict[int, float], prompts: int | None = None) -> None:
    """Measures of the arena's pictures as if they had been taken: noise, moved by entrant."""
    chance = np.random.default_rng(1)
    chosen = set(arena.prompts[:prompts])
    with arena.database.write.begin() as session:
        session.execute(delete(ImageMeasure))
        for image in session.scalars(select(Image).where(Image.prompt_id.in_(chosen)).order_by(Image.id)):
            vector = chance.normal(shift.get(image.entrant_id, 0.0), 1, features.LENGTH)
            session.add(
                ImageMeasure(
                    image_id=image.id,
                    version=features.VERSION,
                    **dict.fromkeys(features.STYLE, 0.25 + image.entrant_id),
                    vector=vector.astype(np.float16).tobytes(),
                    measured_at=NOON,
                )
            )


def test_every_picture_is_measured_once_and_told_as_it_is(database: Database, images: ImageStore) -> None:
    arena = open_arena(database, images)
    assert [step.measured for step in sweep(arena, images)] == [5, 5, 2]
    assert sweep(arena, images) == []
    with database.read() as session:
        kept = session.scalars(select(ImageMeasure)).all()
        image = session.scalars(select(Image).order_by(Image.id)).first()
        assert unmeasured(session) == 0
    assert len(kept) == 12
    assert image
    row = next(row for row in kept if row.image_id == image.id)
    true = features.measure(images.get(image.digest))
    for name in features.STYLE:
        assert getattr(row, name) == getattr(true, name)
    np.testing.assert_array_equal(np.frombuffer(row.vector, dtype=np.float16), true.vector)
    assert row.measured_at == arena.now


def test_measures_of_an_older_version_are_made_anew(database: Database, images: ImageStore) -> None:
    arena = open_arena(database, images, entrants=("rose", "lily"), prompts=("a vase",))
    sweep(arena, images)
    with database.write.begin() as session:
        session.execute(update(ImageMeasure).values(version="0", contrast=9.0))
    assert [step.measured for step in sweep(arena, images)] == [2]
    with database.read() as session:
        told = session.execute(select(ImageMeasure.version, ImageMeasure.contrast)).all()
    assert {version for version, _ in told} == {features.VERSION}
    assert all(contrast < 1 for _, contrast in told)


def test_a_lost_picture_is_told_and_the_others_are_measured(database: Database, images: ImageStore) -> None:
    arena = open_arena(database, images, entrants=("rose", "lily"))
    with database.read() as session:
        gone, spoilt = session.scalars(select(Image).order_by(Image.id).limit(2)).all()
    images.path(gone.digest).unlink()
    images.path(spoilt.digest).write_bytes(b"no longer a picture")
    steps = sweep(arena, images)
    lost = [one for step in steps for one in step.lost]
    assert [one.image_id for one in lost] == [gone.id, spoilt.id]
    assert all(one.reason for one in lost)
    with database.read() as session:
        assert unmeasured(session) == 2
        assert session.scalar(select(func.count()).select_from(ImageMeasure)) == 6


def test_two_that_measure_at_once_keep_one_row_a_picture(database: Database, images: ImageStore) -> None:
    arena = open_arena(database, images, entrants=("rose", "lily"), prompts=("a vase", "a bowl"))
    start, steps = threading.Barrier(2), list[Step]()

    def work() -> None:
        start.wait()
        steps.append(measure_some(database, images, now=arena.now, most=4))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(steps) == 2
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(ImageMeasure)) == 4


def test_studies_tell_what_was_put_into_them(database: Database, images: ImageStore) -> None:
    arena = open_arena(database, images, prompts=[f"vase {n}" for n in range(24)])
    pretend(arena, shift={arena.entrants["iris"]: 3.0})
    (made,) = studies.refresh(database, now=arena.now)
    assert (made.campaign, made.pictures, made.used) == ("spring", 72, 72)
    with database.read() as session:
        style = reading.style(session, arena.campaign_id)
        generic = reading.genericness(session, arena.campaign_id)
        blind = reading.blindness(session, arena.campaign_id)
    assert style
    assert generic
    assert blind
    for row in style.rows:
        assert row.pictures == 24
        assert set(row.measures) == set(MEASURES) == set(style.axes)
        assert row.measures["saturation"].mean == pytest.approx(0.25 + row.entrant_id)
        assert row.measures["saturation"].sd == pytest.approx(0)
        assert row.measures["aspect"].mean == 1
        for spread in row.measures.values():
            assert sum(spread.bins) == pytest.approx(1)
    told = {row.entrant_id: row for row in blind.rows}
    shifted = told[arena.entrants["iris"]]
    assert shifted.recall
    assert shifted.recall.value > 0.95
    assert blind.chance == pytest.approx(1 / 3)
    assert blind.source.prompts == 24
    for row in generic.rows:
        assert row.genericness
        assert row.genericness.value == pytest.approx(0, abs=0.05)
        assert row.within is None


def test_studies_are_made_anew_when_a_tenth_has_changed_and_every_one_is_kept(
    database: Database, images: ImageStore
) -> None:
    arena = open_arena(database, images, entrants=("rose", "lily"), prompts=[f"vase {n}" for n in range(24)])
    now, later = arena.now, arena.now + timedelta(minutes=6)
    assert studies.refresh(database, now=now) == []  # nothing has been measured
    pretend(arena, shift={}, prompts=20)
    assert len(studies.refresh(database, now=now)) == 1
    assert studies.refresh(database, now=later) == []  # nothing has changed
    pretend(arena, shift={}, prompts=21)
    assert studies.refresh(database, now=later) == []  # less than a tenth
    assert len(studies.refresh(database, now=later, growth=0)) == 1
    pretend(arena, shift={}, prompts=24)
    assert studies.refresh(database, now=later + timedelta(minutes=1)) == []  # they rest
    assert [made.pictures for made in studies.refresh(database, now=later + timedelta(minutes=7))] == [48]
    with database.read() as session:
        kept = session.execute(select(Study.kind, Study.pictures).order_by(Study.id)).all()
    assert [tuple(row) for row in kept] == [(kind, count) for count in (40, 42, 48) for kind in KINDS]


def test_a_study_takes_no_more_than_its_bound_and_the_same_again(
    database: Database, images: ImageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    arena = open_arena(database, images, prompts=[f"vase {n}" for n in range(12)])
    pretend(arena, shift={})
    monkeypatch.setattr(studies, "MOST_PICTURES", 20)
    with database.read() as session:
        campaign = session.get_one(Campaign, arena.campaign_id)
        first, again = (studies.read_pictures(session, campaign) for _ in range(2))
    assert (first.measured, len(first.entrant), len(np.unique(first.prompt))) == (36, 18, 6)
    np.testing.assert_array_equal(first.vectors, again.vectors)


def test_a_worker_looks_at_new_pictures_and_makes_studies(database: Database, images: ImageStore) -> None:
    arena = open_arena(database, images, entrants=("rose", "lily"), prompts=("a vase", "a bowl"))
    stop = threading.Event()
    thread = threading.Thread(target=looking.keep_looking, args=(database, images, stop))
    thread.start()
    waited = threading.Event()
    for _ in range(200):
        with database.read() as session:
            blind = reading.blindness(session, arena.campaign_id)
        if blind:
            break
        waited.wait(0.05)
    stop.set()
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert blind
    assert blind.source.used == 4
    assert blind.accuracy is None  # two prompts say nothing


def test_the_command_measures_tells_what_is_lost_and_studies(tmp_path: Path) -> None:
    context = Context({"ARENA_HOME": str(tmp_path)})
    prepare(context)
    arena = open_arena(
        context.database, context.images, entrants=("rose", "lily"), prompts=("a vase", "a bowl")
    )
    with context.database.read() as session:
        gone = session.scalars(select(Image).order_by(Image.id)).first()
    assert gone
    data = context.images.get(gone.digest)
    context.images.path(gone.digest).unlink()
    told = CliRunner().invoke(measure_command, ["--campaign", arena.slug, "--json"], obj=context)
    assert told.exit_code == 1
    answer = json.loads(told.stdout)
    assert answer["measured"] == 3
    assert [one["image_id"] for one in answer["lost"]] == [gone.id]
    assert [(one["campaign"], one["pictures"]) for one in answer["studies"]] == [("spring", 3)]
    context.images.put(data)
    again = CliRunner().invoke(measure_command, [], obj=context)
    assert again.exit_code == 0
    assert "1 measured, 0 lost." in again.stdout
    assert "Studies of spring made from 4 of 4 pictures." in again.stdout
    context.database.dispose()
