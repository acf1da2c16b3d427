"""Choose the bank of pictures that retrieval copies from: few renders, with every word of the vocabulary."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from models.atelier.captions import full_caption
from models.atelier.grammar import Scene
from models.baselines.retrieval import Bank, word_table
from models.errors import ModelError
from models.lumen.tokenizer import make_tokenizer
from models.training.settings import BadSettings, read_settings
from models.training.shards import Pictures, open_pictures
from models.training.wording import training_caption

EXAMPLES = """examples:
  python -m models.training.bank --data data/atelier --out weights/retrieval
  python -m models.training.bank bank --data data/atelier --out weights/retrieval --set count=300"""


@dataclass(frozen=True, slots=True)
class BankSettings:
    """Settings of a bank.

    Attributes
    ----------
    count : int
        Pictures in the bank.
    candidates : int
        Training pictures that it is chosen from, evenly spread.
    size : int
        Pixels along one side.
    quality : int
        Of WebP, from 0 to 100.
    captions : int
        Captions of a picture; the first says everything plainly, the others are worded as in training.
    seed : int
        Of the captions, and between pictures that are equally welcome.
    """

    count: int
    candidates: int = 6000
    size: int = 256
    quality: int = 80
    captions: int = 6
    seed: int = 1


def captions_of(scene: Scene, count: int, seed: int, place: int) -> tuple[str, ...]:
    """What is said of one picture of the bank; all of it true."""
    rng = np.random.default_rng([seed, 8, place])
    return (full_caption(scene), *(training_caption(scene, rng) for _ in range(count - 1)))


def cover(table: NDArray[np.bool_], count: int, seed: int) -> list[int]:
    """Choose rows greedily so that their words are evenly covered.

    The next row is always the one whose words are rarest so far: the largest mean over its words of
    ``1 / (1 + times chosen)``. A random order decides between equals.

    Parameters
    ----------
    table : ndarray of shape (n_rows, n_words), bool
    count : int
        Rows to choose; all of them if there are no more.
    seed : int
    """
    order = np.random.default_rng([seed, 9]).permutation(len(table))
    shuffled = table[order].astype(np.float64)
    share = shuffled / np.maximum(shuffled.sum(1, keepdims=True), 1)
    taken = np.zeros(table.shape[1])
    chosen: list[int] = []
    for _ in range(min(count, len(table))):
        welcome = share @ (1 / (1 + taken))
        welcome[chosen] = -1
        best = int(welcome.argmax())
        chosen.append(best)
        taken += shuffled[best]
    return [int(order[row]) for row in chosen]


def make_bank(settings: BankSettings, pictures: Pictures) -> Bank:
    """Choose and encode the pictures of a bank.

    Raises
    ------
    BadSettings
        If there are fewer pictures than the bank shall hold.
    """
    if settings.count > len(pictures):
        raise BadSettings(f"a bank of {settings.count} pictures cannot be chosen from {len(pictures)}")
    tokenizer = make_tokenizer()
    most = max(settings.count, min(settings.candidates, len(pictures)))
    places = np.linspace(0, len(pictures) - 1, most).astype(np.int64)
    told = [
        captions_of(pictures.scenes[place], settings.captions, settings.seed, int(place))
        for place in tqdm(places, desc="captions", unit="picture", leave=False, disable=None)
    ]
    chosen = cover(word_table(told, tokenizer.words[0]), settings.count, settings.seed)
    encoded = []
    for row in tqdm(chosen, desc="pictures", unit="picture", leave=False, disable=None):
        pixels = pictures.take([int(places[row])])[0].permute(1, 2, 0).numpy()
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "WEBP", quality=settings.quality, method=6)
        encoded.append(file.getvalue())
    return Bank(settings.size, tuple(told[row] for row in chosen), tuple(encoded), tokenizer)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the module."""
    parser = argparse.ArgumentParser(
        prog="python -m models.training.bank",
        description="Choose the training pictures that retrieval copies from.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "config", nargs="?", type=Path, default=Path("retrieval"), help="settings (default: retrieval)"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--out", type=Path, required=True, help="folder of the bank; one there is replaced")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting")
    told = parser.parse_args(arguments)
    try:
        settings = read_settings(BankSettings, told.config, told.set)
        bank = make_bank(settings, open_pictures(told.data, "train", settings.size))
        bank.save(told.out)
    except ModelError as error:
        parser.exit(1, f"{error}\n")
    words = np.any(word_table(bank.captions, bank.tokenizer.words[0]), axis=0)
    sys.stdout.write(
        f"{told.out}: {len(bank.pictures)} pictures, {sum(map(len, bank.pictures)) / 1e6:.1f} MB, "
        f"{int(words.sum())} of {words.size} words\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
