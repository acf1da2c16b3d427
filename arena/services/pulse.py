"""What one worker process tells Prometheus: that its threads live, and what became of its pictures."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from arena.services.generation import ClaimedJob

STATES = ("done", "refused", "failed")
LOOPBACK = "127.0.0.1"


class Pulse:
    """Counts in a registry of its own, whose numbers begin at nought with the process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._beats = Gauge(
            "arena_worker_heartbeat_timestamp_seconds",
            "When a thread of the worker last began a round.",
            ("thread",),
            registry=self.registry,
        )
        self._pictures = Counter(
            "arena_worker_pictures",
            "Jobs settled, by what became of them.",
            ("state",),
            registry=self.registry,
        )
        for state in STATES:
            self._pictures.labels(state)

    def beat(self, thread: str) -> None:
        """Record that a thread is alive."""
        self._beats.labels(thread).set_to_current_time()

    def settled(self, job: ClaimedJob, state: str) -> None:
        """Count what became of a job."""
        self._pictures.labels(state).inc()

    def tell(self, port: int) -> None:
        """Answer on loopback until the process ends.

        Raises
        ------
        OSError
            If the port is taken.
        """
        start_http_server(port, addr=LOOPBACK, registry=self.registry)
