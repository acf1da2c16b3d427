"""Which words may be painted: the rules that need no model."""

from __future__ import annotations

import hashlib
import unicodedata

from arena.errors import InvalidPrompt

LONGEST = 1000


def clean_prompt(text: str) -> str:
    """Normalise a prompt: NFC, runs of blanks to one, none at the ends.

    Raises
    ------
    InvalidPrompt
        If it is empty, longer than `LONGEST` characters, or has control characters.
    """
    normal = unicodedata.normalize("NFC", text)
    for character in normal:
        if unicodedata.category(character) in {"Cc", "Cs", "Co", "Cn"} and character not in "\n\r\t":
            raise InvalidPrompt(
                "control_characters",
                f"the prompt has a control character (U+{ord(character):04X}); remove it",
            )
    words = " ".join(normal.split())
    if not words:
        raise InvalidPrompt("empty", "the prompt is empty; write what should be painted")
    if len(words) > LONGEST:
        raise InvalidPrompt(
            "too_long", f"the prompt has {len(words):,} characters; at most {LONGEST:,} can be painted"
        )
    return words


def prompt_digest(text: str) -> str:
    """SHA-256 of a cleaned prompt: the same words are the same prompt."""
    return hashlib.sha256(text.encode()).hexdigest()


def loosely(text: str) -> str:
    """The letters and digits of a prompt, in one case: what stays when it is only written otherwise."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum()) or folded
