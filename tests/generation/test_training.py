"""What training is made of: settings, chance, captions, labels, measures. No pictures are rendered here."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from models.atelier import vocabulary as words
from models.atelier.captions import caption
from models.atelier.grammar import Landscape, StillLife, Thing, mirrored
from models.atelier.parsing import parse
from models.atelier.splits import draw
from models.contracts import Refusal
from models.lumen.layers import SwiGLU
from models.lumen.tokenizer import make_tokenizer
from models.training.attributes import ATTRIBUTES, CHANCE, HEADS, judge, labels
from models.training.autoencode import pyramid_distance, signal_to_noise
from models.training.distil import DistilSettings, Prompts, own_path, stride_target, time_of
from models.training.loop import Average, Journal, compiled, examples_of, learning_rate, muon_and_adamw
from models.training.measures import frechet, nearest, spread
from models.training.settings import CONFIGS, BadSettings, Loop, read_settings
from models.training.train import LumenSettings, Painter, draw_times, on_path, shifted
from models.training.wording import training_caption, training_words, with_aliases

VASE = Thing("vase", "red", "clay")
BOOK = Thing("book", "blue", "velvet")


def pair(relation: str) -> StillLife:
    return StillLife((VASE, BOOK), relation, "sand", "sunset", "plain")


def logits_of(scene, **changes: str) -> dict[str, torch.Tensor]:
    """A reader that is sure of what a scene shows."""
    told = {}
    for name, number in (labels(scene) | {k: HEADS[k].index(v) for k, v in changes.items()}).items():
        told[name] = torch.zeros(len(HEADS[name]))
        told[name][max(number, 0)] = 9.0
    return told


# -- settings


@dataclass(frozen=True)
class Example:
    loop: Loop
    rate: float = 0.5
    name: str = "x"


def test_settings_are_read_checked_and_changed(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text("rate = 2\n[loop]\nsteps = 5\nbatch = 2\n")
    told = read_settings(Example, file, ["loop.steps=9", "name=day"])
    assert (told.rate, told.name, told.loop.steps, told.loop.batch) == (2.0, "day", 9, 2)
    for change, problem in [
        ("speed=1", "unknown key 'speed'; the keys are loop, rate, name"),
        ("rate=fast", "'rate' must be float, not 'fast'"),
        ("loop.steps=1.5", "'steps' must be int"),
        ("rate", "must be key=value"),
    ]:
        with pytest.raises(BadSettings, match=problem):
            read_settings(Example, file, [change])
    file.write_text("rate = 2\n")
    with pytest.raises(BadSettings, match="'loop' is missing"):
        read_settings(Example, file)


def test_the_configs_that_ship_fit_their_dataclasses():
    from models.training.autoencode import AutoencoderSettings
    from models.training.bank import BankSettings
    from models.training.preference import PreferenceSettings
    from models.training.reader import ReaderSettings
    from models.training.unet import UnetSettings
    from models.training.vae import VaeSettings

    kinds = {
        "reader": ReaderSettings,
        "autoencoder": AutoencoderSettings,
        "lumen-0": LumenSettings,
        "lumen-1": LumenSettings,
        "lumen-1-turbo": DistilSettings,
        "pixel-unet": UnetSettings,
        "preference": PreferenceSettings,
        "word-vae": VaeSettings,
    }
    assert read_settings(BankSettings, CONFIGS / "retrieval.toml").count > 0
    assert {path.stem for path in CONFIGS.glob("*.toml")} == {*kinds, "retrieval"}
    for name, kind in kinds.items():
        assert read_settings(kind, CONFIGS / f"{name}.toml").loop.steps > 0


def test_what_ships_is_small_enough():
    from models.lumen.autoencoder import LumenAutoencoder
    from models.training.autoencode import AutoencoderSettings

    coder = read_settings(AutoencoderSettings, CONFIGS / "autoencoder.toml")
    size = {}
    for name in ("lumen-0", "lumen-1"):
        lumen = read_settings(LumenSettings, CONFIGS / f"{name}.toml")
        with torch.device("meta"):
            painter = Painter(lumen, make_tokenizer().vocab_size)
            decoder = LumenAutoencoder(**{**coder.network, "encoder_blocks": ()})
            assert decoder.factor * lumen.network["grid"] == lumen.size == 256
        size[name] = 2 * sum(weight.numel() for part in (painter, decoder) for weight in part.parameters())
    # Lumen 1 and its student, in bfloat16, in at most 40 MB; Lumen 0 beside them.
    assert 2 * size["lumen-1"] < 39.6e6
    assert size["lumen-0"] < 5.8e6


# -- the loop's chance and rates


def test_every_epoch_shows_every_example_once_in_a_new_order():
    seen = np.concatenate([examples_of(step, 4, 10, seed=3)[0] for step in range(5)])
    epochs = np.concatenate([examples_of(step, 4, 10, seed=3)[1] for step in range(5)])
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert list(seen[:10]) != list(seen[10:])
    assert list(epochs) == [0] * 10 + [1] * 10


def test_the_rate_rises_stays_and_falls():
    loop = Loop(steps=100, batch=1, warmup=10, decay=0.2)
    rates = [learning_rate(step, loop) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:81] == [1.0] * 72
    assert rates[90] == pytest.approx(0.5)
    assert rates[99] == pytest.approx(0.05)


def test_the_average_follows_the_weights():
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(network.weight)
    average = Average(network, 0.5)
    torch.nn.init.ones_(network.weight)
    told = []
    for _ in range(12):
        average.update(network)
        told.append(float(average.weights["weight"]))
    # 1/10 after the first update, then 2/11 of the old, 3/12 ... and one half from the eighth on
    assert told[:2] == pytest.approx([0.9, 1 - 0.1 * 2 / 11])
    assert (1 - told[11]) / (1 - told[10]) == pytest.approx(0.5, abs=1e-2)


def test_a_journal_forgets_what_will_be_written_again(tmp_path):
    journal = Journal(tmp_path / "log.jsonl", before=0)
    for step in (1, 2, 3):
        journal.write(step=step)
    Journal(tmp_path / "log.jsonl", before=2).write(step=3, again=True)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines == [{"step": 1}, {"step": 2}, {"step": 3, "again": True}]


def test_muon_gets_the_matrices_of_attention_and_mlp_and_nothing_else():
    small = {"width": 32, "heads": 2, "layers": 1}
    settings = LumenSettings(Loop(1, 1), text=small, network={**small, "text_width": 32})
    painter = Painter(settings, 9)
    adamw, muon = muon_and_adamw(painter, rate=1.0, other_rate=2.0)
    names = {id(weight): name for name, weight in painter.named_parameters()}
    told = {names[id(weight)].split(".", 1)[1] for weight in muon.param_groups[0]["params"]}
    inner = ("attention.qkv", "attention.out", "mlp.up", "mlp.down")
    assert told == {f"blocks.{n}.{part}.weight" for n in (0,) for part in inner}
    every = sum(len(group["params"]) for kind in (adamw, muon) for group in kind.param_groups)
    assert every == len(list(painter.parameters()))


# -- captions


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # of torch's compiler itself
def test_a_compiled_network_learns_the_same_from_any_number_of_words():
    network = SwiGLU(8, 16)
    faster = compiled(network, Loop(steps=1, batch=1, compile=True))
    for count in (3, 5):
        x = torch.randn(2, count, 8)
        told = torch.autograd.grad(network(x).square().sum(), network.parameters())
        same = torch.autograd.grad(faster(x).square().sum(), network.parameters())
        for one, other in zip(told, same, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert compiled(network, Loop(steps=1, batch=1)) is network


def test_other_words_say_the_same():
    tokenizer, changed = make_tokenizer(), 0
    for index in range(600):
        scene, _ = draw("train", index, 3)
        plain = caption(scene, np.random.default_rng(index))
        other = with_aliases(plain, scene, np.random.default_rng(index), share=1.0)
        assert tokenizer.numbers_of(other)[1] == ()
        told, wanted = parse(other), parse(plain)
        assert not isinstance(wanted, Refusal)
        if isinstance(told, StillLife) and told.surface == "table":
            told = replace(told, surface=scene.surface)
        assert told == wanted
        changed += other != plain
    assert changed > 500


def test_a_phrase_inside_another_is_left_alone():
    scene = StillLife((Thing("ring", "own", "wood"),), "", "walnut table", "studio", "plain")
    plain = "a wood ring on a dark wooden table in soft studio light"
    told = [with_aliases(plain, scene, np.random.default_rng(n), share=0.5) for n in range(40)]
    assert all("dark walnut" not in text for text in told)
    assert len(set(told)) > 1


def test_captions_are_sometimes_empty_and_sometimes_hold_an_unknown_word():
    tokenizer = make_tokenizer()
    rng = np.random.default_rng(0)
    scene, _ = draw("train", 1, 1)
    rows = [training_words(scene, tokenizer, rng) for _ in range(2000)]
    assert np.mean([len(row) == 1 for row in rows]) == pytest.approx(0.10, abs=0.025)
    assert np.mean([tokenizer.unknown_number in row for row in rows]) == pytest.approx(0.036, abs=0.015)
    assert len({training_caption(scene, rng) for _ in range(50)}) > 30


# -- labels and judgement


def test_the_things_of_a_pair_are_labelled_as_they_lie_in_the_picture():
    for relation, first, lie in [
        ("left", "vase", "beside"),
        ("right", "book", "beside"),
        ("front", "vase", "depth"),
        ("behind", "book", "depth"),
    ]:
        told = labels(pair(relation))
        assert HEADS["shape"][told["shape"]] == first
        assert HEADS["layout"][told["layout"]] == lie
    assert labels(StillLife((VASE,), "", "sand", "sunset", "plain"))["shape_1"] == -1
    land = labels(Landscape("sea", "dawn", "clear", "none", "plain"))
    assert land["shape"] == land["surface"] == -1
    assert HEADS["terrain"][land["terrain"]] == "sea"


def test_a_mirror_image_has_left_and_right_changed_and_nothing_else():
    assert mirrored(pair("left")) == pair("right")
    assert mirrored(pair("right")) == pair("left")
    assert mirrored(pair("behind")) == pair("behind")
    one, land = StillLife((VASE,), "", "sand", "sunset", "plain"), Landscape("sea", "dawn", "clear")
    assert (mirrored(one), mirrored(land)) == (one, land)
    assert HEADS["shape"][labels(mirrored(pair("left")))["shape"]] == "book"


@pytest.mark.parametrize("relation", words.RELATIONS)
def test_what_is_as_asked_meets_every_wish(relation):
    score = judge(pair(relation), logits_of(pair(relation)))
    assert all(all(hits) for hits in score.values())
    assert len(score["shape"]) == len(score["material"]) == 2
    assert "terrain" not in score


def test_the_wrong_way_round_misses_the_relation_alone():
    score = judge(pair("left"), logits_of(pair("right")))
    assert score["relation"] == [False]
    assert all(score["shape"] + score["colour"] + score["material"])
    assert judge(pair("left"), logits_of(pair("front")))["relation"] == [False]


def test_beside_is_either_side():
    asked = StillLife((VASE, BOOK), "next to", None, None, None)
    assert judge(asked, logits_of(pair("right")))["relation"] == [True]
    assert judge(asked, logits_of(pair("behind")))["relation"] == [False]


def test_a_wrong_colour_is_one_miss():
    score = judge(pair("left"), logits_of(pair("left"), colour="green"))
    assert score["colour"] == [False, True]
    assert all(score["shape"] + score["relation"])


def test_what_a_prompt_leaves_open_is_not_judged():
    asked = parse("a red vase")
    assert judge(asked, logits_of(pair("left"))).keys() == {"shape", "colour"}


def test_chance_is_one_in_the_number_of_classes():
    assert set(CHANCE) == set(ATTRIBUTES)
    assert CHANCE["material"] == 1 / len(words.MATERIALS)
    assert CHANCE["relation"] == 1 / 4


# -- measures


def test_the_distance_of_two_normals_is_the_closed_form():
    rng = np.random.default_rng(0)
    one = rng.normal(size=(200_000, 2)) * [1.0, 2.0]
    other = rng.normal(size=(200_000, 2)) * [3.0, 1.0] + [1.0, 0.0]
    # Independent axes: 1 + (1 - 3)^2 + (2 - 1)^2 = 6
    assert frechet(one, other) == pytest.approx(6.0, rel=0.02)
    assert frechet(one, one) == pytest.approx(0, abs=1e-9)
    assert frechet(one, other) == pytest.approx(frechet(other, one))


def test_neighbours_and_spread_are_plain_distances():
    assert nearest(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [6.0, 8.0]])).tolist() == [5.0]
    features = np.array([[[0.0], [2.0]], [[10.0], [12.0]]])
    assert spread(features) == pytest.approx((2.0, (10 + 12 + 8 + 10) / 4))


def test_pictures_are_compared_at_every_scale():
    x = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert pyramid_distance(x, x, 3) == 0
    # A constant shift is seen at the coarsest level alone, which counts 2^2.
    assert float(pyramid_distance(x + 0.1, x, 3)) == pytest.approx(0.4, rel=1e-4)
    told = signal_to_noise(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 25.5))
    assert float(told) == pytest.approx(20.0)


# -- the flow


def test_the_path_is_straight_and_its_velocity_leads_along_it():
    clean, noise = torch.randn(2, 1, 1, 1), torch.randn(2, 1, 1, 1)
    x, velocity = on_path(clean, noise, torch.tensor([0.0, 1.0]))
    assert torch.equal(x, torch.stack([clean[0], noise[1]]))
    quarter, _ = on_path(clean, noise, torch.full((2,), 0.25))
    torch.testing.assert_close(x + torch.tensor([0.25, -0.75])[:, None, None, None] * velocity, quarter)


def test_times_are_shifted_and_some_lie_near_the_ends():
    assert shifted(torch.tensor([0.0, 0.5, 1.0]), 3.0).tolist() == pytest.approx([0.0, 0.75, 1.0])
    draw = torch.Generator().manual_seed(0)
    plain, extra = draw_times(20_000, 3.0, 0.0, draw), draw_times(20_000, 3.0, 0.5, draw)
    assert float(plain.median()) == pytest.approx(0.75, abs=0.01)
    added = float((extra > 0.9).float().mean() - 0.5 * (1 + (plain > 0.9).float().mean()))
    assert added == pytest.approx(0, abs=0.02)
    assert float((plain < 0.15).float().mean()) < 0.005
    low = draw_times(20_000, 3.0, 0.2, draw, low=0.4)
    assert float((low < 0.1).float().mean()) == pytest.approx(0.1, abs=0.01)


class Straight(torch.nn.Module):
    """A teacher whose velocity is the same everywhere: 1 for a prompt, 0 for none."""

    def forward(self, x, t, ids, mask):
        return (mask.sum(1) > 1).float()[:, None, None, None].expand(x.shape)


def test_a_stride_of_a_straight_path_has_its_velocity_scaled_by_guidance():
    settings = DistilSettings(Loop(1, 1), steps=4, inner=3, guidance=2.5)
    prompts = Prompts(torch.ones(2, 3, dtype=torch.int64), torch.ones(2, 3, dtype=torch.bool), 2)
    x, stride = torch.randn(2, 1, 2, 2), torch.tensor([0.0, 3.0])
    target = stride_target(Straight(), x, stride, prompts, settings, 3.0)
    torch.testing.assert_close(target, torch.full_like(target, 2.5))
    walked = own_path(Straight(), x, stride, prompts, 4, 3.0)
    assert torch.equal(walked[0], x[0])
    torch.testing.assert_close(walked[1], x[1] - (1 - time_of(stride, 4, 3.0)[1]))
