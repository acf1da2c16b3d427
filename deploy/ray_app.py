"""Entrants on Ray Serve: replicas, GPUs and more machines, behind the same images API.

    pip install 'vernissage-arena[ray]'
    export VERNISSAGE_ENGINE_KEY=...          # any long secret; the arena shows it
    python deploy/ray_app.py --entrant lumen --replicas 2 --gpus 1 --port 8002

The arena reaches it as an engine, at http://HOST:8002/v1, and imports no ray. On a cluster that runs already,
`build` is an application builder: ``serve run --app-dir deploy ray_app:build entrants=lumen replicas=2``.

Each entrant is a deployment of its own, whose replicas batch what comes to them (`@serve.batch`); a gateway
in front of them is the images API itself, with one key. It serves an arena, not the public: it has no
database, so it knows neither the arena's keys nor its campaigns.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import click
import ray
from ray import serve
from ray.serve.exceptions import BackPressureError
from starlette.requests import Request
from starlette.responses import Response

from arena.cli.context import Context
from arena.errors import ArenaError, SettingsError
from arena.web.api.access import OneKey
from models.contracts import EntrantCard, GeneratedImage, GenerationRequest, Refusal
from models.errors import Busy, GenerationFailed, ModelError

KEY = "VERNISSAGE_ENGINE_KEY"
SHORTEST_KEY = 16
MOST_QUEUED = 256
BUSY_SECONDS = 2.0
LARGEST_REQUEST = 64 * 1024

Answer = GeneratedImage | Refusal | str


@dataclass(frozen=True)
class Options:
    """How entrants are served.

    ``wait`` is how many seconds a request waits for company, ``at_once`` how many may wait for pictures.
    """

    entrants: tuple[str, ...]
    replicas: int = 1
    gpus: float = 0
    cpus: float = 1
    wait: float = 0.02
    at_once: int = 64
    seconds: float = 600


class Painter:
    """One replica of an entrant."""

    def __init__(self, card: EntrantCard, device: str | None, dtype: str | None, wait: float) -> None:
        from models.batching import largest_batch
        from models.loading import load

        self._model = load(card, device=device, dtype=dtype)
        self.paint.set_max_batch_size(largest_batch(self._model))
        self.paint.set_batch_wait_timeout_s(wait)

    @serve.batch(max_batch_size=1, batch_wait_timeout_s=0.02)
    async def paint(self, requests: list[GenerationRequest]) -> list[Answer]:
        """Paint what came together; a failure is told in words, for it crosses processes."""
        return await asyncio.to_thread(self._paint, requests)

    def _paint(self, requests: Sequence[GenerationRequest]) -> list[Answer]:
        from models.batching import paint_each

        answers: dict[int, Answer] = {}
        for settings in dict.fromkeys(request.settings for request in requests):
            alike = [number for number, request in enumerate(requests) if request.settings == settings]
            painted = paint_each(self._model, [requests[number] for number in alike])
            for number, answer in zip(alike, painted, strict=True):
                answers[number] = str(answer) if isinstance(answer, Exception) else answer
        return [answers[number] for number in range(len(requests))]


class Handles:
    """The painter that the images API hands its orders to: the deployments of the entrants."""

    def __init__(self, handles: dict[str, Any], loop: asyncio.AbstractEventLoop) -> None:
        self._handles = handles
        self._loop = loop

    def submit(
        self, entrant: str, request: GenerationRequest, *, priority: int = 0
    ) -> Future[GeneratedImage | Refusal]:
        return asyncio.run_coroutine_threadsafe(self._paint(entrant, request), self._loop)

    async def _paint(self, entrant: str, request: GenerationRequest) -> GeneratedImage | Refusal:
        try:
            answer = await self._handles[entrant].paint.remote(request)
        except BackPressureError as error:
            raise Busy(f"{MOST_QUEUED} requests to {entrant} wait", retry_after=BUSY_SECONDS) from error
        except ray.exceptions.RayError as error:
            raise GenerationFailed(f"{entrant}: a replica broke: {type(error).__name__}") from error
        if isinstance(answer, str):
            raise GenerationFailed(answer)
        return answer


class Gateway:
    """The images API, in front of the entrants."""

    def __init__(self, cards: list[EntrantCard], gate: OneKey, options: Options, **handles: Any) -> None:
        from arena.app import create_api
        from arena.services.serving import Desk

        painter = Handles({card.slug: handles[_name(card)] for card in cards}, asyncio.get_running_loop())
        self._app = create_api(
            desk=Desk(cards, painter), gate=gate, seconds=options.seconds, at_once=options.at_once
        )
        self._threads = ThreadPoolExecutor(options.at_once + 8, thread_name_prefix="images-api")

    async def __call__(self, request: Request) -> Response:
        """Answer with the very application that `arena serve --api` serves."""
        from werkzeug.test import EnvironBuilder, run_wsgi_app

        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_REQUEST:
                break  # and the application says so
        gone = threading.Event()
        environ = EnvironBuilder(
            path=request.url.path,
            base_url=f"{request.url.scheme}://{request.url.netloc}",
            query_string=request.url.query,
            method=request.method,
            headers=[(name, value) for name, value in request.headers.items() if name != "content-length"],
            data=body,
        ).get_environ()
        environ["waitress.client_disconnected"] = gone.is_set
        loop = asyncio.get_running_loop()
        try:
            told, status, headers = await loop.run_in_executor(
                self._threads, lambda: run_wsgi_app(self._app, environ, buffered=True)
            )
        except asyncio.CancelledError:
            gone.set()
            raise
        return Response(b"".join(told), int(status.split()[0]), dict(headers.items()))


def build(told: dict[str, str]) -> Any:
    """Application builder for ``serve run ray_app:build entrants=a,b replicas=2 gpus=1``."""
    numbers = {name: float(told[name]) for name in ("gpus", "cpus", "wait", "seconds") if name in told}
    whole = {name: int(told[name]) for name in ("replicas", "at_once") if name in told}
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # other nodes have no such file
    entrants = tuple(one for one in told.get("entrants", "").split(",") if one)
    return application(Options(entrants, **numbers, **whole))  # type: ignore[arg-type]


def application(options: Options) -> Any:
    """The entrants and the gateway, bound together.

    Raises
    ------
    SettingsError
        If there is no key, or no entrant is named.
    """
    key = os.environ.get(KEY, "")
    if len(key) < SHORTEST_KEY:
        raise SettingsError(
            f"{KEY} must hold a secret of {SHORTEST_KEY} characters or more, which the arena shows"
        )
    if not options.entrants:
        raise SettingsError("name at least one entrant of the catalogue")
    context = Context()
    settings = context.settings
    cards = [context.catalog[slug] for slug in options.entrants]
    device = None if settings.device == "auto" else settings.device
    dtype = None if settings.dtype == "card" else settings.dtype
    painters = {}
    for card in cards:
        batch = max(1, int(card.runtime.get("batch", 1)))
        deployment = serve.deployment(Painter).options(
            name=card.slug,
            num_replicas=options.replicas,
            max_ongoing_requests=2 * batch,
            max_queued_requests=MOST_QUEUED,
            ray_actor_options={"num_gpus": options.gpus, "num_cpus": options.cpus},
        )
        painters[_name(card)] = deployment.bind(card, device, dtype, options.wait)
    gateway = serve.deployment(Gateway).options(
        name="images-api", max_ongoing_requests=options.at_once + 8, ray_actor_options={"num_cpus": 0}
    )
    return gateway.bind(cards, OneKey(key), options, **painters)


def _name(card: EntrantCard) -> str:
    return "to_" + card.slug.replace("-", "_")


@click.command()
@click.option("--entrant", "entrants", multiple=True, required=True, help="Who paints; may be given again.")
@click.option("--replicas", default=1, show_default=True, help="Replicas of each.")
@click.option("--gpus", default=0.0, show_default=True, help="GPUs of a replica, such as 0.5.")
@click.option("--cpus", default=1.0, show_default=True, help="Cores of a replica.")
@click.option("--wait", default=0.02, show_default=True, help="Seconds a request waits for company.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8002, show_default=True)
def main(host: str, port: int, **told: Any) -> None:
    """Serve entrants of the catalogue on Ray Serve, on this machine, until interrupted."""
    try:
        app = application(Options(**told))
    except (ArenaError, ModelError) as error:
        click.echo(f"ray_app: {error}", err=True)
        raise SystemExit(2) from error
    ray.init(include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False)
    serve.start(http_options={"host": host, "port": port})
    serve.run(app, name="vernissage", route_prefix="/")
    click.echo(f"The images API is open on http://{host}:{port}/v1 for {', '.join(told['entrants'])}")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        serve.shutdown()


if __name__ == "__main__":
    main()
