"""An application that is really served, on a port of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import waitress
from waitress import wasyncore


@contextmanager
def served(app: Any, *, threads: int = 8) -> Iterator[str]:
    """Serve a WSGI application until the block ends; yields its address."""
    sockets: dict[int, Any] = {}
    stop = threading.Event()
    server = waitress.create_server(
        app, host="127.0.0.1", port=0, threads=threads, map=sockets, channel_request_lookahead=1
    )

    def run() -> None:
        while not stop.is_set():
            wasyncore.loop(timeout=0.05, map=sockets, count=1)
        server.task_dispatcher.shutdown()
        wasyncore.close_all(sockets)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    stop.set()
    thread.join(timeout=10)
