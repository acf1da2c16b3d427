"""Campaigns by plan: opened, changed, registered, watched to their answer, closed; entrants that retire."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from analysis.outcomes import Outcome
from arena.db import Database
from arena.domain.campaigns import BoardKeptBack, EnoughVotes, NotInvited, PlanFixed, Registered, Target
from arena.errors import CampaignClosed, Conflict, Invalid, NameTaken
from arena.queries.board_readers import check_board
from arena.queries.campaigns import aimed_pairs, looks, newest_look, prompts_in
from arena.queries.finding import find_campaign
from arena.services import campaigning, curation, dealing, generation, registering, retiring, watching
from arena.services.campaigning import Plan, Prompts
from arena.services.reckoning import Asked, reckon
from arena.services.sealing import seal_pending
from arena.services.snapshots import SnapshotCache
from arena.services.vote_columns import vote_columns
from arena.storage import ImageStore
from arena.tables import (
    Audience,
    BoardReaders,
    Campaign,
    Event,
    Image,
    Invite,
    InviteUse,
    Job,
    JobState,
    Voter,
)
from tests.factory import NOON, PROMPTS, Arena, open_arena

LATER = NOON + timedelta(days=30)
PLAN = Plan(
    name="Autumn",
    entrants=("rose", "lily"),
    prompts=Prompts(own=PROMPTS),
    canvas=64,
    target=Target("pair", "rose", "lily", gap=50),
)


@pytest.fixture
def spring(database: Database, images: ImageStore) -> Arena:
    """A campaign whose pictures are painted, which others can share."""
    return open_arena(database, images, canvas=64)


@pytest.fixture
def voted(database: Database, images: ImageStore) -> Arena:
    """A campaign of many prompts, so that they say something of others."""
    return open_arena(database, images, prompts=[f"a vase, number {n}" for n in range(16)], canvas=64)


def opened(arena: Arena, plan: Plan = PLAN, slug: str = "autumn") -> None:
    """Open a campaign by a plan."""
    with arena.database.write.begin() as session:
        campaigning.open_plan(session, slug, plan, now=NOON)


def changed(arena: Arena, slug: str, **changes: object) -> bool:
    """Change a campaign."""
    with arena.database.write.begin() as session:
        plan = campaigning.plan_as_it_is(session, find_campaign(session, slug))
        return campaigning.change(session, slug, replace(plan, **changes), now=NOON)


def registered(arena: Arena, slug: str, **changes: object) -> str:
    """Register a campaign, after some changes."""
    if changes:
        assert changed(arena, slug, **changes)
    with arena.database.write.begin() as session:
        return registering.register(session, slug, now=NOON)


def events(arena: Arena, subject: str) -> list[str]:
    """What was done to something."""
    with arena.database.read() as session:
        return list(session.scalars(select(Event.kind).where(Event.subject == subject).order_by(Event.id)))


def campaign_of(arena: Arena, slug: str) -> Campaign:
    """The row of a campaign."""
    with arena.database.read() as session:
        return find_campaign(session, slug)


def test_a_campaign_opens_as_it_was_planned(spring: Arena) -> None:
    opened(spring, replace(PLAN, board=BoardReaders.HIDDEN, audience=Audience.INVITED, most_votes=40))
    with spring.database.read() as session:
        campaign = find_campaign(session, "autumn")
        told = campaigning.plan_as_it_is(session, campaign)
        assert (told.board, told.audience, told.most_votes) == (BoardReaders.HIDDEN, Audience.INVITED, 40)
        assert told.target == PLAN.target
        assert prompts_in(session, campaign.id) == len(PROMPTS)
        assert [pair[0].split("@")[0] for pair in aimed_pairs(session, campaign)] == ["rose"]


def test_a_plan_that_cannot_be_carried_out_opens_nothing(spring: Arena) -> None:
    for wrong, told in (
        ({"entrants": ("rose",)}, "at least two"),
        ({"target": Target("pair", "rose", "iris")}, "does not take part"),
        ({"policy": "targeted", "target": None}, "towards a target"),
        ({"prompts": Prompts(sets=("nowhere",))}, "no prompt is of these"),
        ({"set_size": 0}, "1 to 200"),
        ({"quality_rule": "mine/9"}, "no rule of exclusion"),
        ({"closes_at": NOON}, "future"),
        ({"name": " "}, "1 to 120"),
        ({"questions": {"Is it": "?"}}, "short name"),
    ):
        with pytest.raises(Invalid, match=told):
            opened(spring, replace(PLAN, **wrong))
    with spring.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Campaign)) == 1


def test_names_are_taken_once_and_fit_into_addresses(spring: Arena) -> None:
    with pytest.raises(NameTaken):
        opened(spring, slug="spring")
    for slug in ("new", "Spring", "a b", ""):
        with pytest.raises(Invalid, match="no name for an address"):
            opened(spring, slug=slug)


def test_everything_may_change_before_the_first_vote(spring: Arena) -> None:
    opened(spring)
    assert changed(
        spring,
        "autumn",
        entrants=("rose", "iris", "lily"),
        questions={"preference": "Which?", "craft": "Which is better made?"},
        prompts=Prompts(own=("a pear",)),
        anew=True,
        set_size=20,
    )
    with spring.database.read() as session:
        campaign = find_campaign(session, "autumn")
        told = campaigning.plan_as_it_is(session, campaign)
        assert [name.split("@")[0] for name in told.entrants] == ["rose", "lily", "iris"]
        assert told.questions == {"preference": "Which?", "craft": "Which is better made?"}
        assert (told.set_size, prompts_in(session, campaign.id)) == (20, 1)
    assert not changed(spring, "autumn", set_size=20)
    assert events(spring, "autumn") == ["campaign.opened", "campaign.changed"]


def test_after_the_first_vote_only_name_end_and_cap_change(spring: Arena) -> None:
    spring.vote(spring.deal("rose", "lily"))
    for change in ({"set_size": 5}, {"target": Target("ranking")}, {"entrants": ("rose", "lily")}):
        with pytest.raises(PlanFixed):
            changed(spring, "spring", **change)
    assert changed(spring, "spring", name="May", closes_at=LATER, most_votes=9)
    found = campaign_of(spring, "spring")
    assert (found.name, found.closed_at, found.most_votes, found.set_size) == ("May", LATER, 9, 30)
    with pytest.raises(Conflict, match="before the first vote"):
        registered(spring, "spring")


def test_a_registered_plan_stays_and_can_be_checked(spring: Arena) -> None:
    opened(spring)
    digest = registered(spring, "autumn")
    found = campaign_of(spring, "autumn")
    plan = found.registration
    assert plan is not None
    assert hashlib.sha256(registering.canonical(plan)).hexdigest() == digest == found.registration_digest
    assert plan["prompts"]["count"] == len(PROMPTS)
    assert [one["entrant"] for one in plan["entrants"]] == ["rose", "lily"]
    assert (plan["rule"]["level"], plan["rule"]["gap"]) == (0.95, 50)
    for change in ({"set_size": 5}, {"policy": "uniform"}, {"target": None}, {"quality_rule": "quality/1"}):
        with pytest.raises(Registered):
            changed(spring, "autumn", **change)
    with pytest.raises(Registered):
        registered(spring, "autumn")
    with spring.database.write.begin() as session:
        found, pear = find_campaign(session, "autumn"), [curation.NewPrompt("a pear")]
        with pytest.raises(Registered):
            curation.add_prompts(session, found, pear, now=NOON)
    assert changed(spring, "autumn", name="November")
    assert campaign_of(spring, "autumn").registration_digest == digest


def test_an_entrant_that_comes_later_is_an_amendment_beside_the_plan(spring: Arena) -> None:
    opened(spring)
    digest = registered(spring, "autumn")
    with spring.database.write.begin() as session:
        found = find_campaign(session, "autumn")
        curation.join(session, found, [curation.find_entrant(session, "iris")], now=LATER, actor="ann")
    with spring.database.read() as session:
        found = find_campaign(session, "autumn")
        assert registering.digest_of(found.registration or {}) == digest
        assert "iris" not in str(aimed_pairs(session, found))
    assert events(spring, "autumn")[-1] == "campaign.amended"


@pytest.mark.parametrize(("kind", "b"), [("pair", "lily"), ("pair", "best_baseline"), ("ranking", "")])
def test_the_rule_closes_a_registered_campaign_when_it_has_its_answer(
    voted: Arena, kind: str, b: str
) -> None:
    """In the factory's arena the first entrant beats the others, four to one and more."""
    target = Target(kind, "rose" if b else "", b, gap=20, least_votes=500)
    digest = registered(voted, "spring", target=target)
    cache, rng = SnapshotCache(), random.Random(7)
    for _ in range(8):
        voted.fill(300, rng=rng, voters=30)
        watching.refresh(voted.database, cache, now=voted.tick())
        if campaign_of(voted, "spring").closed_at is not None:
            break
    found = campaign_of(voted, "spring")
    with voted.database.read() as session:
        seen = looks(session, found.id)
    assert found.closed_because == ("told_apart" if kind == "ranking" else "separated")
    assert found.closed_at == seen[-1].looked_at
    assert seen[-1].votes >= 500
    assert seen[-1].answer == ("told" if kind == "ranking" else "above")
    assert all(one.answer is None or one.votes < 500 for one in seen[:-1])
    assert found.registration_digest == digest
    assert events(voted, "spring")[-1] == "campaign.closed"
    assert watching.refresh(voted.database, cache, now=voted.tick()) == 0


