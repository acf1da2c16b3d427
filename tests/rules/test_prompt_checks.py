"""Near duplicates and personal data in prompts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.domain.near_duplicates import NEAR, near_duplicates
from arena.domain.personal import Personal, personal

WORDS = st.lists(st.sampled_from("red blue cat dog on under a the table tree".split()), max_size=8)  # noqa: SIM905


def test_the_same_words_in_another_dress_are_near_and_other_objects_are_not() -> None:
    texts = [
        "A red vase on a white table, in window light.",
        "a red  vase on a white table in window light",
        "a red vase on the dark table in soft evening light",
        "a blue bowl on a black shelf in window light",
        "a dog left of a cat",
        "a cat left of a dog",
        "",
        "!!",
    ]
    assert [(one, other) for one, other, _ in near_duplicates(texts)] == [(1, 0)]
    close = [*texts[:2], "a red vase on a white table in soft window light"]
    assert [(place, other, round(near, 2)) for place, other, near in near_duplicates(close, known=2)] == [
        (2, 0, 0.9)
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, max_size=25))
def test_the_index_misses_nothing_that_comparing_all_would_find(lists: list[list[str]]) -> None:
    words = [list(dict.fromkeys(each)) for each in lists]
    expected = {}
    for place, mine in enumerate(words):
        for theirs in words[:place]:
            shared = set(mine) & set(theirs)
            if not shared or [w for w in mine if w in shared] != [w for w in theirs if w in shared]:
                continue
            index = len(shared) / len({*mine, *theirs})
            if index >= NEAR:
                expected[place] = max(index, expected.get(place, 0.0))
    assert {place: near for place, _, near in near_duplicates([" ".join(each) for each in lists])} == expected


def test_many_prompts_are_compared_without_comparing_all_of_them() -> None:
    """Four thousand take half a second; all pairs of them would be eight million."""
    rng = random.Random(1)
    words = [f"word{n}" for n in range(2000)]
    often = [1 / (n + 1) for n in range(2000)]
    texts = [" ".join(rng.choices(words, often, k=12)) for _ in range(4000)]
    copies = rng.sample(range(4000), 50)
    found = list(near_duplicates([*texts, *(texts[n] + " 4k" for n in copies)], known=4000))
    assert [place - 4000 for place, _, _ in found] == list(range(50))
    assert [other for _, other, _ in found] == copies


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("portrait of ann.smith@example.org", Personal.EMAIL),
        ("call me at 555 0199", Personal.PHONE),
        ("a poster with +49 30 1234567", Personal.PHONE),
        ("my card is 4111-1111 1111 1111", Personal.CARD),
        ("pay to GB82 WEST 1234 5698 7654 32", Personal.IBAN),
        ("the server 192.0.2.44 on fire", Personal.IP),
        ("a router at 2001:db8::7", Personal.IP),
        ("the door of 221b Baker Street", Personal.STREET),
        ("ein Haus in der Lindenstraße 5", Personal.STREET),
        ("une porte au 12 rue de la Paix", Personal.STREET),
    ],
)
def test_personal_data_is_found_by_its_form(text: str, kind: Personal) -> None:
    assert kind in personal(text)


@pytest.mark.parametrize(
    "text",
    [
        "a cat, 8k, iso 400, f 1.8, 35mm, 1920x1080",
        "posters of 1984 1999 2001 and 2049",
        "the number 4111 1111 1111 1112",
        "version 300.1.2.999 of the machine",
        "5 people on a busy street at 12:30:45",
        "--ar 16:9 --seed 1234567890",
        "@artist in the style of ::2 weights",
    ],
)
def test_numbers_of_another_kind_are_not_personal(text: str) -> None:
    assert personal(text) == ()
