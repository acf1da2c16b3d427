from __future__ import annotations

from pathlib import Path

import pytest

from models.catalog import BUILT_IN, read_catalog
from models.errors import CardError, UnknownEntrant

ATELIER = """
[[entrant]]
slug = "{slug}"
name = "{name}"
kind = "baseline"
backend = "atelier"
[entrant.identity]
size = {size}
samples = 16
denoise = true
"""
HUB = """
[[entrant]]
slug = "far"
name = "Far"
kind = "external"
backend = "diffusers"
[entrant.identity]
hub = "somebody/something"
revision = "0123456789abcdef0123456789abcdef01234567"
steps = 20
guidance = 5
size = [64, 32]
"""


SHIPPED = (
    "lumen-1",
    "lumen-1-turbo",
    "lumen-0",
    "pixel-unet",
    "word-vae",
    "retrieval",
    "atelier",
    "atelier-plain",
    "atelier-draft",
)


def written(folder: Path, text: str, name: str = "catalog.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_the_built_in_entrants_are_lumen_its_baselines_and_the_atelier():
    catalog = read_catalog(BUILT_IN)
    assert catalog.slugs == SHIPPED
    kinds = {card.slug: card.kind for card in catalog}
    assert [slug for slug in SHIPPED if kinds[slug] == "in-house"] == ["lumen-1", "lumen-1-turbo"]
    assert [slug for slug in SHIPPED if kinds[slug] == "reference"] == ["atelier"]
    assert [card.slug for card in catalog if card.family == "atelier"] == list(SHIPPED[-3:])
    assert dict(catalog["atelier"].identity) == {
        "size": 256,
        "samples": 16,
        "denoise": True,
        "bounces": 8,
        "grammar": "1.0",
    }
    assert len({card.revision for card in catalog}) == len(SHIPPED)


def test_an_operators_file_adds_cards_and_takes_the_place_of_others(tmp_path):
    own = written(
        tmp_path,
        ATELIER.format(slug="atelier", name="Ours", size=128)
        + ATELIER.format(slug="new", name="New", size=64),
    )
    catalog = read_catalog(BUILT_IN, own)
    assert catalog.slugs == (*SHIPPED, "new")
    assert (catalog["atelier"].name, catalog["atelier"].identity["size"]) == ("Ours", 128)
    assert "new" in catalog
    assert "old" not in catalog
    assert len(catalog) == len(SHIPPED) + 1


def test_an_unknown_name_names_the_known():
    with pytest.raises(UnknownEntrant, match=r"'dali'.*atelier, atelier-plain, atelier-draft") as caught:
        read_catalog(BUILT_IN)["dali"]
    assert caught.value.known == SHIPPED


def test_a_hub_card_is_pinned_by_its_commit_and_needs_no_weights_here(tmp_path):
    card = read_catalog(written(tmp_path, HUB))["far"]
    assert card.identity["hub"] == "somebody/something"
    assert card.identity["guidance"] == 5.0
    assert card.folder == ""
    assert dict(card.runtime) == {
        "engine": "auto",
        "device": "auto",
        "dtype": "auto",
        "batch": 1,
        "compile": False,
        "channels_last": False,
        "attention": "auto",
        "vae_slicing": False,
        "vae_tiling": False,
        "download": False,
    }


def test_what_means_the_same_has_the_same_revision(tmp_path):
    one = written(tmp_path, HUB.replace("[64, 32]", "64").replace("= 5", "= 5.0"), "one.toml")
    two = written(tmp_path, HUB.replace("[64, 32]", "[64, 64]"), "two.toml")
    assert read_catalog(one)["far"].revision == read_catalog(two)["far"].revision


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('slug = "far"', 'slug = "Far Away"', "'slug' must be small letters"),
        ('slug = "far"', "", "an entrant without a slug: 'slug' is missing"),
        ('name = "Far"', "", "entrant 'far': 'name' is missing"),
        ('name = "Far"', 'name = "  "', "'name' must be some text"),
        ('name = "Far"', 'name = "Far"\nlicense = "MIT"', "unknown key 'license'; the keys are .*licence"),
        ('kind = "external"', 'kind = "internal"', "'kind' must be one of in-house, baseline, reference"),
        ('"diffusers"', '"diffuser"', "'backend' must be one of atelier, diffusers, images-api"),
        ("steps = 20", "", "identity: 'steps' is missing"),
        ("steps = 20", "steps = 0", "'steps' must be a whole number from 1 to 1000, not 0"),
        ("steps = 20", "steps = true", "'steps' must be a whole number from 1 to 1000, not True"),
        ("steps = 20", "step = 20", "identity: unknown key 'step'"),
        ("guidance = 5", "guidance = nan", "'guidance' must be a number from 0 to 100, not nan"),
        ("[64, 32]", "[64, 32, 3]", r"'size' must be \[width, height\]"),
        ("[64, 32]", "4", "'size' must be .* from 8 to 8192"),
        ("0123456789abcdef0123456789abcdef01234567", "main", "'revision' must be a commit of 40 hex digits"),
        (
            'revision = "0123456789abcdef0123456789abcdef01234567"',
            "",
            "'revision' is missing; add the commit",
        ),
        ('hub = "somebody/something"', "", "say either 'path', a local folder, or 'hub'"),
        ('hub = "somebody/something"', 'path = "x"', "'revision' goes with 'hub'"),
        ("steps = 20", "steps = 20\nscheduler = 'a b'", "'scheduler' must be the name of a scheduler class"),
        ("steps = 20", "steps = 20\narguments = {height = 9}", "'arguments' must not hold height"),
        (
            "steps = 20",
            "steps = 20\nscheduler_options = {at = 2020-01-01}",
            "'scheduler_options' must be a table",
        ),
        ("[64, 32]", "64\n[entrant.runtime]\ndevice = 'gpu'", "runtime: 'device' must be cpu, cuda"),
        ("[64, 32]", "64\n[entrant.runtime]\ndtype = 'int8'", "'dtype' must be one of auto, float32"),
        ("[64, 32]", "64\n[entrant.runtime]\ncompile = 1", "'compile' must be true or false"),
        (
            "[64, 32]",
            "64\n[entrant.runtime]\nengine = 'onnx'",
            "'engine' must be one of auto, torch, openvino",
        ),
        ("[64, 32]", "64\n[entrant.runtime]\nthreads = 0", "'threads' must be a whole number from 1"),
        ("[64, 32]", "64\n[entrant.runtime]\nsteps = 3", "runtime: unknown key 'steps'"),
    ],
)
def test_a_card_that_cannot_be_used_says_where_and_what_to_do(tmp_path, old, new, told):
    assert old in HUB
    file = written(tmp_path, HUB.replace(old, new))
    with pytest.raises(CardError, match=told) as caught:
        read_catalog(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[entrant]\n", "is no TOML"),
        ("entrant = 3\n", r"must be written \[\[entrant\]\]"),
        ("[model]\n", "unknown key 'model'"),
        (HUB + HUB, "'far' stands there twice"),
    ],
)
def test_a_file_that_is_no_catalogue_is_told_by_name(tmp_path, text, told):
    file = written(tmp_path, text)
    with pytest.raises(CardError, match=told) as caught:
        read_catalog(file)
    assert str(file) in str(caught.value)


def test_a_file_that_is_not_there_or_is_no_text_is_told_by_name(tmp_path):
    with pytest.raises(CardError, match=r"none\.toml cannot be read: No such file"):
        read_catalog(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CardError, match=r"bytes\.toml is no TOML"):
        read_catalog(tmp_path / "bytes.toml")
