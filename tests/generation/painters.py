"""Small honest picture-makers: plain colours by seed, with what a test needs to see or to stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from models.contracts import EntrantCard, GeneratedImage, GenerationRequest, Refusal
from models.errors import CardError, GenerationFailed


def plain_card(slug: str = "plain", *, batch: int = 4) -> EntrantCard:
    """A card of no back end."""
    return EntrantCard(
        slug=slug,
        name=slug.title(),
        kind="baseline",
        family=slug,
        backend="plain",
        identity={"size": 8},
        runtime={"batch": batch},
    )


class Plain:
    """Paints one colour, which depends on the seed; notes which requests came together."""

    def __init__(self, card: EntrantCard) -> None:
        self.card = card
        self.batches: list[list[str]] = []
        self.open = threading.Event()
        self.open.set()
        self.painting = threading.Event()

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GeneratedImage | Refusal]:
        self.batches.append([request.prompt for request in requests])
        self.painting.set()
        assert self.open.wait(600)
        return [self.answer(request, len(requests)) for request in requests]

    def answer(self, request: GenerationRequest, batch: int) -> GeneratedImage | Refusal:
        if request.prompt == "refuse":
            return Refusal("unknown words", ("refuse",))
        if request.prompt == "break":
            raise GenerationFailed("this prompt breaks it")
        colour = (request.seed % 256, request.seed // 256 % 256, 7)
        return GeneratedImage(
            pixels=Image.new("RGB", (8, 6), colour),
            seed=request.seed,
            seconds=0.25,
            cpu_seconds=0.5,
            batch=batch,
            notes={"process": os.getpid()},
        )


class Fragile(Plain):
    """Takes its process down at ``kill``, sleeps at ``sleep``; at ``large`` its memory runs out."""

    batch = 4

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GeneratedImage | Refusal]:
        if any(request.prompt == "kill" for request in requests):
            os.kill(os.getpid(), signal.SIGKILL)
        if any(request.prompt == "sleep" for request in requests):
            time.sleep(600)
        if any(request.prompt == "large" for request in requests):
            self.batch = 2
        return super().generate(requests)


def load_fragile(card: EntrantCard) -> Fragile:
    """Loader for a child process."""
    return Fragile(replace(card, runtime={**card.runtime, "device": "cpu"}))


def load_nothing(card: EntrantCard) -> Plain:
    """A loader whose card cannot be used."""
    raise CardError(f"entrant {card.slug!r}: no weights")


def die_loading(card: EntrantCard) -> Plain:
    """A loader that takes its process down."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
