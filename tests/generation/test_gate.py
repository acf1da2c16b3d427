"""The gate for weights that ship: what a manifest promises, measured on folders that have learnt nothing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from PIL import Image

from models.baselines.retrieval import Bank
from models.baselines.vae import WordVae, WordVaePipeline
from models.catalog import read_catalog
from models.contracts import Refusal
from models.loading import load
from models.lumen.text_encoder import LumenTextEncoder
from models.lumen.tokenizer import make_tokenizer
from models.training import export, gate
from models.training.reader_network import AttributeReader
from models.training.settings import BadSettings

SIZE = 32
CAPTIONS = ("a red vase on sand", "a blue ball on an oak table", "the open sea at dawn")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``vae``, ``bank``, the ``reader``, and ``more``, which no manifest names."""
    out = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    text = LumenTextEncoder(tokenizer.vocab_size, width=32, layers=1, heads=2, hidden=32)
    vae = WordVae(SIZE, 8, 32, 32, 8, widths=[16, 32], encoder_blocks=[], decoder_blocks=[1, 1])
    WordVaePipeline(tokenizer=tokenizer, text_encoder=text.eval(), vae=vae.eval()).save_pretrained(
        out / "vae"
    )
    text.save_pretrained(out / "more")
    pictures = []
    for shade in (40, 120, 200):
        Image.new("RGB", (SIZE, SIZE), (shade, 90, 255 - shade)).save(file := io.BytesIO(), "WEBP")
        pictures.append(file.getvalue())
    Bank(SIZE, tuple((told,) for told in CAPTIONS), tuple(pictures), tokenizer).save(out / "bank")
    network = {"widths": [8, 8, 8, 8], "blocks": [0] * 4, "close_widths": [8, 8], "close_blocks": [0, 0]}
    AttributeReader(**network, close=16, features=8, size=SIZE).save_pretrained(out / "reader")
    return out


CATALOG = """
[[entrant]]
slug = "{kind}"
name = "{kind}"
kind = "baseline"
backend = "{backend}"
[entrant.identity]
path = "{folder}"
size = 32
{steps}
"""
MANIFEST = """
reader = "reader"
[[weights]]
slug = "vae"
folder = "vae"
megabytes = {megabytes}
prompts = 6
accuracy = {accuracy}
[[weights]]
slug = "bank"
folder = "bank"
megabytes = 1
prompts = 6
accuracy = 0.0
"""


@pytest.fixture
def catalog(folders, tmp_path) -> Path:
    file = tmp_path / "catalog.toml"
    vae_card = CATALOG.format(kind="vae", backend="diffusers", folder=folders / "vae", steps="steps = 1")
    file.write_text(
        vae_card
        + CATALOG.format(kind="bank", backend="retrieval", folder=folders / "bank", steps="")
        + CATALOG.format(kind="other", backend="retrieval", folder=folders / "bank", steps="")
    )
    return file


@pytest.mark.parametrize(
    ("megabytes", "accuracy", "code"),
    [(1, 0.0, 0), (0.01, 0.0, 1), (1, 1.0, 1)],
    ids=["well", "large", "bad"],
)
def test_the_gate_holds_a_manifest_to_its_promises(folders, catalog, capsys, megabytes, accuracy, code):
    manifest = folders / "manifest.toml"
    manifest.write_text(MANIFEST.format(megabytes=megabytes, accuracy=accuracy))
    assert gate.main(["--weights", str(folders), "--catalog", str(catalog)]) == code
    text = capsys.readouterr().out
    assert f"(at most {megabytes:g})" in text
    assert f"{2 - code} of 2 folders are as promised" in text
    assert gate.folders_with_weights(folders) == gate.read_manifest(folders).folders | {"more"}


def test_the_gate_measures_what_is_served(folders, catalog, capsys):
    (folders / "manifest.toml").write_text(MANIFEST.format(megabytes=1, accuracy=0.0))
    told = ["--weights", str(folders), "--catalog", str(catalog), "--as-served", "--prompts", "3"]
    assert gate.main([*told, "--also", "other"]) == 0
    text = capsys.readouterr().out
    assert text.count("at 3 prompts") == 2
    (order,) = [line.split(": ")[1].split(", ") for line in text.splitlines() if line.startswith("in order")]
    assert sorted(word.split()[0] for word in order) == ["bank", "other", "vae"]
    shares = [float(word.split()[1]) for word in order]
    assert shares == sorted(shares, reverse=True)
    with pytest.raises(SystemExit):
        gate.main([*told, "--also", "nobody"])
    assert "nobody" in capsys.readouterr().err


def test_a_manifest_that_does_not_fit_is_told(folders, catalog, tmp_path):
    assert gate.read_manifest(tmp_path) == gate.Manifest()
    for text, told in [
        ('weight = "x"', "unknown key 'weight'"),
        ('[[weights]]\nslug = "vae"', "'folder' is missing"),
        (MANIFEST.format(megabytes=1, accuracy=0).replace('reader = "reader"', ""), "'reader' is missing"),
    ]:
        (tmp_path / "manifest.toml").write_text(text)
        with pytest.raises(BadSettings, match=told):
            gate.read_manifest(tmp_path)
    (folders / "manifest.toml").write_text(
        MANIFEST.format(megabytes=1, accuracy=0).replace('folder = "vae"', 'folder = "bank"')
    )
    with pytest.raises(BadSettings, match="card of 'vae' does not open"):
        list(gate.measure(folders, read_catalog(catalog)))


class Decliner:
    """Refuses whatever it is asked."""

    def __init__(self, card) -> None:
        self.card = card

    def generate(self, requests):
        return [Refusal("vocabulary") for _ in requests]


def test_the_gate_counts_a_refusal_as_nothing_met(folders):
    reader = gate.open_reader(folders / "reader")
    card = export.folder_card(folders / "bank")
    assert gate.accuracy(Decliner(card), reader, 8) == 0.0
    assert 0.0 < gate.accuracy(load(card), reader, 8) < 1.0
