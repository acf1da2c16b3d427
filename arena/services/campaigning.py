"""Campaigns as their operators make them: opened by a plan, changed until the first vote, and closed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from arena.domain.campaigns import (
    PlanFixed,
    Registered,
    Target,
    check_bits,
    check_cap,
    check_delay,
    check_slug,
)
from arena.domain.quality import CHECKS_SHARE, MOST_CHECKS, RULES
from arena.errors import CampaignClosed, Invalid
from arena.queries.campaigns import has_votes, members, name_of, pairs_of_target, questions
from arena.queries.finding import find_campaign
from arena.services import curation
from arena.services.curation import NewPrompt, find_entrant, record
from arena.services.dealing import POLICIES
from arena.tables import (
    Audience,
    Battle,
    BoardReaders,
    Campaign,
    CampaignEntrant,
    CampaignPrompt,
    Criterion,
    Entrant,
    Prompt,
    PromptSource,
    RevealPolicy,
    TaggedBy,
)

TARGETED: Final = "targeted"
LONGEST_NAME: Final = 120
ALWAYS: Final = frozenset({"name", "closes_at", "most_votes", "delay_hours", "proof_bits"})
"""What of a plan may change once people have voted, or once it was registered."""

_CRITERION: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Prompts:
    """Prompts to ask for: those of some sets and categories that the arena has, and some of one's own.

    A set is named by its origin; categories narrow the sets, or without one choose from all prompts.
    """

    sets: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    most: int | None = None

    @property
    def any(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.sets or self.categories or self.own)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an operator says of a campaign; ``closes_at`` is its planned end, null for none.

    ``entrants`` are named as `arena.services.curation.find_entrant` finds them; ``prompts`` are added to
    those that are there, or take their place where ``anew``.
    """

    name: str
    entrants: tuple[str, ...]
    questions: Mapping[str, str] = field(default_factory=lambda: {"preference": curation.PREFERENCE})
    prompts: Prompts = Prompts()
    anew: bool = False
    canvas: int = curation.OPEN_CANVAS
    seeds: int = 1
    policy: str = "informative"
    set_size: int = 30
    minutes_to_vote: int = 60
    reveal: RevealPolicy = RevealPolicy.EACH
    audience: Audience = Audience.PUBLIC
    board: BoardReaders = BoardReaders.PUBLIC
    checks: float = CHECKS_SHARE
    quality_rule: str | None = None
    target: Target | None = None
    most_votes: int | None = None
    closes_at: datetime | None = None
    delay_hours: int = 0
    proof_bits: int | None = None


def open_plan(session: Session, slug: str, plan: Plan, *, now: datetime, actor: str = "operator") -> Campaign:
    """Open a campaign by its plan; all of it or nothing.

    Raises
    ------
    NameTaken
    UnknownEntrant
    Invalid, InvalidPrompt
        With what is wrong about the plan.
    """
    check_slug(slug)
    entrants = _checked(session, plan, now=now)
    campaign = curation.open_campaign(
        session,
        slug=slug,
        name=plan.name,
        entrants=entrants,
        canvas=plan.canvas,
        now=now,
        seeds=plan.seeds,
        set_size=plan.set_size,
        policy=plan.policy,
        minutes_to_vote=plan.minutes_to_vote,
        criteria=plan.questions,
        actor=actor,
    )
    _write(campaign, plan)
    _add_prompts(session, campaign, plan.prompts, now=now)
    return campaign


def plan_as_it_is(session: Session, campaign: Campaign) -> Plan:
    """The plan of a campaign as it stands; prompts to be added are none."""
    return Plan(
        name=campaign.name,
        entrants=tuple(name_of(entrant) for entrant, _ in members(session, campaign.id)),
        questions=questions(session, campaign.id),
        canvas=campaign.canvas,
        seeds=campaign.seeds,
        policy=campaign.policy,
        set_size=campaign.set_size,
        minutes_to_vote=campaign.minutes_to_vote,
        reveal=campaign.reveal,
        audience=campaign.audience,
        board=campaign.board,
        checks=campaign.checks,
        quality_rule=campaign.quality_rule,
        target=Target.of_dict(campaign.target) if campaign.target else None,
        most_votes=campaign.most_votes,
        closes_at=campaign.closed_at,
        delay_hours=campaign.delay_hours,
        proof_bits=campaign.proof_bits,
    )


