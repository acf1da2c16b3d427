"""`arena verify-image`: where does a picture come from?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from arena.cli.context import Context, json_option, say_json
from arena.errors import ArenaError, SettingsError

if TYPE_CHECKING:
    from arena.services.recognising import Verdict

EXIT_CODES = {"trusted": 0, "invalid": 1, "valid": 3, "unknown": 4}


@click.command("verify-image")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--trust",
    "trusted",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Also trust the authority in this PEM file; give it again for more.",
)
@click.option("--search/--no-search", default=True, help="Also look for the picture in the arena here.")
@json_option
@click.pass_obj
def verify_image(
    context: Context, file: Path, trusted: tuple[Path, ...], search: bool, as_json: bool
) -> None:
    """Say whether FILE carries content credentials that hold, and which picture of the arena it is.

    Trusted, by which list; valid, but signed by somebody unknown; invalid, with the check that failed; or
    unknown, without credentials. Unless it is trusted, a copy that was stripped, saved anew or scaled is
    found by what it looks like.

    The exit code is 0 for trusted, 1 for invalid, 3 for valid, 4 for unknown, and 2 if FILE cannot be read.

    \b
    Examples:
      arena verify-image kiln-481139.png
      arena verify-image found.jpg --trust their-authority.crt --json
    """
    from arena.services.recognising import told

    verdict, note = _judge(context, file.read_bytes(), trusted, search=search)
    if as_json:
        say_json({"file": str(file), **verdict.as_dict()})
    else:
        for line in told(verdict):
            click.echo(line)
        if note:
            click.echo(note, err=True)
    raise SystemExit(EXIT_CODES[verdict.reading.state.value])


def _judge(context: Context, data: bytes, trusted: tuple[Path, ...], *, search: bool) -> tuple[Verdict, str]:
    """The verdict; and why no picture was compared, if there is no arena here to look in."""
    from arena.media.credentials import available
    from arena.services.provenance import trust_lists
    from arena.services.recognising import FILE, Fingerprints, Verdict, credentials_of, judge

    if not available():
        raise SettingsError("content credentials need `pip install 'vernissage-arena[provenance]'`")
    settings = context.settings
    lists = trust_lists(settings) | {path.name: path.read_text() for path in trusted}
    if not search:
        return Verdict(credentials_of(data, lists), (), 0), ""
    try:
        database = context.database
    except ArenaError as error:
        return Verdict(credentials_of(data, lists), (), 0), f"No picture here was compared: {error}"
    with database.read() as session:
        return judge(session, data, lists=lists, known=Fingerprints(settings.home / FILE, context.images)), ""