def test_a_campaign_that_is_not_registered_is_looked_at_and_left_open(voted: Arena) -> None:
    changed(voted, "spring", target=Target("pair", "rose", "lily", gap=20, least_votes=100))
    voted.fill(1500, rng=random.Random(7), voters=30)
    watching.refresh(voted.database, SnapshotCache(), now=voted.tick())
    found = campaign_of(voted, "spring")
    with voted.database.read() as session:
        look = newest_look(session, found.id)
    assert look is not None
    assert (look.answer, look.votes_left, found.closed_at) == ("above", 0, None)


def test_a_campaign_stops_at_its_most_votes_without_an_answer(voted: Arena) -> None:
    target = Target("pair", "rose", "lily", gap=1, error=0.001, least_votes=1, most_votes=60)
    registered(voted, "spring", target=target)
    voted.fill(60, rng=random.Random(7))
    watching.refresh(voted.database, SnapshotCache(), now=voted.tick())
    assert campaign_of(voted, "spring").closed_because == "most_votes"


def test_few_new_votes_are_looked_at_after_a_while(voted: Arena) -> None:
    changed(voted, "spring", target=Target("pair", "rose", "lily"))
    cache, rng = SnapshotCache(), random.Random(7)
    voted.fill(300, rng=rng)
    assert watching.refresh(voted.database, cache, now=voted.now) == 1
    voted.vote(voted.deal("rose", "lily"))
    assert watching.refresh(voted.database, cache, now=voted.tick()) == 0
    assert watching.refresh(voted.database, cache, now=voted.now + timedelta(minutes=6)) == 1


