"""`arena moderation`: what is declined, and how well the checkers tell."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from arena.cli.context import Context, json_option, say_json

if TYPE_CHECKING:
    from arena.domain.moderation import Verdict


@click.group()
def moderation() -> None:
    """Try the checkers of prompts and pictures; open a campaign to raters' own prompts.

    \b
    Lists of your own and other checkers go into moderation.toml in the data folder.

    \b
    Examples:
      arena moderation check "a bowl of plums"
      arena moderation check --suite
      arena moderation pictures portrait.png
      arena moderation own-prompts demo --off
    """


@moderation.command()
@click.argument("prompts", nargs=-1)
@click.option("--language", default="en", show_default=True, help="What the prompts are written in.")
@click.option("--suite", is_flag=True, help="Check the suite that ships, and print how often each is wrong.")
@json_option
@click.pass_obj
def check(context: Context, prompts: tuple[str, ...], language: str, suite: bool, as_json: bool) -> None:
    """Ask every checker about prompts; nothing is kept.

    \b
    Examples:
      arena moderation check "a murder of crows" "un arbre nu" --language fr
      arena moderation check --suite --json
    """
    from arena.services.guardrails import read_guardrails
    from arena.services.moderation import moderator_of

    if suite == bool(prompts):
        raise click.UsageError("give prompts, or --suite")
    moderator = moderator_of(read_guardrails(context.settings.home))
    if suite:
        from arena.services.suite import read_suite, run_suite

        rates = run_suite(moderator, read_suite())
        if as_json:
            say_json([one.as_dict() for one in rates])
            return
        for one in rates:
            click.echo(
                f"{one.checker:16} false refusals {one.false_refusals:6.1%} ({one.declined} declined and "
                f"{one.held} held of {one.harmless})  misses {one.misses:6.1%} ({one.passed} of {one.unsafe})"
            )
        return
    _tell([(prompt, moderator.check(prompt, language)) for prompt in prompts], as_json=as_json)


@moderation.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@json_option
@click.pass_obj
def pictures(context: Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Ask every checker of pictures about files; nothing is kept.

    \b
    Examples:
      arena moderation pictures portrait.png --json
    """
    from PIL import Image, UnidentifiedImageError

    from arena.errors import Invalid
    from arena.services.guardrails import read_guardrails
    from arena.services.moderation import guard_of

    guard = guard_of(read_guardrails(context.settings.home))
    if guard is None:
        raise Invalid(
            f'no checker of pictures is set up; write [[checker]] kind = "open-nsfw" into '
            f"{context.settings.home / 'moderation.toml'}"
        )
    read = []
    for file in files:
        try:
            with Image.open(file) as opened:
                read.append(opened.convert("RGB"))
        except (UnidentifiedImageError, OSError) as error:
            raise Invalid(f"{file} cannot be read as a picture") from error
    _tell(list(zip(map(str, files), guard.check(read), strict=True)), as_json=as_json)


@moderation.command("own-prompts")
@click.argument("campaign")
@click.option(
    "--on/--off", "taken", required=True, help="Whether its raters may have their own words painted."
)
@click.pass_obj
def own_prompts(context: Context, campaign: str, taken: bool) -> None:
    """Open a campaign to raters' own prompts, or close it to them.

    \b
    Examples:
      arena moderation own-prompts spring --on
    """
    from arena.queries.finding import find_campaign
    from arena.services.reviewing import set_own_prompts

    with context.database.write.begin() as session:
        found = find_campaign(session, campaign)
        changed = set_own_prompts(session, found, taken=taken, actor="operator", now=datetime.now(UTC))
    state = "takes raters' own prompts" if taken else "takes no prompts of raters"
    click.echo(f"{campaign} {state}{' now' if changed else ' already'}.")


def _tell(told: list[tuple[str, tuple[Verdict, ...]]], *, as_json: bool) -> None:
    from arena.domain.moderation import strictest

    if as_json:
        say_json(
            [
                {
                    "subject": subject,
                    "decision": strictest(said).value,
                    "verdicts": [
                        {
                            "checker": one.checker,
                            "version": one.version,
                            "decision": one.decision.value,
                            "categories": list(one.categories),
                            "reason": one.reason,
                        }
                        for one in said
                    ],
                }
                for subject, said in told
            ]
        )
        return
    for subject, said in told:
        why = "; ".join(
            f"{one.checker}: {one.decision.value} {', '.join(one.categories) or one.reason}".strip()
            for one in said
            if one.decision != "allow"
        )
        click.echo(f"{strictest(said).value:7} {subject}{'  ' + why if why else ''}")
