"""How fast votes leave the arena, in how much memory, and whether what leaves is loaded.

    pip install -e '.[bench,dev]'
    python benchmarks/exports.py votes               1M votes to Parquet, beside a bare read of the same rows
    python benchmarks/exports.py pictures            100,000 pictures to Pick-a-Pic's Parquet, beside 10,000
    python benchmarks/exports.py table               the table of docs/data.md: every format, loaded

``votes`` makes a database of synthetic sealed votes, then times in a fresh process each: ``floor``, one SQL
statement that joins the same columns, read with ADBC and written as zstd Parquet, nothing computed; ``ours``,
the file that `arena export` and the data page write, with pseudonyms and the digests that make votes
verifiable. Rounds take turns, the median is shown. Memory is the largest resident set of the process (Linux),
and beside it what stood there before the first row.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

# What a task needs is imported where it runs, so that each process holds its own task alone.
if TYPE_CHECKING:
    from arena.services.formats.exporting import FormatReport

SECRET = "of the benchmark alone"

FLOOR = """
SELECT v.id, v.battle_id, c.slug, k.slug, v.ballot_no, v.outcome, v.elapsed_ms, v.consent, v.salt, v.cast_at,
       p.text, p.digest, p.categories, p.source, l.slug, l.revision, r.slug, r.revision, li.digest, ri.digest,
       b.kind, b.expected, b.repeats_id, b.propensity, b.eligible, b.policy, w.key, w.cohort, e.leaf,
       e.seal_id
FROM vote v JOIN battle b ON v.battle_id = b.id JOIN campaign c ON b.campaign_id = c.id
     JOIN criterion k ON v.criterion_id = k.id JOIN prompt p ON b.prompt_id = p.id
     JOIN entrant l ON b.left_entrant_id = l.id JOIN entrant r ON b.right_entrant_id = r.id
     JOIN image li ON b.left_image_id = li.id JOIN image ri ON b.right_image_id = ri.id
     JOIN voter w ON b.voter_id = w.id JOIN seal_entry e ON e.vote_id = v.id
