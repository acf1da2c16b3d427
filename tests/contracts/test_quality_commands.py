"""`arena invites` and `arena quality` as scripts meet them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.contracts.test_command_line import arena


def test_invitations_and_quality_speak_to_scripts_and_refuse_in_one_line(tmp_path: Path) -> None:
    home = tmp_path / "home"
    arena(home, "init")
    made = json.loads(
        arena(
            home, "invites", "new", "--campaign", "open", "--cohort", "creators", "--uses", "3", "--json"
        ).stdout
    )
    assert made["link"].startswith("http://127.0.0.1:8000/join/")
    arena(home, "invites", "revoke", str(made["invite"]))
    (row,) = json.loads(arena(home, "invites", "list", "--json").stdout)
    assert (row["used"], row["uses"], row["opens"]) == (0, 3, False)
    assert made["link"].rpartition("/")[2] not in json.dumps(row)
    told = json.loads(
        arena(
            home, "quality", "open", "--checks", "0.1", "--rule", "quality/1", "--about", "--apply", "--json"
        ).stdout
    )
    assert told["checks"] == 0.1
    assert told["judged"] == {"rule": "quality/1", "applied": True, "failing": {}, "raters": 0, "votes": 0}
    assert told["everybody"]["known"]["share"] is None
    for words in (
        ("quality", "open", "--rule", "quality/9"),
        ("quality", "none"),
        ("invites", "new", "--campaign", "open", "--cohort", "public"),
        ("invites", "revoke", "9"),
    ):
        refused = arena(home, *words, check=False)
        assert refused.returncode == 2
        assert len(refused.stderr.splitlines()) == 1
