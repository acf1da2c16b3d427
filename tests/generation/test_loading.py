from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.cards import read_card
from models.catalog import BUILT_IN, read_catalog
from models.contracts import EntrantCard, GenerationRequest
from models.errors import CardError, MissingPart
from models.loading import load


@pytest.fixture
def copied(saved, tmp_path):
    """A copy of a pipeline's folder that a test may break."""
    return lambda name="sd": Path(shutil.copytree(saved(name), tmp_path / "copy"))


def one_line(error: Exception) -> str:
    assert "\n" not in str(error)
    assert len(str(error)) < 600
    return str(error)


def test_what_is_returned_says_what_was_really_used(card):
    told = card(runtime={"device": "auto", "dtype": "float32", "batch": 5})
    model = load(told, device="cpu", dtype="bfloat16")
    assert model.card.runtime["device"] == "cpu"
    assert model.card.runtime["dtype"] == "bfloat16"
    assert model.card.runtime["batch"] == 5
    assert model.card.revision == told.revision
    assert next(model.pipeline.unet.parameters()).dtype == torch.bfloat16
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert load(told).card.runtime["device"] == best


def test_a_setting_that_makes_no_sense_is_told(card):
    with pytest.raises(CardError, match="'dtype' must be one of auto, float32"):
        load(card(), dtype="int3")
    with pytest.raises(CardError, match="'device' must be cpu, cuda"):
        load(card(), device="tpu")
    with pytest.raises(MissingPart, match="sees no device 'cuda:99'; use cpu, or auto"):
        load(card(), device="cuda:99")


def test_a_back_end_that_is_not_there_is_told(card):
    with pytest.raises(CardError, match="no back end is called 'paint'; there are atelier, diffusers"):
        load(replace(card(), backend="paint"))


def test_weights_that_changed_since_the_card_was_read_do_not_load(card, copied):
    folder = copied()
    told = card(folder=folder)
    (folder / "unet" / "config.json").write_text("{}")
    with pytest.raises(CardError, match="are not those its card pins") as caught:
        load(told)
    one_line(caught.value)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model_index.json", None),
        ("model_index.json", b"{"),
        ("model_index.json", b"[]"),
        ("model_index.json", b'{"_class_name": "NoSuchPipeline"}'),
        ("unet/config.json", None),
        ("unet/diffusion_pytorch_model.safetensors", None),
        ("unet/diffusion_pytorch_model.safetensors", b"\x08\0\0\0\0\0\0\0rubbish!"),
        ("tokenizer/tokenizer.json", b"{}"),
    ],
)
def test_a_broken_folder_is_told_in_one_line(card, copied, file, content):
    folder = copied()
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(CardError, match=r"entrant 'tiny': .*copy does not load: ") as caught:
        load(card(folder=folder))
    one_line(caught.value)


def test_weights_that_a_file_lacks_are_told(card, copied):
    folder = copied()
    file = folder / "unet/diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    del weights["conv_in.bias"]
    save_file(weights, file)
    with pytest.raises(CardError, match=r"does not load: unet lacks 1 of its weights, such as conv_in\.bias"):
        load(card(folder=folder))


def test_a_folder_that_is_gone_is_told(card, copied):
    folder = copied()
    told = card(folder=folder)
    shutil.rmtree(folder)
    with pytest.raises(CardError, match="copy is no folder"):
        load(told)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"scheduler": "NoScheduler"}, "diffusers has no scheduler called 'NoScheduler'"),
        ({"scheduler": "UNet2DModel"}, "diffusers has no scheduler called 'UNet2DModel'"),
        ({"scheduler_options": {"shift": 3.0}}, "DDIMScheduler takes no shift"),
        (
            {"scheduler": "DPMSolverMultistepScheduler", "scheduler_options": {"algorithm_type": "x"}},
            "cannot be made",
        ),
        ({"scheduler": "CosineDPMSolverMultistepScheduler"}, "depend on its neighbours"),
        ({"arguments": {"max_sequence_length": 9}}, "takes no max_sequence_length"),
        ({"size": 33}, "steps of 2 pixels"),
    ],
)
def test_a_card_that_does_not_fit_its_pipeline_is_told(card, change, told):
    with pytest.raises(CardError, match=told) as caught:
        load(card(**change))
    one_line(caught.value)


def test_a_guidance_must_be_said_where_it_decides_pixels(saved):
    told = {
        "slug": "tiny",
        "name": "Tiny",
        "kind": "external",
        "backend": "diffusers",
        "identity": {"path": str(saved("sd")), "steps": 3, "size": 32},
    }
    with pytest.raises(CardError, match="must say its 'guidance'"):
        load(read_card(told, file=Path("catalog.toml")), device="cpu")


def test_a_pipeline_without_a_prompt_cannot_enter(card, tmp_path):
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    )
    DDPMPipeline(unet=unet, scheduler=DDPMScheduler()).save_pretrained(tmp_path / "ddpm")
    with pytest.raises(CardError, match="DDPMPipeline takes no prompt"):
        load(card(folder=tmp_path / "ddpm"))


def test_a_pipeline_saved_without_its_text_encoder_cannot_enter(card, copied):
    folder = copied()
    index = json.loads((folder / "model_index.json").read_text())
    index |= {"text_encoder": [None, None], "tokenizer": [None, None]}
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(CardError, match="saved without a text encoder"):
        load(card(folder=folder))


def test_a_hub_id_is_not_fetched_unasked():
    told = {
        "slug": "far",
        "name": "Far",
        "kind": "external",
        "backend": "diffusers",
        "identity": {"hub": "nobody/nothing", "revision": "0" * 40, "steps": 3, "guidance": 4.0, "size": 32},
    }
    with pytest.raises(
        MissingPart, match=r"nobody/nothing at 000000000000 is not on this machine.*download = true"
    ):
        load(read_card(told, file=Path("catalog.toml")), device="cpu")


def test_a_hub_id_that_was_fetched_before_loads_without_the_network(saved, tmp_path, monkeypatch):
    # Laid out as the hub's client keeps what it has fetched.
    kept = tmp_path / "models--somebody--something"
    shutil.copytree(saved("sd"), kept / "snapshots" / ("1" * 40))

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    told = {
        "slug": "far",
        "name": "Far",
        "kind": "external",
        "backend": "diffusers",
        "identity": {
            "hub": "somebody/something",
            "revision": "1" * 40,
            "steps": 2,
            "guidance": 4.0,
            "size": 32,
        },
    }
    model = load(read_card(told, file=Path("catalog.toml")), device="cpu")
    assert len(model.generate([GenerationRequest("a red mug", 1)])) == 1


def test_the_atelier_loads_from_the_built_in_card():
    pytest.importorskip("mitsuba")
    card = read_catalog(BUILT_IN)["atelier-draft"]
    model = load(card, device="cpu", dtype="float32")
    assert isinstance(model.card, EntrantCard)
    assert model.card.revision == card.revision
