"""The images API as a program meets it: the official client, `arena serve --api`, real pipelines."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import numpy as np
import openai
import pytest
from PIL import Image
from sqlalchemy import select

from arena.cli.context import Context
from arena.tables import Event
from models.contracts import GenerationRequest
from models.errors import CardError
from models.loading import load
from models.remote import through
from tests.contracts.images_api import Running, command
from tests.contracts.test_command_line import PLAIN
from tests.generation.conftest import stable_diffusion

CARD = """
[[entrant]]
slug = "{slug}"
name = "{slug}"
kind = "baseline"
backend = "diffusers"
[entrant.identity]
path = "{slug}"
steps = 3
guidance = 4.0
size = 32
[entrant.runtime]
engine = "torch"
device = "cpu"
dtype = "float32"
batch = 4
"""
DEALT = "a blue mug, on the table"
RULES = '[[rule]]\ncategory = "other"\nwords = ["our mascot"]\n'


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`arena serve --api` with a tiny pipeline, and a path tracer that nobody asks."""
    home = tmp_path_factory.mktemp("home")
    stable_diffusion().save_pretrained(home / "tiny")
    (home / "catalog.toml").write_text(CARD.format(slug="tiny"))
    (home / "moderation.toml").write_text(RULES)
    command(home, "init")
    key = command(home, "keys", "make", "tests")
    command(home, "prompts", "add", DEALT, "--campaign", "open")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ("serve", "--api", "--port", str(port), "--entrant", "tiny", "--entrant", "atelier")
    log = home / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", "from arena.cli import main; main()", *words],
            env={**PLAIN, "ARENA_HOME": str(home), "OMP_NUM_THREADS": "1"},
            stdout=out,
            stderr=out,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            if process.poll() is not None:
                pytest.fail(log.read_text())
            try:
                with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
                    assert answer.read() == b"ok\n"
                break
            except OSError:
                time.sleep(0.1)
        running = Running(home, url, key)
        yield running
        for client in running.clients:
            client.close()
        assert "Traceback" not in log.read_text()
    finally:
        process.terminate()
        process.wait(timeout=60)
    assert key not in log.read_text()
    assert DEALT not in log.read_text()


@pytest.fixture(scope="module")
def client(running: Running) -> openai.OpenAI:
    return running.client()


def pixels(answer: openai.types.ImagesResponse, number: int = 0) -> np.ndarray:
    assert answer.data
    return np.asarray(Image.open(BytesIO(base64.b64decode(answer.data[number].b64_json or ""))))


def test_the_models_are_listed_with_their_revisions(running: Running, client: openai.OpenAI) -> None:
    listed = client.models.list().data
    assert [model.id for model in listed] == ["tiny", "atelier"]
    told = client.models.retrieve("tiny")
    assert told.model_extra is not None
    assert told.model_extra["revision"] == running.card().revision
    assert told.model_extra["size"] == "32x32"


def test_a_picture_is_the_one_that_this_machine_paints(running: Running, client: openai.OpenAI) -> None:
    """The same card, prompt and seed, here in this process: the same pixels."""
    answer = client.images.generate(
        model="tiny", prompt="a red vase", size="32x32", extra_body={"seed": 11}, response_format="b64_json"
    )
    assert answer.data
    assert answer.size == "32x32"
    told = answer.data[0].model_extra
    assert told is not None
    assert (told["seed"], told["revision"], told["settings"]) == (11, running.card().revision, {})
    assert told["took"]["seconds"] > 0
    local = load(running.card()).generate([GenerationRequest("a red vase", 11)])[0]
    assert np.abs(pixels(answer).astype(int) - np.asarray(local.pixels).astype(int)).max() <= 1


