"""From the entrance to the vote, as a browser without script sees it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from analysis.outcomes import Outcome
from arena.domain.blinding import CONSENT_VERSION
from arena.tables import Battle, Campaign, Reason, Tally, Vote
from tests.web import small
from tests.web.pages import cast, deal, read, settle


def votes(arena: small.SmallArena) -> list[Vote]:
    with arena.database.read() as session:
        return list(session.scalars(select(Vote).order_by(Vote.id)))


def test_the_entrance_leads_to_a_battle_by_one_link(client: FlaskClient) -> None:
    page = read(client.get("/"))
    assert [link for link in page.links if "/battles/" in link] == ["/battles/next"]
    assert client.get("/battles/next", follow_redirects=True).status_code == 200


def test_a_battle_holds_two_pictures_and_one_ballot(client: FlaskClient) -> None:
    page = read(client.get(deal(client)))
    assert [picture["alt"] for picture in page.pictures] == ["Left picture", "Right picture"]
    ballot = page.form("/vote")
    assert ballot.method == "post"
    assert ballot.buttons == [("preference", o) for o in ("left", "tie", "both_bad", "right")]
    assert ballot.hidden == {"elapsed_ms": "", "consent": CONSENT_VERSION}
    assert "without your name" in page.text


def test_the_open_battle_is_given_back_until_it_is_answered(client: FlaskClient) -> None:
    battle = deal(client)
    assert deal(client) == battle
    cast(client, battle)
    assert deal(client) != battle


@pytest.mark.parametrize("outcome", ["left", "right", "tie", "both_bad"])
def test_a_vote_is_counted_once(client: FlaskClient, arena: small.SmallArena, outcome: str) -> None:
    battle = deal(client)
    response = cast(client, battle, outcome, elapsed_ms="2140")
    assert response.status_code == 303
    assert response.headers["Location"] == battle
    (vote,) = votes(arena)
    assert (vote.outcome, vote.elapsed_ms, vote.consent) == (Outcome(outcome), 2140, CONSENT_VERSION)
    with arena.database.read() as session:
        assert session.scalar(select(func.sum(Tally.votes)).where(Tally.category == "all")) == 1


def test_a_second_vote_changes_nothing_and_says_so(client: FlaskClient, arena: small.SmallArena) -> None:
    battle = deal(client)
    ballot = read(client.get(battle)).form("/vote")
    client.post(ballot.action, data={**ballot.hidden, "preference": "left"})
    again = client.post(ballot.action, data={**ballot.hidden, "preference": "right"})
    assert again.status_code == 409
    assert "The first answer counts, and it is safe." in again.get_data(as_text=True)
    assert [vote.outcome for vote in votes(arena)] == [Outcome.LEFT]


def test_a_foreign_battle_is_not_there(
    client: FlaskClient, stranger: FlaskClient, arena: small.SmallArena
) -> None:
    battle = deal(client)
    deal(stranger)
    assert stranger.get(battle).status_code == 404
    for action, data in (("vote", {"preference": "left", "consent": "x"}), ("skip", {}), ("reasons", {})):
        assert stranger.post(f"{battle}/{action}", data=data).status_code == 404
    assert not votes(arena)
    assert client.get(battle).status_code == 200


@pytest.mark.parametrize("answer", ["", "lefft", "LEFT", "skip", "1"])
def test_an_unknown_answer_is_refused(client: FlaskClient, arena: small.SmallArena, answer: str) -> None:
    response = cast(client, deal(client), answer)
    assert response.status_code == 400
    assert "Nothing was counted" in response.get_data(as_text=True)
    assert not votes(arena)


def test_no_answer_two_answers_and_a_foreign_question_are_refused(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    battle = deal(client)
    for data in ({}, {"preference": "left", "style": "left"}, {"style": "left"}):
        assert client.post(f"{battle}/vote", data={"consent": "2026-11", **data}).status_code == 400
    assert not votes(arena)


def test_a_vote_without_consent_is_refused(client: FlaskClient, arena: small.SmallArena) -> None:
    assert client.post(f"{deal(client)}/vote", data={"preference": "left"}).status_code == 400
    assert not votes(arena)


@pytest.mark.parametrize("told", ["", "soon", "-4", "9" * 30, "1.5"])
def test_a_broken_stopwatch_costs_nobody_a_vote(
    client: FlaskClient, arena: small.SmallArena, told: str
) -> None:
    assert cast(client, deal(client), elapsed_ms=told).status_code == 303
    assert [vote.elapsed_ms for vote in votes(arena)] == [None]


def test_a_battle_expires_and_the_page_says_that_nothing_was_counted(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    battle = deal(client)
    ballot = read(client.get(battle)).form("/vote")
    with arena.database.write.begin() as session:
        session.execute(update(Battle).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    late = client.post(ballot.action, data={**ballot.hidden, "preference": "left"})
    shown = client.get(battle)
    assert (late.status_code, shown.status_code) == (410, 410)
    assert "Nothing was counted" in late.get_data(as_text=True)
    assert "Nothing was counted" in shown.get_data(as_text=True)
    assert not votes(arena)
    assert deal(client) != battle


def test_a_skipped_pair_is_gone_and_not_a_vote(client: FlaskClient, arena: small.SmallArena) -> None:
    battle = deal(client)
    response = client.post(read(client.get(battle)).form("/skip").action)
    assert response.status_code == 303
    assert client.get(battle).status_code == 410
    assert deal(client) != battle
    assert not votes(arena)


def test_a_closed_campaign_takes_no_vote(client: FlaskClient, arena: small.SmallArena) -> None:
    battle = deal(client)
    ballot = read(client.get(battle)).form("/vote")
    with arena.database.write.begin() as session:
        session.execute(update(Campaign).values(closed_at=datetime.now(UTC)))
    response = client.post(ballot.action, data={**ballot.hidden, "preference": "left"})
    assert response.status_code == 409
    assert "The results stay up" in response.get_data(as_text=True)
    assert client.get("/battles/next").status_code == 409
    assert not votes(arena)


def test_a_program_may_vote_in_json(client: FlaskClient, arena: small.SmallArena) -> None:
    dealt = client.get("/battles/next", headers={"Accept": "application/json"}).get_json()
    told = {"preference": "tie", "consent": CONSENT_VERSION, "elapsed_ms": 900}
    assert client.post(f"{dealt['battle']}/vote", json=told).status_code == 303
    assert [(vote.outcome, vote.elapsed_ms) for vote in votes(arena)] == [(Outcome.TIE, 900)]


def test_malformed_json_is_told_as_json(client: FlaskClient, arena: small.SmallArena) -> None:
    battle = deal(client)
    response = client.post(f"{battle}/vote", data='{"preference": ', content_type="application/json")
    assert response.status_code == 400
    assert response.get_json()["error"]["code"] == "invalid"
    for body in ("[]", '"left"', "null", '{"preference": {"a": 1}}'):
        response = client.post(f"{battle}/vote", data=body, content_type="application/json")
        assert response.status_code == 400, body
    assert not votes(arena)


def test_every_question_is_asked_before_the_reasons(bare: small.SmallArena) -> None:
    questions = {"keep": "Which picture would you rather keep?", "prompt": "Which one heeds the words?"}
    small.open_campaign(bare, criteria=questions)
    client = bare.app.test_client()
    battle = deal(client)
    for slug, text in questions.items():
        page = read(client.get(battle))
        assert text in page.text
        assert {name for name, _ in page.form("/vote").buttons} == {slug}
        cast(client, battle)
    assert "What let the other one down?" in client.get(battle).get_data(as_text=True)
    assert len(votes(bare)) == 2


def test_reasons_are_asked_blind_and_one_tap_reveals(client: FlaskClient, arena: small.SmallArena) -> None:
    battle = deal(client)
    cast(client, battle)
    asked = client.get(battle).get_data(as_text=True)
    assert "You chose the left one." in asked
    assert not any(card.name in asked for card in small.CARDS)
    response = client.post(f"{battle}/reasons", data={"reason": "prompt_missed"})
    assert response.status_code == 303
    with arena.database.read() as session:
        (reason,) = session.scalars(select(Reason))
        assert (reason.tag, reason.unblinded) == ("prompt_missed", False)
    assert "Prompt missed" in client.get(battle).get_data(as_text=True)


def test_an_unknown_reason_reveals_nothing(client: FlaskClient) -> None:
    battle = deal(client)
    cast(client, battle)
    assert client.post(f"{battle}/reasons", data={"reason": "ugly"}).status_code == 400
    assert "What let the other one down?" in client.get(battle).get_data(as_text=True)


def test_reasons_before_the_vote_are_refused(client: FlaskClient) -> None:
    battle = deal(client)
    assert client.post(f"{battle}/reasons", data={"reason": "text"}).status_code == 409
    assert client.get(f"/originals/{battle.rsplit('/', 1)[1]}/left").status_code == 409


def test_a_voter_comes_to_the_end(client: FlaskClient, arena: small.SmallArena) -> None:
    done = 0
    while True:
        response = client.get("/battles/next")
        if response.status_code != 303:
            break
        settle(client, response.headers["Location"], "tie")
        done += 1
        assert done < 50
    page = response.get_data(as_text=True)
    assert f"You have judged {done} pairs" in page
    assert len(votes(arena)) == done
    told = client.get("/battles/next", headers={"Accept": "application/json"}).get_json()
    assert told == {"battle": None, "pictures": [], "state": "finished"}


def test_while_no_pair_is_ready_the_page_tells_the_progress(bare: small.SmallArena) -> None:
    small.open_campaign(bare, paint=None)
    client = bare.app.test_client()
    response = client.get("/battles/next")
    assert response.status_code == 200
    assert "0 of 12 pictures" in response.get_data(as_text=True)
    told = client.get("/battles/next", headers={"Accept": "application/json"}).get_json()
    assert told == {"battle": None, "pictures": [], "state": "waiting", "made": 0, "asked": 12}
