"""`arena leaderboard`: the board in a terminal, or for a script."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from arena.cli.context import Context, json_option, say_json
from arena.domain.views import SOURCES, TIES, View
from arena.errors import Invalid
from arena.queries.boards import Board, BoardRow


@click.command()
@click.option("--campaign", help="Which campaign; the only one with votes if not given.")
@click.option("--criterion", help="Which of its questions; the first if not given.")
@click.option("--category", help="Only prompts of this category.")
@click.option("--source", type=click.Choice(SOURCES), help="Only the operator's prompts, or raters' own.")
@click.option("--cohort", help="Only votes of these raters, such as creators.")
@click.option("--since", metavar="DAY", help="Only votes from this UTC day on, such as 2026-11-01.")
@click.option("--until", metavar="DAY", help="Only votes up to this UTC day.")
@click.option(
    "--ties", type=click.Choice(TIES), help="Half a win each (default), left out, or a model of ties."
)
@click.option("--style", is_flag=True, help="Hold the measured style of the pictures equal.")
@json_option
@click.pass_obj
def leaderboard(
    context: Context, /, campaign: str | None, criterion: str | None, as_json: bool, **told: str | bool | None
) -> None:
    """Print the leaderboard as of the last vote; it is fitted first if the newest run lags.

    \b
    Examples:
      arena leaderboard
      arena leaderboard --campaign demo --json
      arena leaderboard --category portrait --style
      arena leaderboard --since 2026-11-01 --ties drop
    """
    from arena.queries.boards import board
    from arena.queries.finding import find_campaign, find_criterion
    from arena.services import costing, standings

    now = datetime.now(UTC)
    view = View.read({name: "1" if value is True else str(value) for name, value in told.items() if value})
    with context.database.write.begin() as session:
        found = find_campaign(session, campaign)
        question, slug = find_criterion(session, found.id, criterion), found.slug
        asked = question.slug
        standings.ask(session, question.id, view, now=now)
    standings.refresh(context.database, now=now)
    costing.refresh(context.database, costing.CostBook(), now=now)
    with context.database.read() as session:
        shown = board(session, campaign=slug, criterion=asked, view=view)
    if shown.fault:
        raise Invalid(shown.fault)
    if as_json:
        say_json(shown.as_dict())
    else:
        print_board(shown)


def print_board(shown: Board) -> None:
    """Print a board as a table."""
    click.echo(f"{shown.campaign_name}: {shown.question}")
    click.echo(f"As of vote {shown.votes:,}, {shown.method} {shown.method_version}, 95% intervals.\n")
    width = max([len(row.entrant) for row in shown.rows] + [7])
    click.echo(f"{'rank':>7}  {'entrant':{width}}  {'rating':>6}  {'interval':>12}  {'votes':>6}  win rate")
    for row in shown.rows:
        click.echo(
            f"{_ranks(row):>7}  {row.entrant:{width}}  {_number(row.rating):>6}  {_interval(row):>12}"
            f"  {row.votes:>6,}  {'' if row.win_rate is None else f'{row.win_rate:.0%}'}"
            f"{'  ' + row.reason if row.reason else ''}"
        )
    for warning in shown.warnings:
        click.echo(f"Note: {warning}")


def _ranks(row: BoardRow) -> str:
    if row.rank_low is None or row.rank_high is None:
        return "-"
    return str(row.rank_low) if row.rank_low == row.rank_high else f"{row.rank_low}-{row.rank_high}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _interval(row: BoardRow) -> str:
    if row.low is None and row.high is None:
        return "-"
    low = "below" if row.low is None else _number(row.low)
    high = "above" if row.high is None else _number(row.high)
    return f"{low}-{high}"
