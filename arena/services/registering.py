"""Pre-registration: a campaign's plan, frozen before the votes, under a digest that anybody can check.

The canonical form of a plan is JSON in UTF-8 with sorted keys and no blanks. Of its prompts it holds one
digest over all of theirs, since a digest of words that are still dealt could be guessed; when the campaign
has closed, the prompts are published and the digest can be reckoned from them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from analysis.stopping import RULE, Aim
from arena.domain.campaigns import BEST_BASELINE, Registered, Target
from arena.errors import CampaignClosed, Conflict, Invalid
from arena.queries.campaigns import aimed_pairs, has_votes, members, questions
from arena.queries.finding import find_campaign
from arena.services.curation import record
from arena.services.dealing import POLICIES
from arena.tables import Campaign, CampaignPrompt, Prompt

FORMAT: Final = "vernissage-plan/1"


def register(session: Session, slug: str, *, now: datetime, actor: str = "operator") -> str:
    """Freeze the plan of a campaign; returns the digest under which it is published.

    Raises
    ------
    UnknownCampaign, CampaignClosed
    Registered
        If it was registered before.
    Conflict
        If people have voted: a plan is registered before the first vote or not at all.
    Invalid
        If it has no target, no prompts, or fewer than two entrants.
    """
    campaign = find_campaign(session, slug)
    if campaign.registration_digest is not None:
        raise Registered(slug, campaign.registration_digest)
    if campaign.closed_at is not None and campaign.closed_at <= now:
        raise CampaignClosed(slug)
    if has_votes(session, campaign.id):
        raise Conflict(f"people have voted in campaign {slug!r}; a plan is registered before the first vote")
    plan = plan_of(session, campaign, now=now)
    campaign.registered_at = now
    campaign.registration = plan
    campaign.registration_digest = digest_of(plan)
    told = {"digest": campaign.registration_digest}
    record(session, now=now, actor=actor, kind="campaign.registered", subject=slug, data=told)
    return campaign.registration_digest


def plan_of(session: Session, campaign: Campaign, *, now: datetime) -> dict[str, Any]:
    """The plan of a campaign as it would be registered now.

    Raises
    ------
    Invalid
        If it has no target, no prompts, or fewer than two entrants.
    """
    aim, target = aim_of(session, campaign), campaign.target
    if aim is None or target is None:
        raise Invalid(f"campaign {campaign.slug!r} has no target; say first what is to be told apart")
    taking_part = [entrant for entrant, _ in members(session, campaign.id)]
    if len(taking_part) < 2:
        raise Invalid(f"campaign {campaign.slug!r} has fewer than two entrants; let others take part first")
    digests = session.scalars(
        select(Prompt.digest)
        .join(CampaignPrompt, CampaignPrompt.prompt_id == Prompt.id)
        .where(CampaignPrompt.campaign_id == campaign.id)
    ).all()
    if not digests:
        raise Invalid(f"campaign {campaign.slug!r} has no prompts; add some first")
    return {
        "format": FORMAT,
        "campaign": campaign.slug,
        "registered_at": now.isoformat(),
        "questions": [
            {"criterion": criterion, "question": question}
            for criterion, question in questions(session, campaign.id).items()
        ],
        "entrants": [
            {"entrant": one.slug, "revision": one.revision, "kind": one.kind, "family": one.family}
            for one in taking_part
        ],
        "prompts": {"count": len(digests), "sha256": digest_of_prompts(digests)},
        "canvas": campaign.canvas,
        "seeds": campaign.seeds,
        "seed": campaign.seed,
        "policy": POLICIES[campaign.policy],
        "audience": campaign.audience.value,
        "reveal": campaign.reveal.value,
        "checks": campaign.checks,
        "exclusions": campaign.quality_rule,
        "target": target,
        "rule": {
            "name": RULE,
            "criterion": next(iter(questions(session, campaign.id))),
            "pairs": [list(pair) for pair in aim.pairs],
            "against_best": aim.against_best,
            "gap": aim.gap,
            "level": aim.level,
            "rho": aim.rho,
            "least_votes": target["least_votes"],
            "most_votes": target["most_votes"],
        },
    }


def aim_of(session: Session, campaign: Campaign) -> Aim | None:
    """What the stop rule of a campaign is about; nothing where it has no target.

    Raises
    ------
    Invalid
        If the target names nobody of the campaign, or the best of no baselines.
    """
    if campaign.target is None:
        return None
    target = Target.of_dict(campaign.target)
    return Aim(
        pairs=tuple(aimed_pairs(session, campaign)),
        gap=target.gap,
        error=target.error,
        power=target.power,
        against_best=target.b == BEST_BASELINE,
    )


def digest_of(plan: Mapping[str, Any]) -> str:
    """SHA-256 of a plan's canonical form."""
    return hashlib.sha256(canonical(plan)).hexdigest()


def canonical(plan: Mapping[str, Any]) -> bytes:
    """The bytes of a plan that its digest is of."""
    return json.dumps(
        plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest_of_prompts(digests: Iterable[str]) -> str:
    """SHA-256 of the digests of some prompts, sorted, each on a line of its own."""
    return hashlib.sha256("".join(f"{digest}\n" for digest in sorted(digests)).encode()).hexdigest()
