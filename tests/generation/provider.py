"""A small images API that answers as providers do on good days and on bad, and cards of entrants there."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from models.cards import read_card
from models.contracts import EntrantCard

KEY = "sk-of-these-tests"
RED = (200, 30, 30)


def file(size: tuple[int, int] = (32, 32), *, container: str = "PNG", mode: str = "RGB") -> bytes:
    out = BytesIO()
    colour = (*RED, 100) if mode == "RGBA" else RED
    Image.new(mode, size, colour).save(out, format=container)
    return out.getvalue()


def told(data: bytes, **more: Any) -> bytes:
    return json.dumps(
        {"created": 1, "data": [{"b64_json": base64.b64encode(data).decode(), **more}]}
    ).encode()


def refusal(code: str = "content_policy_violation", **more: Any) -> bytes:
    error = {"message": "Your request was rejected.", "type": "x", "param": None, "code": code, **more}
    return json.dumps({"error": error}).encode()


class Provider:
    """An images API that answers each prompt as a test says; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.at_once = self.most_at_once = 0
        self.answers: dict[str, Callable[[int], tuple[int, bytes, dict[str, str]]]] = {}
        self.files: dict[str, bytes] = {}
        self.model: dict[str, Any] | None = None
        self._lock = threading.Lock()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with provider._lock:
                    times = sum(one["prompt"] == body["prompt"] for one in provider.asked)
                    provider.asked.append(body)
                    provider.headers.append({name.lower(): value for name, value in self.headers.items()})
                    provider.at_once += 1
                    provider.most_at_once = max(provider.most_at_once, provider.at_once)
                try:
                    answer = provider.answers.get(body["prompt"], lambda _: (200, told(file()), {}))
                    self.answer(*answer(times))
                finally:
                    with provider._lock:
                        provider.at_once -= 1

            def do_GET(self) -> None:
                provider.headers.append({name.lower(): value for name, value in self.headers.items()})
                if self.path in provider.files:
                    self.answer(200, provider.files[self.path], {})
                elif provider.model is not None:
                    self.answer(200, json.dumps(provider.model).encode(), {})
                else:
                    self.answer(404, b'{"error": {"message": "no such thing"}}', {})

            def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that gave up is no news."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def always(self, prompt: str, status: int, body: bytes, **headers: str) -> None:
        self.answers[prompt] = lambda _: (status, body, {k.replace("_", "-"): v for k, v in headers.items()})


def told_card(url: str, *, runtime: dict[str, Any] | None = None, **identity: Any) -> dict[str, Any]:
    return {
        "slug": "hosted",
        "name": "Hosted",
        "kind": "external",
        "backend": "images-api",
        "identity": {
            "provider": "tests",
            "model": "painter-3",
            "version": "2026-11-01",
            "size": 32,
            "seed": "body",
            **identity,
        },
        "runtime": {
            "base_url": url,
            "key_env": "TEST_PROVIDER_KEY",
            "retries": 2,
            "timeout": 5,
            **(runtime or {}),
        },
    }


def card(url: str, **more: Any) -> EntrantCard:
    return read_card(told_card(url, **more), file=Path("catalog.toml"))
