"""A campaign that is judged and closes, so that its battles come on show."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from analysis.outcomes import Outcome
from arena.domain.blinding import CONSENT_VERSION
from arena.services import dealing, voting
from arena.tables import Battle, Campaign
from tests.web import small


def judge(
    arena: small.SmallArena, answers: Sequence[Outcome], *, reasons: Sequence[str] = (), reveal: bool = True
) -> list[int]:
    """Deal and answer one battle for each outcome, each by a voter of their own, two hours ago.

    Returns
    -------
    list of int
        The numbers of the battles.
    """
    then = datetime.now(UTC) - timedelta(hours=2)
    numbers = []
    with arena.database.write.begin() as session:
        for place, outcome in enumerate(answers):
            voter = f"{len(answers):08x}{place:024x}"
            dealt = dealing.next_battle(
                session, campaign=arena.campaign, voter_key=voter, now=then, rng=random.Random(place)
            )
            assert isinstance(dealt, dealing.Dealt)
            voting.cast_vote(
                session,
                key=dealt.key,
                voter_key=voter,
                criterion="preference",
                outcome=outcome,
                elapsed_ms=2718,
                consent=CONSENT_VERSION,
                now=then,
            )
            voting.give_reasons(session, key=dealt.key, voter_key=voter, tags=reasons, now=then)
            if reveal:
                voting.settle(session, key=dealt.key, voter_key=voter, now=then)
            numbers.append(session.scalars(select(Battle.id).where(Battle.key == dealt.key)).one())
    return numbers


def close(arena: small.SmallArena, slug: str = "open") -> None:
    """Close a campaign a minute ago."""
    with arena.database.write.begin() as session:
        campaign = session.scalars(select(Campaign).where(Campaign.slug == slug)).one()
        campaign.closed_at = datetime.now(UTC) - timedelta(minutes=1)
