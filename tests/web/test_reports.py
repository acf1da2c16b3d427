"""Reported pictures, from the rater's form to the operator's two buttons."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from arena.services.operators import OperatorRole
from arena.tables import Battle, Image, Report
from tests.web import small
from tests.web.pages import cast, deal, read
from tests.web.test_admin import come_in, link
from tests.web.test_blindness import NAMES, mirror

SENT = {"side": "left", "kind": "telling", "note": "A name in the corner <b>"}


def picture_of(arena: small.SmallArena) -> Image:
    with arena.database.read() as session:
        return session.scalars(select(Image).join(Report, Report.image_id == Image.id)).one()


def test_the_form_is_blind(client: FlaskClient, arena: small.SmallArena) -> None:
    battle = deal(client)
    assert f"{battle}/report" in read(client.get(battle)).links
    before = client.get(f"{battle}/report")
    assert not NAMES.search(before.get_data(as_text=True))
    mirror(arena)
    after = client.get(f"{battle}/report")
    assert (before.get_data(), before.headers) == (after.get_data(), after.headers)


def test_a_reported_pair_is_set_aside_and_not_voted(client: FlaskClient, arena: small.SmallArena) -> None:
    battle = deal(client)
    response = client.post(f"{battle}/report", data=SENT)
    assert response.status_code == 303
    assert response.headers["Location"].startswith("/battles/next")
    assert client.get(battle).status_code == 410
    assert deal(client) != battle
    with arena.database.read() as session:
        report = session.scalars(select(Report)).one()
        row = session.get_one(Battle, report.battle_id)
    assert report.image_id == row.left_image_id
    assert row.voted_at is None


def test_after_the_vote_a_report_leaves_the_vote(client: FlaskClient) -> None:
    battle = deal(client)
    cast(client, battle)
    response = client.post(f"{battle}/report", data={**SENT, "side": "right"})
    assert response.headers["Location"] == battle
    assert "What let the other one down?" in client.get(battle).get_data(as_text=True)


@pytest.mark.parametrize("wrong", [{"side": "top"}, {"kind": "ugly"}, {"side": ""}])
def test_what_is_no_report_is_refused(
    client: FlaskClient, arena: small.SmallArena, wrong: dict[str, str]
) -> None:
    battle = deal(client)
    assert client.post(f"{battle}/report", data={**SENT, **wrong}).status_code == 400
    with arena.database.read() as session:
        assert not session.scalars(select(Report)).all()
    assert client.get(battle).status_code == 200


def test_nobody_reports_the_pair_of_somebody_else(client: FlaskClient, stranger: FlaskClient) -> None:
    battle = deal(client)
    deal(stranger)
    assert stranger.get(f"{battle}/report").status_code == 404
    assert stranger.post(f"{battle}/report", data=SENT).status_code == 404


def test_an_operator_looks_and_takes_a_picture_down(client: FlaskClient, arena: small.SmallArena) -> None:
    client.post(f"{deal(client)}/report", data=SENT)
    operator = arena.app.test_client()
    assert operator.get("/admin/reports").status_code == 403
    come_in(operator, link(arena))
    page = read(operator.get("/admin/reports"))
    assert "It tells who made it" in page.text
    assert "A name in the corner &lt;b&gt;" in page.text
    shown = operator.get(page.pictures[0]["src"])
    assert shown.get_data() == arena.images.get(picture_of(arena).digest)
    assert operator.post(page.form("/take-down").action).status_code == 303
    assert picture_of(arena).withdrawn_at is not None
    told = operator.get("/admin/reports").get_data(as_text=True)
    assert "No report waits." in told
    assert "taken down" in told
    home = operator.get("/admin").get_data(as_text=True)
    assert f"A rater reported picture {picture_of(arena).id}" in home
    assert f"ann took picture {picture_of(arena).id} down" in home
    assert operator.post(page.form("/keep").action).status_code == 409


def test_an_analyst_looks_and_changes_nothing(client: FlaskClient, arena: small.SmallArena) -> None:
    client.post(f"{deal(client)}/report", data=SENT)
    analyst = arena.app.test_client()
    come_in(analyst, link(arena, name="bea", role=OperatorRole.ANALYST))
    page = read(analyst.get("/admin/reports"))
    assert not [form for form in page.forms if "reports" in form.action]
    assert analyst.post("/admin/reports/1/take-down").status_code == 403
    assert picture_of(arena).withdrawn_at is None
