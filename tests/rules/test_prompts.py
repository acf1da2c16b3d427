"""Which words may be painted."""

from __future__ import annotations

import pytest

from arena.domain.prompts import LONGEST, clean_prompt, prompt_digest
from arena.errors import InvalidPrompt


def test_blanks_are_folded_and_letters_composed() -> None:
    assert clean_prompt("  a cafe\u0301\n table ") == "a caf\u00e9 table"
    assert prompt_digest(clean_prompt("a  vase")) == prompt_digest(clean_prompt(" a vase "))


def test_any_script_is_welcome() -> None:
    for text in ("ваза с яблоками", "مزهرية زرقاء", "青い花瓶", "👩‍🎨 at work"):
        assert clean_prompt(text) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("a" * 10_000, "too_long"),
        ("a\x00vase", "control_characters"),
        ("\x1b[31mred", "control_characters"),
    ],
)
def test_what_cannot_be_painted_is_told(text: str, reason: str) -> None:
    with pytest.raises(InvalidPrompt) as told:
        clean_prompt(text)
    assert told.value.reason == reason


def test_the_longest_prompt_still_fits() -> None:
    assert len(clean_prompt("a" * LONGEST)) == LONGEST
