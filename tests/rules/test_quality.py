"""The published rule at its thresholds, and which prompts are quite different."""

from __future__ import annotations

import pytest

from arena.domain.quality import RULES, Counted, Failing, quite_different

RULE = RULES["quality/1"]


@pytest.mark.parametrize(
    ("counted", "failing"),
    [
        (Counted(), ()),
        (Counted(known=2, passed=0), ()),
        (Counted(known=3, passed=0), (Failing.KNOWN_ANSWERS,)),
        (Counted(known=7, passed=4), (Failing.KNOWN_ANSWERS,)),
        (Counted(known=10, passed=6), ()),
        (Counted(known=10, passed=7), ()),
        (Counted(timed=19, fast=19), ()),
        (Counted(timed=20, fast=10), ()),
        (Counted(timed=20, fast=11), (Failing.TOO_FAST,)),
        (Counted(known=5, passed=1, timed=40, fast=40), (Failing.KNOWN_ANSWERS, Failing.TOO_FAST)),
    ],
)
def test_a_rater_fails_exactly_where_the_rule_says(counted, failing):
    assert RULE.failing(counted) == failing


@pytest.mark.parametrize(
    ("one", "other", "different"),
    [
        ("Three bowls in a row", "A blue glass sphere at noon", True),
        ("A vase, number 1", "Vases in the sun", False),
        ("赤い花瓶", "青い花瓶", False),
        ("赤い花瓶", "静かな海", True),
        ("قطة على سجادة حمراء", "جبل تحت المطر", True),
        ("قطة على سجادة حمراء", "سجادة في السوق", False),
    ],
)
def test_prompts_that_share_a_telling_word_are_not_quite_different(one, other, different):
    assert quite_different(one, other) is different
    assert quite_different(other, one) is different
