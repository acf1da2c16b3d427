"""Whether the process lives, and whether it can do its work; neither answer is ever kept."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Blueprint, Flask, Response, current_app
from sqlalchemy import text

from arena import db
from arena.web.context import Collaborators

bp = Blueprint("health", __name__)
log = logging.getLogger(__name__)
EXTENSION = "arena.probes"
BOUND_SECONDS = 2.0


@dataclass(slots=True)
class _Answer:
    came: threading.Event = field(default_factory=threading.Event)
    well: bool = False


@dataclass(slots=True)
class Probe:
    """One thing that must answer in time; while it hangs, all who ask wait for the same answer."""

    name: str
    look: Callable[[], object]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _asked: _Answer | None = None

    def ask(self) -> _Answer:
        """Begin to look, unless somebody does."""
        with self._lock:
            if self._asked is not None and not self._asked.came.is_set():
                return self._asked
            self._asked = answer = _Answer()
        threading.Thread(target=self._run, args=(answer,), name=f"probe-{self.name}", daemon=True).start()
        return answer

    def _run(self, answer: _Answer) -> None:
        try:
            with db.told_plainly():
                self.look()
        except Exception as error:
            log.warning("%s is not ready: %s", self.name, error)
        else:
            answer.well = True
        finally:
            answer.came.set()


def install(app: Flask, parts: Collaborators) -> None:
    """Know what this application needs."""

    def database() -> None:
        with parts.database.read() as session:
            session.execute(text("SELECT 1"))

    app.extensions[EXTENSION] = (
        Probe("database", database),
        Probe("migrations", lambda: db.check(parts.database)),
        Probe("storage", parts.images.probe),
        Probe("ledger", lambda: parts.write(lambda session: session.connection())),
    )


@bp.get("/healthz")
def alive() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@bp.get("/readyz")
def ready() -> Response:
    """Database, schema, pictures and ledger answer within `BOUND_SECONDS`; else 503 and which do not."""
    probes: tuple[Probe, ...] = current_app.extensions[EXTENSION]
    asked = [(probe.name, probe.ask()) for probe in probes]
    ends = time.monotonic() + BOUND_SECONDS
    missing = [
        name
        for name, answer in asked
        if not (answer.came.wait(max(0.0, ends - time.monotonic())) and answer.well)
    ]
    if missing:
        return Response(f"not ready: {', '.join(missing)}\n", status=503, mimetype="text/plain")
    return Response("ok\n", mimetype="text/plain")
