"""Files of votes as others publish them, read by their columns.

==================  ================================================================================
format              columns by which it is known
==================  ================================================================================
vernissage          left, right, outcome (an arena's release also kind, ballot_no, ...)
lmarena             model_a, model_b, winner: clean_battle, 33k, 100k, 140k, and any table like them
lmarena_55k         model_a, model_b, winner_model_a, winner_model_b, winner_tie
fastchat_log        type, models
genai_bench         left_model, right_model, vote_type
pickapic            model_0, model_1, label_0
hpdv3               model1, model2, path1, path2: the first is the preferred one
rapidata            model1, model2, votes_image1, votes_image2: counts of votes
comparia            model_a_name, model_b_name, chosen_model_name, both_equal
==================  ================================================================================

A row that is no vote on two entrants is left out, counted, and its reason given. An outcome that nobody knows
is an error that names the row, never a tie.

References
----------
.. [1] L. Zheng et al., "Judging LLM-as-a-judge with MT-bench and Chatbot Arena", NeurIPS 2023,
   arXiv:2306.05685: battles and their logs.
.. [2] Y. Kirstain et al., "Pick-a-Pic: an open dataset of user preferences for text-to-image generation",
   NeurIPS 2023, arXiv:2305.01569.
.. [3] D. Jiang et al., "GenAI Arena: an open evaluation platform for generative models", NeurIPS 2024,
   arXiv:2406.04485.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, Final, NamedTuple

import numpy as np

from analysis.arrays import Bools
from analysis.comparisons import Comparisons
from analysis.errors import InvalidComparisons
from analysis.outcomes import Outcome
from analysis.tables import open_table, strings

RATERS: Final = ("rater", "judge", "judge_hash", "user_id", "visitor_id", "voter", "user_hash")
PROMPTS: Final = ("prompt", "caption", "prompt_id", "source_prompt", "opening_msg")
"""Columns in which votes that belong together are looked for, the first that is there."""

NO_VOTES: Final[Mapping[frozenset[str], str]] = {
    frozenset({"human_preference", "file_path"}): "HPDv2 does not say which model painted a picture",
    frozenset({"model_name", "rating", "vote_count"}): "these are ratings, not votes",
    frozenset({"model_a", "model_b", "preference"}): (
        "no meaning is published for the numbers in 'preference'; write a column 'winner' instead"
    ),
    frozenset({"rank", "overall_rating"}): "ImageRewardDB does not say which model painted a picture",
}
"""Columns of files in which there is nothing to rate, and why."""


@dataclass(frozen=True, slots=True, eq=False)
class VoteFile:
    """Votes on their way to `Comparisons`.

    Attributes
    ----------
    format : str
    table : pyarrow.Table
        Columns of the file, and those made of them.
    sides : (str, str, str)
        The columns with the entrants on the left and on the right and with the outcome.
    roles : mapping of str to str
        "rater" and "prompt" to the columns that hold them, where there are such.
    dropped : mapping of str to int
        Reason to number of rows left out.
    warnings : tuple of str
        Sentences for people.
    """

    format: str
    table: Any
    sides: tuple[str, str, str]
    roles: Mapping[str, str]
    dropped: Mapping[str, int]
    warnings: tuple[str, ...]

    def comparisons(
        self, clusters: Sequence[str] = (), *, labels: Sequence[str] | None = None, keep_votes: bool = False
    ) -> Comparisons:
        """Reduce the votes to counts, with these of "rater" and "prompt" kept vote by vote."""
        missing = [role for role in clusters if role not in self.roles]
        if missing:
            raise InvalidComparisons(
                f"no column for {' and '.join(missing)} is known in this file; say which: "
                + ",".join(f"{role}=COLUMN" for role in missing)
            )
        return Comparisons.from_frame(
            self.table,
            *self.sides,
            rater=self.roles["rater"] if "rater" in clusters else None,
            prompt=self.roles["prompt"] if "prompt" in clusters else None,
            labels=labels,
            keep_votes=True if keep_votes else None,
        )

    def column(self, name: str) -> Any:
        """Give a column of the file; InvalidComparisons names those that there are."""
        if name not in self.table.column_names:
            there = ", ".join(column for column in self.table.column_names if column not in _OWN)
            raise InvalidComparisons(f"no column {name!r}; there are {there or 'no others'}")
        return self.table.column(name)

    def split(self, name: str) -> dict[str, VoteFile]:
        """Give the votes of each value of a column, by value; rows without one are left out."""
        values = strings(self.column(name))
        codes = np.asarray(values.codes)
        order = sorted(range(len(values.levels)), key=lambda i: values.levels[i])
        return {
            values.levels[i]: replace(self, table=self.table.filter(_mask(codes == i)))
            for i in order
            if np.any(codes == i)
        }


SIDE: Final = "side voted for"
_OWN: Final = ("left entrant", "right entrant", "outcome of the vote", SIDE)


class _Sides(NamedTuple):
    """Left, right and outcome as columns of the file or made of them; rows kept, rows left out by reason."""

    left: Any
    right: Any
    outcome: Any
    kept: Bools | None = None
    dropped: Mapping[str, int] = {}


def read_votes(
    source: str | PathLike[str] | Any, columns: Sequence[str] = (), *, roles: Mapping[str, str] | None = None
) -> VoteFile:
    """Read a file of votes in whatever known format.

    Parameters
    ----------
    source : path, pandas.DataFrame, polars.DataFrame, pyarrow.Table, mapping or Source
        A path must end in .parquet, .csv, .csv.gz, .tsv, .json, .jsonl or .ndjson.
    columns : sequence of str
        Further columns wanted, as covariates or to split by.
    roles : mapping of str to str, optional
        "rater" or "prompt" to a column, where it is not among `RATERS` or `PROMPTS`.

    Raises
    ------
    InvalidComparisons
        The columns are of no known format, or hold no votes on entrants.
    InvalidOption
        The file cannot be opened, or its name has no known ending.
    """
    source = open_table(source)
    present = set(source.names)
    name, needs, read = _recognise(present)
    own = dict(roles or {})
    for role, usual in (("rater", RATERS), ("prompt", PROMPTS)):
        found = [column for column in usual if column in present]
        if role not in own and found:
            own[role] = found[0]
    strange = [column for column in (*columns, *own.values()) if column not in present]
    if strange:
        raise InvalidComparisons(
            f"no column {', '.join(map(repr, strange))}; there are {', '.join(source.names)}"
        )
    extra = [column for column in _FILTERS if column in present]
    table = source.read(list(dict.fromkeys([*needs, *own.values(), *columns, *extra])))
    if name == "rapidata":
        table = _expanded(table)
    sides = read(table)
    at = []
    for made, values in zip(_OWN[:3], (sides.left, sides.right, sides.outcome), strict=True):
        at.append(values if isinstance(values, str) else made)
        if not isinstance(values, str):
            table = table.append_column(made, values)
    table, dropped, warnings = _filtered(table, name, sides)
    return VoteFile(name, table, (at[0], at[1], at[2]), own, dropped, warnings)


def _recognise(present: set[str]) -> tuple[str, tuple[str, ...], Callable[[Any], _Sides]]:
    """Find the format by its columns."""
    for name, needs, read in _FORMATS:
        if present.issuperset(needs):
            return name, needs, read
    for columns, why in NO_VOTES.items():
        if present >= columns:
            raise InvalidComparisons(why)
    raise InvalidComparisons(
        "no known columns of votes, such as model_a, model_b and winner; there are "
        + (", ".join(sorted(present)) or "none")
    )


_FILTERS: Final = ("anony", "kind", "ballot_no", "battle", "criterion")


def _filtered(table: Any, name: str, sides: _Sides) -> tuple[Any, dict[str, int], tuple[str, ...]]:
    """Leave out the rows that do not count."""
    dropped = dict(sides.dropped)
    kept = np.ones(table.num_rows, dtype=np.bool_) if sides.kept is None else sides.kept.copy()
    warnings = []

    def leave_out(bad: Bools, reason: str) -> None:
        nonlocal kept
        number = int(np.count_nonzero(bad & kept))
        if number:
            dropped[reason] = dropped.get(reason, 0) + number
            kept &= ~bad

    here = set(table.column_names)
    if name == "lmarena" and "anony" in here:
        leave_out(~_true(table.column("anony")), "names were shown before the vote")
    if name == "vernissage" and "kind" in here:
        kinds = strings(table.column("kind"))
        plain = [i for i, level in enumerate(kinds.levels) if level == "ordinary"]
        leave_out(~np.isin(kinds.codes, plain), "not an ordinary battle")
    if name == "vernissage" and {"ballot_no", "battle"} <= here:
        leave_out(_superseded(table), "voted anew later")
    if (
        name == "vernissage"
        and "criterion" in here
        and len(set(strings(table.column("criterion")).levels)) > 1
    ):
        warnings.append("The file holds several criteria, all counted together; see --by criterion.")
    if not kept.all():
        table = table.filter(_mask(kept))
    return table, dropped, tuple(warnings)


def _superseded(table: Any) -> Bools:
    """Rows of whose battle and criterion there is a later ballot."""
    import pandas as pd

    keys = [column for column in ("battle", "criterion") if column in table.column_names]
    frame = table.select([*keys, "ballot_no"]).to_pandas()
    last = frame.groupby(keys, observed=True)["ballot_no"].transform("max")
    return np.asarray(pd.Series(frame["ballot_no"] < last), dtype=np.bool_)


def _direct(left: str, right: str, outcome: str) -> Callable[[Any], _Sides]:
    """Read three columns as they are."""
    return lambda _: _Sides(left, right, outcome)


def _mask(kept: Bools) -> Any:
    """Turn truth values to Arrow's."""
    import pyarrow as pa

    return pa.array(kept)


