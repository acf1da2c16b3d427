"""`/metrics` for Prometheus: what this process counts, and what the database tells.

Requests, their seconds and the ledger's commits are counted in this process alone: each web process is
scraped for itself, and Prometheus adds them up. What is read from the database (``arena_jobs`` and so on) is
the same in each, to be read with ``max``. Nothing is by entrant or by voter.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from flask import Blueprint, Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from arena.db import Database, told_plainly
from arena.errors import Forbidden, NotFound
from arena.logs import FIELDS, REQUEST_ID, REQUESTS
from arena.services.gauges import gauges
from arena.web.context import arena, now

bp = Blueprint("metrics", __name__)
log = logging.getLogger(REQUESTS)
EXTENSION = "arena.meters"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
PIECES = (1, 2, 4, 8, 16, 32, 64)
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


@dataclass(slots=True)
class Meters:
    """What one web process counts, in a registry of its own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Counter = field(init=False)
    seconds: Histogram = field(init=False)
    pieces: Histogram = field(init=False)
    wait: Histogram = field(init=False)

    def __post_init__(self) -> None:
        self.requests = Counter(
            "arena_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "arena_request_seconds",
            "Seconds to an answer.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.pieces = Histogram(
            "arena_ledger_pieces", "Writes in one commit.", buckets=PIECES, registry=self.registry
        )
        self.wait = Histogram(
            "arena_ledger_wait_seconds",
            "Seconds from the first write that waited to its commit.",
            buckets=SECONDS,
            registry=self.registry,
        )

    def committed(self, pieces: int, seconds: float) -> None:
        """Count a commit of the ledger."""
        self.pieces.observe(pieces)
        self.wait.observe(seconds)


class _Standing(Collector):
    """What the database tells when it is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        with told_plainly(), self._database.read() as session:
            told = gauges(session, now=now())
        for name, meaning, counts in (
            ("arena_jobs", "Pictures asked for, by what became of them.", told.jobs),
            ("arena_sketches", "Pictures asked for in the playground, by state.", told.sketches),
            ("arena_votes", "Votes that count on boards.", told.votes),
        ):
            label = "outcome" if name == "arena_votes" else "state"
            family = GaugeMetricFamily(name, meaning, labels=(label,))
            for word, number in counts.items():
                family.add_metric((word.value,), number)
            yield family
        yield GaugeMetricFamily("arena_jobs_overdue", "Jobs whose worker is gone.", told.overdue)
        yield GaugeMetricFamily("arena_unsealed", "Votes and removals in no seal yet.", told.unsealed)
        yield CounterMetricFamily("arena_seals", "Seals of the chain.", told.seals)
        if told.seal_age is not None:
            yield GaugeMetricFamily("arena_seal_age_seconds", "Since the newest seal.", told.seal_age)
        yield CounterMetricFamily("arena_rating_runs", "Fits of boards.", told.rating_runs)
        yield CounterMetricFamily(
            "arena_rating_cpu_seconds", "CPU seconds of all fits.", told.rating_cpu_seconds
        )


def install(app: Flask, meters: Meters, database: Database) -> None:
    """Count every request of an application, and tell its log of each."""
    meters.registry.register(_Standing(database))
    app.extensions[EXTENSION] = meters
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(lambda _error: REQUEST_ID.set("") and None)


@bp.get("/metrics")
def metrics() -> Response:
    """The numbers, for this machine or for who holds the token."""
    settings = arena().settings
    if settings.metrics == "off":
        raise NotFound("there is no such page")
    if not (_is_near() or _holds(settings.metrics_token)):
        raise Forbidden("the metrics are for this machine, or for who sends ARENA_METRICS_TOKEN as bearer")
    return Response(generate_latest(_meters().registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _meters() -> Meters:
    meters = current_app.extensions[EXTENSION]
    assert isinstance(meters, Meters)
    return meters


def _is_near() -> bool:
    """Whether a program on this machine asks, and no proxy for somebody else."""
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _holds(token: str | None) -> bool:
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return token is not None and hmac.compare_digest(sent.encode(), token.encode())


def _begin() -> None:
    g.started = time.perf_counter()
    REQUEST_ID.set(secrets.token_hex(8))


def _end(response: Response) -> Response:
    """Count an answer under its route: an address itself could name a battle."""
    took = time.perf_counter() - g.started
    route = request.url_rule.rule if request.url_rule else "none"
    meters = _meters()
    meters.requests.labels(request.method, route, response.status_code).inc()
    meters.seconds.labels(route).observe(took)
    if response.status_code >= 500:
        response.headers["X-Request-ID"] = REQUEST_ID.get()
    told = {
        "method": request.method,
        "route": route,
        "status": response.status_code,
        "seconds": round(took, 4),
    }
    log.info("%s %s %d", request.method, route, response.status_code, extra={FIELDS: told})
    return response