def change(session: Session, slug: str, plan: Plan, *, now: datetime, actor: str = "operator") -> bool:
    """Change a campaign to a plan; false if it is that way already.

    Raises
    ------
    UnknownCampaign, UnknownEntrant
    CampaignClosed
    PlanFixed, Registered
        If more changes than `ALWAYS`, and people have voted or the plan was registered.
    Invalid, InvalidPrompt
        With what is wrong about the plan.
    """
    campaign = find_campaign(session, slug)
    if campaign.closed_at is not None and campaign.closed_at <= now:
        raise CampaignClosed(slug)
    entrants = _checked(session, plan, now=now)
    plan = replace(plan, entrants=tuple(name_of(one) for one in sorted(entrants, key=lambda one: one.id)))
    before = plan_as_it_is(session, campaign)
    changed = sorted(
        name for name in Plan.__dataclass_fields__ if getattr(before, name) != getattr(plan, name)
    )
    if not changed:
        return False
    if not ALWAYS.issuperset(changed):
        if campaign.registration_digest is not None:
            raise Registered(slug, campaign.registration_digest)
        if has_votes(session, campaign.id):
            raise PlanFixed(slug)
        _rehang(session, campaign, plan, entrants, now=now)
    _write(campaign, plan)
    record(session, now=now, actor=actor, kind="campaign.changed", subject=slug, data={"changed": changed})
    return True


def close(
    session: Session, slug: str, *, now: datetime, because: str = "by_hand", actor: str = "operator"
) -> bool:
    """Close a campaign, which opens a board that was hidden till then; false if it was closed before.

    Raises
    ------
    UnknownCampaign
    """
    campaign = find_campaign(session, slug)
    if campaign.closed_at is not None and campaign.closed_at <= now:
        return False
    campaign.closed_at, campaign.closed_because = now, because
    record(session, now=now, actor=actor, kind="campaign.closed", subject=slug, data={"because": because})
    return True


def _checked(session: Session, plan: Plan, *, now: datetime) -> Sequence[Entrant]:
    """See that a plan can be carried out; its entrants, each once."""
    if not plan.name.strip() or len(plan.name) > LONGEST_NAME:
        raise Invalid(f"a campaign has a name of 1 to {LONGEST_NAME} characters")
    if not plan.questions or any(not text.strip() for text in plan.questions.values()):
        raise Invalid("a campaign asks at least one question, each with its words")
    if not all(_CRITERION.fullmatch(slug) for slug in plan.questions):
        raise Invalid("a question has a short name of letters, digits and hyphens, such as preference")
    if not 1 <= plan.set_size <= 200:
        raise Invalid(f"a set must be of 1 to 200 pairs, not {plan.set_size}")
    if not 1 <= plan.minutes_to_vote <= 10_080:
        raise Invalid(f"the minutes to vote must be from 1 to 10,080, not {plan.minutes_to_vote}")
    if not 0 <= plan.checks <= MOST_CHECKS:
        raise Invalid(f"the share of checks must be from 0 to {MOST_CHECKS:g}, not {plan.checks:g}")
    if plan.quality_rule is not None and plan.quality_rule not in RULES:
        raise Invalid(f"{plan.quality_rule[:64]!r} is no rule of exclusion; there is {', '.join(RULES)}")
    if plan.closes_at is not None and plan.closes_at <= now:
        raise Invalid("the end must lie in the future; close a campaign to end it now")
    if plan.policy not in POLICIES:
        raise Invalid(f"{plan.policy[:64]!r} is no pairing policy; one of {', '.join(POLICIES)} is")
    if not 64 <= plan.canvas <= 4096:
        raise Invalid(f"the canvas must be from 64 to 4096 pixels, not {plan.canvas}")
    if not 1 <= plan.seeds <= 16:
        raise Invalid(f"seeds must be from 1 to 16, not {plan.seeds}")
    check_cap(plan.most_votes)
    check_delay(plan.delay_hours)
    check_bits(plan.proof_bits)
    entrants = list({one.id: one for one in (find_entrant(session, name) for name in plan.entrants)}.values())
    if len(entrants) < 2:
        raise Invalid("a campaign takes at least two entrants")
    if plan.target is not None:
        pairs_of_target(plan.target, entrants)
    elif plan.policy == TARGETED:
        raise Invalid("pairs are dealt towards a target; say what is to be told apart")
    return entrants