def _words(codes: Any) -> Any:
    """Outcomes by position: left, right, tie, both bad; an Arrow array."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(np.asarray(codes, dtype=np.int8), [str(word) for word in Outcome])


def _true(column: Any) -> Bools:
    """A column of truth values, 0 and 1 or words."""
    values = strings(column)
    yes = [i for i, level in enumerate(values.levels) if level.lower() in ("true", "1", "1.0")]
    return np.asarray(np.isin(values.codes, yes), dtype=np.bool_)


def _one_hot(table: Any) -> _Sides:
    """Read the three columns of arena-human-preference-55k."""
    hot = np.column_stack([_true(table.column(f"winner_{name}")) for name in ("model_a", "model_b", "tie")])
    bad = np.flatnonzero(hot.sum(axis=1) != 1)
    if bad.size:
        raise InvalidComparisons(
            "exactly one of the winner columns must be 1", rows=bad[:10].tolist(), count=bad.size
        )
    return _Sides(table.column("model_a"), table.column("model_b"), _words(hot.argmax(axis=1)))


def _log(table: Any) -> _Sides:
    """Read FastChat's log lines; those that are not votes on two models are counted."""
    import pyarrow as pa

    kinds = table.column("type").to_pylist()
    models = table.column("models").to_pylist()
    votes = ("leftvote", "rightvote", "tievote", "bothbad_vote")
    other = ("chat", "upvote", "downvote", "flag", "share", "load_demo", "regenerate", "clear")
    kept = np.array([kind not in other for kind in kinds], dtype=np.bool_)
    whole = [list(pair) if isinstance(pair, list) and len(pair) == 2 else ["", ""] for pair in models]
    broken = np.flatnonzero(kept & np.array([pair == ["", ""] for pair in whole], dtype=np.bool_))
    if broken.size:
        raise InvalidComparisons("models must hold two names", rows=broken[:10].tolist(), count=broken.size)
    words = [kind if keep else votes[2] for kind, keep in zip(kinds, kept.tolist(), strict=True)]
    left, right = (pa.array([pair[i] for pair in whole], pa.string()) for i in (0, 1))
    number = int(np.count_nonzero(~kept))
    return _Sides(left, right, pa.array(words), kept, {"not a vote": number} if number else {})


