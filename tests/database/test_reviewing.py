"""What an operator decides of raters' prompts and pictures, and what is kept of those that are declined."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from PIL import Image as Pillow
from sqlalchemy import func, select

from arena.domain.moderation import HELD, Decision, Verdict
from arena.domain.own_prompts import PATIENCE
from arena.queries.reviews import queue
from arena.queries.submissions import Stage
from arena.services import moderation, retiring, reviewing, submission
from arena.services.moderation import Guard
from arena.tables import Entrant, Event, Job, Prompt, SafetyVerdict, SubjectKind, Submission, SubmissionState
from models.safety import Finding
from tests.database.conftest import NOW, WORKER, Arena, picture
from tests.database.own import WORDS, ask, claim, count, page, paint, settle, take_own_prompts

UNSURE = (Verdict(Decision.REVIEW, "list", "1", ("sexual",)),)
AMISS = (Verdict(Decision.BLOCK, "list", "1", ("violence",)),)
RNG = random.Random(1)


@pytest.fixture
def own(arena: Arena) -> Arena:
    """A campaign that takes raters' own prompts."""
    return take_own_prompts(arena)


def test_what_no_checker_is_sure_of_waits_for_an_operator(own: Arena) -> None:
    key, other = ask(own, verdicts=UNSURE), ask(own, "ben", "an owl", verdicts=UNSURE)
    assert page(own, key).stage is Stage.LOOKED_AT
    assert count(own, Prompt) == 4  # the words are not among the prompts yet
    with own.database.read() as session:
        held = queue(session).prompts
    assert [(one.prompt, one.said[0].categories) for one in held] == [
        (WORDS, ("sexual",)),
        ("an owl", ("sexual",)),
    ]
    with own.database.write.begin() as session:
        reviewing.decide_prompt(session, held[0].number, allow=True, actor="ann", now=NOW, rng=RNG)
        reviewing.decide_prompt(session, held[1].number, allow=False, actor="ann", now=NOW, rng=RNG)
        again = reviewing.decide_prompt(session, held[1].number, allow=True, actor="ann", now=NOW, rng=RNG)
    assert not again.changed
    assert page(own, key).stage is Stage.QUEUED
    declined = page(own, other, "ben")
    assert (declined.state, declined.prompt) == (SubmissionState.DECLINED, "")
    with own.database.read() as session:
        events = session.scalars(select(Event.kind).where(Event.kind.startswith("prompt."))).all()
    assert sorted(events) == ["prompt.allowed", "prompt.blocked"]
    ask(own, "cat", verdicts=UNSURE, seed=2)  # an operator has allowed these very words
    with own.database.read() as session:
        assert session.scalars(select(Submission.state).order_by(Submission.id.desc())).first() == "painting"


@pytest.mark.parametrize("left", [2, 1])
def test_who_was_retired_while_words_were_looked_at_is_replaced(own: Arena, left: int) -> None:
    key = ask(own, verdicts=UNSURE)
    with own.database.write.begin() as session:
        drawn = session.scalars(select(Submission)).one()
        before = drawn.eligible
        for entrant_id in (drawn.left_entrant_id, drawn.right_entrant_id)[: 3 - left]:
            retiring.retire(session, session.get_one(Entrant, entrant_id).slug, now=NOW)
        (held,) = queue(session).prompts
        reviewing.decide_prompt(session, held.number, allow=True, actor="ann", now=NOW, rng=RNG)
        retired = set(session.scalars(select(Entrant.id).where(Entrant.retired_at.is_not(None))))
    if left == 1:
        ended = page(own, key)
        assert (ended.state, ended.reason) == (SubmissionState.FAILED, submission.WITHDRAWN)
        return
    assert not retired & {drawn.left_entrant_id, drawn.right_entrant_id}
    assert drawn.propensity == 0.5  # one pair is left, and a coin for its sides
    assert drawn.eligible != before
    for _ in range(2):
        paint(own, claim(own))
    assert settle(own, key).battle


def test_declined_words_leave_a_verdict_and_nothing_else(own: Arena) -> None:
    with own.database.write.begin() as session:
        told = submission.ask(
            session, voter_key="ann", campaign=own.campaign, prompt=WORDS, language="en", verdicts=AMISS,
            now=NOW, rng=random.Random(1),
        )  # fmt: skip
    assert told == submission.Declined(("violence",))
    assert (count(own, Submission), count(own, SafetyVerdict)) == (0, 1)
    with own.database.read() as session:
        assert session.scalar(select(Prompt.id).where(Prompt.text == WORDS)) is None


class Doubtful:
    """A checker that is unsure of all, until it cannot tell at all."""

    name, version = "doubtful", "1"
    broken = False

    def check_pictures(self, pictures: Sequence[Pillow.Image]) -> list[Finding]:
        if self.broken:
            raise RuntimeError("no network")
        return [Finding("review", ("violence",)) for _ in pictures]


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("allow", [False, True])
def test_a_picture_that_nobody_is_sure_of_hangs_only_if_an_operator_says_so(
    own: Arena, allow: bool, broken: bool
) -> None:
    checker = Doubtful()
    checker.broken = broken
    guard = Guard((checker,))
    key, job = ask(own), claim(own)
    told = {"job_id": job.id, "pixels": picture(job).pixels, "worker": WORKER, "now": NOW}
    assert not moderation.passes(own.database, own.images, guard, **told)
    paint(own, claim(own))
    assert page(own, key).stage is Stage.LOOKED_AT
    assert settle(own, key, at=NOW + PATIENCE).state is SubmissionState.PAINTING
    with own.database.write.begin() as session:
        (held,) = queue(session).pictures
        assert own.images.get(held.digest)
        assert held.said[0].decision is (Decision.ERROR if broken else Decision.REVIEW)
        reviewing.decide_picture(session, held.job_id, allow=allow, actor="ann", now=NOW)
    if not allow:
        ended = settle(own, key)
        assert (ended.state, ended.reason) == (SubmissionState.REFUSED, "safety")
        return
    again = claim(own)
    assert again.id == job.id
    assert moderation.passes(own.database, own.images, guard, **told)
    paint(own, again)
    assert settle(own, key).battle
    with own.database.read() as session:
        said = session.scalars(select(SafetyVerdict.checker).where(SafetyVerdict.kind == SubjectKind.PICTURE))
        assert list(said) == ["doubtful", "operator", "doubtful"]
        assert session.scalar(select(func.count()).select_from(Job).where(Job.reason == HELD)) == 0
