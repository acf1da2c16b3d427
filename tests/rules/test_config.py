"""Settings say what is wrong with them, and the docs say what they are."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from arena.config import Settings, make_home
from arena.errors import SettingsError


def test_an_empty_environment_is_enough_once_the_home_is_made(tmp_path: Path) -> None:
    make_home(tmp_path)
    settings = Settings.from_environment({"ARENA_HOME": str(tmp_path)})
    assert settings.database == f"sqlite:///{tmp_path}/arena.sqlite"
    assert len(settings.secret) == 64
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0


def test_there_is_no_default_secret(tmp_path: Path) -> None:
    settings = Settings.from_environment({"ARENA_HOME": str(tmp_path)})
    with pytest.raises(SettingsError, match="arena init"):
        _ = settings.secret


def test_the_secret_stays_as_it_is(tmp_path: Path) -> None:
    make_home(tmp_path)
    before = (tmp_path / "secret.key").read_text()
    make_home(tmp_path)
    assert (tmp_path / "secret.key").read_text() == before


def test_the_secret_is_not_shown(tmp_path: Path) -> None:
    make_home(tmp_path)
    settings = Settings.from_environment({"ARENA_HOME": str(tmp_path)})
    assert settings.secret not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ARENA_PORT", "http", "whole number"),
        ("ARENA_PORT", "70000", "from 0 to 65535"),
        ("ARENA_THREADS", "0", "from 1"),
        ("ARENA_DEVICE", "tpu", "one of"),
        ("ARENA_PUBLIC_URL", "arena.example", "http://"),
        ("ARENA_CONTACT", "javascript:alert(1)", "e-mail address"),
        ("ARENA_PROT", "1", "no setting"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, name: str, value: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told) as error:
        Settings.from_environment({"ARENA_HOME": str(tmp_path), name: value})
    assert name in str(error.value)


def test_cookies_are_secure_only_over_https(tmp_path: Path) -> None:
    plain = Settings.from_environment({"ARENA_HOME": str(tmp_path)})
    https = Settings.from_environment(
        {"ARENA_HOME": str(tmp_path), "ARENA_PUBLIC_URL": "https://arena.example"}
    )
    assert (plain.secure, https.secure) == (False, True)


def test_the_docs_list_every_setting() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "running.md").read_text(encoding="utf-8")
    for field in fields(Settings):
        assert f"| `{field.metadata['variable']}` | {field.metadata['meaning']} |" in docs
