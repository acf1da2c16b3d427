"""`arena prompts`: what is painted, and what it is called."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from arena.cli.context import Context, json_option, say_json
from arena.queries.finding import find_campaign

if TYPE_CHECKING:
    from arena.services.prompt_sets import Report
    from arena.services.tagging import Change

MOST_TOLD = 20
campaign_option = click.option("--campaign", help="Which campaign; the only one with votes if not given.")
new_option = click.option("--new", is_flag=True, help="Categories that no prompt has yet may be introduced.")
file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group()
def prompts() -> None:
    """List a campaign's prompts, add new ones, and say which categories they have.

    \b
    Examples:
      arena prompts list --campaign demo
      arena prompts add "a red vase on a marble table" --category still-life
      arena prompts import PartiPrompts.tsv --campaign open --dry-run
      arena prompts categories
      arena prompts tag 12 portrait painting
    """


@prompts.command("list")
@campaign_option
@click.option("--category", help="Only prompts of this category; uncategorised for those without.")
@json_option
@click.pass_obj
def list_prompts(context: Context, campaign: str | None, category: str | None, as_json: bool) -> None:
    """Print the prompts of a campaign with their numbers and categories, in its order.

    \b
    Examples:
      arena prompts list --json
      arena prompts list --campaign demo --category landscape
    """
    from arena.queries.prompt_tags import tagged_prompts

    with context.database.read() as session:
        rows = tagged_prompts(session, find_campaign(session, campaign).id, category=category or "")
    if as_json:
        say_json([row.as_dict() for row in rows])
        return
    for row in rows:
        click.echo(f"{row.number:>6}  {' '.join(row.categories) or '-':32}  {row.text}")


@prompts.command("categories")
@campaign_option
@json_option
@click.pass_obj
def categories(context: Context, campaign: str | None, as_json: bool) -> None:
    """Print every category with its meaning, and how many prompts of a campaign have it.

    \b
    Examples:
      arena prompts categories
      arena prompts categories --campaign demo --json
    """
    from arena.queries.prompt_tags import category_counts

    with context.database.read() as session:
        rows = category_counts(session, find_campaign(session, campaign).id)
    if as_json:
        say_json([row.as_dict() for row in rows])
        return
    for row in rows:
        click.echo(f"{row.slug:16} {row.prompts:>7,}  {row.meaning}")


@prompts.command("add")
@click.argument("texts", nargs=-1, required=True, metavar="PROMPT...")
@click.option("--category", "slugs", multiple=True, help="May be given several times; else the rules decide.")
@click.option("--language", default="en", show_default=True)
@campaign_option
@new_option
@click.pass_obj
def add(
    context: Context,
    texts: tuple[str, ...],
    slugs: tuple[str, ...],
    language: str,
    campaign: str | None,
    new: bool,
) -> None:
    """Add prompts to a campaign and ask for their pictures.

    \b
    Examples:
      arena prompts add "a brass bell on slate" --category still-life --campaign open
    """
    from arena.domain.categories import check_categories
    from arena.queries.prompts import categories as in_use
    from arena.services.curation import NewPrompt, add_prompts
    from arena.services.generation import enqueue
    from arena.tables import TaggedBy

    now = datetime.now(UTC)
    with context.database.write.begin() as session:
        told = check_categories(slugs, known=in_use(session), new=new)
        found = find_campaign(session, campaign)
        rows = [NewPrompt(text=text, categories=told, language=language) for text in texts]
        added = add_prompts(session, found, rows, now=now, tagged_by=TaggedBy.OPERATOR)
        asked = enqueue(session, found, now=now)
    click.echo(f"{added} new prompts in {found.slug}; {asked} pictures are asked for.")


@prompts.command("import")
@file_argument
@campaign_option
@click.option(
    "--origin", default="", help="Name of the set [PartiPrompts or GenEval if it is; the file's name]."
)
@click.option("--licence", default="", help="Licence of all prompts [the file's column].")
@click.option("--language", default="", help="Language tag of all prompts [the file's column, else en].")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--skip-unfit", is_flag=True, help="Leave out what is no image prompt by the rules.")
@click.option("--allow-personal", is_flag=True, help="Take in prompts that seem to hold personal data.")
@new_option
@json_option
@click.pass_obj
def import_prompts(
    context: Context,
    file: Path,
    campaign: str | None,
    origin: str,
    licence: str,
    language: str,
    dry_run: bool,
    skip_unfit: bool,
    allow_personal: bool,
    new: bool,
    as_json: bool,
) -> None:
    """Add the prompts of a CSV, TSV, JSONL or TXT file, and ask for their pictures.

    Columns: prompt, categories (or category), language, licence, origin (or source); or those of PartiPrompts
    or GenEval. All rows are taken in, or none, and the one that cannot be is named. What is new, known,
    nearly the same or doubtful is told before anything is kept.

    \b
    Examples:
      arena prompts import prompts.csv --campaign open --dry-run
      arena prompts import PartiPrompts.tsv --licence Apache-2.0
      arena prompts import evaluation_metadata.jsonl --skip-unfit --json
    """
    from arena.queries.prompts import categories as in_use
    from arena.services.generation import enqueue
    from arena.services.prompt_files import Defaults, read_prompt_file
    from arena.services.prompt_sets import look_through, refuse_personal, take_in

    with context.database.read() as session:
        found = find_campaign(session, campaign)
        told = read_prompt_file(file, Defaults(origin, licence, language, tuple(in_use(session)), new))
        report = look_through(session, found, told)
    if not as_json:
        _say_report(report)
    elif dry_run or (report.personal and not allow_personal):
        say_json({"campaign": found.slug, "added": 0, "pictures_asked": 0, **report.as_dict()})
    if dry_run:
        return
    refuse_personal(report, allowed=allow_personal)
    now = datetime.now(UTC)
    with context.database.write.begin() as session:
        added = take_in(
            session, found, told, report, now=now, skip_unfit=skip_unfit, allow_personal=allow_personal
        )
        asked = enqueue(session, found, now=now)
    if as_json:
        say_json({"campaign": found.slug, "added": added, "pictures_asked": asked, **report.as_dict()})
    else:
        click.echo(f"{added} new prompts in {found.slug}; {asked} pictures are asked for.")


@prompts.command("tag")
@click.argument("prompt", required=False, metavar="[PROMPT]")
@click.argument("slugs", nargs=-1, metavar="[CATEGORY]...")
@click.option("--none", is_flag=True, help="The prompt has no category.")
@click.option("--rules", is_flag=True, help="Run the rules over every prompt that no person tagged.")
@click.option("--campaign", help="With --rules: only this campaign's prompts [every prompt].")
@click.option("--dry-run", is_flag=True, help="With --rules: only say what would change.")
@new_option
@json_option
@click.pass_obj
def tag_prompts(
    context: Context,
    prompt: str | None,
    slugs: tuple[str, ...],
    none: bool,
    rules: bool,
    campaign: str | None,
    dry_run: bool,
    new: bool,
    as_json: bool,
) -> None:
    """Say which categories a PROMPT has (its number, or the beginning of its digest), or let the rules.

    The most telling comes first. The votes on the prompt count under its new categories at once. What a
    person said, here or in an imported file, is never changed by the rules.

    \b
    Examples:
      arena prompts tag 12 portrait painting
      arena prompts tag 3fa2c1 posters --new
      arena prompts tag --rules --dry-run
    """
    if rules == (prompt is not None):
        raise click.UsageError("Name a prompt and its categories, or say --rules.")
    if rules:
        _tag_by_rules(context, campaign, dry_run=dry_run, as_json=as_json)
        return
    if bool(slugs) == none:
        raise click.UsageError("Name at least one category, or say --none.")
    from arena.services.tagging import find_prompt, set_categories
    from arena.tables import TaggedBy

    with context.database.write.begin() as session:
        found = find_prompt(session, prompt or "")
        before = list(found.categories)
        changed = set_categories(session, found, slugs, by=TaggedBy.OPERATOR, now=datetime.now(UTC), new=new)
    if as_json:
        told = {"prompt": found.id, "before": before, "categories": found.categories}
        say_json({**told, "changed": changed is not None})
        return
    click.echo(f"Prompt {found.id}: {' '.join(before) or '-'} -> {' '.join(found.categories) or '-'}")


@prompts.command("accuracy")
@file_argument
@json_option
def accuracy(file: Path, as_json: bool) -> None:
    """Compare the rules with prompts that people labelled: a CSV with part, is_prompt, categories and prompt.

    \b
    Examples:
      arena prompts accuracy tests/rules/data/labelled_prompts.csv
    """
    from arena.services.tag_accuracy import accuracy as measure

    told = measure(file)
    if as_json:
        say_json([part.as_dict() for part in told])
        return
    for part in told:
        click.echo(
            f"{part.part}: {part.exact} of {part.prompts} prompts exactly right, F1 {part.every.f1}; "
            f"filter precision {part.filtered.precision}, recall {part.filtered.recall}"
        )
        for slug, agreement in part.categories:
            click.echo(
                f"  {slug:14} precision {agreement.precision}  recall {agreement.recall}  F1 {agreement.f1}"
            )


def _tag_by_rules(context: Context, campaign: str | None, *, dry_run: bool, as_json: bool) -> None:
    from arena.services.tagging import retag, rule_changes

    with context.database.read() as session:
        found = find_campaign(session, campaign) if campaign else None
        changes = rule_changes(session, campaign_id=found.id if found else None)
    done = 0
    if changes and not dry_run:
        subject = found.slug if found else "all"
        with context.database.write.begin() as session:
            done = retag(session, changes, now=datetime.now(UTC), subject=subject)
    if as_json:
        say_json({"dry_run": dry_run, "changed": done, "changes": [change.as_dict() for change in changes]})
        return
    _say_changes(changes)
    told = "would change" if dry_run else "changed"
    click.echo(f"{len(changes) if dry_run else done} prompts {told}.")


def _say_changes(changes: Sequence[Change]) -> None:
    for change in changes[:MOST_TOLD]:
        before, after = (" ".join(slugs) or "-" for slugs in (change.before, change.after))
        click.echo(f"{change.prompt_id:>6}  {before} -> {after}  {change.text}")
    if len(changes) > MOST_TOLD:
        click.echo(f"        and {len(changes) - MOST_TOLD} more; --json has all of them")


def _say_report(report: Report) -> None:
    click.echo(
        f"{report.file}: {report.prompts} prompts of {', '.join(report.origins)}; {report.new} new, "
        f"{report.known} known already, {report.repeated} repeated"
    )
    for slug, count in report.categories.items():
        click.echo(f"  {slug:16} {count:>7,}")
    near = [
        f"line {one.line} says nearly what "
        + (f"line {one.other_line}" if one.other_line else f"prompt {one.other_prompt}")
        + f" says ({one.likeness:.0%})"
        for one in report.near
    ]
    unfit = [f"line {doubt.line} {doubt.told}" for doubt in report.unfit]
    personal = [f"line {finding.line} seems to hold: {finding.kind}" for finding in report.personal]
    for warnings in (near, unfit, personal):
        for warning in warnings[:MOST_TOLD]:
            click.echo(f"warning: {warning}", err=True)
        if len(warnings) > MOST_TOLD:
            click.echo(f"warning: and {len(warnings) - MOST_TOLD} more like it; --json has them", err=True)
