"""The web server's loop: answers until it is told to stop, then finishes what it has begun."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import Any

import waitress
from waitress import wasyncore
from waitress.channel import HTTPChannel

log = logging.getLogger(__name__)

DRAIN_SECONDS = 20.0
"""How long requests in flight may take once the server stops."""


class PageServer:
    """Serves a WSGI application; `stop` ends it without cutting off an answer."""

    def __init__(self, app: Any, *, host: str, port: int, threads: int) -> None:
        self._sockets: dict[int, Any] = {}
        self._stopping = threading.Event()
        self._server = waitress.create_server(
            app,
            map=self._sockets,
            host=host,
            port=port,
            threads=threads,
            ident=None,
            channel_timeout=60,
            max_request_body_size=1024 * 1024,
            clear_untrusted_proxy_headers=False,  # whom a proxy brings is judged by the application
        )
        self._listeners = [each for each in self._sockets.values() if hasattr(each, "trigger")]

    def stop(self) -> None:
        """Take no more connections; to be called from any thread or signal handler."""
        self._stopping.set()
        for listener in self._listeners:
            listener.pull_trigger()

    def run(self) -> None:
        """Answer until stopped; returns when all that was asked before has its answer."""
        while not self._stopping.is_set():
            self._turn(1.0)
        for listener in self._listeners:
            wasyncore.dispatcher.close(listener)
        ends = time.monotonic() + DRAIN_SECONDS
        while self._in_flight() and time.monotonic() < ends:
            self._turn(0.05)
        if left := self._in_flight():
            log.warning("%d requests were not answered within %d s", left, DRAIN_SECONDS)
        self._server.task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self._sockets)

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, map=self._sockets, count=1)

    def _in_flight(self) -> int:
        """Connections with an answer under way; the others are closed."""
        channels = [each for each in self._sockets.values() if isinstance(each, HTTPChannel)]
        busy = 0
        for channel in channels:
            with channel.requests_lock:
                if channel.requests or channel.total_outbufs_len:
                    busy += 1
                else:
                    channel.will_close = True
        return busy


def stop_on_signals(server: PageServer) -> None:
    """Stop in good order on SIGTERM and SIGINT; the same signal again ends the process at once."""

    def hear(number: int, _frame: object) -> None:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hear)
