"""`arena doctor`: is everything in order?"""

from __future__ import annotations

import click

from arena.cli.context import Context, json_option, say_json


@click.command()
@json_option
@click.pass_obj
def doctor(context: Context, as_json: bool) -> None:
    """Check disk, pictures, jobs, votes, seals and entrants; the exit code is 1 if one is not well.

    \b
    Examples:
      arena doctor
      arena doctor --json
    """
    from arena.services.checking import check_all

    findings = check_all(context.settings, context.database, context.images, context.catalog)
    if as_json:
        say_json([{"check": f.check, "well": f.well, "told": f.told} for f in findings])
    else:
        for finding in findings:
            click.echo(f"{'ok ' if finding.well else 'BAD'}  {finding.check:10} {finding.told}")
    if not all(finding.well for finding in findings):
        raise SystemExit(1)
