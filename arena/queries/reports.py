"""Reports of pictures, for the operators: those that wait, and what became of the last ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from arena.errors import NotFound
from arena.tables import Battle, Campaign, Entrant, Image, Prompt, Report, ReportKind, Verdict

SETTLED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A report; ``others`` counts the other reports of the same picture."""

    number: int
    campaign: str
    prompt: str
    language: str
    entrant: str
    picture: int
    kind: ReportKind
    note: str
    reported_at: datetime
    verdict: Verdict | None
    settled_at: datetime | None
    others: int


def open_reports(session: Session) -> list[ReportLine]:
    """Reports that nobody has looked at, the oldest first."""
    return _lines(session, _query().where(Report.verdict.is_(None)).order_by(Report.id))


def settled_reports(session: Session) -> list[ReportLine]:
    """The last reports that were settled, the newest first."""
    query = _query().where(Report.verdict.is_not(None))
    return _lines(session, query.order_by(Report.settled_at.desc(), Report.id.desc()).limit(SETTLED_SHOWN))


def waiting(session: Session) -> int:
    """How many reports nobody has looked at."""
    return session.scalar(select(func.count(Report.id)).where(Report.verdict.is_(None))) or 0


def reported_picture(session: Session, number: int) -> str:
    """Digest of the picture that a report is about.

    Raises
    ------
    NotFound
    """
    digest = session.scalar(
        select(Image.digest).join(Report, Report.image_id == Image.id).where(Report.id == number)
    )
    if digest is None:
        raise NotFound(f"there is no report {number}")
    return digest


def _query() -> Select[*tuple[Any, ...]]:
    of_picture = Report.__table__.alias()
    others = (
        select(func.count() - 1)
        .select_from(of_picture)
        .where(of_picture.c.image_id == Report.image_id)
        .scalar_subquery()
    )
    return (
        select(Report, Campaign.name, Prompt.text, Prompt.language, Entrant.name, others)
        .join(Battle, Report.battle_id == Battle.id)
        .join(Campaign, Battle.campaign_id == Campaign.id)
        .join(Image, Report.image_id == Image.id)
        .join(Prompt, Image.prompt_id == Prompt.id)
        .join(Entrant, Image.entrant_id == Entrant.id)
    )


def _lines(session: Session, query: Select[*tuple[Any, ...]]) -> list[ReportLine]:
    return [
        ReportLine(
            number=report.id,
            campaign=campaign,
            prompt=prompt,
            language=language,
            entrant=entrant,
            picture=report.image_id,
            kind=report.kind,
            note=report.note,
            reported_at=report.reported_at,
            verdict=report.verdict,
            settled_at=report.settled_at,
            others=others,
        )
        for report, campaign, prompt, language, entrant, others in session.execute(query)
    ]
