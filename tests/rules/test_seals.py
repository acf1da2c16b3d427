"""Leaves and seals: the same for everybody who computes them, and another for whatever else was said."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.domain.columns import VOTES
from arena.domain.pseudonyms import Pseudonyms
from arena.domain.seals import GENESIS, PUBLIC, canonical, day_of, leaf, private_digest, seal_digest

ROW = {
    "vote": 7,
    "battle": 3,
    "campaign": "spring",
    "criterion": "preference",
    "ballot_no": 1,
    "day": "2026-11-02",
    "prompt_digest": "ab" * 32,
    "left": "rose@000000000001",
    "right": "lily@000000000002",
    "left_image": "01" * 32,
    "right_image": "02" * 32,
    "outcome": "left",
    "kind": "ordinary",
    "propensity": 0.1 + 0.2,
    "eligible": "cd" * 32,
    "policy": "uniform/1",
    "consent": "2026-11",
}
AT = datetime(2026, 11, 2, 23, 59, 59, 123456, tzinfo=UTC)
PRIVATE = private_digest(b"s" * 16, voter="ann", cast_at=AT, elapsed_ms=900)


def test_a_leaf_is_what_the_dataset_card_says() -> None:
    text = json.dumps({"type": "vote/1", **ROW}, sort_keys=True, separators=(",", ":"))
    assert '"propensity":0.30000000000000004' in text
    assert leaf(ROW, PRIVATE) == hashlib.sha256(text.encode() + bytes.fromhex(PRIVATE)).hexdigest()


def test_leaves_and_seals_stay_what_they_were_in_every_later_version() -> None:
    assert PRIVATE == "afe7b62936fa04c3da43f08577ccae3e92136ab108fee1d3d7dfcc8b4ee42f00"
    assert leaf(ROW, PRIVATE) == "0c0db55a60f2df48d8b2b213588b1d09e49a836f2a616fe40d116e55e340c4d9"
    assert (
        seal_digest(GENESIS, [leaf(ROW, PRIVATE)])
        == "a825870a1807bb85827b82cdc25eee92208a96557baf517a314f5f60aa380893"
    )


@given(st.text(), st.none() | st.integers(), st.datetimes())
def test_the_private_part_is_hashed_in_its_canonical_form(
    voter: str, elapsed_ms: int | None, at: datetime
) -> None:
    cast_at = at.replace(tzinfo=UTC)
    part = {"voter": voter, "cast_at": cast_at.isoformat(), "elapsed_ms": elapsed_ms}
    told = private_digest(b"s" * 16, voter=voter, cast_at=cast_at, elapsed_ms=elapsed_ms)
    assert told == hashlib.sha256(b"s" * 16 + canonical(part)).hexdigest()


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_field_is_in_the_leaf(name: str) -> None:
    value = ROW[name]
    other = value + "x" if isinstance(value, str) else value + 1
    assert leaf({**ROW, name: other}, PRIVATE) != leaf(ROW, PRIVATE)


def test_columns_outside_the_public_part_are_not_in_the_leaf() -> None:
    assert leaf({**ROW, "rater": "somebody"}, PRIVATE) == leaf(ROW, PRIVATE)


def test_an_export_has_a_column_for_every_public_field() -> None:
    assert set(PUBLIC) <= {column.name for column in VOTES}


def test_every_private_field_and_the_salt_are_in_the_private_digest() -> None:
    told = {"voter": "ann", "cast_at": AT, "elapsed_ms": 900}
    others = {"voter": "bob", "cast_at": AT + timedelta(microseconds=1), "elapsed_ms": None}
    digests = {private_digest(b"s" * 16, **{**told, name: other}) for name, other in others.items()}
    assert len({PRIVATE, private_digest(b"t" * 16, **told), *digests}) == 5


def test_a_moment_is_the_same_in_every_time_zone() -> None:
    there = AT.astimezone(timezone(timedelta(hours=5)))
    assert day_of(there) == "2026-11-02"
    assert private_digest(b"s" * 16, voter="ann", cast_at=there, elapsed_ms=900) == PRIVATE


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=6, unique=True), st.data())
def test_a_seal_knows_its_leaves_their_order_and_what_was_before(
    leaves: list[bytes], data: st.DataObject
) -> None:
    told = [one.hex() for one in leaves]
    digest = seal_digest(GENESIS, told)
    moved = data.draw(st.permutations(told).filter(lambda order: list(order) != told))
    assert (
        len({digest, seal_digest(GENESIS, moved), seal_digest(GENESIS, told[1:]), seal_digest(digest, told)})
        == 4
    )


@given(
    st.dictionaries(
        st.text(), st.one_of(st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
    )
)
def test_canonical_json_does_not_depend_on_order_and_reads_back_exactly(part: dict[str, object]) -> None:
    data = canonical(part)
    assert data == canonical(dict(reversed(part.items())))
    assert json.loads(data) == part


def test_a_number_that_json_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"propensity": float("nan")})


def test_pseudonyms_hold_within_an_export_and_not_across_them() -> None:
    one, other = Pseudonyms("secret", "1"), Pseudonyms("secret", "2")
    assert one.of("ann") == one.of("ann") != one.of("bob")
    assert one.of("ann") not in (other.of("ann"), Pseudonyms("another", "1").of("ann"))
    assert len(one.of("ann")) == 20
    assert "secret" not in repr(one)
