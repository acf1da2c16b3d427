"""Pick-a-Pic, Pick-a-Pic without ties, and its WebDataset mirror."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from arena.services.formats.contracts import Desk, Format, Part, Parts, Preference
from arena.services.formats.finished import BEGUN
from arena.services.formats.sinks import Row, Tables, hugging_face

SCHEMA = hugging_face(
    pa.schema(
        [
            ("are_different", pa.bool_()),
            ("best_image_uid", pa.string()),
            ("caption", pa.string()),
            ("created_at", pa.timestamp("ns")),
            ("has_label", pa.bool_()),
            ("image_0_uid", pa.string()),
            ("image_0_url", pa.string()),
            ("image_1_uid", pa.string()),
            ("image_1_url", pa.string()),
            ("jpg_0", pa.binary()),
            ("jpg_1", pa.binary()),
            ("label_0", pa.float64()),
            ("label_1", pa.float64()),
            ("model_0", pa.string()),
            ("model_1", pa.string()),
            ("ranking_id", pa.int64()),
            ("user_id", pa.int64()),
            ("num_example_per_prompt", pa.int64()),
            ("__index_level_0__", pa.int64()),
        ]
    )
)
NO_WINNER = "none"
_REMARKS = (
    "`image_0` hung on the left, `image_1` on the right; a uid is the SHA-256 of the picture's PNG file, and "
    "the urls are empty because the pictures are in the rows.",
    "`jpg_0` and `jpg_1` hold the PNG bytes of the store; whatever opens them by content, as Pillow does, "
    "reads them.",
    "`ranking_id` is the number of the vote, `created_at` midnight UTC of its day.",
    "`num_example_per_prompt` counts the rows of this export on the prompt.",
    "Beside each part but train stands the same part with `_unique` in its name, which repeats its first row "
    "of each prompt.",
    "`__index_level_0__` counts rows; it stands there because PickScore drops it by name.",
    "A vote that was imported from Pick-a-Pic keeps its uids, urls, `ranking_id`, `__index_level_0__` and "
    "the bytes of its pictures as they came, and of `created_at` the day.",
)


def label_of(form: Format, vote: Preference) -> float:
    """Pick-a-Pic's ``label_0`` of a vote that the format keeps."""
    word = form.words[vote.outcome]
    assert word is not None, "dropped before"
    return float(word)


def write_pickapic(votes: Iterator[Preference], desk: Desk) -> Parts:
    """Write Pick-a-Pic's columns."""
    return _write(PICKAPIC, votes, desk)


def write_dpo(votes: Iterator[Preference], desk: Desk) -> Parts:
    """Write the same of decided votes."""
    return _write(DPO, votes, desk)


def _write(form: Format, votes: Iterator[Preference], desk: Desk) -> Parts:
    with Tables(desk, "data", SCHEMA) as tables:
        for number, vote in enumerate(votes):
            parts = [vote.split]
            if vote.first_on_prompt and vote.split != "train":
                parts.append(f"{vote.split}_unique")
            wanted = [part for part in parts if not tables.kept(part)]
            row = _row(form, vote, desk, number) if wanted else {}
            for part in wanted:
                tables.add(part, row, len(row["jpg_0"]) + len(row["jpg_1"]))
    return tables.parts


def _row(form: Format, vote: Preference, desk: Desk, number: int) -> Row:
    label = label_of(form, vote)
    told = vote.elsewhere
    uids = [told.get(f"image_{n}_uid") or side.picture.digest for n, side in enumerate(vote.sides)]
    files = [desk.pictures(side.picture.original or side.picture.digest) for side in vote.sides]
    return {
        "are_different": uids[0] != uids[1],
        "best_image_uid": {1.0: uids[0], 0.0: uids[1]}.get(label, NO_WINNER),
        "caption": vote.prompt.text,
        "created_at": vote.midnight.replace(tzinfo=None),
        "has_label": label in (0.0, 1.0),
        "image_0_uid": uids[0],
        "image_0_url": told.get("image_0_url", ""),
        "image_1_uid": uids[1],
        "image_1_url": told.get("image_1_url", ""),
        "jpg_0": files[0],
        "jpg_1": files[1],
        "label_0": label,
        "label_1": 1.0 - label,
        "model_0": vote.left.entrant,
        "model_1": vote.right.entrant,
        "ranking_id": told.get("ranking_id", vote.number),
        "user_id": vote.rater,
        "num_example_per_prompt": vote.on_prompt,
        "__index_level_0__": told.get("__index_level_0__", number),
    }


