"""The dataset card of an export: what it is, how it was collected, how to read it and how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arena.domain.columns import DEALT, FILES, IMAGES, PROMPTS, RATINGS, REMOVALS, VOTES, Column
from arena.domain.seals import PUBLIC
from arena.tables import Campaign

_FRONT = """\
---
pretty_name: "{name}"
license: other
task_categories:
- text-to-image
tags:
- human-preference
- pairwise-comparison
configs:
- config_name: votes
  data_files: votes.parquet
- config_name: images
  data_files: images.parquet
---
"""

_COLLECTED = """\
Raters saw two pictures of one prompt side by side, without names, on a canvas of the same size, and answered
a question with left, right, tie or both bad. Sides were drawn by a fair coin. A rater is a random id in a
cookie, without an account. The names were shown only after the answer.

{campaigns}
"""

_BIASES = """\
- **Who votes.** Raters chose themselves; they stand for nobody but themselves. Some vote a lot: cluster by
  `rater`.
- **What is dealt.** Pairs are drawn by a policy, not evenly. `propensity` is the joint probability of prompt,
  pair, pictures and sides, so `1 / propensity` reweights to even dealing. It corrects dealing, not skipping:
  `dealt.csv` counts what was set aside or never answered.
- **Side.** Position bias averages out over fair coins; measure it with `left` against `right`.
- **Prompts.** They are the operator's choice, or raters' own words (`source`).
- **Reasons.** Few raters give them. `reasons_unblinded` were given after the names were shown: leave them out
  of any blind measure.
- **Pseudonyms.** `rater` is an HMAC under a key of this export alone. Vote numbers stay the same in every
  export: whoever holds two exports can still join their rows by vote.
"""

_VERIFY = """\
`arena verify FOLDER` needs nothing but these files. By hand:

```python
import csv, hashlib, json

FIELDS = {fields}

def leaf(row):
    part = {{"type": "vote/1", **{{name: row[name] for name in FIELDS}}}}
    part |= {{name: int(row[name]) for name in ("vote", "battle", "ballot_no")}}
    part["propensity"] = float(row["propensity"]) if row["propensity"] else None
    text = json.dumps(part, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode() + bytes.fromhex(row["private_digest"])).hexdigest()

with open("votes.csv", encoding="utf-8", newline="") as votes:
    assert all(leaf(row) == row["leaf"] for row in csv.DictReader(votes))

with open("seals.jsonl", encoding="utf-8") as lines:
    seals = [json.loads(line) for line in lines]
head = "0" * 64
for seal in seals:
    leaves = bytes.fromhex("".join(leaf for leaf, _ in seal["leaves"]))
    assert seal["previous"] == head
    head = hashlib.sha256(bytes.fromhex(head) + seal["count"].to_bytes(8, "big") + leaves).hexdigest()
    assert seal["digest"] == head
```

A leaf covers those fields, and through the private digest the rater, the exact time and the stopwatch. It
does not cover reasons, points, `expected`, `repeats`, `cohort`, `elapsed_s` as rounded here, and the
pseudonyms themselves; they are held by the manifest alone.

The chain shows that nothing was changed after it was sealed, as far as somebody has kept its head from then:

    {head}

It cannot show that an operator who rewrites the whole chain did not. Compare the head with one that was
published elsewhere, at the time: `arena verify FOLDER --head HEAD`. A leaf without a vote's number in
`seals.jsonl` belongs to a vote that its rater withdrew, to a removal, or to another campaign.

A removal is a leaf too: SHA-256 of `{{"type": "removal/1"}}` with `vote_leaf`, `kind`, `rule` and `day` of
its row in `removals.csv`, as canonical JSON. Of a withdrawn vote nothing is left but its bare leaf; an
excluded one is in `excluded.csv`, with its rule, and counts on no board. Exports from before a withdrawal
still hold the vote.
"""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card tells of one export."""

    name: str
    export_id: str
    day: str
    campaigns: Sequence[Campaign]
    questions: Mapping[str, Sequence[str]]
    kept: int
    dropped: Mapping[str, int]
    pictures: int
    pictures_left_out: Mapping[str, int]
    cards: Sequence[Mapping[str, Any]]
    seals: int
    head: str | None
    measured: Sequence[str]


