"""What lies in deploy/ is what the programs take that it is for, and what the arena knows."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from arena.cli import arena as command
from arena.config import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service")) + sorted((DEPLOY / "systemd").glob("*.timer"))
KNOWN = {each.metadata["variable"] for each in Settings.__dataclass_fields__.values()}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    told = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert isinstance(told, dict)
    return told


def understood(*words: str) -> bool:
    """Whether the command line takes these words."""
    return CliRunner().invoke(command, [*words, "--help"]).exit_code == 0


def test_the_compose_file_fits_together(compose: dict[str, Any]) -> None:
    services = compose["services"]
    ours = {name for name, each in services.items() if each.get("image") == "vernissage-arena"}
    assert ours == {"prepare", "web", "worker", "bucket-made"}
    for name, each in services.items():
        for other, how in each.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other], f"{name} waits for {other}, which has no check"
        for volume in each.get("volumes", ()):
            assert volume.split(":")[0] in compose["volumes"]
    for name in ours - {"bucket-made"}:
        assert understood(*services[name]["command"])
    for name in services["web"]["environment"]:
        assert name in KNOWN or name.startswith("AWS_")
    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"]
    assert (DEPLOY / compose["x-arena"]["build"]["dockerfile"].removeprefix("deploy/")).exists()


def test_settings_of_the_example_are_settings() -> None:
    told = (DEPLOY / "systemd" / "environment.example").read_text()
    names = re.findall(r"^(?:# )?([A-Z_]+)=", told, re.M)
    assert {name for name in names if name.startswith("ARENA_")} <= KNOWN
    uncommented = dict(line.split("=", 1) for line in told.splitlines() if line.startswith("ARENA_"))
    Settings.from_environment(uncommented)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text().replace("/opt/vernissage/bin/arena", f"{Path(sys.executable).parent}/arena")
        (tmp_path / unit.name).write_text(text.replace("User=vernissage", "User=root"))
        for words in re.findall(r"^ExecStart=/opt/vernissage/bin/arena (.*)$", unit.read_text(), re.M):
            assert understood(*words.split())
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(tmp_path.iterdir())], capture_output=True, text=True
    )
    ours = [line for line in done.stderr.splitlines() if "vernissage" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx")
def test_nginx_takes_its_example(tmp_path: Path) -> None:
    made = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=arena.example -days 1"
    files = ["-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"]
    subprocess.run([*made.split(), *files], check=True, capture_output=True)
    example = (DEPLOY / "nginx.conf").read_text()
    example = example.replace("/etc/letsencrypt/live/arena.example", str(tmp_path))
    whole = tmp_path / "whole.conf"
    whole.write_text(f"pid {tmp_path}/pid; events {{}} http {{ access_log off; {example} }}")
    done = subprocess.run(["nginx", "-t", "-q", "-c", whole], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "location = /metrics { return 404; }" in example
