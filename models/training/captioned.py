"""Pictures with their captions, as the baselines are trained on them."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from models.lumen.tokenizer import LumenTokenizer
from models.training.loop import State, examples_of, load_state
from models.training.settings import BadSettings, Loop
from models.training.shards import Pictures, to_unit
from models.training.wording import words_of_update


class Captioned:
    """Pictures and captions of each update, all decided by the seed and the step.

    Parameters
    ----------
    pictures : Pictures
    tokenizer : LumenTokenizer
    loop : Loop
        Its batch, seed and device.
    empty : float
        Share of empty captions.
    """

    def __init__(self, pictures: Pictures, tokenizer: LumenTokenizer, loop: Loop, *, empty: float) -> None:
        self._pictures, self._tokenizer, self._loop, self._empty = pictures, tokenizer, loop, empty

    def batch(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures in [-1, 1], ids and mask of one update, on its device."""
        loop = self._loop
        chosen, epochs = examples_of(step, loop.batch, len(self._pictures), loop.seed)
        ids, mask = words_of_update(
            self._pictures.scenes, chosen, epochs, self._tokenizer, loop.seed, empty=self._empty
        )
        clean = to_unit(self._pictures.take(chosen))
        return clean.to(loop.device), ids.to(loop.device), mask.to(loop.device)


def check_words(out: Path, known: list[str]) -> None:
    """Whether the run in a folder, if there is one, was begun with the words that the grammar has now.

    Raises
    ------
    BadSettings
        If it was not.
    """
    before = out / "checkpoint.pt"
    if before.exists() and load_state(before)["words"] != known:
        raise BadSettings(f"{out} was trained with other words than the grammar has now; begin a new run")


def open_state(checkpoint: Path) -> State:
    """A checkpoint or a snapshot, its averaged weights in float32.

    Raises
    ------
    BadSettings
        If there is none.
    """
    if not checkpoint.is_file():
        raise BadSettings(f"{checkpoint} is no checkpoint; train a model first")
    state = load_state(checkpoint)
    return state | {"average": {name: value.float() for name, value in state["average"].items()}}
