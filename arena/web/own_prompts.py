"""A rater's own words: the form, the wait, and what came of it; the battle itself is one like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from arena.domain.moderation import SAFETY
from arena.domain.own_prompts import LANGUAGES, LONGEST, clean_own
from arena.domain.personal import Personal, personal
from arena.domain.prompts import prompt_digest
from arena.errors import InvalidPrompt
from arena.queries.finding import find_campaign
from arena.queries.submissions import OwnCampaign, OwnPage, Stage, own_campaigns, own_page
from arena.services import submission
from arena.services.own_limits import NotTaken, see_that_it_may
from arena.tables import SubmissionState
from arena.web.context import arena, chance, fields, known_voter, now, reading, voter_key, wants_json, writing
from arena.web.i18n import gettext, language, locale, ngettext, noted
from arena.web.proof import is_asked
from arena.web.security import in_the_room

bp = Blueprint("own_prompts", __name__)

PERSONAL: Mapping[Personal, str] = {
    Personal.EMAIL: noted("an e-mail address"),
    Personal.PHONE: noted("a phone number"),
    Personal.CARD: noted("a card number"),
    Personal.IBAN: noted("a bank account"),
    Personal.IP: noted("an IP address"),
    Personal.STREET: noted("a street address"),
}
FOUND: Mapping[str, str] = {
    "sexual": noted("sexual content"),
    "minors": noted("minors"),
    "hate": noted("hate"),
    "violence": noted("violence"),
    "self-harm": noted("self-harm"),
    "real-persons": noted("real persons"),
    "other": noted("something the operator does not show"),
}
FAULTS: Mapping[str, str] = {
    "empty": noted("Write what should be painted."),
    "too_long": noted("That is too long; 400 characters can be painted."),
    "control_characters": noted("There is a character in it that cannot be read. Type it anew."),
    "words_in_use": noted("These very words are among the arena’s own pairs. Change a few of them."),
    "enough_waiting": noted("Enough prompts wait already. Send this one when one of them is painted."),
    "enough_today": noted("You have sent as many as one may in a day. Come back tomorrow."),
    "no_own_prompts": noted("This campaign takes no words of raters at the moment."),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was written into the form."""

    prompt: str
    language: str
    campaign: str


@dataclass(frozen=True, slots=True)
class Ending:
    """Why there is no pair: an icon, a title and what happened."""

    icon: str
    title: str
    text: str


ENDINGS: Mapping[SubmissionState, Ending] = {
    SubmissionState.CANCELLED: Ending(
        "minus", noted("Taken back"), noted("Nothing hangs, and nothing was counted.")
    ),
    SubmissionState.DECLINED: Ending(
        "slash",
        noted("Not painted"),
        noted("An operator read these words and declined them. They are not kept."),
    ),
    SubmissionState.REFUSED: Ending(
        "slash",
        noted("One of the two declined"),
        noted("There is no pair, and so no vote. It is counted as a refusal, not as a worse picture."),
    ),
    SubmissionState.FAILED: Ending(
        "fault",
        noted("It could not be painted"),
        noted("A painter broke down, more than once. Nothing was counted, and it is not your doing."),
    ),
    SubmissionState.LATE: Ending(
        "clock",
        noted("It took too long"),
        noted("The painters were too busy. Nothing was counted; send the words again when it is quieter."),
    ),
}
WITHHELD = Ending(
    "slash",
    noted("A picture is not shown"),
    noted("The arena does not show what came of these words. There is no pair, and so no vote."),
)
CLOSED = Ending(
    "closed", noted("The campaign has closed"), noted("It closed while you waited. Nothing was counted.")
)
WITHDRAWN = Ending(
    "minus",
    noted("An entrant has left"),
    noted("One of the two was withdrawn while you waited. Nothing was counted; send the words to others."),
)


@bp.after_request
def _room(response: Response) -> Response:
    return in_the_room(response)


@bp.get("/own-prompt")
def form() -> Response:
    """The form."""
    asked = Asked(request.args.get("prompt", "")[:LONGEST], locale(), request.args.get("campaign", ""))
    return _form(asked)


@bp.post("/own-prompt")
def ask() -> BaseResponse:
    """Check the words, warn before anything is kept, and have them painted."""
    sent = fields()
    asked = Asked(*(str(sent.get(name) or "") for name in ("prompt", "language", "campaign")))
    voter, moment = known_voter(), now()
    try:
        text = clean_own(asked.prompt)
        with reading() as session:
            see_that_it_may(session, voter_key=voter, campaign=asked.campaign, prompt=text, now=moment)
            if is_asked(session, find_campaign(session, asked.campaign), voter):
                return redirect(url_for("proof.show", campaign=asked.campaign), code=303)
        kinds = personal(text)
        if kinds and sent.get("anyway") != prompt_digest(text):
            return _form(asked, warned=kinds, status=422)
        verdicts = arena().moderator.check(text, asked.language)
        told = writing(
            lambda session: submission.ask(
                session,
                voter_key=voter,
                campaign=asked.campaign,
                prompt=text,
                language=asked.language,
                verdicts=verdicts,
                now=moment,
                rng=chance(),
            )
        )
    except (InvalidPrompt, NotTaken) as error:
        if wants_json():
            raise
        code = error.reason if isinstance(error, InvalidPrompt) else error.code
        return _form(asked, fault=gettext(FAULTS[code]), status=error.status)
    if isinstance(told, submission.Declined):
        return _form(asked, fault=declined(told.categories), status=403)
    return redirect(url_for("own_prompts.show", key=told.key), code=303)


