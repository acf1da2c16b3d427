"""Tuning on votes: the loss, the rows it reads, the pipelines it takes, and the loop through an arena."""

from __future__ import annotations

import hashlib
import io
import json
import math
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from models.catalog import read_catalog
from models.contracts import EntrantCard, GeneratedImage, GenerationRequest
from models.digests import digest_folder
from models.loading import load
from models.training import preference
from models.training.autoencode import open_autoencoder
from models.training.ballots import BadVotes, encode_ballots, open_ballots
from models.training.denoising import Unteachable, path_of
from models.training.export import folder_card
from models.training.parents import Parent, open_parent, stored_precision
from models.training.preference import Comparer, PreferenceSettings, margins, preference_loss
from models.training.settings import BadSettings, Loop
from tests.generation.small_lumen import disc, save_small_lumen

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "preference_loop.py"
PROMPTS = ("a red vase on sand", "a blue mug", "the open sea at dawn")


def settings(steps: int, **changes) -> PreferenceSettings:
    loop = Loop(steps, 4, warmup=2, average=0.9, dtype="float32", log_every=1, save_every=100)
    return PreferenceSettings(loop, **{"beta": 500.0, "rate": 1e-3, **changes})


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def rows(count: int, side: int = 64) -> list[dict]:
    """Votes on discs, half of them for each side."""
    drawn = [png(disc(np.random.default_rng(number)).resize((side, side))) for number in range(2 * count)]
    return [
        {
            "caption": PROMPTS[number % 3],
            "jpg_0": drawn[2 * number],
            "jpg_1": drawn[2 * number + 1],
            "label_0": float(number % 2),
        }
        for number in range(count)
    ]


