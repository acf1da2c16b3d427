"""`arena doctor`: is everything in order?"""

from __future__ import annotations

import random
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from arena.cli.context import Context, json_option, say_json

if TYPE_CHECKING:
    from arena.services.regenerating import Repainted


@click.command()
@click.option(
    "--regenerate",
    type=click.IntRange(1),
    metavar="N",
    help="Instead, paint N pictures drawn at random again, and compare them with those that are kept.",
)
@json_option
@click.pass_obj
def doctor(context: Context, regenerate: int | None, as_json: bool) -> None:
    """Check disk, pictures, jobs, votes, seals and entrants; the exit code is 1 if one is not well.

    With --regenerate it is 1 if a picture came out otherwise: not with the same pixels, nor within what the
    engines may differ.

    \b
    Examples:
      arena doctor
      arena doctor --json
      arena doctor --regenerate 20
    """
    if regenerate:
        _regenerate(context, regenerate, as_json=as_json)
        return
    from arena.services.checking import check_all

    findings = check_all(context.settings, context.database, context.images, context.catalog)
    if as_json:
        say_json([{"check": f.check, "well": f.well, "told": f.told} for f in findings])
    else:
        for finding in findings:
            click.echo(f"{'ok ' if finding.well else 'BAD'}  {finding.check:10} {finding.told}")
    if not all(finding.well for finding in findings):
        raise SystemExit(1)


def _regenerate(context: Context, n: int, *, as_json: bool) -> None:
    from arena.services.regenerating import draw, repaint

    with context.database.read() as session:
        samples = draw(session, n, rng=random.SystemRandom())
    results = []
    if not as_json:
        click.echo(f"{'':6} {'entrant':34} {'prompt':>6} {'seed':>10} {'dB':>6} {'limit':>5} {'levels':>6}")
    for each in repaint(context.studio, context.images, samples):
        results.append(each)
        if not as_json:
            click.echo(_line(each))
    if as_json:
        say_json([asdict(each) for each in results])
    else:
        same, equal = (sum(getattr(each, name) for each in results) for name in ("same", "equal"))
        click.echo(f"{same} of {len(results)} came out the same, {equal} of them to the last pixel.")
    if not all(each.same for each in results):
        raise SystemExit(1)


def _line(each: Repainted) -> str:
    sample = each.sample
    head = f"{'ok' if each.same else 'OTHER':6} {sample.entrant:34} {sample.prompt:>6} {sample.seed:>10}"
    if each.why:
        return f"{head} {each.why}"
    likeness = "equal" if each.psnr is None else f"{each.psnr:.1f}"
    return f"{head} {likeness:>6} {each.limit:>5.0f} {each.levels:>6}"
