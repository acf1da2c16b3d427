"""Passwords and one-time codes: the published vectors, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from arena.domain import totp
from arena.domain.passwords import NOBODYS, WeakPassword, hashed, is_it, see_that_it_is_strong

KEY = b"12345678901234567890"


# RFC 6238, appendix B: the column of SHA-1.
@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    step = totp.step_of(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
    assert totp.code_at(KEY, step, digits=8) == code
    assert totp.code_at(KEY, step) == code[-6:]


def test_a_code_is_good_for_the_step_before_and_after_and_only_beyond_the_last_one_used() -> None:
    now = datetime(2026, 11, 23, 12, 0, 10, tzinfo=UTC)
    step = totp.step_of(now)
    for late, found in ((-2, None), (-1, step - 1), (0, step), (1, step + 1), (2, None)):
        assert totp.matching_step(KEY, totp.code_at(KEY, step + late), now=now, after=0) == found
    assert totp.matching_step(KEY, totp.code_at(KEY, step), now=now, after=step) is None
    spaced = f" {totp.code_at(KEY, step)[:3]} {totp.code_at(KEY, step)[3:]}"
    assert totp.matching_step(KEY, spaced, now=now, after=0) == step
    for wrong in ("", "12345", "1234567", "é23456", "abcdef"):
        assert totp.matching_step(KEY, wrong, now=now, after=0) is None


def test_the_square_holds_what_apps_read() -> None:
    parts = urlsplit(totp.address(KEY, name="ann", issuer="Vernissage"))
    told = parse_qs(parts.query)
    assert (parts.scheme, parts.netloc, parts.path) == ("otpauth", "totp", "/Vernissage%3Aann")
    assert told["secret"] == ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"]
    assert totp.spelt(KEY).startswith("GEZD GNBV ")


def test_a_password_is_its_own_hash_and_no_others() -> None:
    kept = hashed("déjà vu, twice over", log2_n=4)
    assert is_it("déjà vu, twice over", kept)
    assert is_it("de\u0301ja\u0300 vu, twice over", kept), "the same letters in another composition"
    assert not is_it("deja vu, twice over", kept)
    assert hashed("déjà vu, twice over", log2_n=4) != kept


def test_nobodys_hash_takes_the_work_of_everybodys_and_is_no_passwords() -> None:
    assert NOBODYS.split("$")[:4] == hashed("four plain words here").split("$")[:4]
    assert not is_it("", NOBODYS)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short words", "short"),
        ("x" * 300, "long"),
        ("abababababab", "plain"),
        ("ann-0123456789", "name"),
    ],
)
def test_what_would_be_guessed_is_refused(password: str, reason: str) -> None:
    with pytest.raises(WeakPassword) as error:
        see_that_it_is_strong(password, name="ann")
    assert error.value.reason == reason
    see_that_it_is_strong("a longer text than ann alone", name="ann")