ORDER BY v.id
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["votes", "pictures", "table"])
    parser.add_argument("--votes", type=int, default=1_000_000)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=2, metavar=("TASK", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        task, folder = options.child
        print(json.dumps(timed(CHILDREN[task], Path(folder))))
        return
    with tempfile.TemporaryDirectory(prefix="vernissage-") as folder:
        found = COMMANDS[options.what](Path(folder), options)
    if options.json:
        print(json.dumps(found, indent=2))


def timed(task: Callable[[Path], dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Run a task; its wall time, its processor time and the memory of this process."""
    began, cpu, stood = time.perf_counter(), time.process_time(), peak_memory()
    told = task(folder)
    return {
        **told,
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mib": peak_memory(),
        "before_mib": stood,
    }


def peak_memory() -> float:
    """Largest resident set of this process so far, in MiB.

    What `getrusage` tells would be that of the process which started this one, where that was larger.
    """
    told = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    if told is None:
        raise SystemExit("the memory of a process is only told on Linux")
    return int(told[1]) / 1024


def child(task: str, folder: Path) -> dict[str, Any]:
    """Run a task in a fresh process."""
    done = subprocess.run(
        [sys.executable, __file__, "votes", "--child", task, str(folder)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def floor(folder: Path) -> dict[str, Any]:
    import adbc_driver_sqlite.dbapi as adbc
    import pyarrow.parquet as pq

    with adbc.connect(f"file:{folder / 'arena.sqlite'}?mode=ro") as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": "10000"})
        cursor.execute(FLOOR)
        reader = cursor.fetch_record_batch()
        rows = 0
        with pq.ParquetWriter(folder / "floor.parquet", reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)
                rows += batch.num_rows
    return {"rows": rows, "bytes": (folder / "floor.parquet").stat().st_size}


def ours(folder: Path) -> dict[str, Any]:
    import pyarrow.parquet as pq

    from arena.db import open_database
    from arena.domain.pseudonyms import Pseudonyms
    from arena.services.vote_columns import vote_columns
    from arena.services.vote_tables import parquet_chunks

    database = open_database(f"sqlite:///{folder / 'arena.sqlite'}")
    file = folder / "ours.parquet"
    with database.read() as session, file.open("wb") as out:
        for piece in parquet_chunks(vote_columns(session, pseudonyms=Pseudonyms(SECRET, "benchmark"))):
            out.write(piece)
    database.dispose()
    return {"rows": pq.ParquetFile(file).metadata.num_rows, "bytes": file.stat().st_size}


def compare_votes(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Time our file of votes against the floor, in turns."""
    from export_data import fill

    fill(folder, options.votes)
    runs: dict[str, list[dict[str, Any]]] = {"floor": [], "ours": []}
    for _ in range(options.rounds):
        for task, told in runs.items():
            told.append(child(task, folder))
    found = {
        task: {key: statistics.median(run[key] for run in told) for key in told[0]}
        for task, told in runs.items()
    }
    for task, told in found.items():
        print(
            f"{task:<6} {told['rows']:,.0f} votes: {told['seconds']:.1f} s ({told['cpu_seconds']:.1f} s of "
            f"processor), {told['peak_mib']:.0f} MiB at most ({told['before_mib']:.0f} before), "
            f"{told['bytes'] / 1e6:.0f} MB",
            file=sys.stderr,
        )
    print(f"{found['ours']['seconds'] / found['floor']['seconds']:.2f} times the floor", file=sys.stderr)
    return found


def compare_pictures(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Stream pictures into Pick-a-Pic's Parquet, a tenth of them first: memory must not follow."""
    from export_data import ENTRANTS, fill

    found = {}
    for number in (options.pictures // 10, options.pictures):
        home = folder / str(number)
        home.mkdir()
        fill(home, number, prompts=max(1, number // ENTRANTS), paint=noise, seal=False)
        found[number] = told = child("stream", home)
        print(
            f"{number:,} pictures in {told['rows']:,} votes: {told['seconds']:.1f} s "
            f"({told['cpu_seconds']:.1f} s of processor), {told['peak_mib']:.0f} MiB at most "
            f"({told['before_mib']:.0f} before), {told['bytes'] / 1e6:.0f} MB",
            file=sys.stderr,
        )
    return found


def noise(number: int) -> bytes:
    """Bytes in the place of a small picture."""
    return random.Random(number).randbytes(8_000)


def stream(folder: Path) -> dict[str, Any]:
    report = write(folder, "pickapic")
    return {"rows": report.rows_out, "bytes": report.bytes}


def write(folder: Path, name: str) -> FormatReport:
    """Export in a format, beside the database."""
    from export_data import NOW

    from arena.db import open_database
    from arena.services.formats.exporting import export_as
    from arena.services.formats.filters import Filters
    from arena.storage import ImageStore

    database = open_database(f"sqlite:///{folder / 'arena.sqlite'}")
    try:
        with database.read() as session:
            return export_as(
                session, name, folder=folder / name, images=ImageStore(folder / "images"), asked=Filters(),
                now=NOW + timedelta(days=40), rng=random.Random(1),
            )  # fmt: skip
    finally:
        database.dispose()


def tell_formats(folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Write every format and load it as its readers do; print the table of docs/data.md."""
    from export_data import NOW, fill
    from export_readers import READERS

    from arena.db import open_database
    from arena.services.standings import refresh

    votes = min(options.votes, 2_000)
    fill(folder, votes, prompts=24, paint=painted, seal=False)
    database = open_database(f"sqlite:///{folder / 'arena.sqlite'}")
    refresh(database, now=NOW)
    database.dispose()
    found = []
    print("| `--format` | loaded with | in | out | dropped | rows loaded |\n|---|---|---|---|---|---|")
    for name, (reader, load) in READERS.items():
        report = write(folder, name)
        loaded = load(folder / name)
        if loaded != sum(report.parts.values()):
            raise SystemExit(f"{name}: {loaded} rows were loaded of {sum(report.parts.values())} written")
        dropped = ", ".join(f"{n:,} {why.partition(':')[0]}" for why, n in report.dropped.items()) or "none"
        found.append({**report.as_dict(), "loaded": loaded, "folder": name})
        print(f"| `{name}` | {reader} | {report.rows_in:,} | {report.rows_out:,} | {dropped} | {loaded:,} |")
    return found


def painted(number: int) -> bytes:
    """A small PNG file of its own."""
    from PIL import Image as Picture

    shade = hashlib.sha256(str(number).encode()).digest()
    out = BytesIO()
    Picture.new("RGB", (64, 64), (shade[0], shade[1], shade[2])).save(out, format="PNG")
    return out.getvalue()


CHILDREN: dict[str, Callable[[Path], dict[str, Any]]] = {"floor": floor, "ours": ours, "stream": stream}

COMMANDS = {"votes": compare_votes, "pictures": compare_pictures, "table": tell_formats}

if __name__ == "__main__":
    main()