def _write(campaign: Campaign, plan: Plan) -> None:
    for name in (
        "name", "canvas", "seeds", "policy", "set_size", "minutes_to_vote", "reveal", "audience", "board",
        "checks", "quality_rule", "most_votes", "delay_hours", "proof_bits",
    ):  # fmt: skip
        setattr(campaign, name, getattr(plan, name))
    campaign.target = plan.target.as_dict() if plan.target else None
    campaign.closed_at = plan.closes_at


def _rehang(
    session: Session, campaign: Campaign, plan: Plan, entrants: Sequence[Entrant], *, now: datetime
) -> None:
    """Change what is dealt and asked; pairs that hang come down, for nobody has voted on any."""
    mine = Battle.campaign_id == campaign.id
    session.execute(update(Battle).where(mine, Battle.expires_at > now).values(expires_at=now))
    chosen = {one.id for one in entrants}
    session.execute(
        delete(CampaignEntrant).where(
            CampaignEntrant.campaign_id == campaign.id, CampaignEntrant.entrant_id.not_in(chosen)
        )
    )
    curation.join(session, campaign, entrants, now=now)
    _ask(session, campaign, plan.questions)
    if plan.anew:
        session.execute(delete(CampaignPrompt).where(CampaignPrompt.campaign_id == campaign.id))
    _add_prompts(session, campaign, plan.prompts, now=now)


def _ask(session: Session, campaign: Campaign, wanted: Mapping[str, str]) -> None:
    there = {
        one.slug: one
        for one in session.scalars(select(Criterion).where(Criterion.campaign_id == campaign.id))
    }
    for slug, criterion in there.items():
        if slug not in wanted:
            session.delete(criterion)
    for position, (slug, question) in enumerate(wanted.items()):
        if slug in there:
            there[slug].question, there[slug].position = question, position
        else:
            session.add(Criterion(campaign_id=campaign.id, slug=slug, question=question, position=position))
    session.flush()


def _add_prompts(session: Session, campaign: Campaign, wanted: Prompts, *, now: datetime) -> int:
    """Add the prompts that are asked for; returns how many are new to the campaign.

    Raises
    ------
    Invalid
        If a set or a category that is named has no prompt.
    """
    if not wanted.any:
        return 0
    found: list[NewPrompt] = []
    if wanted.sets or wanted.categories:
        query = select(Prompt).where(Prompt.source == PromptSource.CURATED).order_by(Prompt.id)
        if wanted.sets:
            query = query.where(Prompt.origin.in_(wanted.sets))
        rows = [
            row
            for row in session.scalars(query)
            if not wanted.categories or set(wanted.categories) & set(row.categories)
        ]
        if not rows:
            raise Invalid("no prompt is of these sets and categories; `arena prompts import` brings some")
        found = [NewPrompt(row.text, tuple(row.categories), row.language) for row in rows]
    found += [NewPrompt(text) for text in wanted.own]
    return curation.add_prompts(session, campaign, found[: wanted.most], now=now, tagged_by=TaggedBy.OPERATOR)
