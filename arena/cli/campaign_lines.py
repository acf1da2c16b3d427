"""A campaign in lines of a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arena.domain.campaigns import BEST_BASELINE

ANSWERS = {
    "above": "the first is above",
    "below": "the first is below",
    "alike": "they differ by less than the gap",
    "told": "every pair has its answer",
}


def lines(told: Mapping[str, Any]) -> list[str]:
    """A campaign as `arena.services.telling_campaigns.told_whole` tells it."""
    made = [f"{told['name']} ({told['campaign']})", ""]
    for slug, question in told["questions"].items():
        made.append(f"{'question':12}{slug}: {question}")
    for one in told["taking_part"]:
        notes = [one["kind"]]
        notes += ["amendment"] if one["amendment"] else []
        notes += ["retired"] if one["retired"] else []
        made.append(f"{'entrant':12}{one['entrant']} ({', '.join(notes)})")
    cap = f"{told['most_votes']:,} votes a rater" if told["most_votes"] else "no cap"
    made += [
        f"{'prompts':12}{told['prompts']:,} on a canvas of {told['canvas']} px, {told['seeds']} each",
        f"{'pairs':12}{told['policy']}, sets of {told['set_size']}, {told['minutes_to_vote']} min to vote",
        f"{'who':12}audience {told['audience']}, board {told['board']}, names {told['reveal']}, {cap}",
        f"{'target':12}{_target(told['target'])}",
        f"{'plan':12}{told['plan'] or 'not registered'}",
        f"{'so far':12}{told['votes']:,} votes of {told['raters']:,} raters, "
        f"{told['votes_a_day']:,.0f} a day of late",
    ]
    if not told["open"]:
        made.append(
            f"{'closed':12}{told['closed_at'][:10]}, {told['closed_because'] or 'by its planned end'}"
        )
    return made + (["", *look_lines(told["look"])] if told["look"] else [])


def look_lines(look: Mapping[str, Any] | None) -> list[str]:
    """What the rule saw."""
    if look is None:
        return ["No votes to look at yet."]
    answer = ANSWERS[look["answer"]] if look["answer"] else "no answer yet"
    left = "" if look["votes_left"] in {None, 0} else f", about {look['votes_left']:,} votes left"
    pairs = [f"  {state['first']} - {state['second']}: {_interval(state)}" for state in look["states"]]
    return [f"At vote {look['votes']:,}: {answer}{left}.", *pairs]


def _interval(state: Mapping[str, Any]) -> str:
    told = f"{state['wins']:,} to {state['losses']:,} decided votes on the pair itself"
    if state["estimate"] is None:
        return f"not connected by wins yet, {told}"
    if state["low"] is None:
        return f"{state['estimate']:+.0f} points, too early for an interval, {told}"
    return f"{state['estimate']:+.0f} points, {state['low']:+.0f} to {state['high']:+.0f}, {told}"


def _target(target: Mapping[str, Any] | None) -> str:
    if target is None:
        return "none"
    about = "every pair of entrants"
    if target["kind"] == "pair":
        other = "the best baseline" if target["b"] == BEST_BASELINE else target["b"]
        about = f"{target['a']} from {other}"
    limit = f", at most {target['most_votes']:,} votes" if target["most_votes"] else ""
    return (
        f"{about}: {target['gap']:g} points, error {target['error']:g}, power {target['power']:g}, "
        f"at least {target['least_votes']:,} votes{limit}"
    )
