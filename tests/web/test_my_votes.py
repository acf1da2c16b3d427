"""One's own votes: seen by nobody else, named only after the reveal, taken back by their voter alone."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from arena.queries import own_votes
from arena.tables import Removal, Tally, Vote
from tests.web import small
from tests.web.pages import cast, deal, read

NAMES = ("Sfumato 2.1", "Baseline K", "Grisaille")


def counted(arena: small.SmallArena) -> int:
    with arena.database.read() as session:
        return session.scalar(select(func.sum(Tally.votes)).where(Tally.category == "all")) or 0


def vote(client: FlaskClient, outcome: str = "left", *, reveal: bool = True) -> None:
    battle = deal(client)
    cast(client, battle, outcome)
    if reveal:
        client.post(f"{battle}/reasons")


def numbers(arena: small.SmallArena) -> list[int]:
    with arena.database.read() as session:
        return list(session.scalars(select(Vote.id).order_by(Vote.id)))


def text(client: FlaskClient, address: str = "/my-votes") -> str:
    return read(client.get(address)).text


def test_without_votes_the_page_says_so_and_makes_nobody_a_voter(client: FlaskClient) -> None:
    response = client.get("/my-votes")
    assert "No vote was cast with this cookie" in response.get_data(as_text=True)
    assert "Set-Cookie" not in response.headers
    assert "There is no vote to withdraw" in text(client, "/my-votes/withdraw")


def test_names_are_told_only_after_the_reveal(client: FlaskClient) -> None:
    vote(client, "tie", reveal=False)
    page = text(client)
    assert "You called it a tie." in page
    assert not any(name in page for name in NAMES)
    client.post(f"{deal(client)}/skip")
    vote(client, "right")
    page = text(client)
    assert sum(name in page for name in NAMES) == 2
    assert " over " in page


def test_the_page_is_its_voters_own(client: FlaskClient, stranger: FlaskClient) -> None:
    vote(client)
    vote(stranger)
    response = client.get("/my-votes")
    assert response.headers["Cache-Control"] == "no-store"
    assert "1 vote cast" in response.get_data(as_text=True)


def test_one_vote_is_withdrawn_after_a_question_and_stays_listed(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    vote(client)
    vote(client, "both_bad")
    (first, second) = numbers(arena)
    address = f"/my-votes/{first}/withdraw"
    assert address in read(client.get("/my-votes")).links
    form = read(client.get(address)).form("/withdraw")
    assert (form.method, form.action) == ("post", address)
    assert counted(arena) == 2
    done = client.post(form.action)
    assert (done.status_code, done.headers["Location"]) == (303, "/my-votes")
    page = read(client.get("/my-votes"))
    assert "1 vote was withdrawn and counts no more." in page.text
    assert "2 votes cast" in page.text
    assert address not in page.links
    assert f"/my-votes/{second}/withdraw" in page.links
    assert counted(arena) == 1
    assert "was withdrawn and counts" not in text(client)
    assert "This vote counts no more already." in text(client, address)
    client.post(address)
    assert "Nothing was left to withdraw." in text(client)
    assert counted(arena) == 1


def test_all_votes_are_withdrawn_and_no_pair_comes_again(
    client: FlaskClient, stranger: FlaskClient, arena: small.SmallArena
) -> None:
    for _ in range(3):
        vote(client)
    vote(stranger)
    page = read(client.get("/my-votes/withdraw"))
    assert "Withdraw all of your 3 votes?" in page.text
    assert client.post(page.form("/withdraw").action).status_code == 303
    assert "3 votes were withdrawn and count no more." in text(client)
    assert counted(arena) == 1
    with arena.database.read() as session:
        assert session.scalar(select(func.count(Removal.id))) == 3
    left = 0
    while "/battles/" in (client.get("/battles/next").headers.get("Location") or ""):
        vote(client)
        left += 1
    assert left == 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_sees_or_withdraws_the_vote_of_another(
    client: FlaskClient, stranger: FlaskClient, arena: small.SmallArena, method: str
) -> None:
    vote(client)
    (number,) = numbers(arena)
    for asking in (stranger, arena.app.test_client()):
        for asked in (number, number + 7, 2**31 - 1):
            response = getattr(asking, method)(f"/my-votes/{asked}/withdraw")
            assert response.status_code == 404
            assert "There is no such vote of yours" in response.get_data(as_text=True)
        asking.get("/battles/next")
    assert counted(arena) == 1


def test_another_site_withdraws_nothing(client: FlaskClient, arena: small.SmallArena) -> None:
    vote(client)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        assert client.post("/my-votes/withdraw", headers=headers).status_code == 403
    assert counted(arena) == 1


def test_pages_of_votes_hold_each_vote_once(
    client: FlaskClient, arena: small.SmallArena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_votes, "PAGE", 2)
    while "/battles/" in (client.get("/battles/next").headers.get("Location") or ""):
        vote(client)
    (first, *_, last) = numbers(arena)
    seen: list[str] = []
    address: str | None = "/my-votes"
    while address:
        links = read(client.get(address)).links
        seen += [link for link in links if link.endswith("/withdraw") and link != "/my-votes/withdraw"]
        address = next((link for link in links if "before=" in link), None)
    assert seen == [f"/my-votes/{number}/withdraw" for number in reversed(numbers(arena))]
    assert len(seen) > 3
    newer = read(client.get(f"/my-votes?after={first}")).links
    assert f"/my-votes/{first + 1}/withdraw" in newer
    assert any("before=" in link for link in newer)
    assert not any("before=" in link for link in read(client.get(f"/my-votes?before={first + 1}")).links)
    assert last > first


@pytest.mark.parametrize("told", ["x", "-1", "9" * 12, "1.5", ""])
def test_an_address_that_makes_no_sense_is_told_so(client: FlaskClient, told: str) -> None:
    assert client.get("/my-votes", query_string={"before": told}).status_code == 400


def test_every_page_of_the_catalogue_and_the_privacy_page_lead_here(client: FlaskClient) -> None:
    for address in ("/privacy", "/data"):
        assert "/my-votes" in read(client.get(address)).links
    assert "what others have downloaded we cannot call back." in text(client, "/privacy")
