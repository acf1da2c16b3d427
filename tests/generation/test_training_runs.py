"""Short trainings of tiny networks on a few real renders, from shards to a scored pipeline."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.atelier.grammar import StillLife, Thing, mirrored
from models.atelier.splits import held_triples, is_held_out
from models.training import autoencode, bank, curve, distil, evaluate, export, gate, reader, train, unet, vae
from models.training.attributes import ATTRIBUTES, CHANCE
from models.training.data import Recipe, Shard, read_shard, render_shard
from models.training.loop import NoPlateau, OtherNetwork, load_state
from models.training.places import all_squares, squares
from models.training.settings import BadSettings, Loop
from models.training.shards import HeldOutInTraining, NoPictures, open_pictures, to_bytes, to_unit

pytest.importorskip("mitsuba")
COUNTS = {"train": 8, "test_seen": 3, "test_triples": 2, "test_pairs": 2, "test_places": 2}
SIZE = 32
COLUMNS = ("all", "chance", "Fréchet", "nearest training render", "seeds of one prompt", "sharpness", "CPU-s")
TINY = {"width": 32, "layers": 2, "heads": 2, "hidden": 32}


def loop(steps: int, **changes) -> Loop:
    told = {"batch": 4, "warmup": 3, "decay": 0.3, "average": 0.9, "dtype": "float32", "log_every": 1}
    return Loop(steps=steps, **{**told, **changes})


def reader_settings(steps: int, **changes) -> reader.ReaderSettings:
    whole = {"widths": [8, 8, 16, 16], "blocks": [0, 1, 1, 1]}
    network = {**whole, "close_widths": [16, 16, 32], "close_blocks": [0, 1, 1], "close": 24, "features": 16}
    return reader.ReaderSettings(loop(steps, **changes), SIZE, network, rate=1e-2, smoothing=0.0)


def coder_settings(steps: int, **changes) -> autoencode.AutoencoderSettings:
    blocks = {"encoder_blocks": [1, 1], "decoder_blocks": [1, 1]}
    network = {"channels": 4, "stem": 2, "widths": [16, 16], **blocks}
    return autoencode.AutoencoderSettings(loop(steps, **changes), SIZE, 16, network, rate=5e-3)


def lumen_settings(steps: int, **changes) -> train.LumenSettings:
    network = {"channels": 4, "grid": 8, "text_width": 32, "rank": 8, **TINY}
    return train.LumenSettings(
        loop(steps, **changes), SIZE, text=TINY, network=network, rate=1e-2, other_rate=1e-2
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few pictures of every split, as the renderer writes them."""
    folder = tmp_path_factory.mktemp("atelier")
    for split, count in COUNTS.items():
        recipe = Recipe(count=COUNTS["train"], seed=1, size=SIZE, samples=1, shard_size=count)
        render_shard(folder, recipe, Shard(split, 0, 0, count))
    return folder


