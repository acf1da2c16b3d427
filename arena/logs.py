"""The log: lines of text, or of JSON for machines, in which nobody can be recognised.

What is written passes through `hidden`: addresses, e-mail, cookies, keys of voters and everything that looks
like a secret are blotted out wherever they come from, a message of the database or of a library included.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from contextvars import ContextVar
from dataclasses import fields
from datetime import UTC, datetime
from typing import TextIO

from arena.config import Settings

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The request that this thread answers; empty outside of one."""

FIELDS = "told"
"""Where a record carries what has a name of its own: ``log.info("...", extra={FIELDS: {"status": 200}})``."""

REQUESTS = "arena.requests"
"""The logger that tells of every request; in text only at level debug."""

CHATTY = ("alembic", "botocore", "urllib3")
"""Libraries that tell of every step."""

_BLOT = "[hidden]"
_PATTERNS = (
    re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"),  # name and password of a URL
    re.compile(r"(?i)\b(?:arena|language|operator|theme)[a-z_]*=[\w.%~-]{16,}"),  # cookies
    re.compile(r"(?i)\b(?:bearer|basic)\s+[\w.~+/=-]+"),
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),  # e-mail
    re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"),  # IPv4
    re.compile(r"(?i)(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4}(?:%\w+)?(?![\w:])(?<!\d\d:\d\d:\d\d)"),
    re.compile(r"(?<![0-9a-zA-Z])[0-9a-f]{32}(?![0-9a-zA-Z])"),  # keys of voters
)


def hidden(text: str, *, secrets: tuple[str, ...] = ()) -> str:
    """The text without what would tell who somebody is, and without the secrets given."""
    for secret in secrets:
        text = text.replace(secret, _BLOT)
    for pattern in _PATTERNS:
        text = pattern.sub(_BLOT, text)
    return text


class Lines(logging.Formatter):
    """One line of text for each record, and its traceback below it."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        request = REQUEST_ID.get()
        line = hidden(super().format(record), secrets=self._secrets)
        return f"{_moment(record)} {line}" + (f" [request {request}]" if request else "")


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the request, and fields of its own."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._plain(record.getMessage()),
        }
        if request := REQUEST_ID.get():
            told["request"] = request
        for name, value in getattr(record, FIELDS, {}).items():
            told[name] = self._plain(value) if isinstance(value, str) else value
        if record.exc_info:
            told["traceback"] = self._plain(self.formatException(record.exc_info))
        return json.dumps(told, ensure_ascii=False, default=str)

    def _plain(self, text: str) -> str:
        return hidden(text, secrets=self._secrets)


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def start_log(settings: Settings, stream: TextIO | None = None) -> None:
    """Send the log of a long-running command to a stream, standard error if none is given."""
    secrets = tuple(
        str(getattr(settings, each.name))
        for each in fields(settings)
        if not each.repr and getattr(settings, each.name)
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(secrets) if settings.log == "json" else Lines(secrets))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    if settings.log == "text" and settings.log_level != "debug":
        logging.getLogger(REQUESTS).setLevel(logging.WARNING)
