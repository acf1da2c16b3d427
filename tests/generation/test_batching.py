"""Requests of many callers, painted together: who is next, who shares a batch, who fails."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor

import numpy as np
import pytest

from models.batching import Batcher
from models.contracts import GeneratedImage, GenerationRequest, Refusal
from models.errors import Busy, GenerationFailed, MissingPart
from models.loading import load
from tests.generation.painters import Plain, plain_card

SOON = 600
LONG = 3600.0


def ask(prompt: str, seed: int = 0, **settings) -> GenerationRequest:
    return GenerationRequest(prompt=prompt, seed=seed, **settings)


class Studio:
    """Plain entrants by name, each loaded once and stopped at its first batch until told to go on."""

    def __init__(self, *, batch: int = 4, stopped: bool = True) -> None:
        self.models: dict[str, Plain] = {}
        self.loaded: list[str] = []
        self.batch = batch
        self.stopped = stopped
        self.lock = threading.Lock()

    def __getitem__(self, slug: str) -> Plain:
        with self.lock:
            if slug not in self.models:
                self.models[slug] = Plain(plain_card(slug, batch=self.batch))
                if self.stopped:
                    self.models[slug].open.clear()
            return self.models[slug]

    def load(self, slug: str) -> Plain:
        self.loaded.append(slug)
        return self[slug]

    def go_on(self) -> None:
        self.stopped = False
        for model in self.models.values():
            model.open.set()


@pytest.fixture
def studio():
    """Entrants that wait; let go at the end, so that a failing test does not hang."""
    made = Studio()
    yield made
    made.go_on()


def occupy(batcher: Batcher, studio: Studio, entrant: str = "one"):
    """Keep the painting thread busy with a first request, so that later ones must queue."""
    first = batcher.submit(entrant, ask("first"))
    assert studio[entrant].painting.wait(SOON)
    return first


def test_what_waits_for_one_entrant_at_one_setting_is_painted_together(studio):
    with Batcher(studio.load, window=0) as batcher:
        occupy(batcher, studio)
        futures = [batcher.submit("one", ask(f"p{n}", n)) for n in range(6)]
        futures += [batcher.submit("one", ask("steps", 9, steps=8)), batcher.submit("two", ask("other"))]
        studio.go_on()
        answers = [future.result(SOON) for future in futures]
    assert studio["one"].batches == [["first"], ["p0", "p1", "p2", "p3"], ["p4", "p5"], ["steps"]]
    assert studio["two"].batches == [["other"]]
    assert [answer.seed for answer in answers] == [0, 1, 2, 3, 4, 5, 9, 0], "each got its own picture"


def test_a_batch_that_is_not_full_waits_for_company_and_one_that_is_does_not(studio):
    studio.stopped = False
    with Batcher(studio.load, window=LONG) as batcher:
        early = batcher.submit("one", ask("p0"))
        assert not studio["one"].painting.wait(0.2), "it waits for company"
        for future in [early, *(batcher.submit("one", ask(f"p{n}")) for n in range(1, 4))]:
            assert isinstance(future.result(SOON), GeneratedImage)
    assert studio["one"].batches == [["p0", "p1", "p2", "p3"]]


def test_a_lone_request_is_painted_after_the_window(studio):
    studio.stopped = False
    with Batcher(studio.load, window=0.05) as batcher:
        started = time.monotonic()
        batcher.submit("one", ask("alone")).result(SOON)
        assert time.monotonic() - started >= 0.05


def test_a_picture_does_not_depend_on_its_batch(card):
    """The same request through the batcher, in a batch of many callers, and alone by the pipeline itself."""
    model = load(card(runtime={"batch": 4}))
    requests = [ask(f"a red mug {n}", 100 + n) for n in range(8)]
    alone = [model.generate([request])[0] for request in requests]
    with Batcher(lambda _: model, window=0.5) as batcher, ThreadPoolExecutor(8) as callers:
        together = [
            future.result(SOON)
            for future in callers.map(lambda request: batcher.submit("tiny", request), requests)
        ]
    assert {answer.batch for answer in together} == {4}
    for one, many, request in zip(alone, together, requests, strict=True):
        assert many.seed == request.seed
        difference = np.abs(np.asarray(one.pixels, dtype=int) - np.asarray(many.pixels, dtype=int))
        # rounding of float32 in another order may tip one of 256 levels, never two
        assert difference.max() <= 1
    first, second = (np.asarray(answer.pixels) for answer in together[:2])
    assert (first != second).any()


def test_a_rater_goes_before_a_campaign(studio):
    with Batcher(studio.load, window=0) as batcher:
        occupy(batcher, studio)
        futures = [batcher.submit("one", ask(f"campaign {n}"), priority=10) for n in range(8)]
        rater = batcher.submit("two", ask("rater"))
        done: list[str] = []
        rater.add_done_callback(lambda _: done.append("rater"))
        for future in futures:
            future.add_done_callback(lambda _: done.append("campaign"))
        studio.go_on()
        for future in (rater, *futures):
            future.result(SOON)
    assert done == ["rater"] + ["campaign"] * 8


def test_nothing_starves(studio):
    """With no patience left a campaign's request that came first goes before raters who came later."""
    with Batcher(studio.load, window=0, patience=0.001) as batcher:
        occupy(batcher, studio)
        campaign = batcher.submit("one", ask("campaign"), priority=10)
        time.sleep(0.05)
        raters = [batcher.submit("one", ask(f"rater {n}")) for n in range(8)]
        studio.go_on()
        for future in (campaign, *raters):
            future.result(SOON)
    assert studio["one"].batches[1][0] == "campaign"


