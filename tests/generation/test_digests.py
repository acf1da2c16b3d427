from __future__ import annotations

import json
import os
import shutil

import pytest

from models.cards import read_card
from models.digests import digest_folder
from models.errors import CardError


@pytest.fixture
def weights(tmp_path):
    folder = tmp_path / "weights"
    (folder / "unet").mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    (folder / "unet" / "model.safetensors").write_bytes(bytes(range(256)))
    return folder


def told(path, **identity):
    return {
        "slug": "tiny",
        "name": "Tiny",
        "kind": "external",
        "backend": "diffusers",
        "identity": {"path": path, "steps": 3, "guidance": 4.0, "size": 32, **identity},
    }


def test_a_digest_is_of_what_is_read_and_not_of_where_it_lies(weights, tmp_path):
    first = digest_folder(weights)
    assert len(first) == 64
    elsewhere = shutil.copytree(weights, tmp_path / "other" / "place")
    (elsewhere / "README.md").write_text("words")
    (elsewhere / ".cache").mkdir()
    (elsewhere / ".cache" / "state.json").write_text("{}")
    assert digest_folder(elsewhere) == first
    (elsewhere / "unet" / "model.safetensors").write_bytes(bytes(256))
    changed = digest_folder(elsewhere)
    assert changed != first
    (elsewhere / "model_index.json").write_text('{"a": 1}')
    assert digest_folder(elsewhere) not in (first, changed)


def test_a_renamed_file_is_another_digest(weights):
    first = digest_folder(weights)
    (weights / "unet").rename(weights / "transformer")
    assert digest_folder(weights) != first


def test_a_link_counts_as_what_it_leads_to(weights, tmp_path):
    linked = tmp_path / "linked"
    (linked / "unet").mkdir(parents=True)
    for name in ("model_index.json", "unet/model.safetensors"):
        (linked / name).symlink_to(weights / name)
    assert digest_folder(linked) == digest_folder(weights)


def test_a_remembered_digest_holds_until_a_file_changes(weights, tmp_path):
    cache = tmp_path / "state" / "digests.json"
    first = digest_folder(weights, cache=cache)
    (key,) = json.loads(cache.read_text())
    cache.write_text(json.dumps({key: "f" * 64}))
    assert digest_folder(weights, cache=cache) == "f" * 64
    os.utime(weights / "model_index.json", ns=(1, 1))
    assert digest_folder(weights, cache=cache) == first
    cache.write_text("not json")
    assert digest_folder(weights, cache=cache) == first
    assert [file.name for file in cache.parent.iterdir()] == ["digests.json"]


@pytest.mark.parametrize("broken", ["missing", "empty"])
def test_a_folder_without_weights_is_told(tmp_path, broken):
    folder = tmp_path / broken
    if broken == "empty":
        folder.mkdir()
    with pytest.raises(CardError, match=f"{broken} (is no folder|holds no weights)"):
        digest_folder(folder)
    with pytest.raises(CardError, match=r"x\.toml: entrant 'tiny', identity: 'path': .*no (folder|weights)"):
        read_card(told(broken), file=tmp_path / "x.toml")


def test_a_relative_path_starts_from_the_catalogue(weights, tmp_path):
    card = read_card(told("weights"), file=tmp_path / "catalog.toml")
    assert card.folder == str(weights.resolve())
    assert card.identity["weights"] == digest_folder(weights)
    assert "path" not in card.identity


def test_a_stated_digest_needs_no_weights_on_this_machine(tmp_path):
    card = read_card(told("elsewhere", weights="ab" * 32), file=tmp_path / "catalog.toml")
    assert card.identity["weights"] == "ab" * 32


def test_the_revision_follows_the_identity_and_neither_runtime_nor_folder(weights, tmp_path):
    file = tmp_path / "catalog.toml"
    card = read_card(told("weights"), file=file)
    moved = shutil.copytree(weights, tmp_path / "moved")
    same = read_card({**told(str(moved)), "runtime": {"device": "cpu", "batch": 7}}, file=file)
    assert same.revision == card.revision
    for change in ({"steps": 4}, {"guidance": 4.5}, {"size": 64}, {"scheduler": "EulerDiscreteScheduler"}):
        assert read_card(told("weights", **change), file=file).revision != card.revision
    (moved / "unet" / "model.safetensors").write_bytes(b"other")
    assert read_card(told("moved"), file=file).revision != card.revision
