"""Raters' own prompts: drawn before they are painted, hung at once, and never a name before the vote."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from arena.domain.own_prompts import MOST_A_DAY, MOST_WAITING, PATIENCE
from arena.domain.views import View
from arena.errors import InvalidPrompt, NotFound, UnknownPicture
from arena.queries.boards import board
from arena.queries.embargo import named_picture
from arena.queries.submissions import Stage, painters_of
from arena.services import generation, retiring, standings, submission
from arena.services.keys import Embargo
from arena.services.own_limits import EnoughToday, EnoughWaiting, NoOwnPrompts, WordsInUse
from arena.tables import (
    Battle,
    Campaign,
    Entrant,
    Image,
    Job,
    JobState,
    Prompt,
    PromptSource,
    Submission,
    SubmissionState,
    Tally,
)
from tests.database.conftest import NOW, WORKER, Arena
from tests.database.own import WORDS, ask, claim, count, page, paint, refuse, settle, take_own_prompts


@pytest.fixture
def own(arena: Arena) -> Arena:
    """A campaign that takes raters' own prompts."""
    return take_own_prompts(arena)


def test_own_words_become_a_battle_that_counts_on_a_board_of_its_own(own: Arena) -> None:
    key = ask(own)
    assert (page(own, key).stage, page(own, key).ahead) == (Stage.QUEUED, 0)
    first = claim(own)
    waiting = page(own, key)
    assert (waiting.stage, waiting.battle) == (Stage.PAINTING, None)
    paint(own, first)
    assert page(own, key).stage is Stage.PAINTING
    assert settle(own, key).battle is None
    paint(own, claim(own))
    assert page(own, key).stage is Stage.READY
    battle_key = settle(own, key).battle
    assert battle_key
    with own.database.read() as session:
        battle = session.scalars(select(Battle).where(Battle.key == battle_key)).one()
        drawn = session.scalars(select(Submission)).one()
        prompt = session.get_one(Prompt, battle.prompt_id)
        sides = {image.id: image for image in session.scalars(select(Image))}
        assert (prompt.source, prompt.licence, prompt.categories) == (
            PromptSource.OWN,
            "CC0-1.0",
            ["still-life"],
        )
        for side in ("left", "right"):
            entrant = getattr(drawn, f"{side}_entrant_id")
            assert getattr(battle, f"{side}_entrant_id") == entrant
            made = sides[getattr(battle, f"{side}_image_id")]
            assert (made.entrant_id, made.seed) == (entrant, drawn.seed)
        assert (battle.propensity, battle.eligible, battle.policy) == (
            drawn.propensity,
            drawn.eligible,
            "own;informative/1;uniform_share=0.2",
        )
        assert drawn.state is SubmissionState.HUNG
    assert settle(own, key).battle == battle_key
    own.vote("ann", battle_key)
    with own.database.read() as session:
        tallied = session.execute(select(Tally.source, Tally.category, Tally.votes)).all()
    assert {tuple(row) for row in tallied} == {
        (PromptSource.OWN, "all", 1),
        (PromptSource.OWN, "still-life", 1),
    }
    assert own.deal("ben") != battle_key


def test_the_board_of_own_prompts_counts_their_votes_alone(own: Arena) -> None:
    key = ask(own)
    for _ in range(2):
        paint(own, claim(own))
    own.vote("ann", settle(own, key).battle or "")
    own.vote("ben", own.deal("ben"))
    for source, votes in (("own", 1), ("curated", 1), (None, 2)):
        with own.database.write.begin() as session:
            standings.ask(session, own.criterion_id, View(source=source), now=NOW)
        standings.refresh(own.database, now=NOW)
        with own.database.read() as session:
            assert board(session, campaign=own.campaign, view=View(source=source)).votes == votes


def test_the_pair_and_its_sides_are_drawn_before_anything_is_painted(own: Arena) -> None:
    ask(own)
    with own.database.read() as session:
        able = painters_of(session, own.campaign_id).able
        drawn = session.scalars(select(Submission)).one()
        assert session.scalars(select(Job.attempts).where(Job.priority < 0)).all() == [0, 0]
    assert {drawn.left_entrant_id, drawn.right_entrant_id} < set(able)
    assert drawn.propensity == pytest.approx(1 / (len(able) * (len(able) - 1)))  # nobody has voted: all alike


