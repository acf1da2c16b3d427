"""Words that pages say about what is kept as short slugs: answers, reasons, kinds, categories."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.outcomes import Outcome
from arena.web.i18n import gettext, noted

QUESTIONS: Mapping[str, str] = {
    "Which picture would you rather keep?": noted("Which picture would you rather keep?"),
    "Which picture follows the prompt better?": noted("Which picture follows the prompt better?"),
    "Which picture is better made?": noted("Which picture is better made?"),
}
REASONS: Mapping[str, str] = {
    "lighting": noted("Lighting"),
    "texture": noted("Texture"),
    "anatomy": noted("Anatomy"),
    "text": noted("Text"),
    "prompt_missed": noted("Prompt missed"),
    "over_stylised": noted("Over-stylised"),
    "generic": noted("Generic"),
    "other": noted("Other"),
}
REPORTS: Mapping[str, str] = {
    "offensive": noted("It is offensive"),
    "broken": noted("It is broken or empty"),
    "telling": noted("It tells who made it"),
    "other": noted("Something else"),
}
KINDS: Mapping[str, str] = {
    "in-house": noted("In-house"),
    "baseline": noted("Baseline"),
    "reference": noted("Reference"),
    "external": noted("External"),
}
CATEGORIES: Mapping[str, str] = {
    "photographic": noted("Photographic"),
    "portrait": noted("Portrait"),
    "people": noted("People"),
    "animals": noted("Animals"),
    "landscape": noted("Landscape and nature"),
    "architecture": noted("Architecture"),
    "still-life": noted("Still life"),
    "illustration": noted("Illustration"),
    "painting": noted("Painting"),
    "anime": noted("Anime"),
    "3d": noted("3D"),
    "fantasy": noted("Fantasy and myth"),
    "sci-fi": noted("Science fiction"),
    "text": noted("Text in the picture"),
    "commercial": noted("Commercial"),
    "abstract": noted("Abstract"),
    "uncategorised": noted("Uncategorised"),
}
MEASURES: Mapping[str, str] = {
    "brightness": noted("Brightness"),
    "saturation": noted("Saturation"),
    "colourfulness": noted("Colourfulness"),
    "contrast": noted("Contrast"),
    "sharpness": noted("Sharpness"),
    "edge_density": noted("Edges"),
    "aspect": noted("Width to height"),
    "length": noted("File size"),
}
COHORTS: Mapping[str, str] = {
    "public": noted("Everybody else"),
    "creators": noted("Creators"),
    "staff": noted("Staff"),
}
SOURCES: Mapping[str, str] = {
    "curated": noted("Chosen by the operator"),
    "own": noted("Raters’ own"),
}
TIES: Mapping[str, str] = {
    "": noted("Half a win each"),
    "drop": noted("Left out"),
    "davidson": noted("A chance of their own"),
}
STYLE: Mapping[str, str] = {"": noted("Off"), "1": noted("On")}
SETTINGS: Mapping[str, str] = {
    "steps": noted("Steps"),
    "samples": noted("Samples"),
    "spp": noted("Samples"),
    "guidance": noted("Guidance"),
    "guidance_scale": noted("Guidance"),
    "scheduler": noted("Sampler"),
}
_LINE = 62
WHY: Mapping[Outcome, str] = {
    Outcome.LEFT: noted("What let the other one down?"),
    Outcome.RIGHT: noted("What let the other one down?"),
    Outcome.TIE: noted("What made them alike?"),
    Outcome.BOTH_BAD: noted("What went wrong?"),
}


def say(words: Mapping[str, str], slug: str) -> str:
    """The words for a slug in the reader's language; one that is not known is read out as it is."""
    if slug in words:
        return gettext(words[slug])
    return slug.replace("-", " ").replace("_", " ").capitalize()


def question(text: str) -> str:
    """A campaign's question, translated if the pages know it."""
    return gettext(QUESTIONS[text]) if text in QUESTIONS else text


def reason(tag: str) -> str:
    """A reason tag in the reader's language."""
    return say(REASONS, tag)


def report(kind: str) -> str:
    """What a rater says is wrong with a picture."""
    return say(REPORTS, kind)


def kind(slug: str) -> str:
    """What sort of entrant it is."""
    return say(KINDS, slug)


def cohort(slug: str) -> str:
    """Which raters."""
    return say(COHORTS, slug)


def source(slug: str) -> str:
    """Where prompts came from."""
    return say(SOURCES, slug)


def category(slug: str) -> str:
    """The category of a prompt."""
    return say(CATEGORIES, slug)


def measure(name: str) -> str:
    """What is measured of a picture."""
    return say(MEASURES, name)


def why(outcome: Outcome | None) -> str:
    """The question that asks for reasons, blind, after an answer."""
    return gettext(WHY[outcome or Outcome.BOTH_BAD])


def lines(prompt: str) -> int:
    """About how many lines a prompt takes on its label, from 1 to 3; a longer one is set smaller."""
    return min(3, 1 + len(prompt) // _LINE)


def settings(identity: Mapping[str, object]) -> list[tuple[str, str]]:
    """The settings of an entrant that a reveal prints, each under its name."""
    told: dict[str, str] = {}
    for key, label in SETTINGS.items():
        value = identity.get(key)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            told.setdefault(gettext(label), str(value))
    return list(told.items())
