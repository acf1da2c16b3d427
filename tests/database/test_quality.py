"""Checks are dealt as stated and count nowhere; a rule excludes whom it says, once, and tells of it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from analysis.outcomes import Outcome
from arena.db import Database
from arena.domain.quality import BATTLES_BETWEEN
from arena.errors import Invalid
from arena.queries.quality import quality, reliable_votes
from arena.queries.removed import stands
from arena.services import dealing, quality_figures, voting
from arena.services.quality import apply_rule, set_checks, set_rule
from arena.services.removing import withdraw_all
from arena.services.snapshots import SnapshotCache
from arena.storage import ImageStore
from arena.tables import Battle, BattleKind, Campaign, Event, Removal, RemovalKind, Tally, Vote, Voter
from tests.factory import NOON, Arena, open_arena

NOUNS = (
    "harbour violin cactus lantern glacier pepper tractor cathedral umbrella meadow compass orchid anvil "
    "saddle mushroom ferry chimney pearl tundra kettle falcon bridge"
)
WORDS = tuple(NOUNS.split())
L, R, T, B = Outcome.LEFT, Outcome.RIGHT, Outcome.TIE, Outcome.BOTH_BAD


@pytest.fixture
def spring(database: Database, images: ImageStore) -> Arena:
    """Three entrants and 22 prompts without a word in common."""
    return open_arena(database, images, prompts=WORDS)


@pytest.fixture
def few(database: Database, images: ImageStore) -> Arena:
    """Three entrants and seven prompts, for votes that a test casts itself."""
    return open_arena(database, images, prompts=WORDS[:7])


def campaign_of(session, arena: Arena) -> Campaign:
    return session.get_one(Campaign, arena.campaign_id)


def rate(arena: Arena, voter: str, battles: int, *, seed: int, criterion: str = "preference") -> list[Battle]:
    """Let a voter be dealt battles and answer them; the rows, in their order."""
    rng, stocks = random.Random(seed), dealing.Stocks()
    for number in range(battles):
        now = NOON + timedelta(minutes=number)
        with arena.database.write.begin() as session:
            dealt = dealing.next_battle(
                session, campaign=arena.slug, voter_key=voter, now=now, rng=rng, stocks=stocks
            )
            if not isinstance(dealt, dealing.Dealt):
                break
            voting.cast_vote(
                session,
                key=dealt.key,
                voter_key=voter,
                criterion=criterion,
                outcome=rng.choice((L, R)),
                elapsed_ms=4000,
                consent="2026-11",
                now=now + timedelta(seconds=5),
            )
    with arena.database.read() as session:
        mine = select(Battle).join(Voter, Battle.voter_id == Voter.id).where(Voter.key == voter)
        return list(session.scalars(mine.order_by(Battle.id)))


def test_checks_are_dealt_at_their_rate_as_ordinary_battles_look_and_count_nowhere(spring: Arena) -> None:
    with spring.database.write.begin() as session:
        set_checks(session, campaign_of(session, spring), 0.4, now=NOON, actor="operator")
    battles = [one for seed in range(2) for one in rate(spring, f"rater {seed}", 38, seed=seed)]
    by_id = {one.id: one for one in battles}
    checks = [one for one in battles if one.kind is not BattleKind.ORDINARY]
    assert {one.kind for one in checks} == set(BattleKind) - {BattleKind.ORDINARY}
    assert 0.25 < len(checks) / (len(battles) - 2 * BATTLES_BETWEEN) < 0.55
    for voter in {one.voter_id for one in battles}:
        mine = [one for one in battles if one.voter_id == voter]
        assert all(one.kind is BattleKind.ORDINARY for one in mine[:BATTLES_BETWEEN])
        seen: set[int] = set()
        for place, one in enumerate(mine):
            pictures = {one.left_image_id, one.right_image_id}
            if one.repeats_id is None:
                assert not pictures & seen, "only a pair that comes again shows a picture again"
            else:
                before = by_id[one.repeats_id]
                assert before.kind is BattleKind.ORDINARY
                assert place - mine.index(before) > BATTLES_BETWEEN
                sides = (before.left_image_id, before.right_image_id)
                mirrored = one.kind is BattleKind.MIRRORED
                assert (one.left_image_id, one.right_image_id) == (sides[::-1] if mirrored else sides)
            seen |= pictures
    again = [one.repeats_id for one in checks if one.repeats_id]
    assert len(again) == len(set(again)), "no pair comes a third time"
    prompt_of = {image: prompt for (_, prompt), image in spring.images.items()}
    for one in checks:
        assert (one.propensity, one.policy) == (None, "checks/1;share=0.4")
        if one.kind is BattleKind.KNOWN_ANSWER:
            assert one.left_entrant_id == one.right_entrant_id
            is_left = prompt_of[one.left_image_id] == one.prompt_id
            assert is_left != (prompt_of[one.right_image_id] == one.prompt_id)
            assert one.expected is (L if is_left else R)
        else:
            assert one.expected is None
    ordinary = [one for one in battles if one.kind is BattleKind.ORDINARY]
    assert all(one.propensity for one in ordinary)
    with spring.database.read() as session:
        counted = session.scalar(select(func.sum(Tally.votes)).where(Tally.category == "all"))
    assert counted == len(ordinary)


def test_a_campaign_without_checks_deals_none_and_shares_must_be_shares(spring: Arena) -> None:
    with spring.database.write.begin() as session:
        campaign = campaign_of(session, spring)
        assert campaign.checks == 0.06, "what a campaign has that says nothing"
        for wrong in (-0.1, 0.51, float("nan")):
            with pytest.raises(Invalid):
                set_checks(session, campaign, wrong, now=NOON, actor="operator")
        with pytest.raises(Invalid, match="quality/1"):
            set_rule(session, campaign, "quality/9", now=NOON, actor="operator")
        set_checks(session, campaign, 0, now=NOON, actor="operator")
    battles = rate(spring, "ann", 30, seed=1)
    assert {one.kind for one in battles} == {BattleKind.ORDINARY}


def test_a_question_of_taste_alone_has_no_known_answers(database: Database, images: ImageStore) -> None:
    arena = open_arena(database, images, prompts=WORDS, criteria=("warmth",))
    with database.write.begin() as session:
        set_checks(session, campaign_of(session, arena), 0.5, now=NOON, actor="operator")
    battles = rate(arena, "ann", 28, seed=4, criterion="warmth")
    assert {one.kind for one in battles} == set(BattleKind) - {BattleKind.KNOWN_ANSWER}


@dataclass
class Books:
    """Battles and votes as a test wants them."""

    arena: Arena

    def ordinary(
        self, voter: str, outcome: Outcome, *, elapsed_ms: int | None = 4000, prompt: int = 0
    ) -> int:
        battle = self.arena.deal("rose", "lily", voter=voter, prompt=prompt)
        self.arena.vote(battle, outcome, elapsed_ms=elapsed_ms)
        return battle

    def again(self, before: int, voter: str, outcome: Outcome, *, mirrored: bool) -> None:
        left, right = ("lily", "rose") if mirrored else ("rose", "lily")
        kind = BattleKind.MIRRORED if mirrored else BattleKind.REPEATED
        battle = self.arena.deal(left, right, voter=voter, kind=kind)
        with self.arena.database.write.begin() as session:
            session.get_one(Battle, battle).repeats_id = before
        self.arena.vote(battle, outcome)

    def known(self, voter: str, outcome: Outcome) -> None:
        """A known-answer battle whose answer is left."""
        battle = self.arena.deal("rose", "rose", voter=voter, kind=BattleKind.KNOWN_ANSWER)
        with self.arena.database.write.begin() as session:
            session.get_one(Battle, battle).expected = L
        self.arena.vote(battle, outcome)


def figures(arena: Arena):
    with arena.database.read() as session:
        return quality_figures.measure(session, campaign_of(session, arena), now=NOON)


def counts(rate) -> tuple[int, int]:
    return rate.count, rate.among


def test_figures_say_what_was_answered(few: Arena) -> None:
    books = Books(few)
    first = [books.ordinary("ann", outcome, prompt=n) for n, outcome in enumerate((L, L, R, T))]
    books.again(first[0], "ann", L, mirrored=False)  # the same
    books.again(first[1], "ann", R, mirrored=True)  # the same picture, now on the right
    books.again(first[2], "ann", R, mirrored=True)  # the same side, the other picture
    books.again(first[3], "ann", B, mirrored=False)  # no longer a tie
    for outcome in (L, R, T, B):
        books.known("ann", outcome)
    books.ordinary("bob", L, elapsed_ms=599, prompt=5)
    books.ordinary("bob", L, elapsed_ms=600, prompt=6)
    books.ordinary("bob", R, elapsed_ms=None, prompt=0)
    told = figures(few)
    everybody = told.everybody
    assert (everybody.raters, everybody.votes) == (2, 7)
    assert counts(everybody.repeated) == (1, 2)
    assert counts(everybody.mirrored) == (1, 2)
    assert counts(everybody.same_side) == (1, 2)
    assert counts(everybody.known) == (1, 3), "both bad is no answer, a tie is a wrong one"
    assert counts(everybody.fast) == (1, 14)
    assert counts(everybody.left) == (4, 6)
    assert told.ceilings.units == 1, "two raters decided on the first prompt"
    assert told.ceilings.lower == 0.5
    assert told.ceilings.upper == pytest.approx((1 + 3**0.5) / 4)
    assert told.cohorts == (), "a cohort of fewer than five is not told apart"
    assert (told.judged.rule, told.judged.applied, told.judged.raters) == ("quality/1", False, 0)


def test_votes_taken_back_say_nothing_of_their_rater(few: Arena) -> None:
    books = Books(few)
    for _ in range(3):
        books.known("ann", R)
    assert figures(few).judged.raters == 1
    with few.database.write.begin() as session:
        key = session.get_one(Voter, few.voter("ann")).key
        withdraw_all(session, voter_key=key, now=few.tick())
    assert figures(few).judged.raters == 0
    assert figures(few).everybody.known.share is None


def careless(arena: Arena) -> None:
    """Ann misses three known answers, bob is too fast, carl is neither."""
    books = Books(arena)
    for voter in ("ann", "carl"):
        for number in range(4):
            books.ordinary(voter, L, prompt=number)
            books.known(voter, R if voter == "ann" else L)
    for number in range(21):
        books.ordinary("bob", R, elapsed_ms=300, prompt=number % 7)


def removed(session) -> dict[int, int]:
    """Excluded votes, by voter."""
    query = (
        select(Battle.voter_id, func.count())
        .join(Vote, Vote.battle_id == Battle.id)
        .join(Removal, Removal.vote_id == Vote.id)
        .where(Removal.kind == RemovalKind.EXCLUDED, Removal.rule == "quality/1")
        .group_by(Battle.voter_id)
    )
    return dict(session.execute(query).all())


def test_a_rule_excludes_the_ordinary_votes_of_who_fails_it_once(few: Arena) -> None:
    careless(few)
    before = figures(few)
    assert (before.judged.raters, before.judged.votes) == (2, 25)
    assert before.judged.failing == {"known_answers": 1, "too_fast": 1}
    with few.database.write.begin() as session:
        campaign = campaign_of(session, few)
        assert apply_rule(session, campaign, "quality/1", by="operator", now=few.tick()) == (2, 25)
        assert apply_rule(session, campaign, "quality/1", by="operator", now=few.tick()) == (0, 0)
    with few.database.read() as session:
        assert removed(session) == {few.voter("ann"): 4, few.voter("bob"): 21}
        told = session.scalars(select(Event).where(Event.kind == "quality.applied")).one()
        assert told.data == {"rule": "quality/1", "raters": 2, "votes": 25}
        assert session.scalar(select(func.sum(Tally.votes)).where(Tally.category == "all")) == 4
    assert figures(few).everybody == before.everybody, "a rule does not polish its own figures"
    Books(few).ordinary("ann", L, prompt=5)
    with few.database.write.begin() as session:
        campaign = campaign_of(session, few)
        assert apply_rule(session, campaign, "quality/1", by="operator", now=few.tick()) == (1, 1)


def test_the_worker_applies_a_rule_where_the_campaign_says_so_and_tells_the_figures(few: Arena) -> None:
    careless(few)
    book = quality_figures.QualityBook()
    assert quality_figures.refresh(few.database, book, SnapshotCache(), now=NOON) == 1
    assert quality_figures.refresh(few.database, book, SnapshotCache(), now=NOON) == 0, "it rests"
    with few.database.write.begin() as session:
        assert removed(session) == {}
        set_rule(session, campaign_of(session, few), "quality/1", now=NOON, actor="operator")
    later = NOON + timedelta(hours=1)
    quality_figures.refresh(few.database, book, SnapshotCache(), now=later)
    quality_figures.refresh(few.database, book, SnapshotCache(), now=later + timedelta(hours=1))
    with few.database.read() as session:
        assert sum(removed(session).values()) == 25
        told = quality(session, campaign_of(session, few))
    assert told is not None
    assert (told.judged.applied, told.judged.raters, told.judged.votes) == (True, 2, 25)
    assert told.everybody.known == figures(few).everybody.known


def test_a_cohort_of_five_has_figures_of_its_own(few: Arena) -> None:
    books = Books(few)
    for number in range(5):
        voter = f"maker {number}"
        with few.database.write.begin() as session:
            session.get_one(Voter, few.voter(voter)).cohort = "creators"
        books.known(voter, L if number else R)
        books.ordinary(voter, L)
    books.ordinary("ann", R)
    (creators,) = figures(few).cohorts
    assert (creators.cohort, creators.raters, counts(creators.known)) == ("creators", 5, (4, 5))


def test_the_filter_of_reliability_leaves_out_who_fails_and_what_is_too_fast(few: Arena) -> None:
    careless(few)

    def kept(**wanted: object) -> dict[int, int]:
        query = (
            select(Battle.voter_id, func.count())
            .join(Vote, Vote.battle_id == Battle.id)
            .where(Battle.kind == BattleKind.ORDINARY, stands(), reliable_votes(**wanted))
            .group_by(Battle.voter_id)
        )
        with few.database.read() as session:
            return dict(session.execute(query).all())

    ann, bob, carl = (few.voter(name) for name in ("ann", "bob", "carl"))
    assert kept() == {ann: 4, bob: 21, carl: 4}
    assert kept(least_pass_rate=0.6) == {bob: 21, carl: 4}
    assert kept(leave_out_fast=True) == {ann: 4, carl: 4}
    assert kept(least_pass_rate=0.6, leave_out_fast=True) == {carl: 4}
