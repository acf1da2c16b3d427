"""Every parser against files and forms that nobody would write: spoilt copies of good ones, and odd cells.

    python benchmarks/fuzz.py                    # 2,000 cases a parser
    python benchmarks/fuzz.py --cases 200 --only cards

A parser may read a case or refuse it with an error of its own; any other exception is a crash, which is
printed with the case's number. Cases follow from the seed alone.
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import sys
import tempfile
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from werkzeug.datastructures import MultiDict

from analysis.errors import AnalysisError
from analysis.outcomes import Outcome
from analysis.reading import read_votes
from arena.domain.spots import read_spots
from arena.domain.views import View
from arena.domain.voters import new_code, read_code
from arena.errors import ArenaError
from arena.media.credentials import read as read_credentials
from arena.media.foreign import look
from arena.services.guardrails import FILE as GUARDRAILS
from arena.services.guardrails import read_guardrails
from arena.services.importing.cells import Row
from arena.services.importing.contracts import Asked, LeftOut, Shape
from arena.services.importing.registry import SHAPES, files_of
from arena.services.importing.survey import ballots_of, survey
from arena.services.prompt_files import Defaults, read_prompt_file
from arena.web import campaign_form
from models.catalog import BUILT_IN, read_catalog
from models.errors import ModelError
from models.remote_answers import NotTheirs, picture_of, read_answer

NOW = datetime(2026, 12, 1, tzinfo=UTC)
ASKED = Asked(now=NOW, outcomes={"0": Outcome.LEFT, "1": Outcome.RIGHT})
REFUSALS = (ArenaError, ModelError, AnalysisError, LeftOut, NotTheirs)
ODD: tuple[Any, ...] = (
    None, "", " ", "\0", "\ud800", "é" * 3, "x" * 70_000, "-1", "1e999", "nan", "inf", "9" * 400, "0x10",
    "２", "true", "null", "[]", "{}", "[" * 2000, '{"a":' * 2000, "2026-02-30", "9999-12-31T23:59:59+14:00",
    "0001-01-01", "../../x", "a\r\nb", "‮", 0, -1, 1 << 80, -(1 << 63), 0.0, -0.0, 1e308, float("nan"),
    float("inf"), True, False, [], [None], [[]], {}, {"": ""}, b"", b"\xff\xfe", NOW, [{"role": 1}],
    [{"role": "user", "content": None}], ["a", 1], {"bytes": None}, {"bytes": "x"}, {"path": 1, "bytes": b""},
)  # fmt: skip
PIECES = (b"\0", b"\xff", b"\xed\xa0\x80", b'"', b"'", b",", b"\n", b"\r", b"[", b"{", b"=", b"#", b"-",
          b"9" * 40, b"1e999", b"nan", b"true", b"\xef\xbb\xbf", b"\t", b"[[", b"\\u0000",
          b"\\ud800", b"[" * 6000, b'{"a":' * 6000)  # fmt: skip

Parse = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Parser:
    """What is fed: a maker of cases, and what reads one; ``refusals`` are errors it may raise besides."""

    name: str
    case: Callable[[random.Random], Any]
    read: Parse
    refusals: tuple[type[Exception], ...] = ()


@dataclass(slots=True)
class Found:
    """What became of the cases of a parser."""

    name: str
    cases: int = 0
    read: int = 0
    refused: int = 0
    crashes: list[str] = field(default_factory=list)


def spoilt(good: bytes, rng: random.Random) -> bytes:
    """A good file with a few places changed, cut out, doubled or overwritten, or cut short."""
    data = bytearray(good)
    for _ in range(rng.choice((1, 1, 2, 4, 12))):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(6):
            case 0:
                data[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del data[at : at + rng.choice((1, 4, 64))]
            case 2:
                data[at:at] = data[at : at + rng.choice((4, 64, 400))] * rng.choice((1, 3))
            case 3:
                data[at:at] = rng.choice(PIECES)
            case 4:
                data[at : at + 4] = struct.pack(">I", rng.choice((0, 1, 2**31 - 1, 2**32 - 1)))
            case _:
                del data[at:]
    return bytes(data)


def of_files(seeds: tuple[bytes, ...]) -> Callable[[random.Random], bytes]:
    """Cases that are spoilt copies of files."""
    return lambda rng: spoilt(rng.choice(seeds), rng)


def of_cells(usual: dict[str, Any], *, gaps: bool = True) -> Callable[[random.Random], dict[str, Any]]:
    """Cases that are rows of which some cells are odd, or missing where there may be gaps."""

    def case(rng: random.Random) -> dict[str, Any]:
        told = dict(usual)
        for name in rng.sample(sorted(told), min(len(told), rng.choice((0, 1, 1, 2, 5)))):
            if gaps and rng.random() < 0.2:
                del told[name]
            else:
                told[name] = rng.choice(ODD)
        return told

    return case


def in_file(folder: Path, name: str, read: Callable[[Path], object]) -> Parse:
    """Read a case from a file of that name."""

    def parse(data: bytes) -> object:
        path = folder / name
        path.write_bytes(data)
        return read(path)

    return parse


def picture(container: str) -> bytes:
    """A small picture."""
    out = BytesIO()
    Image.effect_noise((48, 32), 60).convert("RGB").save(out, format=container)
    return out.getvalue()


def bomb() -> bytes:
    """A PNG of four gigapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 65_000, 65_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")