@pytest.fixture(scope="module")
def coder(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "autoencode"
    autoencode.train_autoencoder(coder_settings(60), data, out)
    return out


@pytest.fixture(scope="module")
def judge(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "reader"
    reader.train_reader(reader_settings(40), data, out)
    return out


@pytest.fixture(scope="module")
def teacher(data: Path, coder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "train"
    train.train_lumen(lumen_settings(60, snapshot_every=30), data, coder / "autoencoder", out)
    return out


@pytest.fixture(scope="module")
def folder(coder: Path, teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("weights") / "lumen-tiny"
    export.export(teacher / "checkpoint.pt", coder / "autoencoder", out, steps=2, guidance=2.0)
    return out


def losses(out: Path) -> list[float]:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


def weights(out: Path) -> dict[str, torch.Tensor]:
    state = load_state(out / "checkpoint.pt")
    return state["network"] | {f"average {name}": value for name, value in state["average"].items()}


# -- shards


def test_pictures_come_out_as_they_were_rendered(data):
    pictures = open_pictures(data, "train", SIZE)
    stored = list(read_shard(data / "train-00000.parquet"))
    assert len(pictures) == COUNTS["train"]
    assert pictures.scenes == tuple(picture.scene for picture in stored)
    assert pictures.size == SIZE
    taken = pictures.take([5, 2])
    assert torch.equal(taken[1], pictures.take([2])[0])
    assert torch.equal(to_bytes(to_unit(taken)), taken)
    assert len(list((data / "cache" / str(SIZE)).glob("train-*.npy"))) == 1


def test_mirror_images_double_the_pictures_and_swap_left_and_right(data):
    plain, doubled = (open_pictures(data, "train", SIZE, mirror=mirror) for mirror in (False, True))
    count = len(plain)
    assert len(doubled) == 2 * count
    assert len(set(doubled.names)) == 2 * len(plain.names)
    there, turned = doubled.take([3, count - 1]), doubled.take([count + 3, 2 * count - 1])
    assert torch.equal(there, plain.take([3, count - 1]))
    assert torch.equal(turned, there.flip(3))
    assert doubled.scenes == (*plain.scenes, *map(mirrored, plain.scenes))


def test_a_mirror_image_has_its_things_where_they_are_seen(data):
    pictures = open_pictures(data, "train", SIZE, mirror=True)
    found = all_squares(pictures, data)
    assert np.array_equal(found, all_squares(pictures, data), equal_nan=True)
    there, turned = found[: len(found) // 2], found[len(found) // 2 :]
    still = [n for n, scene in enumerate(pictures.scenes[: len(there)]) if isinstance(scene, StillLife)]
    assert 0 < len(still) < len(there)
    assert np.isnan(np.delete(there, still, axis=0)).all()
    for n in still:
        back = [[-x, y, half] for x, y, half in turned[n].tolist() if not np.isnan(x)]
        plain = [square for square in there[n].tolist() if not np.isnan(square[0])]
        np.testing.assert_allclose(sorted(back), sorted(plain), atol=1e-6)


@pytest.mark.parametrize("relation", ["left", "right"])
def test_the_first_square_is_the_left_things(relation):
    things = (Thing("vase", "red", "glass"), Thing("book", "blue", "clay"))
    scene = StillLife(things, relation, "sand", "sunset", "plain")
    for seed in range(3):
        first, second = squares(scene, seed)
        assert first[0] < 0 < second[0]
        assert 0.1 < first[2] < 0.5
        other, _ = squares(mirrored(scene), seed, turned=True)
        assert other[0] == pytest.approx(-second[0])


def test_pictures_may_be_made_smaller_but_not_larger(data):
    whole, half = (open_pictures(data, "test_seen", size).take([0]).float() for size in (SIZE, SIZE // 2))
    torch.testing.assert_close(torch.nn.functional.avg_pool2d(whole, 2), half, atol=1.0, rtol=0)
    with pytest.raises(Exception, match="cannot be used at 64 px"):
        open_pictures(data, "train", 64)


def test_a_split_without_shards_is_told(tmp_path):
    with pytest.raises(NoPictures, match="no finished shard of 'train'"):
        open_pictures(tmp_path, "train", SIZE)


def test_held_out_scenes_never_reach_a_training_batch(data, tmp_path):
    for scene in open_pictures(data, "train", SIZE).scenes:
        assert not is_held_out(scene)
    smuggled = tmp_path / "atelier"
    smuggled.mkdir()
    for end in ("parquet", "json"):
        shutil.copy(data / f"test_triples-00000.{end}", smuggled / f"train-00000.{end}")
    with pytest.raises(HeldOutInTraining, match="2 scenes of 'train' are held out"):
        autoencode.train_autoencoder(coder_settings(1), smuggled, tmp_path / "run")
    first = open_pictures(data, "test_triples", SIZE).scenes[0].things[0]
    assert (first.shape, first.colour, first.material) in held_triples()


# -- training


def test_the_autoencoder_learns_to_copy(data, coder):
    told = losses(coder)
    assert len(told) == 60
    assert np.mean(told[-5:]) < 0.6 * np.mean(told[:5])
    network = autoencode.open_autoencoder(coder / "autoencoder")
    pictures = open_pictures(data, "train", SIZE, mirror=True)
    latents = network.normalise(network.encode(to_unit(pictures.take(range(16)))))
    assert latents.mean((0, 2, 3)).tolist() == pytest.approx([0] * 4, abs=1e-3)
    assert latents.std((0, 2, 3)).tolist() == pytest.approx([1] * 4, abs=1e-3)
    last = json.loads((coder / "log.jsonl").read_text().splitlines()[-1])
    assert {"psnr", "sharpness", "images"} <= last.keys()


def test_the_reader_learns_the_few_pictures_that_it_saw(data, judge):
    told = losses(judge)
    assert np.mean(told[-5:]) < 0.7 * np.mean(told[:5])
    network = reader.open_reader(judge / "reader")
    pictures = open_pictures(data, "train", SIZE)
    logits, features = reader.read_all(network, pictures)
    score = reader.score_pictures(pictures.scenes, logits)
    assert score["shape"] > 3 * CHANCE["shape"]
    assert features.shape == (8, 16)


def test_the_flow_learns(teacher):
    told = losses(teacher)
    assert np.mean(told[-8:]) < 0.85 * np.mean(told[:5])
    lines = [json.loads(line) for line in (teacher / "log.jsonl").read_text().splitlines()]
    assert lines[-2]["images"] == 240
    assert lines[-2]["cpu_seconds"] > 0
    assert lines[-1]["unseen_loss"] > 0
    assert [path.name for path in sorted((teacher / "snapshots").iterdir())] == ["0000030.pt", "0000060.pt"]


@pytest.mark.parametrize("kind", ["autoencoder", "reader", "lumen", "student"])
def test_a_stopped_run_goes_on_bit_by_bit(data, coder, teacher, tmp_path, kind):
    def run(out: Path, stop_after: int | None) -> None:
        if kind == "autoencoder":
            autoencode.train_autoencoder(coder_settings(6), data, out, stop_after=stop_after)
        elif kind == "reader":
            reader.train_reader(reader_settings(6), data, out, stop_after=stop_after)
        elif kind == "lumen":
            train.train_lumen(lumen_settings(6), data, coder / "autoencoder", out, stop_after=stop_after)
        else:
            settings = distil.DistilSettings(loop(6), steps=2, inner=2)
            told = (teacher / "checkpoint.pt", data, coder / "autoencoder", out)
            distil.distil(settings, *told, stop_after=stop_after)

    run(tmp_path / "whole", None)
    run(tmp_path / "parts", 2)
    run(tmp_path / "parts", None)
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")


def test_a_run_may_be_made_longer_from_before_its_rate_fell(data, coder, tmp_path):
    out, folder = tmp_path / "run", coder / "autoencoder"
    with pytest.raises(NoPlateau, match="has no plateau"):
        train.train_lumen(lumen_settings(10), data, folder, out, extend=True)
    train.train_lumen(lumen_settings(10), data, folder, out)
    for place, longer in (out, True), (tmp_path / "whole", False):
        train.train_lumen(lumen_settings(14), data, folder, place, extend=longer)
    one, other = weights(out), weights(tmp_path / "whole")
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def test_a_run_may_begin_with_weights_of_an_earlier_one(data, coder, teacher, tmp_path):
    told = (data, coder / "autoencoder")
    train.train_lumen(lumen_settings(1), *told, tmp_path / "run", start=teacher / "checkpoint.pt")
    begun = losses(tmp_path / "run")[0]
    assert begun < 0.9 * losses(teacher)[0]
    network = {**lumen_settings(1).network, "fine": 1, "fine_width": 8}
    fine = replace(lumen_settings(1), network=network, parts=("transformer.detail.*",))
    train.train_lumen(fine, *told, tmp_path / "fine", start=teacher / "checkpoint.pt")
    assert losses(tmp_path / "fine") == pytest.approx([begun], abs=1e-4), "a new stage adds nothing at first"
    kept, moved = load_state(teacher / "checkpoint.pt")["average"], weights(tmp_path / "fine")
    assert all(torch.equal(moved[name], kept[name]) for name in kept), "nothing but the named parts moves"
    assert moved["transformer.detail.leave.weight"].any()
    autoencode.train_autoencoder(coder_settings(1), data, tmp_path / "coder", start=coder / "autoencoder")
    assert losses(tmp_path / "coder")[0] < 0.6 * losses(coder)[0]
    other = replace(lumen_settings(1), network={**lumen_settings(1).network, "layers": 1})
    with pytest.raises(OtherNetwork, match=r"checkpoint.pt holds a network of other layers or words"):
        train.train_lumen(other, *told, tmp_path / "other", start=teacher / "checkpoint.pt")


def test_a_run_may_begin_with_what_ships(data, coder, teacher, folder, tmp_path):
    told = (data, coder / "autoencoder")
    for name, start in ("run", teacher / "checkpoint.pt"), ("again", folder):
        train.train_lumen(lumen_settings(1), *told, tmp_path / name, start=start)
    assert losses(tmp_path / "again") == pytest.approx(losses(tmp_path / "run"), rel=0.02), "but for bfloat16"
    student = distil.DistilSettings(loop(1), steps=2, inner=2)
    distil.distil(student, folder, *told, tmp_path / "student")
    distil.distil(student, folder, *told, tmp_path / "next", start=tmp_path / "student" / "checkpoint.pt")
    assert losses(tmp_path / "next")[0] < losses(tmp_path / "student")[0]
    autoencode.train_autoencoder(coder_settings(1), data, tmp_path / "coder", start=folder / "vae")
    begun, kept = weights(tmp_path / "coder"), autoencode.open_autoencoder(folder / "vae").state_dict()
    assert [name for name in kept if not torch.equal(begun[name], kept[name])] == [], "its decoder stays"
    with pytest.raises(BadSettings, match="learn an encoder for it first"):
        train.train_lumen(lumen_settings(1), data, folder / "vae", tmp_path / "blind")
    (tmp_path / "model_index.json").write_text('{"_class_name": "WordVaePipeline"}')
    with pytest.raises(BadSettings, match="which is no Lumen"):
        train.open_painter(tmp_path)


def test_a_run_with_other_words_is_not_gone_on_with(data, coder, teacher, tmp_path):
    state, told = load_state(teacher / "checkpoint.pt"), (lumen_settings(60), data, coder / "autoencoder")
    state["words"] = state["words"][::-1]
    torch.save(state, tmp_path / "checkpoint.pt")
    with pytest.raises(BadSettings, match="other words"):
        train.train_lumen(*told, tmp_path)
    with pytest.raises(OtherNetwork, match="other words"):
        train.train_lumen(*told, tmp_path / "new", start=tmp_path / "checkpoint.pt")


def test_a_student_learns_its_teachers_strides(data, coder, teacher, tmp_path):
    settings = distil.DistilSettings(loop(30), steps=2, inner=2, guidance=2.0, rate=3e-3, other_rate=3e-3)
    distil.distil(settings, teacher / "checkpoint.pt", data, coder / "autoencoder", tmp_path / "run")
    told = losses(tmp_path / "run")
    assert np.mean(told[-8:]) < np.mean(told[:8])
    made = export.export(
        tmp_path / "run" / "checkpoint.pt", coder / "autoencoder", tmp_path / "turbo", steps=2, guidance=1.0
    )
    assert made.config.guidance == 1.0


# -- what comes of it


def test_an_exported_folder_is_small_and_has_no_encoder(folder, coder, teacher):
    painter, settings, _ = train.open_painter(teacher / "snapshots" / "0000060.pt")
    assert settings.network["channels"] == 4
    config = json.loads((folder / "vae" / "config.json").read_text())
    assert config["encoder_blocks"] == []
    assert len(config["mean"]) == 4
    count = sum(weight.numel() for weight in painter.parameters())
    decoder = autoencode.open_autoencoder(coder / "autoencoder").decoder
    count += sum(weight.numel() for weight in decoder.parameters())
    # Two bytes a weight; the rest is names, words and settings.
    assert 2 * count < 1e6 * export.megabytes(folder) < 2 * count + 40_000


def test_an_early_lumen_is_a_snapshot_exported_by_one_command(coder, teacher, folder, tmp_path, capsys):
    arguments = [str(teacher / "snapshots" / "0000030.pt"), "--out", str(tmp_path / "early")]
    assert export.main([*arguments, "--autoencoder", str(coder / "autoencoder")]) == 0
    early, late = export.folder_card(tmp_path / "early"), export.folder_card(folder)
    assert (early.family, early.identity["steps"], early.identity["guidance"]) == ("lumen", 16, 3.0)
    assert early.identity["weights"] in capsys.readouterr().out
    assert early.identity["weights"] != late.identity["weights"]
    with pytest.raises(SystemExit):
        export.main(arguments)
    assert "is of Lumen; add --autoencoder" in capsys.readouterr().err


def test_evaluating_prints_every_column(data, judge, folder, tmp_path, capsys):
    arguments = ["--model", folder, "--reader", judge / "reader", "--data", data, "--count", "3"]
    files = ["--json", tmp_path / "a.json", "--sheet", tmp_path / "a.png"]
    arguments += ["--prompts", "2", "--seeds", "2", *files]
    assert evaluate.main([str(one) for one in arguments]) == 0
    text = capsys.readouterr().out
    for told in (*ATTRIBUTES, *evaluate.SPLITS, *COLUMNS):
        assert told in text
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["entrant"] == "lumen-tiny"
    assert report["distance_pictures"] == 3
    assert report["splits"]["test_triples"]["pictures"] == 2
    assert set(report["splits"]["test_seen"]["painted"]) == set(report["splits"]["test_seen"]["real"])
    assert all(0 <= share <= 1 for split in report["splits"].values() for share in split["painted"].values())
    assert np.isfinite([report["distance"], report["real_distance"], report["same_prompt"]]).all()
    assert (tmp_path / "a.txt").read_text().startswith("1. ")


def test_a_learning_curve_scores_every_snapshot(data, judge, coder, teacher, tmp_path, capsys):
    arguments = ["--run", teacher, "--autoencoder", coder / "autoencoder", "--reader", judge / "reader"]
    arguments += ["--data", data, "--count", "2", "--steps", "2", "--out", tmp_path / "curve.jsonl"]
    assert curve.main([str(one) for one in arguments]) == 0
    lines = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [(line["step"], line["images"]) for line in lines] == [(30, 120), (60, 240)]
    assert "shape" in lines[0]["report"]["splits"]["test_seen"]["painted"]
    assert capsys.readouterr().out.count("\n") == 3
    # What has been scored is not scored again.
    (tmp_path / "curve.jsonl").write_text(json.dumps(lines[0]) + "\n")
    assert curve.main([str(one) for one in arguments]) == 0
    assert len((tmp_path / "curve.jsonl").read_text().splitlines()) == 2


def test_the_commands_tell_what_is_wrong_in_one_line(data, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        reader.main(["--data", str(tmp_path), "--out", str(tmp_path / "run")])
    assert caught.value.code == 1
    assert "holds no finished shard" in capsys.readouterr().err
    nowhere = str(tmp_path / "nowhere")
    for command, arguments, told in [
        (
            train.main,
            ["--data", str(data), "--autoencoder", nowhere, "--set", f"size={SIZE}"],
            "no autoencoder",
        ),
        (export.main, [nowhere, "--autoencoder", nowhere], "is no checkpoint"),
        (evaluate.main, ["--data", str(data), "--model", nowhere, "--reader", nowhere], "holds no pipeline"),
    ]:
        out = [] if command is evaluate.main else ["--out", str(tmp_path / "run")]
        with pytest.raises(SystemExit):
            command([*arguments, *out])
        assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "module", [autoencode, bank, curve, distil, evaluate, export, gate, reader, train, unet, vae]
)
def test_every_command_explains_itself_with_examples(module, capsys):
    with pytest.raises(SystemExit) as caught:
        module.main(["--help"])
    assert caught.value.code == 0
    assert f"python -m {module.__name__} " in capsys.readouterr().out.split("examples:")[1]
