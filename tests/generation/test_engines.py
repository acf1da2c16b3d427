"""Engines: the same pictures from tiny pipelines whatever runs them, converted once and kept."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import numpy as np
import pytest
import torch

from models.cards import adjusted
from models.contracts import GeneratedImage, GenerationRequest
from models.engines import intel
from models.engines.choice import capabilities
from models.engines.store import Store
from models.engines.tolerance import TOLERANCES, levels_apart, psnr
from models.errors import CardError, GenerationFailed, MissingPart
from models.loading import load

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

PROMPTS = ("a red mug", "the blue vase on the table", "a mug")
BATCH = [GenerationRequest(prompt, seed) for seed, prompt in enumerate(PROMPTS)]


def pixels(answers):
    assert all(isinstance(answer, GeneratedImage) for answer in answers)
    return [np.asarray(answer.pixels) for answer in answers]


def hold_together(model, exact):
    """Whether pictures are within the limits of the model's precision, alone and in a batch."""
    limits = TOLERANCES[model.card.runtime["dtype"]]
    together = pixels(model.generate(BATCH))
    alone = [pixels(model.generate([request]))[0] for request in BATCH]
    ratios = [psnr(one, other) for one, other in zip(alone, exact, strict=True)]
    assert np.mean(ratios) >= limits.mean_psnr
    assert min(ratios) >= limits.least_psnr
    assert max(map(levels_apart, alone, together)) <= limits.levels
    return ratios


@pytest.mark.parametrize("name", ["sd", "sd3", "flux", "pixart"])
def test_openvino_paints_what_torch_paints_alone_and_in_a_batch(card, name):
    exact = pixels(load(card(name)).generate(BATCH))
    model = load(card(name, runtime={"engine": "openvino", "batch": 3}))
    ratios = hold_together(model, exact)
    assert [part.given_up for part in model.parts.values()] == [""] * len(model.parts)
    assert {"vae.decoder", "text_encoder"} < model.parts.keys()
    assert model.card.runtime["engine"] == "openvino"
    assert model.card.revision == card(name).revision
    assert min(ratios) < 90  # or else torch painted


def test_openvino_in_float32_is_all_but_exact(card):
    exact = pixels(load(card("pixart")).generate(BATCH))
    hold_together(load(card("pixart", runtime={"engine": "openvino", "dtype": "float32", "batch": 3})), exact)


@pytest.mark.parametrize(
    "runtime",
    [
        {"channels_last": True},
        {"attention": "eager"},
        {"attention": "sliced"},
        {"attention": "sdpa"},
        {"vae_slicing": True, "vae_tiling": True},
        {"threads": 1},
        {"dtype": "bfloat16", "channels_last": True},
    ],
)
def test_torchs_options_paint_what_torch_paints(card, runtime):
    exact = pixels(load(card()).generate(BATCH))
    hold_together(load(card(runtime={**runtime, "batch": 3})), exact)


def test_attention_back_ends_of_diffusers_are_settings(card):
    exact = pixels(load(card("flux")).generate(BATCH[:1]))
    model = load(card("flux", runtime={"attention": "_native_math"}))
    backends = {
        one.processor._attention_backend
        for one in model.pipeline.transformer.modules()
        if hasattr(one, "processor")
    }
    assert {str(backend.value) for backend in backends} == {"_native_math"}
    assert psnr(pixels(model.generate(BATCH[:1]))[0], exact[0]) >= TOLERANCES["float32"].mean_psnr


def test_options_reach_the_network(card):
    model = load(card(runtime={"attention": "sliced", "channels_last": True, "vae_tiling": True}))
    kinds = {type(one).__name__ for one in model.pipeline.unet.attn_processors.values()}
    assert kinds == {"SlicedAttnProcessor"}
    assert model.pipeline.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    assert model.pipeline.vae.use_tiling


# Importing the compiler warns that torch.jit is deprecated.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_torch_paints_what_torch_paints(card):
    exact = pixels(load(card("pixart")).generate(BATCH[:1]))
    model = load(card("pixart", runtime={"compile": True}))
    from torch._dynamo.utils import counters

    counters.clear()
    assert psnr(pixels(model.generate(BATCH[:1]))[0], exact[0]) >= TOLERANCES["float32"].mean_psnr
    assert counters["stats"]["unique_graphs"] > 0


# -- choice


