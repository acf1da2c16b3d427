"""Whether a rater's own prompt can be taken: by its campaign, by its words, by how many wait already."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from arena.domain.own_prompts import MOST_A_DAY, MOST_WAITING, MOST_WAITING_IN_ALL, PATIENCE
from arena.domain.prompts import prompt_digest
from arena.errors import ArenaError, CampaignClosed
from arena.queries.embargo import OWN_LASTS
from arena.queries.finding import find_campaign
from arena.queries.submissions import painters_of
from arena.services.keys import Embargo
from arena.tables import Campaign, Prompt, PromptSource, Submission, SubmissionState, Voter

AT_WORK = (SubmissionState.REVIEW, SubmissionState.PAINTING)
DAY = timedelta(days=1)


class NotTaken(ArenaError):
    """A rater's own prompt that cannot be taken now; its page says what else can be done."""

    status = 409
    code = "not_taken"


class NoOwnPrompts(NotTaken):
    """The campaign takes none, or has no two entrants that paint while somebody waits."""

    code = "no_own_prompts"


class WordsInUse(NotTaken):
    """The words are the arena's own: their pictures by name could unmask the pairs of a campaign."""

    status = 403
    code = "words_in_use"


class EnoughWaiting(NotTaken):
    """As many as may wait already do: of this rater, or of all together."""

    status = 429
    code = "enough_waiting"


class EnoughToday(NotTaken):
    """The rater has asked for as many as one may in a day."""

    status = 429
    code = "enough_today"


def see_that_it_may(
    session: Session, *, voter_key: str, campaign: str, prompt: str, now: datetime
) -> Campaign:
    """See that a prompt could be taken, before anybody is asked about its words.

    Raises
    ------
    UnknownCampaign, CampaignClosed, NoOwnPrompts, WordsInUse, EnoughWaiting, EnoughToday
    """
    found = find_campaign(session, campaign)
    if found.closed_at is not None and found.closed_at <= now:
        raise CampaignClosed(found.slug)
    if not found.own_prompts:
        raise NoOwnPrompts(f"{found.name} takes no prompts of raters; vote on its ready-made pairs")
    if len(painters_of(session, found.id).able) < 2:
        raise NoOwnPrompts(f"{found.name} has no two entrants that can paint while you wait")
    curated = select(Prompt.id).where(
        Prompt.digest == prompt_digest(prompt), Prompt.source == PromptSource.CURATED
    )
    if session.scalar(curated) is not None or Embargo().deals(session, prompt, now=now):
        raise WordsInUse("these words are among the arena's own; change a few of them")
    waiting = (
        select(func.count())
        .select_from(Submission)
        .where(
            Submission.state.in_(AT_WORK),
            or_(
                Submission.queued_at > now - PATIENCE,
                (Submission.state == SubmissionState.REVIEW) & (Submission.created_at > now - OWN_LASTS),
            ),
        )
    )
    mine = Submission.voter_id == select(Voter.id).where(Voter.key == voter_key).scalar_subquery()
    if (session.scalar(waiting.where(mine)) or 0) >= MOST_WAITING:
        raise EnoughWaiting(f"{MOST_WAITING} of your prompts wait already; send another when one is done")
    if (session.scalar(waiting) or 0) >= MOST_WAITING_IN_ALL:
        raise EnoughWaiting("too many prompts wait at the moment; send it again in a few minutes")
    today = select(func.count()).select_from(Submission).where(mine, Submission.created_at > now - DAY)
    if (session.scalar(today) or 0) >= MOST_A_DAY:
        raise EnoughToday(f"you have sent {MOST_A_DAY} prompts in a day; come back tomorrow")
    return found
