"""The command line: each command is a few lines over a service."""

from __future__ import annotations

import importlib
import sys

import click

from arena import __version__
from arena.cli.context import Context
from arena.errors import ArenaError

COMMANDS = {
    "assets": "arena.cli.setup:assets",
    "backup": "arena.cli.backup:backup",
    "bench": "arena.cli.bench:bench",
    "campaigns": "arena.cli.campaigns:campaigns",
    "demo": "arena.cli.demo:demo",
    "doctor": "arena.cli.doctor:doctor",
    "entrants": "arena.cli.entrants:entrants",
    "export": "arena.cli.export:export",
    "generate": "arena.cli.generate:generate",
    "import": "arena.cli.imports:import_command",
    "init": "arena.cli.setup:init",
    "integrity": "arena.cli.integrity:integrity",
    "invites": "arena.cli.invites:invites",
    "keys": "arena.cli.keys:keys",
    "leaderboard": "arena.cli.leaderboard:leaderboard",
    "measure": "arena.cli.measure:measure",
    "moderation": "arena.cli.moderation:moderation",
    "operators": "arena.cli.operators:operators",
    "paint": "arena.cli.paint:paint",
    "plan": "arena.cli.plan:plan",
    "prompts": "arena.cli.prompts:prompts",
    "provenance": "arena.cli.provenance:provenance",
    "quality": "arena.cli.quality:quality",
    "rate": "arena.cli.rate:rate",
    "release": "arena.cli.release:release",
    "restore": "arena.cli.backup:restore",
    "serve": "arena.cli.serve:serve",
    "upgrade": "arena.cli.upgrade:upgrade",
    "verify": "arena.cli.verify:verify",
    "verify-image": "arena.cli.verify_image:verify_image",
    "work": "arena.cli.work:work",
}


class Commands(click.Group):
    """Imports a command when it is used, so that the worker never imports Flask, nor the server torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="arena")
@click.pass_context
def arena(ctx: click.Context) -> None:
    """Vernissage: which text-to-image model do people prefer?

    \b
    Start here:
      arena demo                 a campaign with real pictures on http://127.0.0.1:8000
      arena init                 an empty data folder of your own (ARENA_HOME)
      arena COMMAND --help       what a command does, with examples
    """
    ctx.ensure_object(Context)


def main() -> None:
    """Run a command; what can go wrong is told in one line, with exit code 2."""
    from analysis.errors import AnalysisError
    from models.errors import ModelError

    try:
        arena()
    except (ArenaError, ModelError, AnalysisError) as error:
        click.echo(f"arena: {error}", err=True)
        sys.exit(2)