def test_a_processor_paints_with_openvino_unless_told_otherwise(card, caplog):
    caplog.set_level(logging.INFO, "models.engines.choice")
    told = load(card(runtime={"engine": "auto"})).card.runtime
    assert told["engine"] == "openvino"
    assert told["dtype"] == ("bfloat16" if "BF16" in capabilities() else "float32")
    assert "tiny paints with openvino" in caplog.text
    told = load(card(runtime={"engine": "auto", "channels_last": True})).card.runtime
    assert (told["engine"], told["dtype"]) == ("torch", "float32")
    assert "channels_last is an option of torch" in caplog.text


@pytest.mark.parametrize(
    ("runtime", "told"),
    [
        ({"engine": "openvino", "compile": True}, "compile goes with engine = 'torch'"),
        ({"engine": "openvino", "channels_last": True}, "channels_last goes with engine = 'torch'"),
        ({"engine": "openvino", "attention": "sliced"}, "attention goes with engine = 'torch'"),
        ({"attention": "flesh"}, "'attention' must be one of auto, sdpa, eager, sliced"),
        ({"attention": "flash_hub"}, "'attention' must be one of"),
    ],
)
def test_what_does_not_go_together_is_told(card, runtime, told):
    with pytest.raises(CardError, match=told) as caught:
        load(card(runtime=runtime))
    assert "\n" not in str(caught.value)


def test_an_attention_that_the_network_does_not_have_is_told(card):
    with pytest.raises(CardError, match="cannot do attention = 'sliced'"):
        load(card("flux", runtime={"attention": "sliced"}))


def test_compilation_without_a_compiler_is_told(card, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingPart, match="compile = true needs a C"):
        load(card(runtime={"compile": True}))


# -- settings of a request


def test_requests_of_several_settings_share_a_call(card):
    model = load(card(runtime={"batch": 4}))
    asked = [
        GenerationRequest("a mug", 1),
        GenerationRequest("a mug", 1, size=(48, 32)),
        GenerationRequest("a mug", 1, steps=6),
        GenerationRequest("a red mug", 2),
        GenerationRequest("a mug", 1, guidance=9.0),
    ]
    answers = model.generate(asked)
    assert [answer.batch for answer in answers] == [2, 1, 1, 2, 1]
    assert answers[1].pixels.size == (48, 32)
    alone = pixels(
        [load(card(**change)).generate(asked[:1])[0] for change in ({}, {"steps": 6}, {"guidance": 9.0})]
    )
    made = pixels(answers)
    assert [levels_apart(*pair) <= 1 for pair in zip(alone, (made[0], made[2], made[4]), strict=True)] == [
        True
    ] * 3
    assert levels_apart(made[0], made[2]) > 1


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("sd", {"steps": 0}, "'steps' must be a whole number from 1 to 1000, not 0"),
        ("sd", {"guidance": -1.0}, "'guidance' must be a number from 0 to 100"),
        ("sd", {"size": (33, 32)}, "paints in steps of 2 pixels, and 33 x 32 does not fit"),
        ("sd", {"size": (4, 4)}, "'size' must be"),
    ],
)
def test_a_setting_that_makes_no_sense_fails_in_one_line(card, name, change, told):
    with pytest.raises(GenerationFailed, match=told) as caught:
        load(card(name)).generate([GenerationRequest("a mug", 1, **change)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "scheduler"),
    [("sd", "LCMScheduler"), ("sd", "TCDScheduler"), ("sd3", "FlowMatchLCMScheduler")],
)
def test_few_step_schedulers_keep_pictures_apart(card, name, scheduler):
    model = load(card(name, runtime={"batch": 3}, scheduler=scheduler, steps=2))
    together = pixels(model.generate(BATCH))
    torch.manual_seed(7)
    alone = [pixels(model.generate([request]))[0] for request in BATCH]
    assert max(map(levels_apart, together, alone)) <= 1


# -- on disk


