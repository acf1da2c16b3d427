"""Keys of the images API, and the prompts that they do not open."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from arena.db import Database
from arena.errors import Invalid, NameTaken, UnknownKey
from arena.services import curation, keys
from arena.tables import ApiKey, Campaign, Event
from tests.database.conftest import NOW, card


def test_a_key_opens_until_it_is_revoked(database: Database) -> None:
    with database.write.begin() as session:
        made = keys.make_key(session, "studio", now=NOW, may_unblind=True, per_minute=30)
    with database.read() as session:
        holder = keys.Holder("studio", may_unblind=True, per_minute=30)
        assert keys.find_holder(session, made.secret) == holder
        for wrong in ("", "studio", made.secret[:-1], made.secret + "x", made.secret.upper()):
            assert keys.find_holder(session, wrong) is None
    with database.write.begin() as session:
        assert keys.revoke_key(session, "studio", now=NOW)
        assert not keys.revoke_key(session, "studio", now=NOW + timedelta(days=1))
    with database.read() as session:
        assert keys.find_holder(session, made.secret) is None
        assert [key.revoked_at for key in keys.all_keys(session)] == [NOW]


def test_a_key_cannot_be_read_back(database: Database) -> None:
    with database.write.begin() as session:
        made = keys.make_key(session, "studio", now=NOW)
    with database.read() as session:
        row = session.scalars(select(ApiKey)).one()
        events = session.scalars(select(Event).where(Event.subject == "studio")).all()
    assert len(made.secret) - len(row.prefix) >= 36, "what is shown must leave over 200 bits"
    assert made.secret.startswith(row.prefix)
    assert made.secret not in str([vars(row), *(event.data for event in events)])
    assert [event.kind for event in events] == ["key.made"]


def test_two_keys_are_not_alike(database: Database) -> None:
    with database.write.begin() as session:
        secrets = {keys.make_key(session, f"key-{number}", now=NOW).secret for number in range(20)}
    assert len(secrets) == 20


def test_a_name_is_given_once_even_after_it_was_revoked(database: Database) -> None:
    with database.write.begin() as session:
        keys.make_key(session, "studio", now=NOW)
        keys.revoke_key(session, "studio", now=NOW)
    with pytest.raises(NameTaken), database.write.begin() as session:
        keys.make_key(session, "studio", now=NOW)
    with database.read() as session:
        assert len(keys.all_keys(session)) == 1
        assert len(session.scalars(select(Event).where(Event.subject == "studio")).all()) == 2


@pytest.mark.parametrize(
    ("name", "per_minute"), [("", None), ("A b", None), ("x" * 65, None), ("ok", 0), ("ok", 10**9)]
)
def test_what_is_no_name_or_no_limit_is_refused(
    database: Database, name: str, per_minute: int | None
) -> None:
    with pytest.raises(Invalid), database.write.begin() as session:
        keys.make_key(session, name, now=NOW, per_minute=per_minute)


def test_revoking_what_is_not_there_names_those_there_are(database: Database) -> None:
    with database.write.begin() as session:
        keys.make_key(session, "studio", now=NOW)
    with pytest.raises(UnknownKey, match="studio"), database.write.begin() as session:
        keys.revoke_key(session, "studoi", now=NOW)


def test_the_embargo_follows_what_campaigns_deal(database: Database) -> None:
    embargo = keys.Embargo()

    def covered(prompt: str, *, days: int = 0) -> bool:
        with database.read() as session:
            return embargo.covers(session, prompt, now=NOW + timedelta(days=days))

    assert not covered("a red vase")
    with database.write.begin() as session:
        rows = [curation.enter(session, card(f"e{number}"), now=NOW) for number in range(2)]
        for slug in ("spring", "autumn"):
            campaign = curation.open_campaign(
                session, slug=slug, name=slug, entrants=rows, canvas=64, now=NOW
            )
            curation.add_prompts(session, campaign, [curation.NewPrompt("A red vase.")], now=NOW)
        curation.add_prompts(session, campaign, [curation.NewPrompt("ein grünes Glas, 3 €")], now=NOW)
    for told in ("A red vase.", "a RED   vase", "a red, vase!", "a-red-vase"):
        assert covered(told), told
    assert covered("EIN GRÜNES GLAS 3")
    for told in ("a red vase on a table", "a blue vase", "vase"):
        assert not covered(told), told
    with database.write.begin() as session:
        autumn = session.scalars(select(Campaign).where(Campaign.slug == "autumn")).one()
        autumn.closed_at = NOW + timedelta(days=1)
    assert covered("ein grünes Glas 3")
    assert not covered("ein grünes Glas 3", days=2)
    assert covered("a red vase", days=2), "spring still deals it"
    with database.write.begin() as session:
        spring = session.scalars(select(Campaign).where(Campaign.slug == "spring")).one()
        curation.add_prompts(session, spring, [curation.NewPrompt("a blue vase")], now=NOW)
    assert covered("a blue vase", days=2)
