"""What engines keep: converted networks on disk, embeddings in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from models.engines.embeddings import Embeddings
from models.engines.store import ProcessEnded, Store


def test_an_entry_appears_whole_or_not_at_all(tmp_path):
    def write(path: Path) -> None:
        path.write_text("<net/>")
        path.with_suffix(".bin").write_bytes(b"1234")

    def breaks(path: Path) -> None:
        path.write_text("<net/>")
        raise RuntimeError("disk full")

    store = Store(tmp_path / "store", most_bytes=30)
    with pytest.raises(RuntimeError, match="disk full"):
        store.add("a", breaks, {})
    assert list(store.folder.iterdir()) == []
    assert store.find("a") is None
    store.add("a", write, {"part": "unet"})
    assert store.find("a").about["part"] == "unet"
    # Whoever comes second takes what is there.
    assert store.add("a", write, {"part": "other"}).about["part"] == "unet"
    (store.folder / "a" / "about.json").write_text("[]")
    assert store.find("a") is None
    assert store.add("a", write, {"part": "mended"}).about["part"] == "mended"


def test_what_was_used_longest_ago_makes_room(tmp_path):
    def write(path: Path) -> None:
        path.write_text("<net/>")
        path.with_suffix(".bin").write_bytes(bytes(1000))

    store = Store(tmp_path, most_bytes=3000)
    for number, key in enumerate(("a", "b")):
        folder = store.add(key, write, {}).folder
        os.utime(folder, (number, number))
    store.find("a")
    store.add("c", write, {})
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "c"]


def test_a_conversion_that_ended_a_process_is_not_tried_again(tmp_path):
    code = f"""
import os
from pathlib import Path
from models.engines.store import Store
with Store(Path({str(tmp_path)!r})).tried("a"):
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    store = Store(tmp_path)
    with pytest.raises(ProcessEnded, match=r"remove .*\.a\.pid to try again"), store.tried("a"):
        raise AssertionError("it was tried")
    for _ in range(2):
        with pytest.raises(ValueError, match="an error is no crash"), store.tried("b"):
            raise ValueError("an error is no crash")


def test_the_memory_of_embeddings_is_bounded_and_forgets_the_oldest():
    asked = []

    def reader(ids):
        asked.append(int(ids[0, 0]))
        return (ids.float() * 2,)

    memory = Embeddings(reader, most_bytes=2 * 4 * 4)
    for rows in ([1, 2], [1, 3], [1, 2]):
        ids = torch.tensor(rows)[:, None].expand(-1, 4)
        assert torch.equal(memory(ids)[0], ids.float() * 2)
    assert asked == [1, 2, 3, 2]
    assert memory.bytes == 32


def test_an_answer_that_is_not_one_row_a_prompt_goes_through_untouched():
    memory = Embeddings(lambda ids: ids.sum())
    assert memory(torch.ones(3, 4)) == 12
