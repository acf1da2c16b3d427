"""Every format of votes by its name."""

from __future__ import annotations

from arena.errors import Invalid
from arena.services.formats import folders, genai, lmarena, pairs, pickapic, plain
from arena.services.formats.contracts import Format

VOTE_FORMATS = {
    form.name: form
    for form in (
        pickapic.PICKAPIC,
        pickapic.DPO,
        pickapic.WEBDATASET,
        pairs.HPDV2,
        genai.GENAI_BENCH,
        genai.CLEAN_BATTLE,
        lmarena.LMARENA_55K,
        lmarena.LMARENA_140K,
        pairs.RAPIDATA,
        folders.IMAGEFOLDER,
        folders.KOHYA,
        plain.CSV,
        plain.JSONL,
    )
}


def find(name: str) -> Format:
    """The format of a name.

    Raises
    ------
    Invalid
        With the names there are.
    """
    try:
        return VOTE_FORMATS[name]
    except KeyError:
        raise Invalid(f"votes are not written as {name!r}; they are as {', '.join(VOTE_FORMATS)}") from None
