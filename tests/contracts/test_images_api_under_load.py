"""The images API when too much is asked of it, nobody waits, or an entrant breaks."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import openai
import pytest
from PIL import Image

from arena.app import create_api
from arena.services.guardrails import read_guardrails
from arena.services.keys import Holder
from arena.services.moderation import Guard, guard_of
from arena.services.serving import Desk
from arena.web.api.access import Allowances, OneKey
from arena.web.api.faults import Fault
from arena.web.api.passing import MINUTES, ShortLived
from arena.web.limits import Minutes
from models.batching import Batcher
from models.errors import CardError
from tests.contracts.running import served
from tests.generation.painters import Plain, plain_card

SECRET = "one key for all of it"


@dataclass
class Small:
    """An images API with one painter that a test can stop."""

    url: str
    painter: Plain
    batcher: Batcher

    def waiting(self) -> int:
        """Requests that wait or are painted."""
        return len(self.batcher._known)

    def post(self, prompt: str = "a mug", **more: object) -> tuple[int, dict[str, object], dict[str, str]]:
        body = json.dumps({"model": "plain", "prompt": prompt, **more}).encode()
        asked = urllib.request.Request(
            f"{self.url}/v1/images/generations",
            data=body,
            headers={"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.status, json.load(answer), dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)["error"], dict(error.headers)


@pytest.fixture
def small() -> Iterator[Callable[..., Small]]:
    """Serve the images API until the test ends."""
    painters = []
    with ExitStack() as stack:

        def start(
            *, most_waiting: int = 8, at_once: int = 6, seconds: float = 60, guard: Guard | None = None
        ) -> Small:
            painter = Plain(plain_card(batch=1))
            painters.append(painter)

            def load(slug: str) -> Plain:
                if slug == "lost":
                    raise CardError("the weights in /secret/folder are not here")
                return painter

            batcher = stack.enter_context(Batcher(load, window=0, most_waiting=most_waiting))
            stack.callback(painter.open.set)
            desk = Desk([plain_card(), plain_card("lost")], batcher, guard=guard)
            app = create_api(desk=desk, gate=OneKey(SECRET), seconds=seconds, at_once=at_once)
            return Small(stack.enter_context(served(app)), painter, batcher)

        yield start


def in_the_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(1000):
        if happened():
            return
        time.sleep(0.02)
    pytest.fail("it did not happen within twenty seconds")


@pytest.mark.parametrize(("block", "status"), [(0.0, 400), (1.1, 200)])
def test_pictures_are_looked_at_before_anybody_gets_them(
    small: Callable[..., Small], tmp_path: Path, block: float, status: int
) -> None:
    """A checker that declines whatever scores nought or more, and one that declines nothing."""
    (tmp_path / "moderation.toml").write_text(f'[[checker]]\nkind = "open-nsfw"\nblock = {block}\n')
    api = small(guard=guard_of(read_guardrails(tmp_path)))
    told = api.post(n=2)
    assert told[0] == status
    if status == 400:
        assert told[1]["code"] == "content_policy_violation"
        assert "data" not in told[1]
        client = openai.OpenAI(base_url=f"{api.url}/v1", api_key=SECRET, max_retries=0)
        with client, pytest.raises(openai.BadRequestError, match="declined here"):
            client.images.generate(model="plain", prompt="a mug")


def test_when_the_queue_is_full_it_is_told_when_to_come_again(small: Callable[..., Small]) -> None:
    api = small(most_waiting=2)
    api.painter.open.clear()
    done: list[int] = []
    asking = [in_the_background(lambda: done.append(api.post("one")[0]))]
    assert api.painter.painting.wait(30)
    status, error, headers = api.post(n=3)
    assert (status, error["code"], error["type"]) == (429, "server_busy", "rate_limit_error")
    assert int(headers["Retry-After"]) >= 1
    # The two that had a place gave it back with the third: there is room for two again.
    asking += [in_the_background(lambda: done.append(api.post("two")[0])) for _ in range(2)]
    api.painter.open.set()
    for one in asking:
        one.join(timeout=30)
    assert done == [200, 200, 200]
    assert sorted(prompt for batch in api.painter.batches for prompt in batch) == ["one", "two", "two"]


def test_with_every_place_taken_health_still_answers(small: Callable[..., Small]) -> None:
    api = small(at_once=1)
    api.painter.open.clear()
    done: list[int] = []
    asking = in_the_background(lambda: done.append(api.post()[0]))
    assert api.painter.painting.wait(30)
    status, _, headers = api.post()
    assert status == 429
    assert int(headers["Retry-After"]) >= 1
    for path in ("healthz", "readyz"):
        with urllib.request.urlopen(f"{api.url}/{path}", timeout=30) as answer:
            assert answer.status == 200
    api.painter.open.set()
    asking.join(timeout=30)
    assert done == [200]
    assert api.post()[0] == 200


def test_a_request_whose_client_hung_up_is_not_painted(small: Callable[..., Small]) -> None:
    api = small()
    api.painter.open.clear()
    asking = in_the_background(api.post)
    assert api.painter.painting.wait(30)
    body = json.dumps({"model": "plain", "prompt": "hung up"}).encode()
    host, _, port = api.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as line:
        line.sendall(
            b"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + f"Authorization: Bearer {SECRET}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        wait_until(lambda: api.waiting() == 2)
    wait_until(lambda: api.waiting() == 1)
    api.painter.open.set()
    asking.join(timeout=30)
    assert api.post("later")[0] == 200
    assert [prompt for batch in api.painter.batches for prompt in batch] == ["a mug", "later"]


def test_what_takes_too_long_is_given_up_and_taken_back(small: Callable[..., Small]) -> None:
    api = small(seconds=0.3)
    api.painter.open.clear()
    status, error, headers = api.post("slow", n=2)
    assert (status, error["code"]) == (504, "timeout")
    assert headers["X-Should-Retry"] == "false"
    api.painter.open.set()
    assert api.post("quick")[0] == 200
    assert [prompt for batch in api.painter.batches for prompt in batch] == ["slow", "quick"]


def test_an_entrant_that_breaks_is_a_server_error_in_one_line(small: Callable[..., Small]) -> None:
    status, error, headers = small().post("break")
    assert (status, error["type"], error["code"]) == (500, "server_error", "generation_failed")
    assert "\n" not in str(error["message"])
    assert headers["X-Should-Retry"] == "false"


def test_an_entrant_that_cannot_be_loaded_tells_nothing_of_this_machine(small: Callable[..., Small]) -> None:
    status, error, _ = small().post(model="lost")
    assert (status, error["code"]) == (503, "model_unavailable")
    assert "secret" not in str(error)


def test_a_refusal_is_a_policy_violation_with_its_reason(small: Callable[..., Small]) -> None:
    api = small()
    client = openai.OpenAI(base_url=f"{api.url}/v1", api_key=SECRET, max_retries=3)
    with client, pytest.raises(openai.BadRequestError, match="unknown words") as error:
        client.images.generate(model="plain", prompt="refuse", n=2)
    assert error.value.code == "content_policy_violation"
    assert error.value.type == "image_generation_user_error"
    assert error.value.body == {
        "message": "plain will not paint this: unknown words",
        "type": "image_generation_user_error",
        "param": "prompt",
        "code": "content_policy_violation",
        "reason": "unknown words",
        "words": ["refuse"],
    }


def test_settings_that_an_entrant_does_not_have_are_refused(small: Callable[..., Small]) -> None:
    api = small()
    for asked in ({"steps": 4}, {"guidance": 2.0}, {"size": "64x64"}):
        status, error, _ = api.post(**asked)
        assert status == 400
        assert next(iter(asked)) in str(error["message"])
    assert api.painter.batches == []


@pytest.mark.parametrize(("container", "mode"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_a_picture_comes_in_the_container_that_was_asked_for(
    small: Callable[..., Small], container: str, mode: str
) -> None:
    _, told, _ = small().post(output_format=container, seed=9)
    assert told["output_format"] == container
    with Image.open(BytesIO(base64.b64decode(told["data"][0]["b64_json"]))) as picture:
        assert (picture.format, picture.size, picture.info.get("exif")) == (mode, (8, 6), None)


def test_an_allowance_is_full_again_after_a_minute() -> None:
    clock = [0.0]
    allowances = Allowances(Minutes(lambda: clock[0]))
    holder = Holder("ann", may_unblind=False, per_minute=2)
    for moment in (0.0, 30.0):
        clock[0] = moment
        allowances.take(holder)
    clock[0] = 45.0
    with pytest.raises(Fault) as error:
        allowances.take(holder)
    assert error.value.retry_after == 15.0
    allowances.take(Holder("bob", may_unblind=False, per_minute=2))
    allowances.take(Holder("eve", may_unblind=False))
    clock[0] = 60.0
    allowances.take(holder)
    with pytest.raises(Fault):
        allowances.take(holder)


def test_short_lived_pictures_go_by_age_and_by_size() -> None:
    clock = [0.0]
    passing = ShortLived(most_bytes=10, clock=lambda: clock[0])
    first, second = passing.put(b"12345", "image/png"), passing.put(b"67890", "image/png")
    assert passing.get(first) is not None
    third = passing.put(b"x", "image/png")
    assert passing.get(first) is None
    kept = passing.get(second)
    assert kept is not None
    assert kept.data == b"67890"
    clock[0] = 60.0 * MINUTES
    assert passing.get(second) is None
    assert passing.get(third) is None
    assert passing.get("made up") is None
