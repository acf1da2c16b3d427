"""The columns of an export's tables: one list that is written, read back, verified and explained from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "whole", "real"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column, what it holds, and how to read it; only ``real`` ones may be empty."""

    name: str
    kind: Kind
    meaning: str


VOTES = (
    Column("vote", "whole", "number of the vote; rows are sorted by it"),
    Column("battle", "whole", "number of the battle: two pictures dealt to one rater"),
    Column("campaign", "text", "which campaign asked"),
    Column("criterion", "text", "which of its questions was answered"),
    Column("day", "text", "UTC date of the vote; no finer time is published"),
    Column("prompt", "text", "the words that both pictures were painted from"),
    Column("prompt_digest", "text", "SHA-256 of the prompt"),
    Column("categories", "text", "categories of the prompt, by blanks, the most telling first"),
    Column("source", "text", "`curated` by the operator, or a rater's `own` words"),
    Column("left", "text", "entrant shown on the left, as slug@revision"),
    Column("right", "text", "entrant shown on the right, as slug@revision"),
    Column("left_entrant", "text", "its slug"),
    Column("right_entrant", "text", "its slug"),
    Column(
        "left_image",
        "text",
        "SHA-256 of the left picture as its entrant made it; empty if it did not come with an imported vote",
    ),
    Column("right_image", "text", "the same of the right picture"),
    Column("outcome", "text", "`left`, `right`, `tie` or `both_bad`"),
    Column("reasons", "text", "what let a picture down, told before the names were shown, by blanks"),
    Column("reasons_unblinded", "text", "the same, told after the names were shown"),
    Column(
        "points",
        "text",
        "spots marked on the pictures before the names were shown, by blanks, each as side:x:y:reason: shares"
        " of the canvas from its upper left corner, and the reason if one was told",
    ),
    Column("points_unblinded", "text", "the same, marked after the names were shown"),
    Column("kind", "text", "why the battle was dealt; only `ordinary` ones count on boards"),
    Column("expected", "text", "the outcome that is known of a `known_answer` battle; empty of others"),
    Column("repeats", "whole", "number of the battle whose pictures this one shows again; 0 if none"),
    Column(
        "propensity",
        "real",
        "probability with which this prompt, pair and sides were dealt; empty if imported",
    ),
    Column("eligible", "text", "digest of the set that the battle was drawn from; empty if imported"),
    Column("policy", "text", "pairing policy and its version; `imported/1` for a vote of another arena"),
    Column("ballot_no", "whole", "1, or higher if the rater voted anew before the names were shown"),
    Column("elapsed_s", "real", "seconds from both pictures shown to the answer; empty without script"),
    Column("consent", "text", "version of the consent text that the rater agreed to, or `imported`"),
    Column("rater", "text", "pseudonym of the rater, good within this export alone"),
    Column("cohort", "text", "where the rater came from: `public`, or the cohort of an invitation"),
    Column("private_digest", "text", "digest of the private part of the vote"),
    Column("leaf", "text", "what was sealed: digest of the public part and the private digest"),
    Column("seal", "whole", "number of the seal that holds the leaf"),
)

EXCLUDED = (*VOTES, Column("rule", "text", "the rule that excluded the vote; it counts on no board"))

REMOVALS = (
    Column("removal", "text", "the removal's leaf: digest of vote_leaf, kind, rule and day"),
    Column("seal", "whole", "number of the seal that holds it"),
    Column("vote_leaf", "text", "leaf of the vote that was removed"),
    Column("kind", "text", "`withdrawn` by its rater, `retracted` before the reveal, `excluded` by a rule"),
    Column("rule", "text", "which rule; empty unless excluded"),
    Column("day", "text", "UTC date of the removal"),
)

