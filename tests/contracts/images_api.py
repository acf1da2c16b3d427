"""A running images API, and the client that asks it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import openai
from click.testing import CliRunner

from arena.cli import arena
from arena.cli.context import Context
from models.contracts import EntrantCard


def command(home: Path, *words: str) -> str:
    """Run a command of `arena` in this process."""
    done = CliRunner().invoke(arena, words, env={"ARENA_HOME": str(home)}, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


@dataclass
class Running:
    """A server in a process of its own."""

    home: Path
    url: str
    key: str
    clients: list[openai.OpenAI] = field(default_factory=list)

    def client(self, key: str | None = None) -> openai.OpenAI:
        made = openai.OpenAI(base_url=f"{self.url}/v1", api_key=key or self.key, max_retries=0, timeout=120)
        self.clients.append(made)
        return made

    def make_key(self, name: str, *more: str) -> str:
        return command(self.home, "keys", "make", name, *more)

    def card(self, slug: str = "tiny") -> EntrantCard:
        return Context({"ARENA_HOME": str(self.home)}).catalog[slug]
