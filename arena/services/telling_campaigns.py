"""Campaigns as JSON, for scripts and for the command line that prints them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.queries.boards import votes_of
from arena.queries.campaigns import (
    members,
    name_of,
    newest_look,
    pace,
    pair_votes,
    prompts_in,
    questions,
    raters,
    states_of,
)
from arena.queries.finding import find_campaign, first_criterion
from arena.tables import Campaign, CampaignLook


def told_in_a_list(session: Session, *, now: datetime) -> list[dict[str, Any]]:
    """Every campaign in a few words, the newest first."""
    rows = session.scalars(select(Campaign).order_by(Campaign.id.desc()))
    return [_short(session, campaign, now=now) for campaign in rows]


def told_whole(session: Session, slug: str, *, now: datetime) -> dict[str, Any]:
    """A campaign with its plan, how far it is, and what its rule last saw.

    Raises
    ------
    UnknownCampaign
    """
    campaign = find_campaign(session, slug)
    look, speed = newest_look(session, campaign.id), pace(session, now=now, campaign_id=campaign.id)
    return {
        **_short(session, campaign, now=now),
        "name": campaign.name,
        "questions": questions(session, campaign.id),
        "taking_part": [
            {
                "entrant": name_of(entrant),
                "kind": entrant.kind,
                "entered_at": at.isoformat(),
                "retired": entrant.retired_at is not None,
                "amendment": campaign.registered_at is not None and at > campaign.registered_at,
            }
            for entrant, at in members(session, campaign.id)
        ],
        "canvas": campaign.canvas,
        "seeds": campaign.seeds,
        "policy": campaign.policy,
        "set_size": campaign.set_size,
        "minutes_to_vote": campaign.minutes_to_vote,
        "reveal": campaign.reveal.value,
        "checks": campaign.checks,
        "exclusions": campaign.quality_rule,
        "most_votes": campaign.most_votes,
        "delay_hours": campaign.delay_hours,
        "proof_bits": campaign.proof_bits,
        "registered_at": campaign.registered_at.isoformat() if campaign.registered_at else None,
        "raters": raters(session, campaign.id),
        "votes_a_day": speed.votes_a_day,
        "pairs": [
            {
                "first": pair.first,
                "second": pair.second,
                "wins": pair.wins,
                "losses": pair.losses,
                "undecided": pair.undecided,
            }
            for pair in pair_votes(session, campaign)
        ],
        "look": _told_look(look) if look else None,
    }


def _short(session: Session, campaign: Campaign, *, now: datetime) -> dict[str, Any]:
    return {
        "campaign": campaign.slug,
        "open": campaign.closed_at is None or campaign.closed_at > now,
        "opened_at": campaign.opened_at.isoformat(),
        "closed_at": campaign.closed_at.isoformat() if campaign.closed_at else None,
        "closed_because": campaign.closed_because,
        "votes": votes_of(session, campaign.id, first_criterion(session, campaign.id).id),
        "entrants": len(members(session, campaign.id)),
        "prompts": prompts_in(session, campaign.id),
        "audience": campaign.audience.value,
        "board": campaign.board.value,
        "target": campaign.target,
        "plan": campaign.registration_digest,
    }


def _told_look(look: CampaignLook) -> dict[str, Any]:
    return {
        "votes": look.votes,
        "estimate": look.estimate,
        "low": look.low,
        "high": look.high,
        "settled": look.settled,
        "pairs": look.pairs,
        "answer": look.answer,
        "votes_left": look.votes_left,
        "looked_at": look.looked_at.isoformat(),
        "states": states_of(look),
    }
