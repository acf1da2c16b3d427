"""`arena prompts`: what is painted."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import select

from arena.cli.context import Context, json_option, say_json
from arena.errors import InvalidPrompt
from arena.queries.boards import find_campaign
from arena.services.curation import NewPrompt, add_prompts
from arena.services.generation import enqueue
from arena.tables import CampaignPrompt, Prompt

campaign_option = click.option("--campaign", help="Which campaign; the only one with votes if not given.")


@click.group()
def prompts() -> None:
    """List a campaign's prompts, and add new ones.

    \b
    Examples:
      arena prompts list --campaign demo
      arena prompts add "a red vase on a marble table" --category still-life
      arena prompts import prompts.csv --campaign open
    """


@prompts.command("list")
@campaign_option
@json_option
@click.pass_obj
def list_prompts(context: Context, campaign: str | None, as_json: bool) -> None:
    """Print the prompts of a campaign, in its order.

    \b
    Examples:
      arena prompts list --json
    """
    with context.database.read() as session:
        found = find_campaign(session, campaign)
        rows = session.scalars(
            select(Prompt)
            .join(CampaignPrompt, CampaignPrompt.prompt_id == Prompt.id)
            .where(CampaignPrompt.campaign_id == found.id)
            .order_by(CampaignPrompt.position)
        ).all()
    if as_json:
        say_json([{"text": row.text, "categories": row.categories, "language": row.language} for row in rows])
        return
    for row in rows:
        click.echo(f"{" ".join(row.categories):24} {row.text}")


@prompts.command("add")
@click.argument("texts", nargs=-1, required=True, metavar="PROMPT...")
@click.option("--category", "categories", multiple=True, help="May be given several times.")
@campaign_option
@click.pass_obj
def add(context: Context, texts: tuple[str, ...], categories: tuple[str, ...], campaign: str | None) -> None:
    """Add prompts to a campaign and ask for their pictures.

    \b
    Examples:
      arena prompts add "a brass bell on slate" --category still-life --campaign open
    """
    _take_in(context, campaign, [NewPrompt(text=text, categories=categories) for text in texts])


@prompts.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@campaign_option
@click.pass_obj
def import_prompts(context: Context, file: Path, campaign: str | None) -> None:
    """Add the prompts of a CSV file with the columns prompt and, if you like, category and language.

    All rows are taken, or, if one cannot be, none; the row is named.

    \b
    Examples:
      arena prompts import prompts.csv --campaign open
    """
    _take_in(context, campaign, _read(file))


def _read(file: Path) -> list[NewPrompt]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            if "prompt" not in (reader.fieldnames or ()):
                found = ", ".join(reader.fieldnames or ()) or "nothing"
                raise InvalidPrompt(
                    "no_column", f"{file} has no column called prompt; its first line has {found}"
                )
            return [
                NewPrompt(
                    text=row["prompt"] or "",
                    categories=tuple((row.get("category") or "").split()),
                    language=row.get("language") or "en",
                    licence=row.get("licence") or "",
                )
                for row in reader
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidPrompt("not_csv", f"{file} is no CSV file in UTF-8: {error}") from error


def _take_in(context: Context, campaign: str | None, new: list[NewPrompt]) -> None:
    now = datetime.now(UTC)
    with context.database.write.begin() as session:
        found = find_campaign(session, campaign)
        added = add_prompts(session, found, new, now=now)
        asked = enqueue(session, found, now=now)
        slug = found.slug
    click.echo(f"{added} new prompts in {slug}; {asked} pictures are asked for.")
