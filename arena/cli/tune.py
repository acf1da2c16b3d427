"""`arena entrants tune`: the fastest runtime of an entrant on this machine, into its card."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from arena.cli.bench import card_here
from arena.cli.context import Context, json_option, say_json

if TYPE_CHECKING:
    from models.tuning import Trial


@click.command()
@click.argument("slug")
@click.option(
    "--prompts", type=click.IntRange(1, 64), default=4, show_default=True, help="Pictures compared."
)
@click.option("--most", type=click.IntRange(1, 8), default=8, show_default=True, help="Largest batch to try.")
@click.option("--compile", "compiled", is_flag=True, help="Try torch.compile too; minutes more.")
@click.option("--dry-run", is_flag=True, help="Measure, and leave the catalogue as it is.")
@json_option
@click.pass_obj
def tune(
    context: Context, slug: str, prompts: int, most: int, compiled: bool, dry_run: bool, as_json: bool
) -> None:
    """Measure how SLUG paints with each engine here, and write the fastest runtime into your catalogue.

    Only runtimes whose pictures stay close to torch in float32 are taken, so that the entrant and its
    revision stay the same. A card that ships with the arena is copied into your catalogue first.

    \b
    Examples:
      arena entrants tune my-model --dry-run
      arena entrants tune my-model --prompts 8 --json
    """
    from models.overrides import write_runtime
    from models.tuning import chosen, fastest, runtimes_here, tune

    card = card_here(context, slug)
    runtimes = runtimes_here(card, compiled=compiled)
    trials = list(tqdm(tune(card, runtimes, prompts=prompts, most=most), total=len(runtimes), unit="runtime"))
    best = fastest(trials)
    runtime, file = chosen(card, best), context.settings.catalog
    if not dry_run:
        write_runtime(context.catalog[slug], runtime, file)
    if as_json:
        say_json(
            {
                "entrant": slug,
                "revision": card.revision,
                "runtime": runtime,
                "written": None if dry_run else str(file),
                "trials": [_as_json(one) for one in trials],
            }
        )
        return
    click.echo(
        f"{'runtime':36}{'alone':>9}{'best':>9}{'batch':>6}{'memory':>9}{'PSNR':>7}{'least':>7}  verdict"
    )
    for one in trials:
        click.echo(_line(one) + ("  <- fastest" if one is best else ""))
    told = ", ".join(f"{key} = {value}" for key, value in runtime.items())
    click.echo(f"{told}: {'not written (--dry-run)' if dry_run else f'written to {file}'}.")


def _line(trial: Trial) -> str:
    runtime = trial.runtime
    extra = [key for key in ("compile", "channels_last") if runtime[key]]
    name = " ".join([runtime["engine"], runtime["dtype"], *extra])
    if math.isnan(trial.seconds):
        return f"{name:36}{trial.verdict}"
    return (
        f"{name:36}{trial.seconds:8.3f}s{trial.best_seconds:8.3f}s{runtime['batch']:6}"
        f"{trial.peak_bytes / 2**20:6.0f}MiB{trial.mean_psnr:7.1f}{trial.least_psnr:7.1f}  {trial.verdict}"
    )


def _as_json(trial: Trial) -> dict[str, Any]:
    figures = {
        "seconds": trial.seconds,
        "best_seconds": trial.best_seconds,
        "mean_psnr": trial.mean_psnr,
        "least_psnr": trial.least_psnr,
    }
    return {
        "runtime": trial.runtime,
        "verdict": trial.verdict,
        "peak_bytes": trial.peak_bytes,
        "levels": trial.levels,
        # Equal pictures are infinitely alike, which JSON cannot say.
        **{key: value if math.isfinite(value) else None for key, value in figures.items()},
    }
