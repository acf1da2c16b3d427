"""Passwords, second factors and accounts elsewhere: who comes in, what is used up, what is kept."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import event, select

from arena.db import Database
from arena.domain import totp
from arena.domain.passwords import hashed
from arena.errors import Invalid, NameTaken
from arena.services import identities, operators, signing_in
from arena.services.identities import Account
from arena.services.signing_in import MOST_WRONG_CODES, AlreadySetUp, WrongSignIn
from arena.tables import Base, Event, OperatorIdentity, OperatorLogin
from tests.database.conftest import NOW

SECRET = "of-these-tests-alone"
PASSWORD = "four plain words here"


def code(database: Database, name: str = "ann", *, steps: int = 0) -> str:
    """What the app of an operator shows some steps from now."""
    with database.read() as session:
        key = signing_in.second_factor(SECRET, signing_in.standing(session, name).salt)
    return totp.code_at(key, totp.step_of(NOW) + steps)


def set_up(database: Database, name: str = "ann") -> list[str]:
    """Give an operator a password and a second factor; the recovery codes."""
    with database.write.begin() as session:
        operators.make_link(session, name, now=NOW)
        signing_in.begin(session, name, password=hashed(PASSWORD, log2_n=4), now=NOW)
    first = code(database, name, steps=-1)
    with database.write.begin() as session:
        return signing_in.confirm(session, name, first, secret=SECRET, now=NOW)


def sign_in(
    database: Database, typed: str, *, name: str = "ann", password: str = PASSWORD, before: str | None = None
) -> operators.NewSession | None:
    """Sign in as the page does it, in its three steps."""
    with database.read() as session:
        known = signing_in.read_known(session, name)
    shown = signing_in.look_at(known, password=password, typed=typed, secret=SECRET, now=NOW)
    with database.write.begin() as session:
        return signing_in.come_in(session, known, shown, now=NOW, before=before)


def kinds(database: Database) -> list[str]:
    """What was done, in order."""
    with database.read() as session:
        return list(session.scalars(select(Event.kind).order_by(Event.id)))


def test_a_password_and_a_code_let_in_and_a_code_does_so_once(database: Database) -> None:
    set_up(database)
    opened = sign_in(database, code(database))
    assert opened
    with database.read() as session:
        guest = operators.find_guest(session, opened.token, now=NOW)
    assert guest
    assert guest.name == "ann"
    assert sign_in(database, code(database)) is None, "a code that was used"
    assert sign_in(database, code(database, steps=-1)) is None, "an older one"
    assert sign_in(database, code(database, steps=1))
    assert kinds(database)[-4:] == [
        "operator.came_in", "operator.refused", "operator.refused", "operator.came_in"
    ]  # fmt: skip


def test_the_code_that_confirmed_opens_nothing(database: Database) -> None:
    set_up(database)
    assert sign_in(database, code(database, steps=-1)) is None


@pytest.mark.parametrize(
    ("name", "password"), [("ann", "four plain words there"), ("eve", PASSWORD), ("ann", ""), ("", "")]
)
def test_one_wrong_part_is_as_good_as_all(database: Database, name: str, password: str) -> None:
    set_up(database)
    assert sign_in(database, code(database), name=name, password=password) is None
    assert sign_in(database, code(database)), "and the code was not used up by somebody else"


def test_of_two_who_show_a_code_at_once_one_comes_in(database: Database) -> None:
    set_up(database)
    typed, start = code(database), threading.Barrier(2)
    told: list[operators.NewSession | None] = []

    def use() -> None:
        start.wait()
        told.append(sign_in(database, typed))

    both = [threading.Thread(target=use) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(opened is None for opened in told) == [False, True]


def test_a_recovery_code_stands_in_once(database: Database) -> None:
    codes = set_up(database)
    assert len(set(codes)) == signing_in.RECOVERY_CODES
    assert sign_in(database, codes[0].lower())
    assert sign_in(database, codes[0]) is None
    assert sign_in(database, codes[1], password="wrong words entirely") is None
    with database.write.begin() as session:
        renewed = signing_in.renew_codes(session, "ann", now=NOW)
    assert sign_in(database, codes[1]) is None
    assert sign_in(database, renewed[0])
    with database.read() as session:
        assert signing_in.standing(session, "ann").codes_left == signing_in.RECOVERY_CODES - 1


def test_wrong_codes_behind_a_right_password_close_the_way_until_a_link_is_used(database: Database) -> None:
    codes = set_up(database)
    for _ in range(3 * MOST_WRONG_CODES):
        assert sign_in(database, "", password="a guess of somebody") is None
    assert sign_in(database, code(database)), "whoever has no password closes nothing"
    for _ in range(MOST_WRONG_CODES):
        assert sign_in(database, "000 00") is None
    assert sign_in(database, code(database, steps=1)) is None
    assert kinds(database).count("operator.locked") == 1
    with database.write.begin() as session:
        assert signing_in.standing(session, "ann").locked
        token = operators.make_link(session, "ann", now=NOW).token
        operators.use_link(session, token, now=NOW)
    assert sign_in(database, code(database, steps=1))
    for _ in range(MOST_WRONG_CODES):
        sign_in(database, "")
    assert sign_in(database, codes[0]), "a recovery code opens a closed way too"


def test_a_name_that_nobody_has_costs_the_same_work(database: Database) -> None:
    set_up(database)
    told: dict[str, list[str]] = {}
    for name in ("ann", "nobody-here"):
        asked: list[str] = []

        def listen(*args: object, into: list[str] = asked) -> None:
            into.append(str(args[2]))

        for engine in {database.read_engine, database.write_engine}:
            event.listen(engine, "before_cursor_execute", listen)
        assert sign_in(database, "123456", name=name, password="a guess of somebody") is None
        for engine in {database.read_engine, database.write_engine}:
            event.remove(engine, "before_cursor_execute", listen)
        told[name] = asked
    assert told["ann"] == told["nobody-here"]
    assert told["ann"]


def test_nothing_that_opens_the_room_lies_in_the_database(database: Database) -> None:
    codes = set_up(database)
    with database.read() as session:
        key = signing_in.second_factor(SECRET, signing_in.standing(session, "ann").salt)
        kept = "".join(
            str(tuple(row)) for table in Base.metadata.sorted_tables for row in session.execute(select(table))
        )
    for secret in (PASSWORD, *codes, key.hex(), totp.spelt(key).replace(" ", "")):
        assert secret not in kept


def test_what_was_confirmed_is_not_begun_anew_and_what_was_not_opens_nothing(database: Database) -> None:
    with database.write.begin() as session:
        operators.make_link(session, "ann", now=NOW)
        signing_in.begin(session, "ann", password=hashed(PASSWORD, log2_n=4), now=NOW)
    assert sign_in(database, code(database)) is None
    with database.write.begin() as session, pytest.raises(WrongSignIn):
        signing_in.confirm(session, "ann", "000000x", secret=SECRET, now=NOW)
    set_up(database)
    with database.write.begin() as session:
        signing_in.give_up(session, "ann")
        with pytest.raises(AlreadySetUp):
            signing_in.begin(session, "ann", password="x", now=NOW)
    assert sign_in(database, code(database))


def test_reset_and_retirement_forget_every_way_in(database: Database) -> None:
    set_up(database)
    set_up(database, "bob")
    with database.write.begin() as session:
        identities.bind(session, "bob", issuer="https://id.example", email="bob@lab.example", now=NOW)
        assert signing_in.reset(session, "ann", now=NOW)
        assert not signing_in.reset(session, "ann", now=NOW)
        operators.retire(session, "bob", now=NOW)
    with database.read() as session:
        assert not session.scalars(select(OperatorLogin)).all()
        assert not session.scalars(select(OperatorIdentity)).all()


def test_revoking_ends_all_sessions_but_the_one_that_asks(database: Database) -> None:
    set_up(database)
    mine, other = sign_in(database, code(database)), sign_in(database, code(database, steps=1))
    assert mine
    assert other
    with database.write.begin() as session:
        assert operators.count_sessions(session, "ann", now=NOW, but=mine.id) == 1
        assert operators.revoke(session, "ann", now=NOW, but=mine.id) == 1
        assert operators.is_in(session, mine.id, now=NOW)
        assert not operators.is_in(session, other.id, now=NOW)
        assert operators.revoke(session, "ann", now=NOW) == 1


ISSUER = "https://id.example"


def enter(database: Database, subject: str, email: str = "", issuer: str = ISSUER) -> str | None:
    """Come in by an account; the operator's name."""
    with database.write.begin() as session:
        opened = identities.come_in(session, Account(issuer, subject, email), now=NOW)
        return opened.name if opened else None


