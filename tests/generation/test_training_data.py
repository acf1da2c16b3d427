"""The data set: what is held out stays out, shards survive a kill, the same seed gives the same pictures."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from models.atelier import vocabulary as words
from models.atelier.entrant import paint
from models.atelier.grammar import Landscape, StillLife
from models.atelier.render import Settings
from models.atelier.splits import (
    draw,
    held_out_digest,
    held_pairs,
    held_places,
    held_triples,
    is_held_out,
    triple,
)
from models.training import data

pytest.importorskip("mitsuba")
TINY = [
    "--count",
    "6",
    "--seed",
    "5",
    "--size",
    "24",
    "--samples",
    "1",
    "--shard-size",
    "2",
    "--workers",
    "1",
]


def test_training_never_sees_what_is_held_out():
    for index in range(2500):
        scene, _ = draw("train", index, 1)
        assert not is_held_out(scene)


def test_a_tenth_is_held_out_of_every_shape_colour_and_material():
    every, held = words.combinations(), held_triples()
    assert abs(len(held) - 0.1 * len(every)) < 5
    for slot in range(3):
        sizes, out = Counter(c[slot] for c in every), Counter(c[slot] for c in held)
        for value, size in sizes.items():
            assert 0.07 < out[value] / size < 0.135, value
    assert {s for s, _ in held_pairs()} == set(words.SURFACES)
    assert {t for _, t in held_places()} == set(words.TIMES)


def test_what_is_held_out_never_changes():
    assert held_out_digest() == "fa1125d6c0c95e7d"


def test_every_split_holds_what_it_says():
    for index in range(200):
        scene, _ = draw("test_triples", index, 1)
        assert isinstance(scene, StillLife)
        assert triple(scene.things[0]) in held_triples()
        assert all(triple(thing) not in held_triples() for thing in scene.things[1:])
        assert (scene.surface, scene.lighting) not in held_pairs()
        scene, _ = draw("test_pairs", index, 1)
        assert isinstance(scene, StillLife)
        assert (scene.surface, scene.lighting) in held_pairs()
        assert all(triple(thing) not in held_triples() for thing in scene.things)
        scene, _ = draw("test_places", index, 1)
        assert isinstance(scene, Landscape)
        assert (scene.terrain, scene.time) in held_places()
        assert not is_held_out(draw("test_seen", index, 1)[0])
    with pytest.raises(ValueError, match="train"):
        draw("validation", 0, 1)


def test_splits_share_no_seed_and_a_quarter_is_landscapes():
    seeds = [
        draw(split, index, 1)[1] for split in ("train", "test_seen", "test_pairs") for index in range(300)
    ]
    assert len(set(seeds)) == len(seeds)
    assert np.mean([isinstance(draw("train", n, 1)[0], Landscape) for n in range(300)]) >= 0.25


def test_a_finished_set_is_whole_and_says_what_it_is(tmp_path):
    manifest = data.render_dataset(tmp_path, 6, 5, 24, 1, 0, 4)
    assert manifest["pictures"] == data.split_counts(6)
    assert json.loads((tmp_path / "manifest.json").read_text()) == json.loads(json.dumps(manifest))
    for line in manifest["shards"]:
        assert hashlib.sha256((tmp_path / line["name"]).read_bytes()).hexdigest() == line["sha256"]
    pictures = [p for path in data.finished_shards(tmp_path, "train") for p in data.read_shard(path)]
    assert [p.id for p in pictures] == [f"train-{n:06d}" for n in range(6)]
    for picture in pictures[:2]:
        decoded = np.asarray(Image.open(io.BytesIO(picture.image)).convert("RGB"))
        assert (decoded == paint(picture.scene, picture.seed, Settings(24, 1, True))).all()
    assert "CC0" in (tmp_path / "LICENCE.md").read_text()
    assert "held-out" in (tmp_path / "README.md").read_text()
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.parquet")}
    data.render_dataset(tmp_path, 6, 5, 24, 1, 0, 4)
    assert before == {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.parquet")}
    with pytest.raises(data.OtherDataset, match="other settings"):
        data.render_dataset(tmp_path, 6, 6, 24, 1, 0, 4)


def test_a_killed_run_goes_on_and_gives_the_same_pictures(tmp_path):
    command = [sys.executable, "-m", "models.training.data", "--out", str(tmp_path / "killed"), *TINY]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "killed").glob("train-*.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    kept = data.finished_shards(tmp_path / "killed", "train")
    assert kept
    (tmp_path / "killed" / "train-00001.parquet").write_bytes(b"half a shard")
    (tmp_path / "killed" / ".train-00002.parquet.1.part").write_bytes(b"half a shard")
    data.render_dataset(tmp_path / "killed", 6, 5, 24, 1, 0, 2)
    whole = data.render_dataset(tmp_path / "whole", 6, 5, 24, 1, 0, 2)
    resumed = json.loads((tmp_path / "killed" / "manifest.json").read_text())
    assert [line["sha256"] for line in resumed["shards"]] == [line["sha256"] for line in whole["shards"]]
    assert not list((tmp_path / "killed").glob(".*.part"))


def test_help_shows_an_example():
    done = subprocess.run(
        [sys.executable, "-m", "models.training.data", "--help"], capture_output=True, text=True, check=True
    )
    assert "--out data/atelier --count 24000" in done.stdout
