"""Battles and prompts to look through, with names: only of prompts that no open campaign deals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template, request
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.domain.blinding import REASONS
from arena.domain.categories import SLUGS, UNCATEGORISED
from arena.errors import Invalid
from arena.queries import explorer, prompts
from arena.queries.entrants import EntrantLine, ledger
from arena.queries.explorer import LOST, WON, Filters
from arena.queries.finding import find_campaign
from arena.queries.showing import Show, shows
from arena.services.curation import find_entrant
from arena.services.shares import share_of
from arena.web import drawing, words
from arena.web.context import now, reading
from arena.web.entrants import SHARES
from arena.web.i18n import gettext, language
from arena.web.security import in_the_catalogue

bp = Blueprint("explorer", __name__)
OUTCOMES = (WON, LOST, *(outcome.value for outcome in Outcome))
LARGEST = 2**31 - 1
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter that is picked from a list; ``anything`` is what it says when nothing is picked."""

    name: str
    label: str
    anything: str
    options: tuple[tuple[str, str], ...]
    chosen: str


bp.after_request(in_the_catalogue)


@bp.get("/battles")
def battles() -> Response:
    """Battles of closed campaigns, the newest first."""
    moment, before, after = now(), _number("before"), _number("after")
    with reading() as session:
        filters = _filters(session)
        found = explorer.battle_list(session, filters, now=moment, before=before, after=after)
        prompt = prompts.prompt_line(session, filters.prompt, now=moment) if filters.prompt else None
        choices = _choices(session, shows(session, now=moment))
    return make_response(
        render_template(
            "battles.html",
            found=found,
            prompt=prompt,
            choices=choices,
            asked=_asked(
                "campaign", "entrant", "against", "words", "category", "outcome", "reason", "prompt"
            ),
            whole=before is None and after is None,
        )
    )


@bp.get(f"/battles/<int(max={LARGEST}):number>")
def battle(number: int) -> Response:
    """One battle: both pictures, who painted them, and what was answered."""
    with reading() as session:
        shown = explorer.shown_battle(session, number, now=now())
    return make_response(render_template("shown_battle.html", battle=shown))


@bp.get("/prompts")
def prompt_list() -> Response:
    """The prompts of all campaigns, the newest first."""
    sought, before, after = _words(), _number("before"), _number("after")
    with reading() as session:
        category, known = _category(session), prompts.categories(session)
        found = prompts.prompt_list(
            session, now=now(), words=sought, category=category, before=before, after=after
        )
    return make_response(
        render_template(
            "prompts.html",
            found=found,
            choices=[_categories(known)],
            asked=_asked("words", "category"),
        )
    )


@bp.get(f"/prompts/<int(max={LARGEST}):number>")
def prompt(number: int) -> Response:
    """One prompt, and what every entrant made of it."""
    with reading() as session:
        page = prompts.prompt_page(session, number, now=now())
    return make_response(
        render_template(
            "prompt.html",
            page=page,
            share_of=share_of,
            shares=SHARES,
            drawing=drawing,
            language=language(page.line.language),
        )
    )


def _filters(session: Session) -> Filters:
    """What the address asks for.

    Raises
    ------
    UnknownCampaign, UnknownEntrant
    Invalid
        If a value cannot be used; the sentence names the parameter.
    """
    told = request.args
    campaign = find_campaign(session, told["campaign"]).slug if told.get("campaign") else None
    names = [told[name] for name in ("entrant", "against") if told.get(name)]
    return Filters(
        campaign=campaign,
        entrants=tuple(dict.fromkeys(find_entrant(session, name).id for name in names)),
        words=_words(),
        category=_category(session),
        outcome=_one_of("outcome", OUTCOMES),
        reason=_one_of("reason", REASONS),
        prompt=_number("prompt"),
    )


def _words() -> str:
    told = request.args.get("words", "").strip()
    if len(told) > LONGEST:
        raise Invalid(f"words are {len(told)} characters; look for at most {LONGEST}")
    return told


def _category(session: Session) -> str | None:
    return _one_of("category", (*SLUGS, UNCATEGORISED, *prompts.categories(session)))


def _one_of(name: str, known: tuple[str, ...]) -> str | None:
    told = request.args.get(name) or None
    if told is not None and told not in known:
        raise Invalid(f"{name} must be one of {', '.join(dict.fromkeys(known))}, not {told[:64]!r}")
    return told


def _number(name: str) -> int | None:
    told = request.args.get(name) or None
    if told is None:
        return None
    if not told.isascii() or not told.isdecimal() or len(told) > 10 or not 0 < int(told) <= LARGEST:
        raise Invalid(f"{name} must be a whole number from 1 on, not {told[:64]!r}")
    return int(told)


def _asked(*names: str) -> dict[str, str]:
    """What is asked for, to be said again in the links to other pages."""
    return {name: told for name in names if (told := request.args.get(name, "").strip())}


def _choices(session: Session, closed: Sequence[Show]) -> list[Choice]:
    """The filters of the battles that are picked from a list."""
    lines = ledger(session)
    names = _names(lines)
    told = {
        WON: gettext("Won by the entrant"),
        LOST: gettext("Lost by the entrant"),
        Outcome.LEFT.value: gettext("Left better"),
        Outcome.RIGHT.value: gettext("Right better"),
        Outcome.TIE.value: gettext("Tie"),
        Outcome.BOTH_BAD.value: gettext("Both bad"),
    }
    reasons = [(tag, words.reason(tag)) for tag in REASONS]
    return [
        _choice("campaign", gettext("Campaign"), gettext("All"), [(show.slug, show.name) for show in closed]),
        _choice("entrant", gettext("Entrant"), gettext("Anybody"), names, _picked("entrant", lines)),
        _choice("against", gettext("Against"), gettext("Anybody"), names, _picked("against", lines)),
        _choice("outcome", gettext("Outcome"), gettext("Any"), [(key, told[key]) for key in OUTCOMES]),
        _categories(prompts.categories(session)),
        _choice("reason", gettext("Reason"), gettext("Any"), reasons),
    ]


def _categories(known: Sequence[str]) -> Choice:
    options = [(slug, words.category(slug)) for slug in known]
    return _choice("category", gettext("Category"), gettext("All"), options)


def _names(lines: Sequence[EntrantLine]) -> list[tuple[str, str]]:
    """Every entrant to choose from; the revision is told where two share a name."""
    often = Counter(line.name for line in lines)
    return [
        (_label(line), line.name if often[line.name] == 1 else f"{line.name} ({line.revision})")
        for line in lines
    ]


def _label(line: EntrantLine) -> str:
    return f"{line.slug}@{line.revision}"


def _picked(name: str, lines: Sequence[EntrantLine]) -> str:
    """The entrant that the address names; a slug alone is its newest revision."""
    told = request.args.get(name, "")
    return next((_label(line) for line in reversed(lines) if line.slug == told), told)


def _choice(
    name: str, label: str, anything: str, options: Sequence[tuple[str, str]], chosen: str | None = None
) -> Choice:
    picked = request.args.get(name, "") if chosen is None else chosen
    return Choice(name, label, anything, tuple(options), picked)