def test_an_account_lets_in_by_its_address_once_and_by_its_subject_from_then_on(database: Database) -> None:
    with database.write.begin() as session:
        operators.make_link(session, "ann", now=NOW)
        identities.bind(session, "ann", issuer=ISSUER, email="Ann@Lab.example", now=NOW)
    assert enter(database, "7", "somebody@lab.example") is None
    assert enter(database, "7", "") is None, "an address that the provider did not verify"
    assert enter(database, "7", "ann@lab.example", "https://other.example") is None
    assert enter(database, "7", "ann@lab.example") == "ann"
    assert enter(database, "7", "ann@elsewhere.example") == "ann"
    assert enter(database, "8", "ann@lab.example") is None, "the address changed hands"
    with database.write.begin() as session:
        assert identities.unbind(session, "ann", now=NOW)
        assert not identities.unbind(session, "ann", now=NOW)
    assert enter(database, "7", "ann@lab.example") is None


def test_an_account_is_bound_to_one_operator(database: Database) -> None:
    with database.write.begin() as session:
        for name in ("ann", "bob"):
            operators.make_link(session, name, now=NOW)
        identities.bind(session, "ann", issuer=ISSUER, subject="7", now=NOW)
        with pytest.raises(NameTaken):
            identities.bind(session, "bob", issuer=ISSUER, subject="7", now=NOW)
        for wrong in ({}, {"email": "a@b", "subject": "7"}, {"email": "no address"}, {"subject": "x" * 300}):
            with pytest.raises(Invalid):
                identities.bind(session, "bob", issuer=ISSUER, now=NOW, **wrong)
