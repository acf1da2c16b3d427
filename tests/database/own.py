"""A rater's own prompt, step by step: asked for, claimed, painted, settled, and read as its rater does."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from arena.domain.moderation import Decision, Verdict
from arena.queries.finding import find_campaign
from arena.queries.submissions import OwnPage, own_page
from arena.services import generation, painting, reviewing, submission
from arena.services.generation import ClaimedJob
from tests.database.conftest import NOW, WORKER, Arena, picture

WORDS = "a green glass bottle on marble, first light"
FINE = (Verdict(Decision.ALLOW, "list", "1"),)


def take_own_prompts(arena: Arena) -> Arena:
    """Let raters of the arena's campaign have their own words painted."""
    with arena.database.write.begin() as session:
        campaign = find_campaign(session, arena.campaign)
        assert reviewing.set_own_prompts(session, campaign, taken=True, actor="ann", now=NOW)
    return arena


def ask(
    arena: Arena,
    voter: str = "ann",
    prompt: str = WORDS,
    *,
    verdicts: Sequence[Verdict] = FINE,
    seed: int = 1,
    at: datetime = NOW,
) -> str:
    with arena.database.write.begin() as session:
        told = submission.ask(
            session,
            voter_key=voter,
            campaign=arena.campaign,
            prompt=prompt,
            language="en",
            verdicts=verdicts,
            now=at,
            rng=random.Random(seed),
        )
    assert isinstance(told, submission.Taken), told
    return told.key


def page(arena: Arena, key: str, voter: str = "ann", *, at: datetime = NOW) -> OwnPage:
    with arena.database.read() as session:
        return own_page(session, key=key, voter_key=voter, now=at)


def settle(arena: Arena, key: str, voter: str = "ann", *, at: datetime = NOW) -> OwnPage:
    with arena.database.write.begin() as session:
        submission.settle(session, key=key, voter_key=voter, now=at)
    return page(arena, key, voter, at=at)


def claim(arena: Arena, *, at: datetime = NOW) -> ClaimedJob:
    with arena.database.write.begin() as session:
        (job,) = generation.claim(session, worker=WORKER, now=at)
    return job


def paint(arena: Arena, job: ClaimedJob, *, at: datetime = NOW) -> None:
    with arena.database.read() as session:
        sizes = painting.canvases(session, job)
    assert sizes == [64]
    painted = painting.store(arena.images, job, picture(job), sizes)
    with arena.database.write.begin() as session:
        assert painting.settle(session, painted, settings={}, environment={}, worker=WORKER, now=at)


def refuse(arena: Arena, job: ClaimedJob, reason: str = "words it does not know") -> None:
    with arena.database.write.begin() as session:
        assert generation.refuse(session, job.id, worker=WORKER, reason=reason, words=(), now=NOW)


def count(arena: Arena, table: type) -> int:
    with arena.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0
