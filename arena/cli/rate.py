"""`arena rate`: a board from a file of votes; no arena and no data folder is needed."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import click

from arena.cli.context import say_json

METHODS = ("bradley-terry", "davidson", "rao-kupper", "contextual", "elo", "glicko2")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--method", type=click.Choice(METHODS), default="bradley-terry", show_default=True)
@click.option(
    "--ties", type=click.Choice(["half", "drop"]), help="Half a win to each (default), or left out."
)
@click.option("--both-bad", type=click.Choice(["tie", "drop"]), default="tie", show_default=True)
@click.option("--by", metavar="COLUMN", help="A board for each value of a column.")
@click.option(
    "--style",
    metavar="COLUMNS",
    help="Adjust for covariates: columns of left less right, or NAME for NAME_a and NAME_b.",
)
@click.option(
    "--intervals",
    type=click.Choice(["sandwich", "hessian", "bootstrap", "cluster-bootstrap"]),
    default="sandwich",
    show_default=True,
)
@click.option("--cluster", metavar="WAYS",
              help="rater, prompt, both with a comma, or none; rater=COLUMN names a column. By default what"
              " the file has.")  # fmt: skip
@click.option(
    "--anchor", metavar="ENTRANT[=RATING]", help="Show this entrant at a rating, 1000 if not given."
)
@click.option("--level", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95,
              show_default=True)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True
)
def rate(
    file: Path,
    method: str,
    ties: str | None,
    both_bad: str,
    by: str | None,
    style: str | None,
    intervals: str,
    cluster: str | None,
    anchor: str | None,
    level: float,
    seed: int,
    form: str,
) -> None:
    """Rate the models of a file of votes, with intervals and ranks.

    FILE is Parquet, CSV, JSON or JSON lines: an arena's release, files of Chatbot Arena, GenAI-Bench,
    Pick-a-Pic, HPDv3, Rapidata or ComparIA, or any table with the columns model_a, model_b and winner
    (model_a, model_b, tie, or tie (bothbad)).

    \b
    Examples:
      arena rate votes.csv
      arena rate clean_battle.json --method davidson --by language
      arena rate votes.parquet --cluster rater=user,prompt --format json
      arena rate votes.parquet --style brightness,detail --anchor sdxl-turbo=1000
    """
    from analysis import rating, reading, tables

    roles, ways = _clusters(cluster)
    covariates = _listed(style)
    source = tables.open_table(file)
    wanted = rating.style_columns(covariates, source.names) + ([by] if by else [])
    votes = reading.read_votes(source, wanted, roles=roles)
    parts = votes.split(by) if by else {"": votes}
    boards = {
        value: rating.rate(
            part,
            method=method,
            ties=ties,
            both_bad=both_bad,
            style=covariates,
            intervals=intervals,
            cluster=ways,
            anchor=_anchor(anchor),
            level=level,
            seed=seed,
        )
        for value, part in parts.items()
    }
    if form == "json":
        say_json({"by": by, "boards": boards} if by else boards[""])
    elif form == "csv":
        _write_csv(boards, by, rating.COLUMNS)
    else:
        for number, (value, board) in enumerate(boards.items()):
            if by:
                click.echo(f"{'' if number == 0 else chr(10)}{by}: {value}")
            _print(board, level)


def _listed(words: str | None) -> list[str]:
    return [word.strip() for word in (words or "").split(",") if word.strip()]


def _clusters(cluster: str | None) -> tuple[dict[str, str], list[str] | None]:
    """Columns that were named, and ways of clustering: None for whatever the file has."""
    if cluster is None:
        return {}, None
    if cluster == "none":
        return {}, []
    pairs = [word.partition("=") for word in _listed(cluster)]
    return {way: column for way, _, column in pairs if column}, [way for way, _, _ in pairs]


def _anchor(words: str | None) -> tuple[str, float] | None:
    if words is None:
        return None
    name, _, rating = words.rpartition("=")
    try:
        return (name, float(rating)) if name else (rating, 1000.0)
    except ValueError:
        return words, 1000.0


def _write_csv(boards: dict[str, Any], by: str | None, columns: tuple[str, ...]) -> None:
    """Print rows for a spreadsheet; what is said about them goes to standard error."""
    writer = csv.DictWriter(sys.stdout, [*([by] if by else []), *columns], lineterminator="\n")
    writer.writeheader()
    for value, board in boards.items():
        for row in board["rows"]:
            writer.writerow({**({by: value} if by else {}), **row})
        for warning in board["warnings"]:
            click.echo(f"Note: {warning}", err=True)


def _print(board: Any, level: float) -> None:
    click.echo(
        f"{board['votes']:,} votes, {board['method']} {board['method_version']}, {level:.0%} intervals.\n"
    )
    rows = board["rows"]
    width = max([len(row["entrant"]) for row in rows] + [7])
    click.echo(
        f"{'rank':>7}  {'entrant':{width}}  {'rating':>6}  {'interval':>12}  {'votes':>9}  {'wins':>9}  ties"
    )
    for row in rows:
        tied = f"{row['ties'] + row['both_bad']:,}"
        mark = "  provisional" if row["provisional"] else ""
        click.echo(
            f"{_ranks(row):>7}  {row['entrant']:{width}}  {_number(row['rating']):>6}  {_interval(row):>12}"
            f"  {row['votes']:>9,}  {row['wins']:>9,}  {tied}{mark}"
        )
    for reason, number in board["dropped"].items():
        if number:
            click.echo(f"Left out: {number:,} votes ({reason.replace('_', ' ')}).")
    for warning in board["warnings"]:
        click.echo(f"Note: {warning}")


def _ranks(row: Any) -> str:
    low, high = row["rank_low"], row["rank_high"]
    if low is None or high is None:
        return "-" if row["rank"] is None else str(row["rank"])
    return str(low) if low == high else f"{low}-{high}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _interval(row: Any) -> str:
    if row["low"] is None and row["high"] is None:
        return "-"
    low = "below" if row["low"] is None else _number(row["low"])
    high = "above" if row["high"] is None else _number(row["high"])
    return f"{low}-{high}"
