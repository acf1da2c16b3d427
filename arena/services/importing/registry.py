"""Every format that votes come in by its name, and why the others bring none."""

from __future__ import annotations

from pathlib import Path

from arena.errors import Invalid
from arena.services.formats.folder import REPORT
from arena.services.importing import lmarena, pictured, plain, vernissage
from arena.services.importing.contracts import Shape
from arena.services.importing.files import columns_of

SHAPES = {
    shape.name: shape
    for shape in (
        vernissage.VERNISSAGE,
        pictured.PICKAPIC,
        pictured.GENAI_BENCH,
        lmarena.CLEAN_BATTLE,
        lmarena.LMARENA_55K,
        lmarena.LMARENA_140K,
        pictured.RAPIDATA,
        plain.IMGSYS,
        plain.CSV,
        plain.JSONL,
    )
}
NO_VOTES = {
    "dpo": "it lost the ties, and a board without them is another board; import the same votes as pickapic",
    "webdataset": "it does not say which entrant painted a picture",
    "hpdv2": "it does not say which entrant painted a picture",
    "imagefolder": "it was made for loading pictures; give its metadata.csv to --format csv",
    "kohya": "it does not say which entrant painted a picture",
    "leaderboard-dataset": "it holds ratings, and no votes",
}


def find(name: str) -> Shape:
    """The format of a name.

    Raises
    ------
    Invalid
        If votes do not come in it, and why.
    """
    if name in NO_VOTES:
        raise Invalid(f"{name} cannot be imported: {NO_VOTES[name]}")
    if name not in SHAPES:
        raise Invalid(f"{name!r} is no format of votes; there is: {', '.join(SHAPES)}")
    return SHAPES[name]


def files_of(shape: Shape, path: Path) -> list[Path]:
    """The files of votes at a path, which is one of them or a folder of them.

    Raises
    ------
    Invalid
        If there are none, their ending or columns are not the format's, or a folder is not what it should be.
    """
    if not path.exists():
        raise Invalid(f"there is no {path}")
    endings = " or ".join(shape.endings)
    if shape is vernissage.VERNISSAGE and not path.is_dir():
        raise Invalid(f"{path} is a file; name the folder that `arena export` wrote")
    if path.is_file() and path.suffix not in shape.endings:
        raise Invalid(f"{path} does not end in {endings}, as files of {shape.name} do")
    found = [path] if path.is_file() else (shape.files or _all_files)(path, shape.endings)
    if not found:
        raise Invalid(f"{path} holds no file that ends in {endings}")
    for file in found:
        _check_columns(shape, file)
    return found


def _all_files(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    return [file for file in sorted(folder.rglob("*")) if file.suffix in endings and file.name != REPORT]


def _check_columns(shape: Shape, file: Path) -> None:
    there = columns_of(file)
    if not any(set(needs) <= set(there) for needs in shape.needs):
        wanted = ", or ".join(", ".join(needs) for needs in shape.needs)
        told = ", ".join(there) or "none"
        raise Invalid(f"{file} has not the columns of {shape.name} ({wanted}); it has {told}")
