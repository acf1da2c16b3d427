"""Entrants behind an images API: a real server that answers as providers do on bad days."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from models import remote_client
from models.cards import read_card
from models.contracts import GeneratedImage, GenerationRequest, Refusal
from models.errors import CardError, GenerationFailed, MissingPart, PartlyFailed
from models.loading import load
from models.remote import through
from tests.generation.provider import KEY, RED, Provider, card, file, refusal, told, told_card


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("TEST_PROVIDER_KEY", KEY)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.02)
    monkeypatch.setattr(remote_client, "FETCH_PAUSE", 0.01)
    opened = Provider()
    yield opened
    opened.server.shutdown()
    opened.server.server_close()


@pytest.fixture
def hosted(provider: Provider) -> Iterator[Callable[..., Any]]:
    """Load an entrant of the provider, closed when the test ends."""
    loaded = []

    def make(**more: Any) -> Any:
        loaded.append(load(card(provider.url, **more)))
        return loaded[-1]

    yield make
    for one in loaded:
        one.close()


def ask(entrant: Any, prompt: str, seed: int = 7) -> Any:
    return entrant.generate([GenerationRequest(prompt, seed)])[0]


def test_a_picture_comes_back_with_what_was_asked_for(
    provider: Provider, hosted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody-else")
    entrant = hosted(steps=12, guidance=3.5, arguments={"quality": "high"})
    picture = ask(entrant, "a mug")
    assert isinstance(picture, GeneratedImage)
    assert (picture.pixels.size, picture.pixels.getpixel((3, 3)), picture.seed) == ((32, 32), RED, 7)
    assert picture.seconds > 0
    assert provider.asked == [
        {
            "model": "painter-3",
            "prompt": "a mug",
            "n": 1,
            "size": "32x32",
            "seed": 7,
            "steps": 12,
            "guidance": 3.5,
            "quality": "high",
        }
    ]
    assert provider.headers[-1]["authorization"] == f"Bearer {KEY}"
    assert "openai-organization" not in provider.headers[-1]


def test_what_a_request_changes_is_sent_in_place_of_the_cards(
    provider: Provider, hosted: Callable[..., Any]
) -> None:
    provider.always("wide", 200, told(file((64, 32))))
    request = GenerationRequest("wide", 1, steps=2, guidance=1.0, size=(64, 32))
    assert hosted(steps=12).generate([request])[0].pixels.size == (64, 32)
    assert (provider.asked[0]["steps"], provider.asked[0]["guidance"]) == (2, 1.0)
    assert provider.asked[0]["size"] == "64x32"


def test_no_seed_is_sent_where_the_provider_takes_none(
    provider: Provider, hosted: Callable[..., Any]
) -> None:
    assert ask(hosted(seed="none"), "a mug").seed == 7
    assert "seed" not in provider.asked[0]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_fails_twice_is_asked_three_times(
    provider: Provider, hosted: Callable[..., Any], status: int
) -> None:
    provider.answers["a mug"] = lambda times: (
        (status, b'{"error": {"message": "later"}}', {"Retry-After": "0.01"})
        if times < 2
        else (200, told(file()), {})
    )
    assert ask(hosted(), "a mug").pixels.size == (32, 32)
    assert len(provider.asked) == 3


def test_a_server_that_goes_on_failing_is_given_up(provider: Provider, hosted: Callable[..., Any]) -> None:
    provider.always("a mug", 503, b'{"error": {"message": "overloaded\\n\\nTraceback"}}')
    with pytest.raises(GenerationFailed, match="overloaded") as error:
        ask(hosted(), "a mug")
    assert "\n" not in str(error.value)
    assert len(provider.asked) == 3


def test_a_slow_server_is_given_up(provider: Provider, hosted: Callable[..., Any]) -> None:
    done = threading.Event()
    provider.answers["a mug"] = lambda _: (200, told(file()) if done.wait(30) else b"", {})
    try:
        with pytest.raises(GenerationFailed, match="timed out"):
            ask(hosted(runtime={"timeout": 1.0, "retries": 1}), "a mug")
        assert len(provider.asked) == 2
    finally:
        done.set()


def test_a_server_that_drips_is_given_up(
    provider: Provider, hosted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every byte comes in time, the picture never would."""
    dripping = threading.Event()

    def drip(_: int) -> tuple[int, bytes, dict[str, str]]:
        return 200, b"", {"Content-Length": "10000", "X-Drip": "1"}

    provider.answers["a mug"] = drip
    handler = provider.server.RequestHandlerClass
    whole = handler.answer

    def slowly(self: Any, status: int, body: bytes, headers: dict[str, str]) -> None:
        whole(self, status, body, headers)
        while "X-Drip" in headers and not dripping.wait(0.05):
            self.wfile.write(b" ")
            self.wfile.flush()

    monkeypatch.setattr(handler, "answer", slowly)
    try:
        with pytest.raises(GenerationFailed, match="took more than 1 s"):
            ask(hosted(runtime={"timeout": 1.0, "retries": 0}), "a mug")
    finally:
        dripping.set()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, refusal()),
        (400, refusal("moderation_blocked")),
        (400, refusal("contentFilter")),
        (403, refusal("content_policy_violation")),
    ],
)
def test_a_policy_refusal_is_an_outcome_and_is_not_tried_again(
    provider: Provider, hosted: Callable[..., Any], status: int, body: bytes
) -> None:
    provider.always("a crime", status, body)
    assert ask(hosted(), "a crime") == Refusal("Your request was rejected.")
    assert len(provider.asked) == 1


