"""From a card to what paints: the only gate to diffusers and to the path tracer.

Heavy packages come in here, when something is loaded, and nowhere at import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from models.cards import BACKENDS, adjusted
from models.contracts import EntrantCard, TextToImage
from models.errors import CardError, MissingPart

Loader = Callable[[EntrantCard], TextToImage]


def load(card: EntrantCard, *, device: str | None = None, dtype: str | None = None) -> TextToImage:
    """Make the entrant of a card ready to paint.

    Parameters
    ----------
    card : EntrantCard
        From a catalogue.
    device, dtype : str or None
        In place of the card's own runtime, for back ends that have such a setting. The card of what is
        returned says what was really used; its revision is the same.

    Raises
    ------
    CardError
        If the card cannot be used, its weights are broken, or they are not the ones it pins.
    MissingPart
        If a package, a device or weights are not on this machine: what brings them.
    """
    backend = BACKENDS.get(card.backend)
    if backend is None:
        raise CardError(
            f"entrant {card.slug!r}: no back end is called {card.backend!r}; there are {', '.join(BACKENDS)}"
        )
    if card.backend == "diffusers":
        card = adjusted(card, device=device, dtype=dtype)
    return LOADERS[card.backend](card)


def _atelier(card: EntrantCard) -> TextToImage:
    try:
        from models.atelier.entrant import Atelier
    except ImportError as error:
        raise MissingPart(
            f"{card.slug!r} needs {error.name}: pip install 'vernissage-arena[atelier]'"
        ) from error
    return Atelier(card)


def _diffusers(card: EntrantCard) -> TextToImage:
    try:
        from models.pipelines.diffusers import DiffusersModel
    except ImportError as error:
        raise MissingPart(f"{card.slug!r} needs {error.name}: pip install vernissage-arena") from error
    return DiffusersModel(card)


def _retrieval(card: EntrantCard) -> TextToImage:
    try:
        from models.baselines.retrieval import Retrieval
    except ImportError as error:
        raise MissingPart(f"{card.slug!r} needs {error.name}: pip install vernissage-arena") from error
    return Retrieval(card)


def _images_api(card: EntrantCard) -> TextToImage:
    from models.remote import ImagesApi

    return ImagesApi(card)


LOADERS: Mapping[str, Loader] = {
    "atelier": _atelier,
    "diffusers": _diffusers,
    "images-api": _images_api,
    "retrieval": _retrieval,
}
