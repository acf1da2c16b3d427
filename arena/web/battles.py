"""The Room: a pair, the ballot, the reasons asked blind, and the reveal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from analysis.outcomes import Outcome
from arena.domain.blinding import CONSENT_VERSION, REASONS
from arena.domain.spots import MOST_SPOTS, read_spots
from arena.errors import AlreadyVoted, Invalid, UnknownBattle, UnknownOutcome
from arena.queries.battles import BattlePage, BattleState, battle_page, blind_picture
from arena.queries.finding import campaign_to_vote_in, find_campaign
from arena.queries.reveals import Reveal
from arena.queries.reveals import reveal as read_reveal
from arena.queries.sets import paused, set_done
from arena.services import dealing, undoing, voting
from arena.tables import RevealPolicy
from arena.web import drawing
from arena.web.context import arena, chance, fields, known_voter, now, reading, voter_key, wants_json, writing
from arena.web.proof import is_asked
from arena.web.security import in_the_room
from arena.web.signed import signed_file

bp = Blueprint("battles", __name__)
PICTURE_HEADERS = {"Cache-Control": "private, max-age=600", "Content-Type": "image/png"}
NOT_QUESTIONS = {"elapsed_ms", "consent"}
IN_PLACE = "X-Room"
"""Header of a script that hangs the answer in the open page: it gets the page at once, without a redirect."""


@bp.after_request
def _room(response: Response) -> Response:
    return response if response.mimetype == "image/png" else in_the_room(response)


@bp.get("/battles/next")
def deal() -> BaseResponse:
    """Deal the next pair, or give back the open one; or say what there is to wait for.

    After the last pair of a set nothing is dealt until the voter asks for the next set by its number.
    """
    voter, moment, stocks = known_voter(), now(), arena().stocks
    campaign = request.args.get("campaign")
    with reading() as session:
        campaign = campaign or campaign_to_vote_in(session, voter_key=voter, now=moment)
        found = find_campaign(session, campaign)
        door = url_for("proof.show", campaign=found.slug) if is_asked(session, found, voter) else ""
        complete = paused(session, campaign=found, voter_key=voter)
    if door:
        if wants_json():
            return jsonify({"battle": None, "pictures": [], "state": "proof", "address": door})
        return redirect(door, code=303)
    if complete and request.args.get("set") != str(complete + 1):
        return _set_complete(campaign, voter, complete, moment)
    dealt = writing(
        lambda session: dealing.next_battle(
            session, campaign=campaign, voter_key=voter, now=moment, rng=chance(), stocks=stocks
        )
    )
    if isinstance(dealt, dealing.Dealt):
        address = url_for("battles.show", key=dealt.key)
        return jsonify(_preload(dealt.key, address)) if wants_json() else redirect(address, code=303)
    if isinstance(dealt, dealing.Waiting):
        if wants_json():
            told = {"state": "waiting", "made": dealt.made, "asked": dealt.asked}
            return jsonify({"battle": None, "pictures": [], **told})
        return make_response(render_template("waiting.html", made=dealt.made, asked=dealt.asked))
    if wants_json():
        return jsonify({"battle": None, "pictures": [], "state": "finished"})
    return _finished(campaign, voter, dealt.done, moment)


@bp.get("/battles/<key>")
def show(key: str) -> BaseResponse:
    """A battle as far as its voter has come with it."""
    return _page(key, voter_key(), now())


@bp.post("/battles/<key>/vote")
def vote(key: str) -> BaseResponse:
    """Count the answer to one question; the same answer sent again is no error."""
    sent = fields()
    criterion, outcome = _answer(sent)
    elapsed, consent, voter, moment = (
        _count(sent.get("elapsed_ms")),
        str(sent.get("consent") or ""),
        voter_key(),
        now(),
    )
    try:
        writing(
            lambda session: voting.cast_vote(
                session,
                key=key,
                voter_key=voter,
                criterion=criterion,
                outcome=outcome,
                elapsed_ms=elapsed,
                consent=consent,
                now=moment,
            )
        )
    except AlreadyVoted:
        with reading() as session:
            page = battle_page(session, key=key, voter_key=voter, now=moment)
        if outcome not in [question.outcome for question in page.questions if question.slug == criterion]:
            raise
    return _onward(key, voter, moment)


@bp.post("/battles/<key>/undo")
def undo(key: str) -> BaseResponse:
    """Take back the last answer, as long as the names were not shown; sent again it undoes nothing more."""
    answers, voter, moment = _count(fields().get("answers")), voter_key(), now()
    writing(lambda session: undoing.undo(session, key=key, voter_key=voter, answers=answers, now=moment))
    return _onward(key, voter, moment)


@bp.post("/battles/<key>/skip")
def skip(key: str) -> BaseResponse:
    """Set the pair aside and deal another."""
    voter, moment = voter_key(), now()
    writing(lambda session: voting.skip(session, key=key, voter_key=voter, now=moment))
    with reading() as session:
        page = battle_page(session, key=key, voter_key=voter, now=moment)
    return redirect(url_for("battles.deal", campaign=page.campaign), code=303)


@bp.post("/battles/<key>/reasons")
def give_reasons(key: str) -> BaseResponse:
    """Keep the reasons and the marked spots, given blind; then show who painted what, or the next pair."""
    tags, spots, voter, moment = _sent("reason"), read_spots(_sent("spot")), voter_key(), now()

    def work(session: Any) -> RevealPolicy:
        voting.give_reasons(session, key=key, voter_key=voter, tags=tags, spots=spots, now=moment)
        return voting.settle(session, key=key, voter_key=voter, now=moment)

    if writing(work) is RevealPolicy.EACH:
        return _onward(key, voter, moment)
    with reading() as session:
        page = battle_page(session, key=key, voter_key=voter, now=moment)
    return redirect(url_for("battles.deal", campaign=page.campaign), code=303)


@bp.get("/pictures/<token>")
def picture(token: str) -> Response:
    """A blind copy, for the voter it was dealt to."""
    with reading() as session:
        digest = blind_picture(session, token=token, voter_key=voter_key(), now=now())
    return Response(arena().images.get(digest), headers=PICTURE_HEADERS)


@bp.get("/originals/<key>/<any(left, right):side>")
def original(key: str, side: str) -> Response:
    """A picture as its entrant made it, once its voter may know the name."""
    with reading() as session:
        seen = read_reveal(session, key=key, voter_key=voter_key())
    made = seen.left if side == "left" else seen.right
    file = signed_file(made.digest, label=f"{made.slug}@{made.revision}", seed=made.seed)
    response = Response(file, headers=PICTURE_HEADERS)
    response.headers.set("Content-Disposition", "attachment", filename=f"{made.slug}-{made.seed}.png")
    return response


def _onward(key: str, voter: str, moment: datetime) -> BaseResponse:
    """After an act on a battle: its page, to a script that hangs it in place, else the way there."""
    address = url_for("battles.show", key=key)
    if IN_PLACE not in request.headers:
        return redirect(address, code=303)
    response = make_response(_page(key, voter, moment))
    response.headers["Content-Location"] = address
    return response


def _page(key: str, voter: str, moment: datetime) -> BaseResponse:
    with reading() as session:
        page = battle_page(session, key=key, voter_key=voter, now=moment)
        seen = None
        if page.state is BattleState.REVEALED:
            seen = read_reveal(session, key=key, voter_key=voter)
    if seen is not None:
        return _revealed(page, seen)
    if page.state is BattleState.OPEN:
        return make_response(render_template("battle.html", page=page, consent=CONSENT_VERSION))
    if page.state is BattleState.VOTED:
        return make_response(render_template("reasons.html", page=page, tags=REASONS, most_spots=MOST_SPOTS))
    if page.state is BattleState.SETTLED:
        return make_response(render_template("settled.html", page=page))
    return make_response(render_template("down.html", page=page), 410)


def _set_complete(campaign: str | None, voter: str, number: int, moment: datetime) -> BaseResponse:
    """The end of a set; a campaign that held its names back to here shows them now."""
    if wants_json():
        return jsonify({"battle": None, "pictures": [], "state": "set_complete"})
    _reveal_set(campaign, voter, moment)
    with reading() as session:
        done = set_done(session, campaign=campaign, voter_key=voter, number=number)
    return make_response(render_template("set_complete.html", done=done))


def _finished(campaign: str | None, voter: str, done: int, moment: datetime) -> BaseResponse:
    _reveal_set(campaign, voter, moment)
    return make_response(render_template("finished.html", done=done, campaign=campaign))


def _reveal_set(campaign: str | None, voter: str, moment: datetime) -> None:
    with reading() as session:
        found = find_campaign(session, campaign)
    if found.reveal is RevealPolicy.END_OF_SET:
        writing(lambda session: voting.reveal_set(session, campaign_id=found.id, voter_key=voter, now=moment))


def _revealed(page: BattlePage, seen: Reveal) -> BaseResponse:
    sides = (seen.left, seen.right)
    scale = drawing.axis((n for side in sides for n in (side.low, side.high)), hold_middle=False)
    return make_response(render_template("reveal.html", page=page, seen=seen, scale=scale, drawing=drawing))


def _preload(key: str, address: str) -> dict[str, Any]:
    with reading() as session:
        page = battle_page(session, key=key, voter_key=voter_key(), now=now())
    if page.state is not BattleState.OPEN:
        raise UnknownBattle(key)
    pictures = [url_for("battles.picture", token=token) for token in (page.left_token, page.right_token)]
    return {"battle": address, "pictures": pictures, "state": page.state.value}


def _answer(sent: Mapping[str, Any]) -> tuple[str, Outcome]:
    """The question and the answer of a ballot: the one field that is neither stopwatch nor consent.

    Raises
    ------
    UnknownOutcome
        If there is no answer, or it is none of the four.
    Invalid
        If several questions are answered at once.
    """
    answers = [name for name in sent if name not in NOT_QUESTIONS]
    if not answers:
        raise UnknownOutcome(None)
    if len(answers) > 1:
        raise Invalid("one question is answered at a time")
    given = sent[answers[0]]
    try:
        return answers[0], Outcome(given)
    except ValueError as error:
        raise UnknownOutcome(str(given)[:40]) from error


def _count(told: object) -> int | None:
    """A number that the page told; a broken one costs nobody a vote."""
    text = str(told or "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _sent(name: str) -> list[str]:
    """Every value of a field, from a form or from JSON."""
    if not request.is_json:
        return [told for told in request.form.getlist(name) if told]
    told = fields().get(name) or []
    return [str(one) for one in told] if isinstance(told, list) else [str(told)]