def dataset_card(facts: CardFacts) -> str:
    """Write the card, in Markdown with the front matter that dataset viewers read."""
    return (
        _FRONT.format(name=facts.name)
        + f"\n# {facts.name}\n\n"
        + f"Human preferences between text-to-image models: {facts.kept:,} votes on {facts.pictures:,} "
        + f"pictures, exported on {facts.day} by Vernissage (export `{facts.export_id}`).\n\n"
        + "## How it was collected\n\n"
        + _COLLECTED.format(campaigns=campaign_lines(facts.campaigns, facts.questions))
        + "\n## What was kept, and what was not\n\n"
        + _counts(facts)
        + "\n## Licence\n\n"
        + licence_lines(facts.cards)
        + "- prompts: the `licence` column of `prompts.csv`\n- votes: as the operator states\n"
        + "\n## Known biases and limits\n\n"
        + _BIASES
        + "".join(f"- {line}\n" for line in facts.measured)
        + "\n## Files\n\n"
        + "".join(f"- `{name}`: {meaning}\n" for name, meaning in FILES.items())
        + "".join(
            f"\n### {title}\n\n{_table(columns)}"
            for title, columns in (
                ("votes.csv, votes.parquet", VOTES),
                ("removals.csv", REMOVALS),
                ("images.parquet", IMAGES),
                ("prompts.csv", PROMPTS),
                ("dealt.csv", DEALT),
                ("ratings.csv", RATINGS),
            )
        )
        + "\n## How to verify\n\n"
        + _VERIFY.format(fields=_fields(), head=facts.head or "(no vote has been sealed yet)")
    )


def campaign_lines(campaigns: Sequence[Campaign], questions: Mapping[str, Sequence[str]]) -> str:
    """Campaigns and their questions as a list; ``questions`` by the campaign's slug."""
    lines = []
    for campaign in campaigns:
        until = f"closed {campaign.closed_at.date()}" if campaign.closed_at else "still open"
        lines.append(
            f"- `{campaign.slug}` ({campaign.name}): canvas {campaign.canvas} px, "
            f"policy `{campaign.policy}`, opened {campaign.opened_at.date()}, {until}"
        )
        lines += [f"  - {question}" for question in questions[campaign.slug]]
    return "\n".join(lines)


def _counts(facts: CardFacts) -> str:
    lines = [
        f"- votes: {facts.kept + sum(facts.dropped.values()):,} in, {facts.kept:,} out",
        *(f"  - dropped: {n:,} {why}" for why, n in facts.dropped.items()),
        f"- pictures: {facts.pictures + sum(facts.pictures_left_out.values()):,} in, {facts.pictures:,} out",
        *(f"  - dropped: {n:,} {why}" for why, n in facts.pictures_left_out.items()),
        f"- seals: {facts.seals:,}",
        "- skips, expiries and refusals are no votes; they are counted in `dealt.csv` and `entrants.json`",
    ]
    return "\n".join(lines) + "\n"


def licence_lines(cards: Sequence[Mapping[str, Any]]) -> str:
    """Licences of the pictures as a list, by entrant."""
    return "".join(f"- pictures by `{c['entrant']}`: {c['licence'] or 'not stated'}\n" for c in cards)


def _table(columns: Sequence[Column]) -> str:
    rows = "".join(f"| `{column.name}` | {column.kind} | {column.meaning} |\n" for column in columns)
    return "| column | type | meaning |\n|---|---|---|\n" + rows


def _fields() -> str:
    lines = [f"    {name!r}," for name in PUBLIC]
    return "[\n" + "\n".join(lines).replace("'", '"') + "\n]"
