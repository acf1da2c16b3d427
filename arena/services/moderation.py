"""Moderation: every checker is asked, the strictest counts, all is kept, and an error allows nothing."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.db import Database, told_plainly
from arena.domain.moderation import HELD, OPERATOR, SAFETY, Decision, Verdict, WordList, strictest
from arena.domain.prompts import prompt_digest
from arena.errors import ArenaError
from arena.media.blind import encode
from arena.services import generation
from arena.services.guardrails import Guardrails
from arena.storage import ImageStore
from arena.tables import SafetyVerdict, SubjectKind

if TYPE_CHECKING:
    from PIL.Image import Image

    from models.safety import Finding, PictureChecker, PromptChecker

log = logging.getLogger(__name__)

_AMISS = (Decision.ERROR, Decision.BLOCK)
"""What a sketch is not shown for; a doubt is none, since nobody but its asker sees it."""


class WordsDeclined(ArenaError):
    """Words of a sketch that a checker declines, or could not read."""

    status = 403
    code = "words_declined"


@dataclass(frozen=True, slots=True)
class Moderator:
    """Asks the list and every other checker of prompts; may be used by many threads."""

    words: WordList
    checkers: tuple[PromptChecker, ...] = ()

    def check(self, prompt: str, language: str) -> tuple[Verdict, ...]:
        """What each says of a prompt; the list's own verdict first."""
        told = [self.words.check(prompt, language)]
        for checker in self.checkers:
            told += _asked(checker, checker.check_prompts, [prompt])[0]
        return tuple(told)


@dataclass(frozen=True, slots=True)
class Guard:
    """Asks every checker of pictures."""

    checkers: tuple[PictureChecker, ...]

    def check(self, pictures: Sequence[Image]) -> list[tuple[Verdict, ...]]:
        """What each checker says of each picture."""
        told: list[list[Verdict]] = [[] for _ in pictures]
        for checker in self.checkers:
            for place, verdicts in enumerate(_asked(checker, checker.check_pictures, pictures)):
                told[place] += verdicts
        return [tuple(verdicts) for verdicts in told]


def moderator_of(guardrails: Guardrails) -> Moderator:
    """What reads prompts before anything is painted."""
    return Moderator(guardrails.words, guardrails.prompt_checkers())


def guard_of(guardrails: Guardrails) -> Guard | None:
    """What looks at pictures before they are kept; nothing where no checker of pictures is set up."""
    checkers = guardrails.picture_checkers()
    return Guard(checkers) if checkers else None


def _asked(
    checker: PromptChecker | PictureChecker,
    check: Callable[[Sequence[Any]], list[Finding]],
    subjects: Sequence[Any],
) -> list[list[Verdict]]:
    try:
        found = check(subjects)
        if len(found) != len(subjects):
            raise ValueError(f"{len(found)} findings for {len(subjects)}")
    except Exception as error:
        log.warning("checker %s could not tell: %s", checker.name, error)
        reason = f"{type(error).__name__}: {error}"[:300]
        return [[Verdict(Decision.ERROR, checker.name, checker.version, reason=reason)] for _ in subjects]
    return [
        [Verdict(Decision(one.decision), checker.name, checker.version, one.categories, one.reason[:300])]
        for one in found
    ]


def keep(
    session: Session,
    kind: SubjectKind,
    digest: str,
    verdicts: Sequence[Verdict],
    *,
    now: datetime,
    job_id: int | None = None,
) -> None:
    """Keep what was said of a prompt or a picture."""
    for verdict in verdicts:
        session.add(
            SafetyVerdict(
                kind=kind,
                digest=digest,
                checker=verdict.checker,
                version=verdict.version,
                decision=verdict.decision,
                categories=list(verdict.categories),
                reason=verdict.reason,
                at=now,
                job_id=job_id,
            )
        )


def operators_word(session: Session, kind: SubjectKind, digest: str) -> Decision | None:
    """What an operator said last of just this prompt or picture."""
    return session.scalar(
        select(SafetyVerdict.decision)
        .where(SafetyVerdict.kind == kind, SafetyVerdict.digest == digest, SafetyVerdict.checker == OPERATOR)
        .order_by(SafetyVerdict.id.desc())
        .limit(1)
    )


def judge_prompt(session: Session, prompt: str, verdicts: Sequence[Verdict], *, now: datetime) -> Decision:
    """Keep what the checkers said of a prompt, and say what counts: an operator's word, or the strictest."""
    digest = prompt_digest(prompt)
    keep(session, SubjectKind.PROMPT, digest, verdicts, now=now)
    return operators_word(session, SubjectKind.PROMPT, digest) or strictest(verdicts)


def words_may_be_sketched(verdicts: Sequence[Verdict]) -> bool:
    """Whether a picture of words may be painted for whoever asks, and nobody else."""
    return strictest(verdicts) not in _AMISS


def see_that_words_may_be_sketched(verdicts: Sequence[Verdict]) -> None:
    """See that a picture of words may be painted for whoever asks, and nobody else.

    Raises
    ------
    WordsDeclined
    """
    if not words_may_be_sketched(verdicts):
        raise WordsDeclined("these words are not painted here; other words are welcome")


def may_be_sketched(guard: Guard, *pictures: Image) -> bool:
    """Whether what was painted, every picture of it, may be shown to whoever asked for it."""
    return all(strictest(verdicts) not in _AMISS for verdicts in guard.check(pictures))


def passes(
    database: Database,
    images: ImageStore,
    guard: Guard,
    *,
    job_id: int,
    pixels: Image,
    worker: str,
    now: datetime,
) -> bool:
    """Whether a painted picture may be kept; one that may not settles its job as refused.

    What nobody is sure of is put into the store for an operator to see, and hangs nowhere.
    """
    data = encode(pixels)
    digest = hashlib.sha256(data).hexdigest()
    verdicts = guard.check([pixels])[0]
    decision = strictest(verdicts)
    if decision in (Decision.REVIEW, Decision.ERROR):
        images.put(data)
    with told_plainly(), database.write.begin() as session:
        decision = operators_word(session, SubjectKind.PICTURE, digest) or decision
        keep(session, SubjectKind.PICTURE, digest, verdicts, now=now, job_id=job_id)
        if decision is Decision.ALLOW:
            return True
        reason = SAFETY if decision is Decision.BLOCK else HELD
        generation.refuse(session, job_id, worker=worker, reason=reason, words=(), now=now)
    return False
