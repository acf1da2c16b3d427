"""What a command works with, opened when it is first asked for."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from arena import db
from arena.bucket import open_images
from arena.config import Settings
from arena.logs import start_log
from arena.storage import ImageStore

if TYPE_CHECKING:
    from arena.services.painting import Studio
    from models.catalog import Catalog


class Context:
    """Settings, database, pictures and models of a command; each is opened once, and only if used."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self.environ = dict(os.environ if environ is None else environ)

    @cached_property
    def settings(self) -> Settings:
        """The settings of the environment."""
        return Settings.from_environment(self.environ)

    @cached_property
    def database(self) -> db.Database:
        """The database, whose schema is the code's own."""
        with db.told_plainly():
            db.check(self.database_as_it_is)
        return self.database_as_it_is

    @cached_property
    def database_as_it_is(self) -> db.Database:
        """The database, of whatever version its schema is."""
        return db.open_database(self.settings.database)

    @cached_property
    def images(self) -> ImageStore:
        """Where the pictures lie."""
        return open_images(self.settings, self.environ)

    @cached_property
    def catalog(self) -> Catalog:
        """The cards that ship, and the operator's own over them."""
        from models.catalog import BUILT_IN, read_catalog

        own = self.settings.catalog
        files = [BUILT_IN, own] if own.exists() else [BUILT_IN]
        home = self.settings.home
        return read_catalog(*files, cache=home / "digests.json" if home.is_dir() else None)

    @cached_property
    def studio(self) -> Studio:
        """The entrants that can paint on this machine."""
        from arena.services.painting import Studio

        settings = self.settings
        return Studio(
            catalog=self.catalog,
            device=None if settings.device == "auto" else settings.device,
            dtype=None if settings.dtype == "card" else settings.dtype,
        )

    def log_to_stderr(self) -> None:
        """Send the log of a long-running command to standard error."""
        start_log(self.settings)


def say_json(value: Any) -> None:
    """Print JSON for a script."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
