"""The fastest runtime within the limits, written into a catalogue that stays the operator's own."""

from __future__ import annotations

import json
import tomllib

import numpy as np
import pytest
from click.testing import CliRunner

from arena.cli import arena
from arena.cli.context import Context
from models.catalog import BUILT_IN, read_catalog
from models.contracts import GenerationRequest
from models.errors import CardError, GenerationFailed
from models.loading import load
from models.overrides import write_runtime
from models.tuning import REFERENCE, Measured, candidates, chosen, fastest, judge, measure, tune

CATALOG = """\
# Cards of this house.

[[entrant]]
slug = "tiny"  # the small one
name = "Tiny"
kind = "external"
backend = "diffusers"
description = "[[entrant]] in words"

[entrant.identity]
path = "{folder}"
steps = 3
guidance = 4.0
size = 32
scheduler_options = {{ beta_schedule = "linear" }}

# What follows has a runtime already.
[[entrant]]
slug = "other"
name = "Other"
kind = "external"
backend = "diffusers"
[entrant.runtime]
batch = 2   # two fit
device = "cpu"

[entrant.identity]
path = "{folder}"
steps = 2
guidance = 4.0
size = 32
"""


@pytest.fixture
def home(tmp_path, saved):
    (tmp_path / "catalog.toml").write_text(CATALOG.format(folder=saved("sd")))
    return tmp_path


def run(home, *words):
    context = Context({"ARENA_HOME": str(home), "ARENA_DEVICE": "cpu"})
    return CliRunner().invoke(arena, words, obj=context, catch_exceptions=False)


# -- measuring and judging


def test_candidates_start_with_eager_float32_and_are_what_the_machine_can():
    cpu = candidates("cpu", native=frozenset({"FP32", "BF16"}))
    assert cpu[0] == REFERENCE
    assert [one["dtype"] for one in cpu if one["engine"] == "openvino"] == ["bfloat16", "float32"]
    assert not any(one["compile"] for one in cpu)
    plain = candidates("cpu", native=frozenset({"FP32"}), compiled=True)
    assert {one["dtype"] for one in plain} == {"float32"}
    assert any(one["compile"] for one in plain)
    gpu = candidates("cuda", native=frozenset())
    assert {one["engine"] for one in gpu} == {"torch"}
    assert {one["dtype"] for one in gpu} == {"float32", "bfloat16", "float16"}


def test_measuring_paints_alone_and_in_batches(card):
    measured = measure(card(), 3, 2)
    assert measured.seconds.keys() == {1, 2}
    assert min(measured.seconds.values()) > 0
    assert measured.peak_bytes > 50 * 2**20
    assert [picture.shape for picture in measured.alone] == [(32, 32, 3)] * 3
    assert judge(REFERENCE, measured, measured).verdict == "within"
    assert not any(np.array_equal(measured.alone[0], other) for other in measured.alone[1:])


def pictures(*changes):
    return [np.full((4, 4, 3), 100 + change, dtype=np.uint8) for change in changes]


@pytest.mark.parametrize(
    ("dtype", "alone", "together", "verdict"),
    [
        # Two levels everywhere are 42.1 dB, three 38.6, five 34.2.
        ("bfloat16", (2, 2), (2, 2), "within"),
        ("bfloat16", (3, 3), (3, 3), "too far: below 40 dB on average or 35 at least"),
        ("bfloat16", (0, 5), (0, 5), "too far: below 40 dB on average or 35 at least"),
        ("bfloat16", (2, 2), (2, 15), "too far: a picture depends on its batch by more than 12 levels"),
        ("float32", (2, 2), (2, 2), "too far: below 50 dB on average or 45 at least"),
        ("float32", (0, 0), (0, 2), "too far: a picture depends on its batch by more than 1 levels"),
    ],
)
def test_what_is_too_far_from_eager_float32_is_not_taken(dtype, alone, together, verdict):
    exact = Measured({1: 9.0}, 1, pictures(0, 0), pictures(0, 0))
    quick = Measured({1: 2.0, 4: 1.0}, 1, pictures(*alone), pictures(*together))
    runtime = {**REFERENCE, "dtype": dtype}
    trials = [judge(REFERENCE, exact, exact), judge(runtime, quick, exact)]
    assert trials[1].verdict == verdict
    assert trials[1].runtime["batch"] == 4
    assert fastest(trials) is trials[verdict == "within"]


def test_a_candidate_that_breaks_is_told_and_the_others_go_on(card):
    def painter(told, count, most):
        if told.runtime["dtype"] == "bfloat16":
            raise GenerationFailed("no memory")
        return Measured({1: 1.0}, 1, pictures(0), pictures(0))

    runtimes = [REFERENCE, {**REFERENCE, "dtype": "bfloat16"}, {**REFERENCE, "channels_last": True}]
    trials = list(tune(card(), runtimes, run=painter))
    assert [one.verdict for one in trials] == ["within", "failed: no memory", "within"]
    assert chosen(card(), trials[2]) == {
        "engine": "torch",
        "dtype": "float32",
        "batch": 1,
        "channels_last": True,
    }
    with pytest.raises(GenerationFailed, match="no memory"):
        list(tune(card(), runtimes[1:], run=painter))


def test_an_entrant_without_engines_is_told():
    with pytest.raises(CardError, match="painted by atelier, which has no engines to choose"):
        list(tune(read_catalog(BUILT_IN)["atelier"], [REFERENCE]))


# -- writing


