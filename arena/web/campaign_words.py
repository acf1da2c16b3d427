"""What the operators' pages say of campaigns: choices, answers, and what was wrong about a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from arena.domain.campaigns import BEST_BASELINE, Target
from arena.errors import ArenaError
from arena.web.i18n import gettext, noted, number

POLICIES: Final[Mapping[str, tuple[str, str]]] = {
    "targeted": (
        noted("Towards the target"),
        noted("Mostly the pairs that it asks about; quickest to an answer"),
    ),
    "informative": (
        noted("Where it matters most"),
        noted("More votes for pairs not yet separated"),
    ),
    "uniform": (noted("Every pair equally"), noted("Best for publishing a full matrix")),
}
REVEALS: Final[Mapping[str, str]] = {
    "each": noted("After each vote"),
    "end_of_set": noted("At the end of a set"),
    "off": noted("Not while it is open"),
}
AUDIENCES: Final[Mapping[str, str]] = {
    "public": noted("Everybody"),
    "invited": noted("Those who were invited"),
}
BOARDS: Final[Mapping[str, str]] = {
    "public": noted("Everybody"),
    "raters": noted("Those who voted, until it closes"),
    "staff": noted("Operators and staff alone"),
    "hidden": noted("Nobody until it closes"),
}
TARGETS: Final[Mapping[str, str]] = {
    "none": noted("Nothing in particular"),
    "pair": noted("One entrant from another"),
    "ranking": noted("Every entrant from every other"),
}
BECAUSE: Final[Mapping[str, str]] = {
    "separated": noted("Closed by its rule: the two are told apart."),
    "alike": noted("Closed by its rule: the two differ by less than the gap."),
    "told_apart": noted("Closed by its rule: every pair has its answer."),
    "most_votes": noted("Closed at the most votes of its plan, without an answer."),
    "by_hand": noted("Closed by hand."),
}
ANSWERS: Final[Mapping[str, str]] = {
    "above": noted("First is above"),
    "below": noted("First is below"),
    "alike": noted("Closer than the gap"),
}
FAULTS: Final[Mapping[str, str]] = {
    "name_taken": noted("There is a campaign of that name already. Choose another address."),
    "unknown_entrant": noted("One of the entrants is not here any more. Choose again."),
    "plan_fixed": noted("People have voted meanwhile: only its name, end and cap and its guards may change."),
    "registered": noted("Its plan was registered: only its name, end and cap and its guards may change."),
    "campaign_closed": noted("This campaign has closed."),
}


def policy(slug: str) -> tuple[str, str]:
    """A pairing policy and what it is good for."""
    name, good_for = POLICIES.get(slug, (slug, ""))
    return gettext(name), gettext(good_for) if good_for else ""


def reveal(slug: str) -> str:
    """When raters learn names."""
    return gettext(REVEALS[slug])


def audience(slug: str) -> str:
    """Who may vote."""
    return gettext(AUDIENCES[slug])


def board(slug: str) -> str:
    """Who may see the board."""
    return gettext(BOARDS[slug])


def target_kind(slug: str) -> str:
    """What is to be told apart."""
    return gettext(TARGETS[slug])


def because(slug: str | None) -> str:
    """Why a campaign closed; nothing where its planned end came."""
    return gettext(BECAUSE[slug]) if slug and slug in BECAUSE else ""


def answer(slug: str | None) -> str:
    """What the rule says of a pair."""
    return gettext(ANSWERS[slug]) if slug and slug in ANSWERS else gettext("Open")


def target(told: Target | None) -> str:
    """A target in a sentence."""
    if told is None:
        return gettext("It has no target.")
    gap = number(told.gap)
    if told.kind == "ranking":
        return gettext("Tell every entrant from every other at %(gap)s points.", gap=gap)
    if told.b == BEST_BASELINE:
        return gettext("Tell %(a)s from the best baseline at %(gap)s points.", a=told.a, gap=gap)
    return gettext("Tell %(a)s from %(b)s at %(gap)s points.", a=told.a, b=told.b, gap=gap)


def fault(error: ArenaError) -> str:
    """What was wrong about a form; the sentence of the error where the pages have no words of their own."""
    if error.code in FAULTS:
        return gettext(FAULTS[error.code])
    sentence = str(error)
    return sentence[:1].upper() + sentence[1:] + "."