VOTES = b"""model_a,model_b,winner,prompt,judge,day,category
SDXL 1.0,FLUX.1 [dev],model_b,a red vase,u1,2026-01-02,still-life
FLUX.1 [dev],SDXL 1.0,tie,a red vase,u2,2026-01-03,still-life
Midjourney,SDXL 1.0,both_bad,"a cat, black",u3,2026-01-04,animals
"""
PROMPTS = b'prompt,categories,language\na red vase,still-life,en\n"a cat, black",animals portrait,en\n'
CARD = (
    BUILT_IN.read_bytes()
    + b"""
[[entrant]]
slug = "hosted"
name = "Hosted"
kind = "external"
backend = "images-api"
identity = { provider = "p", model = "m", version = "1", size = [512, 256], seed = "body" }
runtime = { base_url = "https://painter.example/v1", price = 0.04, currency = "USD", timeout = 60.0 }
"""
)
SAID = [{"role": "user", "content": "a cat"}, {"role": "assistant", "content": "here"}]
SIDES = {"model_a": "x", "model_b": "y", "prompt": "a cat"}
ROWS: dict[str, dict[str, Any]] = {
    "pickapic": {
        "caption": "a cat", "label_0": 1.0, "label_1": 0.0, "model_0": "x", "model_1": "y", "created_at": NOW,
        "best_image_uid": "u0", "image_0_uid": "u0", "image_1_uid": "u1", "user_id": 7, "ranking_id": 3,
    },
    "genai-bench": {"prompt": "a cat", "left_model": "x", "right_model": "y", "vote_type": "leftvote"},
    "clean-battle": {
        **SIDES, "winner": "model_a", "judge": "u1", "conversation_a": SAID, "anony": True,
        "language": "English", "tstamp": 1_767_312_000.0,
    },
    "lmarena-55k": {
        **SIDES, "prompt": '["a cat"]', "winner_model_a": 1, "winner_model_b": 0, "winner_tie": 0,
    },
    "lmarena-140k": {
        **SIDES, "winner": "model_a", "conversation_a": SAID, "evaluation_session_id": "s", "language": "en",
        "timestamp": NOW,
    },
    "rapidata": {"prompt": "a cat", "model1": "x", "model2": "y", "votes_image1": 3, "votes_image2": 1},
    "imgsys": {**SIDES, "preference": 1},
    "csv": {**SIDES, "winner": "model_a", "judge": "u", "day": "2026-01-02", "categories": "animals"},
    "jsonl": {"left": "x", "right": "y", "outcome": "tie", "prompt": "a cat", "categories": ["animals"]},
}  # fmt: skip
"""A good row of every format but our own, whose folders are compared with their checksums before."""

WITH_PICTURES: dict[str, tuple[str, ...]] = {
    "pickapic": ("jpg_0", "jpg_1"), "genai-bench": ("left_image", "right_image"),
    "rapidata": ("image1", "image2"),
}  # fmt: skip
VIEW = {"category": "animals", "source": "own", "cohort": "staff", "since": "2026-01-02", "ties": "half"}
GUARD = b"""[[checker]]
kind = "openai"
checks = ["prompts"]
base_url = "https://checks.example/v1"
key_env = "CHECKS_KEY"
review = 0.4
"""


def parsers(folder: Path) -> Iterator[Parser]:
    """Every parser of what comes from outside."""
    yield Parser("cards", of_files((CARD,)), in_file(folder, "catalog.toml", read_catalog))
    yield Parser(
        "moderation",
        of_files((GUARD,)),
        in_file(folder, GUARDRAILS, lambda path: read_guardrails(path.parent)),
    )
    yield from parsers_of_prompts(folder)
    yield from parsers_of_votes(folder)
    yield from parsers_of_pictures()
    answer = b'{"data": [{"b64_json": "aGVsbG8=", "took": {"seconds": 1}, "notes": {}}], "revision": "x"}'
    yield Parser("answers of providers", of_files((answer,)), read_answer)
    yield Parser("views of boards", of_cells(VIEW), viewed)
    yield Parser("spots", of_files((b"left 0.5 0.5 anatomy",)), lambda data: read_spots([lossy(data)]))
    yield Parser("recovery codes", of_files((new_code().encode(),)), lambda data: read_code(lossy(data)))
    form = {**campaign_form.USUAL, "slug": "spring", "name": "Spring", "act": "open"}
    yield Parser("campaign forms", of_cells(form), planned)