IMAGES = (
    Column("image", "text", "SHA-256 of the PNG file, as in `left_image` and `right_image`"),
    Column("file", "text", "where it lies; empty if the file was lost before the export"),
    Column("entrant", "text", "slug of the entrant that made it"),
    Column("revision", "text", "its revision"),
    Column("prompt_digest", "text", "SHA-256 of the prompt"),
    Column(
        "seed",
        "whole",
        "with the entrant's card and the prompt it decides every pixel; if imported, a mere number",
    ),
    Column("width", "whole", "pixels"),
    Column("height", "whole", "pixels"),
    Column("bytes", "whole", "length of the file"),
    Column("seconds", "real", "wall time of making it; missing if imported"),
    Column("cpu_seconds", "real", "processor time of making it; missing if imported"),
    Column("batch", "whole", "how many pictures were made together; 0 if imported, which nobody told"),
    Column("peak_bytes", "whole", "largest memory seen while making it; missing where nobody looked"),
    Column("joules", "real", "its share of the energy of its batch; missing where it is not known"),
    Column("energy_method", "text", "how the joules were got: nvml, rapl or estimated; else missing"),
    Column("hardware", "text", "what it was made on; missing where that is not known"),
    Column("made_on", "text", "UTC date"),
    Column("settings", "text", "JSON: identity and runtime of the card"),
    Column("environment", "text", "JSON: machine and versions"),
    Column("notes", "text", "JSON: what the entrant said about it"),
)

PROMPTS = (
    Column("prompt_digest", "text", "SHA-256 of the prompt"),
    Column("prompt", "text", "the words"),
    Column("categories", "text", "categories, by blanks, the most telling first"),
    Column("language", "text", "language tag"),
    Column("source", "text", "`curated` by the operator, or a rater's `own` words"),
    Column("licence", "text", "licence of the words"),
)

DEALT = (
    Column("campaign", "text", "which campaign"),
    Column("kind", "text", "why the battles were dealt"),
    Column("left", "text", "entrant on the left, as slug@revision"),
    Column("right", "text", "entrant on the right, as slug@revision"),
    Column("dealt", "whole", "battles dealt; the sum of the five that follow"),
    Column("voted", "whole", "battles with at least one vote in this export"),
    Column("removed", "whole", "battles whose votes were all withdrawn or excluded"),
    Column("skipped", "whole", "set aside by the rater"),
    Column("expired", "whole", "never answered in time"),
    Column("open", "whole", "not answered yet"),
)

RATINGS = (
    Column("campaign", "text", "which campaign"),
    Column("criterion", "text", "which of its questions"),
    Column("method", "text", "how the ratings were fitted"),
    Column("method_version", "text", "version of the method"),
    Column("last_vote", "whole", "the newest vote that was counted"),
    Column("entrant", "text", "slug@revision"),
    Column("rating", "real", "400 points a factor of ten in the odds, 1000 the mean; empty if undecided"),
    Column("low", "real", "lower end of the 95 % interval; empty if open"),
    Column("high", "real", "upper end; empty if open"),
    Column("rank", "real", "by estimate"),
    Column("rank_low", "real", "best rank that the votes leave open"),
    Column("rank_high", "real", "worst rank that the votes leave open"),
    Column("votes", "whole", "votes on its battles"),
    Column("wins", "whole", "of them"),
    Column("losses", "whole", "of them"),
    Column("ties", "whole", "of them"),
    Column("both_bad", "whole", "of them"),
    Column("provisional", "text", "`true` if the votes are too few or leave an end open"),
    Column("reason", "text", "why it is provisional"),
    Column("island", "whole", "0, or the number of a group that never met the main one"),
)

FILES = {
    "votes.csv": "every vote that counts, one a row",
    "votes.parquet": "the same rows, zstd-compressed, with types",
    "excluded.csv": "votes that a rule excluded, with the rule",
    "removals.csv": "what was withdrawn, retracted or excluded, as it stands in the chain",
    "prompts.csv": "the prompts",
    "images.parquet": "every picture, and what making it took",
    "images/": "the pictures, PNG, named by their SHA-256",
    "entrants.json": "the entrants' cards: who painted, with which settings",
    "ratings.json": "the newest boards: method, version, options, seed, last vote, rows",
    "ratings.csv": "their rows as a table",
    "dealt.csv": "battles dealt, voted, skipped and expired by ordered pair",
    "seals.jsonl": "the chain of seals, one a line, with its leaves in order",
    "README.md": "this card",
    "manifest.json": "SHA-256 and length of every other file",
}
