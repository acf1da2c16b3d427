"""Whether a text asks for a picture at all: what people paste by mistake, or try on a chat bot.

The rules know English and the look of code, addresses and gibberish; a text of another language or script is
only turned away where it has no letters, or is an address. They warn: whoever imports prompts decides.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Unfit(StrEnum):
    """Why a text is no image prompt."""

    ADDRESS = "address"
    CODE = "code"
    INSTRUCTIONS = "instructions"
    QUESTION = "question"
    CHAT = "chat"
    TOO_LITTLE = "too_little"
    GIBBERISH = "gibberish"


REASONS = {
    Unfit.ADDRESS: "is an address and nothing else",
    Unfit.CODE: "looks like code",
    Unfit.INSTRUCTIONS: "is an instruction to a chat bot",
    Unfit.QUESTION: "is a question",
    Unfit.CHAT: "asks a chat bot for something other than a picture",
    Unfit.TOO_LITTLE: "says nothing that could be painted",
    Unfit.GIBBERISH: "is gibberish",
}

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*://|www\.)\S+|[^\s@]+@[^\s@]+\.[a-z]{2,}", re.IGNORECASE)
_CODE = re.compile(
    r"""^\s*(?:def|class)\s+\w+\s*[(:] | ^\s*(?:import\s+\w+\s*(?:;|as\b|$)|from\s+[\w.]+\s+import\b)
    | ^\s*\#include\b | ^\s*</?\w+[^>]*> | ^\s*[{\[]\s*"[^"]*"\s*[:,]
    | ^\s*(?:sudo|git|npm|pip|docker|curl|rm|cd)\s[^,]*[-/]
    | \bselect\b.+\bfrom\s+\w+\s*(?:;|where\b|$) | \bdrop\s+table\b | \b(?:let|var|const)\s+\w+\s*=
    | \bconsole\.log\( | \bprint\( | \breturn\s+\S+\s*; | \bfunction\s*\w*\( | ;\s*[}\n]""",
    re.IGNORECASE | re.VERBOSE,
)
_INSTRUCTIONS = re.compile(
    r"""\b(?:ignore|disregard|forget|override)\b.{0,30}
    \b(?:previous|above|prior|earlier|instructions?|rules|everything)\b
    | \byou\s+are\s+(?:now|an?\s+(?:helpful|ai\b|language\s+model)) | \bsystem\s+prompt\b
    | ^\s*(?:system|assistant|user)\s*:
    | \bact\s+as\s+(?:an?\s+)?(?:linux|terminal|expert|assistant|chat|ai\b) | \bas\s+an\s+ai\b
    | \banswer\s+(?:only\s+)?in\s+(?:json|xml|markdown)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_QUESTION = re.compile(
    r"""^(?:(?:so|and|but|hey|please)[,\s]+)*(?:
    (?:what|who|why|when|where|which|how)
    (?:['’]s|\s+(?:is|are|was|were|do|does|did|can|could|should|would|will|has|have))\b
    | how\s+(?:many|much|long|far|old|often|to|come)\b | who\s+(?:won|invented|wrote|made|discovered|said)\b
    | (?:is|are|am|was|were|do|does|did|should|has|have|will|would|can|could|may)\s+
    (?:it|i|you|he|she|we|they|there|this|that)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_CHAT = re.compile(
    r"""^(?:(?:please|hey|hi|hello|now)[,\s]+)*(?:
    (?:write|explain|translate|summari[sz]e|solve|fix|calculate|rewrite|recommend|proofread|debug|compare|define|list)\b
    | (?:tell|give|help|teach|remind)\s+me\b | (?:thanks|thank\s+you)\b | (?:hello|hi|hey)\b.*\byou\b
    | (?:your|that)\s+(?:answer|response|code|reply)\b )""",
    re.IGNORECASE | re.VERBOSE,
)
_PICTURE = re.compile(
    r"""\b(?:images?|pictures?|photos?|photographs?|paint(?:ing)?s?|draw(?:ing)?s?|illustrat\w+|sketch(?:es)?
    |render(?:ing)?s?|logos?|posters?|icons?|wallpapers?|portraits?|comics?|art|watercolou?rs?|oil|cartoons?
    |anime|3d|style|neon|graffiti)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_QUOTED = re.compile(r"[\"“„«][^\"”“«»]+[\"”»]|(?<!\w)['‘][^'’]+['’](?!\w)")
_NOTHING = re.compile(
    r"""a|an|the|of|and|or|in|on|at|to|for|with|by|from|is|are|was|be|it|its|this|that|these|those|i|you|he|she|we
    |they|me|my|your|no|not|yes|yeah|yep|nope|ok|okay|hi|hello|hey|please|thanks|thank|tests?|testing|idk|lol|hmm|um
    |so|but|if|as|do|does|did|can|will|just|more|again|nothing|something|anything|prompt|none|null|undefined|n""",
    re.VERBOSE,
)
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "poiuytrewq", "lkjhgfdsa", "mnbvcxz")
_VOWELS = frozenset("aeiouyàáâäãåæèéêëìíîïòóôöõøœùúûüýÿ")
_FEW_LETTERS = 3
_SHORT = 3


def unfit(text: str) -> Unfit | None:
    """Why a text is no image prompt; None if nothing speaks against it."""
    words = [word.lower() for word in _WORD.findall(text)]
    picture = _PICTURE.search(text) is not None or _QUOTED.search(text) is not None
    if _ADDRESS.fullmatch(text.strip()):
        return Unfit.ADDRESS
    if _CODE.search(text):
        return Unfit.CODE
    if _INSTRUCTIONS.search(text):
        return Unfit.INSTRUCTIONS
    if not picture and _QUESTION.search(text):
        return Unfit.QUESTION
    if not picture and _CHAT.search(text):
        return Unfit.CHAT
    if words and len(words) <= _SHORT and all(map(_NOTHING.fullmatch, words)):
        return Unfit.TOO_LITTLE
    if _gibberish(text, words):
        return Unfit.GIBBERISH
    return None


def _gibberish(text: str, words: list[str]) -> bool:
    """Whether there are no words at all, or at least half of the longer ones cannot be words."""
    if not words:
        return text.isascii()  # a row of emoji can be painted
    if words[:2] == ["lorem", "ipsum"]:
        return True
    long = [word for word in words if len(word) > _FEW_LETTERS and word.isascii()]
    return bool(long) and 2 * sum(_no_word(word) for word in long) >= len(words)


def _no_word(word: str) -> bool:
    """Whether letters cannot be a word: no vowel, one letter throughout, a run along the keyboard."""
    return (
        not _VOWELS.intersection(word)
        or len(set(word)) == 1
        or any(word in row or (len(word) > 2 * _FEW_LETTERS and row in word) for row in _ROWS)
    )
