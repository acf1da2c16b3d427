"""The entrants below Lumen at toy size: trained on a few real renders, exported, opened by cards, judged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.atelier.captions import full_caption
from models.baselines.retrieval import Bank, Retrieval, rarity, word_table
from models.baselines.unet import PixelUnetPipeline
from models.baselines.vae import WordVaePipeline
from models.cards import read_card
from models.contracts import GenerationRequest
from models.errors import CardError, GenerationFailed
from models.loading import load
from models.lumen.tokenizer import make_tokenizer
from models.training import bank, evaluate, export, unet, vae
from models.training.data import Recipe, Shard, render_shard
from models.training.loop import load_state
from models.training.reader_network import AttributeReader
from models.training.settings import CONFIGS, BadSettings, Loop, read_settings
from models.training.shards import open_pictures, to_bytes, to_unit

pytest.importorskip("mitsuba")
SIZE = 32
COUNTS = {"train": 8, "test_seen": 3, "test_triples": 2, "test_pairs": 2, "test_places": 2}
WORDS = {"width": 32, "layers": 1, "heads": 2, "hidden": 32}
PROMPTS = ("a red vase left of a gold book on sand at sunset", "the open sea at dawn", "a green dragon")
# float32 arithmetic differs by about 1e-6 with the size of a batch, which can tip one 8-bit step.
ONE_STEP = 1


def loop(steps: int, **changes) -> Loop:
    told = {"batch": 4, "warmup": 3, "average": 0.9, "dtype": "float32", "log_every": 1}
    return Loop(steps=steps, **{**told, **changes})


def unet_settings(steps: int, **changes) -> unet.UnetSettings:
    network = {
        "block_out_channels": [16, 32],
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "attention_head_dim": 2,
    }
    return unet.UnetSettings(loop(steps, **changes), SIZE, text=WORDS, network=network, rate=5e-3)


def vae_settings(steps: int, **changes) -> vae.VaeSettings:
    network = {"size": SIZE, "latent": 8, "hidden": 32, "channels": 8, "widths": [16, 32]}
    network |= {"encoder_blocks": [1, 1], "decoder_blocks": [1, 1]}
    return vae.VaeSettings(loop(steps, **changes), text=WORDS, network=network, rate=5e-3)


def train(kind: str, steps: int, data: Path, out: Path, stop_after: int | None = None, **changes) -> None:
    if kind == "unet":
        unet.train_unet(unet_settings(steps, **changes), data, out, stop_after=stop_after)
    else:
        vae.train_vae(vae_settings(steps, **changes), data, out, stop_after=stop_after)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few pictures of every split, as the renderer writes them."""
    folder = tmp_path_factory.mktemp("atelier")
    for split, count in COUNTS.items():
        recipe = Recipe(count=COUNTS["train"], seed=1, size=SIZE, samples=1, shard_size=count)
        render_shard(folder, recipe, Shard(split, 0, 0, count))
    return folder


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained a little: ``unet`` and ``vae``."""
    out = tmp_path_factory.mktemp("runs")
    for kind in ("unet", "vae"):
        train(kind, 40, data, out / kind, snapshot_every=20)
    return out


@pytest.fixture(scope="module")
def folders(data: Path, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ships: ``unet``, ``vae``, ``bank`` and the ``reader``, which has learnt nothing."""
    out = tmp_path_factory.mktemp("weights")
    export.export_unet(runs / "unet" / "checkpoint.pt", out / "unet", steps=3)
    export.export_vae(runs / "vae" / "checkpoint.pt", out / "vae")
    bank.make_bank(bank.BankSettings(5, size=SIZE), open_pictures(data, "train", SIZE)).save(out / "bank")
    torch.manual_seed(0)
    AttributeReader(widths=[8, 8, 8, 8], blocks=[0, 0, 0, 0], features=8, size=SIZE).save_pretrained(
        out / "reader"
    )
    return out


def weights(out: Path) -> dict[str, torch.Tensor]:
    state = load_state(out / "checkpoint.pt")
    return state["network"] | {f"average {name}": value for name, value in state["average"].items()}


def losses(out: Path) -> list[float]:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


def pixels(answer) -> np.ndarray:
    return np.asarray(answer.pixels).astype(int)


# -- training


@pytest.mark.parametrize("kind", ["unet", "vae"])
def test_a_baseline_learns(runs, kind):
    told = losses(runs / kind)
    assert len(told) == 40
    assert np.mean(told[-5:]) < 0.7 * np.mean(told[:5])
    last = json.loads((runs / kind / "log.jsonl").read_text().splitlines()[-1])
    assert 0 < last["unseen_loss"] < told[0]


@pytest.mark.parametrize("kind", ["unet", "vae"])
def test_a_stopped_run_goes_on_bit_by_bit(data, tmp_path, kind):
    train(kind, 5, data, tmp_path / "whole")
    train(kind, 5, data, tmp_path / "parts", stop_after=2)
    train(kind, 5, data, tmp_path / "parts")
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert [name for name in one if not torch.equal(one[name], other[name])] == []
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")


