"""Keys of the images API: made, shown once, kept as digests, revoked; and what they do not open."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from arena.domain.prompts import loosely
from arena.errors import Invalid, NameTaken, UnknownKey
from arena.queries.embargo import at_work
from arena.services.curation import record
from arena.tables import ApiKey, Campaign, CampaignPrompt, Prompt

MARK = "vern-"
SHOWN = 11
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MOST_PER_MINUTE = 100_000


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; ``secret`` is nowhere else and cannot be had again."""

    name: str
    secret: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Who showed a valid key, and what it allows."""

    name: str
    may_unblind: bool
    per_minute: int | None = None


def make_key(
    session: Session,
    name: str,
    *,
    now: datetime,
    may_unblind: bool = False,
    per_minute: int | None = None,
    actor: str = "operator",
) -> NewKey:
    """Make a key of 256 random bits.

    Raises
    ------
    Invalid
        If the name is none, or the limit is no number of requests.
    NameTaken
        If a key has or had that name: a name stands for one key for ever, so that events stay readable.
    """
    if len(name) > 64 or not NAME.fullmatch(name):
        raise Invalid(f"a key's name is small letters, digits and single hyphens, not {name[:80]!r}")
    if per_minute is not None and not 1 <= per_minute <= MOST_PER_MINUTE:
        raise Invalid(f"requests per minute must be from 1 to {MOST_PER_MINUTE:,}, not {per_minute}")
    secret = MARK + secrets.token_urlsafe(32)
    key = ApiKey(
        name=name,
        prefix=secret[:SHOWN],
        digest=digest_of(secret),
        may_unblind=may_unblind,
        per_minute=per_minute,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(key)
    except IntegrityError as error:
        if session.scalar(select(ApiKey.id).where(ApiKey.name == name)) is None:
            raise
        raise NameTaken(f"a key is, or was, called {name!r}; choose another name") from error
    record(
        session,
        now=now,
        actor=actor,
        kind="key.made",
        subject=name,
        data={"prefix": key.prefix, "may_unblind": may_unblind, "per_minute": per_minute},
    )
    return NewKey(name, secret)


def revoke_key(session: Session, name: str, *, now: datetime, actor: str = "operator") -> bool:
    """Revoke a key for ever, from its next request on; false if it was revoked before.

    Raises
    ------
    UnknownKey
        With the names there are.
    """
    key = session.scalar(select(ApiKey).where(ApiKey.name == name))
    if key is None:
        raise UnknownKey(name, tuple(session.scalars(select(ApiKey.name).order_by(ApiKey.name))))
    if key.revoked_at is not None:
        return False
    key.revoked_at = now
    record(session, now=now, actor=actor, kind="key.revoked", subject=name, data={"prefix": key.prefix})
    return True


def all_keys(session: Session) -> list[ApiKey]:
    """Every key ever made, the oldest first."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.id)))


def find_holder(session: Session, secret: str) -> Holder | None:
    """Who holds that key; nobody if it is none of ours or was revoked."""
    key = session.scalar(
        select(ApiKey).where(ApiKey.digest == digest_of(secret), ApiKey.revoked_at.is_(None))
    )
    return Holder(key.name, key.may_unblind, key.per_minute) if key else None


def digest_of(secret: str) -> str:
    """SHA-256 of a key; no salt or stretching, for 256 random bits cannot be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Embargo:
    """Which words open campaigns are dealing: who could have them painted by name could unmask the pairs.

    Prompts are compared by their letters and digits alone, so that a full stop or a capital is no way round.
    The set is read again when a campaign opened, closed or has new prompts.
    """

    def __init__(self) -> None:
        self._known: tuple[tuple[int, int, int], ...] | None = None
        self._words: frozenset[str] = frozenset()

    def covers(self, session: Session, prompt: str, *, now: datetime) -> bool:
        """Whether an open campaign is dealing these words, or they are a rater's own and at work."""
        own = session.scalars(select(Prompt.text).where(Prompt.id.in_(at_work(now))))
        return self.deals(session, prompt, now=now) or loosely(prompt) in {loosely(text) for text in own}

    def deals(self, session: Session, prompt: str, *, now: datetime) -> bool:
        """Whether an open campaign is dealing these words."""
        is_open = or_(Campaign.closed_at.is_(None), Campaign.closed_at > now)
        dealt = (
            select(Campaign.id, func.count(), func.max(CampaignPrompt.prompt_id))
            .join(CampaignPrompt, CampaignPrompt.campaign_id == Campaign.id)
            .where(is_open)
            .group_by(Campaign.id)
            .order_by(Campaign.id)
        )
        known = tuple((row[0], row[1], row[2]) for row in session.execute(dealt))
        if known != self._known:
            texts = session.scalars(
                select(Prompt.text)
                .join(CampaignPrompt, CampaignPrompt.prompt_id == Prompt.id)
                .join(Campaign, Campaign.id == CampaignPrompt.campaign_id)
                .where(is_open)
            )
            self._words, self._known = frozenset(loosely(text) for text in texts), known
        return loosely(prompt) in self._words
