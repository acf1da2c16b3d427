"""`arena paint`: pictures without a database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from arena.cli.context import Context, json_option, say_json
from arena.domain.prompts import clean_prompt
from arena.errors import SettingsError


@click.command()
@click.argument("entrant")
@click.argument("prompts", nargs=-1, required=True, metavar="PROMPT...")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the PNGs.")
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of every picture."
)
@json_option
@click.pass_obj
def paint(
    context: Context, entrant: str, prompts: tuple[str, ...], out: Path, seed: int, as_json: bool
) -> None:
    """Paint prompts to PNG files; needs no data folder and no database.

    A prompt that the entrant refuses makes no file; the reason is printed, and the exit code is 1.

    \b
    Examples:
      arena paint lumen-1 "a red glass vase on a marble table" --out pictures
      arena paint lumen-1-turbo "a gold ring" "a blue mug" --out pictures --seed 7 --json
    """
    from arena.services.painting_files import paint_files

    cleaned = [clean_prompt(prompt) for prompt in prompts]
    try:
        answers = paint_files(context.studio, entrant, cleaned, seed=seed, folder=out)
    except OSError as error:
        raise SettingsError(f"the pictures cannot be written to {out}: {error.strerror}") from error
    if as_json:
        say_json(answers)
    else:
        for answer in answers:
            click.echo(_line(answer))
    if any(answer["refused"] for answer in answers):
        raise SystemExit(1)


def _line(answer: dict[str, Any]) -> str:
    """What became of one prompt."""
    if answer["file"] is None:
        return f"refused: {answer['prompt']!r}: {answer['refused']}"
    unknown = answer["notes"].get("unknown_words")
    return f"{answer['file']} (it did not know: {', '.join(unknown)})" if unknown else str(answer["file"])
