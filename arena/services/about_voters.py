"""What voters tell about themselves: kept with the voter, and told only as counts that hide the few."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from arena.domain.about import FEWEST, QUESTIONS, read_about
from arena.services.curation import record
from arena.services.voters import voter_of
from arena.tables import Battle, Campaign, Voter


def tell(session: Session, *, voter_key: str, sent: dict[str, str], now: datetime) -> None:
    """Keep what a voter tells in place of what they told before; nothing at all deletes it.

    Raises
    ------
    Invalid
        If an answer is none of those offered.
    """
    voter_of(session, voter_key, now=now).about = read_about(sent) or None


def told_by(session: Session, *, voter_key: str) -> dict[str, str]:
    """What a voter has told."""
    return session.scalar(select(Voter.about).where(Voter.key == voter_key)) or {}


def set_asking(session: Session, campaign: Campaign, asks: bool, *, now: datetime, actor: str) -> None:
    """Have a campaign ask its voters about themselves after their first set, or ask no more."""
    if asks != campaign.asks_about:
        campaign.asks_about = asks
        told = {"asks_about": asks}
        record(session, now=now, actor=actor, kind="quality.set", subject=campaign.slug, data=told)


def about_counts(session: Session, campaign: Campaign) -> dict[str, dict[str, int | None]]:
    """How many voters of a campaign gave each answer; null where they are fewer than `FEWEST`, but some.

    A question of which only one answer would be hidden hides its smallest other one too, so that it cannot be
    told from the sum.
    """
    voted = exists().where(
        Battle.voter_id == Voter.id, Battle.campaign_id == campaign.id, Battle.voted_at.is_not(None)
    )
    rows = session.scalars(select(Voter.about).where(voted, Voter.about.is_not(None))).all()
    return {
        question: _hidden(Counter(row[question] for row in rows if row and question in row), answers)
        for question, answers in QUESTIONS.items()
    }


def _hidden(counted: Counter[str], answers: tuple[str, ...]) -> dict[str, int | None]:
    few = [answer for answer in answers if 0 < counted[answer] < FEWEST]
    others = [answer for answer in answers if counted[answer] >= FEWEST]
    if len(few) == 1 and others:
        few.append(min(others, key=lambda answer: counted[answer]))
    return {answer: None if answer in few else counted[answer] for answer in answers}
