"""Lumen on OpenVINO: prompts of any length in one form, guidance in one batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.contracts import GenerationRequest
from models.engines.tolerance import TOLERANCES, levels_apart, psnr
from models.loading import load

from .test_lumen import pipeline

BATCH = [
    GenerationRequest(prompt, seed)
    for seed, prompt in enumerate(
        ("a red vase left of a gold book on sand at sunset", "a mug", "the open sea")
    )
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "lumen"
    pipeline().save_pretrained(path)
    return path


def pixels(answers):
    return [np.asarray(answer.pixels) for answer in answers]


def test_openvino_paints_what_torch_paints_with_prompts_of_any_length(card, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # where no test before converted the same weights
    exact = pixels(load(card(folder=folder, guidance=2.0)).generate(BATCH))
    # One thread: where OpenVINO's own fusion of gated layers would end the process.
    model = load(card(folder=folder, guidance=2.0, runtime={"engine": "openvino", "batch": 3, "threads": 1}))
    limits = TOLERANCES[model.card.runtime["dtype"]]
    alone = [pixels(model.generate([request]))[0] for request in BATCH]
    together = pixels(model.generate(BATCH))
    ratios = [psnr(one, other) for one, other in zip(alone, exact, strict=True)]
    assert np.mean(ratios) >= limits.mean_psnr
    assert min(ratios) >= limits.least_psnr
    assert max(map(levels_apart, alone, together)) <= limits.levels
    assert {name: (part.converted, part.given_up) for name, part in model.parts.items()} == dict.fromkeys(
        ("transformer", "text_encoder", "vae.decoder"), (1, "")
    )


def test_guidance_is_one_batch_and_the_empty_prompt_is_read_once(card, folder):
    model = load(card(folder=folder, guidance=2.0, runtime={"batch": 3}))
    rows = []
    model.pipeline.transformer.register_forward_pre_hook(lambda _, given: rows.append(given[0].shape[0]))
    same = [GenerationRequest("a mug", seed) for seed in range(3)]
    model.generate(same)
    model.generate(same)
    assert rows == [6] * 6
    assert model.embeddings["text_encoder"].rows_read == 2


def test_the_first_noise_is_drawn_in_float32_for_openvino_too(card, folder):
    model = load(card(folder=folder, guidance=2.0, runtime={"engine": "openvino"}))
    seen = []
    model.pipeline.transformer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model.generate(BATCH[:1])
    drawn = torch.randn(seen[0].shape[1:], generator=torch.Generator().manual_seed(0))
    assert torch.equal(seen[0][0], drawn)
