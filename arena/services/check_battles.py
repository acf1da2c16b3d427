"""Battles that only check their rater: a pair of theirs once more, or a pair whose answer is known.

A battle is a check with the campaign's probability, whichever pair would have been dealt; so what is stored
with an ordinary battle is its probability given that it is an ordinary one, and needs no correction. A check
has none: it is drawn apart, and counts on no board.

Half of the checks ask what is known, a quarter show a pair again as it hung, a quarter with the sides
changed. The known answer is the picture of the prompt beside one that the same entrant painted of quite
different words. A rater may honestly keep the other picture, or find both bad: so one miss says nothing, and
"both bad" is no answer. An entrant that cannot follow words makes no pair with a known answer either, which
is why a rule must allow misses.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from analysis.outcomes import Outcome
from arena.domain.quality import BATTLES_BETWEEN, KNOWN_QUESTIONS, quite_different
from arena.domain.stock import Choice
from arena.queries.quality import evidence
from arena.tables import Battle, BattleKind, Campaign, Criterion, Prompt, Vote

WEIGHTS: Final[Mapping[BattleKind, int]] = {
    BattleKind.KNOWN_ANSWER: 2,
    BattleKind.REPEATED: 1,
    BattleKind.MIRRORED: 1,
}
"""How often each kind is tried first, in proportion; where there is none of it, the others are."""

_TRIES: Final = 24
"""Pairs that are drawn before it is given up to find one whose prompts are quite different."""


@dataclass(frozen=True, slots=True)
class Check:
    """A battle to deal that checks its rater."""

    kind: BattleKind
    prompt_id: int
    left_entrant_id: int
    right_entrant_id: int
    left_image_id: int
    right_image_id: int
    repeats_id: int | None = None
    expected: Outcome | None = None


def draw_check(
    session: Session, campaign: Campaign, choice: Choice, *, voted: Sequence[int], rng: random.Random
) -> Check | None:
    """Draw a check for a voter; nothing if this battle is none, or none can be drawn.

    Parameters
    ----------
    session : Session
    campaign : Campaign
    choice : Choice
        What the voter may be shown.
    voted : sequence of int
        The campaign's battles that the voter has answered, in their order.
    rng : random.Random
    """
    if len(voted) < BATTLES_BETWEEN or not campaign.checks or rng.random() >= campaign.checks:
        return None
    for kind in _in_turn(rng):
        if kind is BattleKind.KNOWN_ANSWER:
            found = _known(session, campaign, choice, rng)
        else:
            found = _again(session, voted[:-BATTLES_BETWEEN], kind, choice, rng)
        if found is not None:
            return found
    return None


def _in_turn(rng: random.Random) -> Iterator[BattleKind]:
    """The kinds in the order in which they are tried: each drawn by its weight among those that are left."""
    left = dict(WEIGHTS)
    while left:
        (kind,) = rng.choices(list(left), weights=list(left.values()))
        del left[kind]
        yield kind


def _again(
    session: Session,
    before: Sequence[int],
    kind: BattleKind,
    choice: Choice,
    rng: random.Random,
) -> Check | None:
    """One of the voter's ordinary battles that was not shown again yet, and whose vote was not taken back."""
    later = aliased(Battle)
    candidates = session.scalars(
        select(Battle)
        .where(
            Battle.id.in_(before),
            Battle.kind == BattleKind.ORDINARY,
            ~exists().where(later.repeats_id == Battle.id),
            exists().where(Vote.battle_id == Battle.id, evidence()),
        )
        .order_by(Battle.id)
    ).all()
    here = choice.stock.prompt_of
    candidates = [one for one in candidates if one.left_image_id in here and one.right_image_id in here]
    if not candidates:
        return None
    one = rng.choice(candidates)
    assert one.left_image_id is not None, "its picture is in the stock"
    assert one.right_image_id is not None, "its picture is in the stock"
    sides = [(one.left_entrant_id, one.left_image_id), (one.right_entrant_id, one.right_image_id)]
    if kind is BattleKind.MIRRORED:
        sides.reverse()
    (left_entrant, left_image), (right_entrant, right_image) = sides
    return Check(kind, one.prompt_id, left_entrant, right_entrant, left_image, right_image, repeats_id=one.id)


def _known(session: Session, campaign: Campaign, choice: Choice, rng: random.Random) -> Check | None:
    """Pictures by one entrant of a prompt and of quite different words; the voter has seen neither."""
    asked = set(session.scalars(select(Criterion.slug).where(Criterion.campaign_id == campaign.id)))
    prompts = list(choice.stock.prompts)
    if not asked & KNOWN_QUESTIONS or len(prompts) < 2:
        return None
    drawn = []
    for _ in range(_TRIES):
        prompt, other = rng.sample(prompts, 2)
        both = sorted(choice.stock.prompts[prompt].keys() & choice.stock.prompts[other].keys())
        if not both:
            continue
        entrant = rng.choice(both)
        fitting, strange = choice.pictures(prompt, entrant), choice.pictures(other, entrant)
        if fitting and strange:
            drawn.append((prompt, other, entrant, rng.choice(fitting), rng.choice(strange)))
    numbers = {number for prompt, other, *_ in drawn for number in (prompt, other)}
    texts = dict(session.execute(select(Prompt.id, Prompt.text).where(Prompt.id.in_(numbers))).all())
    for prompt, other, entrant, picture, stranger in drawn:
        if quite_different(texts[prompt], texts[other]):
            on_left = rng.random() < 0.5
            left, right = (picture, stranger) if on_left else (stranger, picture)
            return Check(
                BattleKind.KNOWN_ANSWER,
                prompt,
                entrant,
                entrant,
                left,
                right,
                expected=Outcome.LEFT if on_left else Outcome.RIGHT,
            )
    return None
