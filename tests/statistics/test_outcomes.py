"""One table of words, read strictly."""

from __future__ import annotations

import pytest

from analysis import OUTCOME_WORDS, InvalidOption, Outcome, UnknownOutcome, parse_outcome


@pytest.mark.parametrize("vocabulary", OUTCOME_WORDS)
def test_every_word_of_the_table_is_read_back(vocabulary):
    for outcome, word in OUTCOME_WORDS[vocabulary].items():
        if word is None:
            continue
        # Where one word stands for tie and both bad, it is read as a tie.
        one_word = OUTCOME_WORDS[vocabulary][Outcome.TIE] == OUTCOME_WORDS[vocabulary][Outcome.BOTH_BAD]
        expected = Outcome.TIE if one_word and outcome is Outcome.BOTH_BAD else outcome
        assert parse_outcome(word, vocabulary) is expected
        assert parse_outcome(word) is expected


def test_every_format_has_a_word_or_a_drop_for_every_outcome():
    for words in OUTCOME_WORDS.values():
        assert list(words) == list(Outcome)


@pytest.mark.parametrize("word", ["skip", "", "Left", " left", "model_c", "tie ", None, 1, 0.5])
def test_anything_else_is_an_error(word):
    with pytest.raises(UnknownOutcome, match="is not an outcome"):
        parse_outcome(word)


def test_a_vocabulary_knows_its_own_words_only():
    assert parse_outcome("both_bad", "lmarena_140k") is Outcome.BOTH_BAD
    with pytest.raises(UnknownOutcome, match="of the format 'clean_battle'"):
        parse_outcome("both_bad", "clean_battle")
    with pytest.raises(InvalidOption, match="no format is called 'klingon'"):
        parse_outcome("left", "klingon")
