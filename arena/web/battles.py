"""The Room: a pair, the ballot, the reasons asked blind, and the reveal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from analysis.outcomes import Outcome
from arena.domain.blinding import CONSENT_VERSION, REASONS
from arena.errors import Invalid, UnknownBattle, UnknownOutcome, UnknownPicture
from arena.queries.battles import BattlePage, BattleState, battle_page, blind_picture
from arena.queries.battles import reveal as read_reveal
from arena.queries.boards import campaigns
from arena.services import dealing, voting
from arena.web import drawing
from arena.web.context import arena, chance, fields, known_voter, now, reading, voter_key, wants_json, writing
from arena.web.security import in_the_room

bp = Blueprint("battles", __name__)
PICTURE_HEADERS = {"Cache-Control": "private, max-age=600", "Content-Type": "image/png"}
NOT_QUESTIONS = {"elapsed_ms", "consent"}


@bp.after_request
def _room(response: Response) -> Response:
    return response if response.mimetype == "image/png" else in_the_room(response)


@bp.get("/battles/next")
def deal() -> BaseResponse:
    """Deal the next pair, or give back the open one; or say what there is to wait for."""
    voter, moment, stocks = known_voter(), now(), arena().stocks
    campaign = request.args.get("campaign") or _campaign()
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
    return make_response(render_template("finished.html", done=dealt.done, campaign=campaign))


@bp.get("/battles/<key>")
def show(key: str) -> BaseResponse:
    """A battle as far as its voter has come with it."""
    with reading() as session:
        page = battle_page(session, key=key, voter_key=voter_key(), now=now())
    if page.state is BattleState.OPEN:
        return make_response(render_template("battle.html", page=page, consent=CONSENT_VERSION))
    if page.state is BattleState.VOTED:
        return make_response(render_template("reasons.html", page=page, tags=REASONS))
    if page.state is BattleState.REVEALED:
        return _revealed(page)
    return make_response(render_template("down.html", page=page), 410)


@bp.post("/battles/<key>/vote")
def vote(key: str) -> BaseResponse:
    """Count the answer to one question."""
    sent = fields()
    criterion, outcome = _answer(sent)
    elapsed, consent, voter, moment = _elapsed(sent), str(sent.get("consent") or ""), voter_key(), now()
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
    return redirect(url_for("battles.show", key=key), code=303)


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
    """Keep the reasons, given blind, and show who painted what."""
    tags, voter, moment = _tags(), voter_key(), now()

    def work(session: Any) -> None:
        voting.give_reasons(session, key=key, voter_key=voter, tags=tags, now=moment)
        voting.reveal(session, key=key, voter_key=voter, now=moment)

    writing(work)
    return redirect(url_for("battles.show", key=key), code=303)


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
    response = Response(arena().images.get(made.digest), headers=PICTURE_HEADERS)
    response.headers.set("Content-Disposition", "attachment", filename=f"{made.slug}-{made.seed}.png")
    return response


def _revealed(page: BattlePage) -> BaseResponse:
    with reading() as session:
        seen = read_reveal(session, key=page.key, voter_key=voter_key())
        try:
            blind_picture(session, token=page.left_token, voter_key=voter_key(), now=now())
            lasting = True
        except UnknownPicture:
            lasting = False
    sides = (seen.left, seen.right)
    scale = drawing.axis((n for side in sides for n in (side.low, side.high)), hold_middle=False)
    return make_response(
        render_template("reveal.html", page=page, seen=seen, scale=scale, lasting=lasting, drawing=drawing)
    )


def _campaign() -> str | None:
    """The newest open campaign that people vote in, if there are several."""
    with reading() as session:
        voted = [line.slug for line in campaigns(session) if line.votes and not line.closed]
    return voted[0] if len(voted) > 1 else None


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


def _elapsed(sent: Mapping[str, Any]) -> int | None:
    """The page's stopwatch; a broken one costs nobody a vote."""
    told = str(sent.get("elapsed_ms") or "")
    return int(told) if told.isdecimal() and len(told) < 10 else None


def _tags() -> list[str]:
    if not request.is_json:
        return [tag for tag in request.form.getlist("reason") if tag]
    told = fields().get("reason") or []
    return [str(tag) for tag in told] if isinstance(told, list) else [str(told)]