@bp.get("/own-prompt/<key>")
def show(key: str) -> BaseResponse:
    """Where both pictures are; once they hang, the way to them."""
    voter, moment = voter_key(), now()
    with reading() as session:
        page = own_page(session, key=key, voter_key=voter, now=moment)
    if wants_json():
        response = jsonify(told(page))
        response.add_etag()
        return response.make_conditional(request)
    if page.unsettled:
        writing(lambda session: submission.settle(session, key=key, voter_key=voter, now=moment))
        with reading() as session:
            page = own_page(session, key=key, voter_key=voter, now=moment)
    if page.battle:
        return redirect(url_for("battles.show", key=page.battle), code=303)
    if page.stage is Stage.ENDED:
        return make_response(render_template("own_prompt_ended.html", page=page, ending=ending(page)))
    return make_response(render_template("own_prompt_wait.html", page=page, told=told(page)))


@bp.post("/own-prompt/<key>/cancel")
def cancel(key: str) -> BaseResponse:
    """Take back words that do not hang yet."""
    voter, moment = voter_key(), now()
    writing(lambda session: submission.cancel(session, key=key, voter_key=voter, now=moment))
    return redirect(url_for("own_prompts.show", key=key), code=303)


def told(page: OwnPage) -> dict[str, Any]:
    """What a script is told: of both pictures together, and never of one."""
    return {
        "settled": page.battle is not None or page.stage in (Stage.READY, Stage.ENDED),
        "stage": stage(page),
        "wait": wait(page),
        "share": round(20 * page.share) * 5,
    }


def stage(page: OwnPage) -> str:
    """How far both pictures are, in words."""
    if page.stage is Stage.LOOKED_AT:
        return gettext("Somebody looks at it first")
    if page.stage is Stage.QUEUED:
        if page.ahead:
            return gettext("Number %(n)s in the queue", n=page.ahead + 1)
        return gettext("Next in the queue")
    if page.stage is Stage.PAINTING:
        if page.share < 0.35:
            return gettext("Being painted")
        return gettext("About half done") if page.share < 0.8 else gettext("Nearly done")
    return gettext("Both are here") if page.stage is Stage.READY else gettext("There is no pair")


def wait(page: OwnPage) -> str:
    """How long it may still take, for both, roundly."""
    if page.stage is Stage.LOOKED_AT:
        return gettext("An operator decides whether it is shown. Keep this address and come back later.")
    if page.seconds is None:
        return (
            gettext("Nobody can tell yet how long it takes.")
            if page.stage
            in (
                Stage.QUEUED,
                Stage.PAINTING,
            )
            else ""
        )
    if page.seconds < 2:
        return gettext("A moment more")
    seconds = round(page.seconds) if page.seconds < 10 else 5 * round(page.seconds / 5)
    if seconds < 100:
        return ngettext("About %(num)s second to go", "About %(num)s seconds to go", seconds)
    minutes = max(2, round(seconds / 60))
    return ngettext("About %(num)s minute to go", "About %(num)s minutes to go", minutes)


def declined(categories: tuple[str, ...]) -> str:
    """Why words are not painted."""
    if not categories:
        return gettext("These words are not painted here. They were not kept.")
    found = ", ".join(gettext(FOUND[category]) for category in categories)
    return gettext("These words are not painted here: %(found)s. They were not kept.", found=found)


def ending(page: OwnPage) -> Ending:
    """Why there is no pair, in the reader's language."""
    if page.state is SubmissionState.REFUSED and page.reason == SAFETY:
        found = WITHHELD
    elif page.state is SubmissionState.LATE and page.reason == submission.CLOSED:
        found = CLOSED
    elif page.state is SubmissionState.FAILED and page.reason == submission.WITHDRAWN:
        found = WITHDRAWN
    else:
        found = ENDINGS[page.state]
    return Ending(found.icon, gettext(found.title), gettext(found.text))


def _form(asked: Asked, *, fault: str = "", warned: tuple[Personal, ...] = (), status: int = 200) -> Response:
    with reading() as session:
        campaigns = own_campaigns(session, voter_key=voter_key(), now=now())
    if not campaigns:
        return make_response(render_template("own_prompt_none.html"), status)
    page = render_template(
        "own_prompt.html",
        asked=asked,
        campaigns=campaigns,
        chosen=_chosen(asked, campaigns),
        languages=[(code, _language(code)) for code in LANGUAGES],
        most=LONGEST,
        fault=fault,
        warned=[gettext(PERSONAL[kind]) for kind in warned],
        anyway=prompt_digest(clean_own(asked.prompt)) if warned else "",
    )
    return make_response(page, status)


def _chosen(asked: Asked, campaigns: list[OwnCampaign]) -> str:
    slugs = [campaign.slug for campaign in campaigns]
    return asked.campaign if asked.campaign in slugs else slugs[0]


def _language(code: str) -> str:
    return gettext("Another language") if code == "und" else language(code)