def _pick(table: Any) -> _Sides:
    """Read Pick-a-Pic, in which many pairs are of one and the same model."""
    labels = strings(table.column("label_0"))
    known = {"1.0": 0, "1": 0, "0.0": 1, "0": 1, "0.5": 2}
    codes = np.array([known.get(level, -1) for level in labels.levels] + [-1], dtype=np.int8)[labels.codes]
    bad = np.flatnonzero(codes < 0)
    if bad.size:
        raise InvalidComparisons("label_0 must be 1, 0 or 0.5", rows=bad[:10].tolist(), count=bad.size)
    left, right = strings(table.column("model_0")), strings(table.column("model_1"))
    at = {level: i for i, level in enumerate(left.levels)}
    same_level = np.array([at.get(level, -2) for level in right.levels] + [-2])
    same = (same_level[right.codes] == left.codes) & (left.codes >= 0)
    number = int(np.count_nonzero(same))
    return _Sides(
        table.column("model_0"), table.column("model_1"), _words(codes), np.asarray(~same, dtype=np.bool_),
        {"both pictures by one model": number} if number else {},
    )  # fmt: skip


def _preferred_first(table: Any) -> _Sides:
    """Read HPDv3."""
    return _Sides(table.column("model1"), table.column("model2"), _words(np.zeros(table.num_rows)))


