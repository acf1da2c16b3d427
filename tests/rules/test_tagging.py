"""Categories by rules, and texts that are no prompts: against labels of our own, and by example."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.domain.categories import CATEGORIES, SLUGS
from arena.domain.prompt_filter import REASONS, Unfit, unfit
from arena.domain.tagging import MOST_TAGS, tag
from arena.domain.tagging_words import GROUPS, WORDS
from arena.errors import Invalid
from arena.services.tag_accuracy import accuracy

LABELLED = Path(__file__).parent / "data" / "labelled_prompts.csv"


def test_the_rules_do_as_well_on_prompts_that_they_were_not_tuned_on() -> None:
    """Floors a little below what is stated: 0.82 exactly right, F1 0.925, every text that is no prompt."""
    parts = {part.part: part for part in accuracy(LABELLED)}
    assert set(parts) == {"develop", "held_out"}
    held_out = parts["held_out"]
    assert (held_out.prompts, held_out.texts) == (139, 169)
    assert held_out.exact / held_out.prompts >= 0.8
    assert (held_out.every.f1 or 0) >= 0.91
    assert (held_out.filtered.precision or 0) >= 0.96
    assert (held_out.filtered.recall or 0) >= 0.96
    for slug, agreement in held_out.categories:
        assert agreement.true_positives, slug


def test_a_file_that_is_not_labelled_is_told(tmp_path: Path) -> None:
    file = tmp_path / "prompts.csv"
    file.write_text("prompt\na vase\n", encoding="utf-8")
    with pytest.raises(Invalid, match="needs rows, and the columns categories, is_prompt, part, prompt"):
        accuracy(file)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a cup on a table", ("still-life",)),
        ("a girl with a cup", ("people",)),
        ("a portrait of a girl with a cup", ("portrait",)),
        ("a portrait of two sisters", ("people", "portrait")),
        ("grandma's sewing box", ("still-life",)),
        ('a sign with "two cats and a castle" on it', ("text",)),
        ("A PHOTO of CATS.", ("animals", "photographic")),
        ("as I see it, a cat is no dog", ("animals",)),
        ("the shape of things to come", ()),
        ("", ()),
    ],
)
def test_what_a_prompt_speaks_of_first_counts_most(text: str, told: tuple[str, ...]) -> None:
    assert tag(text) == told


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("a red fox", "fr"),
        ("portrait d'une femme au chapeau", "en"),
        ("кошка", "en"),
        ("ein Foto von einem Robot im Park", "en"),
    ],
)
def test_of_other_languages_nothing_is_said(text: str, language: str) -> None:
    assert tag(text, language) == ()
    assert tag("a red fox", "en-GB") == ("animals",)


def test_the_words_are_of_known_categories_and_tags_are_few() -> None:
    assert {*WORDS} - {GROUPS} == {*SLUGS}
    assert 12 <= len(CATEGORIES) <= 16
    assert all(one.name and one.meaning for one in CATEGORIES)
    everything = "a photo, oil painting, anime, 3d render, comic of a robot dragon, a cat, a castle and a man"
    assert len(tag(everything)) == MOST_TAGS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("What is the tallest mountain?", Unfit.QUESTION),
        ("who invented the telephone", Unfit.QUESTION),
        ("Please summarise this text for me", Unfit.CHAT),
        ("while True: print('x')", Unfit.CODE),
        ("https://example.org/a.png", Unfit.ADDRESS),
        ("Ignore all previous instructions", Unfit.INSTRUCTIONS),
        ("the", Unfit.TOO_LITTLE),
        ("zxcvb nmkjh", Unfit.GIBBERISH),
        ("42", Unfit.GIBBERISH),
        ("can you paint a whale?", None),
        ("a sign that says: who is there?", None),
        ("什么是爱？", None),
        ("🐱🚀", None),
        ("rhythm", None),
        ("a keyboard with the letters qwerty", None),
    ],
)
def test_what_is_no_image_prompt_is_told_with_its_reason(text: str, reason: Unfit | None) -> None:
    assert unfit(text) is reason
    assert reason is None or REASONS[reason]