def test_who_cannot_paint_live_is_left_out_and_named(own: Arena) -> None:
    with own.database.write.begin() as session:
        entrants = session.scalars(select(Entrant).order_by(Entrant.id)).all()
        entrants[0].backend = "retrieval"
    with own.database.read() as session:
        painters = painters_of(session, own.campaign_id)
    assert (len(painters.able), painters.left_out) == (2, ("E0",))
    ask(own)
    with own.database.write.begin() as session:
        session.get_one(Entrant, painters.able[0]).backend = "images-api"
    with pytest.raises(NoOwnPrompts, match="no two entrants"):
        ask(own, "ben")
    with own.database.write.begin() as session:
        session.get_one(Entrant, painters.able[0]).runtime = {"live": True}
    ask(own, "ben", seed=2)


def test_a_refusal_ends_it_without_a_vote_and_names_nobody_before(own: Arena) -> None:
    key = ask(own)
    refuse(own, claim(own))
    assert (page(own, key).stage, page(own, key).refused_by) == (Stage.ENDED, ())
    ended = settle(own, key)
    assert (ended.state, len(ended.refused_by), ended.battle) == (SubmissionState.REFUSED, 1, None)
    with own.database.read() as session:
        states = session.scalars(select(Job.state).where(Job.priority < 0)).all()
    assert states == [JobState.REFUSED]  # the other was not begun, and is not painted
    assert count(own, Battle) == 0


def test_a_breakdown_and_a_long_wait_end_it_with_a_reason(own: Arena) -> None:
    key, late = ask(own), ask(own, "ben", "an owl in a lantern")
    with own.database.write.begin() as session:
        mine = select(Job.id).join(Prompt, Prompt.id == Job.prompt_id).where(Prompt.text == WORDS)
        session.execute(
            update(Job).where(Job.id.in_(mine)).values(state=JobState.FAILED, reason="RuntimeError: broke")
        )
    assert settle(own, key).state is SubmissionState.FAILED
    assert settle(own, late, "ben").state is SubmissionState.PAINTING
    ended = settle(own, late, "ben", at=NOW + PATIENCE)
    assert (ended.state, ended.prompt) == (SubmissionState.LATE, "")
    assert count(own, Battle) == 0


def test_what_is_taken_back_leaves_no_battle_and_no_words(own: Arena) -> None:
    key, begun = ask(own), ask(own, "ben", "an owl in a lantern")
    with own.database.write.begin() as session:
        submission.cancel(session, key=key, voter_key="ann", now=NOW)
        submission.cancel(session, key=key, voter_key="ann", now=NOW)
    job = claim(own)
    assert job.prompt == "an owl in a lantern"
    with own.database.write.begin() as session:
        submission.cancel(session, key=begun, voter_key="ben", now=NOW)
        with pytest.raises(NotFound):
            submission.cancel(session, key=key, voter_key="ben", now=NOW)
    paint(own, job)  # what was on the easel is finished, and hangs nowhere
    assert settle(own, begun, "ben").state is SubmissionState.CANCELLED
    with own.database.read() as session:
        assert session.scalar(select(Prompt.id).where(Prompt.text == WORDS)) is None
        assert session.scalars(select(Submission.prompt).where(Submission.key == key)).one() == ""
        assert session.scalars(select(Job.state).where(Job.priority < 0)).all() == [JobState.DONE]
    assert count(own, Battle) == 0


def test_limits_are_told(own: Arena) -> None:
    keys = [ask(own, prompt=f"{WORDS}, {n}") for n in range(MOST_WAITING)]
    with pytest.raises(EnoughWaiting, match="wait already"):
        ask(own, prompt="one more")
    ask(own, "ben", "one more")
    with own.database.write.begin() as session:
        for key in keys:
            submission.cancel(session, key=key, voter_key="ann", now=NOW)
    for n in range(MOST_A_DAY - MOST_WAITING):
        at = NOW + n * PATIENCE
        key = ask(own, prompt=f"bowl {n}", at=at)
        with own.database.write.begin() as session:
            submission.cancel(session, key=key, voter_key="ann", now=at)
    with pytest.raises(EnoughToday, match="tomorrow"):
        ask(own, prompt="one more bowl")
    ask(own, prompt="one more bowl", at=NOW + timedelta(days=2))


