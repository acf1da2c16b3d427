"""Prompt sets brought into a campaign: looked through first, then taken in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.domain.near_duplicates import near_duplicates
from arena.domain.personal import Personal, personal
from arena.domain.prompt_filter import REASONS, Unfit, unfit
from arena.domain.prompts import prompt_digest
from arena.domain.tagging import tag
from arena.errors import Invalid
from arena.services.curation import add_prompts, record
from arena.services.prompt_files import Line, PromptFile
from arena.tables import Campaign, CampaignPrompt, Prompt, TaggedBy


@dataclass(frozen=True, slots=True)
class Near:
    """A prompt that says nearly what another says: on an earlier line, or in the campaign already.

    ``likeness`` is the share of all their words that they have in common.
    """

    line: int
    other_line: int | None
    other_prompt: int | None
    likeness: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """A line that is no image prompt by the rules."""

    line: int
    reason: Unfit

    @property
    def told(self) -> str:
        """In words."""
        return REASONS[self.reason]


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data on a line: its kind, never its value."""

    line: int
    kind: Personal


@dataclass(frozen=True, slots=True)
class Report:
    """What a prompt set would bring to a campaign; of those that are new to it, what speaks against some.

    Attributes
    ----------
    prompts, new, known, repeated : int
        On how many lines; how many prompts are new to the campaign; on how many lines are prompts that it
        has, and prompts of an earlier line.
    categories : mapping of str to int
        Of the new ones, as the file or the rules say.
    """

    file: str
    columns: str
    origins: tuple[str, ...]
    prompts: int
    new: int
    known: int
    repeated: int
    categories: Mapping[str, int]
    near: tuple[Near, ...]
    unfit: tuple[Doubt, ...]
    personal: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def look_through(session: Session, campaign: Campaign, told: PromptFile) -> Report:
    """What taking in a prompt set would bring; reads only."""
    mine = session.execute(
        select(Prompt.id, Prompt.digest, Prompt.text)
        .join(CampaignPrompt, CampaignPrompt.prompt_id == Prompt.id)
        .where(CampaignPrompt.campaign_id == campaign.id)
        .order_by(Prompt.id)
    ).all()
    has = {row.digest for row in mine}
    new: dict[str, Line] = {}
    known = 0
    for line in told.lines:
        digest = prompt_digest(line.prompt.text)
        known += digest in has
        if digest not in has:
            new.setdefault(digest, line)
    lines = list(new.values())
    return Report(
        file=told.name,
        columns=told.columns,
        origins=tuple(sorted({line.prompt.origin for line in told.lines})),
        prompts=len(told.lines),
        new=len(lines),
        known=known,
        repeated=len(told.lines) - known - len(lines),
        categories=_categories(lines),
        near=tuple(_near([row.id for row in mine], [row.text for row in mine], lines)),
        unfit=tuple(
            Doubt(line.number, reason) for line in lines if (reason := unfit(line.prompt.text)) is not None
        ),
        personal=tuple(Finding(line.number, kind) for line in lines for kind in personal(line.prompt.text)),
    )


def take_in(
    session: Session,
    campaign: Campaign,
    told: PromptFile,
    report: Report,
    *,
    now: datetime,
    actor: str = "operator",
    skip_unfit: bool = False,
    allow_personal: bool = False,
) -> int:
    """Add a prompt set that was looked through to a campaign; returns how many prompts are new to it.

    Parameters
    ----------
    report : Report
        What `look_through` said of it: looking is slow, and is done before the transaction.
    skip_unfit : bool
        Leave out what is no image prompt by the rules.
    allow_personal : bool
        Take in prompts that seem to hold personal data.

    Raises
    ------
    Invalid
        If some do and may not.
    """
    refuse_personal(report, allowed=allow_personal)
    prompts = [line.prompt for line in told.lines]
    chosen = [prompt for prompt in prompts if not (skip_unfit and unfit(prompt.text))]
    added = add_prompts(session, campaign, chosen, now=now, tagged_by=TaggedBy.IMPORT)
    if added:
        data = {"file": told.name, "origins": list(report.origins), "added": added}
        record(session, now=now, actor=actor, kind="prompts.imported", subject=campaign.slug, data=data)
    return added


def refuse_personal(report: Report, *, allowed: bool) -> None:
    """Stop where a set holds personal data that nobody allowed.

    Raises
    ------
    Invalid
    """
    if report.personal and not allowed:
        lines = len({finding.line for finding in report.personal})
        raise Invalid(
            f"personal data seems to stand on {lines} of the lines of {report.file}; nothing was taken in: "
            "remove it, or say --allow-personal"
        )


def _categories(lines: Sequence[Line]) -> dict[str, int]:
    count = Counter(
        category
        for line in lines
        for category in line.prompt.categories or tag(line.prompt.text, line.prompt.language)
    )
    return dict(sorted(count.items(), key=lambda item: (-item[1], item[0])))


def _near(numbers: Sequence[int], texts: Sequence[str], lines: Sequence[Line]) -> list[Near]:
    known = len(texts)
    every = [*texts, *(line.prompt.text for line in lines)]
    return [
        Near(
            line=lines[place - known].number,
            other_line=lines[other - known].number if other >= known else None,
            other_prompt=numbers[other] if other < known else None,
            likeness=round(likeness, 3),
        )
        for place, other, likeness in near_duplicates(every, known=known)
    ]
