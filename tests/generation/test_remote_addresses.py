"""A provider that names an address does not get the arena to reach inside its network."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from models import remote_client
from models.contracts import GeneratedImage, GenerationRequest
from models.errors import GenerationFailed
from models.loading import load
from models.remote_addresses import is_public, pinned
from models.remote_answers import NotTheirs
from tests.generation.provider import KEY, Provider, card, file


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:10.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::a9fe:a9fe",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8"]
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


def resolver(*answers: str) -> Callable[..., Any]:
    """A name service that says these, one after the other."""
    left = iter(answers)

    def look_up(_host: str, port: int, **_how: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(left), port))]

    return look_up


def test_a_name_is_looked_up_once_and_held_on_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads to the internet first and inside a moment later (DNS rebinding) gains nothing."""
    monkeypatch.setattr(socket, "getaddrinfo", resolver("93.184.215.14", "127.0.0.1"))
    held = pinned("https://cdn.example/a/b.png?c=d#e")
    assert (held.url, held.host, held.name) == (
        "https://93.184.215.14:443/a/b.png?c=d", "cdn.example", "cdn.example"
    )  # fmt: skip
    with pytest.raises(NotTheirs, match="not public"):
        pinned("https://cdn.example/a/b.png")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("TEST_PROVIDER_KEY", KEY)
    monkeypatch.setattr(remote_client, "FETCH_PAUSE", 0.01)
    opened = Provider()
    yield opened
    opened.server.shutdown()
    opened.server.server_close()


def ask(provider: Provider, url: str, **runtime: Any) -> Any:
    """Have a picture painted by a provider that names its address."""
    provider.always("a mug", 200, json.dumps({"data": [{"url": url}]}).encode())
    with load(card(provider.url, runtime={"retries": 0, **runtime})) as entrant:
        return entrant.generate([GenerationRequest("a mug", 7)])[0]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0"],
)
def test_a_picture_inside_is_not_fetched_however_it_is_written(provider: Provider, host: str) -> None:
    """A listener on the very port would be reached if anything were sent."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.05)
        with pytest.raises(GenerationFailed, match=r"not public|cannot be found"):
            ask(provider, f"https://{host}:{trap.getsockname()[1]}/latest/meta-data")
        with pytest.raises(TimeoutError):
            trap.accept()


def test_a_card_may_say_that_pictures_lie_inside(provider: Provider) -> None:
    """Only then is a connection tried; that nothing there speaks TLS is another matter."""
    with socket.create_server(("127.0.0.1", 0)) as there:
        url = f"https://127.0.0.1:{there.getsockname()[1]}/x.png"
        there.settimeout(5)
        with pytest.raises(GenerationFailed, match="cannot be fetched"):
            ask(provider, url, private_pictures=True, timeout=1.0)
        there.accept()[0].close()


def test_a_redirect_is_not_followed(provider: Provider) -> None:
    """Neither of a picture nor of an answer: it would lead past what was checked."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.05)
        inside = f"http://127.0.0.1:{trap.getsockname()[1]}/latest"
        provider.always("a mug", 302, b"", Location=inside)
        with load(card(provider.url, runtime={"retries": 0})) as entrant, pytest.raises(GenerationFailed):
            entrant.generate([GenerationRequest("a mug", 7)])
        with pytest.raises(TimeoutError):
            trap.accept()


def test_a_picture_of_the_very_server_is_fetched(provider: Provider) -> None:
    provider.files["/x.png"] = file()
    picture = ask(provider, provider.url.replace("/v1", "/x.png"))
    assert isinstance(picture, GeneratedImage)
