"""Where the parts of the package lie, in a wheel and in a checkout alike."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def templates() -> Path:
    """The folder of the page templates: inside the package in a wheel, beside it in a checkout."""
    inside = PACKAGE / "templates"
    return inside if inside.is_dir() else PACKAGE.parent / "templates"


def migrations() -> Path:
    """The folder of the Alembic migrations."""
    return PACKAGE / "migrations"


def translations() -> Path:
    """The folder of the gettext catalogues."""
    return PACKAGE / "translations"
