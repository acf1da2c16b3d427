"""CPU time that the server needs for one battle, step by step, with one rater after the other, alone.

    python benchmarks/pair.py

Asks the application itself, without sockets, in the process that measures: processor time of all its threads,
medians of eight raters who judge a set each. The arena is that of ``benchmarks/load.py``, on SQLite.
"""

from __future__ import annotations

import json
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from load import CAMPAIGN, open_flow
from votes import Bench

from arena.app import create_app
from arena.services.ledger import Ledger

RATERS, SET = 8, 30
BALLOT = {"preference": "left", "consent": "2026-11", "elapsed_ms": "1200"}
PICTURE = re.compile(r'src="(/pictures/[^"]+)"')


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="vernissage-") as folder:
        bench = Bench(Path(folder), battles=1, rng=random.Random(1))
        open_flow(bench)
        context = bench.context
        ledger = Ledger(context.database)
        app = create_app(
            context.settings, database=context.database, images=context.images, write=ledger.write
        )
        taken: dict[str, list[float]] = {}
        for _ in range(RATERS):
            client = app.test_client()
            for _ in range(SET):
                judge(client, taken)
        ledger.close()
    medians = {step: statistics.median(times) for step, times in taken.items()}
    told = {step: round(median, 2) for step, median in medians.items()}
    sys.stdout.write(json.dumps({**told, "the whole pair": round(sum(medians.values()), 1)}) + "\n")


def judge(client: Any, taken: dict[str, list[float]]) -> None:
    """See one battle from the deal to the names."""

    def clocked(step: str, ask: Callable[[], Any]) -> Any:
        began = time.process_time()
        answer = ask()
        taken.setdefault(step, []).append(1000 * (time.process_time() - began))
        return answer

    address = clocked("deal", lambda: client.get(f"/battles/next?campaign={CAMPAIGN}")).headers["Location"]
    page = clocked("page", lambda: client.get(address)).get_data(as_text=True)
    pictures = PICTURE.findall(page)
    assert len(pictures) == 2, page
    clocked("two pictures", lambda: [client.get(picture).get_data() for picture in pictures])
    clocked("vote", lambda: client.post(f"{address}/vote", data=BALLOT))
    clocked("reasons", lambda: client.post(f"{address}/reasons", data={"reason": "texture"}))
    revealed = clocked("reveal", lambda: client.get(address))
    assert "Next pair" in revealed.get_data(as_text=True), "the names are shown"


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
