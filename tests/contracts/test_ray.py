"""Ray Serve, really started; only where ARENA_TEST_RAY names a Python that has it and this package."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from models.catalog import read_catalog
from models.contracts import EntrantCard, GenerationRequest
from models.errors import CardError
from models.loading import load
from models.remote import through
from tests.contracts.test_command_line import PLAIN
from tests.contracts.test_images_api import CARD
from tests.generation.conftest import stable_diffusion

PYTHON = os.environ.get("ARENA_TEST_RAY")
APP = Path(__file__).parents[2] / "deploy" / "ray_app.py"
KEY = "a secret of these tests"
LARGEST_DIFFERENCE = 1  # of 255: the same arithmetic, perhaps in a batch of another size

pytestmark = pytest.mark.skipif(PYTHON is None, reason="ARENA_TEST_RAY names no Python with ray")


def start(home: Path, *words: str, key: str = KEY, **more: object) -> subprocess.Popen[str]:
    assert PYTHON
    return subprocess.Popen(
        [PYTHON, str(APP), *words],
        env={**PLAIN, "ARENA_HOME": str(home), "VERNISSAGE_ENGINE_KEY": key, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **more,  # type: ignore[call-overload]
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ray")
    stable_diffusion().save_pretrained(folder / "tiny")
    (folder / "catalog.toml").write_text(CARD.format(slug="tiny"))
    return folder


@pytest.fixture(scope="module")
def card(home: Path) -> EntrantCard:
    return read_catalog(home / "catalog.toml")["tiny"]


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = start(home, "--entrant", "tiny", "--port", str(port), "--cpus", "0.5")
    try:
        assert process.stdout
        told = process.stdout.readline()
        if "is open" not in told:
            process.terminate()
            pytest.fail(told + process.communicate()[1])
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERNISSAGE_ENGINE_KEY", KEY)


def test_its_pictures_are_those_of_this_machine(url: str, card: EntrantCard) -> None:
    requests = [GenerationRequest("a red vase", seed) for seed in range(6)]
    requests.append(GenerationRequest("a red vase", 1, steps=2))
    with through(url, card) as afar:
        there = afar.generate(requests)
    near = load(card)
    here = near.generate(requests[:6]) + near.generate(requests[6:])
    for one, other in zip(there, here, strict=True):
        difference = np.asarray(one.pixels).astype(int) - np.asarray(other.pixels).astype(int)
        assert np.abs(difference).max() <= LARGEST_DIFFERENCE
    assert max(picture.batch for picture in there) > 1, "what came together was not painted together"


def test_another_revision_and_another_key_are_refused(
    url: str, card: EntrantCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    with pytest.raises(CardError, match=card.revision):
        through(url, replace(card, identity={**card.identity, "steps": 4}))
    monkeypatch.setenv("VERNISSAGE_ENGINE_KEY", "another secret of these tests")
    with pytest.raises(CardError, match="not known here"):
        through(url, card)


def test_what_it_adds_is_written_down(
    url: str, card: EntrantCard, record_property: Callable[[str, object], None]
) -> None:
    """Never a gate: this machine may be busy."""

    def milliseconds(entrant: object) -> float:
        taken = []
        for seed in range(12):
            started = time.perf_counter()
            entrant.generate([GenerationRequest("a mug", seed)])  # type: ignore[attr-defined]
            taken.append(1000 * (time.perf_counter() - started))
        return min(taken)

    with through(url, card) as afar:
        there = milliseconds(afar)
    here = milliseconds(load(card))
    record_property("overhead_ms", round(there - here, 1))
    print(f"Ray Serve adds {there - here:.0f} ms to {here:.0f} ms")  # noqa: T201


def test_without_a_key_or_an_entrant_it_says_what_to_do(home: Path) -> None:
    for words, key, told in (
        (("--entrant", "tiny"), "short", "VERNISSAGE_ENGINE_KEY"),
        (("--entrant", "nobody"), KEY, "no entrant is called 'nobody'"),
    ):
        process = start(home, *words, key=key)
        _, error = process.communicate(timeout=120)
        assert process.returncode == 2
        assert told in error
        assert "Traceback" not in error
