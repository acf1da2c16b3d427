"""`arena export`: everything as files that verify themselves, or votes in a format of others."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from analysis.outcomes import Outcome
from arena.cli.context import Context, json_option, say_json
from arena.db import told_plainly
from arena.domain.formats import FORMATS, VERNISSAGE
from arena.domain.quality import TOO_FAST_MS
from arena.errors import Invalid

if TYPE_CHECKING:
    from arena.services.formats.exporting import FormatReport
    from arena.services.formats.filters import Filters
    from arena.services.publishing import ExportReport

A_SHORT_WHILE = 1000
"""Votes sealed in one transaction: others wait for it, and are let through after each."""

_BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} votes and pictures, {remaining} left"
_DAY = click.DateTime(["%Y-%m-%d"])


def _filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that pick votes."""
    for option in reversed(
        (
            click.option("--campaign", help="One campaign alone; all of them if not given."),
            click.option("--criterion", help="One question; formats that cannot tell questions apart take"
                         " each campaign's first one."),
            click.option("--since", type=_DAY, help="First day, UTC."),
            click.option("--until", type=_DAY, help="Last day, UTC."),
            click.option("--entrant", "entrants", multiple=True,
                         help="Both sides of a vote must be named; give it at least twice."),
            click.option("--category", help="One category of prompts."),
            click.option("--verdict", "verdicts", multiple=True,
                         type=click.Choice([outcome.value for outcome in Outcome]),
                         help="Give it again for more."),
            click.option("--min-agreement", type=click.FloatRange(0, 1, min_open=True),
                         help="Least share of the commonest answer on the same two pictures."),
            click.option("--reliable", is_flag=True,
                         help=f"Leave out votes answered within {TOO_FAST_MS} ms, and raters of whom a rule"
                         " has excluded a vote."),
            click.option("--min-rater-votes", type=click.IntRange(1),
                         help="Leave out raters with fewer votes."),
            click.option("--min-pass-rate", type=click.FloatRange(0, 1, min_open=True),
                         help="Leave out raters who gave a smaller share of the known answers."),
            click.option("--split", metavar="NAME=SHARE,...",
                         help="Parts that share no prompt: train=0.9,validation=0.05,test=0.05."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


@click.command(epilog="\b\nFormats:\n" + "\n".join(f"  {name:<20} {what}" for name, what in FORMATS.items()))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default=VERNISSAGE,
    show_default=True,
    metavar="FORMAT",
)
@_filter_options
@click.option("--seed", type=int, default=0, show_default=True, help="Of the split.")
@click.option(
    "--shard-mb",
    type=click.IntRange(1),
    default=512,
    show_default=True,
    help="Formats of several files begin another after so many megabytes of pictures.",
)
@json_option
@click.pass_obj
def export(
    context: Context, /, folder: Path, form: str, shard_mb: int, as_json: bool, **options: Any
) -> None:
    """Write votes, pictures, ratings and the chain of seals into FOLDER, or votes in a format of others.

    Raters appear under pseudonyms of this export alone, votes with their day alone. An earlier export in
    FOLDER is replaced; a folder that holds anything else is left as it is. Only ordinary battles count in the
    formats of others; every vote that is not in them is counted by reason. Stopped half way, the same command
    goes on where it stopped.

    \b
    Examples:
      arena export votes-2026-11
      arena export pairs --format dpo --campaign demo --split train=0.9,validation=0.05,test=0.05
      arena export agreed --format kohya --min-agreement 0.8 --json
    """
    asked = _filters(options)
    if form == VERNISSAGE and asked.told().keys() - {"campaign"}:
        raise Invalid(
            "the arena's own format is whole and takes --campaign alone; name another with --format"
        )
    with progress(as_json) as show, told_plainly():
        report = _publish(context, folder, asked, show) if form == VERNISSAGE else _export_as(
            context, form, folder, asked, shard_mb << 20, show
        )  # fmt: skip
    if as_json:
        say_json(report.as_dict())
        return
    for line in report.lines():
        click.echo(line)


def _filters(options: dict[str, Any]) -> Filters:
    from arena.domain.splits import Split
    from arena.services.formats.filters import Filters

    asked = {name: value for name, value in options.items() if name != "seed"}
    for name in ("since", "until"):
        asked[name] = asked[name].date() if asked[name] else None
    asked["verdicts"] = tuple(Outcome(word) for word in asked["verdicts"])
    asked["split"] = Split.parse(asked["split"], options["seed"]) if asked["split"] else None
    found = Filters(**asked)
    found.check()
    return found


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar that is told how much is done, and how much there is."""
    with tqdm(unit="row", bar_format=_BAR, mininterval=0.5, disable=quiet) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def _publish(
    context: Context, folder: Path, asked: Filters, show: Callable[[int, int], None]
) -> ExportReport:
    from arena.services.publishing import export as publish

    with context.database.read() as session:
        return publish(
            session,
            folder=folder,
            images=context.images,
            secret_key=context.settings.secret,
            now=datetime.now(UTC),
            campaign=asked.campaign,
            seal=lambda: bring_up_to_date(context),
            progress=show,
        )


def _export_as(
    context: Context,
    form: str,
    folder: Path,
    asked: Filters,
    shard_bytes: int,
    show: Callable[[int, int], None],
) -> FormatReport:
    from arena.services.formats.exporting import export_as

    with context.database.read() as session:
        return export_as(
            session,
            form,
            folder=folder,
            images=context.images,
            asked=asked,
            now=datetime.now(UTC),
            rng=random.SystemRandom(),
            shard_bytes=shard_bytes,
            progress=show,
        )


def bring_up_to_date(context: Context) -> int:
    """Seal what is pending; once all is sealed, fit the boards that lag."""
    from arena.services.sealing import seal_pending
    from arena.services.standings import refresh

    with told_plainly(), context.database.write.begin() as session:
        sealed = seal_pending(session, now=datetime.now(UTC), limit=A_SHORT_WHILE)
    if not sealed:
        refresh(context.database, now=datetime.now(UTC))
    return sealed
