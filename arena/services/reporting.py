"""Reports: a rater says that a picture should not hang, and an operator keeps it or takes it down."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from arena.errors import Conflict, NotFound
from arena.services.curation import record
from arena.services.voting import own_battle
from arena.tables import Battle, Image, PictureSide, Report, ReportKind, Verdict

BY_RATER = "rater"
LONGEST_NOTE = 300


def report(
    session: Session,
    *,
    key: str,
    voter_key: str,
    side: PictureSide,
    kind: ReportKind,
    note: str,
    now: datetime,
) -> bool:
    """Report a picture of a battle; one that has no answer yet is set aside, like one that was skipped.

    A second report of the same picture of a battle changes nothing.

    Returns
    -------
    bool
        Whether the battle was set aside, so that the next one is due.

    Raises
    ------
    UnknownBattle
    """
    battle = own_battle(session, key, voter_key)
    image_id = battle.left_image_id if side is PictureSide.LEFT else battle.right_image_id
    assert image_id is not None, "a battle that was dealt here has its pictures"
    known = select(Report.id).where(Report.battle_id == battle.id, Report.side == side)
    if session.scalar(known) is None:
        told = " ".join(note.split())[:LONGEST_NOTE]
        session.add(
            Report(battle_id=battle.id, side=side, image_id=image_id, kind=kind, note=told, reported_at=now)
        )
        record(
            session,
            now=now,
            actor=BY_RATER,
            kind="picture.reported",
            subject=str(image_id),
            data={"kind": kind.value},
        )
    if battle.voted_at is None and battle.skipped_at is None:
        battle.skipped_at = now
    session.flush()
    return battle.voted_at is None


def keep(session: Session, report_id: int, *, actor: str, now: datetime) -> None:
    """Let a reported picture hang; every open report of it is settled.

    Raises
    ------
    NotFound, Conflict
    """
    _settle(session, report_id, Verdict.KEPT, kind="picture.kept", actor=actor, now=now)


def take_down(session: Session, report_id: int, *, actor: str, now: datetime) -> None:
    """Deal a reported picture to nobody any more; pairs that hang now and have no answer come down with it.

    Votes on it stand, and it stays in exports. Every open report of it is settled.

    Raises
    ------
    NotFound, Conflict
    """
    image_id = _settle(
        session, report_id, Verdict.TAKEN_DOWN, kind="picture.taken_down", actor=actor, now=now
    )
    session.execute(
        update(Image).where(Image.id == image_id, Image.withdrawn_at.is_(None)).values(withdrawn_at=now)
    )
    session.execute(
        update(Battle)
        .where(
            or_(Battle.left_image_id == image_id, Battle.right_image_id == image_id),
            Battle.voted_at.is_(None),
            Battle.skipped_at.is_(None),
            Battle.expires_at > now,
        )
        .values(expires_at=now)
    )


def _settle(
    session: Session, report_id: int, verdict: Verdict, *, kind: str, actor: str, now: datetime
) -> int:
    """Settle every open report of the picture that a report is about; the number of the picture."""
    found = session.get(Report, report_id, with_for_update=True)
    if found is None:
        raise NotFound(f"there is no report {report_id}")
    if found.verdict is not None:
        raise Conflict(f"report {report_id} was settled before; nothing was changed")
    session.execute(
        update(Report)
        .where(Report.image_id == found.image_id, Report.verdict.is_(None))
        .values(verdict=verdict, settled_at=now)
    )
    record(session, now=now, actor=actor, kind=kind, subject=str(found.image_id), data={"report": report_id})
    return found.image_id
