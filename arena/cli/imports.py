"""`arena import`: the votes of another arena."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Never

import click
from tqdm import tqdm

from analysis.outcomes import Outcome
from arena.cli.context import Context, json_option, say_json
from arena.cli.leaderboard import print_board

_BAR = "{desc:8} {percentage:3.0f}%|{bar}| {remaining} left"


class _Meaning(click.ParamType[tuple[str, Outcome]]):
    """A word of a file, and the outcome that it means."""

    name = "WORD=OUTCOME"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Outcome]:
        word, _, outcome = value.rpartition("=")
        if not word or outcome not in set(Outcome):
            self.fail(f"{value!r} is not WORD=OUTCOME, the outcome one of {', '.join(Outcome)}", param, ctx)
        return word, Outcome(outcome)


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "form", required=True, metavar="FORMAT",
              help="vernissage, pickapic, genai-bench, clean-battle, lmarena-55k, lmarena-140k, rapidata,"
              " imgsys, csv or jsonl.")  # fmt: skip
@click.option("--campaign", help="What to call their campaign [the file's name].")
@click.option("--of", help="Which campaign of the file, if it holds several.")
@click.option(
    "--outcome",
    "outcomes",
    type=_Meaning(),
    multiple=True,
    help="What a word of the file means, where its format does not say: 1=left.",
)
@click.option("--without-pictures", is_flag=True, help="Take the votes alone.")
@click.option("--new", is_flag=True, help="Categories that no prompt has yet may be introduced.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_option
@click.pass_obj
def import_command(
    context: Context,
    file: Path,
    form: str,
    campaign: str | None,
    of: str | None,
    outcomes: tuple[tuple[str, Outcome], ...],
    without_pictures: bool,
    new: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring the votes of another arena here, into a campaign of their own, and print its board.

    FILE is a file of votes or a folder of them. All of it is looked through first: a row that cannot be read
    is named and nothing is imported. What was imported before is left as it is. Nothing is dealt in such a
    campaign, its entrants paint nothing here, and its votes are sealed, filtered and exported like any.

    \b
    Examples:
      arena import votes-2026-11 --format vernissage --campaign theirs
      arena import clean_battle.json --format clean-battle --dry-run
      arena import imgsys.parquet --format imgsys --outcome 1=left --outcome 0=right
    """
    from arena.queries.boards import board
    from arena.services.importing.importing import import_votes
    from arena.services.standings import refresh

    now = datetime.now(UTC)
    with _progress(as_json) as progress:
        report = import_votes(
            context.database,
            context.images,
            file,
            form,
            now=now,
            campaign=campaign,
            of=of,
            outcomes=dict(outcomes),
            pictures=not without_pictures,
            new_categories=new,
            dry_run=dry_run,
            progress=progress,
        )
    shown = None
    if not dry_run:
        refresh(context.database, now=now)
        with context.database.read() as session:
            shown = board(session, campaign=report.campaign)
    if as_json:
        say_json({**report.as_dict(), "board": shown.as_dict() if shown else None})
        return
    for line in report.lines():
        click.echo(line)
    if shown:
        click.echo()
        print_board(shown)


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str, float], None]]:
    """A bar for each thing that is done, with the time that is left of it."""
    bars: dict[str, tqdm[Never]] = {}

    def show(what: str, share: float) -> None:
        if what not in bars:
            for bar in bars.values():
                bar.close()
            bars[what] = tqdm(desc=what, total=1.0, bar_format=_BAR, mininterval=0.5, disable=quiet)
        bars[what].update(min(share, 1.0) - bars[what].n)

    try:
        yield show
    finally:
        for bar in bars.values():
            bar.close()
