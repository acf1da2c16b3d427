"""The dataset card of an export in another format: what it is, what was dropped, and what is only hearsay."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.outcomes import Outcome
from arena.services.dataset_card import campaign_lines, licence_lines
from arena.services.formats.contracts import Parts
from arena.tables import Campaign

_NOT_HELD = """\
It holds no id of a rater that another export shares, no address, and no time finer than a day. Skips,
expiries and refusals are no votes. Whoever holds two exports can still join them by the numbers of votes."""

_SEEN = """\
Raters saw two pictures of one prompt side by side, without names, on a canvas of the same size, and answered
with left, right, tie or both bad. The pictures here are as their entrants made them, before they were fitted
to the canvas."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a card tells of one export in another format."""

    format: str
    title: str
    reader: str
    day: str
    unit: str
    campaigns: Sequence[Campaign]
    questions: Mapping[str, Sequence[str]]
    cards: Sequence[Mapping[str, Any]]
    filters: Mapping[str, Any]
    rows_in: int
    rows_out: int
    dropped: Mapping[str, int]
    parts: Parts
    config: str
    words: Mapping[Outcome, str | None]
    remarks: Sequence[str]
    second_hand: Sequence[str]


def format_card(facts: Facts) -> str:
    """Write the card, in Markdown with the front matter that dataset viewers read."""
    asked = "".join(f"- `{name}`: {_text(value)}\n" for name, value in facts.filters.items())
    sections = {
        "What it holds": f"{_SEEN}\n\n{campaign_lines(facts.campaigns, facts.questions)}\n\n{_NOT_HELD}\n",
        "What was asked for": asked or "- everything\n",
        "What was kept, and what was not": _counts(facts),
        "Outcomes": _outcomes(facts.words),
        "How columns were filled": "".join(f"- {remark}\n" for remark in facts.remarks),
        "What is known only second hand": "".join(f"- [P] {told}\n" for told in facts.second_hand),
        "Licence": licence_lines(facts.cards)
        + "- prompts: as `prompts.csv` of the arena's own format tells\n- votes: as the operator states\n",
        "Files": "- `export.json`: these figures, for programs\n"
        "- `SHA256SUMS`: SHA-256 of every file; check with `sha256sum -c SHA256SUMS`\n",
    }
    return (
        _front(facts)
        + f"\n# Vernissage votes as {facts.format}\n\n"
        + f"{facts.title}, as {facts.reader} can load it; exported on {facts.day} by Vernissage.\n"
        + "".join(f"\n## {title}\n\n{text}" for title, text in sections.items() if text)
    )


def _front(facts: Facts) -> str:
    lines = [
        "---",
        f"pretty_name: {json.dumps(f'Vernissage votes as {facts.format}')}",
        "license: other",
        "task_categories:",
        "- text-to-image",
        "tags:",
        "- human-preference",
        "- pairwise-comparison",
    ]
    loadable = {name: part.files for name, part in facts.parts.items() if part.files}
    if loadable:
        lines += ["configs:", f"- config_name: {facts.config}", "  data_files:"]
        for name, files in loadable.items():
            lines += [f"  - split: {name}", f"    path: {files}"]
    return "\n".join([*lines, "---", ""])


def _counts(facts: Facts) -> str:
    lines = [f"- {facts.unit}: {facts.rows_in:,} in, {facts.rows_out:,} out"]
    lines += [f"  - dropped: {n:,} {why}" for why, n in facts.dropped.items()]
    lines += [f"- part `{name}`: {part.rows:,} rows" for name, part in facts.parts.items()]
    return "\n".join(lines) + "\n"


def _outcomes(words: Mapping[Outcome, str | None]) -> str:
    if not words:
        return ""
    rows = "".join(
        f"| {outcome.value} | {'dropped' if word is None else f'`{word}`'} |\n"
        for outcome, word in words.items()
    )
    merged = len({word for word in words.values() if word}) < len([word for word in words.values() if word])
    told = "\nOutcomes with one word cannot be told apart again.\n" if merged else ""
    return f"| vote | here |\n|---|---|\n{rows}{told}"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
