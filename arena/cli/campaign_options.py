"""The options of `arena campaigns new` and `edit`, and the plan that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from arena.errors import Invalid
from arena.tables import Audience, BoardReaders, RevealPolicy

if TYPE_CHECKING:
    from arena.domain.campaigns import Target
    from arena.services.campaigning import Plan

F = TypeVar("F", bound=Callable[..., Any])
NONE = "none"

OPTIONS = (
    click.option("--question", "questions", multiple=True, metavar="SLUG=TEXT",
                 help="What is asked of a pair; may be given again. The first decides."),
    click.option("--entrant", "entrants", multiple=True, metavar="SLUG",
                 help="Who takes part, as slug or slug@revision; give it twice or more."),
    click.option("--set", "sets", multiple=True, metavar="NAME",
                 help="Prompts of this set; may be given again."),
    click.option("--category", "categories", multiple=True,
                 help="Prompts of this category; may be given again."),
    click.option("--prompts", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                 help="A text file with one prompt a line."),
    click.option("--most-prompts", type=click.IntRange(1), help="Only so many of them, the first."),
    click.option("--canvas", type=int, help="Side of the square they are judged on, in pixels [512]."),
    click.option("--seeds", type=int, help="Pictures of each entrant of each prompt [1]."),
    click.option("--policy", help="Which pairs to show: uniform, informative or targeted [informative]."),
    click.option("--set-size", type=int, help="Pairs in a set, after which a rater may rest [30]."),
    click.option("--minutes", "minutes_to_vote", type=int,
                 help="So long a pair hangs without an answer [60]."),
    click.option("--reveal", type=click.Choice([one.value for one in RevealPolicy]),
                 help="When raters learn names."),
    click.option("--audience", type=click.Choice([one.value for one in Audience]),
                 help="Who may vote [public]."),
    click.option("--board", type=click.Choice([one.value for one in BoardReaders]),
                 help="Who may see the board before the campaign closes [public]."),
    click.option("--checks", type=float, help="Share of battles that only check raters."),
    click.option("--exclusions", metavar="RULE", help="Rule that leaves raters' votes out, or none."),
    click.option("--target", metavar="A:B|A:best_baseline|ranking|none", help="What is to be told apart."),
    click.option("--gap", type=float, help="Points that matter [30]."),
    click.option("--error", type=float, help="Probability of a wrong answer [0.05]."),
    click.option("--power", type=float, help="Probability of seeing the gap [0.8]."),
    click.option("--least-votes", type=int, help="Never stop by the rule before so many [200]."),
    click.option("--stop-at", type=int, metavar="VOTES", help="Stop without an answer at so many votes."),
    click.option("--most-votes", type=int,
                 help="Votes that are taken of one rater; 0 for as many as they like."),
    click.option("--delay", "delay_hours", type=int, metavar="HOURS",
                 help="Publish boards and votes so long after the votes: 0, 1, 6, 12, 24, 72 or 168 [0]."),
    click.option("--proof", "proof_bits", metavar="BITS",
                 help="Work asked of a new voter's browser, 18 or so; 0 for none, default for the arena's."),
    click.option("--until", metavar="DAY",
                 help="Planned end, at the end of this UTC day; none for no end."),
    click.option("--name", help="What the pages call it."),
)  # fmt: skip


def plan_options(command: F) -> F:
    """Give a command every option of a plan."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def changed(plan: Plan, given: Mapping[str, Any]) -> Plan:
    """A plan with what was given on the command line.

    Raises
    ------
    Invalid
        If something given cannot be read.
    """
    from arena.services.campaigning import Prompts

    told = {name: value for name, value in given.items() if value is not None and value != ()}
    changes: dict[str, Any] = {
        name: told[name]
        for name in (
            "name", "canvas", "seeds", "policy", "set_size", "minutes_to_vote", "checks", "entrants",
            "delay_hours",
        )
        if name in told
    }  # fmt: skip
    for name, kind in (("reveal", RevealPolicy), ("audience", Audience), ("board", BoardReaders)):
        if name in told:
            changes[name] = kind(told[name])
    if "questions" in told:
        changes["questions"] = dict(_question(text) for text in told["questions"])
    if "exclusions" in told:
        changes["quality_rule"] = None if told["exclusions"] == NONE else told["exclusions"]
    if "most_votes" in told:
        changes["most_votes"] = told["most_votes"] or None
    if "proof_bits" in told:
        changes["proof_bits"] = _bits(told["proof_bits"])
    if "until" in told:
        changes["closes_at"] = _end_of(told["until"])
    own = told["file"].read_text(encoding="utf-8").splitlines() if "file" in told else []
    prompts = Prompts(
        sets=told.get("sets", ()),
        categories=told.get("categories", ()),
        own=tuple(line for line in own if line.strip()),
        most=told.get("most_prompts"),
    )
    return replace(plan, prompts=prompts, target=_target(plan.target, told), **changes)


def _target(before: Target | None, told: Mapping[str, Any]) -> Target | None:
    from arena.domain.campaigns import Target

    numbers = {
        name: told[option]
        for option, name in (
            ("gap", "gap"), ("error", "error"), ("power", "power"), ("least_votes", "least_votes"),
            ("stop_at", "most_votes"),
        )
        if option in told
    }  # fmt: skip
    if "target" not in told:
        if numbers and before is None:
            raise Invalid("say with --target what is to be told apart")
        return replace(before, **numbers) if before and numbers else before
    text = told["target"]
    if text == NONE:
        return None
    if before is not None:
        numbers = {
            name: getattr(before, name) for name in ("gap", "error", "power", "least_votes", "most_votes")
        } | numbers
    if text == "ranking":
        return Target("ranking", **numbers)
    a, colon, b = text.partition(":")
    if not colon:
        raise Invalid(f"a target is A:B, A:best_baseline, ranking or none, not {text[:80]!r}")
    return Target("pair", a, b, **numbers)


def _question(text: str) -> tuple[str, str]:
    slug, equals, words = text.partition("=")
    if not equals or not words.strip():
        raise Invalid(f"a question is SLUG=TEXT, such as preference=Which is better?, not {text[:80]!r}")
    return slug.strip(), words.strip()


def _bits(text: str) -> int | None:
    if text == "default":
        return None
    if not text.isascii() or not text.isdigit():
        raise Invalid(f"the work is a number of bits, or default, not {text[:40]!r}")
    return int(text)


def _end_of(day: str) -> datetime | None:
    if day == NONE:
        return None
    try:
        return datetime.fromisoformat(f"{day}T23:59:59+00:00")
    except ValueError:
        raise Invalid(f"the end is a day such as 2026-12-31, or none, not {day[:40]!r}") from None
