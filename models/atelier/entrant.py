"""`Atelier`: the path tracer as an entrant of the arena."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.atelier.grammar import GRAMMAR_VERSION, Landscape, Scene, complete
from models.atelier.parsing import parse
from models.contracts import EntrantCard, GeneratedImage, GenerationRequest, Refusal
from models.errors import CardError, GenerationFailed
from models.metering import Meter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.atelier.render import Settings


def paint(scene: Scene, seed: int, settings: Settings) -> NDArray[np.uint8]:
    """Render a complete scene; shape (size, size, 3), 8-bit sRGB."""
    from models.atelier.render import develop, trace

    if isinstance(scene, Landscape):
        from models.atelier.landscape import finish, landscape

        described, air = landscape(scene, seed, settings.size)
        radiance, depth = trace(described, settings, seed)
        return finish(radiance, depth, air)
    from models.atelier.scene import still_life

    described, exposure = still_life(scene, seed, settings)
    radiance, _ = trace(described, settings, seed)
    return develop(radiance, exposure)


class Atelier:
    """A path-traced still life or landscape of a prompt in a stated vocabulary.

    Parameters
    ----------
    card : EntrantCard
        Its identity says ``size`` (pixels), ``samples`` (light paths a pixel) and ``denoise``, and may say
        ``bounces`` and the ``grammar`` it is pinned to. If it also says ``assets`` (a digest), the
        runtime's ``assets`` names the folder of panoramas.

    Raises
    ------
    CardError
        If the identity lacks one of them or a value makes no sense.
    """

    def __init__(self, card: EntrantCard) -> None:
        from models.atelier.render import BOUNCES, Settings, renderer

        self._card = card
        self._settings = Settings(
            size=_whole(card, "size", 16, 2048),
            samples=_whole(card, "samples", 1, 4096),
            denoise=_flag(card, "denoise"),
            bounces=_whole(card, "bounces", 0, 64) if "bounces" in card.identity else BOUNCES,
            assets=_assets(card),
        )
        _check_grammar(card)
        renderer()

    @property
    def card(self) -> EntrantCard:
        return self._card

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GeneratedImage | Refusal]:
        """Paint one picture after another; none depends on its neighbours.

        Raises
        ------
        GenerationFailed
            If a request asks for steps or guidance, which a path tracer has not, or another size.
        """
        return [self._answer(request) for request in requests]

    def _answer(self, request: GenerationRequest) -> GeneratedImage | Refusal:
        from PIL import Image

        own = (None, (self._settings.size, self._settings.size))
        if request.steps is not None or request.guidance is not None or request.size not in own:
            raise GenerationFailed(
                f"{self._card.slug} paints at {self._settings.size} pixels and has no steps and no guidance; "
                "leave these out"
            )
        brief = parse(request.prompt)
        if isinstance(brief, Refusal):
            return brief
        with Meter() as meter:
            scene = complete(brief, request.seed)
            pixels = Image.fromarray(paint(scene, request.seed, self._settings))
        return GeneratedImage(
            pixels=pixels,
            seed=request.seed,
            seconds=meter.seconds,
            cpu_seconds=meter.cpu_seconds,
            peak_bytes=meter.peak_bytes,
            joules=meter.joules,
            energy_method=meter.energy_method,
        )


def _identity(card: EntrantCard, key: str) -> Any:
    if key not in card.identity:
        raise CardError(f"the card of {card.slug!r} does not say {key!r}")
    return card.identity[key]


def _whole(card: EntrantCard, key: str, low: int, high: int) -> int:
    value = _identity(card, key)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise CardError(f"{key} of {card.slug!r} must be a whole number from {low} to {high}, not {value!r}")
    return value


def _flag(card: EntrantCard, key: str) -> bool:
    value = _identity(card, key)
    if not isinstance(value, bool):
        raise CardError(f"{key} of {card.slug!r} must be true or false, not {value!r}")
    return value


def _check_grammar(card: EntrantCard) -> None:
    """See that a card pinned to a grammar is painted by that grammar: another one paints other pictures."""
    wanted = card.identity.get("grammar", GRAMMAR_VERSION)
    if wanted != GRAMMAR_VERSION:
        raise CardError(f"{card.slug!r} is pinned to grammar {wanted}; this version paints {GRAMMAR_VERSION}")


def _assets(card: EntrantCard) -> Path | None:
    """The folder of panoramas, if the card wants them and they are the ones it names."""
    wanted = card.identity.get("assets")
    if wanted is None:
        return None
    from models.atelier.assets import assets_digest

    folder = Path(str(card.runtime.get("assets", "assets")))
    if (found := assets_digest(folder)) != wanted:
        raise CardError(f"{card.slug!r} wants the panoramas {wanted}, {folder} holds {found}")
    return folder
