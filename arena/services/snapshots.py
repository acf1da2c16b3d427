"""The votes of one question as columns of numbers, kept in the worker's memory: 36 bytes a vote.

A board of any view is fitted from them without touching the database's votes again; newer votes are appended
in their order. Raters and prompts are numbered in the order in which they come, so that whoever reads the
same votes in the same order gets the same numbers, and the same fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import String, extract, func, select, type_coerce
from sqlalchemy.orm import Session

from analysis import Comparisons, run_elo
from analysis.outcomes import Outcome
from arena.domain.views import View
from arena.queries.boards import votes_of
from arena.queries.removed import removed_of, stands
from arena.tables import Battle, BattleKind, Prompt, PromptSource, Vote, Voter

OUTCOMES: Final = tuple(outcome.value for outcome in Outcome)
CHUNK: Final = 50_000

Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]

_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY_SECONDS: Final = 86_400


class Column:
    """Whole numbers that more are appended to."""

    def __init__(self) -> None:
        self._room: Codes = np.empty(1024, dtype=np.int32)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, values: Any) -> None:
        """Append numbers."""
        new = np.asarray(values, dtype=np.int32)
        end = self._length + new.size
        if end > self._room.size:
            larger = np.empty(max(end, 2 * self._room.size), dtype=np.int32)
            larger[: self._length] = self._room[: self._length]
            self._room = larger
        self._room[self._length : end] = new
        self._length = end

    @property
    def values(self) -> Codes:
        """All of them; a view that later appending leaves as it is."""
        return self._room[: self._length]


class Numbering:
    """Numbers from 0 for database ids, in the order in which they come."""

    def __init__(self) -> None:
        self._code: Codes = np.full(1024, -1, dtype=np.int32)
        self.ids: list[int] = []

    def __len__(self) -> int:
        return len(self.ids)

    def codes(self, ids: Any) -> Codes:
        """The numbers of some ids; new ones are numbered."""
        asked = np.asarray(ids, dtype=np.int64)
        if asked.size and (largest := int(asked.max())) >= self._code.size:
            larger = np.full(max(largest + 1, 2 * self._code.size), -1, dtype=np.int32)
            larger[: self._code.size] = self._code
            self._code = larger
        new = asked[self._code[asked] < 0]
        if new.size:
            found, first = np.unique(new, return_index=True)
            in_order = found[np.argsort(first)]
            self._code[in_order] = np.arange(len(self.ids), len(self.ids) + in_order.size)
            self.ids += in_order.tolist()
        return self._code[asked]


@dataclass(slots=True)
class Snapshot:
    """The ordinary votes on one question that stand.

    ``left``, ``right`` and the images hold database ids (0 for a picture that is not here), ``outcome``
    positions in `OUTCOMES`, ``rater`` and ``prompt`` numbers of `raters` and `prompts`, ``cohort`` positions
    in `cohorts`, ``day`` UTC days since 1970. ``last`` is the number of the newest vote.
    """

    left: Column = field(default_factory=Column)
    right: Column = field(default_factory=Column)
    outcome: Column = field(default_factory=Column)
    rater: Column = field(default_factory=Column)
    prompt: Column = field(default_factory=Column)
    cohort: Column = field(default_factory=Column)
    day: Column = field(default_factory=Column)
    left_image: Column = field(default_factory=Column)
    right_image: Column = field(default_factory=Column)
    raters: Numbering = field(default_factory=Numbering)
    prompts: Numbering = field(default_factory=Numbering)
    cohorts: list[str] = field(default_factory=list)
    last: int = 0
    removed: int = 0
    _elo: dict[int, float] = field(default_factory=dict)
    _elo_votes: int = 0

    def __len__(self) -> int:
        return len(self.outcome)

    def read(self, session: Session, campaign_id: int, criterion_id: int) -> None:
        """Append the votes that are newer than the last one."""
        result = session.execute(
            select(
                Vote.id,
                Battle.left_entrant_id,
                Battle.right_entrant_id,
                type_coerce(Vote.outcome, String),
                Battle.voter_id,
                Battle.prompt_id,
                Voter.cohort,
                extract("epoch", Vote.cast_at),
                func.coalesce(Battle.left_image_id, 0),
                func.coalesce(Battle.right_image_id, 0),
            )
            .join(Battle, Vote.battle_id == Battle.id)
            .join(Voter, Battle.voter_id == Voter.id)
            .where(
                Vote.id > self.last,
                Battle.campaign_id == campaign_id,
                Vote.criterion_id == criterion_id,
                Battle.kind == BattleKind.ORDINARY,
                stands(),
            )
            .order_by(Vote.id)
        )
        while rows := result.fetchmany(CHUNK):
            numbers, left, right, outcomes, voters, prompts, cohorts, seconds, lefts, rights = zip(
                *rows, strict=True
            )
            self.left.append(left)
            self.right.append(right)
            self.outcome.append([_CODES[outcome] for outcome in outcomes])
            self.rater.append(self.raters.codes(voters))
            self.prompt.append(self.prompts.codes(prompts))
            self.cohort.append(self._cohort_codes(cohorts))
            self.day.append(np.asarray(seconds, dtype=np.int64) // _DAY_SECONDS)
            self.left_image.append(lefts)
            self.right_image.append(rights)
            self.last = numbers[-1]

    def mask(self, session: Session, view: View) -> Mask:
        """Which of the votes a view counts."""
        chosen: Mask = np.ones(len(self), dtype=np.bool_)
        if view.cohort is not None:
            known = view.cohort in self.cohorts
            chosen &= self.cohort.values == (self.cohorts.index(view.cohort) if known else -1)
        if view.since is not None:
            chosen &= self.day.values >= view.since.toordinal() - _EPOCH
        if view.until is not None:
            chosen &= self.day.values <= view.until.toordinal() - _EPOCH
        if view.category is not None or view.source is not None:
            chosen &= self._prompts_of(session, view)[self.prompt.values]
        return chosen

    def comparisons(
        self, names: Mapping[int, str], labels: Sequence[str], chosen: Mask | None = None
    ) -> Comparisons:
        """The votes, or the chosen ones, among the entrants of a board.

        Parameters
        ----------
        names : mapping of int to str
            Label of each entrant, by its id.
        labels : sequence of str
            Every entrant of the board, those without votes included.
        chosen : ndarray of bool, optional
        """
        ids = sorted(names)
        place = np.zeros(max(ids, default=0) + 1, dtype=np.int32)
        place[ids] = np.arange(len(ids))
        entrants = [names[number] for number in ids]
        columns: dict[str, tuple[Codes, Sequence[Any]]] = {
            "left": (place[self.left.values], entrants),
            "right": (place[self.right.values], entrants),
            "outcome": (self.outcome.values, OUTCOMES),
            "rater": (self.rater.values, range(len(self.raters))),
            "prompt": (self.prompt.values, range(len(self.prompts))),
        }
        table = {
            role: pa.DictionaryArray.from_arrays(
                codes if chosen is None else codes[chosen], pa.array(map(str, levels), pa.string())
            )
            for role, (codes, levels) in columns.items()
        }
        return Comparisons.from_frame(
            pa.table(table), rater="rater", prompt="prompt", labels=list(labels), keep_votes=True
        )

    def elo(self) -> dict[int, float]:
        """Online Elo of each entrant, by its id, after the last vote; goes on from where it was left."""
        seen, n = self._elo_votes, len(self)
        if seen < n:
            size = int(max(self.left.values.max(), self.right.values.max())) + 1
            met = np.bincount(self.left.values, minlength=size) + np.bincount(
                self.right.values, minlength=size
            )
            names = {number: str(number) for number in np.flatnonzero(met).tolist()}
            newer = np.arange(n) >= seen
            before = {str(number): rating for number, rating in self._elo.items()}
            run = run_elo(self.comparisons(names, list(names.values()), newer), start=before)
            self._elo |= {int(label): float(at) for label, at in zip(run.labels, run.ratings, strict=True)}
            self._elo_votes = n
        return dict(self._elo)

    def _cohort_codes(self, cohorts: Sequence[str]) -> list[int]:
        for cohort in dict.fromkeys(cohorts):
            if cohort not in self.cohorts:
                self.cohorts.append(cohort)
        code = {cohort: number for number, cohort in enumerate(self.cohorts)}
        return [code[cohort] for cohort in cohorts]

    def _prompts_of(self, session: Session, view: View) -> Mask:
        """Which prompts, by their number, a view counts; their categories may have changed since."""
        query = select(Prompt.id, Prompt.categories)
        if view.source is not None:
            query = query.where(Prompt.source == PromptSource(view.source))
        wanted = {
            number
            for number, categories in session.execute(query)
            if view.category is None or view.category in categories
        }
        return np.array([number in wanted for number in self.prompts.ids], dtype=np.bool_)


_CODES: Final = {outcome: code for code, outcome in enumerate(OUTCOMES)}


@dataclass(slots=True)
class SnapshotCache:
    """Snapshots that a worker has read, by question, so that only newer votes are read again."""

    _kept: dict[int, Snapshot] = field(default_factory=dict)

    def read(self, session: Session, campaign_id: int, criterion_id: int) -> Snapshot:
        """The votes of a question until now.

        Where votes were removed, and where the tally tells that one was committed late, behind others, all
        are read anew.
        """
        removed = removed_of(session, criterion_id)
        snapshot = self._kept.setdefault(criterion_id, Snapshot(removed=removed))
        if snapshot.removed == removed:
            snapshot.read(session, campaign_id, criterion_id)
        if snapshot.removed != removed or len(snapshot) != votes_of(session, campaign_id, criterion_id):
            snapshot = self._kept[criterion_id] = Snapshot(removed=removed)
            snapshot.read(session, campaign_id, criterion_id)
        return snapshot
