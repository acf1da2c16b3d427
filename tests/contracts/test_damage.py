"""`arena verify` finds damage: a bit turned, a file cut, lost or replaced by nonsense, and says where."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arena.errors import Invalid
from arena.services.release_folder import SAYS, manifest_bytes
from arena.services.verifying import VerificationReport, verify
from tests.contracts.forging import FILES, Forger


@pytest.fixture(scope="module")
def flipped(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy in which one byte at a time is wrong."""
    folder = tmp_path_factory.mktemp("flipped") / "export"
    shutil.copytree(whole, folder)
    yield folder
    assert verify(folder).problems == ()


def flip(file: Path, offset: int, bit: int) -> VerificationReport:
    """Verify with one bit of a file turned, and turn it back."""
    data = file.read_bytes()
    wrong = bytearray(data)
    wrong[offset] ^= 1 << bit
    file.write_bytes(wrong)
    try:
        return verify(file.parent if file.parent.name == "export" else file.parent.parent)
    finally:
        file.write_bytes(data)


def test_an_export_as_it_was_written_matches(whole: Path) -> None:
    report = verify(whole)
    assert report.problems == ()
    assert report.matches
    assert report.votes == 87
    assert len(report.checked) == 7
    assert json.loads(json.dumps(report.as_dict()))["matches"] is True


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_bit_is_found_and_its_file_named(flipped: Path, name: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, (flipped / name).stat().st_size - 1))
    bit = data.draw(st.integers(0, 7))
    report = flip(flipped / name, offset, bit)
    assert not report.matches
    assert any(name in problem for problem in report.problems), report.problems


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_of_a_vote_is_found_with_its_row(flipped: Path, data: st.DataObject) -> None:
    content = (flipped / "votes.csv").read_bytes()
    offset = data.draw(st.integers(content.index(b"\n") + 1, len(content) - 1))
    row = content[:offset].count(b"\n")
    report = flip(flipped / "votes.csv", offset, data.draw(st.integers(0, 7)))
    assert any(problem.startswith(f"votes.csv row {row} ") for problem in report.problems), report.problems


def test_a_flipped_bit_of_the_compressed_votes_is_found_with_its_rows(flipped: Path) -> None:
    content = (flipped / "votes.parquet").read_bytes()
    named = 0
    for offset in range(100, len(content) - 100, len(content) // 40):
        report = flip(flipped / "votes.parquet", offset, 3)
        told = [problem for problem in report.problems if "votes.parquet" in problem]
        assert told, report.problems
        named += any("row" in problem for problem in told)
    assert named > 20


def test_a_flipped_bit_of_a_picture_is_found(flipped: Path) -> None:
    for file in sorted((flipped / "images").iterdir())[:3]:
        report = flip(file, file.stat().st_size // 2, 0)
        assert any(file.name in problem for problem in report.problems)


@pytest.mark.parametrize("name", [name for name in FILES if name != "manifest.json"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    assert f"{name}: is missing" in verify(copy).problems


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_short_or_nonsense_is_named(copy: Path, name: str) -> None:
    data = (copy / name).read_bytes()
    for wrong in (data[: len(data) // 2], b"", b"\xff\x00nonsense", b"[]\n", b"{}\n", b"null\n"):
        (copy / name).write_bytes(wrong)
        report = verify(copy)
        assert any(problem.startswith(name) for problem in report.problems), (wrong[:20], report.problems)


@pytest.mark.parametrize("name", FILES[:-2])
def test_nonsense_with_a_manifest_that_matches_is_named(forger: Forger, name: str) -> None:
    for wrong in (b"", b"\xff\x00nonsense", b"[]\n", b"{}\n", b"null\n", b"[[]]\n", b'[{"a":1}]\n'):
        (forger.folder / name).write_bytes(wrong)
        report = forger.sign()
        assert any(name in problem for problem in report.problems), (wrong, report.problems)


def test_a_missing_picture_is_named(copy: Path) -> None:
    file = next((copy / "images").iterdir())
    file.unlink()
    assert f"images/{file.name}: is missing" in verify(copy).problems


def test_a_picture_too_many_is_named(copy: Path) -> None:
    (copy / "images" / f"{'ab' * 32}.png").write_bytes(b"")
    assert f"images/{'ab' * 32}.png: is not in the manifest" in verify(copy).problems


def test_a_readers_own_notes_beside_an_export_do_not_matter(copy: Path) -> None:
    (copy / "notes.txt").write_text("looked at on Monday")
    assert verify(copy).problems == ()


def test_a_folder_that_is_no_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no export"):
        verify(tmp_path)
    with pytest.raises(Invalid, match="no export"):
        verify(tmp_path / "nothing")


@pytest.mark.parametrize("key", SAYS)
def test_a_manifest_that_leaves_something_out_is_named(copy: Path, key: str) -> None:
    told = json.loads((copy / "manifest.json").read_text())
    del told[key]
    (copy / "manifest.json").write_bytes(manifest_bytes(told))
    (problem,) = verify(copy).problems
    assert problem.startswith("manifest.json: cannot be read")
