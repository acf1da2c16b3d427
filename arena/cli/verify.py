"""`arena verify`: is an export what it says?"""

from __future__ import annotations

from pathlib import Path

import click

from arena.cli.context import Context, json_option, say_json


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--head", metavar="HEX", help="A head of the chain that was published elsewhere.")
@json_option
@click.pass_obj
def verify(_context: Context, folder: Path, head: str | None, as_json: bool) -> None:
    """Check an export from its files alone: hashes, votes, the chain of seals, and the ratings.

    Needs no data folder and no database. What does not match is said in a line with its file and row; the
    exit code is then 1, and 2 if FOLDER holds no export.

    \b
    Examples:
      arena verify votes-2026-11
      arena verify votes-2026-11 --json
    """
    from arena.services.verifying import verify as check

    report = check(folder, head=head)
    if as_json:
        say_json(report.as_dict())
    else:
        for told in report.checked:
            click.echo(f"ok   {told}")
        for problem in report.problems:
            click.echo(f"BAD  {problem}")
    if not report.matches:
        raise SystemExit(1)
