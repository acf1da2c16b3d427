"""Invitations let voters in, as a cohort; recovery codes carry a voter on; both tell what is wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from arena.domain.voters import (
    ALPHABET,
    SpentInvite,
    UnknownCode,
    UnknownInvite,
    UnreadableCode,
    grouped,
    new_code,
    read_code,
)
from arena.errors import CampaignClosed, Invalid, UnknownCampaign
from arena.services import inviting, recovering
from arena.services.inviting import NewInvite
from arena.services.removing import withdraw_all
from arena.services.voters import is_invited
from arena.tables import Campaign, Event, Invite, Recovery, Tally, Voter
from tests.database.conftest import NOW, Arena


def invite(arena: Arena, *, cohort: str = "creators", uses: int = 2, days: int = 14) -> NewInvite:
    with arena.database.write.begin() as session:
        return inviting.make_invite(
            session, campaign=arena.campaign, cohort=cohort, uses=uses, days=days, now=NOW
        )


def accept(arena: Arena, token: str, voter: str, *, days: float = 0) -> None:
    with arena.database.write.begin() as session:
        inviting.accept(session, token, voter_key=voter, now=NOW + timedelta(days=days))


def cohort_of(arena: Arena, voter: str) -> str | None:
    with arena.database.read() as session:
        return session.scalar(select(Voter.cohort).where(Voter.key == voter))


def admitted(arena: Arena, voter: str) -> bool:
    with arena.database.read() as session:
        number = session.scalar(select(Voter.id).where(Voter.key == voter))
        return is_invited(session, arena.campaign_id, number or 0)


def test_a_link_lets_in_as_a_cohort_and_only_as_many_as_it_is_for(arena: Arena) -> None:
    made = invite(arena)
    for voter in ("ann", "bob", "ann"):  # taking it twice is no second use
        accept(arena, made.token, voter)
    assert cohort_of(arena, "ann") == cohort_of(arena, "bob") == "creators"
    assert admitted(arena, "ann")
    with pytest.raises(SpentInvite):
        accept(arena, made.token, "carl")
    assert not admitted(arena, "carl")
    with arena.database.read() as session:
        (line,) = inviting.invites(session, arena.campaign)
        kept = session.scalars(select(Invite)).one()
        assert session.scalars(select(Event.kind).where(Event.kind == "invite.made")).all()
    assert (line.used, line.uses, line.opens(NOW)) == (2, 2, False)
    assert made.token not in repr(vars(kept))


def test_who_has_voted_keeps_the_cohort_of_their_votes_and_is_invited_all_the_same(arena: Arena) -> None:
    arena.vote("ann", arena.deal("ann"))
    accept(arena, invite(arena).token, "ann")
    assert cohort_of(arena, "ann") == "public"
    assert admitted(arena, "ann")
    with arena.database.write.begin() as session:  # the tallies find the vote where it was counted
        assert withdraw_all(session, voter_key="ann", now=NOW) == 1
        assert session.scalars(select(Tally.votes).where(Tally.votes != 0)).all() == []


def test_a_link_ends_with_its_days_when_revoked_and_with_the_campaign(arena: Arena) -> None:
    short, revoked, late = (invite(arena, days=days) for days in (1, 20, 20))
    accept(arena, revoked.token, "ann")
    with arena.database.write.begin() as session:
        assert inviting.revoke_invite(session, revoked.number, now=NOW)
        assert not inviting.revoke_invite(session, revoked.number, now=NOW)
        with pytest.raises(UnknownInvite):
            inviting.revoke_invite(session, 99, now=NOW)
    assert admitted(arena, "ann"), "revoking a link sends nobody away"
    with pytest.raises(SpentInvite):
        accept(arena, short.token, "bob", days=1)
    with pytest.raises(SpentInvite):
        accept(arena, revoked.token, "bob")
    with pytest.raises(UnknownInvite):
        accept(arena, "no-such-token", "bob")
    with arena.database.write.begin() as session:
        session.get_one(Campaign, arena.campaign_id).closed_at = NOW
    with pytest.raises(CampaignClosed):
        accept(arena, late.token, "bob")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"cohort": "Public Friends"}, "small letters"),
        ({"cohort": "public"}, "small letters"),
        ({"uses": 0}, "voters"),
        ({"days": 366}, "days"),
    ],
)
def test_what_cannot_be_an_invitation_is_told(arena: Arena, wrong: dict, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        invite(arena, **wrong)
    with arena.database.write.begin() as session, pytest.raises(UnknownCampaign):
        inviting.make_invite(session, campaign="spring", cohort="staff", uses=1, days=1, now=NOW)


def test_a_code_finds_its_voter_until_a_newer_one_replaces_it(arena: Arena) -> None:
    with arena.database.write.begin() as session:
        first = recovering.make_code(session, voter_key="ann", now=NOW)
        other = recovering.make_code(session, voter_key="bob", now=NOW)
        assert recovering.find_by_code(session, grouped(first).lower().replace("-", " ")) == "ann"
        second = recovering.make_code(session, voter_key="ann", now=NOW + timedelta(days=1))
        with pytest.raises(UnknownCode):
            recovering.find_by_code(session, first)
        assert recovering.find_by_code(session, second) == "ann"
        assert recovering.find_by_code(session, other) == "bob"
        assert recovering.code_made_at(session, voter_key="ann") == NOW + timedelta(days=1)
        assert second not in repr([vars(row) for row in session.scalars(select(Recovery))])


def test_every_wrong_letter_and_every_two_that_changed_places_are_found() -> None:
    code = new_code()
    assert read_code(grouped(code)) == code
    for at, letter in enumerate(code):
        for other in ALPHABET:
            if other != letter:
                with pytest.raises(UnreadableCode):
                    read_code(code[:at] + other + code[at + 1 :])
        for then in range(at + 1, len(code)):
            if code[then] != letter:
                swapped = code[:at] + code[then] + code[at + 1 : then] + letter + code[then + 1 :]
                with pytest.raises(UnreadableCode):
                    read_code(swapped)
    for wrong in ("", code[:-1], code + code[0], "I" * 20):
        with pytest.raises(UnreadableCode):
            read_code(wrong)