def test_a_full_queue_says_when_to_come_again(studio):
    with Batcher(studio.load, window=0, most_waiting=3) as batcher:
        occupy(batcher, studio)
        futures = [batcher.submit("one", ask(f"p{n}")) for n in range(3)]
        with pytest.raises(Busy, match="3 requests wait already") as told:
            batcher.submit("two", ask("too many"))
        assert told.value.retry_after > 0
        studio.go_on()
        for future in futures:
            future.result(SOON)
        batcher.submit("two", ask("now there is room")).result(SOON)


def test_one_entrant_cannot_take_the_whole_queue(studio):
    with Batcher(studio.load, window=0, most_of_one={"one": 2}) as batcher:
        occupy(batcher, studio)
        batcher.submit("one", ask("second"))
        with pytest.raises(Busy, match="2 requests to one"):
            batcher.submit("one", ask("third"))
        other = batcher.submit("two", ask("another entrant"))
        studio.go_on()
        assert isinstance(other.result(SOON), GeneratedImage)
        batcher.submit("one", ask("third")).result(SOON)


def test_a_cancelled_request_leaves_the_queue_and_frees_its_place(studio):
    with Batcher(studio.load, window=0, most_waiting=2) as batcher:
        running = occupy(batcher, studio)
        kept, given_up = batcher.submit("one", ask("kept")), batcher.submit("one", ask("given up"))
        assert given_up.cancel()
        later = batcher.submit("one", ask("later"))
        assert not running.cancel(), "what is being painted is finished"
        studio.go_on()
        for future in (running, kept, later):
            future.result(SOON)
        with pytest.raises(CancelledError):
            given_up.result(SOON)
    assert studio["one"].batches == [["first"], ["kept", "later"]]


def test_one_request_that_breaks_fails_alone(studio):
    with Batcher(studio.load, window=0) as batcher:
        occupy(batcher, studio)
        prompts = ("a", "break", "refuse", "b")
        futures = [batcher.submit("one", ask(prompt, 5)) for prompt in prompts]
        studio.go_on()
        with pytest.raises(GenerationFailed, match="this prompt breaks it"):
            futures[1].result(SOON)
        assert futures[2].result(SOON) == Refusal("unknown words", ("refuse",))
        for future in (futures[0], futures[3]):
            assert isinstance(future.result(SOON), GeneratedImage)
    assert studio["one"].batches[1:] == [list(prompts), *([prompt] for prompt in prompts)]


def test_an_entrant_that_cannot_be_loaded_fails_its_own_requests(studio):
    def load_or_not(slug: str) -> Plain:
        if slug == "gone":
            raise MissingPart("'gone' is not on this machine")
        return studio.load(slug)

    with Batcher(load_or_not, window=0) as batcher:
        occupy(batcher, studio)
        gone = [batcher.submit("gone", ask("a")), batcher.submit("gone", ask("b", steps=2))]
        here = batcher.submit("one", ask("c"))
        studio.go_on()
        for future in gone:
            with pytest.raises(MissingPart):
                future.result(SOON)
        assert isinstance(here.result(SOON), GeneratedImage)


