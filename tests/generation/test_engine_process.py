"""An entrant in a process of its own: what it says comes through, and its crashes cost no request."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest

from models.batching import Batcher
from models.contracts import GeneratedImage, GenerationRequest, Refusal
from models.engine_process import EngineProcess
from models.errors import CardError, GenerationFailed, PartlyFailed
from models.loading import load
from tests.generation.painters import die_loading, load_fragile, load_nothing, plain_card

SOON = 600


def ask(prompt: str, seed: int = 0) -> GenerationRequest:
    return GenerationRequest(prompt=prompt, seed=seed)


@pytest.fixture(scope="module")
def shared():
    """One child for the tests that leave it whole, or mend it."""
    with EngineProcess(plain_card(), load=load_fragile) as engine:
        yield engine


def test_answers_come_through_whole(shared):
    picture, refusal = shared.generate([ask("a", 258), ask("refuse")])
    assert refusal == Refusal("unknown words", ("refuse",))
    assert isinstance(picture, GeneratedImage)
    assert (picture.seed, picture.seconds, picture.cpu_seconds, picture.batch) == (258, 0.25, 0.5, 2)
    assert picture.pixels.size == (8, 6)
    assert set(picture.pixels.get_flattened_data()) == {(2, 1, 7)}
    assert picture.notes == {"process": shared.process_id} != {"process": os.getpid()}
    assert shared.card.runtime["device"] == "cpu", "the card says what was really used"


def test_errors_come_through_with_their_kind(shared):
    before = shared.process_id
    with pytest.raises(GenerationFailed, match="this prompt breaks it"):
        shared.generate([ask("break")])
    assert shared.process_id == before, "an error is no crash"
    with pytest.raises(CardError, match="entrant 'plain': no weights"):
        EngineProcess(plain_card(), load=load_nothing)
    with pytest.raises(GenerationFailed, match=r"died \(killed by SIGKILL\)"):
        EngineProcess(plain_card(), load=die_loading)


def test_the_batch_is_the_childs_own(shared):
    assert shared.batch == 4
    assert len(shared.generate([ask("large"), ask("b")])) == 2
    assert shared.batch == 2, "memory ran out there"


def test_a_request_that_kills_the_process_fails_alone(shared):
    with pytest.raises(PartlyFailed) as told:
        shared.generate([ask("a", 1), ask("kill", 2), ask("b", 3)])
    first, second, third = told.value.answers
    assert isinstance(second, GenerationFailed)
    assert "3 times while painting this request" in str(second)
    assert [first.seed, third.seed] == [1, 3]
    with pytest.raises(GenerationFailed, match="3 times"):
        shared.generate([ask("kill")])
    assert len(shared.generate([ask("a")])) == 1, "and it goes on"
    assert zombies() == []


def zombies() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if one.status() == psutil.STATUS_ZOMBIE]


def test_a_process_killed_while_it_paints_loses_no_request(card):
    """A real pipeline, killed from outside in the middle of a batch of requests that many wait for."""
    painted = load(card(runtime={"batch": 2}, steps=60))
    requests = [ask(f"a red mug {seed}", seed) for seed in range(4)]
    expected = painted.generate(requests)
    with EngineProcess(painted.card) as engine, Batcher(lambda _: engine, window=0.2) as batcher:
        first = engine.process_id
        assert first
        futures = [batcher.submit("tiny", request) for request in requests]
        used = psutil.Process(first).cpu_times().user
        while psutil.Process(first).cpu_times().user < used + 0.1:
            time.sleep(0.01)
        assert not any(future.done() for future in futures)
        os.kill(first, signal.SIGKILL)
        answers = [future.result(SOON) for future in futures]
        assert engine.process_id not in (first, None)
        assert zombies() == []
    for one, other in zip(expected, answers, strict=True):
        assert np.abs(np.asarray(one.pixels, dtype=int) - np.asarray(other.pixels, dtype=int)).max() <= 1
    assert not psutil.pid_exists(first)


def test_closing_ends_the_process_even_while_it_paints():
    engine = EngineProcess(plain_card(), load=load_fragile)
    child = engine.process_id
    assert child
    failed: list[Exception] = []

    def paint() -> None:
        try:
            engine.generate([ask("sleep")])
        except GenerationFailed as error:
            failed.append(error)

    caller = threading.Thread(target=paint)
    caller.start()
    time.sleep(0.2)
    engine.close()
    caller.join(SOON)
    assert failed
    assert not psutil.pid_exists(child)
    with pytest.raises(GenerationFailed, match="closed"):
        engine.generate([ask("a red mug")])


def test_the_process_ends_with_a_parent_that_is_killed():
    code = (
        "import sys, time\n"
        "from models.engine_process import EngineProcess\n"
        "from tests.generation.painters import load_fragile, plain_card\n"
        "if __name__ == '__main__':\n"
        "    engine = EngineProcess(plain_card(), load=load_fragile)\n"
        "    print(engine.process_id, flush=True)\n"
        "    time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + SOON
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until, "the child outlives its parent"
        time.sleep(0.02)