def _counted(table: Any) -> _Sides:
    """Read Rapidata's counts: `_expanded` gave each vote its row."""
    return _Sides(table.column("model1"), table.column("model2"), _words(table.column(SIDE).to_numpy()))


def _expanded(table: Any) -> Any:
    """Repeat each pair of Rapidata for each of its votes."""
    import pyarrow as pa

    counts = np.stack(
        [table.column(f"votes_image{i}").to_numpy(zero_copy_only=False) for i in (1, 2)], axis=1
    ).astype(np.float64)
    bad = np.flatnonzero(~np.all((counts >= 0) & (counts == np.rint(counts)), axis=1))
    if bad.size:
        raise InvalidComparisons("votes must be whole numbers", rows=bad[:10].tolist(), count=bad.size)
    at = np.repeat(np.arange(2 * table.num_rows), counts.ravel().astype(np.int64))
    return table.take(pa.array(at // 2)).append_column(SIDE, pa.array(at % 2))


def _chosen(table: Any) -> _Sides:
    """Read ComparIA, which names the chosen model."""
    equal = _true(table.column("both_equal"))
    columns = [
        table.column(name).to_pylist() for name in ("model_a_name", "model_b_name", "chosen_model_name")
    ]
    codes = np.full(table.num_rows, -1, dtype=np.int8)
    for i, (left, right, chosen) in enumerate(zip(*columns, strict=True)):
        codes[i] = 2 if equal[i] else 0 if chosen == left else 1 if chosen == right else -1
    bad = np.flatnonzero(codes < 0)
    if bad.size:
        raise InvalidComparisons(
            "chosen_model_name is neither of the two", rows=bad[:10].tolist(), count=bad.size
        )
    return _Sides(table.column("model_a_name"), table.column("model_b_name"), _words(codes))


_FORMATS: Final[tuple[tuple[str, tuple[str, ...], Callable[[Any], _Sides]], ...]] = (
    ("lmarena", ("model_a", "model_b", "winner"), _direct("model_a", "model_b", "winner")),
    ("lmarena_55k", ("model_a", "model_b", "winner_model_a", "winner_model_b", "winner_tie"), _one_hot),
    ("vernissage", ("left", "right", "outcome"), _direct("left", "right", "outcome")),
    ("fastchat_log", ("type", "models"), _log),
    ("genai_bench", ("left_model", "right_model", "vote_type"),
     _direct("left_model", "right_model", "vote_type")),
    ("pickapic", ("model_0", "model_1", "label_0"), _pick),
    ("hpdv3", ("model1", "model2", "path1", "path2"), _preferred_first),
    ("rapidata", ("model1", "model2", "votes_image1", "votes_image2"), _counted),
    ("comparia", ("model_a_name", "model_b_name", "chosen_model_name", "both_equal"), _chosen),
)  # fmt: skip