def test_who_may_vote(spring: Arena) -> None:
    def deal(voter: str, now: object = None) -> object:
        with spring.database.write.begin() as session:
            return dealing.next_battle(
                session, campaign="spring", voter_key=voter, now=now or spring.now, rng=random.Random(1)
            )

    changed(spring, "spring", audience=Audience.INVITED, most_votes=1)
    with pytest.raises(NotInvited):
        deal("ann")
    with spring.database.write.begin() as session:
        ben = Voter(key="ben", cohort="creators", created_at=NOON)
        invite = Invite(
            digest="0" * 64,
            campaign_id=spring.campaign_id,
            cohort="creators",
            uses=1,
            by="ann",
            created_at=NOON,
            expires_at=LATER,
        )
        session.add_all([ben, invite])
        session.flush()
        session.add(InviteUse(invite_id=invite.id, voter_id=ben.id, used_at=NOON))
        spring.voters["ben"] = ben.id
    dealt = deal("ben")
    assert isinstance(dealt, dealing.Dealt)
    spring.vote(spring.deal("rose", "lily", voter="ben"))
    with pytest.raises(EnoughVotes, match="1 votes"):
        deal("ben")
    with spring.database.write.begin() as session:
        assert campaigning.close(session, "spring", now=spring.now)
        assert not campaigning.close(session, "spring", now=spring.now)
    with pytest.raises(CampaignClosed):
        deal("ben", spring.now + timedelta(seconds=1))