def test_a_run_with_other_words_is_not_gone_on_with(data, runs, tmp_path):
    state = load_state(runs / "vae" / "checkpoint.pt")
    state["words"] = state["words"][1:]
    torch.save(state, tmp_path / "checkpoint.pt")
    with pytest.raises(BadSettings, match="other words"):
        train("vae", 40, data, tmp_path)


def test_the_divergence_is_that_of_two_normal_distributions():
    draw = torch.Generator().manual_seed(0)
    one, log_one, other, log_other = torch.randn(4, 5, 3, generator=draw)
    told = torch.distributions.Normal(one, (0.5 * log_one).exp())
    foretold = torch.distributions.Normal(other, (0.5 * log_other).exp())
    wanted = torch.distributions.kl_divergence(told, foretold).sum(-1)
    torch.testing.assert_close(vae.divergence(one, log_one, other, log_other), wanted)


def test_the_steps_of_ddim_lead_to_the_picture_whose_noise_is_foretold(data, folders):
    pipeline = PixelUnetPipeline.from_pretrained(folders / "unet", dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    picture = open_pictures(data, "train", SIZE).take([0])
    wanted = torch.nn.functional.pixel_unshuffle(to_unit(picture), 2)

    def foretell(x, t, words, **told):
        kept = pipeline.scheduler.alphas_cumprod[t.long()][:, None, None, None]
        return ((x - kept.sqrt() * wanted) / (1 - kept).sqrt(),)

    pipeline.unet.forward = foretell
    made = pipeline("a mug", generator=torch.Generator().manual_seed(1), output_type="np").images
    again = to_bytes(torch.from_numpy(made).permute(0, 3, 1, 2) * 2 - 1).int()
    assert int((again - picture.int()).abs().max()) <= ONE_STEP


def test_the_configs_that_ship_make_small_folders():
    words = make_tokenizer().vocab_size
    with torch.device("meta"):
        denoiser = unet.Denoiser(read_settings(unet.UnetSettings, CONFIGS / "pixel-unet.toml"), words)
        painter = vae.WordPainter(read_settings(vae.VaeSettings, CONFIGS / "word-vae.toml"), words)
    assert 1e6 < sum(weight.numel() for weight in denoiser.parameters()) < 3e6
    kept = sum(
        weight.numel() for name, weight in painter.named_parameters() if not name.startswith("vae.encoder.")
    )
    assert 2 * kept < 4e6


def test_an_exported_vae_is_the_trained_one_without_its_encoder(runs, folders):
    painter, _ = vae.open_word_painter(runs / "vae" / "checkpoint.pt")
    shipped = WordVaePipeline.from_pretrained(folders / "vae", dtype=torch.float32).vae.state_dict()
    trained = {k: v for k, v in painter.vae.state_dict().items() if not k.startswith("encoder.")}
    assert shipped.keys() == trained.keys()
    for name, value in trained.items():
        torch.testing.assert_close(shipped[name], value, atol=1e-2, rtol=1e-2)


# -- opened by a card


@pytest.mark.parametrize("kind", ["unet", "vae", "bank"])
def test_a_picture_alone_is_the_one_in_a_batch_and_unknown_words_are_told(folders, kind):
    model = load(export.folder_card(folders / kind, batch=3))
    assert model.card.kind == "baseline"
    requests = [GenerationRequest(prompt, seed) for seed, prompt in enumerate(PROMPTS)]
    together = model.generate(requests)
    alone = [model.generate([request])[0] for request in requests]
    assert [answer.notes for answer in together] == [{}, {}, {"unknown_words": ["dragon"]}]
    assert {answer.pixels.size for answer in together} == {(SIZE, SIZE)}
    for one, other in zip(alone, together, strict=True):
        assert np.abs(pixels(one) - pixels(other)).max() <= ONE_STEP


@pytest.mark.parametrize("kind", ["unet", "vae"])
def test_the_seed_and_the_words_both_decide_the_picture(folders, kind):
    model = load(export.folder_card(folders / kind))
    told = [("a red vase", 1), ("a red vase", 2), ("a blue vase", 1)]
    first, reseeded, reworded = model.generate([GenerationRequest(*one) for one in told])
    assert np.abs(pixels(first) - pixels(reseeded)).max() > ONE_STEP
    assert np.abs(pixels(first) - pixels(reworded)).max() > 0


def test_what_a_baseline_cannot_do_is_refused_in_one_sentence(folders):
    for kind, changes, told in [
        ("unet", {"size": (64, 64)}, "has no size to choose"),
        ("vae", {"size": (64, 64)}, "has no size to choose"),
        ("vae", {"steps": 2}, "paints in one step, not 2"),
        ("bank", {"steps": 2}, "has no steps and no guidance"),
        ("bank", {"size": (64, 64)}, "shows pictures of 32 pixels"),
    ]:
        model = load(export.folder_card(folders / kind))
        with pytest.raises(GenerationFailed, match=told):
            model.generate([GenerationRequest("a mug", 1, **changes)])


# -- retrieval


def test_retrieval_copies_the_picture_that_shares_the_rarest_words(data, folders):
    model = load(export.folder_card(folders / "bank"))
    assert isinstance(model, Retrieval)
    stored = Bank.open(folders / "bank")
    real = open_pictures(data, "train", SIZE)
    captions = [full_caption(scene) for scene in real.scenes]
    for place, told in enumerate(stored.captions):
        assert model.nearest(told[0], 1) == place
        copied = pixels(model.generate([GenerationRequest(told[0], 1)])[0])
        original = real.take([captions.index(told[0])])[0].permute(1, 2, 0).numpy()
        assert np.abs(copied - original).mean() < 12


def test_the_seed_decides_between_equals_alone(folders):
    model = load(export.folder_card(folders / "bank"))
    assert {model.nearest("zebra", seed) for seed in range(60)} == set(range(5))
    assert len({model.nearest(model._bank.captions[2][0], seed) for seed in range(20)}) == 1


def test_a_rare_word_tells_more_than_a_common_one():
    table = word_table(
        [["a red mug", "a scarlet cup"], ["a red vase"], ["a blue vase"]], ["red", "vase", "cup"]
    )
    assert table.tolist() == [[True, False, True], [True, True, False], [False, True, False]]
    assert rarity(table).tolist() == [288, 288, 693]  # 1000 log(4 / 3), 1000 log(4 / 2)


def test_a_bank_covers_rare_words_before_it_repeats_common_ones():
    table = np.zeros((9, 4), bool)
    table[:6, 0] = True
    table[6, 1] = table[7, 2] = table[8, [0, 3]] = True
    chosen = bank.cover(table, 4, seed=1)
    assert {6, 7} < set(chosen)
    assert table[chosen].any(0).all()
    assert chosen == bank.cover(table, 4, seed=1)
    assert sorted(bank.cover(table, 99, seed=1)) == list(range(9))


def test_a_bank_is_made_by_one_command_and_not_of_too_few_pictures(data, tmp_path, capsys):
    arguments = ["--data", str(data), "--out", str(tmp_path / "bank"), "--set", f"size={SIZE}"]
    assert bank.main([*arguments, "--set", "count=4"]) == 0
    assert "4 pictures" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        bank.main([*arguments, "--set", "count=9"])
    assert "a bank of 9 pictures cannot be chosen from 8" in capsys.readouterr().err


def test_a_card_opens_the_bank_that_it_pins_and_no_other(folders, tmp_path):
    told = {"slug": "copy", "name": "Copy", "kind": "baseline", "backend": "retrieval"}

    def card(**identity):
        whole = {"path": str(folders / "bank"), "size": SIZE} | identity
        return read_card(told | {"identity": whole}, file=tmp_path / "catalog.toml")

    assert card().revision == card().revision != card(size=64).revision
    with pytest.raises(CardError, match="not the one its card pins"):
        load(card(weights="ab" * 32))
    with pytest.raises(CardError, match="32 pixels wide; correct 'size'"):
        load(card(size=64))
    with pytest.raises(CardError, match="holds no bank"):
        load(card(path=str(folders / "vae")))


# -- export and judging


def test_a_snapshot_is_exported_by_one_command(runs, tmp_path, capsys):
    for kind in ("unet", "vae"):
        early, late = tmp_path / f"{kind}-early", tmp_path / kind
        for source, out in (("snapshots/0000020.pt", early), ("checkpoint.pt", late)):
            assert export.main([str(runs / kind / source), "--out", str(out)]) == 0
            assert "weights " in capsys.readouterr().out
        cards = [export.folder_card(folder) for folder in (early, late)]
        assert cards[0].revision != cards[1].revision
    assert json.loads((tmp_path / "vae" / "vae" / "config.json").read_text())["encoder_blocks"] == []
    with pytest.raises(SystemExit):
        export.main([str(runs / "vae" / "checkpoint.pt"), "--out", str(tmp_path / "x"), "--steps", "4"])
    assert "is of a vae, which has no steps" in capsys.readouterr().err


def test_evaluating_takes_any_folder(data, folders, tmp_path, capsys):
    arguments = ["--reader", folders / "reader", "--data", data, "--count", "3", "--prompts", "2"]
    arguments += ["--seeds", "2", "--json", tmp_path / "report.json"]
    for kind in ("vae", "bank"):
        assert evaluate.main([str(one) for one in ("--model", folders / kind, *arguments)]) == 0
        report = json.loads((tmp_path / "report.json").read_text())
        assert report["entrant"] == kind
        assert report["splits"]["test_triples"]["pictures"] == 2
    # What copies training pictures is nearer to them than an unseen render is.
    assert report["nearest_train"] < report["nearest_train_real"]
    with pytest.raises(SystemExit):
        evaluate.main(["--entrant", "nobody", *(str(one) for one in arguments)])
    assert "no entrant is called 'nobody'" in capsys.readouterr().err
