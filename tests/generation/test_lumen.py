"""Lumen's parts and its pipeline, with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler

from models.atelier import vocabulary as words
from models.atelier.captions import caption, full_caption
from models.atelier.splits import SPLITS, draw
from models.contracts import GeneratedImage, GenerationRequest
from models.loading import load
from models.lumen.autoencoder import LumenAutoencoder
from models.lumen.layers import rotate, rotation
from models.lumen.pipeline import LumenPipeline, register
from models.lumen.text_encoder import LumenTextEncoder
from models.lumen.tokenizer import UNKNOWN, make_tokenizer, words_of
from models.lumen.transformer import LumenTransformer, patches, unpatches
from models.training.export import folder_card

PROMPTS = ("a red vase left of a gold book on sand at sunset", "the open sea at dawn", "a mug")
SMALL = {"width": 32, "layers": 2, "heads": 2, "hidden": 32}
FINE = {"fine": 2, "fine_width": 8}
# float32 arithmetic differs by about 1e-6 with the size of a batch, which can tip one 8-bit step.
ONE_STEP = 1


def shaken(network: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Random weights where a fresh network has zeros, so that every part has a say."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=draw)
    return network.eval()


def pipeline(**changes: float) -> LumenPipeline:
    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    return LumenPipeline(
        tokenizer=tokenizer,
        text_encoder=shaken(LumenTextEncoder(tokenizer.vocab_size, **SMALL), 1),
        transformer=shaken(LumenTransformer(channels=4, grid=8, text_width=32, rank=8, **FINE, **SMALL), 2),
        vae=shaken(LumenAutoencoder(4, 2, (8, 16), (), (1, 1), mean=[0.1] * 4, std=[0.5, 1.0, 1.5, 2.0]), 3),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        **{"steps": 3, "guidance": 2.0, **changes},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "lumen"
    pipeline().save_pretrained(path)
    return path


def painted(
    pipe: LumenPipeline, prompts: tuple[str, ...] = PROMPTS, first_seed: int = 0, **told
) -> np.ndarray:
    generators = [torch.Generator().manual_seed(first_seed + n) for n in range(len(prompts))]
    pipe.set_progress_bar_config(disable=True)
    return pipe(list(prompts), generator=generators, output_type="np", **told).images


def steps_apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max() * 255)


# -- words


@pytest.mark.parametrize("split", SPLITS)
def test_every_caption_that_the_grammar_can_say_is_read_whole(split):
    tokenizer = make_tokenizer()
    for index in range(400):
        scene, seed = draw(split, index, 5)
        for text in (caption(scene, np.random.default_rng(seed)), full_caption(scene)):
            numbers, unknown = tokenizer.numbers_of(text)
            assert unknown == ()
            assert tokenizer.unknown_number not in numbers


def test_every_phrase_of_the_vocabulary_is_known_word_by_word():
    tokenizer = make_tokenizer()
    tables = [
        table
        for name, table in vars(words).items()
        if isinstance(table, type(words.SHAPES))
        and name != "INVERSE"
        and not name.endswith(("_OF", "ALIASES"))
    ]
    tables += [*words.STILL_LIFE_ALIASES.values(), *words.LANDSCAPE_ALIASES.values()]
    phrases = [phrase for table in tables for row in table.values() for phrase in row]
    assert len(tables) == 13 + 11
    assert len(phrases) > 300
    assert [phrase for phrase in phrases if tokenizer.numbers_of(phrase)[1]] == []


def test_unknown_words_keep_their_place_and_are_told_once_in_order():
    tokenizer = make_tokenizer()
    reading = tokenizer.read(["A Zebra beside a red zebra-striped mug, that rests", "a mug"])
    assert reading.unknown == (("zebra", "striped"), ())
    told = tokenizer.convert_ids_to_tokens(reading.ids[0].tolist())
    assert told == ["<start>", UNKNOWN, "beside", "red", UNKNOWN, UNKNOWN, "mug"]
    assert reading.mask.tolist() == [[True] * 7, [True, True] + [False] * 5]


def test_words_beyond_the_longest_prompt_are_told_too():
    tokenizer = make_tokenizer(longest=4)
    numbers, unknown = tokenizer.numbers_of("a red vase on sand at sunset")
    assert len(numbers) == 4
    assert unknown == ("sand", "at", "sunset")


def test_the_tokenizer_comes_back_from_its_folder(folder):
    tokenizer = type(make_tokenizer()).from_pretrained(folder / "tokenizer")
    fresh = make_tokenizer()
    assert tokenizer.words == fresh.words == make_tokenizer(*fresh.words).words
    assert tokenizer.model_max_length == 48
    assert tokenizer(["a red mug"])["input_ids"] == [fresh.numbers_of("a red mug")[0]]
    assert words_of("Close-up: O'Keeffe’s vase_2") == ["close", "up", "o", "keeffe", "s", "vase", "2"]


# -- networks


@pytest.mark.parametrize(
    ("size", "widths", "grid"), [(256, (4, 4, 4, 4), 16), (128, (4, 4, 4), 16), (64, (8, 8), 16)]
)
def test_pictures_of_any_size_become_grids_of_latents(size, widths, grid):
    network = LumenAutoencoder(6, 2, widths, (1,) * len(widths), (1,) * len(widths))
    latents = network.encode(torch.zeros(2, 3, size, size))
    assert network.factor == size // grid
    assert latents.shape == (2, 6, grid, grid)
    assert network.decode(latents).shape == (2, 3, size, size)


def test_a_latent_depends_on_its_surroundings_alone():
    network = shaken(LumenAutoencoder(4, 2, (8, 8), (1, 1), (1, 1)), 4)
    picture = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    other = picture.clone()
    other[..., 48:] = 0
    with torch.no_grad():
        one, two = network.encode(picture), network.encode(other)
    torch.testing.assert_close(one[..., :6], two[..., :6])
    assert not torch.allclose(one[..., 12:], two[..., 12:])


def test_normalised_latents_are_what_the_configuration_says():
    network = LumenAutoencoder(2, 2, (4,), (), (0,), mean=[1.0, -1.0], std=[2.0, 4.0])
    raw = torch.tensor([3.0, 3.0])[None, :, None, None]
    assert network.normalise(raw).flatten().tolist() == [1.0, 1.0]
    assert network.denormalise(network.normalise(raw)).flatten().tolist() == [3.0, 3.0]
    with pytest.raises(ValueError, match="without its encoder"):
        network.encode(torch.zeros(1, 3, 8, 8))


def test_patches_come_back():
    x = torch.randn(2, 3, 6, 4)
    assert torch.equal(unpatches(patches(x, 2), 2, 3, 2), x)


def test_rotary_scores_depend_on_the_way_between_two_places_alone():
    draw = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 1, 1, 1, 16, generator=draw)

    def score(first, second):
        turned = [rotate(x, *rotation(torch.tensor([at]), (3, 3, 2))) for x, at in ((q, first), (k, second))]
        return float((turned[0] * turned[1]).sum())

    assert score((1, 2, 0), (3, 5, 0)) == pytest.approx(score((4, 0, 7), (6, 3, 7)), abs=1e-5)
    assert score((1, 2, 0), (3, 5, 0)) != pytest.approx(score((3, 5, 0), (1, 2, 0)), abs=1e-3)


def given(batch: int, transformer: LumenTransformer) -> tuple[torch.Tensor, ...]:
    draw = torch.Generator().manual_seed(batch)
    mask = torch.ones(batch, 5, dtype=torch.bool)
    mask[:, 3:] = False
    return (
        torch.randn(batch, 4, 8, 8, generator=draw),
        torch.rand(batch, generator=draw),
        torch.randn(batch, 5, 32, generator=draw),
        mask,
        torch.randn(batch, 32, generator=draw),
    )


def test_attention_written_out_and_fused_agree_and_padding_has_no_say():
    network = shaken(LumenTransformer(channels=4, grid=8, text_width=32, rank=0, **SMALL), 5)
    x, t, text, mask, pooled = given(2, network)
    with torch.no_grad():
        fused = network(x, t, text, mask, pooled)
        spelt = network.train()(x, t, text, mask, pooled)
        network.eval()
        short = network(x, t, text[:, :3], mask[:, :3], pooled)
    torch.testing.assert_close(fused, spelt, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(fused, short, atol=2e-5, rtol=1e-4)


def test_an_untrained_network_predicts_no_velocity():
    network = LumenTransformer(channels=4, grid=8, text_width=32, **FINE, **SMALL)
    assert torch.equal(network(*given(1, network)), torch.zeros(1, 4, 8, 8))


def test_the_fine_stage_adds_nothing_at_first_and_then_what_neighbours_say():
    plain = shaken(LumenTransformer(channels=4, grid=8, text_width=32, **SMALL), 6)
    fine = LumenTransformer(channels=4, grid=8, text_width=32, **FINE, **SMALL).eval()
    missing, unexpected = fine.load_state_dict(plain.state_dict(), strict=False)
    assert {name.split(".")[0] for name in missing} == {"detail"}
    assert not unexpected
    with torch.no_grad():
        assert torch.equal(plain(*given(2, plain)), fine(*given(2, fine)))
        shaken(fine.detail, 7)
        assert not torch.equal(plain(*given(2, plain)), fine(*given(2, fine)))
        latents, rows = torch.zeros(1, 4, 8, 8), torch.zeros(1, 16, 32)
        touched = latents.clone()
        touched[0, 0, 3, 3] = 1.0
        told = [fine.detail(rows, x, torch.zeros(1, 32))[0].abs().sum(0) for x in (latents, touched)]
    moved = told[0] != told[1]
    assert moved[3, 4], "the border of two tokens is crossed"
    assert moved[4, 3]


@pytest.mark.filterwarnings("ignore")
def test_a_traced_network_takes_other_batches():
    network = shaken(LumenTransformer(channels=4, grid=8, text_width=32, **FINE, **SMALL), 6)
    with torch.no_grad():
        traced = torch.jit.trace(network, given(1, network), check_trace=False)
        torch.testing.assert_close(
            traced(*given(3, network)), network(*given(3, network)), atol=2e-5, rtol=1e-4
        )


# -- pipeline


def test_a_saved_pipeline_paints_the_same_pictures(folder):
    again = LumenPipeline.from_pretrained(folder, local_files_only=True)
    assert np.array_equal(painted(pipeline()), painted(again))
    assert json.loads((folder / "model_index.json").read_text())["steps"] == 3
    assert not list(folder.rglob("*.bin"))


def test_diffusers_own_door_opens_the_folder_once_we_are_registered(folder, monkeypatch):
    import diffusers

    monkeypatch.setattr(diffusers, "LumenPipeline", None, raising=False)
    register()
    assert isinstance(DiffusionPipeline.from_pretrained(folder, local_files_only=True), LumenPipeline)


def test_a_request_gives_the_same_picture_alone_and_in_a_batch():
    pipe = pipeline()
    together = painted(pipe)
    for n, prompt in enumerate(PROMPTS):
        assert steps_apart(painted(pipe, (prompt,), n)[0], together[n]) <= ONE_STEP


def test_prompt_seed_steps_and_guidance_all_count():
    pipe = pipeline()
    plain = painted(pipe, PROMPTS[:1])
    assert steps_apart(plain, painted(pipe, PROMPTS[1:2])) > ONE_STEP
    assert steps_apart(plain, painted(pipe, PROMPTS[:1], 9)) > ONE_STEP
    assert steps_apart(plain, painted(pipe, PROMPTS[:1], num_inference_steps=9)) > ONE_STEP
    assert steps_apart(plain, painted(pipe, PROMPTS[:1], guidance_scale=6.0)) > ONE_STEP


@pytest.mark.parametrize(("guidance", "expected"), [(2.0, [6, 6, 6]), (1.0, [3, 3, 3])])
def test_guidance_is_one_batch_and_its_absence_half_of_it(guidance, expected):
    pipe = pipeline()
    seen = []
    pipe.transformer.register_forward_pre_hook(lambda _, told: seen.append(told[0].shape[0]))
    painted(pipe, guidance_scale=guidance)
    assert seen == expected


def test_times_are_evenly_spaced_before_the_shift():
    pipe = pipeline()
    times = pipe.time_grid(4, torch.device("cpu")) / 1000
    # 3 s / (1 + 2 s) at s = 1, 3/4, 1/2, 1/4
    assert times.tolist() == pytest.approx([1.0, 0.9, 0.75, 0.5])
    assert pipe.scheduler.sigmas[-1] == 0


def test_noise_may_be_given():
    pipe = pipeline()
    latents = torch.stack(
        [torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(n)) for n in range(3)]
    )
    told = pipe(list(PROMPTS), latents=latents, output_type="np").images
    assert np.array_equal(told, painted(pipe))
    assert pipe(list(PROMPTS), latents=latents, output_type="latent").images.shape == latents.shape


def test_a_call_answers_with_pictures_and_the_words_it_could_not_read():
    told = pipeline()(["a blue unicorn", "a mug"])
    assert [image.size for image in told.images] == [(32, 32)] * 2
    assert told.unknown_words == [["unicorn"], []]
    images, unknown = pipeline()("a mug", return_dict=False)
    assert (len(images), unknown) == (1, [[]])


def test_what_cannot_be_painted_is_told():
    with pytest.raises(ValueError, match="multiples of 8"):
        pipeline()("a mug", height=36)
    with pytest.raises(ValueError, match="2 pictures need 2 generators, not 1"):
        pipeline()(["a mug", "a cup"], generator=[torch.Generator()])


def test_another_size_may_be_asked_for():
    assert painted(pipeline(), PROMPTS[:1], height=48, width=32).shape == (1, 48, 32, 3)


def test_the_loader_opens_a_folder_as_an_ordinary_card_and_tells_unknown_words(folder):
    card = folder_card(folder, batch=3)
    assert card.backend == "diffusers"
    assert card.identity["size"] == [32, 32]
    model = load(card)
    requests = [
        GenerationRequest(prompt, seed) for seed, prompt in enumerate((*PROMPTS[:2], "a green dragon"))
    ]
    together = model.generate(requests)
    alone = [model.generate([request])[0] for request in requests]
    assert all(isinstance(answer, GeneratedImage) for answer in together)
    assert [answer.notes for answer in together] == [{}, {}, {"unknown_words": ["dragon"]}]
    for one, other in zip(alone, together, strict=True):
        assert steps_apart(np.asarray(one.pixels) / 255, np.asarray(other.pixels) / 255) <= ONE_STEP


def test_bfloat16_rounds_the_picture_and_draws_no_other(folder):
    request = [GenerationRequest(PROMPTS[0], 1)]
    card = folder_card(folder)
    exact, rounded = (
        np.asarray(load(card, dtype=dtype).generate(request)[0].pixels, dtype=float)
        for dtype in ("float32", "bfloat16")
    )
    other = np.asarray(load(card).generate([GenerationRequest(PROMPTS[0], 2)])[0].pixels, dtype=float)
    assert 0 < np.abs(exact - rounded).mean() < np.abs(exact - other).mean() / 4