def test_a_board_is_for_its_readers_and_closing_opens_it(spring: Arena) -> None:
    spring.vote(spring.deal("rose", "lily", voter="ann"))
    with spring.database.write.begin() as session:
        seal_pending(session, now=spring.tick(3600))
        keys = {name: session.get_one(Voter, spring.voters[name]).key for name in spring.voters}
        session.add(Voter(key="sam", cohort="staff", created_at=NOON))

    def sees(board: BoardReaders, **reader: object) -> bool:
        with spring.database.write.begin() as session:
            found = find_campaign(session, "spring")
            found.board = board
            try:
                check_board(session, found, now=spring.now, **reader)
            except BoardKeptBack as error:
                return error.code != f"board_{board.value}"
            return True

    for board, told in (
        (BoardReaders.PUBLIC, (True, True, True, True)),
        (BoardReaders.RATERS, (False, True, True, True)),
        (BoardReaders.STAFF, (False, False, True, True)),
        (BoardReaders.HIDDEN, (False, False, True, True)),
    ):
        readers = ({}, {"voter_key": keys["ann"]}, {"voter_key": "sam"}, {"operator": True})
        assert tuple(sees(board, **reader) for reader in readers) == told, board
    for blind, votes in ((None, 1), (spring.now, 0)):
        with spring.database.read() as session:
            columns = list(vote_columns(session, pseudonyms=None, blind=blind))
            assert sum(len(told["vote"]) for told in columns) == votes
    with spring.database.write.begin() as session:
        campaigning.close(session, "spring", now=spring.now)
    assert sees(BoardReaders.HIDDEN)
    assert not sees(BoardReaders.STAFF)


def test_a_retired_entrant_is_neither_dealt_nor_painted_until_it_returns(spring: Arena) -> None:
    stocks = dealing.Stocks()

    def met(voter: str) -> set[int]:
        with spring.database.write.begin() as session:
            found = find_campaign(session, "spring")
            with stocks.of(session, found) as stock:
                return {session.get_one(Image, image).entrant_id for image in stock.prompt_of}

    assert met("ann") == set(spring.entrants.values())
    with spring.database.write.begin() as session:
        curation.add_prompts(
            session, find_campaign(session, "spring"), [curation.NewPrompt("a pear")], now=NOON
        )
        asked = generation.enqueue(session, find_campaign(session, "spring"), now=NOON)
        assert retiring.retire(session, "rose", now=NOON, actor="ann")
        assert not retiring.retire(session, "rose", now=NOON)
    assert spring.entrants["rose"] not in met("ben")
    with spring.database.write.begin() as session:
        waiting = select(func.count()).select_from(Job).where(Job.state == JobState.QUEUED)
        mine = Job.entrant_id == spring.entrants["rose"]
        assert session.scalar(waiting.where(mine)) == 0
        found = find_campaign(session, "spring")
        assert generation.try_again(session, found.id, now=NOON) == 0
        assert retiring.bring_back(session, "rose", now=NOON)
        assert session.scalar(waiting) == asked
    assert met("eve") == set(spring.entrants.values())


def test_pairs_of_the_target_are_dealt_most(spring: Arena) -> None:
    changed(spring, "spring", policy="targeted", target=Target("pair", "rose", "iris"))
    pairs = [tuple(sorted((spring.entrants[a], spring.entrants[b]))) for a, b in
             (("rose", "lily"), ("rose", "iris"), ("lily", "iris"))]  # fmt: skip
    with spring.database.read() as session:
        weights = dealing.pair_weights(session, find_campaign(session, "spring"), pairs)
    assert max(weights, key=weights.__getitem__) == pairs[1]
    assert min(weights.values()) > 0


def test_what_a_campaign_takes_is_reckoned_by_the_pace(spring: Arena) -> None:
    spring.vote(spring.deal("rose", "lily"), Outcome.TIE)
    spring.vote(spring.deal("rose", "iris", prompt=1))
    with spring.database.read() as session:
        stated = reckon(session, Asked(6, raters=10, votes_each=100), now=spring.now)
        alike = reckon(session, Asked(6, pairs=15, raters=10, votes_each=100), now=spring.now)
        lately = reckon(session, Asked(6), now=spring.now)
    assert (stated.ties, stated.ties_known) == (0.5, True)
    assert stated.days == -(-stated.votes // 1000)
    assert alike.votes > stated.votes > stated.fixed_votes
    assert (lately.votes_a_day, lately.pace_stated) == (2, False)
