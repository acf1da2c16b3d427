"""Words of a prompt as numbers: a closed vocabulary that says what it does not know.

The vocabulary is what the captions of `models.atelier` can say, so every word in it was trained. Articles and
words that may stand anywhere and change nothing are left out of the sequence; any other word keeps its place
as ``<unknown>`` and is reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizer

PAD, UNKNOWN, START = "<pad>", "<unknown>", "<start>"
SPECIAL = (PAD, UNKNOWN, START)
WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Lower-case words in order; hyphens and apostrophes part words."""
    return WORD.findall(text.lower())


def grammar_vocabulary() -> tuple[list[str], list[str]]:
    """Words that Lumen learns, and words that it may leave out, both sorted.

    Returns
    -------
    known : list of str
        Every word of every phrase that training captions may hold.
    silent : list of str
        Articles, and function words that stand in no such phrase.
    """
    from models.atelier import vocabulary as words

    tables = [
        words.SHAPES,
        words.COLOURS,
        words.MATERIALS,
        words.SURFACES,
        words.LIGHTINGS,
        words.RELATIONS,
        words.TRAILING,
        words.CAMERAS,
        words.TERRAINS,
        words.TIMES,
        words.WEATHERS,
        words.FEATURES,
        words.VIEWS,
        *words.STILL_LIFE_ALIASES.values(),
        *words.LANDSCAPE_ALIASES.values(),
    ]
    phrases = [phrase for table in tables for row in table.values() for phrase in row]
    phrases += [*words.CLEAR, *words.BESIDE, *words.OPENINGS, "made of", "with", "on"]
    articles = {"a", "an", "the"}
    known = {word for phrase in phrases for word in words_of(phrase)} - articles
    return sorted(known), sorted((words.FUNCTION_WORDS - known) | articles)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Prompts as the model reads them.

    Attributes
    ----------
    ids : Tensor of shape (n_prompts, n_words), int64
        Begins with ``<start>``; as long as the longest prompt needs.
    mask : Tensor of shape (n_prompts, n_words), bool
        False where a shorter prompt was padded.
    unknown : tuple of tuple of str
        For each prompt the words that were not understood, in order, each once.
    """

    ids: Tensor
    mask: Tensor
    unknown: tuple[tuple[str, ...], ...]


class LumenTokenizer(PreTrainedTokenizer):  # type: ignore[misc]
    """A word is a token.

    Parameters
    ----------
    vocab_file : str
        JSON list of the words in the order of their numbers, `SPECIAL` first.
    silent : sequence of str
        Words that are left out without a report.
    model_max_length : int
        Most tokens of a prompt; words after it are reported like unknown ones, for they are not read.
    """

    vocab_files_names = {"vocab_file": "vocab.json"}  # noqa: RUF012
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012

    def __init__(
        self, vocab_file: str, silent: Sequence[str] = (), model_max_length: int = 48, **told: Any
    ) -> None:
        self._words: list[str] = json.loads(Path(vocab_file).read_text(encoding="utf-8"))
        self._numbers = {word: number for number, word in enumerate(self._words)}
        self._silent = frozenset(silent)
        for key, token in (("pad_token", PAD), ("unk_token", UNKNOWN), ("bos_token", START)):
            told.setdefault(key, token)
        super().__init__(silent=list(silent), model_max_length=model_max_length, **told)

    def read(self, prompts: Sequence[str]) -> Reading:
        """Turn prompts into numbers, padded to the longest."""
        rows, unknown = zip(*(self.numbers_of(prompt) for prompt in prompts), strict=True)
        ids, mask = padded(rows)
        return Reading(ids, mask, tuple(unknown))

    def numbers_of(self, prompt: str) -> tuple[list[int], tuple[str, ...]]:
        """The tokens of one prompt with ``<start>`` before them, and the words that were not understood."""
        kept = [word for word in words_of(prompt) if word not in self._silent]
        room = int(self.model_max_length) - 1
        strange = [word for n, word in enumerate(kept) if n >= room or word not in self._numbers]
        numbers = [self._numbers[START], *(self._convert_token_to_id(word) for word in kept[:room])]
        return numbers, tuple(dict.fromkeys(strange))

    @property
    def words(self) -> tuple[list[str], list[str]]:
        """Known and silent words; `make_tokenizer` makes the same tokenizer of them."""
        return self._words[len(SPECIAL) :], sorted(self._silent)

    @property
    def unknown_number(self) -> int:
        """The number that stands for any unknown word."""
        return self._numbers[UNKNOWN]

    @property
    def vocab_size(self) -> int:
        """Number of tokens, special ones among them."""
        return len(self._words)

    def get_vocab(self) -> dict[str, int]:
        return dict(self._numbers)

    def _tokenize(self, text: str, **told: Any) -> list[str]:
        return [word for word in words_of(text) if word not in self._silent]

    def _convert_token_to_id(self, token: str) -> int:
        return self._numbers.get(token, self._numbers[UNKNOWN])

    def _convert_id_to_token(self, index: int) -> str:
        return self._words[index]

    def build_inputs_with_special_tokens(
        self, first: list[int], second: list[int] | None = None
    ) -> list[int]:
        return [self._numbers[START], *first, *(second or [])]

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str]:
        prefix = f"{filename_prefix}-" if filename_prefix else ""
        path = Path(save_directory) / f"{prefix}{self.vocab_files_names['vocab_file']}"
        path.write_text(json.dumps(self._words, indent=0), encoding="utf-8")
        return (str(path),)


def padded(rows: Iterable[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Token rows of different lengths as ids and mask, both of shape (n_rows, longest); padding is 0."""
    rows = list(rows)
    ids = torch.zeros(len(rows), max(len(row) for row in rows), dtype=torch.int64)
    mask = torch.zeros_like(ids, dtype=torch.bool)
    for n, row in enumerate(rows):
        ids[n, : len(row)] = torch.tensor(row)
        mask[n, : len(row)] = True
    return ids, mask


def make_tokenizer(
    known: Sequence[str] | None = None, silent: Sequence[str] | None = None, *, longest: int = 48
) -> LumenTokenizer:
    """A tokenizer of the grammar's words, or of the words that some weights were trained with."""
    if known is None or silent is None:
        known, silent = grammar_vocabulary()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.json"
        path.write_text(json.dumps([*SPECIAL, *known]), encoding="utf-8")
        return LumenTokenizer(str(path), silent=silent, model_max_length=longest)
