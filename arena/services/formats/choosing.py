"""From all votes to those of an export: every vote that is not in it is counted, with the reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from arena.errors import CorruptImage, Invalid, UnknownEntrant, UnknownPicture
from arena.queries.preferences import (
    NO_PICTURE,
    OUTCOMES,
    REMOVED,
    Picture,
    Question,
    Words,
    ballots,
    entrant_names,
    names_elsewhere,
    pictures_of,
    questions_of,
    told_elsewhere,
    words_of,
)
from arena.services.formats.contracts import Format, Preference, Side
from arena.services.formats.filters import Filters
from arena.services.formats.reliability import unreliable
from arena.storage import ImageStore
from arena.tables import RemovalKind

Mask = NDArray[np.bool_]

REMOVALS = {
    RemovalKind.WITHDRAWN: "withdrawn by their raters",
    RemovalKind.EXCLUDED: "excluded by a rule",
    RemovalKind.RETRACTED: "retracted before the reveal",
}
TEST_BATTLES = "on battles that test raters, which count on no board"
VOTED_ANEW = "whose rater voted anew later"
OTHER_QUESTIONS = "answers to other questions"
TOO_EARLY, TOO_LATE = "before the first day asked for", "after the last day asked for"
OTHER_ENTRANTS = "with an entrant that was not asked for"
OTHER_CATEGORIES = "on prompts of other categories"
DISAGREED = "on pictures that raters agree on too little"
OTHER_VERDICTS = "with a verdict that was not asked for"
UNDECIDED = "without a winner, outside train"
LOST = "on a picture that is missing or damaged in the store"
NO_PICTURES = "imported from another arena without their pictures"
_ROWS = 4_096


def no_word(outcome: str) -> str:
    """Why a vote of an outcome is dropped by a format."""
    return f"{outcome}: the format has no word for it"


@dataclass(slots=True, eq=False)
class Chosen:
    """The votes of an export as columns of numbers, what the numbers stand for, and what was dropped."""

    columns: dict[str, NDArray[Any]]
    votes_in: int
    questions: dict[int, Question]
    names: dict[int, tuple[str, str]]
    elsewhere: Callable[[Sequence[int]], dict[int, dict[str, Any]]]
    prompts: dict[int, Words] = field(default_factory=dict)
    pictures: dict[int, Picture] = field(default_factory=dict)
    parts: dict[int, str] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns["vote"])

    def keep(self, kept: Mask, why: str) -> None:
        """Keep those votes; the others are dropped for that reason."""
        if lost := len(kept) - int(np.count_nonzero(kept)):
            self.dropped[why] = self.dropped.get(why, 0) + lost
            self.columns = {name: column[kept] for name, column in self.columns.items()}

    def number_raters(self, key: bytes) -> None:
        """Number the raters from 1 in an order that nobody can tell without the key."""
        raters, rater = np.unique(self.columns["voter"], return_inverse=True)
        keyed = [hashlib.blake2b(str(voter).encode(), key=key).digest() for voter in raters.tolist()]
        numbers = np.empty(len(raters), dtype=np.int64)
        numbers[sorted(range(len(raters)), key=keyed.__getitem__)] = np.arange(1, len(raters) + 1)
        self.columns["rater"] = numbers[rater]

    def ids(self, *columns: str) -> list[int]:
        """The ids that occur in columns, ascending."""
        found: list[int] = np.unique(np.concatenate([self.columns[name] for name in columns])).tolist()
        return found

    def rows(self) -> Iterator[Preference]:
        """The votes one by one; few are held as objects at any time."""
        columns = self.columns
        sides: dict[int, Side] = {}
        hung = {}
        for name in ("left", "right"):
            hung[f"{name} side"] = (columns[name].astype(np.int64) << 32) + columns[f"{name}_image"]
            for side in np.unique(hung[f"{name} side"]).tolist():
                sides[side] = Side(self.names[side >> 32][1], self.pictures[side & 0xFFFFFFFF])
        columns = {**columns, **hung}
        wanted = (
            "vote", "battle", "criterion", "prompt", "left side", "right side", "outcome", "day", "rater",
            "turn", "on_prompt", "first_on_prompt", "propensity", "pair",
        )  # fmt: skip
        for start in range(0, len(self), _ROWS):
            piece = [columns[name][start : start + _ROWS].tolist() for name in wanted]
            elsewhere = self.elsewhere(piece[1])
            for row in zip(*piece, strict=True):
                vote, battle, question, prompt, left, right, outcome, day, *counts, propensity, pair = row
                asked = self.questions[question]
                yield Preference._make(
                    (
                        vote,
                        asked.campaign,
                        asked.criterion,
                        self.prompts[prompt],
                        sides[left],
                        sides[right],
                        OUTCOMES[outcome],
                        date.fromordinal(day),
                        *counts,
                        None if isnan(propensity) else propensity,
                        pair,
                        elsewhere.get(battle, {}),
                        self.parts[prompt],
                    )
                )


def choose(
    session: Session,
    asked: Filters,
    form: Format,
    *,
    campaign_id: int | None,
    store: ImageStore,
    step: Callable[[int, int], None],
) -> Chosen:
    """Choose the votes of an export.

    Parameters
    ----------
    campaign_id : int, optional
        One campaign alone; votes of others are not even counted.
    store : ImageStore
        Every picture of the chosen votes is read once, where the format holds pictures.
    step : callable
        Is told how many pictures have been read, and how many pictures and votes there are.

    Raises
    ------
    Invalid, UnknownEntrant
        If something is asked for that does not exist, or no vote is left.
    """
    asked.check()
    columns = {name: np.asarray(column) for name, column in ballots(session, campaign_id).items()}
    names = entrant_names(session)
    names |= {number: (names[number][0], name) for number, name in names_elsewhere(session).items()}
    chosen = Chosen(
        columns, len(columns["vote"]), questions_of(session), names, partial(told_elsewhere, session)
    )
    for kind, why in REMOVALS.items():
        chosen.keep(chosen.columns["removed"] != REMOVED.index(kind), why)
    chosen.keep(chosen.columns["ordinary"] == 1, TEST_BATTLES)
    _keep_last_ballots(chosen)
    _keep_questions(chosen, asked.criterion, form)
    _keep_reliable(session, chosen, asked)
    if asked.since:
        chosen.keep(chosen.columns["day"] >= asked.since.toordinal(), TOO_EARLY)
    if asked.until:
        chosen.keep(chosen.columns["day"] <= asked.until.toordinal(), TOO_LATE)
    if asked.entrants:
        _keep_entrants(chosen, asked.entrants)
    chosen.prompts = words_of(session, chosen.ids("prompt"))
    if asked.category:
        _keep_category(chosen, asked.category)
    _number_pairs(chosen)
    if asked.min_agreement is not None:
        chosen.keep(_agreement(chosen) >= asked.min_agreement, DISAGREED)
    if asked.verdicts:
        chosen.keep(_is(chosen, asked.verdicts), OTHER_VERDICTS)
    for outcome, word in form.words.items():
        if word is None:
            chosen.keep(~_is(chosen, (outcome,)), no_word(outcome))
    for number in chosen.ids("prompt"):
        split = asked.split
        chosen.parts[number] = split.of(chosen.prompts[number].digest) if split else form.part
    if form.decided_beyond_train:
        beyond = [number for number, part in chosen.parts.items() if part != "train"]
        undecided = np.isin(chosen.columns["prompt"], beyond) & ~_is(chosen, OUTCOMES[:2])
        chosen.keep(~undecided, UNDECIDED)
    if form.pictures:
        chosen.keep((chosen.columns["left_image"] > 0) & (chosen.columns["right_image"] > 0), NO_PICTURES)
    chosen.pictures = pictures_of(session, chosen.ids("left_image", "right_image"))
    if form.pictures:
        lost = _lost(chosen, store, step)
        there = ~np.isin(chosen.columns["left_image"], lost) & ~np.isin(chosen.columns["right_image"], lost)
        chosen.keep(there, LOST)
    else:
        chosen.pictures[0] = NO_PICTURE
    if not len(chosen):
        why = "; ".join(f"{n:,} {reason}" for reason, n in chosen.dropped.items()) or "there are none yet"
        raise Invalid(f"no vote is left to export: {why}")
    _count(chosen)
    if form.by_pair:
        order = np.argsort(chosen.columns["pair"], kind="stable")
        chosen.columns = {name: column[order] for name, column in chosen.columns.items()}
    return chosen


def _keep_last_ballots(chosen: Chosen) -> None:
    ballots_no = chosen.columns["ballot_no"]
    if not np.any(ballots_no > 1):
        return
    answered = np.stack([chosen.columns["battle"], chosen.columns["criterion"]])
    _, question = np.unique(answered, axis=1, return_inverse=True)
    last = np.zeros(len(ballots_no), dtype=np.int64)
    np.maximum.at(last, question.reshape(-1), ballots_no)
    chosen.keep(ballots_no == last[question.reshape(-1)], VOTED_ANEW)


def _keep_questions(chosen: Chosen, criterion: str | None, form: Format) -> None:
    if criterion is None and form.all_questions:
        return
    present = {number: chosen.questions[number] for number in chosen.ids("criterion")}
    known = {question.criterion for question in chosen.questions.values()}
    if criterion is not None and criterion not in known:
        raise Invalid(f"no campaign asks {criterion!r}; there is: {', '.join(sorted(known))}")
    wanted = [
        number
        for number, question in present.items()
        if (question.first if criterion is None else question.criterion == criterion)
    ]
    chosen.keep(np.isin(chosen.columns["criterion"], wanted), OTHER_QUESTIONS)


def _keep_reliable(session: Session, chosen: Chosen, asked: Filters) -> None:
    columns = chosen.columns
    left = np.ones(len(chosen), dtype=np.bool_)
    for why, stays in unreliable(session, columns, asked):
        chosen.keep(stays[left], why)
        left &= stays


def _keep_entrants(chosen: Chosen, asked: Sequence[str]) -> None:
    wanted: set[int] = set()
    for name in asked:
        found = {number for number, names in chosen.names.items() if name in names}
        if not found:
            raise UnknownEntrant(name, tuple(sorted(full for _, full in chosen.names.values())))
        wanted |= found
    both = [np.isin(chosen.columns[side], list(wanted)) for side in ("left", "right")]
    chosen.keep(both[0] & both[1], OTHER_ENTRANTS)


def _keep_category(chosen: Chosen, category: str) -> None:
    known = {each for words in chosen.prompts.values() for each in words.categories}
    if category not in known:
        raise Invalid(
            f"no prompt of these votes is of category {category!r}; there is: {', '.join(sorted(known))}"
        )
    wanted = [number for number, words in chosen.prompts.items() if category in words.categories]
    chosen.keep(np.isin(chosen.columns["prompt"], wanted), OTHER_CATEGORIES)


def _number_pairs(chosen: Chosen) -> None:
    """Give votes on the same question and the same two pictures one number, in the order of first votes.

    Of votes whose pictures are not here nobody knows that they are on the same; each has its own.
    """
    columns = chosen.columns
    pictures = np.array(chosen.ids("left_image", "right_image"), dtype=np.int64)
    left, right = (np.searchsorted(pictures, columns[f"{side}_image"]) for side in ("left", "right"))
    _, question = np.unique(columns["criterion"], return_inverse=True)
    key = (question * len(pictures) + np.minimum(left, right)) * len(pictures) + np.maximum(left, right)
    unknown = (columns["left_image"] == 0) | (columns["right_image"] == 0)
    key[unknown] = -1 - np.flatnonzero(unknown)
    _, first, codes = np.unique(key, return_index=True, return_inverse=True)
    ranks = np.empty(len(first), dtype=np.int64)
    ranks[np.argsort(first)] = np.arange(len(first))
    columns["pair"] = ranks[codes]


def _agreement(chosen: Chosen) -> NDArray[np.float64]:
    """Share of the commonest answer among the votes on each vote's pictures."""
    columns = chosen.columns
    turned = columns["left_image"] > columns["right_image"]
    answer = np.where(turned & (columns["outcome"] < 2), 1 - columns["outcome"], columns["outcome"])
    pairs = int(columns["pair"].max(initial=-1)) + 1
    counts = np.bincount(columns["pair"] * 4 + answer, minlength=pairs * 4).reshape(-1, 4)
    return np.asarray((counts.max(axis=1) / np.maximum(counts.sum(axis=1), 1))[columns["pair"]])


