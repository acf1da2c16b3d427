"""Votes as they are published, by column: what every file and answer with votes is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from arena.domain.blinding import PICTURES_LAST
from arena.domain.pseudonyms import Pseudonyms
from arena.domain.seals import private_digest
from arena.queries.embargo import dealt_prompts
from arena.queries.preferences import entrant_names, pictures_of, questions_of, words_of
from arena.queries.releases import campaigns_of
from arena.queries.votes import reasons_of, sealed_votes, voter_keys

Columns = dict[str, Sequence[Any]]
HIDDEN_WHILE_DEALT = ("left_image", "right_image", "private_digest")
"""With these a voter could tell who painted a picture that is still being judged."""

_AS_KEPT = {
    "vote": "id",
    "battle": "battle_id",
    "outcome": "outcome",
    "kind": "kind",
    "propensity": "propensity",
    "eligible": "eligible",
    "policy": "policy",
    "ballot_no": "ballot_no",
    "consent": "consent",
    "leaf": "leaf",
    "seal": "seal_id",
}
_TOLD_BY = {
    "campaign": "criterion_id",
    "criterion": "criterion_id",
    "prompt": "prompt_id",
    "prompt_digest": "prompt_id",
    "categories": "prompt_id",
    "source": "prompt_id",
    "left": "left_entrant_id",
    "right": "right_entrant_id",
    "left_entrant": "left_entrant_id",
    "right_entrant": "right_entrant_id",
    "left_image": "left_image_id",
    "right_image": "right_image_id",
    "rater": "voter_id",
}
"""Columns that are published as they are kept, and those that are words for an id of the vote."""


def vote_columns(
    session: Session,
    *,
    pseudonyms: Pseudonyms | None,
    campaign_id: int | None = None,
    blind: datetime | None = None,
    battles: Sequence[int] | None = None,
    after: int = 0,
    chunk: int | None = None,
    which: ColumnElement[bool] | None = None,
) -> Iterator[Columns]:
    """Every sealed vote that stands, in the order of ids, in chunks that fit into memory.

    Parameters
    ----------
    session : Session
        Reads only.
    pseudonyms : Pseudonyms or None
        Names for the raters; without them no column says anything of them.
    campaign_id : int, optional
        One campaign alone.
    blind : datetime, optional
        The present, for whoever may know no more than the raters: `HIDDEN_WHILE_DEALT` is empty in votes of
        campaigns that are not closed and of prompts that such a campaign deals, and votes whose voter may
        still be asked for reasons are left out.
    battles : sequence of int, optional
        Votes of these battles alone.
    after : int
        Only votes of higher ids.
    chunk : int, optional
        Most votes at a time, if not as many as usual.
    which : optional
        Other votes than those that stand; see `arena.queries.removed`.
    """
    known = _Known(session, pseudonyms)
    open_campaigns = {
        campaign.id
        for campaign in campaigns_of(session, None)
        if blind and (campaign.closed_at is None or campaign.closed_at > blind)
    }
    dealt = set(session.scalars(dealt_prompts(blind))) if blind else set()
    for rows in sealed_votes(
        session,
        campaign_id=campaign_id,
        told_before=None if blind is None else blind - PICTURES_LAST,
        battles=battles,
        after=after,
        chunk=chunk,
        which=which,
    ):
        told = dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True))
        known.meet(told)
        columns = _columns(told, known)
        reasons = reasons_of(session, first=rows[0].id, last=rows[-1].id)
        for place, name in enumerate(("reasons", "reasons_unblinded")):
            columns[name] = [
                " ".join(reasons[battle][place]) if battle in reasons else "" for battle in told["battle_id"]
            ]
        if open_campaigns:
            hidden = [
                campaign in open_campaigns or prompt in dealt
                for campaign, prompt in zip(told["campaign_id"], told["prompt_id"], strict=True)
            ]
            for name in HIDDEN_WHILE_DEALT:
                columns[name] = [
                    "" if hide else cell for hide, cell in zip(hidden, columns[name], strict=True)
                ]
        yield columns


class _Known:
    """The words for ids, by the column that publishes them; each is read when its id is first met."""

    def __init__(self, session: Session, pseudonyms: Pseudonyms | None) -> None:
        self._session = session
        self._pseudonyms = pseudonyms
        self.keys: dict[int, str] = {}
        self.words: dict[str, dict[int | None, str]] = {column: {} for column in _TOLD_BY}
        self.words["left_image"][None] = ""  # of an imported vote whose pictures are not here
        for number, question in questions_of(session).items():
            self.words["campaign"][number] = question.campaign
            self.words["criterion"][number] = question.criterion
        for number, (slug, label) in entrant_names(session).items():
            for side in ("left", "right"):
                self.words[side][number] = label
                self.words[f"{side}_entrant"][number] = slug
        self.words["right_image"] = self.words["left_image"]
        if pseudonyms is None:
            del self.words["rater"]

    def meet(self, told: Mapping[str, Iterable[int]]) -> None:
        """Read what the votes of a chunk need and nobody has read before."""
        words = self.words
        new = sorted(set(told["prompt_id"]) - words["prompt"].keys())
        for number, prompt in words_of(self._session, new).items():
            words["prompt"][number] = prompt.text
            words["prompt_digest"][number] = prompt.digest
            words["categories"][number] = " ".join(prompt.categories)
            words["source"][number] = prompt.source
        new = sorted({*told["left_image_id"], *told["right_image_id"]} - words["left_image"].keys())
        for number, picture in pictures_of(self._session, new).items():
            words["left_image"][number] = picture.digest
        for number, key in voter_keys(
            self._session, sorted(set(told["voter_id"]) - self.keys.keys())
        ).items():
            self.keys[number] = key
            if self._pseudonyms:
                words["rater"][number] = self._pseudonyms.of(key)


def _columns(told: Mapping[str, Sequence[Any]], known: _Known) -> Columns:
    """Columns of votes, but for their reasons, in no order."""
    dates = [at.date() for at in told["cast_at"]]  # in UTC, as all moments of the database are
    days = {date: date.isoformat() for date in set(dates)}
    private = zip(
        told["salt"],
        map(known.keys.__getitem__, told["voter_id"]),
        told["cast_at"],
        told["elapsed_ms"],
        strict=True,
    )
    return {
        **{column: told[name] for column, name in _AS_KEPT.items()},
        **{
            column: [*map(words.__getitem__, told[_TOLD_BY[column]])] for column, words in known.words.items()
        },
        "day": [*map(days.__getitem__, dates)],
        "elapsed_s": [None if ms is None else round(ms / 1000, 1) for ms in told["elapsed_ms"]],
        "private_digest": [
            private_digest(salt, voter=key, cast_at=at, elapsed_ms=ms) for salt, key, at, ms in private
        ],
    }