def test_memory_that_ran_out_halves_the_batch_and_loses_nothing(card):
    model = load(card(runtime={"batch": 8}))
    sizes = []

    def short_of_memory(_, given):
        sizes.append(given[0].shape[0] // 2)  # with guidance each picture is there twice
        if sizes[-1] > 2:
            raise MemoryError

    model.pipeline.unet.register_forward_pre_hook(short_of_memory)
    with Batcher(lambda _: model, window=0.5) as batcher:
        futures = [batcher.submit("tiny", ask("a red mug", seed)) for seed in range(8)]
        assert [future.result(SOON).seed for future in futures] == list(range(8))
        assert sizes == [8, 4, *[2] * 12], "three steps a picture"
        later = [batcher.submit("tiny", ask("a blue vase", seed)) for seed in range(4)]
        assert [future.result(SOON).batch for future in later] == [2] * 4
    assert sizes[14:] == [2] * 6, "from then on it does not try more"


def test_a_request_knows_its_place(studio):
    with Batcher(studio.load, window=0) as batcher:
        first = occupy(batcher, studio)
        assert batcher.place(first).ahead == 0
        assert batcher.place(first).seconds is None, "nothing was painted yet: no estimate"
        futures = [batcher.submit("one", ask(f"p{n}"), priority=1) for n in range(5)]
        assert [batcher.place(future).ahead for future in futures] == [1, 2, 3, 4, 5]
        rater = batcher.submit("one", ask("rater"))
        assert batcher.place(rater).ahead == 1
        assert batcher.place(futures[0]).ahead == 2
        other = batcher.submit("two", ask("other"))
        assert batcher.place(other).ahead == 5, "after the rater's whole batch, before the campaign's next"
        assert batcher.place(futures[3]).ahead == 6
        other.cancel()
        time.sleep(0.2)
        studio["one"].open.set()
        for future in (rater, *futures):
            future.result(SOON)
        assert batcher.place(rater) == batcher.place(first)
        assert (batcher.place(first).ahead, batcher.place(first).seconds) == (0, 0.0)
        studio["one"].open.clear()
        studio["one"].painting.clear()
        occupy(batcher, studio)
        near, far = (batcher.submit("one", ask("x"), priority=n) for n in range(2))
        for seed in range(7):
            far = batcher.submit("one", ask("y", seed), priority=2)
        told = [batcher.place(future) for future in (near, far)]
        assert [place.ahead for place in told] == [1, 9]
        assert all(place.seconds is not None for place in told)
        assert told[0].seconds < told[1].seconds
        studio.go_on()


def test_few_entrants_are_kept_ready(studio):
    studio.stopped = False
    with Batcher(studio.load, window=0, most_loaded=2) as batcher:
        for slug in ("one", "two", "one", "three", "one", "two"):
            batcher.submit(slug, ask("p")).result(SOON)
    assert studio.loaded == ["one", "two", "three", "two"]


def test_closing_cancels_what_waits_and_finishes_what_is_painted(studio):
    batcher = Batcher(studio.load, window=0)
    running = occupy(batcher, studio)
    waiting = batcher.submit("one", ask("never painted"))
    threading.Timer(0.1, studio.go_on).start()
    batcher.close()
    assert isinstance(running.result(0), GeneratedImage)
    assert waiting.cancelled()
    with pytest.raises(RuntimeError, match="closed"):
        batcher.submit("one", ask("too late"))


def test_a_broken_model_leaves_nobody_waiting(studio):
    """Even an error that is none of ours, from a model that answers too little."""

    class Short(Plain):
        def generate(self, requests):
            return super().generate(requests)[:-1]

    with Batcher(lambda slug: Short(plain_card(slug)), window=0.05) as batcher:
        futures = [batcher.submit("short", ask(f"p{n}")) for n in range(3)]
        for future in futures:
            with pytest.raises(GenerationFailed, match="0 answers to 1 requests"):
                future.result(SOON)


def test_many_callers_get_each_their_own(studio):
    studio.stopped = False

    def caller(number: int, batcher: Batcher) -> list[bool]:
        right = []
        for turn in range(25):
            seed = number * 1000 + turn
            entrant = ("one", "two", "three")[turn % 3]
            answer = batcher.submit(entrant, ask("p", seed), priority=number % 2).result(SOON)
            right.append(answer.seed == seed and answer.pixels.getpixel((0, 0))[0] == seed % 256)
        return right

    with Batcher(studio.load, window=0.002) as batcher, ThreadPoolExecutor(16) as callers:
        told = list(callers.map(lambda number: caller(number, batcher), range(16)))
    assert sum(map(sum, told)) == 16 * 25
    assert sum(len(batch) for model in studio.models.values() for batch in model.batches) == 16 * 25
