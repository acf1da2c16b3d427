"""`arena provenance`: the authority that signs pictures."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from arena.cli.context import Context, json_option, say_json

_public_key = click.option(
    "--public-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file with the public half of the P-256 key that ARENA_SIGN_COMMAND signs with.",
)


@click.group()
def provenance() -> None:
    """Content credentials (C2PA): who signs the pictures that people download after the reveal.

    \b
    Examples:
      arena provenance show
      arena provenance rotate
    """


@provenance.command()
@_public_key
@click.option("--anew", is_flag=True, help="Another authority even so; the one before stays trusted.")
@click.pass_obj
def init(context: Context, public_key: Path | None, anew: bool) -> None:
    """Make a local authority and the leaf that signs pictures; `arena init` does so, too.

    \b
    Examples:
      arena provenance init
      arena provenance init --anew
      ARENA_SIGN_COMMAND="sign-with-kms pictures" arena provenance init --public-key kms.pem
    """
    from arena.services import provenance as authority

    made = authority.establish(
        context.settings,
        now=datetime.now(UTC),
        public_key=public_key.read_text() if public_key else None,
        anew=anew,
    )
    click.echo("An authority was made." if made else "There is an authority; it stays as it is.")
    _show(context)


@provenance.command()
@json_option
@click.pass_obj
def show(context: Context, as_json: bool) -> None:
    """Print the authority's fingerprint, the leaf's expiry, and which lists are trusted.

    \b
    Examples:
      arena provenance show
      arena provenance show --json
    """
    _show(context, as_json=as_json)


@provenance.command()
@_public_key
@click.pass_obj
def rotate(context: Context, public_key: Path | None) -> None:
    """Make a new leaf, with which pictures are signed again when they are next asked for.

    What the leaf before it signed stays good until that one expires.

    \b
    Examples:
      arena provenance rotate
    """
    from arena.services import provenance as authority
    from arena.services.signing import SignedCopies

    authority.rotate(
        context.settings,
        now=datetime.now(UTC),
        public_key=public_key.read_text() if public_key else None,
    )
    copies = SignedCopies(context.settings, context.images).sweep()
    click.echo(f"A new leaf signs from now on; {copies:,} kept copies were dropped, to be signed again.")
    _show(context)


@provenance.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--campaign", required=True, help="Whose pictures.")
@json_option
@click.pass_obj
def export(context: Context, folder: Path, campaign: str, as_json: bool) -> None:
    """Write the pictures of a campaign into FOLDER, each with its content credentials.

    They carry the names of their entrants: keep them from raters while the campaign is open.

    \b
    Examples:
      arena provenance export signed-pictures --campaign spring
    """
    from arena.services.signing import SignedCopies, write_signed

    with context.database.read() as session:
        names = write_signed(
            session, SignedCopies(context.settings, context.images), folder=folder, campaign=campaign
        )
    if as_json:
        say_json({"folder": str(folder), "pictures": names})
    else:
        click.echo(f"{len(names):,} signed pictures are in {folder}.")


def _show(context: Context, *, as_json: bool = False) -> None:
    from arena.services.provenance import standing

    found = standing(context.settings)
    if as_json:
        say_json(
            {
                "authority": found.authority,
                "fingerprint": found.fingerprint,
                "authority_ends": found.authority_ends.isoformat(),
                "leaf_fingerprint": found.leaf_fingerprint,
                "leaf_ends": found.leaf_ends.isoformat() if found.leaf_ends else None,
                "signs": "command" if found.by_command else "key" if found.leaf_ends else None,
                "timestamps": found.timestamps,
                "trusted": list(found.lists),
            }
        )
        return
    click.echo(f"authority   {found.authority}, until {found.authority_ends:%Y-%m-%d}")
    click.echo(f"            SHA-256 {found.fingerprint}")
    if found.leaf_ends:
        how = "signed by ARENA_SIGN_COMMAND" if found.by_command else "its key is in the data folder"
        click.echo(f"leaf        until {found.leaf_ends:%Y-%m-%d}, {how}")
    else:
        click.echo("leaf        none here: nothing is signed; `arena provenance rotate` makes one")
    if found.timestamps:
        click.echo(f"timestamps  {found.timestamps}")
    elif found.leaf_ends:
        click.echo("timestamps  none: what is signed now reads as invalid once the leaf has expired")
    click.echo(f"trusted     {', '.join(found.lists)}")
