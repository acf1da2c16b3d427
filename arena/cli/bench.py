"""`arena bench`: engines side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from tqdm import tqdm

from arena.cli.context import Context, json_option, say_json

if TYPE_CHECKING:
    from models.contracts import EntrantCard


def card_here(context: Context, slug: str) -> EntrantCard:
    """A card of the catalogue, on the device that the settings name."""
    from models.cards import adjusted

    card, device = context.catalog[slug], context.settings.device
    return card if card.backend != "diffusers" or device == "auto" else adjusted(card, device=device)


@click.command()
@click.option("--entrant", required=True, help="Slug of a card of the catalogue.")
@click.option("--batch", type=click.IntRange(1, 1024), help="Pictures made together; else the card's.")
@click.option("--rounds", type=click.IntRange(1, 100), default=3, show_default=True, help="Turns a row.")
@json_option
@click.pass_obj
def bench(context: Context, entrant: str, batch: int | None, rounds: int, as_json: bool) -> None:
    """Measure how fast an entrant paints: plainly, on torch, and as its card says.

    Plainly is torch in float32 with 50 steps and guidance. The rows take turns in one process, and each
    figure is the median over rounds.

    \b
    Examples:
      arena bench --entrant my-model
      arena bench --entrant my-model --batch 8 --json
    """
    from models.benchmarking import ROWS, compare

    card = card_here(context, entrant)
    with tqdm(total=ROWS * (rounds + 1), unit="turn") as bar:
        comparison = compare(card, batch=batch, rounds=rounds, tick=bar.update)
    told = comparison.report()
    if as_json:
        say_json(told)
        return
    click.echo(f"{'':18}engine    dtype      steps guidance batch  s a picture")
    for row in told["rows"]:
        guidance = "-" if row["guidance"] is None else f"{row['guidance']:g}"
        click.echo(
            f"{row['label']:18}{row['engine']:10}{row['dtype']:10}{row['steps']:6}{guidance:>9}{row['batch']:6}"
            f"{row['seconds']:13.3f}{row['speedup']:8.1f}x"
        )
    click.echo(
        f"The denoiser takes {told['denoising_seconds']:.3f} s a picture. At the rate of one large bfloat16 "
        f"product, {told['gemm_flops_per_second'] / 1e9:.0f} GFLOP/s, it would take "
        f"{told['floor_seconds']:.3f} s, which is {told['share_of_floor']:.0%} of that."
    )