def _is(chosen: Chosen, outcomes: Sequence[Any]) -> Mask:
    return np.isin(chosen.columns["outcome"], [OUTCOMES.index(outcome) for outcome in outcomes])


def _lost(chosen: Chosen, store: ImageStore, step: Callable[[int, int], None]) -> list[int]:
    """Read every picture once; returns the ids of those that cannot be had."""
    total = len(chosen.pictures) + len(chosen)
    lost = []
    for done, (number, picture) in enumerate(chosen.pictures.items(), start=1):
        try:
            for digest in filter(None, (picture.digest, picture.original)):
                store.get(digest)
        except (CorruptImage, UnknownPicture):
            lost.append(number)
        step(done, total)
    return lost


def _count(chosen: Chosen) -> None:
    """Number each rater's votes, and count the votes of each prompt."""
    columns = chosen.columns
    _, rater = np.unique(columns["voter"], return_inverse=True)
    order = np.argsort(rater, kind="stable")
    starts = np.flatnonzero(np.diff(rater[order], prepend=-1))
    runs = np.diff(np.append(starts, len(order)))
    turn = np.empty(len(order), dtype=np.int64)
    turn[order] = np.arange(len(order)) - np.repeat(starts, runs) + 1
    columns["turn"] = turn
    _, first, prompt, votes = np.unique(
        columns["prompt"], return_index=True, return_inverse=True, return_counts=True
    )
    columns["on_prompt"] = votes[prompt]
    columns["first_on_prompt"] = np.isin(np.arange(len(prompt)), first)