def test_a_refusal_of_a_vernissage_keeps_its_reason_and_words(
    provider: Provider, hosted: Callable[..., Any]
) -> None:
    provider.always("a yeti", 400, refusal(reason="it does not know “yeti”", words=["yeti"]))
    assert ask(hosted(), "a yeti") == Refusal("it does not know “yeti”", ("yeti",))


@pytest.mark.parametrize(("status", "code"), [(400, "invalid_value"), (404, "model_not_found"), (403, None)])
def test_another_error_of_ours_is_a_failure_that_is_not_tried_again(
    provider: Provider, hosted: Callable[..., Any], status: int, code: str
) -> None:
    provider.always("a mug", status, refusal(code, message="what is this?"))
    with pytest.raises(GenerationFailed, match="what is this"):
        ask(hosted(), "a mug")
    assert len(provider.asked) == 1


def test_a_wrong_key_says_which_variable_and_never_the_key(
    provider: Provider, hosted: Callable[..., Any]
) -> None:
    provider.always("a mug", 401, refusal("invalid_api_key", message=f"Incorrect API key provided: {KEY}"))
    with pytest.raises(GenerationFailed, match="TEST_PROVIDER_KEY") as error:
        ask(hosted(), "a mug")
    assert KEY not in str(error.value)


@pytest.mark.parametrize(
    ("body", "match"),
    [
        (b"<html>bad gateway</html>", "no JSON"),
        (b"", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "without a picture"),
        (b'{"data": []}', "without a picture"),
        (b'{"data": {"b64_json": ""}}', "without a picture"),
        (b'{"data": [{"revised_prompt": "a"}]}', "neither"),
        (b'{"data": [{"b64_json": "!!!"}]}', "no base64"),
        (told(b"GIF89a is not a picture"), "no PNG"),
        (told(file()[:60]), "no PNG"),
        (told(file(container="BMP")), "no PNG"),
        (told(file((48, 32))), "48 x 32.*correct 'size'"),
        (told(file(mode="RGBA")), "transparent"),
    ],
)
def test_an_answer_that_is_no_picture_is_told_as_what_it_is(
    provider: Provider, hosted: Callable[..., Any], body: bytes, match: str
) -> None:
    provider.always("a mug", 200, body)
    with pytest.raises(GenerationFailed, match=match) as error:
        ask(hosted(), "a mug")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(("container", "tolerance"), [("PNG", 0), ("JPEG", 4), ("WEBP", 6)])
def test_each_usual_container_is_read(
    provider: Provider, hosted: Callable[..., Any], container: str, tolerance: int
) -> None:
    provider.always("a mug", 200, told(file(container=container)))
    found = ask(hosted(), "a mug").pixels.getpixel((9, 9))
    assert all(abs(a - b) <= tolerance for a, b in zip(found, RED, strict=True))


def test_a_huge_answer_is_not_read_to_its_end(
    provider: Provider, hosted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_client, "LARGEST_ANSWER", 2**20)
    provider.always("a mug", 200, b" " * (3 * 2**20))
    provider.always("a crime", 400, b" " * (3 * 2**20))
    entrant = hosted()
    for prompt in ("a mug", "a crime"):
        with pytest.raises(GenerationFailed, match="more than 1 MiB"):
            ask(entrant, prompt)


def test_a_compressed_answer_is_not_unpacked(provider: Provider, hosted: Callable[..., Any]) -> None:
    import gzip

    provider.always("a mug", 200, gzip.compress(told(file())), Content_Encoding="gzip")
    with pytest.raises(GenerationFailed, match="compressed"):
        ask(hosted(), "a mug")


def test_a_picture_is_fetched_from_its_address_without_the_key(
    provider: Provider, hosted: Callable[..., Any]
) -> None:
    provider.files["/pictures/1.png"] = file()
    url = provider.url.replace("/v1", "/pictures/1.png")
    provider.always("a mug", 200, json.dumps({"data": [{"url": url}]}).encode())
    assert ask(hosted(), "a mug").pixels.size == (32, 32)
    assert "authorization" not in provider.headers[-1]


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest", "file:///etc/passwd", "http://127.0.0.1:1/x.png", "//x", "http://["],
)
def test_an_address_that_is_neither_https_nor_its_own_is_not_fetched(
    provider: Provider, hosted: Callable[..., Any], url: str
) -> None:
    provider.always("a mug", 200, json.dumps({"data": [{"url": url}]}).encode())
    with pytest.raises(GenerationFailed, match="nothing was fetched"):
        ask(hosted(), "a mug")


