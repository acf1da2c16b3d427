"""Studies of a campaign's pictures, read back with their types; every one is kept, the newest is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.tables import Study

STYLE: Final = "style"
GENERICNESS: Final = "genericness"
BLINDNESS: Final = "blindness"
KINDS: Final = (STYLE, GENERICNESS, BLINDNESS)

MEASURES: Final = (
    "brightness", "saturation", "colourfulness", "contrast", "sharpness", "edge_density", "aspect", "length",
)  # fmt: skip
"""What the study of style tells of each entrant: the measures of `ImageMeasure`, width over height, bytes."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a study was made of: of so many measured pictures, those it ``used``."""

    version: str
    pictures: int
    used: int
    prompts: int
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Spread:
    """A measure over the pictures of an entrant.

    ``sd`` is null with one picture; ``bins`` are shares of the pictures along the axis of the measure.
    """

    mean: float
    sd: float | None
    bins: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class StyleRow:
    """The style of an entrant, by the names of `MEASURES`."""

    entrant_id: int
    pictures: int
    measures: Mapping[str, Spread]


@dataclass(frozen=True, slots=True)
class StyleStudy:
    """The style of every entrant; ``axes`` are the two ends that the bins of a measure lie between."""

    source: Source
    axes: Mapping[str, tuple[float, float]]
    rows: tuple[StyleRow, ...]


@dataclass(frozen=True, slots=True)
class GenericRow:
    """How much an entrant varies: see `analysis.Diversity`; null where prompts are too few."""

    entrant_id: int
    prompts: int
    across: float | None
    genericness: Interval | None
    within: Interval | None


@dataclass(frozen=True, slots=True)
class GenericStudy:
    """How much every entrant varies."""

    source: Source
    fewest_prompts: int
    rows: tuple[GenericRow, ...]


@dataclass(frozen=True, slots=True)
class BlindRow:
    """How well an entrant is told from its pixels: see `analysis.telling.Told`; null with too few prompts."""

    entrant_id: int
    prompts: int
    recall: Interval | None
    balanced: Interval | None


@dataclass(frozen=True, slots=True)
class BlindStudy:
    """How well entrants are told apart from pixels alone: see `analysis.telling.Telling`."""

    source: Source
    fewest_prompts: int
    compared: int
    chance: float | None
    accuracy: Interval | None
    rows: tuple[BlindRow, ...]


def newest_study(session: Session, campaign_id: int, kind: str) -> Study | None:
    """The newest study of a kind, one of `KINDS`; nothing if none was made yet."""
    return session.scalar(
        select(Study)
        .where(Study.campaign_id == campaign_id, Study.kind == kind)
        .order_by(Study.id.desc())
        .limit(1)
    )


def style(session: Session, campaign_id: int) -> StyleStudy | None:
    """The newest study of style."""
    study = newest_study(session, campaign_id, STYLE)
    if study is None:
        return None
    told = study.result
    return StyleStudy(
        source=_source(study),
        axes={name: (ends[0], ends[1]) for name, ends in told["axes"].items()},
        rows=tuple(
            StyleRow(
                row["entrant_id"],
                row["pictures"],
                {
                    name: Spread(spread["mean"], spread["sd"], tuple(spread["bins"]))
                    for name, spread in row["measures"].items()
                },
            )
            for row in told["rows"]
        ),
    )


def genericness(session: Session, campaign_id: int) -> GenericStudy | None:
    """The newest study of genericness."""
    study = newest_study(session, campaign_id, GENERICNESS)
    if study is None:
        return None
    told = study.result
    return GenericStudy(
        source=_source(study),
        fewest_prompts=told["fewest_prompts"],
        rows=tuple(
            GenericRow(
                entrant_id=row["entrant_id"],
                prompts=row["prompts"],
                across=row["across"],
                genericness=_interval(row["genericness"]),
                within=_interval(row["within"]),
            )
            for row in told["rows"]
        ),
    )


def blindness(session: Session, campaign_id: int) -> BlindStudy | None:
    """The newest study of blindness."""
    study = newest_study(session, campaign_id, BLINDNESS)
    if study is None:
        return None
    told = study.result
    return BlindStudy(
        source=_source(study),
        fewest_prompts=told["fewest_prompts"],
        compared=told["compared"],
        chance=told["chance"],
        accuracy=_interval(told["accuracy"]),
        rows=tuple(
            BlindRow(row["entrant_id"], row["prompts"], _interval(row["recall"]), _interval(row["balanced"]))
            for row in told["rows"]
        ),
    )


def _source(study: Study) -> Source:
    told = study.result
    return Source(study.version, study.pictures, told["used"], told["prompts"], study.made_at)


def _interval(told: Mapping[str, Any] | None) -> Interval | None:
    return None if told is None else Interval(told["value"], told["low"], told["high"])
