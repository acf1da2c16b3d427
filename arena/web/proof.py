"""The door to the first vote: a little work of the browser, or a wait, and a captcha where one is set."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, session, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from arena.domain.proofs import WAIT, is_answer, made_at, make_challenge
from arena.queries.finding import find_campaign
from arena.services.captcha import FIELDS, is_human
from arena.tables import Battle, Campaign, Voter
from arena.web.context import arena, fields, known_voter, now, reading
from arena.web.i18n import gettext, ngettext
from arena.web.security import POLICY, in_the_room

bp = Blueprint("proof", __name__)
_PROVED = "proved"

bp.after_request(in_the_room)


def is_asked(opened: Session, campaign: Campaign, voter_key: str) -> bool:
    """Whether a voter has to come through this door before a pair of a campaign is dealt.

    Only newcomers do: nobody who has voted, in whatever campaign, or who came through it before.
    """
    if not bits_of(campaign) and arena().settings.captcha is None:
        return False
    if session.get(_PROVED) == voter_key:
        return False
    voted = (
        select(Battle.id)
        .join(Voter, Battle.voter_id == Voter.id)
        .where(Voter.key == voter_key, Battle.voted_at.is_not(None))
    )
    return opened.scalar(voted.limit(1)) is None


def bits_of(campaign: Campaign) -> int:
    """The work that a campaign asks of a newcomer."""
    own = campaign.proof_bits
    return arena().settings.proof_of_work if own is None else own


@bp.get("/proof")
def show() -> BaseResponse:
    """The door to a campaign; those of whom nothing is asked go through."""
    campaign, voter = request.args.get("campaign") or None, known_voter()
    with reading() as opened:
        found = find_campaign(opened, campaign)
        if not is_asked(opened, found, voter):
            return redirect(url_for("battles.deal", campaign=found.slug), code=303)
        bits = bits_of(found)
    return _page(found.slug, make_challenge(arena().settings.secret, voter, bits=bits, now=now()), bits)


@bp.post("/proof")
def prove() -> BaseResponse:
    """See that the work was done, or waited for, and that the captcha says yes."""
    sent, voter, moment, settings = fields(), known_voter(), now(), arena().settings
    challenge, answer = str(sent.get("challenge") or ""), str(sent.get("answer") or "")
    with reading() as opened:
        found = find_campaign(opened, str(sent.get("campaign") or "") or None)
        bits = bits_of(found)
    made = made_at(settings.secret, voter, challenge, bits=bits, now=moment)
    if made is None:
        fresh = make_challenge(settings.secret, voter, bits=bits, now=moment)
        return _page(found.slug, fresh, bits, gettext("That took too long. Please try once more."))
    if bits and not is_answer(challenge, answer) and moment - made < WAIT:
        left = max(1, round((WAIT - (moment - made)).total_seconds()))
        told = ngettext("Please wait %(num)s second more.", "Please wait %(num)s seconds more.", left)
        return _page(found.slug, challenge, bits, told)
    if settings.captcha_verify is not None and settings.captcha_secret is not None:
        told_by = next((str(sent[name]) for name in FIELDS if sent.get(name)), "")
        if not is_human(settings.captcha_verify, secret=settings.captcha_secret, answer=told_by):
            return _page(
                found.slug, challenge, bits, gettext("The check did not say yes. Please try it again.")
            )
    session[_PROVED] = voter
    return redirect(url_for("battles.deal", campaign=found.slug), code=303)


def _page(campaign: str, challenge: str, bits: int, fault: str = "") -> Response:
    settings = arena().settings
    response = make_response(
        render_template(
            "proof.html",
            campaign=campaign,
            challenge=challenge,
            bits=bits,
            fault=fault,
            wait=int(WAIT.total_seconds()),
            captcha=settings.captcha,
            captcha_key=settings.captcha_key,
        ),
        400 if fault else 200,
    )
    if settings.captcha is not None:
        parts = urlsplit(settings.captcha)
        site = f"{parts.scheme}://{parts.netloc}"
        allowed = f"script-src 'self' {site}; frame-src {site}; connect-src 'self' {site}"
        response.headers["Content-Security-Policy"] = f"{POLICY}; {allowed}"
    return response
