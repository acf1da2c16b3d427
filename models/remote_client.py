"""The official client of the OpenAI API, on a short leash: what comes back is bounded in bytes and time."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import httpx2
import openai

from models.remote_addresses import pinned
from models.remote_answers import NotTheirs, in_one_line

LARGEST_ANSWER = 64 * 1024 * 1024
CONNECT_SECONDS = 10.0
FETCH_PAUSE = 0.5
# Which account of OpenAI this machine otherwise uses is no business of other servers.
NOT_SENT: Mapping[str, Any] = {"OpenAI-Organization": openai.omit, "OpenAI-Project": openai.omit}


class Client:
    """Asks one server.

    Parameters
    ----------
    base_url, key : str
        Where, and what opens it.
    timeout : float
        Seconds without a byte, and seconds for a whole answer, after which it is given up.
    retries : int
        How often it is tried again.
    pixels : int
        Of the picture expected: an answer that could not be one is not read to its end.
    """

    def __init__(self, base_url: str, key: str, *, timeout: float, retries: int, pixels: int) -> None:
        self._timeout = timeout
        self._retries = retries
        self._largest = max(LARGEST_ANSWER, 8 * pixels)
        # A compressed answer could be small on the wire and endless here.
        self._http = httpx2.Client(
            timeout=httpx2.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [self._bound]},
            follow_redirects=False,
        )
        self._openai = openai.OpenAI(
            base_url=base_url,
            api_key=key,
            max_retries=retries,
            http_client=self._http,
            default_headers={"Accept-Encoding": "identity", **NOT_SENT},
        )

    def generate(self, body: Mapping[str, Any]) -> bytes:
        """Ask for a picture; returns the answer's body.

        Raises
        ------
        openai.OpenAIError
            If there is no answer after all tries, or it is an error.
        NotTheirs
            If the answer is too large, or takes too long once begun.
        """
        asked = self._openai.images.with_streaming_response.generate(
            prompt=body["prompt"],
            extra_body=dict(body),
            timeout=httpx2.Timeout(self._timeout, connect=min(CONNECT_SECONDS, self._timeout)),
        )
        with asked as answer:
            return self._read(answer.http_response)

    def look(self, path: str, seconds: float) -> bytes:
        """Ask for something small, once and not for long."""
        asked = self._openai.with_options(timeout=seconds, max_retries=0)
        answer: httpx2.Response = asked.get(path, cast_to=httpx2.Response)
        return answer.content

    def fetch(self, url: str, *, anywhere: bool = False) -> bytes:
        """Fetch a picture from where an answer says it lies; no key is sent there, no redirect followed.

        Parameters
        ----------
        anywhere : bool
            Whether that may be an address that is not public.

        Raises
        ------
        NotTheirs
            If it cannot be had, or must not be.
        """
        told = ""
        for attempt in range(self._retries + 1):
            if attempt:
                time.sleep(min(8.0, FETCH_PAUSE * 2**attempt) * random.uniform(0.75, 1.0))  # noqa: S311
            try:
                with self._get(url, anywhere=anywhere) as answer:
                    if answer.status_code == 200:
                        return self._read(answer)
                    told = f"status {answer.status_code}"
                    if answer.status_code < 500 and answer.status_code not in {408, 429}:
                        break
            except httpx2.HTTPError as error:
                told = in_one_line(f"{type(error).__name__} {error}")
        raise NotTheirs(f"named a picture that cannot be fetched: {told}")

    def close(self) -> None:
        """Close the connections."""
        self._openai.close()

    def _get(self, url: str, *, anywhere: bool) -> AbstractContextManager[httpx2.Response]:
        if anywhere:
            return self._http.stream("GET", url)
        there = pinned(url)
        return self._http.stream(
            "GET", there.url, headers={"Host": there.host}, extensions={"sni_hostname": there.name}
        )

    def _read(self, answer: httpx2.Response) -> bytes:
        try:
            return answer.read()
        except httpx2.HTTPError as error:
            raise NotTheirs(f"broke off its answer: {in_one_line(str(error))}") from error

    def _bound(self, answer: httpx2.Response) -> None:
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise NotTheirs("sent a compressed answer, which was not asked for")
        assert isinstance(answer.stream, httpx2.SyncByteStream)
        answer.stream = _Bounded(answer.stream, self._largest, self._timeout)


class _Bounded(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream, largest: int, seconds: float) -> None:
        self._stream = stream
        self._largest = largest
        self._seconds = seconds

    def __iter__(self) -> Iterator[bytes]:
        over = time.monotonic() + self._seconds
        read = 0
        for chunk in self._stream:
            read += len(chunk)
            if read > self._largest:
                raise NotTheirs(f"sent more than {self._largest // 2**20} MiB; the rest was not read")
            if time.monotonic() > over:
                raise NotTheirs(f"took more than {self._seconds:g} s to send its answer")
            yield chunk

    def close(self) -> None:
        self._stream.close()
