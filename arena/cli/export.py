"""`arena export`: everything as files that verify themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from tqdm import tqdm

from arena.cli.context import Context, json_option, say_json
from arena.db import told_plainly

A_SHORT_WHILE = 1000
"""Votes sealed in one transaction: others wait for it, and are let through after each."""

_BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} votes and pictures, {remaining} left"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--campaign", help="One campaign alone; all of them if not given.")
@json_option
@click.pass_obj
def export(context: Context, folder: Path, campaign: str | None, as_json: bool) -> None:
    """Write votes, pictures, ratings and the chain of seals into FOLDER.

    Raters appear under pseudonyms of this export alone, votes with their day alone. An earlier export in
    FOLDER is replaced; a folder that holds anything else is left as it is.

    \b
    Examples:
      arena export votes-2026-11
      arena export demo-votes --campaign demo --json
    """
    from arena.services.publishing import export as publish

    with tqdm(unit="row", bar_format=_BAR, mininterval=0.5, disable=as_json) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        with told_plainly(), context.database.read() as session:
            report = publish(
                session,
                folder=folder,
                images=context.images,
                secret_key=context.settings.secret,
                now=datetime.now(UTC),
                campaign=campaign,
                seal=lambda: _bring_up_to_date(context),
                progress=show,
            )
    if as_json:
        say_json(report.as_dict())
        return
    click.echo(
        f"{report.votes:,} votes, {report.pictures:,} pictures, {report.boards} boards, "
        f"{report.seals} seals: {report.files} files, {report.bytes / 1e6:.1f} MB in {report.folder}"
    )
    for why, n in {**report.dropped, **report.pictures_left_out}.items():
        click.echo(f"Left out: {n:,} {why}")
    for warning in report.warnings:
        click.echo(f"Note: {warning}")
    click.echo(f"Check it with `arena verify {report.folder}`.")


def _bring_up_to_date(context: Context) -> int:
    """Seal what is pending; once all is sealed, fit the boards that lag."""
    from arena.services.sealing import seal_pending
    from arena.services.standings import refresh

    with told_plainly(), context.database.write.begin() as session:
        sealed = seal_pending(session, now=datetime.now(UTC), limit=A_SHORT_WHILE)
    if not sealed:
        refresh(context.database, now=datetime.now(UTC))
    return sealed
