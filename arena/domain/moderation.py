"""Whether words may be painted: verdicts, the strictest of several, and lists that an operator owns.

A list is rules of words by category and language. Words are compared whole, once their disguises are off
(accents, look-alike letters, digits for letters, letters set apart or repeated); a rule tells if one word of
each of its groups is there. Phrases that only sound bad ("shoot a photo") are taken out before. Rules of
every language are asked of every prompt, whatever language it says it is in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from arena.errors import SettingsError

CATEGORIES = ("sexual", "minors", "hate", "violence", "self-harm", "real-persons", "other")
ADULT = 18
LIST_VERSION = "1"

HELD = "held for review"
"""Reason of a job whose picture waits for an operator."""
SAFETY = "safety"
"""Reason of a job whose picture is not shown."""
OPERATOR = "operator"
"""The checker that has the last word."""


class Decision(StrEnum):
    """What a checker says; an error is never an allowance."""

    ALLOW = "allow"
    REVIEW = "review"
    ERROR = "error"
    BLOCK = "block"


STRICTNESS = {decision: place for place, decision in enumerate(Decision)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one checker said of one prompt or picture, and why; ``categories`` are what it found."""

    decision: Decision
    checker: str
    version: str
    categories: tuple[str, ...] = ()
    reason: str = ""


def strictest(verdicts: Iterable[Verdict]) -> Decision:
    """The decision that counts; where nobody looked nothing was found."""
    return max((verdict.decision for verdict in verdicts), key=STRICTNESS.__getitem__, default=Decision.ALLOW)


@dataclass(frozen=True, slots=True)
class Rule:
    """Words of one category; it tells if of every group one phrase is there.

    ``only`` keeps it to prompts that say they are in its language, for words that are harmless in others.
    """

    category: str
    language: str
    decision: Decision
    groups: tuple[tuple[tuple[str, ...], ...], ...]
    only: bool = False


@dataclass(frozen=True, slots=True)
class WordList:
    """The rules of an operator's list, and the phrases that are never meant by them.

    ``elsewhere`` is what is said of a prompt in a language that no rule is of.
    """

    rules: tuple[Rule, ...]
    harmless: tuple[tuple[str, ...], ...]
    elsewhere: Decision = Decision.REVIEW
    name: str = "list"
    version: str = LIST_VERSION

    @property
    def languages(self) -> frozenset[str]:
        """Languages that some rule is of."""
        return frozenset(rule.language for rule in self.rules)

    def check(self, text: str, language: str) -> Verdict:
        """Judge a prompt by its words; ``language`` is what its writer says it is in."""
        spoken = language.split("-")[0].lower()
        words = _without(tokens(text), self.harmless)
        told = [
            rule
            for rule in self.rules
            if (not rule.only or rule.language == spoken) and all(_any(words, group) for group in rule.groups)
        ]
        decision = max((rule.decision for rule in told), key=STRICTNESS.__getitem__, default=Decision.ALLOW)
        reason = ""
        if decision is Decision.ALLOW and (spoken not in self.languages or not _latin(text)):
            decision, reason = self.elsewhere, "no rule is of its language"
        categories = tuple(dict.fromkeys(rule.category for rule in told))
        return Verdict(decision, self.name, self.version, categories, reason)


def read_lists(tables: Sequence[tuple[str, Mapping[str, Any]]]) -> WordList:
    """Make one list of several TOML tables, the later ones adding to the earlier.

    Parameters
    ----------
    tables : sequence of (str, mapping)
        What each is called in errors, and what it says: ``groups``, ``rule``, ``harmless``,
        ``unknown_language``.

    Raises
    ------
    SettingsError
        With the file, the rule and what to write instead.
    """
    named: dict[str, list[str]] = {}
    rules: list[Rule] = []
    harmless: list[tuple[str, ...]] = []
    elsewhere = Decision.REVIEW
    for where, told in tables:
        for name, phrases in told.get("groups", {}).items():
            named.setdefault(name, []).extend(_texts(phrases, f"{where}: groups.{name}"))
        for place, rule in enumerate(told.get("rule", []), start=1):
            rules.append(_rule(rule, named, f"{where}: rule {place}"))
        harmless += [_phrase(phrase) for phrase in _texts(told.get("harmless", []), f"{where}: harmless")]
        if "unknown_language" in told:
            if told["unknown_language"] not in (Decision.ALLOW, Decision.REVIEW, Decision.BLOCK):
                raise SettingsError(f"{where}: unknown_language must be allow, review or block")
            elsewhere = Decision(told["unknown_language"])
    harmless.sort(key=len, reverse=True)
    return WordList(tuple(rules), tuple(harmless), elsewhere)


def _rule(told: Mapping[str, Any], named: Mapping[str, list[str]], where: str) -> Rule:
    unknown = sorted(set(told) - {"category", "language", "decision", "words", "all", "only"})
    if unknown:
        raise SettingsError(
            f"{where} has {unknown[0]!r}; a rule has category, language, decision, words or all"
        )
    if told.get("category") not in CATEGORIES:
        raise SettingsError(f"{where}: category must be one of {', '.join(CATEGORIES)}")
    if told.get("decision", "block") not in (Decision.REVIEW, Decision.BLOCK):
        raise SettingsError(f"{where}: decision must be review or block")
    if ("words" in told) == ("all" in told):
        raise SettingsError(f"{where} must have either words, of which one tells, or all, of which each does")
    groups = told["all"] if "all" in told else [told["words"]]
    if not isinstance(groups, list) or not groups:
        raise SettingsError(f"{where}: all must be a list of lists of words")
    return Rule(
        category=told["category"],
        language=str(told.get("language", "en")),
        decision=Decision(told.get("decision", "block")),
        groups=tuple(tuple(map(_phrase, _spelt_out(group, named, where))) for group in groups),
        only=bool(told.get("only", False)),
    )


