"""Retrieval as an entrant: of a small bank of renders the one whose captions share most with a prompt.

It makes nothing: every answer is a copy of a picture that Lumen was trained on.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file, save_file

from models.contracts import EntrantCard, GeneratedImage, GenerationRequest, Refusal
from models.digests import digest_folder
from models.errors import CardError, GenerationFailed
from models.lumen.tokenizer import LumenTokenizer, words_of
from models.metering import Meter

Ints = NDArray[np.int64]
CAPTIONS, PICTURES, TOKENIZER = "bank.json", "pictures.safetensors", "tokenizer"


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """Pictures with what is said of them.

    Attributes
    ----------
    size : int
        Pixels along one side.
    captions : tuple of tuple of str
        Of each picture; the plainest first.
    pictures : tuple of bytes
        Each encoded as WebP.
    tokenizer : LumenTokenizer
        Whose words count.
    """

    size: int
    captions: tuple[tuple[str, ...], ...]
    pictures: tuple[bytes, ...]
    tokenizer: LumenTokenizer

    def save(self, folder: Path) -> None:
        """Write the bank into a folder that a card can name."""
        folder.mkdir(parents=True, exist_ok=True)
        self.tokenizer.save_pretrained(folder / TOKENIZER)
        ends = np.cumsum([len(picture) for picture in self.pictures])
        joined = np.frombuffer(b"".join(self.pictures), np.uint8)
        save_file({"webp": joined, "ends": ends}, folder / PICTURES)
        told = {"size": self.size, "captions": self.captions}
        (folder / CAPTIONS).write_text(json.dumps(told, indent=0) + "\n", encoding="utf-8")

    @classmethod
    def open(cls, folder: Path) -> Bank:
        """Read what `save` wrote."""
        told = json.loads((folder / CAPTIONS).read_text(encoding="utf-8"))
        stored = load_file(folder / PICTURES)
        parts = np.split(stored["webp"], stored["ends"][:-1])
        return cls(
            size=int(told["size"]),
            captions=tuple(tuple(row) for row in told["captions"]),
            pictures=tuple(part.tobytes() for part in parts),
            tokenizer=LumenTokenizer.from_pretrained(folder / TOKENIZER, local_files_only=True),
        )


def word_table(captions: Sequence[Sequence[str]], words: Sequence[str]) -> NDArray[np.bool_]:
    """Which of `words` stand in the captions of each picture, shape (n_pictures, n_words)."""
    column = {word: number for number, word in enumerate(words)}
    table = np.zeros((len(captions), len(words)), bool)
    for row, told in enumerate(captions):
        said = {word for caption in told for word in words_of(caption)}
        table[row, [column[word] for word in said if word in column]] = True
    return table


def rarity(table: NDArray[np.bool_]) -> Ints:
    """How much each word tells: ``log((1 + n) / (1 + n_with))`` over n pictures (Spärck Jones 1972).

    In whole thousandths of a nat, so that sums are exact and a tie is a tie on every machine.
    """
    count, holding = table.shape[0], table.sum(0)
    thousandths: Ints = np.rint(1000 * np.log((1 + count) / (1 + holding))).astype(np.int64)
    return thousandths


class Retrieval:
    """The nearest picture of a bank.

    Parameters
    ----------
    card : EntrantCard
        Its identity says ``path``, the folder of a bank, and ``size`` (pixels).

    Raises
    ------
    CardError
        If the folder holds no bank, another than the card pins, or pictures of another size.
    """

    def __init__(self, card: EntrantCard) -> None:
        folder, where = Path(card.folder), f"entrant {card.slug!r}"
        if digest_folder(folder) != card.identity["weights"]:
            raise CardError(
                f"{where}: the bank in {folder} is not the one its card pins; bring that one back, or enter "
                "this one as a new revision"
            )
        try:
            self._bank = Bank.open(folder)
        except Exception as error:
            raise CardError(f"{where}: {folder} holds no bank of pictures: {error}") from error
        if self._bank.size != card.identity["size"]:
            raise CardError(
                f"{where}: the bank's pictures are {self._bank.size} pixels wide; correct 'size' in the card"
            )
        self._card = card
        self._words, _ = self._bank.tokenizer.words
        self._table = word_table(self._bank.captions, self._words)
        self._rarity = rarity(self._table)

    @property
    def card(self) -> EntrantCard:
        return self._card

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GeneratedImage | Refusal]:
        """Find one picture after another; none depends on its neighbours.

        Raises
        ------
        GenerationFailed
            If a request asks for steps or guidance, which there are none of, or another size.
        """
        return [self._answer(request) for request in requests]

    def nearest(self, prompt: str, seed: int) -> int:
        """The place of the picture that shares most with a prompt; the seed decides between equals."""
        asked = word_table([[prompt]], self._words)[0]
        shared = self._table @ (self._rarity * asked)
        best = np.flatnonzero(shared == shared.max())
        return int(best[np.random.default_rng(seed & 0xFFFFFFFFFFFFFFFF).integers(len(best))])

    def _answer(self, request: GenerationRequest) -> GeneratedImage:
        size = self._bank.size
        if (
            request.steps is not None
            or request.guidance is not None
            or request.size not in (None, (size, size))
        ):
            raise GenerationFailed(
                f"{self._card.slug} shows pictures of {size} pixels and has no steps and no guidance; leave "
                "these out"
            )
        with Meter() as meter:
            found = self._bank.pictures[self.nearest(request.prompt, request.seed)]
            _, unknown = self._bank.tokenizer.numbers_of(request.prompt)
            with Image.open(io.BytesIO(found)) as opened:
                pixels = opened.convert("RGB")
        return GeneratedImage(
            pixels=pixels,
            seed=request.seed,
            seconds=meter.seconds,
            cpu_seconds=meter.cpu_seconds,
            peak_bytes=meter.peak_bytes,
            joules=meter.joules,
            energy_method=meter.energy_method,
            notes={"unknown_words": list(unknown)} if unknown else {},
        )
