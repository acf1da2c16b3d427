"""The operators' pages of campaigns: the list, the form with its calculator, and how far one is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, jsonify, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from arena.domain.campaigns import DELAYS, Target
from arena.domain.quality import RULES
from arena.errors import ArenaError, CampaignClosed, Conflict
from arena.queries import campaigns as read
from arena.queries.admin import overview
from arena.queries.finding import find_campaign
from arena.services import campaigning, registering
from arena.services.reckoning import Reckoned, curve, reckon
from arena.tables import Audience, BoardReaders, Campaign, RevealPolicy
from arena.web import campaign_charts, campaign_form, campaign_words
from arena.web.admin import bp, see_that_they_may_change, who_is_in
from arena.web.campaign_form import Sent
from arena.web.context import now, reading, wants_json, writing
from arena.web.i18n import gettext

__all__ = ["bp"]


@bp.get("/campaigns")
def campaign_list() -> Response:
    """Every campaign, with what it is about."""
    with reading() as session:
        lines = overview(session, now=now())
        rows = {line.slug: find_campaign(session, line.slug) for line in lines}
        return make_response(
            render_template(
                "admin_campaigns.html",
                guest=who_is_in(),
                lines=lines,
                rows=rows,
                say=campaign_words,
                target=_target,
            )
        )


@bp.get("/campaigns/new")
def new_campaign() -> Response:
    """The form of a new campaign."""
    see_that_they_may_change()
    return _form(campaign_form.blank())


@bp.post("/campaigns/new")
def open_campaign() -> BaseResponse:
    """Open a campaign, or only reckon what it will take."""
    see_that_they_may_change()
    form = campaign_form.sent(request.form)
    if form["act"] == "reckon":
        return _form(form)
    name, moment = who_is_in().name, now()
    try:
        plan = campaign_form.plan_of(form)
        writing(lambda session: campaigning.open_plan(session, form["slug"], plan, now=moment, actor=name).id)
    except ArenaError as error:
        return _form(form, fault=error)
    return redirect(url_for("admin.campaign_progress", slug=form["slug"]), code=303)


@bp.get("/campaigns/<slug>/edit")
def edit_campaign(slug: str) -> Response:
    """The form of a campaign as it is: all of it before the first vote, then its name, end and cap."""
    see_that_they_may_change()
    with reading() as session:
        form = campaign_form.filled(campaigning.plan_as_it_is(session, _open(session, slug)), slug)
    return _form(form, slug=slug)


@bp.post("/campaigns/<slug>/edit")
def change_campaign(slug: str) -> BaseResponse:
    """Change a campaign, or only reckon."""
    see_that_they_may_change()
    form = campaign_form.sent(request.form)
    if form["act"] == "reckon":
        return _form(form, slug=slug)
    name, moment = who_is_in().name, now()

    def change(session: Session) -> bool:
        campaign = find_campaign(session, slug)
        before = campaigning.plan_as_it_is(session, campaign)
        if _fixed(session, campaign):
            plan = replace(
                before,
                name=form["name"],
                most_votes=campaign_form.cap_of(form),
                closes_at=campaign_form.end_of(form),
                delay_hours=campaign_form.delay_of(form),
                proof_bits=campaign_form.bits_of(form),
            )
        else:
            plan = campaign_form.plan_of(form, before)
        return campaigning.change(session, slug, plan, now=moment, actor=name)

    try:
        writing(change)
    except ArenaError as error:
        return _form(form, slug=slug, fault=error)
    return redirect(url_for("admin.campaign_progress", slug=slug), code=303)


@bp.post("/campaigns/reckon")
def reckon_campaign() -> Response:
    """The calculator alone, for the script that keeps it in step with the form."""
    form = campaign_form.sent(request.form)
    with reading() as session:
        told = _reckoned(session, form)
    return make_response(render_template("partials/_calculator.html", **told))


@bp.get("/campaigns/<slug>/progress")
def campaign_progress(slug: str) -> BaseResponse:
    """How far a campaign is on its way to an answer; a script asks only whether anything is new."""
    moment = now()
    with reading() as session:
        campaign = find_campaign(session, slug)
        pairs = read.pair_votes(session, campaign)
        look = read.newest_look(session, campaign.id)
        votes = sum(pair.votes for pair in pairs)
        if wants_json():
            told = {"votes": votes, "look": look.id if look else None, "open": _is_open(campaign)}
            response = jsonify(told)
            response.add_etag()
            return response.make_conditional(request)
        target = Target.of_dict(campaign.target) if campaign.target else None
        looks = read.looks(session, campaign.id)
        names, cells = campaign_charts.heat(pairs)
        entrants = read.members(session, campaign.id)
        page = render_template(
            "admin_campaign_progress.html",
            guest=who_is_in(),
            campaign=campaign,
            open=_is_open(campaign),
            fixed=_fixed(session, campaign),
            votes=votes,
            raters=read.raters(session, campaign.id),
            pace=read.pace(session, now=moment, campaign_id=campaign.id),
            target=_target(campaign),
            gap=target.gap if target else None,
            look=look,
            states=read.states_of(look) if look else [],
            courses=campaign_charts.courses(looks, target.gap) if target else [],
            looks=looks[::-1],
            names=names,
            cells=cells,
            told_name={read.name_of(one): one.name for one, _ in entrants},
            amendments=[
                (one, at)
                for one, at in entrants
                if campaign.registered_at is not None and at > campaign.registered_at
            ],
            say=campaign_words,
        )
    return make_response(page)


@bp.post("/campaigns/<slug>/register")
def register_campaign(slug: str) -> BaseResponse:
    """Freeze the plan of a campaign."""
    see_that_they_may_change()
    name, moment = who_is_in().name, now()
    writing(lambda session: registering.register(session, slug, now=moment, actor=name))
    return redirect(url_for("admin.campaign_progress", slug=slug), code=303)


@bp.post("/campaigns/<slug>/close")
def close_campaign(slug: str) -> BaseResponse:
    """Close a campaign by hand."""
    see_that_they_may_change()
    name, moment = who_is_in().name, now()
    writing(lambda session: campaigning.close(session, slug, now=moment, actor=name))
    return redirect(url_for("admin.campaign_progress", slug=slug), code=303)


def _form(form: Sent, *, slug: str | None = None, fault: ArenaError | None = None) -> Response:
    with reading() as session:
        campaign = _open(session, slug) if slug else None
        page = render_template(
            "admin_campaign_form.html",
            guest=who_is_in(),
            form=form,
            slug=slug,
            campaign=campaign,
            fixed=campaign is not None and _fixed(session, campaign),
            prompts=read.prompts_in(session, campaign.id) if campaign else 0,
            fault=campaign_words.fault(fault) if fault else "",
            questions=campaign_form.KNOWN,
            sets=read.prompt_sets(session),
            categories=read.prompt_categories(session),
            entrants=campaign_form.named(campaign_form.choosable(session)),
            policies=campaign_words.POLICIES,
            rules=RULES,
            reveals=RevealPolicy,
            audiences=Audience,
            boards=BoardReaders,
            delays=DELAYS,
            say=campaign_words,
            **_reckoned(session, form),
        )
    response = make_response(page)
    response.status_code = 200 if fault is None else 409 if isinstance(fault, Conflict) else 400
    return response


def _reckoned(session: Session, form: Sent) -> dict[str, Any]:
    """What the calculator shows; a reason where it cannot reckon."""
    nothing = {"reckoned": None, "drawn": None, "asked": None}
    try:
        asked = campaign_form.asked_of(session, form)
    except ArenaError as error:
        return {**nothing, "why": campaign_words.fault(error)}
    if asked is None:
        return {**nothing, "why": gettext("Choose two entrants or more.")}
    told: Reckoned = reckon(session, asked, now=now())
    points = curve(asked, list(campaign_charts.GAPS), told.ties)
    return {
        "asked": asked,
        "reckoned": told,
        "drawn": campaign_charts.curve(points, asked.gap, told.votes),
        "why": "",
    }


def _open(session: Session, slug: str) -> Campaign:
    campaign = find_campaign(session, slug)
    if not _is_open(campaign):
        raise CampaignClosed(slug)
    return campaign


def _is_open(campaign: Campaign) -> bool:
    return campaign.closed_at is None or campaign.closed_at > now()


def _fixed(session: Session, campaign: Campaign) -> bool:
    """Whether only the name, the end and the cap may change."""
    return campaign.registration_digest is not None or read.has_votes(session, campaign.id)


def _target(campaign: Campaign) -> str:
    return campaign_words.target(Target.of_dict(campaign.target) if campaign.target else None)