def _spelt_out(group: Any, named: Mapping[str, list[str]], where: str) -> list[str]:
    """The phrases of a group; ``"@minors"`` stands for all of the group of that name."""
    phrases: list[str] = []
    for phrase in _texts(group, where):
        if not phrase.startswith("@"):
            phrases.append(phrase)
        elif phrase[1:] in named:
            phrases += named[phrase[1:]]
        else:
            raise SettingsError(f"{where} names the group {phrase!r}; there is: {', '.join(named) or 'none'}")
    return phrases


def _texts(told: Any, where: str) -> list[str]:
    if not isinstance(told, list) or not all(isinstance(text, str) and text.strip() for text in told):
        raise SettingsError(f"{where} must be a list of words")
    return told


def _phrase(text: str) -> tuple[str, ...]:
    """The terms of a phrase: words, words with ``*`` for any ending, ``?`` for any word, ``#minor``."""
    return tuple(_plain(term) for term in text.split())


# What stands in place of letters: digits and signs, and letters of other scripts that look the same.
_LOOKALIKES = str.maketrans("аеорсухіјѕԁһκονραετ", "aeopcyxijsdhkovpaet")
_LEET = str.maketrans("034578@$!|", "oeastbasii")
_TOKEN = re.compile(r"[^\W_]+(?:[@$!|]+[^\W_]+)*")
_RUN = re.compile(r"(.)\1{2,}")
_FEWEST_APART = 3


def tokens(text: str) -> list[frozenset[str]]:
    """The words of a text, each as all that it may spell.

    >>> sorted(tokens("S3X")[0])
    ['s3x', 'sex']
    """
    plain = [_plain(word) for word in _TOKEN.findall(_visible(text))]
    told: list[frozenset[str]] = []
    place = 0
    while place < len(plain):
        end = place
        while end < len(plain) and len(plain[end]) == 1:
            end += 1
        if end - place >= _FEWEST_APART:
            joined = "".join(plain[place:end])
            told.append(_spellings(joined) | _spellings(joined[1:]))  # "a n u d e": the a may be a word
        else:
            end = max(end, place + 1)
            told += map(_spellings, plain[place:end])
        place = end
    return told


def _visible(text: str) -> str:
    """A text without what takes no room, such as zero-width spaces and soft hyphens."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(character for character in normal if unicodedata.category(character) != "Cf")


def _plain(word: str) -> str:
    """A word in one case, without accents."""
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


def _spellings(word: str) -> frozenset[str]:
    told = {word}
    if any(character.isalpha() for character in word):
        latin = word.translate(_LOOKALIKES) if any("a" <= c <= "z" for c in word) else word
        read = latin.translate(_LEET)
        told |= {latin, read.replace("1", "i"), read.replace("1", "l")}
        told |= {_RUN.sub(r"\1", spelt) for spelt in tuple(told)}
    return frozenset(told)


def _is(spellings: frozenset[str], term: str) -> bool:
    if term == "?":
        return bool(spellings)
    if term == "#minor":
        return any(spelt.isdecimal() and 0 < int(spelt) < ADULT for spelt in spellings if len(spelt) < 4)
    if term.endswith("*"):
        return any(spelt.startswith(term[:-1]) for spelt in spellings)
    return term in spellings or term + "s" in spellings


def _at(words: Sequence[frozenset[str]], place: int, phrase: Sequence[str]) -> bool:
    return place + len(phrase) <= len(words) and all(
        _is(words[place + step], term) for step, term in enumerate(phrase)
    )


def _any(words: Sequence[frozenset[str]], phrases: Sequence[Sequence[str]]) -> bool:
    spelt = frozenset[str]().union(*words)
    return any(
        _at(words, place, phrase)
        for phrase in phrases
        if _begins(spelt, phrase)
        for place in range(len(words))
    )


def _begins(spelt: frozenset[str], phrase: Sequence[str]) -> bool:
    """Whether the first word of a phrase is there at all; what is no plain word may be."""
    first = phrase[0]
    return first in spelt or first + "s" in spelt or first[-1] == "*" or first in {"?", "#minor"}


def _without(words: Sequence[frozenset[str]], phrases: Sequence[Sequence[str]]) -> list[frozenset[str]]:
    """The words that stand in none of the harmless phrases; where one stood nothing joins across it."""
    kept = list(words)
    spelt = frozenset[str]().union(*words)
    for phrase in phrases:
        if not _begins(spelt, phrase):
            continue
        for place in range(len(kept)):
            if _at(kept, place, phrase) and all(kept[place : place + len(phrase)]):
                kept[place : place + len(phrase)] = [frozenset()] * len(phrase)
    return kept


def _latin(text: str) -> bool:
    """Whether most letters are Latin, which all languages of the lists are written in."""
    letters = [character for character in text if character.isalpha()]
    latin = sum(unicodedata.name(character, "").startswith("LATIN") for character in letters)
    return 2 * latin >= len(letters)