def write(folder: Path, told: list[dict], part: str = "train") -> Path:
    """An export of these rows, beside the parts that are there already."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(told), folder / "data" / f"{part}-00000-of-00001.parquet")
    sums = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder).as_posix()}\n"
        for file in sorted((folder / "data").iterdir())
    ]
    (folder / "SHA256SUMS").write_text("".join(sums))
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of a small Lumen and of its whole autoencoder."""
    return save_small_lumen(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def parent(small: tuple[Path, Path]) -> Parent:
    return open_parent(folder_card(small[0]), "cpu", small[1])


# -- the loss


def test_the_loss_is_that_of_the_paper():
    # Margins by hand: (2 - 1.5) - (1 - 1.5) = 1, and (1 - 1) - (3 - 1) = -2.
    tuned, reference = torch.tensor([1.0, 3.0, 2.0, 1.0]), torch.tensor([1.5, 1.0, 1.5, 1.0])
    assert margins(tuned, reference).tolist() == [1.0, -2.0]
    told = preference_loss(tuned, reference, beta=4.0)
    assert told.tolist() == pytest.approx([math.log1p(math.exp(-2)), math.log1p(math.exp(4))])
    assert preference_loss(reference, reference, 4.0).tolist() == pytest.approx([math.log(2)] * 2)


def test_its_gradient_pulls_winners_in_and_pushes_losers_away():
    tuned = torch.tensor([1.0, 1.0], requires_grad=True)
    preference_loss(tuned, torch.tensor([1.0, 1.0]), beta=2.0).sum().backward()
    assert tuned.grad.tolist() == pytest.approx([0.5, -0.5])


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_hand_made_pair_teaches_its_own_side(parent, tmp_path, label):
    """A bright and a dark picture: after a few updates the model is less wrong about whichever won."""
    bright, dark = (png(Image.new("RGB", (64, 64), (shade, shade, shade))) for shade in (190, 70))
    row = {"caption": PROMPTS[0], "jpg_0": bright, "jpg_1": dark, "label_0": label}
    folder = write(tmp_path / "votes", [row])
    before = {name: value.clone() for name, value in parent.denoising.network.state_dict().items()}
    told = settings(12)
    pairs = encode_ballots(open_ballots(folder), folder, (64, 64), parent.denoising.encode, name="small")
    comparer = Comparer(parent.denoising, path_of(parent.denoising.scheduler, extra=0.2), told)
    places, network = np.array([0] * 64), parent.denoising.network.train()

    def compared() -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            return comparer.errors(network, pairs, places, torch.Generator().manual_seed(5))

    tuned, reference = compared()
    assert torch.equal(tuned, reference)
    preference.tune(told, folder, parent, tmp_path / "run")
    network.train()
    tuned, again = compared()
    assert torch.equal(again, reference)
    assert all(torch.equal(comparer.reference.state_dict()[name], value) for name, value in before.items())
    assert float((margins(tuned, again) > 0).float().mean()) > 0.9


def test_both_pictures_of_a_pair_meet_the_same_noise_and_time(parent, tmp_path):
    same = rows(3)
    folder = write(tmp_path, [row | {"jpg_1": row["jpg_0"]} for row in same])
    pairs = encode_ballots(open_ballots(folder), folder, (64, 64), parent.denoising.encode, name="small")
    comparer = Comparer(parent.denoising, path_of(parent.denoising.scheduler, extra=0.2), settings(1))
    with torch.no_grad():
        errors, _ = comparer.errors(
            parent.denoising.network, pairs, np.arange(3), torch.Generator().manual_seed(1)
        )
    winners, losers = errors.chunk(2)
    torch.testing.assert_close(winners, losers)
    assert len(set(winners.tolist())) == 3


# -- the votes


def test_pictures_are_encoded_once_and_kept(parent, tmp_path):
    told = rows(4)
    folder = write(tmp_path, [*told, told[0] | {"label_0": 1.0}])
    ballots = open_ballots(folder)
    assert (len(ballots), len(ballots.pictures)) == (5, 8)
    assert (ballots.winners[0], ballots.losers[0]) == (1, 0)
    assert (ballots.winners[4], ballots.losers[4]) == (0, 1)
    assert ballots.weights(even_prompts=False).tolist() == [1.0] * 5
    even = ballots.weights(even_prompts=True)
    assert float(even.mean()) == pytest.approx(1.0)
    # Three votes are on the first prompt, one on each other.
    assert (even / even[1]).tolist() == pytest.approx([1 / 3, 1, 1, 1 / 3, 1 / 3])
    made = encode_ballots(ballots, folder, (64, 64), parent.denoising.encode, name="small")

    def never(pictures: torch.Tensor) -> torch.Tensor:
        raise AssertionError("encoded again")

    again = encode_ballots(ballots, folder, (64, 64), never, name="small")
    assert np.array_equal(made.latents, again.latents)
    captions, latents = again.take(np.array([4, 1]))
    assert captions == [PROMPTS[0], PROMPTS[1]]
    assert torch.equal(latents[0], torch.from_numpy(np.float32(made.latents[0])))
    with pytest.raises(AssertionError, match="encoded again"):
        encode_ballots(ballots, folder, (64, 64), never, name="another encoder")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"label_0": 0.5}, r"train-00000-of-00001.parquet, row 2: label_0 is 0.5, a tie"),
        ({"label_0": 0.7}, r"row 2: label_0 must be 0 or 1, not 0.7"),
        ({"caption": " "}, r"row 2: the caption is empty"),
        ({"jpg_1": b""}, r"row 2: jpg_1 holds no picture"),
        ({"jpg_1": b"no picture"}, r"row 2: jpg_1 cannot be opened as a picture"),
    ],
)
def test_a_bad_row_is_named(parent, tmp_path, change, told):
    first, second = rows(2)
    folder = write(tmp_path / "votes", [first, second | change])
    with pytest.raises(BadVotes, match=told):
        preference.tune(settings(1), folder, parent, tmp_path / "run")
    assert not list(tmp_path.rglob("*.npy"))
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_no_export_is_told(parent, tmp_path):
    with pytest.raises(BadVotes, match="has no data/train-"):
        preference.tune(settings(1), tmp_path, parent, tmp_path / "run")
    (row,) = rows(1)
    folder = write(tmp_path / "short", [{key: row[key] for key in ("caption", "jpg_0", "label_0")}])
    with pytest.raises(BadVotes, match="has no column 'jpg_1'; make it with `arena export --format dpo`"):
        open_ballots(folder)
    changed = write(tmp_path / "changed", [row])
    sums = (changed / "SHA256SUMS").read_bytes()
    write(changed, [row | {"label_0": 1.0}])
    (changed / "SHA256SUMS").write_bytes(sums)
    with pytest.raises(BadVotes, match="is not as it was exported"):
        open_ballots(changed)
    (changed / "SHA256SUMS").unlink()
    with pytest.raises(BadVotes, match="no readable SHA256SUMS"):
        open_ballots(changed)


def test_the_command_says_in_one_line_what_is_wrong(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        preference.main([f"--{name}={tmp_path}" for name in ("votes", "model", "out")])
    assert left.value.code == 1
    assert capsys.readouterr().err == f"{tmp_path} holds no pipeline; export one first\n"


# -- the run


def test_a_stopped_run_goes_on_bit_by_bit_and_the_parent_stays(small, tmp_path):
    weights = digest_folder(small[0])
    votes = write(write(tmp_path / "votes", rows(9)), rows(3), "validation")
    arguments = ["--votes", votes, "--model", small[0], "--autoencoder", small[1]]
    for change in ("loop.steps=6", "loop.batch=4", "loop.dtype=float32", "loop.log_every=1", "rate=1e-3"):
        arguments += ["--set", change]

    def run(out: Path, *more: str) -> list[dict]:
        assert preference.main([str(one) for one in (*arguments, "--out", out, *more)]) == 0
        return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]

    whole = run(tmp_path / "whole")
    run(tmp_path / "parts", "--stop-after", "2")
    assert not (tmp_path / "parts" / "card.toml").exists()
    parts = run(tmp_path / "parts")
    assert [line.get("loss") for line in whole] == [line.get("loss") for line in parts]
    assert whole[0]["loss"] == pytest.approx(math.log(2))
    assert whole[-1]["held_out_sided"] in (0.0, 0.33333, 0.66667, 1.0)
    (one,), (other,) = (read_catalog(tmp_path / run / "card.toml") for run in ("whole", "parts"))
    assert one.revision == other.revision
    assert digest_folder(small[0]) == weights