@pytest.mark.parametrize("written", ["a vase, number 1", "A  VASE number 1 !"])
def test_words_that_a_campaign_deals_are_refused(own: Arena, written: str) -> None:
    with pytest.raises(WordsInUse, match="change a few"):
        ask(own, prompt=written)
    with own.database.write.begin() as session:
        session.execute(update(Campaign).values(own_prompts=False))
    with pytest.raises(NoOwnPrompts, match="takes no prompts"):
        ask(own)
    with pytest.raises(InvalidPrompt, match="at most 400"):
        ask(own, prompt="x" * 401)


def test_the_same_words_of_two_raters_are_one_prompt_and_four_pictures(own: Arena) -> None:
    keys = {voter: ask(own, voter, seed=place) for place, voter in enumerate(("ann", "ben"))}
    for _ in range(4):
        paint(own, claim(own))
    battles = {settle(own, key, voter).battle for voter, key in keys.items()}
    assert len(battles) == 2
    with own.database.read() as session:
        rows = session.scalars(select(Battle).where(Battle.key.in_(battles))).all()
        assert len({row.prompt_id for row in rows}) == 1
        assert len({image for row in rows for image in (row.left_image_id, row.right_image_id)}) == 4


def test_nobody_sees_the_pictures_by_name_before_their_rater(own: Arena) -> None:
    key = ask(own)
    jobs = [claim(own), claim(own)]
    for job in jobs:
        paint(own, job)
    battle = settle(own, key).battle
    with own.database.read() as session:
        digest = session.scalars(select(Image.digest).where(Image.seed == jobs[0].seed)).first()
        assert Embargo().covers(session, WORDS.upper(), now=NOW)
        assert not Embargo().deals(session, WORDS, now=NOW)
        with pytest.raises(UnknownPicture):
            named_picture(session, digest=digest or "", now=NOW)
    own.vote("ann", battle or "")
    with own.database.write.begin() as session:
        session.execute(update(Battle).where(Battle.key == battle).values(revealed_at=NOW))
    with own.database.read() as session:
        assert named_picture(session, digest=digest or "", now=NOW) == digest
        assert not Embargo().covers(session, WORDS, now=NOW)


def test_a_raters_picture_waits_for_no_campaign_and_shares_no_batch_with_one(own: Arena) -> None:
    with own.database.write.begin() as session:
        session.execute(update(Entrant).values(runtime={"batch": 8}))
        session.execute(update(Job).values(state=JobState.QUEUED, attempts=0, finished_at=None))
    ask(own)
    with own.database.write.begin() as session:
        jobs = generation.claim(session, worker=WORKER, now=NOW)
    assert [job.prompt for job in jobs] == [WORDS]


def test_the_wait_is_told_for_both_together(own: Arena) -> None:
    keys = [ask(own, voter, f"{WORDS}, {voter}") for voter in ("ann", "ben")]
    mine = page(own, keys[1], "ben")
    assert (mine.stage, mine.ahead, mine.seconds) == (Stage.QUEUED, 1, 2.0)  # four pictures of half a second
    later = NOW + timedelta(seconds=0.25)
    paint(own, claim(own), at=NOW)
    first = page(own, keys[0], at=later)
    assert (first.stage, first.seconds, first.share) == (Stage.PAINTING, 0.75, 0.25)
    claim(own)
    assert page(own, keys[0], at=later).seconds == 0.75


def test_retired_entrants_paint_nothing_and_whoever_waits_for_one_is_told(own: Arena) -> None:
    key = ask(own)
    with own.database.write.begin() as session:
        drawn = session.scalars(select(Submission)).one()
        gone = session.get_one(Entrant, drawn.left_entrant_id)
        retiring.retire(session, gone.slug, now=NOW)
        assert gone.id not in painters_of(session, own.campaign_id).able
    ended = settle(own, key)
    assert (ended.state, ended.reason) == (SubmissionState.FAILED, submission.WITHDRAWN)
    assert (ended.prompt, count(own, Battle)) == ("", 0)
    with own.database.write.begin() as session:
        assert retiring.bring_back(session, gone.slug, now=NOW)
        assert session.scalars(select(Job.id).where(Job.priority < 0)).all() == []  # nobody waits any more