def parsers_of_prompts(folder: Path) -> Iterator[Parser]:
    """Files of prompts."""
    lines = b'{"prompt": "a cat", "categories": ["animals"]}\n{"prompt": "a vase", "language": "fr"}\n'
    seeds = {
        "csv": PROMPTS,
        "tsv": PROMPTS.replace(b",", b"\t"),
        "jsonl": lines,
        "txt": b"a cat\na red vase\n",
    }
    for ending, seed in seeds.items():
        read = in_file(folder, f"prompts.{ending}", lambda path: read_prompt_file(path, Defaults()))
        yield Parser(f"prompts.{ending}", of_files((seed,)), read)


def parsers_of_votes(folder: Path) -> Iterator[Parser]:
    """Files of votes as `arena import` and `arena rate` read them, and rows of every format."""
    rows = {"model_a": ["x", "y"], "model_b": ["y", "x"], "prompt": ["a cat", "a vase"], "preference": [1, 0]}
    parquet = BytesIO()
    pq.write_table(pa.table({**rows, "winner": ["model_a", "tie"]}), parquet)
    line = json.dumps({**SIDES, "winner": "model_a"}).encode()
    seeds = (
        ("csv", "csv", VOTES),
        ("tsv", "csv", VOTES.replace(b",", b"\t").replace(b'"', b"")),
        ("jsonl", "jsonl", line + b"\n" + line),
        ("json", "jsonl", b"[" + line + b", " + line + b"]"),
        ("parquet", "imgsys", parquet.getvalue()),
    )
    for ending, form, seed in seeds:
        read = in_file(folder, f"votes.{ending}", surveyed(SHAPES[form]))
        yield Parser(f"votes.{ending}", of_files((seed,)), read)
        yield Parser(
            f"rated votes.{ending}", of_files((seed,)), in_file(folder, f"rate.{ending}", read_votes)
        )
    for form, row in ROWS.items():
        shape = SHAPES[form]
        usual = {**row, **dict.fromkeys(WITH_PICTURES.get(form, ()), picture("PNG"))}
        gaps = bool({".json", ".jsonl"} & set(shape.endings))
        yield Parser(f"rows of {form}", of_cells(usual, gaps=gaps), counted(shape, folder))


def parsers_of_pictures() -> Iterator[Parser]:
    """Pictures: of imports, sent in to be checked, and of providers."""
    seeds = (*(picture(kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")), bomb())
    yield Parser("pictures imported", of_files(seeds), look, (ValueError,))
    yield Parser("pictures checked", of_files(seeds), lambda data: read_credentials(data, {}), (ValueError,))
    yield Parser("pictures of providers", of_files(seeds[:3]), lambda data: picture_of(data, (48, 32)))


def lossy(data: bytes) -> str:
    """Text of any bytes, as a form gives it."""
    return data.decode("utf-8", "replace")


def surveyed(shape: Shape) -> Callable[[Path], object]:
    """Read a file of votes as an import does."""
    return lambda path: survey(shape, files_of(shape, path), ASKED, lambda _share: None)


def counted(shape: Shape, folder: Path) -> Parse:
    """Read the votes of a row."""
    return lambda cells: list(ballots_of(shape, Row(folder / "votes", "row 1", cells), ASKED))


def viewed(cells: dict[str, Any]) -> object:
    """Read the parameters of a board's address."""
    return View.read({name: value for name, value in cells.items() if isinstance(value, str)})


def planned(cells: dict[str, Any]) -> object:
    """Read the form of a campaign."""
    told = MultiDict({name: value for name, value in cells.items() if isinstance(value, str)})
    return campaign_form.plan_of(campaign_form.sent(told))


def feed(parser: Parser, cases: int, *, seed: int) -> Found:
    """Feed a parser so many cases."""
    found = Found(parser.name)
    for number in range(cases):
        case = parser.case(random.Random(f"{seed}/{parser.name}/{number}"))
        found.cases += 1
        try:
            parser.read(case)
            found.read += 1
        except (*REFUSALS, *parser.refusals):
            found.refused += 1
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}:{last.lineno}"
            found.crashes.append(f"case {number}: {type(error).__name__} at {where}: {str(error)[:120]!r}")
    return found


def main() -> int:
    """Feed every parser and print what became of it."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--cases", type=int, default=2000)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--only", default="")
    told = asked.parse_args()
    began, crashes, cases = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as home:
        for parser in parsers(Path(home)):
            if not parser.name.startswith(told.only):
                continue
            found = feed(parser, told.cases, seed=told.seed)
            crashes, cases = crashes + len(found.crashes), cases + found.cases
            told_of = f"{found.read:7,} read {found.refused:7,} refused {len(found.crashes):4} crashes"
            print(f"{found.name:24} {told_of}")
            for line in sorted(set(found.crashes), key=lambda each: each.split(":", 1)[1])[:6]:
                print(f"    {line}")
    print(f"{cases:,} cases, {crashes:,} crashes, {time.monotonic() - began:.0f} s")
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main())
