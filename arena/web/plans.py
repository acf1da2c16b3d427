"""The public page of a registered plan, and its canonical bytes for whoever checks the digest."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, make_response, render_template

from arena.errors import NotFound
from arena.queries.campaigns import members, name_of
from arena.queries.finding import find_campaign
from arena.services.registering import canonical
from arena.tables import Campaign
from arena.web import campaign_words
from arena.web.context import now, reading
from arena.web.security import in_the_catalogue

bp = Blueprint("plans", __name__)
bp.after_request(in_the_catalogue)


@bp.get("/campaigns/<slug>/plan")
def show(slug: str) -> Response:
    """What a campaign had planned before its votes, and what was added since.

    Raises
    ------
    UnknownCampaign
    NotFound
        If its plan was not registered.
    """
    with reading() as session:
        campaign = find_campaign(session, slug)
        plan = _plan(campaign)
        entrants = members(session, campaign.id)
        return make_response(
            render_template(
                "campaign_plan.html",
                campaign=campaign,
                plan=plan,
                rule=plan["rule"],
                closed=campaign.closed_at is not None and campaign.closed_at <= now(),
                names={name_of(one): one.name for one, _ in entrants},
                amendments=[(one, at) for one, at in entrants if _came_after(campaign, at)],
                say=campaign_words,
            )
        )


@bp.get("/campaigns/<slug>/plan.json")
def canonical_plan(slug: str) -> Response:
    """The canonical form of a plan: its SHA-256 is the digest.

    Raises
    ------
    UnknownCampaign
    NotFound
        If its plan was not registered.
    """
    with reading() as session:
        return Response(canonical(_plan(find_campaign(session, slug))), mimetype="application/json")


def _plan(campaign: Campaign) -> dict[str, Any]:
    if campaign.registration is None:
        raise NotFound(f"the plan of campaign {campaign.slug!r} was not registered")
    return campaign.registration


def _came_after(campaign: Campaign, at: datetime) -> bool:
    return campaign.registered_at is not None and at > campaign.registered_at
