"""How often the rules say of prompts what people said: over a file of labelled prompts.

The file is a CSV with the columns ``part`` (such as ``develop`` and ``held_out``), ``is_prompt`` (yes or no),
``categories`` (slugs by blanks) and ``prompt``.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from arena.domain.categories import SLUGS
from arena.domain.prompt_filter import unfit
from arena.domain.tagging import tag
from arena.errors import Invalid

_COLUMNS = frozenset({"part", "is_prompt", "categories", "prompt"})


@dataclass(frozen=True, slots=True)
class Agreement:
    """Yes and no answers against the truth."""

    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def precision(self) -> float | None:
        """Of those said, the share that is right; None if none was said."""
        return _share(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float | None:
        """Of those that are, the share that was said; None if there are none."""
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two; None where neither is defined."""
        right = 2 * self.true_positives
        return _share(right, right + self.false_positives + self.false_negatives)

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "precision": self.precision, "recall": self.recall, "f1": self.f1}


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What the rules got right on one part of the file.

    Attributes
    ----------
    prompts, exact : int
        Image prompts, and how many of them got exactly the categories they have.
    categories : tuple of (str, Agreement)
        Each category over all image prompts.
    every : Agreement
        All categories together (the micro average).
    texts : int
        All texts of the part.
    filtered : Agreement
        The filter: positive is what is no image prompt.
    """

    part: str
    prompts: int
    exact: int
    categories: tuple[tuple[str, Agreement], ...]
    every: Agreement
    texts: int
    filtered: Agreement

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "part": self.part,
            "prompts": self.prompts,
            "exact": self.exact,
            "exact_share": _share(self.exact, self.prompts),
            "every": self.every.as_dict(),
            "categories": {slug: agreement.as_dict() for slug, agreement in self.categories},
            "texts": self.texts,
            "filter": self.filtered.as_dict(),
        }


def accuracy(path: Path) -> list[Accuracy]:
    """Compare the rules with a file of labelled prompts, part by part.

    Raises
    ------
    Invalid
        If it is no such file.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, restval=""))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Invalid(f"{path} cannot be read as a CSV in UTF-8: {error}") from error
    if not rows or not rows[0].keys() >= _COLUMNS:
        raise Invalid(f"{path} needs rows, and the columns {', '.join(sorted(_COLUMNS))}")
    parts = dict.fromkeys(row["part"] for row in rows)
    return [_part(part, [row for row in rows if row["part"] == part]) for part in parts]


def _part(part: str, rows: Sequence[dict[str, str]]) -> Accuracy:
    told = [
        (set(row["categories"].split()), set(tag(row["prompt"]))) for row in rows if row["is_prompt"] == "yes"
    ]
    right = Counter(slug for want, got in told for slug in want & got)
    wrong = Counter(slug for want, got in told for slug in got - want)
    missed = Counter(slug for want, got in told for slug in want - got)
    turned = Counter((row["is_prompt"] == "no", unfit(row["prompt"]) is not None) for row in rows)
    return Accuracy(
        part=part,
        prompts=len(told),
        exact=sum(want == got for want, got in told),
        categories=tuple((slug, Agreement(right[slug], wrong[slug], missed[slug])) for slug in SLUGS),
        every=Agreement(right.total(), wrong.total(), missed.total()),
        texts=len(rows),
        filtered=Agreement(turned[True, True], turned[False, True], turned[True, False]),
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
