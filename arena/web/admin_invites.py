"""The operators' page of invitations: those there are, the form that makes one, and taking one back."""

from __future__ import annotations

from flask import Response, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as BaseResponse

from arena.errors import CampaignClosed, Invalid, UnknownCampaign
from arena.queries.admin import overview
from arena.services import inviting
from arena.services.inviting import LONGEST_COHORT, MOST_DAYS, MOST_USES, NewInvite
from arena.web.admin import bp, see_that_they_may_change, who_is_in
from arena.web.context import arena, fields, now, reading, writing
from arena.web.i18n import gettext, number

__all__ = ["bp"]

LARGEST = 2**31 - 1
BLANK = {"campaign": "", "cohort": "creators", "uses": "20", "days": "14"}


@bp.get("/invites")
def invites() -> Response:
    """Every invitation there ever was, and the form of a new one."""
    return _page(BLANK)


@bp.post("/invites")
def make_invite() -> Response:
    """Make an invitation; this answer alone has its link, so that it is given here and not elsewhere."""
    see_that_they_may_change()
    sent = {name: str(fields().get(name, "")).strip() for name in BLANK}
    name, moment = who_is_in().name, now()
    try:
        made = writing(
            lambda session: inviting.make_invite(
                session,
                campaign=sent["campaign"],
                cohort=sent["cohort"],
                uses=_whole(sent["uses"]),
                days=_whole(sent["days"]),
                now=moment,
                actor=name,
            )
        )
    except (Invalid, UnknownCampaign, CampaignClosed) as error:
        return _page(sent, fault=_fault(error), status=error.status)
    return _page(BLANK, made=made)


@bp.post(f"/invites/<int(max={LARGEST}):invite>/revoke")
def revoke_invite(invite: int) -> BaseResponse:
    """Let a link open nothing any more."""
    see_that_they_may_change()
    name, moment = who_is_in().name, now()
    writing(lambda session: inviting.revoke_invite(session, invite, now=moment, actor=name))
    return redirect(url_for("admin.invites") + f"#invite-{invite}", code=303)


def _page(
    sent: dict[str, str], *, made: NewInvite | None = None, fault: str = "", status: int = 200
) -> Response:
    with reading() as session:
        lines, rows = overview(session, now=now()), inviting.invites(session)
    page = render_template(
        "admin_invites.html",
        guest=who_is_in(),
        campaigns=[line for line in lines if line.open],
        rows=rows,
        now=now(),
        sent=sent,
        made=made,
        link=f"{arena().settings.public_url}/join/{made.token}" if made else "",
        fault=fault,
        most={"uses": MOST_USES, "days": MOST_DAYS, "cohort": LONGEST_COHORT},
    )
    return make_response(page, status)


def _whole(told: str) -> int:
    """A number of a form; what is none is a number that no invitation can have."""
    return int(told) if told.isascii() and told.isdecimal() and len(told) < 10 else 0


def _fault(error: Exception) -> str:
    if isinstance(error, UnknownCampaign | CampaignClosed):
        return gettext("This campaign is not open; choose one that is. Nothing was made.")
    return gettext(
        "Nothing was made: a group is small letters, digits and single hyphens, at most %(longest)s of them; "
        "the link is for 1 to %(uses)s raters and lasts 1 to %(days)s days.",
        longest=number(LONGEST_COHORT),
        uses=number(MOST_USES),
        days=number(MOST_DAYS),
    )
