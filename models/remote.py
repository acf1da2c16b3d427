"""Entrants that paint elsewhere: behind any server that speaks the OpenAI images API.

A hosted model, vLLM-Omni, SGLang, OpenVINO Model Server, or another Vernissage (`arena serve --api`), which
may also be the engine of an entrant of our own, see `through`. The official client does the talking: it tries
again after 408, 409, 429, 5xx and lost connections, later and later with some chance in it, and waits as long
as ``Retry-After`` says. What comes back is bounded and checked before it is believed.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from models.contracts import EntrantCard, GeneratedImage, GenerationRequest, Refusal
from models.errors import CardError, GenerationFailed, MissingPart, PartlyFailed
from models.remote_answers import (
    NotTheirs,
    in_one_line,
    picture_of,
    read_answer,
    same_server,
    url_allowed,
)

if TYPE_CHECKING:
    from models.remote_client import Client

POLICY = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "contentfilter",
        "moderation_blocked",
        "responsibleaipolicyviolation",
    }
)
LOOK_SECONDS = 15.0
THROUGH = {"timeout": 600.0, "retries": 6, "batch": 4}

Answer = GeneratedImage | Refusal


@dataclass(frozen=True, slots=True)
class Route:
    """How to ask: where, under which name, with what.

    Attributes
    ----------
    revision : str
        What a server that states a revision must state; ``must_state`` if one that states none will not do.
    seeds : bool
        Whether the seed is sent.
    body : mapping
        What else every request says.
    private_pictures : bool
        Whether an answer may name a picture at another server of a private network.
    """

    base_url: str
    key_env: str
    model: str
    name: str
    revision: str
    must_state: bool
    seeds: bool
    timeout: float
    retries: int
    batch: int
    body: Mapping[str, Any] = field(default_factory=dict)
    private_pictures: bool = False


class ImagesApi:
    """An entrant behind an images API.

    Each picture is a request of its own, several at once; one that fails takes none of the others with it,
    for they may have been paid for.

    Parameters
    ----------
    card : EntrantCard
        Who paints; its size is asked for, and what comes back must have it.
    route : Route, optional
        How to ask; as the card of the back end ``images-api`` says if not given.

    Attributes
    ----------
    batch : int
        Pictures asked for at once.

    Raises
    ------
    CardError
        If the card does not say where, or the server paints another revision.
    MissingPart
        If the client is not installed or there is no key: what brings them.
    """

    def __init__(self, card: EntrantCard, *, route: Route | None = None) -> None:
        self._card = card
        self._route = route or _route(card)
        self._client = _client(card, self._route)
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self.batch = self._route.batch
        try:
            self._look()
        except BaseException:
            self._client.close()
            raise

    @property
    def card(self) -> EntrantCard:
        return self._card

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Answer]:
        """Ask for each picture, `batch` at once.

        Raises
        ------
        GenerationFailed
            If the only request has no answer.
        PartlyFailed
            If some of several have none; the answers of the others are in it.
        """
        if len(requests) == 1:
            return [self._ask(requests[0])]
        answers = list(self._threads().map(self._ask_carefully, requests))
        made = [answer for answer in answers if not isinstance(answer, GenerationFailed)]
        if len(made) < len(answers):
            raise PartlyFailed(answers)
        return made

    def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            self._pool.shutdown()
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.batch, thread_name_prefix="images-api")
            return self._pool

    def _ask_carefully(self, request: GenerationRequest) -> Answer | GenerationFailed:
        try:
            return self._ask(request)
        except GenerationFailed as error:
            return error

    def _ask(self, request: GenerationRequest) -> Answer:
        from openai import APIStatusError, OpenAIError

        size = request.size or size_of(self._card)
        started = time.perf_counter()
        try:
            told = read_answer(self._client.generate(self._body(request, size)))
            data = told.data if told.data is not None else self._fetch(told.url)
            pixels = picture_of(data, size)
        except APIStatusError as error:
            if refusal := _refusal(error):
                return refusal
            raise GenerationFailed(self._explain(error)) from error
        except OpenAIError as error:
            raise GenerationFailed(self._explain(error)) from error
        except NotTheirs as error:
            raise GenerationFailed(f"{self._card.slug}: {self._route.base_url} {error}") from error
        if told.revision and self._route.revision and told.revision != self._route.revision:
            raise GenerationFailed(self._other_revision(told.revision))
        return GeneratedImage(
            pixels=pixels,
            seed=request.seed,
            seconds=told.number("seconds", time.perf_counter() - started),
            cpu_seconds=told.number("cpu_seconds", 0.0),
            batch=int(told.number("batch", 1)),
            peak_bytes=int(told.number("peak_bytes", 0)) or None,
            joules=told.number("joules", 0.0) or None,
            energy_method=told.word("energy_method") if told.number("joules", 0.0) else "",
            notes=told.notes,
        )

    def _body(self, request: GenerationRequest, size: tuple[int, int]) -> dict[str, Any]:
        body = {
            **self._route.body,
            "model": self._route.model,
            "prompt": request.prompt,
            "n": 1,
            "size": f"{size[0]}x{size[1]}",
        }
        if self._route.seeds:
            body["seed"] = request.seed
        if request.steps is not None:
            body["steps"] = request.steps
        if request.guidance is not None:
            body["guidance"] = request.guidance
        return body

    def _fetch(self, url: str) -> bytes:
        if not url_allowed(url, self._route.base_url):
            raise NotTheirs("sent a picture's address that is neither https nor its own; nothing was fetched")
        own = same_server(url, self._route.base_url)
        return self._client.fetch(url, anywhere=own or self._route.private_pictures)

    def _look(self) -> None:
        """Ask which revision the server paints, if it says; once, before anything is painted."""
        from openai import APIStatusError, OpenAIError

        route = self._route
        told: Any = {}
        try:
            told = json.loads(self._client.look(f"/models/{quote(route.name, safe='')}", LOOK_SECONDS))
        except APIStatusError as error:
            if route.must_state or error.status_code in {401, 403}:
                raise CardError(self._explain(error)) from error
        except (OpenAIError, NotTheirs) as error:
            if route.must_state:
                raise GenerationFailed(self._explain(error)) from error
        except ValueError:
            pass
        stated = told.get("revision") if isinstance(told, dict) else None
        if stated is None and route.must_state:
            raise CardError(
                f"{self._card.slug}: {route.base_url} states no revision of it, as a Vernissage would"
            )
        if stated is not None and route.revision and stated != route.revision:
            raise CardError(self._other_revision(str(stated)))

    def _other_revision(self, stated: str) -> str:
        return (
            f"{self._card.slug}: {self._route.base_url} paints revision {stated[:40]}, not "
            f"{self._route.revision}; bring both to the same card and weights"
        )

    def _explain(self, error: Exception) -> str:
        cause = error.__cause__
        told = in_one_line(f"{error} {cause or ''}")
        key = os.environ.get(self._route.key_env, "") if self._route.key_env else ""
        if key:
            told = told.replace(key, "[the key]")
        status = getattr(error, "status_code", None)
        if status == 401:
            told += f"; is the key in {self._route.key_env or 'the card (key_env is not set)'} right?"
        return f"{self._card.slug}: {self._route.base_url} answered: {told}"


def through(url: str, card: EntrantCard, *, key_env: str = "VERNISSAGE_ENGINE_KEY") -> ImagesApi:
    """An entrant of this machine's catalogue, painted by another Vernissage's images API.

    Parameters
    ----------
    url : str
        Its base URL, such as ``https://painter.example/v1``.
    card : EntrantCard
        Who paints; the other side must have it at the same revision.
    key_env : str
        Environment variable that holds the key, made there by ``arena keys make NAME --may-unblind``:
        without that it refuses the prompts of its own open campaigns.

    Raises
    ------
    CardError
        If the other side does not know the entrant, or paints another revision of it.
    GenerationFailed
        If it cannot be reached.
    MissingPart
        If the client is not installed or there is no key.
    """
    from models.cards import address

    try:
        base_url = address(url)
    except ValueError as error:
        raise CardError(f"the engine {error}, not {url[:80]!r}") from error
    route = Route(
        base_url=base_url,
        key_env=key_env,
        model=f"{card.slug}@{card.revision}",
        name=card.slug,
        revision=card.revision,
        must_state=True,
        seeds=True,
        **THROUGH,  # type: ignore[arg-type]
    )
    here = {"engine": "images-api", "batch": route.batch}
    return ImagesApi(replace(card, runtime=here), route=route)


def size_of(card: EntrantCard) -> tuple[int, int]:
    """Width and height that a card says, in pixels."""
    size = card.identity["size"]
    width, height = size if isinstance(size, list | tuple) else (size, size)
    return int(width), int(height)


def _route(card: EntrantCard) -> Route:
    identity, runtime = card.identity, card.runtime
    if not runtime.get("base_url"):
        raise CardError(f"{card.slug!r}, runtime: 'base_url' is missing; add the address of its images API")
    stated = {name: identity[name] for name in ("steps", "guidance") if name in identity}
    return Route(
        base_url=runtime["base_url"],
        key_env=runtime.get("key_env", ""),
        model=identity["model"],
        name=identity["model"],
        revision=identity["version"],
        must_state=False,
        seeds=identity["seed"] == "body",
        timeout=runtime["timeout"],
        retries=runtime["retries"],
        batch=runtime["batch"],
        body={**identity.get("arguments", {}), **stated},
        private_pictures=runtime.get("private_pictures", False),
    )


def _client(card: EntrantCard, route: Route) -> Client:
    key = os.environ.get(route.key_env) if route.key_env else "none"
    if not key:
        raise MissingPart(f"{card.slug!r} needs a key in the environment variable {route.key_env}; set it")
    try:
        from models.remote_client import Client
    except ImportError as error:
        raise MissingPart(
            f"{card.slug!r} needs {error.name}: pip install 'vernissage-arena[remote]'"
        ) from error
    width, height = size_of(card)
    return Client(route.base_url, key, timeout=route.timeout, retries=route.retries, pixels=width * height)


def _refusal(error: Any) -> Refusal | None:
    """The refusal that an error means, if it is one."""
    if error.status_code not in {400, 403, 422}:
        return None
    told = error.body if isinstance(error.body, dict) else {}
    inner = told.get("innererror")
    codes = {told.get("code"), inner.get("code") if isinstance(inner, dict) else None}
    if not any(isinstance(code, str) and code.lower().replace("-", "_") in POLICY for code in codes):
        return None
    reason = told.get("reason") or told.get("message") or "the provider's content policy"
    words = told.get("words")
    kept = tuple(str(word)[:60] for word in words[:20]) if isinstance(words, list) else ()
    return Refusal(in_one_line(str(reason)), kept)
