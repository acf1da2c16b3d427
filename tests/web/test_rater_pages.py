"""What a rater does beside the vote, without script: undo, sets, names held back, a board of their own."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from analysis.outcomes import Outcome
from arena.tables import Battle, Campaign, Point, Reason, RevealPolicy, Vote
from tests.web import small
from tests.web.pages import cast, deal, read, settle

NAMES = re.compile("|".join(re.escape(card.name) for card in small.CARDS))


def let(arena: small.SmallArena, **told: object) -> None:
    """Change the campaign."""
    with arena.database.write.begin() as session:
        session.execute(update(Campaign).values(**told))


def outcomes(arena: small.SmallArena) -> list[tuple[int, Outcome]]:
    with arena.database.read() as session:
        return [(v.ballot_no, v.outcome) for v in session.scalars(select(Vote).order_by(Vote.id))]


def test_undo_hangs_the_same_pair_again(client: FlaskClient, arena: small.SmallArena) -> None:
    battle = deal(client)
    cast(client, battle, "left")
    response = client.post(read(client.get(battle)).form("/undo").action)
    assert (response.status_code, response.headers["Location"]) == (303, battle)
    cast(client, battle, "right")
    assert outcomes(arena) == [(1, Outcome.LEFT), (2, Outcome.RIGHT)]
    told = client.get("/my-votes").get_data(as_text=True)
    assert "Undone before the reveal" in told
    assert "Withdrawn</" not in told


def test_after_the_reveal_undo_is_refused_and_says_what_can_be_done(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    battle = deal(client)
    page = settle(client, battle)
    assert not [form for form in read(page).forms if form.action.endswith("/undo")]
    refused = client.post(f"{battle}/undo")
    assert refused.status_code == 409
    assert "You can withdraw it" in refused.get_data(as_text=True)
    assert outcomes(arena) == [(1, Outcome.LEFT)]


def test_a_stranger_undoes_nothing(
    client: FlaskClient, stranger: FlaskClient, arena: small.SmallArena
) -> None:
    battle = deal(client)
    deal(stranger)
    cast(client, battle)
    assert stranger.post(f"{battle}/undo").status_code == 404
    assert "What let the other one down?" in client.get(battle).get_data(as_text=True)


def test_the_second_question_offers_to_undo_the_first(bare: small.SmallArena) -> None:
    small.open_campaign(bare, criteria={"keep": "Which would you keep?", "words": "Which heeds the words?"})
    client = bare.app.test_client()
    battle = deal(client)
    assert "Question 1 of 2" in client.get(battle).get_data(as_text=True)
    assert not [form for form in read(client.get(battle)).forms if form.action.endswith("/undo")]
    cast(client, battle)
    second = client.get(battle)
    assert "Question 2 of 2" in second.get_data(as_text=True)
    assert client.post(read(second).form("/undo").action).status_code == 303
    assert "Which would you keep?" in client.get(battle).get_data(as_text=True)


def test_the_same_answer_sent_again_is_no_error(client: FlaskClient, arena: small.SmallArena) -> None:
    """What waited for a connection may have come through before."""
    battle = deal(client)
    ballot = read(client.get(battle)).form("/vote")
    sent = {**ballot.hidden, "preference": "tie"}
    for _ in range(2):
        assert client.post(ballot.action, data=sent).status_code == 303
    assert outcomes(arena) == [(1, Outcome.TIE)]


def test_a_script_gets_the_next_page_at_once(client: FlaskClient) -> None:
    battle = deal(client)
    ballot = read(client.get(battle)).form("/vote")
    sent = {**ballot.hidden, "preference": "tie"}
    response = client.post(ballot.action, data=sent, headers={"X-Room": "in place"})
    assert (response.status_code, response.headers["Content-Location"]) == (200, battle)
    assert response.get_data() == client.get(battle).get_data()


def test_spots_come_with_the_reasons_and_hang_on_the_reveal(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    battle = deal(client)
    cast(client, battle)
    sent = {"spot": ["left 0.25 0.5 anatomy", "right 0.9 0.1"], "reason": ["texture"]}
    assert client.post(f"{battle}/reasons", data={**sent, "spot": ["left 2 0"]}).status_code == 400
    assert client.post(f"{battle}/reasons", data=sent).status_code == 303
    told = client.get(battle).get_data(as_text=True)
    assert 'x="25.0%" y="50.0%"' in told
    assert "1: left picture, Anatomy" in told
    with arena.database.read() as session:
        assert len(session.scalars(select(Point)).all()) == 2
        assert set(session.scalars(select(Reason.tag))) == {"anatomy", "texture"}


def test_a_set_ends_with_a_pause_until_the_voter_goes_on(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    let(arena, set_size=2)
    for outcome in ("tie", "left"):
        settle(client, deal(client), outcome)
    for _ in range(2):
        pause = client.get("/battles/next")
        assert pause.status_code == 200
    told = pause.get_data(as_text=True)
    assert "Your first set is complete" in told
    assert "50%" in told
    assert client.get("/battles/next", headers={"Accept": "application/json"}).get_json() == {
        "battle": None,
        "pictures": [],
        "state": "set_complete",
    }
    with arena.database.read() as session:
        assert len(session.scalars(select(Battle)).all()) == 2, "nothing was dealt meanwhile"
    (onward,) = [link for link in read(pause).links if "set=2" in link]
    third = client.get(onward).headers["Location"]
    client.post(f"{third}/skip")
    assert deal(client) != third, "who has gone on is not asked again"


@pytest.mark.parametrize("policy", [RevealPolicy.OFF, RevealPolicy.END_OF_SET])
def test_the_names_come_when_the_campaign_says(
    client: FlaskClient, arena: small.SmallArena, policy: RevealPolicy
) -> None:
    let(arena, set_size=2, reveal=policy)
    battles = []
    for _ in range(2):
        battle = deal(client)
        battles.append(battle)
        cast(client, battle)
        response = client.post(f"{battle}/reasons", data={"reason": "text"})
        assert response.status_code == 303
        assert response.headers["Location"].startswith("/battles/next")
        told = client.get(battle).get_data(as_text=True)
        assert "Your answer is kept" in told
        assert not NAMES.search(told)
        assert client.get(f"/originals/{battle.rsplit('/', 1)[1]}/left").status_code == 409
    assert not NAMES.search(client.get("/my-votes").get_data(as_text=True))
    pause = client.get("/battles/next").get_data(as_text=True)
    if policy is RevealPolicy.OFF:
        assert not NAMES.search(pause)
        return
    assert "Who painted what in this set" in pause
    assert len(set(NAMES.findall(pause))) >= 2
    assert "You chose the left one" in client.get(battles[0]).get_data(as_text=True)


def test_a_board_of_ones_own_begins_with_thirty_votes(bare: small.SmallArena) -> None:
    small.open_campaign(bare, prompts=[f"A vase, number {n}" for n in range(31)])
    let(bare, set_size=60, checks=0.0)
    client = bare.app.test_client()
    assert "Nothing to tell yet" in client.get("/my-votes/board").get_data(as_text=True)
    for number in range(30):
        settle(client, deal(client), "left" if number % 3 else "tie")
        if number == 28:
            assert "29 votes so far" in client.get("/my-votes/board").get_data(as_text=True)
    told = client.get("/my-votes/board").get_data(as_text=True)
    cells = [int(n) for n in re.findall(r'<td class="figure">(\d+)</td>', told)]
    chosen, passed_over, undecided = (sum(cells[n::3]) for n in range(3))
    assert (chosen, passed_over, undecided) == (20, 20, 20)
    for card in small.CARDS:
        assert card.name in told
