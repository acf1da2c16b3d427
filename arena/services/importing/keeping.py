"""Votes of another arena into the tables, as they were cast there."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import insert, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.domain.imported import COHORT, CONSENT, POLICY
from arena.domain.prompts import prompt_digest
from arena.services.curation import NewPrompt, add_prompts
from arena.services.importing.contracts import Ballot
from arena.services.importing.hanging import Hanging, hang
from arena.services.importing.staging import Kept, Staged
from arena.services.voting import ALL
from arena.tables import (
    Battle,
    BattleKind,
    Campaign,
    Prompt,
    PromptSource,
    Tally,
    Vote,
    Voter,
)

_AT_ONCE: Final = 500
_KEY: Final = 16
_REMEMBERED: Final = 100_000
_DIALECTS = {"sqlite": sqlite, "postgresql": postgresql}


class Known(NamedTuple):
    """A prompt of the arena."""

    number: int
    categories: list[str]
    source: PromptSource


@dataclass(slots=True)
class Keeper:
    """Writes votes into a campaign; the tallies at the end.

    ``criteria`` and ``entrants`` are ids by name. Raters get random keys: only equal pseudonyms of this
    import lead to equal ones.
    """

    session: Session
    campaign: Campaign
    criteria: Mapping[str, int]
    entrants: Mapping[str, int]
    origin: str
    now: datetime
    pictures: int = 0
    _votes: int = 0
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _prefix: str = field(default_factory=lambda: secrets.token_hex(8))
    _prompts: dict[str, Known] = field(default_factory=dict)
    _raters: dict[str | None, int] = field(default_factory=dict)
    _battles: dict[int, int] = field(default_factory=dict)
    _tallies: Counter[tuple[int, str, PromptSource, int, int, Outcome]] = field(default_factory=Counter)

    def keep(self, votes: Sequence[Staged]) -> None:
        """Write some votes, in their order."""
        self._meet_prompts(votes)
        self._meet_raters(votes)
        ids = self._battle_ids(votes, self._hang(votes))
        self.session.connection().execute(
            insert(Vote),
            [
                {
                    "battle_id": battle_id,
                    "criterion_id": self.criteria[vote.ballot.criterion],
                    "ballot_no": vote.ballot.ballot_no,
                    "outcome": vote.ballot.outcome,
                    "elapsed_ms": None,
                    "consent": CONSENT,
                    "salt": secrets.token_bytes(16),
                    "cast_at": vote.ballot.at or self.now,
                }
                for vote, battle_id in zip(votes, ids, strict=True)
            ],
        )
        for vote in votes:
            self._count(vote.ballot)

    def _count(self, ballot: Ballot) -> None:
        _, categories, source = self._prompts[ballot.prompt.text]
        sides = self.entrants[ballot.left.entrant], self.entrants[ballot.right.entrant]
        for category in {ALL, *categories}:
            key = (self.criteria[ballot.criterion], category, source, *sides, ballot.outcome)
            self._tallies[key] += 1

    def finish(self) -> None:
        """Count the votes in the tallies, in key order, so that parallel writers cannot deadlock."""
        counted = _DIALECTS[self.session.get_bind().dialect.name].insert(Tally)
        upsert = counted.on_conflict_do_update(
            index_elements=list(inspect(Tally).primary_key),
            set_={"votes": Tally.votes + counted.excluded.votes},
        )
        names = ("criterion_id", "category", "source", "left_entrant_id", "right_entrant_id", "outcome")
        rows = [
            {
                "campaign_id": self.campaign.id,
                "cohort": COHORT,
                "votes": votes,
                **dict(zip(names, key, strict=True)),
            }
            for key, votes in sorted(self._tallies.items())
        ]
        self.session.connection().execute(upsert, rows)

    def _meet_prompts(self, votes: Sequence[Staged]) -> None:
        """Learn number, categories and source of the prompts of votes; new ones are added."""
        if len(self._prompts) > _REMEMBERED:
            self._prompts.clear()
        words = {vote.ballot.prompt.text: vote.ballot.prompt for vote in votes}
        unmet = [one for text, one in words.items() if text not in self._prompts]
        for source in PromptSource:
            new = [
                NewPrompt(one.text, one.categories, one.language, one.licence, self.origin)
                for one in unmet
                if one.source == source
            ]
            if new:
                add_prompts(self.session, self.campaign, new, now=self.now, source=source)
        digests = {prompt_digest(one.text): one.text for one in unmet}
        query = (
            select(Prompt.digest, Prompt.id, Prompt.categories, Prompt.source)
            .where(Prompt.digest.in_(digests))
            .with_for_update(read=True, key_share=True)  # they keep their categories until they are counted
        )
        for digest, number, categories, source in self.session.execute(query):
            self._prompts[digests[digest]] = Known(number, categories, source)

    def _meet_raters(self, votes: Sequence[Staged]) -> None:
        """Learn the numbers of the raters of votes; those that nobody signed are one rater's."""
        if len(self._raters) > _REMEMBERED:
            self._raters.clear()
        unmet = {vote.ballot.rater for vote in votes} - self._raters.keys()
        keys = {rater: self._voter_key(rater) for rater in unmet}
        known = self._voter_ids(list(keys.values()))
        new = [key for key in keys.values() if key not in known]
        if new:
            rows = [{"key": key, "cohort": COHORT, "created_at": self.now} for key in new]
            self.session.connection().execute(insert(Voter), rows)
            known |= self._voter_ids(new)
        self._raters |= {rater: known[key] for rater, key in keys.items()}

    def _voter_key(self, rater: str | None) -> str:
        told = b"signed " + rater.encode("utf-8", "surrogatepass") if rater is not None else b"unsigned"
        return hashlib.blake2b(told, key=self._secret, digest_size=_KEY).hexdigest()

    def _voter_ids(self, keys: Sequence[str]) -> dict[str, int]:
        query = select(Voter.key, Voter.id)
        return {
            key: number
            for start in range(0, len(keys), _AT_ONCE)
            for key, number in self.session.execute(
                query.where(Voter.key.in_(keys[start : start + _AT_ONCE]))
            )
        }

    def _hang(self, votes: Sequence[Staged]) -> Hanging:
        """Numbers of the pictures of votes."""
        wanted: dict[tuple[int, int, str], Kept] = {}
        for vote in votes:
            prompt_id = self._prompts[vote.ballot.prompt.text].number
            for side, kept in ((vote.ballot.left, vote.left), (vote.ballot.right, vote.right)):
                if kept is not None:
                    wanted[self.entrants[side.entrant], prompt_id, kept.digest] = kept
        found, new = hang(self.session, wanted, now=self.now)
        self.pictures += new
        return found

    def _battle_ids(self, votes: Sequence[Staged], hung: Hanging) -> list[int]:
        """Number of the battle of each vote; answers to several questions about one pair share it."""
        rows: list[dict[str, Any]] = []
        placed: list[int | None] = []  # place among the new rows, or null for a battle that is there
        places: dict[int, int] = {}
        for vote in votes:
            battle = vote.ballot.battle
            if battle is not None and (battle in self._battles or battle in places):
                placed.append(places.get(battle))
                continue
            if battle is not None:
                places[battle] = len(rows)
            placed.append(len(rows))
            rows.append(self._battle(vote, hung))
        ids = self._added(rows)
        self._battles |= {battle: ids[place] for battle, place in places.items()}
        return [
            ids[place] if place is not None else self._battles[vote.ballot.battle or 0]
            for vote, place in zip(votes, placed, strict=True)
        ]

    def _added(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[int]:
        """Numbers of new battles, in the order of their keys, which is that of the rows."""
        if not rows:
            return []
        connection = self.session.connection()  # no entities are made
        connection.execute(insert(Battle), rows)
        mine = Battle.key.between(rows[0]["key"], rows[-1]["key"])
        return connection.scalars(select(Battle.id).where(mine).order_by(Battle.key)).all()

    def _battle(self, vote: Staged, hung: Hanging) -> dict[str, Any]:
        ballot = vote.ballot
        self._votes += 1
        key = f"{self._prefix}{self._votes:014x}"  # in their order: an index grows at its end
        at = ballot.at or self.now
        prompt_id = self._prompts[ballot.prompt.text].number
        left, right = self.entrants[ballot.left.entrant], self.entrants[ballot.right.entrant]
        return {
            "key": key,
            "campaign_id": self.campaign.id,
            "prompt_id": prompt_id,
            "voter_id": self._raters[ballot.rater],
            "kind": BattleKind.ORDINARY,
            "left_entrant_id": left,
            "right_entrant_id": right,
            "left_image_id": hung[left, prompt_id, vote.left.digest] if vote.left else None,
            "right_image_id": hung[right, prompt_id, vote.right.digest] if vote.right else None,
            "left_token": f"l{key}",
            "right_token": f"r{key}",
            "propensity": None,
            "eligible": "",
            "policy": POLICY,
            "dealt_at": at,
            "expires_at": at,
            "voted_at": at,
            "revealed_at": at,
            "imported": dict(ballot.elsewhere) if ballot.elsewhere else None,
        }
