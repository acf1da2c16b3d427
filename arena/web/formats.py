"""The formats on the data page: what each is for, what it leaves out, how large it gets, and its command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from analysis.outcomes import Outcome
from arena.domain.formats import FORMATS, VERNISSAGE
from arena.queries.data import DataPage
from arena.services.formats.registry import VOTE_FORMATS
from arena.web.i18n import decimal, gettext, noted

LOADS: Final[Mapping[str, str]] = {
    VERNISSAGE: noted("arena verify, and anything that reads Parquet or CSV"),
    "pickapic": noted("PickScore, and anything that reads Pick-a-Pic"),
    "dpo": noted("The DPO scripts of diffusers, DiffusionDPO"),
    "webdataset": noted("webdataset, datasets"),
    "hpdv2": noted("HPSv2’s training and evaluation"),
    "genai-bench": noted("datasets, as GenAI-Bench"),
    "clean-battle": noted("elo_analysis, arena-rank"),
    "lmarena-55k": noted("pandas, and whatever reads LMArena’s train.csv"),
    "lmarena-140k": noted("datasets, as LMArena’s conversations"),
    "rapidata": noted("datasets, as Rapidata’s sets"),
    "imagefolder": noted("datasets, as a folder of pictures"),
    "kohya": noted("kohya’s sd-scripts"),
    "leaderboard-dataset": noted("datasets, as LMArena’s leaderboards"),
    "csv": noted("pandas, R, spreadsheets"),
    "jsonl": noted("pandas, jq, datasets"),
}
LEFT_OUT: Final[Mapping[Outcome, str]] = {
    Outcome.TIE: noted("Ties"),
    Outcome.BOTH_BAD: noted("Both bad"),
}
ONCE: Final = frozenset({VERNISSAGE, "hpdv2", "lmarena-55k", "imagefolder"})
"""Formats that hold each picture once; others hold both with every vote."""


@dataclass(frozen=True, slots=True)
class Line:
    """A format as the page tells it."""

    name: str
    loads: str
    left_out: str
    size: str
    command: str


def lines(page: DataPage) -> Iterator[Line]:
    """Every format of `arena export`."""
    for name in FORMATS:
        form = VOTE_FORMATS.get(name)
        dropped = [outcome for outcome, word in form.words.items() if word is None] if form else []
        merged = form is not None and bool(form.merged)
        yield Line(
            name=name,
            loads=gettext(LOADS[name]),
            left_out=", ".join(gettext(LEFT_OUT[outcome]) for outcome in dropped)
            or (gettext("Nothing; ties and both bad are one word") if merged else gettext("Nothing")),
            size=_size(name, page),
            command=f"arena export {name}" + ("" if name == VERNISSAGE else f" --format {name}"),
        )


def _size(name: str, page: DataPage) -> str:
    form = VOTE_FORMATS.get(name)
    if name != VERNISSAGE and (form is None or not form.pictures):
        return gettext("Text alone")
    pictures = page.pictures if name in ONCE else 2 * page.votes
    megabytes = decimal(pictures * page.picture_bytes / 1e6)
    if name in ONCE:
        return gettext("About %(n)s MB", n=megabytes)
    return gettext("Up to %(n)s MB", n=megabytes)
