"""Dealing: blind, drawn from what the voter has not seen, with its propensity kept."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import select

from arena.errors import CampaignClosed, UnknownCampaign
from arena.services import curation, dealing, generation, voting
from arena.tables import Battle, Campaign, CampaignPrompt, Entrant
from tests.database.conftest import NOW, Arena, card, paint_all


def test_a_voter_gets_the_open_battle_again(arena: Arena) -> None:
    assert arena.deal("ann", seed=1) == arena.deal("ann", seed=2)
    assert arena.deal("ann") != arena.deal("bob")


def test_the_propensity_is_that_of_the_draw(arena: Arena) -> None:
    arena.deal("ann")
    with arena.database.read() as session:
        battle = session.scalars(select(Battle)).one()
    # no votes yet: three pairs alike, four prompts, one picture each, two sides
    assert battle.propensity == pytest.approx(1 / 3 / 4 / 2)
    assert battle.policy == dealing.POLICIES["informative"]
    assert len(battle.eligible) == 64


def test_a_revealed_picture_is_never_dealt_again(arena: Arena) -> None:
    seen: set[int] = set()
    for number in range(4):
        key = arena.deal("ann", seed=number)
        with arena.database.read() as session:
            battle = session.scalars(select(Battle).where(Battle.key == key)).one()
        pictures = {battle.left_image_id, battle.right_image_id}
        assert not pictures & seen
        seen |= pictures
        arena.vote("ann", key)
    with arena.database.write.begin() as session:
        done = dealing.next_battle(session, campaign="demo", voter_key="ann", now=NOW, rng=random.Random(0))
    assert done == dealing.Finished(done=4), "with three entrants one picture of each prompt is left"


def test_a_skipped_pair_does_not_come_back(arena: Arena) -> None:
    dealt = set()
    for number in range(12):
        key = arena.deal("ann", seed=number)
        with arena.database.write.begin() as session:
            voting.skip(session, key=key, voter_key="ann", now=NOW)
            battle = session.scalars(select(Battle).where(Battle.key == key)).one()
            what = (battle.prompt_id, frozenset((battle.left_entrant_id, battle.right_entrant_id)))
        assert what not in dealt
        dealt.add(what)


def test_an_expired_battle_is_replaced(arena: Arena) -> None:
    first = arena.deal("ann")
    second = arena.deal("ann", at=NOW + timedelta(hours=2))
    assert first != second


def test_until_pictures_are_made_the_voter_waits(arena: Arena) -> None:
    with arena.database.write.begin() as session:
        rows = [curation.enter(session, card(slug), now=NOW) for slug in ("slow", "slower")]
        campaign = curation.open_campaign(
            session, slug="later", name="Later", entrants=rows, canvas=64, now=NOW
        )
        curation.add_prompts(session, campaign, [curation.NewPrompt("a pear")], now=NOW)
        generation.enqueue(session, campaign, now=NOW)
        waiting = dealing.next_battle(
            session, campaign="later", voter_key="ann", now=NOW, rng=random.Random(0)
        )
    assert waiting == dealing.Waiting(made=0, asked=2)


def test_a_closed_campaign_deals_nothing(arena: Arena) -> None:
    with arena.database.write.begin() as session:
        session.get_one(Campaign, arena.campaign_id).closed_at = NOW
    with pytest.raises(CampaignClosed):
        arena.deal("ann")


def test_an_unknown_campaign_names_the_known(arena: Arena) -> None:
    with arena.database.read() as session, pytest.raises(UnknownCampaign, match="demo"):
        dealing.next_battle(session, campaign="spring", voter_key="ann", now=NOW, rng=random.Random(0))


def test_votes_steer_the_draw_but_every_pair_stays_possible(arena: Arena) -> None:
    for number in range(30):
        voter = f"voter{number}"
        arena.vote(voter, arena.deal(voter, seed=number))
    with arena.database.read() as session:
        campaign = session.get_one(Campaign, arena.campaign_id)
        with dealing.Stocks().of(session, campaign) as stock:
            weights = dealing.pair_weights(session, campaign, sorted(stock.pairs))
    assert sum(weights.values()) == pytest.approx(1.0)
    assert min(weights.values()) >= 0.2 / 3 - 1e-12


def test_a_revealed_picture_is_not_dealt_in_another_campaign_either(arena: Arena) -> None:
    key = arena.deal("ann")
    arena.vote("ann", key)
    with arena.database.write.begin() as session:
        battle = session.scalars(select(Battle)).one()
        seen = {battle.left_image_id, battle.right_image_id}
        campaign = session.get_one(Campaign, arena.campaign_id)
        again = curation.open_campaign(
            session,
            slug="again",
            name="Again",
            entrants=[session.get_one(Entrant, number) for number in (1, 2, 3)],
            canvas=campaign.canvas,
            now=NOW,
        )
        for place in session.scalars(select(CampaignPrompt).where(CampaignPrompt.campaign_id == campaign.id)):
            session.add(
                CampaignPrompt(campaign_id=again.id, prompt_id=place.prompt_id, position=place.position)
            )
        session.flush()
        for number in range(20):
            dealt = dealing.next_battle(
                session, campaign="again", voter_key="ann", now=NOW, rng=random.Random(number)
            )
            assert isinstance(dealt, dealing.Dealt)
            row = session.scalars(select(Battle).where(Battle.key == dealt.key)).one()
            assert not seen & {row.left_image_id, row.right_image_id}
            voting.skip(session, key=dealt.key, voter_key="ann", now=NOW)
            if number == 8:
                break


def test_a_kept_stock_grows_as_pictures_prompts_and_entrants_come(arena: Arena) -> None:
    stocks = dealing.Stocks()

    def stock() -> dict[int, dict[int, tuple[int, ...]]]:
        with arena.database.read() as session:
            campaign = session.get_one(Campaign, arena.campaign_id)
            with stocks.of(session, campaign) as kept, dealing.Stocks().of(session, campaign) as fresh:
                assert kept.digest == fresh.digest
                assert kept.pairs == fresh.pairs
                return {prompt: dict(entrants) for prompt, entrants in kept.prompts.items()}

    assert sum(len(entrants) for entrants in stock().values()) == 12
    with arena.database.write.begin() as session:
        campaign = session.get_one(Campaign, arena.campaign_id)
        curation.add_prompts(session, campaign, [curation.NewPrompt(text="a bowl")], now=NOW)
        newcomer = curation.enter(session, card("newcomer"), now=NOW)
        curation.join(session, campaign, [newcomer], now=NOW)
        session.flush()
        generation.enqueue(session, campaign, now=NOW)
    assert sum(len(entrants) for entrants in stock().values()) == 12
    paint_all(arena.database, arena.images)
    assert sum(len(entrants) for entrants in stock().values()) == 20


def test_deals_from_a_kept_stock_are_those_from_the_database(arena: Arena) -> None:
    stocks = dealing.Stocks()
    rows = []
    for kept in (stocks, None):
        for number in range(4):
            with arena.database.write.begin() as session:
                dealt = dealing.next_battle(
                    session,
                    campaign="demo",
                    voter_key=f"voter{number}{kept is None}",
                    now=NOW,
                    rng=random.Random(number),
                    stocks=kept,
                )
                assert isinstance(dealt, dealing.Dealt)
                battle = session.scalars(select(Battle).where(Battle.key == dealt.key)).one()
                rows.append((battle.left_image_id, battle.right_image_id, battle.propensity, battle.eligible))
    assert rows[:4] == rows[4:]
