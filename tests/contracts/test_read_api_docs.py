"""What the docs show of the read API, run as it stands there against a server."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from arena.db import Database
from arena.storage import ImageStore
from tests.contracts.reading import reader
from tests.contracts.running import served

DOCS = Path(__file__).parents[2] / "docs" / "data.md"


def test_pandas_reads_votes_and_a_board_as_the_docs_say(
    database: Database, images: ImageStore, tmp_path: Path
) -> None:
    section = DOCS.read_text().split("## Read API\n")[1].split("\n## ")[0]
    (shown,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    with reader(database, images, tmp_path / "home", slug="demo") as api, served(api.app) as url:
        names: dict[str, pd.DataFrame] = {}
        exec(shown.replace("http://127.0.0.1:8000", url), names)
        told = api.rows("/votes?limit=1000")
    votes, same, board = names["votes"], names["same"], names["board"]
    assert votes["vote"].tolist() == [row["vote"] for row in told]
    of_demo = votes[votes["campaign"] == "demo"].reset_index(drop=True)
    columns = ["vote", "battle", "day", "left", "right", "outcome", "propensity"]
    pd.testing.assert_frame_equal(same[columns], of_demo[columns], check_dtype=False)
    assert sorted(board["entrant"]) == ["iris", "lily", "rose"]
    assert board["rating"].notna().all()