def test_several_pictures_have_seeds_in_a_row(client: openai.OpenAI) -> None:
    three = client.images.generate(model="tiny", prompt="a mug", n=3, extra_body={"seed": 5})
    assert three.data
    assert [picture.model_extra["seed"] for picture in three.data if picture.model_extra] == [5, 6, 7]
    alone = client.images.generate(model="tiny", prompt="a mug", extra_body={"seed": 6})
    assert np.abs(pixels(three, 1).astype(int) - pixels(alone).astype(int)).max() <= 1
    assert np.abs(pixels(three, 0).astype(int) - pixels(three, 1).astype(int)).max() > 8


def test_without_a_seed_chance_gives_one_that_repeats_the_picture(client: openai.OpenAI) -> None:
    first, second = (client.images.generate(model="tiny", prompt="a mug") for _ in range(2))
    assert first.data
    assert not np.array_equal(pixels(first), pixels(second))
    told = first.data[0].model_extra
    assert told is not None
    again = client.images.generate(model="tiny", prompt="a mug", extra_body={"seed": told["seed"]})
    np.testing.assert_array_equal(pixels(first), pixels(again))


def test_a_picture_can_be_fetched_from_a_url_without_a_key(client: openai.OpenAI) -> None:
    asked = {"model": "tiny", "prompt": "a mug", "extra_body": {"seed": 1}}
    told = client.images.generate(**asked, response_format="url", output_format="webp")
    assert told.data
    assert told.data[0].b64_json is None
    with urllib.request.urlopen(told.data[0].url or "", timeout=30) as answer:
        assert answer.headers["Content-Type"] == "image/webp"
        picture = Image.open(BytesIO(answer.read()))
    assert (picture.format, picture.size) == ("WEBP", (32, 32))
    with pytest.raises(openai.NotFoundError):
        client.get("/pictures/nothing", cast_to=object)


@pytest.mark.parametrize(
    ("asked", "param", "code"),
    [
        ({"prompt": ""}, "prompt", "invalid_value"),
        ({"prompt": "x" * 2000}, "prompt", "invalid_value"),
        ({"prompt": "a\x00b"}, "prompt", "invalid_value"),
        ({"prompt": 7}, "prompt", "invalid_value"),
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"model": None}, "model", "missing_required_parameter"),
        ({"n": 0}, "n", "invalid_value"),
        ({"n": 11}, "n", "invalid_value"),
        ({"n": True}, "n", "invalid_value"),
        ({"size": "1024"}, "size", "invalid_value"),
        ({"size": "9x9"}, "size", "invalid_value"),
        ({"size": "99999x64"}, "size", "invalid_value"),
        ({"size": "100x100"}, "size", "invalid_value"),
        ({"seed": -1}, "seed", "invalid_value"),
        ({"seed": 2**32 - 1, "n": 2}, "seed", "invalid_value"),
        ({"steps": 10**6}, "steps", "invalid_value"),
        ({"guidance": "high"}, "guidance", "invalid_value"),
        ({"quality": "hd"}, "quality", "invalid_value"),
        ({"style": "vivid"}, "style", "invalid_value"),
        ({"background": "transparent"}, "background", "invalid_value"),
        ({"output_format": "gif"}, "output_format", "invalid_value"),
        ({"output_compression": 50}, "output_compression", "invalid_value"),
        ({"response_format": ["url"]}, "response_format", "invalid_value"),
        ({"partial_images": 2}, "partial_images", "invalid_value"),
        ({"n_steps": 3}, "n_steps", "unknown_parameter"),
    ],
)
def test_what_cannot_be_taken_is_named(
    client: openai.OpenAI, asked: dict[str, object], param: str, code: str
) -> None:
    body = {"model": "tiny", "prompt": "a mug", **asked}
    with pytest.raises(openai.BadRequestError) as error:
        client.post("/images/generations", body=body, cast_to=object)
    assert (error.value.param, error.value.code) == (param, code)
    assert error.value.type == "invalid_request_error"
    assert param in str(error.value)


