"""A few spoilt files and odd rows for every parser; `python benchmarks/fuzz.py` feeds them far more."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "fuzz.py"
CASES = 60


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    """The benchmark, as a module."""
    spec = importlib.util.spec_from_file_location("fuzz", BENCHMARK)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz"] = module
    spec.loader.exec_module(module)
    return module


def test_no_parser_breaks(fuzz: ModuleType, tmp_path: Path) -> None:
    found = []
    for parser in fuzz.parsers(tmp_path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow tells of what is odd in a file, and reads on
            found.append(fuzz.feed(parser, CASES, seed=7))
    assert len(found) > 25
    assert {each.name: each.crashes for each in found if each.crashes} == {}
    assert all(each.refused for each in found)


def test_what_is_no_refusal_is_counted_as_a_crash(fuzz: ModuleType) -> None:
    def breaks(_case: object) -> object:
        raise KeyError("sides")

    found = fuzz.feed(fuzz.Parser("broken", lambda rng: rng.random(), breaks), 3, seed=1)
    assert (found.cases, found.read, found.refused, len(found.crashes)) == (3, 0, 0, 3)
    assert "KeyError" in found.crashes[0]