def test_what_comes_of_it_is_a_new_revision_of_the_family(small, tmp_path):
    card = folder_card(small[0])
    votes = write(tmp_path / "votes", rows(6))
    made = preference.run(settings(3), votes, card, tmp_path / "run", slug="tuned", autoencoder=small[1])
    assert made is not None
    (read,) = read_catalog(tmp_path / "run" / "card.toml")
    assert read == made
    assert (made.family, made.kind, made.slug) == (card.family, card.kind, "tuned")
    assert made.revision != card.revision
    digest = hashlib.sha256((votes / "SHA256SUMS").read_bytes()).hexdigest()
    assert f"lumen-small@{card.revision}" in made.description
    assert digest[:12] in made.description
    note = json.loads((Path(made.folder) / "preference.json").read_text())
    assert (note["votes"], note["count"], note["settings"]["beta"]) == (digest, 6, 500.0)
    # What it was tuned on is part of the revision.
    (Path(made.folder) / "preference.json").write_text(json.dumps(note | {"count": 7}))
    assert digest_folder(Path(made.folder)) != made.identity["weights"]
    with pytest.raises(BadSettings, match="holds a run of other votes or another model"):
        preference.run(
            settings(3), write(tmp_path / "more", rows(7)), card, tmp_path / "run", slug="tuned",
            autoencoder=small[1],
        )  # fmt: skip
    with pytest.raises(BadSettings, match="not the parent's slug"):
        preference.run(settings(3), votes, card, tmp_path / "run", slug=card.slug, autoencoder=small[1])


def test_only_the_named_parts_move(parent, tmp_path):
    votes = write(tmp_path / "votes", rows(4))
    before = {name: value.clone() for name, value in parent.denoising.network.state_dict().items()}
    with pytest.raises(BadSettings, match=r"no weight is called 'attn\*'; the first is"):
        preference.tune(settings(2, parts=("attn*",)), votes, parent, tmp_path / "run")
    after = preference.tune(settings(2, parts=("*.attention.*",)), votes, parent, tmp_path / "run")
    moved = {name for name, value in after.state_dict().items() if not torch.equal(value, before[name])}
    assert moved
    assert all(".attention." in name for name in moved)


def test_lumen_needs_the_autoencoder_that_it_was_made_with(small, tmp_path):
    card = folder_card(small[0])
    with pytest.raises(Unteachable, match="without its encoder; name the folder with --autoencoder"):
        open_parent(card, "cpu")
    other = open_autoencoder(small[1])
    with torch.no_grad():
        other.decoder[0].weight.mul_(1.5)
    other.save_pretrained(tmp_path)
    with pytest.raises(Unteachable, match="not the one that the model was exported with"):
        open_parent(card, "cpu", tmp_path)


@pytest.mark.parametrize("name", ["sd", "sd3", "flux", "pixart"])
def test_any_pipeline_of_diffusers_is_tuned(
    card: Callable[..., EntrantCard], tmp_path: Path, name: str
) -> None:
    """A U-Net, flows, packed latents, a learnt variance: each is told what its own pipeline tells it."""
    told = card(name)
    votes = write(tmp_path / "votes", rows(4, side=32))
    made = preference.run(settings(2), votes, told, tmp_path / "run", slug="tuned")
    assert made is not None
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert lines[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert lines[1]["loss"] != pytest.approx(math.log(2), abs=1e-5)
    (one,), (other,) = (load(each).generate([GenerationRequest("a red mug", 1)]) for each in (told, made))
    assert isinstance(one, GeneratedImage)
    assert isinstance(other, GeneratedImage)
    assert one.pixels.size == other.pixels.size == (32, 32)
    part = "unet" if name == "sd" else "transformer"
    assert stored_precision(Path(made.folder) / part) == torch.float32


# -- the whole loop


def test_votes_of_a_taste_come_back_as_pictures_of_that_taste(small, tmp_path):
    told = {"prompts": 40, "votes": 240, "new-prompts": 60, "new-votes": 160, "raters": 12, "engine": "torch"}
    changes = (
        "loop.steps=120",
        "loop.dtype=float32",
        "loop.warmup=10",
        "loop.average=0.95",
        "rate=1e-3",
        "beta=500",
    )
    arguments = ["--model", small[0], "--autoencoder", small[1], "--out", tmp_path]
    arguments += [one for key, value in told.items() for one in (f"--{key}", value)]
    arguments += [one for change in changes for one in ("--set", change)]
    done = subprocess.run(
        [sys.executable, BENCHMARK, *map(str, arguments)], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["new_prompts"] == 60
    share, low, high = result["nearer_to_the_taste"]
    assert 0.5 < low <= share <= high
    assert result["gain_in_nats"] > 1
    assert 140 < result["votes"] < 160, "battles that test raters count on no board"
    assert result["win_rate"] > result["win_rate_interval"][0] > 0.5
    card = tomllib.loads(Path(result["card"]).read_text())["entrant"][0]
    assert result["parent"] in card["description"]
