"""Categories of prompts: changed by people or by the rules, and the tallies with them.

A vote is counted under each category of its prompt. A change of categories therefore moves the prompt's
votes between the tallies in the same transaction, so that they stay what counting the votes would give. Votes
on the prompt wait meanwhile, and tallies are written in key order, as votes write them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from arena.domain.categories import check_categories
from arena.domain.tagging import tag
from arena.errors import Invalid, NotFound
from arena.queries.prompts import categories as categories_in_use
from arena.queries.removed import stands
from arena.services.curation import record
from arena.services.standings import refit_categories
from arena.services.tallies import key_of, move
from arena.tables import Battle, BattleKind, CampaignPrompt, Event, Prompt, TaggedBy, Vote, Voter

BY_RULE = (TaggedBy.NOBODY, TaggedBy.RULE)
_AT_ONCE = 5000
_PREFIX = re.compile(r"[0-9a-f]{4,64}")
_LONGEST_NUMBER = 10


@dataclass(frozen=True, slots=True)
class Change:
    """Categories that the rules would change."""

    prompt_id: int
    text: str
    before: tuple[str, ...]
    after: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def set_categories(
    session: Session,
    prompt: Prompt,
    categories: Sequence[str],
    *,
    by: TaggedBy,
    now: datetime,
    actor: str = "operator",
    new: bool = False,
) -> int | None:
    """Give a prompt its categories, the most telling first, and move its votes to their tallies.

    Parameters
    ----------
    session : Session
    prompt : Prompt
    categories : sequence of str
        None says that it has none, and the rules leave it so.
    by : TaggedBy
    now : datetime
    actor : str
        Who changes it, for the event.
    new : bool
        Whether categories that no prompt has yet may be introduced.

    Returns
    -------
    int or None
        Number of the event that tells it; None if nothing changed.

    Raises
    ------
    InvalidPrompt
        If a category is unknown or cannot be one; then nothing changes.
    """
    told = check_categories(categories, known=categories_in_use(session), new=new)
    locked = _locked(session, [prompt.id])[0]
    before = tuple(locked.categories)
    if before == told and locked.tagged_by == by:
        return None
    _write(session, [locked], {locked.id: told}, by)
    data = {"prompt": locked.id, "before": list(before), "after": list(told)}
    told_of = {"actor": actor, "kind": "prompt.tagged", "subject": locked.digest[:12]}
    record(session, now=now, **told_of, data=data)
    session.flush()
    return session.scalar(select(func.max(Event.id)).filter_by(**told_of))


def rule_changes(session: Session, *, campaign_id: int | None = None) -> list[Change]:
    """What the rules would change, of the prompts that no person tagged; reads only."""
    query = select(Prompt).where(Prompt.tagged_by.in_(BY_RULE)).order_by(Prompt.id)
    if campaign_id is not None:
        mine = select(CampaignPrompt.prompt_id).where(CampaignPrompt.campaign_id == campaign_id)
        query = query.where(Prompt.id.in_(mine))
    changes = []
    for prompt in session.scalars(query):
        before, after = tuple(prompt.categories), tag(prompt.text, prompt.language)
        if before != after:
            changes.append(Change(prompt.id, prompt.text, before, after))
    return changes


def retag(
    session: Session,
    changes: Sequence[Change],
    *,
    now: datetime,
    actor: str = "operator",
    subject: str = "all",
) -> int:
    """Write what the rules found, but not over what a person said meanwhile; returns how many changed."""
    after = {change.prompt_id: change.after for change in changes}
    prompts = [prompt for prompt in _locked(session, sorted(after)) if prompt.tagged_by in BY_RULE]
    _write(session, prompts, after, TaggedBy.RULE)
    if prompts:
        told = {"changed": len(prompts)}
        record(session, now=now, actor=actor, kind="prompts.retagged", subject=subject, data=told)
    return len(prompts)


def _locked(session: Session, prompt_ids: Sequence[int]) -> list[Prompt]:
    """Prompts in the order of their numbers, as they are now, and so until the transaction ends."""
    return [
        prompt
        for start in range(0, len(prompt_ids), _AT_ONCE)
        for prompt in session.scalars(
            select(Prompt)
            .where(Prompt.id.in_(prompt_ids[start : start + _AT_ONCE]))
            .order_by(Prompt.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ]


def _write(
    session: Session, prompts: Sequence[Prompt], after: Mapping[int, Sequence[str]], by: TaggedBy
) -> None:
    gone = {prompt.id: set(prompt.categories) - set(after[prompt.id]) for prompt in prompts}
    come = {prompt.id: set(after[prompt.id]) - set(prompt.categories) for prompt in prompts}
    moves: Counter[tuple[Any, ...]] = Counter()
    for prompt_id, votes, told in _votes(session, [one for one in gone if gone[one] or come[one]]):
        for sign, categories in ((-1, gone[prompt_id]), (1, come[prompt_id])):
            for category in categories:
                moves[key_of(told, category)] += sign * votes
    move(session, moves)
    if moves:
        refit_categories(session)
    for prompt in prompts:
        prompt.categories, prompt.tagged_by = list(after[prompt.id]), by if after[prompt.id] else _without(by)
    session.flush()


def _without(by: TaggedBy) -> TaggedBy:
    """Who says that a prompt has no category: a rule that finds none says nothing."""
    return TaggedBy.NOBODY if by is TaggedBy.RULE else by


def _votes(session: Session, prompt_ids: Sequence[int]) -> list[tuple[int, int, dict[str, Any]]]:
    """Votes on prompts that boards count: the prompt, how many, and all but the category of their tally."""
    found = []
    for start in range(0, len(prompt_ids), _AT_ONCE):
        columns = {
            "campaign_id": Battle.campaign_id,
            "criterion_id": Vote.criterion_id,
            "source": Prompt.source,
            "cohort": Voter.cohort,
            "left_entrant_id": Battle.left_entrant_id,
            "right_entrant_id": Battle.right_entrant_id,
            "outcome": Vote.outcome,
        }
        rows = session.execute(
            select(Battle.prompt_id, func.count(Vote.id), *columns.values())
            .join(Vote, Vote.battle_id == Battle.id)
            .join(Voter, Battle.voter_id == Voter.id)
            .join(Prompt, Battle.prompt_id == Prompt.id)
            .where(
                Battle.prompt_id.in_(prompt_ids[start : start + _AT_ONCE]),
                Battle.kind == BattleKind.ORDINARY,
                stands(),
            )
            .group_by(Battle.prompt_id, *columns.values())
        )
        found += [(row[0], row[1], dict(zip(columns, row[2:], strict=True))) for row in rows]
    return found


def find_prompt(session: Session, told: str) -> Prompt:
    """Find a prompt by its number, or by the first characters of its digest.

    Raises
    ------
    NotFound
        If there is none.
    Invalid
        If several digests begin so.
    """
    if told.isascii() and told.isdigit() and len(told) < _LONGEST_NUMBER:
        found = session.get(Prompt, int(told))
        if found is not None:
            return found
    prefix = told.lower()
    if not _PREFIX.fullmatch(prefix):
        raise NotFound(f"no prompt has the number {told!r}; `arena prompts list` shows them")
    rows = session.scalars(select(Prompt).where(Prompt.digest.startswith(prefix)).limit(2)).all()
    if not rows:
        raise NotFound(f"no prompt has the number {told!r}, nor a digest that begins so")
    if len(rows) > 1:
        raise Invalid(f"several prompts have a digest that begins with {told!r}; give more of it")
    return rows[0]
