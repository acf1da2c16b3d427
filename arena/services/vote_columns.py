"""Votes as they are published, by column: what every file and answer with votes is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import datetime
from itertools import compress
from typing import Any, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from arena.domain.blinding import PICTURES_LAST
from arena.domain.pseudonyms import Pseudonyms
from arena.domain.seals import private_digests, voter_json
from arena.queries.embargo import dealt_prompts
from arena.queries.preferences import entrant_names, pictures_of, questions_of, words_of
from arena.queries.releases import campaigns_of
from arena.queries.votes import Told, points_of, reasons_of, sealed_votes, voters_of

Columns = dict[str, Sequence[Any]]
HIDDEN_WHILE_DEALT = ("left_image", "right_image", "private_digest")
"""With these a voter could tell who painted a picture that is still being judged."""

_AS_KEPT = {
    "vote": "id",
    "battle": "battle_id",
    "outcome": "outcome",
    "kind": "kind",
    "repeats": "repeats",
    "propensity": "propensity",
    "eligible": "eligible",
    "policy": "policy",
    "ballot_no": "ballot_no",
    "consent": "consent",
    "leaf": "leaf",
    "seal": "seal_id",
}
_TOLD_BY = {
    "campaign": "criterion_id",
    "criterion": "criterion_id",
    "prompt": "prompt_id",
    "prompt_digest": "prompt_id",
    "categories": "prompt_id",
    "source": "prompt_id",
    "left": "left_entrant_id",
    "right": "right_entrant_id",
    "left_entrant": "left_entrant_id",
    "right_entrant": "right_entrant_id",
    "left_image": "left_image_id",
    "right_image": "right_image_id",
    "cohort": "voter_id",
    "rater": "voter_id",
}
"""Columns that are published as they are kept, and those that are words for an id of the vote."""


def vote_columns(
    session: Session,
    *,
    pseudonyms: Pseudonyms | None,
    campaign_id: int | None = None,
    blind: datetime | None = None,
    battles: Sequence[int] | None = None,
    after: int = 0,
    chunk: int | None = None,
    which: ColumnElement[bool] | None = None,
    without: Set[int] = frozenset(),
) -> Iterator[Columns]:
    """Every sealed vote that stands, in the order of ids, in chunks that fit into memory.

    Parameters
    ----------
    session : Session
        Reads only.
    pseudonyms : Pseudonyms or None
        Names for the raters; without them no column says anything of them.
    campaign_id : int, optional
        One campaign alone.
    blind : datetime, optional
        The present, for whoever may know no more than the raters: `HIDDEN_WHILE_DEALT` is empty in votes of
        campaigns that are not closed and of prompts that such a campaign deals, and votes whose voter may
        still be asked for reasons are left out.
    battles : sequence of int, optional
        Votes of these battles alone.
    after : int
        Only votes of higher ids.
    chunk : int, optional
        Most votes at a time, if not as many as usual.
    which : optional
        Other votes than those that stand; see `arena.queries.removed`.
    without : set of int
        Votes that are left out.
    """
    known = _Known(session, pseudonyms)
    open_campaigns = {
        campaign.id
        for campaign in campaigns_of(session, None)
        if blind and (campaign.closed_at is None or campaign.closed_at > blind)
    }
    dealt = set(session.scalars(dealt_prompts(blind))) if blind else set()
    for told in sealed_votes(
        session,
        campaign_id=campaign_id,
        told_before=None if blind is None else blind - PICTURES_LAST,
        battles=battles,
        after=after,
        chunk=chunk,
        which=which,
    ):
        if without:
            kept = [vote not in without for vote in told["id"]]
            if not any(kept):
                continue
            told = {name: list(compress(cells, kept)) for name, cells in told.items()}
        columns = _columns(told, known)
        votes, of = told["id"], told["battle_id"]
        columns |= _remarks("reasons", reasons_of(session, votes, of), of)
        columns |= _remarks("points", points_of(session, votes, of), of)
        if open_campaigns:
            hidden = [
                campaign in open_campaigns or prompt in dealt
                for campaign, prompt in zip(told["campaign_id"], told["prompt_id"], strict=True)
            ]
            for name in HIDDEN_WHILE_DEALT:
                columns[name] = [
                    "" if hide else cell for hide, cell in zip(hidden, columns[name], strict=True)
                ]
        told.clear()  # what no column holds need not be held while they are written
        yield columns


class Coded(Sequence[str]):
    """A column in which few words occur: its words, and for each row the place of its word among them."""

    def __init__(self, words: Sequence[str], codes: NDArray[np.int32]) -> None:
        self.words = words
        self.codes = codes

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            return Coded(self.words, self.codes[place])
        return self.words[int(self.codes[place])]

    def __iter__(self) -> Iterator[str]:
        return map(self.words.__getitem__, self.codes.tolist())


class _Ids:
    """A column of ids: which there are, and for each row the place of its id among them."""

    def __init__(self, ids: Sequence[int | None]) -> None:
        found = pa.array(ids, pa.int64()).dictionary_encode(null_encoding="encode")
        self.ids: list[int | None] = found.dictionary.to_pylist()
        self._codes: NDArray[np.int32] = found.indices.to_numpy()

    def told(self, words: Mapping[int | None, str]) -> Coded:
        """The column with words for the ids, each once: a dictionary of Parquet must not repeat itself."""
        told = [words[number] for number in self.ids]
        place = {word: number for number, word in enumerate(dict.fromkeys(told))}
        if len(place) == len(told):
            return Coded(told, self._codes)
        codes = np.array([place[word] for word in told], dtype=np.int32)
        return Coded([*place], codes[self._codes])


class _Known:
    """The words for ids, by the column that publishes them; each is read when its id is first met."""

    def __init__(self, session: Session, pseudonyms: Pseudonyms | None) -> None:
        self._session = session
        self._pseudonyms = pseudonyms
        self.keys: dict[int | None, str] = {}
        self.words: dict[str, dict[int | None, str]] = {column: {} for column in _TOLD_BY}
        self.words["left_image"][None] = ""  # of an imported vote whose pictures are not here
        for number, question in questions_of(session).items():
            self.words["campaign"][number] = question.campaign
            self.words["criterion"][number] = question.criterion
        for number, (slug, label) in entrant_names(session).items():
            for side in ("left", "right"):
                self.words[side][number] = label
                self.words[f"{side}_entrant"][number] = slug
        self.words["right_image"] = self.words["left_image"]
        if pseudonyms is None:
            del self.words["rater"]

    def meet(self, columns: Mapping[str, _Ids]) -> None:
        """Read what the votes of a chunk need and nobody has read before."""
        words = self.words
        for number, prompt in words_of(self._session, _unmet(words["prompt"], columns["prompt_id"])).items():
            words["prompt"][number] = prompt.text
            words["prompt_digest"][number] = prompt.digest
            words["categories"][number] = " ".join(prompt.categories)
            words["source"][number] = prompt.source
        pictures = words["left_image"]
        new = _unmet(pictures, columns["left_image_id"], columns["right_image_id"])
        for number, picture in pictures_of(self._session, new).items():
            pictures[number] = picture.digest
        for number, key, cohort in voters_of(self._session, _unmet(self.keys, columns["voter_id"])):
            self.keys[number] = voter_json(key)
            words["cohort"][number] = cohort
            if self._pseudonyms:
                words["rater"][number] = self._pseudonyms.of(key)


def _unmet(known: Mapping[int | None, str], *columns: _Ids) -> list[int]:
    ids = {number for column in columns for number in column.ids if number is not None}
    return sorted(ids - known.keys())


def _columns(told: Mapping[str, Sequence[Any]], known: _Known) -> Columns:
    """Columns of votes, but for their reasons and points, in no order."""
    met = {name: _Ids(told[name]) for name in {*_TOLD_BY.values()}}
    known.meet(met)
    return {
        **{column: told[name] for column, name in _AS_KEPT.items()},
        **{column: met[_TOLD_BY[column]].told(words) for column, words in known.words.items()},
        "expected": [outcome or "" for outcome in told["expected"]],
        "day": [at[:10] for at in told["cast_at"]],
        "elapsed_s": [None if ms is None else round(ms / 1000, 1) for ms in told["elapsed_ms"]],
        "private_digest": private_digests(
            told["salt"], met["voter_id"].told(known.keys), told["cast_at"], told["elapsed_ms"]
        ),
    }


def _remarks(name: str, found: Told, battles: Sequence[int]) -> Columns:
    """The two columns of reasons or points of votes; most have none."""
    names = (name, f"{name}_unblinded")
    if not found:
        return dict.fromkeys(names, Coded(("",), np.zeros(len(battles), dtype=np.int32)))
    none: tuple[list[str], list[str]] = ([], [])
    return {
        column: [" ".join(found.get(battle, none)[place]) for battle in battles]
        for place, column in enumerate(names)
    }