def test_a_network_is_converted_once_and_again_when_its_file_breaks(card, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told = card("pixart", runtime={"engine": "openvino"})
    first = load(told)
    expected = pixels(first.generate(BATCH[:1]))
    assert [part.converted for part in first.parts.values()] == [1, 1, 1]

    second = load(told)
    assert np.array_equal(pixels(second.generate(BATCH[:1])), expected)
    assert [part.converted for part in second.parts.values()] == [0, 0, 0]

    (broken, *_) = tmp_path.glob("vernissage/openvino/*/model.bin")
    broken.write_bytes(broken.read_bytes()[:-1])
    third = load(told)
    assert np.array_equal(pixels(third.generate(BATCH[:1])), expected)
    assert sorted(part.converted for part in third.parts.values()) == [0, 0, 1]
    assert "is broken (its files have changed) and will be made anew" in caplog.text
    assert len(list(tmp_path.glob("vernissage/openvino/*"))) == 3


def test_a_cache_that_takes_nothing_costs_a_conversion_and_no_picture(card, tmp_path, monkeypatch):
    (tmp_path / "vernissage").write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = load(card("pixart", runtime={"engine": "openvino"}))
    assert len(model.generate(BATCH[:1])) == 1
    assert [part.given_up for part in model.parts.values()] == [""] * 3


# -- parts that do not convert


class Frozen(torch.nn.Module):
    """Answers otherwise once the number of rows is frozen by a trace."""

    def forward(self, x):
        return (x * float(len(x)),)


def part_of(network, tmp_path, **more):
    return intel.Part(
        "network",
        network,
        again=lambda: network,
        identity={"weights": "x"},
        dtype="float32",
        threads=1,
        store=Store(tmp_path),
        **more,
    )


def test_a_part_whose_trace_froze_something_stays_in_torch(tmp_path, caplog):
    network = Frozen()
    part = part_of(network, tmp_path)
    for rows in (2, 3):
        assert torch.equal(network(torch.ones(rows, 4))[0], torch.full((rows, 4), float(rows)))
    assert "of its size away from torch's" in part.given_up
    assert "network stays in torch" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_denoiser_that_stays_in_torch_is_said_by_the_card(card):
    model = load(card(runtime={"engine": "openvino"}))
    exact = pixels(load(card()).generate(BATCH[:1]))
    model.parts["unet"].given_up = "for a test"
    assert psnr(pixels(model.generate(BATCH[:1]))[0], exact[0]) > 45
    assert (model.card.runtime["engine"], model.card.runtime["dtype"]) == ("torch", "float32")


def test_weights_that_were_let_go_come_back_for_another_size(card, monkeypatch):
    monkeypatch.setattr(intel, "RELEASED_FROM", 0)
    monkeypatch.setattr(intel, "KEPT_UP_TO", 100)
    model = load(card("pixart", runtime={"engine": "openvino", "dtype": "float32"}))
    wide = GenerationRequest("a mug", 1, size=(64, 48))
    model.generate(BATCH[:1])
    assert min(weight.numel() for weight in model.pipeline.transformer.parameters()) == 0
    expected = pixels(load(card("pixart")).generate([wide]))[0]
    assert psnr(pixels(model.generate([wide]))[0], expected) >= TOLERANCES["float32"].mean_psnr
    assert model.parts["transformer"].given_up == ""


def test_gates_without_biases_keep_their_weights_in_float32():
    from models.engines.forms import Call
    from models.lumen.layers import SwiGLU

    def gated(network):
        return intel.has_plain_gates(intel.convert(network, Call.of((torch.ones(2, 3, 32),), {}))[0])

    plain = torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.SiLU(), torch.nn.Linear(32, 32))
    assert gated(SwiGLU(32, 32).eval())
    assert not gated(plain.eval())


# -- what text encoders said


def test_prompts_are_read_once_and_pictures_are_the_same_bit_for_bit(card):
    forgetful, model = load(card(runtime={"batch": 3})), load(card(runtime={"batch": 3}))
    forgetful.embeddings["text_encoder"].most_bytes = 0
    seeds = [GenerationRequest("a red mug", seed) for seed in range(3)]
    for requests in (seeds, BATCH, seeds):
        assert np.array_equal(pixels(model.generate(requests)), pixels(forgetful.generate(requests)))
    # "a red mug", two other prompts and the empty one; without a memory each row is read each time.
    assert model.embeddings["text_encoder"].rows_read == 4
    assert forgetful.embeddings["text_encoder"].rows_read == 18
    assert forgetful.embeddings["text_encoder"].bytes == 0


# -- telemetry


def test_openvino_reports_to_nobody():
    code = """
import json, sys
events = []
sys.addaudithook(lambda name, _: events.append(name) if name.startswith(("socket.", "subprocess.")) else None)
import torch
from models.engines.forms import Call
from models.engines.intel import convert
before = len(events)
convert(torch.nn.Linear(4, 4).eval(), Call.of((torch.ones(2, 4),), {}))
print(json.dumps([events[before:], [name for name in sys.modules if name.startswith("openvino_telemetry.")]]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [[], []]


def test_settings_given_at_loading_choose_the_engine_too(card):
    assert load(adjusted(card(), engine="auto"), dtype="float32").card.runtime["engine"] == "openvino"
