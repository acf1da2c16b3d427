"""`arena quality`: how good the votes of a campaign are, and the rule that leaves raters out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from arena.cli.context import Context, json_option, say_json

if TYPE_CHECKING:
    from arena.queries.quality import Quality, Rate, Raters

NONE = "none"


@click.command()
@click.argument("campaign")
@click.option("--checks", type=float, help="From now on, deal this share of battles as checks; 0 for none.")
@click.option("--rule", help=f"From now on, have the worker apply this rule, such as quality/1; or {NONE!r}.")
@click.option(
    "--about/--no-about",
    "asks",
    default=None,
    help="From now on, ask raters three things about themselves, or not.",
)
@click.option("--apply", "apply_now", is_flag=True, help="Apply the campaign's rule now, or quality/1.")
@json_option
@click.pass_obj
def quality(
    context: Context,
    campaign: str,
    checks: float | None,
    rule: str | None,
    asks: bool | None,
    apply_now: bool,
    as_json: bool,
) -> None:
    """Print how good the votes of CAMPAIGN are: answers given twice, known answers, haste, sides.

    A rule excludes all ordinary votes of the raters who fail it, under its name; votes are never weighted.
    What raters tell about themselves, where they are asked, is told as counts that hide the few.

    \b
    Examples:
      arena quality open
      arena quality open --json
      arena quality open --checks 0.1 --rule quality/1
      arena quality open --apply
      arena quality open --about
    """
    from arena.queries.finding import find_campaign
    from arena.services.about_voters import about_counts, set_asking
    from arena.services.quality import DEFAULT_RULE, apply_rule, set_checks, set_rule
    from arena.services.quality_figures import as_json as told
    from arena.services.quality_figures import measure

    now = datetime.now(UTC)
    if any(each is not None for each in (checks, rule, asks)) or apply_now:
        with context.database.write.begin() as session:
            found = find_campaign(session, campaign)
            if checks is not None:
                set_checks(session, found, checks, now=now, actor="operator")
            if rule is not None:
                set_rule(session, found, None if rule == NONE else rule, now=now, actor="operator")
            if asks is not None:
                set_asking(session, found, asks, now=now, actor="operator")
            if apply_now:
                name = found.quality_rule or DEFAULT_RULE
                raters, votes = apply_rule(session, found, name, by="operator", now=now)
                click.echo(f"{name}: {votes} votes of {raters} raters newly excluded.", err=True)
    with context.database.read() as session:
        found = find_campaign(session, campaign)
        figures, about = measure(session, found, now=now), about_counts(session, found)
    if as_json:
        say_json({**told(figures), "about": about})
        return
    for line in (*_lines(figures), *_about_lines(about)):
        click.echo(line)


def _lines(figures: Quality) -> list[str]:
    ceilings, judged = figures.ceilings, figures.judged
    lines = [f"checks       {figures.checks:.1%} of battles"]
    for raters in (figures.everybody, *figures.cohorts):
        lines += [f"{raters.cohort or 'everybody'}: {raters.raters} raters, {raters.votes} votes"]
        lines += _of(raters)
    if ceilings.lower is not None and ceilings.upper is not None:
        lines.append(f"best predictor by answers given twice: {ceilings.lower:.1%} to {ceilings.upper:.1%}")
    if ceilings.others is not None and ceilings.best is not None:
        lines.append(f"best predictor by other raters: {ceilings.others:.1%} to {ceilings.best:.1%}")
    state = "applied by the worker" if judged.applied else "not applied"
    lines.append(f"{judged.rule} ({state}): {judged.raters} raters fail, with {judged.votes} votes")
    return lines


def _about_lines(about: Mapping[str, Mapping[str, int | None]]) -> list[str]:
    return [
        f"{question}: " + ", ".join(f"{answer} {'few' if n is None else n}" for answer, n in counts.items())
        for question, counts in about.items()
        if any(n != 0 for n in counts.values())
    ]


def _of(raters: Raters) -> list[str]:
    rows = (
        ("repeated", raters.repeated, "said the same again"),
        ("mirrored", raters.mirrored, "said the same with sides changed"),
        ("known", raters.known, "known answers given"),
        ("too fast", raters.fast, "of the answers with a stopwatch"),
        ("left", raters.left, "of the answers for either side"),
    )
    lines = [f"  {name:10} {_share(rate)}  {meaning}" for name, rate, meaning in rows]
    return [*lines, f"  {raters.sided} of {raters.tested} raters keep to one side"]


def _share(rate: Rate) -> str:
    if rate.share is None or rate.low is None or rate.high is None:
        return f"{'-':>6}  (of 0)"
    return f"{rate.share:6.1%}  ({rate.low:.1%} to {rate.high:.1%}, of {rate.among})"