def test_an_address_where_nothing_lies_is_told(provider: Provider, hosted: Callable[..., Any]) -> None:
    url = provider.url.replace("/v1", "/pictures/gone.png")
    provider.always("a mug", 200, json.dumps({"data": [{"url": url}]}).encode())
    with pytest.raises(GenerationFailed, match="cannot be fetched: status 404"):
        ask(hosted(), "a mug")


def test_several_are_asked_for_at_once_and_answered_in_order(
    provider: Provider, hosted: Callable[..., Any]
) -> None:
    together = threading.Barrier(3)

    def meet(_: int) -> tuple[int, bytes, dict[str, str]]:
        together.wait(30)  # breaks unless three are there at once
        return 200, told(file()), {}

    for prompt in ("a", "b", "c"):
        provider.answers[prompt] = meet
    requests = [GenerationRequest(prompt, seed) for seed, prompt in enumerate("abc")]
    pictures = hosted(runtime={"batch": 3}).generate(requests)
    assert [picture.seed for picture in pictures] == [0, 1, 2]
    assert provider.most_at_once == 3


def test_one_that_fails_takes_none_of_the_others_with_it(
    provider: Provider, hosted: Callable[..., Any]
) -> None:
    provider.always("bad", 400, refusal("invalid_value", message="no"))
    provider.always("crime", 400, refusal())
    with pytest.raises(PartlyFailed) as error:
        hosted().generate([GenerationRequest(prompt, 1) for prompt in ("a", "bad", "crime")])
    assert [type(answer) for answer in error.value.answers] == [GeneratedImage, GenerationFailed, Refusal]
    assert sorted(one["prompt"] for one in provider.asked) == ["a", "bad", "crime"]


def test_a_prompt_that_the_provider_rewrote_is_noted(provider: Provider, hosted: Callable[..., Any]) -> None:
    provider.always("a mug", 200, told(file(), revised_prompt="a lovely mug"))
    assert ask(hosted(), "a mug").notes == {"revised_prompt": "a lovely mug"}


def test_what_it_took_is_believed_only_where_it_makes_sense(
    provider: Provider, hosted: Callable[..., Any]
) -> None:
    took = {"seconds": 0.5, "cpu_seconds": -1, "batch": "many", "peak_bytes": True, "joules": 1e300}
    provider.always("a mug", 200, told(file(), took=took))
    picture = ask(hosted(), "a mug")
    assert (picture.seconds, picture.cpu_seconds, picture.batch) == (0.5, 0.0, 1)
    assert (picture.peak_bytes, picture.joules, picture.energy_method) == (None, None, "")


def test_a_server_that_states_another_revision_is_not_used(
    provider: Provider, hosted: Callable[..., Any]
) -> None:
    provider.model = {"id": "painter-3", "revision": "0123456789ab"}
    with pytest.raises(CardError, match="0123456789ab"):
        hosted()
    assert hosted(version="0123456789ab")
    provider.always("a mug", 200, told(file(), revision="ba9876543210"))
    with pytest.raises(GenerationFailed, match="ba9876543210"):
        ask(hosted(version="0123456789ab"), "a mug")


def test_without_its_key_it_says_which_variable_to_set(
    provider: Provider, hosted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_PROVIDER_KEY")
    with pytest.raises(MissingPart, match="TEST_PROVIDER_KEY"):
        hosted()


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"runtime": {"base_url": "http://me:secret@a.example"}}, "base_url"),
        ({"runtime": {"base_url": "a.example"}}, "base_url"),
        ({"runtime": {"key_env": "sk-live-1234"}}, "environment variable"),
        ({"runtime": {"price": -1}}, "price"),
        ({"arguments": {"seed": 3}}, "seed"),
        ({"seed": "header"}, "seed"),
        ({"version": ""}, "version"),
    ],
)
def test_a_card_that_cannot_be_meant_is_refused(more: dict[str, Any], match: str) -> None:
    with pytest.raises(CardError, match=match):
        card("http://a.example/v1", **more)


def test_where_it_is_served_and_what_it_costs_are_no_part_of_the_revision() -> None:
    here, there = card("http://a.example/v1"), card("http://b.example/v1", runtime={"price": 0.04})
    assert here.revision == there.revision
    assert card("http://a.example/v1", version="2026-12-01").revision != here.revision
    assert card("http://a.example/v1", seed="none").revision != here.revision


def test_a_card_without_an_address_says_so() -> None:
    told = told_card("http://a.example/v1")
    del told["runtime"]["base_url"]
    with pytest.raises(CardError, match="base_url"):
        load(read_card(told, file=Path("catalog.toml")))


def test_a_server_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_PROVIDER_KEY", KEY)
    nowhere = card("http://127.0.0.1:9/v1", runtime={"retries": 0})
    with load(nowhere) as entrant, pytest.raises(GenerationFailed, match="Connection"):
        ask(entrant, "a mug")
    with pytest.raises(GenerationFailed, match="Connection"):
        through("http://127.0.0.1:9/v1", nowhere, key_env="TEST_PROVIDER_KEY")
    with pytest.raises(CardError, match="must be an address"):
        through("painter.example", nowhere)