def test_a_runtime_is_written_and_all_else_stays_as_it_stands(home):
    file = home / "catalog.toml"
    before = file.read_text()
    cards = {card.slug: card for card in read_catalog(file)}
    write_runtime(cards["tiny"], {"engine": "openvino", "batch": 4}, file)
    write_runtime(cards["other"], {"engine": "torch", "dtype": "bfloat16", "batch": 8}, file)
    after = {card.slug: card for card in read_catalog(file)}
    assert after["tiny"].runtime == cards["tiny"].runtime | {"engine": "openvino", "batch": 4}
    assert after["other"].runtime == cards["other"].runtime | {
        "engine": "torch",
        "dtype": "bfloat16",
        "batch": 8,
    }
    assert [card.revision for card in after.values()] == [card.revision for card in cards.values()]
    text = file.read_text()
    assert "batch = 8   # two fit" in text
    written = iter(text.splitlines())
    assert all(line in written for line in before.splitlines() if not line.startswith("batch"))
    assert sorted(one.name for one in home.iterdir()) == ["catalog.toml"]
    # Once more changes nothing but the value.
    write_runtime(after["tiny"], {"engine": "torch", "batch": 4}, file)
    assert file.read_text() == text.replace('engine = "openvino"', 'engine = "torch"')


def test_a_card_from_elsewhere_is_copied_with_its_revision(home, card):
    file = home / "own" / "catalog.toml"
    told = card(
        negative_prompt='"blue"\nand é', scheduler_options={"beta_schedule": "linear", "steps_offset": 2}
    )
    write_runtime(told, {"engine": "openvino", "batch": 2}, file)
    (copied,) = read_catalog(file)
    assert copied.revision == told.revision
    assert copied.folder == told.folder
    assert copied.runtime["engine"] == "openvino"
    assert copied.identity == told.identity


def test_a_file_that_cannot_be_edited_safely_stays_and_says_what_to_write(home):
    file = home / "catalog.toml"
    text = file.read_text().replace("[entrant.runtime]\nbatch = 2   # two fit\n", "runtime = { batch = 2 }\n")
    text = text.replace('device = "cpu"\n', "")
    file.write_text(text)
    card = read_catalog(file)["other"]
    with pytest.raises(CardError, match="under entrant 'other' set runtime engine = \"torch\", batch = 3"):
        write_runtime(card, {"engine": "torch", "batch": 3}, file)
    assert file.read_text() == text


# -- commands


def test_tune_measures_here_and_writes_the_runtime_and_never_the_revision(home, monkeypatch):
    # Two of the candidates, each in a process of its own.
    monkeypatch.setattr(
        "models.tuning.candidates", lambda *_, **__: [dict(REFERENCE), {**REFERENCE, "dtype": "bfloat16"}]
    )
    before = read_catalog(home / "catalog.toml")["tiny"]
    told = json.loads(run(home, "entrants", "tune", "tiny", "--prompts", "2", "--most", "2", "--json").stdout)
    after = read_catalog(home / "catalog.toml")["tiny"]
    assert [trial["verdict"] for trial in told["trials"]] == ["within", "within"]
    assert told["trials"][0]["mean_psnr"] is None
    assert 40 <= told["trials"][1]["mean_psnr"] < 70
    best = min(told["trials"], key=lambda trial: trial["best_seconds"])
    assert told["runtime"] == {key: best["runtime"][key] for key in ("engine", "dtype", "batch")}
    assert after.runtime == before.runtime | told["runtime"]
    assert after.revision == before.revision == told["revision"]
    assert after.identity == before.identity
    assert "# What follows has a runtime already." in (home / "catalog.toml").read_text()


def test_bench_says_how_much_faster_the_default_is(home):
    done = run(home, "bench", "--entrant", "other", "--rounds", "1", "--json")
    told = json.loads(done.stdout)
    assert told["entrant"] == "other"
    assert told["engine"] == "openvino"
    assert told["batch"] == 2
    assert (told["naive_steps"], told["naive_guidance"]) == (50, 4.0)
    assert told["speedup"] == pytest.approx(told["naive_seconds"] / told["default_seconds"])
    assert [row["label"] for row in told["rows"]] == ["plain", "the card's steps", "in bfloat16", "default"]
    assert told["naive_seconds"] > told["rows"][1]["seconds"]
    assert 0 < told["share_of_floor"] < 1
    assert "turn" in done.stderr
    assert tomllib.loads((home / "catalog.toml").read_text())["entrant"][1]["runtime"] == {
        "batch": 2,
        "device": "cpu",
    }


def test_the_operations_of_a_denoiser_are_those_of_its_calls(card):
    from models.benchmarking import Row, _flops

    model = load(card("pixart", runtime={"batch": 2}))
    flops = {batch: _flops(model, Row("", "", "", 3, 4.0, batch)) for batch in (1, 2)}
    longer = _flops(model, Row("", "", "", 6, 4.0, 1))
    assert flops[2] == 2 * flops[1]
    assert longer == 2 * flops[1]
    # 64 tokens of width 32 through one block, twice a step: its matrices alone are over 2 x 64 x 12 x 32^2.
    assert flops[1] > 3 * 2 * (2 * 64 * 12 * 32**2)


def test_guidance_of_the_plain_row_is_on(card):
    from models.benchmarking import naive_guidance

    pipeline = load(card()).pipeline
    assert naive_guidance(card(guidance=3.0), pipeline) == 3.0
    assert naive_guidance(card(guidance=0.0), pipeline) == 7.5
    assert load(card()).generate([GenerationRequest("a mug", 1)])