def write_webdataset(votes: Iterator[Preference], desk: Desk) -> Parts:
    """Write tar files, a few hundred megabytes each, with five members a vote."""
    tars: dict[str, _Tars] = {}
    with ExitStack() as opened:
        for vote in votes:
            if vote.split not in tars:
                tars[vote.split] = opened.enter_context(_Tars(desk, vote.split))
            if tars[vote.split].kept():
                continue
            label = label_of(WEBDATASET, vote)
            tars[vote.split].add(
                f"{vote.number:09d}",
                {
                    "jpg_0.jpg": desk.pictures(vote.left.picture.digest),
                    "jpg_1.jpg": desk.pictures(vote.right.picture.digest),
                    "label_0.txt": str(label).encode(),
                    "label_1.txt": str(1.0 - label).encode(),
                    "original_prompt.txt": vote.prompt.text.encode(),
                },
            )
    return {part: Part(f"{part}-*.tar", told.samples) for part, told in tars.items()}


class _Tars:
    """Numbered tar files of one part; a context that ends the last of them."""

    def __init__(self, desk: Desk, part: str) -> None:
        self._desk = desk
        self._part = part
        self._tar: tarfile.TarFile | None = None
        self._kept = sum(whole.rows for whole in desk.finished.of(part))
        self._in_tar = 0
        self.samples = 0

    def kept(self) -> bool:
        """Whether the next sample is in a finished file; it is then counted."""
        if self.samples < self._kept:
            self.samples += 1
            return True
        return False

    def add(self, key: str, members: dict[str, bytes]) -> None:
        """Add a sample."""
        if self._tar is None:
            name = f"{self._part}-{len(self._desk.finished.of(self._part)):06d}.tar{BEGUN}"
            self._tar = tarfile.open(self._desk.folder / name, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        for name, data in members.items():
            told = tarfile.TarInfo(f"{key}.{name}")
            told.size = len(data)
            self._tar.addfile(told, io.BytesIO(data))
        self._tar.getmembers().clear()  # tarfile remembers every member otherwise
        self.samples += 1
        self._in_tar += 1
        if self._tar.offset >= self._desk.shard_bytes:
            self._end()

    def _end(self) -> None:
        if self._tar is not None:
            self._tar.close()
            self._desk.finished.add(self._part, Path(str(self._tar.name)), self._in_tar)
            self._tar, self._in_tar = None, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._end()
        elif self._tar is not None:
            with suppress(OSError):
                self._tar.close()


PICKAPIC = Format(
    name="pickapic",
    title="Pick-a-Pic (yuvalkirstain/pickapic_v1, _v2)",
    reader="PickScore; anything that reads Pick-a-Pic",
    vocabulary="pickapic",
    write=write_pickapic,
    remarks=(
        *_REMARKS,
        "Votes without a winner carry 0.5 twice. The DPO scripts of diffusers take 0.5 for a win of `jpg_0`: "
        "give them `--format dpo`.",
    ),
    second_hand=("Pick-a-Pic v2's own card is gone: its columns are known through v1's and its loaders.",),
    decided_beyond_train=True,
)
DPO = Format(
    name="dpo",
    title="Pick-a-Pic without ties (as kashif/pickascore)",
    reader="diffusers' train_diffusion_dpo.py and its SDXL twin, DiffusionDPO",
    vocabulary="dpo",
    write=write_dpo,
    remarks=_REMARKS,
)
WEBDATASET = Format(
    name="webdataset",
    title="Pick-a-Pic as WebDataset (sayakpaul/pickapic_v2_webdataset)",
    reader="webdataset; `datasets` with its webdataset builder",
    vocabulary="dpo",
    write=write_webdataset,
    remarks=(
        "A key is the number of the vote. `jpg_0` hung on the left; both hold the PNG bytes of the store, "
        "under the names that loaders ask for.",
    ),
)