def test_settings_may_be_changed_and_are_told_beside_the_revision(client: openai.OpenAI) -> None:
    """With other settings it is not the entrant that people vote on, and says so."""
    asked = {"model": "tiny", "prompt": "a mug"}
    plain = client.images.generate(**asked, extra_body={"seed": 2})
    other = client.images.generate(**asked, size="64x48", extra_body={"seed": 2, "steps": 2, "guidance": 1})
    assert other.data
    assert other.data[0].model_extra is not None
    assert other.data[0].model_extra["settings"] == {"steps": 2, "guidance": 1.0, "size": [64, 48]}
    assert pixels(other).shape == (48, 64, 3)
    same = client.images.generate(**asked, extra_body={"seed": 2, "steps": 2})
    assert pixels(same).shape == pixels(plain).shape
    assert not np.array_equal(pixels(same), pixels(plain))


def test_what_openai_clients_send_by_habit_is_taken(client: openai.OpenAI) -> None:
    answer = client.images.generate(
        model="tiny", prompt="a mug", n=1, size="auto", quality="auto", background="opaque", user="ann"
    )
    assert pixels(answer).shape == (32, 32, 3)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"a"', b"[" * 60_000, b"\xff\xfe", b'{"n": NaN}'])
def test_a_body_that_is_no_request_is_told_so(running: Running, body: bytes) -> None:
    asked = urllib.request.Request(
        f"{running.url}/v1/images/generations",
        data=body,
        headers={"Authorization": f"Bearer {running.key}", "Content-Type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(asked, timeout=30)
    assert error.value.code == 400
    assert b'"error"' in error.value.read()


def test_a_large_body_is_not_read(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as error:
        client.images.generate(model="tiny", prompt="x" * 200_000)
    assert (error.value.status_code, error.value.code) == (413, "request_too_large")


def test_a_model_that_is_not_there_is_not_found(running: Running, client: openai.OpenAI) -> None:
    for name in ("dall-e-3", "tiny@0123456789ab"):
        with pytest.raises(openai.NotFoundError, match="tiny") as error:
            client.images.generate(model=name, prompt="a mug")
        assert error.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("dall-e-3")
    pinned = client.images.generate(model=f"tiny@{running.card().revision}", prompt="a mug")
    assert pinned.data


def test_other_addresses_and_methods_are_told_in_the_same_shape(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as error:
        client.post("/images/edits", body={}, cast_to=object)
    assert error.value.code == "not_found"
    with pytest.raises(openai.APIStatusError) as error:
        client.get("/images/generations", cast_to=object)
    assert (error.value.status_code, error.value.code) == (405, "method_not_allowed")


def test_only_keys_that_were_made_and_not_revoked_are_taken(running: Running) -> None:
    secret = running.make_key("brief")
    assert running.client(secret).models.list().data
    with pytest.raises(openai.AuthenticationError) as error:
        running.client("vern-" + "x" * 43).images.generate(model="tiny", prompt="a mug")
    assert (error.value.status_code, error.value.code) == (401, "invalid_api_key")
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(f"{running.url}/v1/models", timeout=30)
    assert missing.value.code == 401
    assert missing.value.headers["WWW-Authenticate"] == "Bearer"
    command(running.home, "keys", "revoke", "brief")
    with pytest.raises(openai.AuthenticationError):
        running.client(secret).models.list()


def test_a_key_is_kept_as_a_digest_and_leaves_events(running: Running) -> None:
    secret = running.make_key("audited", "--per-minute", "9")
    command(running.home, "keys", "revoke", "audited")
    listed = command(running.home, "keys", "list", "--json")
    assert '"audited"' in listed
    assert secret[:11] in listed
    assert secret not in listed
    database = Context({"ARENA_HOME": str(running.home)}).database
    with database.read() as session:
        events = session.scalars(select(Event).where(Event.subject == "audited").order_by(Event.id)).all()
    assert [event.kind for event in events] == ["key.made", "key.revoked"]
    assert secret not in str([event.data for event in events])
    database.dispose()
    for file in running.home.glob("arena.sqlite*"):
        assert secret.encode() not in file.read_bytes()


def test_a_keys_limit_is_told_with_when_to_come_again(running: Running) -> None:
    limited = running.client(running.make_key("limited", "--per-minute", "1"))
    limited.images.generate(model="tiny", prompt="a mug")
    with pytest.raises(openai.RateLimitError) as error:
        limited.images.generate(model="tiny", prompt="a mug")
    assert error.value.code == "rate_limit_exceeded"
    assert 1 <= int(error.value.response.headers["Retry-After"]) <= 61
    assert limited.models.list().data


@pytest.mark.parametrize("words", [DEALT, "  A Blue Mug on the table. "])
def test_words_that_a_campaign_deals_are_not_painted_by_name(
    running: Running, client: openai.OpenAI, words: str
) -> None:
    with pytest.raises(openai.PermissionDeniedError, match="may-unblind") as error:
        client.images.generate(model="tiny", prompt=words)
    assert error.value.code == "prompt_embargoed"


def test_a_key_that_may_unblind_paints_them(running: Running) -> None:
    name = f"studio-{os.urandom(3).hex()}"
    answer = running.client(running.make_key(name, "--may-unblind")).images.generate(
        model="tiny", prompt=DEALT
    )
    assert pixels(answer).shape == (32, 32, 3)


@pytest.mark.parametrize("words", ["Our M4SCOT, asleep", "porn"])
def test_words_that_the_operators_rules_decline_are_not_painted_for_any_key(
    running: Running, words: str
) -> None:
    """By the list that ships as by the operator's own; what may wait for an operator elsewhere is painted."""
    trusted = running.client(running.make_key(f"trusted-{os.urandom(3).hex()}", "--may-unblind"))
    for client in (running.client(), trusted):
        with pytest.raises(openai.BadRequestError, match="words are declined") as error:
            client.images.generate(model="tiny", prompt=words)
        assert (error.value.code, error.value.param) == ("content_policy_violation", "prompt")
        assert error.value.type == "image_generation_user_error"
    assert pixels(trusted.images.generate(model="tiny", prompt="eine rote Vase")).shape == (32, 32, 3)


def test_an_entrant_of_this_machine_is_painted_through_another_vernissage(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a second machine's worker does: the pixels, what they took and the revision are the same."""
    monkeypatch.setenv("VERNISSAGE_ENGINE_KEY", running.make_key("worker", "--may-unblind"))
    requests = [GenerationRequest(DEALT, seed) for seed in (3, 4)]
    with through(f"{running.url}/v1", running.card()) as entrant:
        assert entrant.card.revision == running.card().revision
        afar = entrant.generate(requests)
    near = load(running.card()).generate(requests)
    for there, here in zip(afar, near, strict=True):
        assert (there.seed, there.pixels.size) == (here.seed, here.pixels.size)
        difference = np.asarray(there.pixels).astype(int) - np.asarray(here.pixels).astype(int)
        assert np.abs(difference).max() <= 1
        assert there.cpu_seconds > 0


def test_another_revision_is_refused_before_anything_is_painted(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERNISSAGE_ENGINE_KEY", running.key)
    card = running.card()
    other = replace(card, identity={**card.identity, "steps": 4})
    with pytest.raises(CardError, match=card.revision) as error:
        through(f"{running.url}/v1", other)
    assert other.revision in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(CardError, match="no model"):
        through(f"{running.url}/v1", replace(card, slug="elsewhere"))


def test_the_server_itself_never_imports_torch() -> None:
    """Its entrants paint in processes of their own."""
    code = (
        "import sys, arena.app, arena.cli.serve_api, models.batching, models.engine_process, models.loading\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'openai', 'mitsuba')))"
    )
    assert subprocess.run([sys.executable, "-c", code], env=PLAIN, timeout=120).returncode == 0
