"""`arena plan`: how many votes a comparison takes."""

from __future__ import annotations

import click

from arena.cli.context import json_option, say_json

DIFFERENCES = (10.0, 20.0, 30.0, 50.0, 100.0, 200.0)


@click.command()
@click.option("--difference", "differences", type=click.FloatRange(0, min_open=True), multiple=True,
              help="Points between two models; may be given again. A few usual ones by default.")  # fmt: skip
@click.option("--entrants", type=click.IntRange(2), default=2, show_default=True, help="Models on the board.")
@click.option("--votes", type=click.IntRange(1), help="What this many votes on the whole board would show.")
@click.option("--tie-share", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True,
              help="Share of the votes that decide nothing.")  # fmt: skip
@click.option("--power", type=click.FloatRange(0.5, 1, max_open=True), default=0.8, show_default=True,
              help="Chance of seeing the difference.")  # fmt: skip
@click.option("--level", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95,
              show_default=True)  # fmt: skip
@json_option
def plan(
    differences: tuple[float, ...],
    entrants: int,
    votes: int | None,
    tie_share: float,
    power: float,
    level: float,
    as_json: bool,
) -> None:
    """Say how many votes show a difference, or what a number of votes would show.

    \b
    Examples:
      arena plan
      arena plan --entrants 12 --difference 30 --tie-share 0.25
      arena plan --entrants 12 --votes 5000 --json
    """
    from analysis import planning

    shared = {"level": level, "tie_share": tie_share}
    pairs = entrants * (entrants - 1) // 2
    rows = []
    for points in differences or DIFFERENCES:
        row: dict[str, float | int | None] = {
            "difference": points,
            "votes_on_the_pair": planning.votes_needed(points, power=power, **shared),
            "votes_on_the_board": planning.total_votes(entrants, points, power=power, **shared),
            "votes_for_that_half_width": planning.votes_for_half_width(entrants, points, **shared),
        }
        if votes is not None:
            # The board's other pairs tell about this one as much as k / 2 times its own votes.
            row["power"] = planning.power_of(points, votes / (entrants - 1), **shared)
        rows.append(row)
    half_width = None
    if votes is not None:
        half_width = planning.expected_half_width(entrants, votes / pairs, **shared)
    if as_json:
        say_json(
            {
                "entrants": entrants,
                "tie_share": tie_share,
                "wanted_power": power,
                "level": level,
                "votes": votes,
                "half_width": half_width,
                "rows": rows,
            }
        )
        return
    click.echo(f"{entrants} models, {tie_share:.0%} ties, {level:.0%} intervals, {power:.0%} power.\n")
    head = f"{'difference':>10}  {'on the pair':>12}  {'on the board':>12}  {'half-width':>12}"
    click.echo(head + ("" if votes is None else f"  {'power':>6}"))
    for row in rows:
        shown = "power" in row
        click.echo(
            f"{row['difference']:>10g}  {row['votes_on_the_pair']:>12,}  {row['votes_on_the_board']:>12,}"
            f"  {row['votes_for_that_half_width']:>12,}" + (f"  {row['power']:>6.0%}" if shown else "")
        )
    click.echo(
        "\nVotes that show the difference with votes on that pair alone, or on all pairs of the board alike;"
        "\nand votes on the board until a rating's interval reaches that far to either side."
    )
    if half_width is not None:
        click.echo(f"{votes:,} votes on the board: ratings to about ±{half_width:.0f} points.")
    click.echo(
        "For raters and prompts that all agree; tastes that differ take more of both, not only more votes."
    )
