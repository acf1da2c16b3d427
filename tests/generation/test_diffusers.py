"""Tiny pipelines with random weights, really saved, loaded and run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.contracts import GeneratedImage, GenerationRequest, Refusal
from models.errors import GenerationFailed
from models.loading import load

# The schedulers of diffusers hand tensors to numpy in a way that numpy 2 will stop to accept.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

PROMPTS = ("a red mug", "the blue vase on the table", "a mug")
FAMILIES = ("sd", "sd3", "flux", "pixart")
# float32 arithmetic differs by about 1e-6 with the size of a batch, which can tip one 8-bit step.
ONE_STEP = 1
BATCH = [GenerationRequest(prompt, seed) for seed, prompt in enumerate(PROMPTS)]


def pixels(answer: GeneratedImage | Refusal) -> np.ndarray:
    assert isinstance(answer, GeneratedImage)
    assert answer.pixels.mode == "RGB"
    return np.asarray(answer.pixels, dtype=int)


def apart(one: GeneratedImage | Refusal, other: GeneratedImage | Refusal) -> int:
    """Largest difference of two pictures, in 8-bit steps."""
    return int(np.abs(pixels(one) - pixels(other)).max())


@pytest.mark.parametrize("name", FAMILIES)
def test_a_request_gives_the_same_picture_alone_and_among_neighbours(card, name):
    model = load(card(name, runtime={"batch": 3}))
    together = model.generate(BATCH)
    alone = [model.generate([request])[0] for request in BATCH]
    turned = model.generate(BATCH[::-1])[::-1]
    assert [answer.batch for answer in together] == [3, 3, 3]
    assert max(map(apart, together, alone)) <= ONE_STEP
    assert max(map(apart, together, turned)) <= ONE_STEP


@pytest.mark.parametrize("name", FAMILIES)
def test_prompt_and_seed_both_count(card, name):
    model = load(card(name, runtime={"batch": 4}))
    first, seed, prompt, again = model.generate(
        [
            GenerationRequest("a red mug", 1),
            GenerationRequest("a red mug", 2),
            GenerationRequest("the blue vase", 1),
            GenerationRequest("a red mug", 1),
        ]
    )
    assert apart(first, seed) > 20
    assert apart(first, prompt) > ONE_STEP
    assert apart(first, again) <= ONE_STEP
    assert first.seed == 1
    assert first.seconds > 0
    assert first.cpu_seconds > 0


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 6},
        {"guidance": 9.0},
        {"negative_prompt": "blue"},
        # Not Euler: without noise on the way its steps are those of DDIM.
        {"scheduler": "DPMSolverMultistepScheduler"},
        {"scheduler_options": {"beta_schedule": "linear"}},
        {"arguments": {"eta": 1.0}},
    ],
)
def test_every_part_of_the_identity_reaches_the_picture(card, change):
    plain, changed = card(), card(**change)
    assert plain.revision != changed.revision
    assert apart(load(plain).generate(BATCH[:1])[0], load(changed).generate(BATCH[:1])[0]) > ONE_STEP


def test_steps_and_scheduler_are_the_cards(card):
    model = load(
        card(steps=7, scheduler="EulerDiscreteScheduler", scheduler_options={"timestep_spacing": "linspace"})
    )
    seen = []
    model.pipeline.unet.register_forward_hook(lambda *_: seen.append(1))
    model.generate(BATCH[:1])
    assert len(seen) == 7
    assert type(model.pipeline.scheduler).__name__ == "EulerDiscreteScheduler"
    assert model.pipeline.scheduler.config.timestep_spacing == "linspace"
    # What the folder's own scheduler was configured with stays.
    assert model.pipeline.scheduler.config.beta_schedule == "scaled_linear"


def test_a_size_may_be_wider_than_high(card):
    (answer,) = load(card(size=[48, 32])).generate(BATCH[:1])
    assert answer.pixels.size == (48, 32)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("sd", {"scheduler": "EulerAncestralDiscreteScheduler"}),
        ("sd", {"arguments": {"eta": 1.0}}),
        # This pipeline never hands its scheduler a generator.
        ("sd3", {"scheduler_options": {"stochastic_sampling": True}}),
    ],
)
def test_noise_added_on_the_way_is_each_pictures_own(card, name, change):
    model = load(card(name, runtime={"batch": 3}, **change))
    together = model.generate(BATCH)
    torch.manual_seed(99)
    assert max(map(apart, together, (model.generate([request])[0] for request in BATCH))) <= ONE_STEP


@pytest.mark.parametrize("name", FAMILIES)
def test_precision_rounds_the_picture_and_draws_no_other(card, name):
    exact = load(card(name)).generate(BATCH[:1])[0]
    rounded = load(card(name, runtime={"dtype": "bfloat16"})).generate(BATCH[:1])[0]
    other = load(card(name)).generate([GenerationRequest(PROMPTS[0], 77)])[0]
    error = np.abs(pixels(exact) - pixels(rounded)).mean()
    # Measured: 1 to 2 steps of rounding against 30 and more between two seeds.
    assert 0 < error < 5 < np.abs(pixels(exact) - pixels(other)).mean()


def test_the_first_noise_is_the_same_in_every_precision(card):
    seen = {}
    for dtype in ("float32", "bfloat16"):
        model = load(card(runtime={"dtype": dtype}))
        seen[dtype] = []
        model.pipeline.unet.register_forward_hook(
            lambda _, given, __, kept=seen[dtype]: kept.append(given[0])
        )
        model.generate(BATCH[:1])
    exact, rounded = seen["float32"][0], seen["bfloat16"][0]
    assert rounded.dtype == torch.bfloat16
    assert torch.equal(exact.to(torch.bfloat16), rounded)


def test_running_out_of_memory_halves_the_batch_and_goes_on(card):
    requests = [GenerationRequest("a red mug", seed) for seed in range(7)]
    calm = load(card(runtime={"batch": 8}))
    expected = calm.generate(requests)

    tight = load(card(runtime={"batch": 8}))
    asked = []

    def small_memory(_, given):
        pictures = given[0].shape[0] // 2  # with guidance each picture is there twice
        asked.append(pictures)
        if pictures > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    tight.pipeline.unet.register_forward_pre_hook(small_memory)
    answers = tight.generate(requests)
    assert max(map(apart, expected, answers)) <= ONE_STEP
    assert [answer.seed for answer in answers] == list(range(7))
    # Three steps a batch; 7 and then 3 at once were too many.
    assert asked == [7, 3, *[1] * 21]
    assert tight.batch == 1


def test_the_cpus_own_lack_of_memory_is_known_too(card):
    model = load(card(runtime={"batch": 2}))

    def greedy(_, given):
        if given[0].shape[0] > 2:
            torch.empty(2**50)

    model.pipeline.unet.register_forward_pre_hook(greedy)
    assert len(model.generate(BATCH)) == 3
    assert model.batch == 1


def test_one_picture_too_large_for_memory_fails_in_one_line(card):
    model = load(card())

    def no_memory(*_):
        raise torch.OutOfMemoryError("out of memory")

    model.pipeline.unet.register_forward_pre_hook(no_memory)
    with pytest.raises(GenerationFailed, match=r"^tiny: not even one picture fits into memory$"):
        model.generate(BATCH)


def test_a_pipeline_that_breaks_fails_with_its_cause_and_can_go_on(card):
    model = load(card())

    def breaks(*_):
        raise ValueError("mat1 and mat2\n  do not fit")

    hook = model.pipeline.unet.register_forward_pre_hook(breaks)
    with pytest.raises(
        GenerationFailed, match=r"^tiny could not paint: ValueError: mat1 and mat2 do not fit$"
    ) as caught:
        model.generate(BATCH)
    assert isinstance(caught.value.__cause__, ValueError)
    hook.remove()
    assert len(model.generate(BATCH)) == 3


def test_values_that_are_no_numbers_are_never_a_black_picture(card):
    model = load(card())
    torch.nn.init.constant_(model.pipeline.unet.conv_out.bias, float("nan"))
    with pytest.raises(GenerationFailed, match="no numbers in float32"):
        model.generate(BATCH[:1])


def test_a_safety_checker_that_objects_is_a_refusal(card):
    assert load(card("sd-refuses", runtime={"batch": 2})).generate(BATCH) == [Refusal("safety")] * 3
    assert apart(load(card("sd-allows")).generate(BATCH[:1])[0], load(card()).generate(BATCH[:1])[0]) == 0


def test_a_safety_checker_refuses_one_picture_and_leaves_its_neighbours(card):
    model = load(card("sd-allows", runtime={"batch": 3}))
    checker = model.pipeline.safety_checker
    scores = []
    checker.visual_projection.register_forward_hook(lambda _, __, made: scores.append(made))
    plain = model.generate(BATCH)
    directions = torch.nn.functional.normalize(scores[0])
    # Every concept looks exactly like the second picture, and nothing else comes quite as close.
    checker.concept_embeds.data[:] = directions[1]
    nearest = max(float(directions[1] @ directions[other]) for other in (0, 2))
    checker.concept_embeds_weights.data.fill_((1 + nearest) / 2)
    checker.special_care_embeds_weights.data.fill_(2)
    answers = model.generate(BATCH)
    assert answers[1] == Refusal("safety")
    assert apart(answers[0], plain[0]) == apart(answers[2], plain[2]) == 0


def test_nothing_asked_is_nothing_painted(card):
    assert load(card()).generate([]) == []


def test_threads_wait_for_each_other(card):
    from concurrent.futures import ThreadPoolExecutor

    model = load(card())
    expected = model.generate(BATCH)
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda request: model.generate([request])[0], BATCH * 2))
    assert max(map(apart, expected * 2, answers)) <= ONE_STEP
