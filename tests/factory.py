"""An arena to test with: rows through the tables, pictures as real PNG files, nothing mocked.

>>> arena = open_arena(database, images)
>>> battle = arena.deal("rose", "lily", voter="ann")
>>> arena.vote(battle, Outcome.LEFT)
>>> arena.fill(1000, rng=random.Random(1))
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, insert, select, text

from analysis.outcomes import Outcome
from arena.db import Database
from arena.domain.blinding import CONSENT_VERSION
from arena.domain.prompts import prompt_digest
from arena.queries.removed import stands
from arena.storage import ImageStore
from arena.tables import (
    Battle,
    BattleKind,
    Campaign,
    CampaignEntrant,
    CampaignPrompt,
    Criterion,
    Entrant,
    Prompt,
    PromptSource,
    Reason,
    TaggedBy,
    Tally,
    Vote,
    Voter,
)
from tests.painted import NOON, paint

ENTRANTS = ("rose", "lily", "iris")
PROMPTS = (
    "a red glass vase, on a marble table",
    'the "blue" mug under a window',
    "ein grünes Glas im Abendlicht",
    "a gold ring; a wooden bowl",
)


@dataclass(slots=True)
class Arena:
    """A campaign in a database, and what it takes to deal and vote in it."""

    database: Database
    campaign_id: int
    slug: str
    entrants: dict[str, int]
    prompts: list[int]
    criteria: list[int]
    images: dict[tuple[int, int], int]
    voters: dict[str, int] = field(default_factory=dict)
    now: datetime = NOON
    _n: int = 0

    def tick(self, seconds: float = 7.013) -> datetime:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        return self.now

    def voter(self, name: str) -> int:
        """Id of a voter of that name; made when first asked for."""
        if name not in self.voters:
            new = self._voter(name)
            with self.database.write.begin() as session:
                found = session.scalar(select(Voter).where(Voter.key == new.key)) or new
                session.add(found)
                session.flush()
                self.voters[name] = found.id
        return self.voters[name]

    def deal(
        self,
        left: str,
        right: str,
        *,
        voter: str = "ann",
        prompt: int = 0,
        kind: BattleKind = BattleKind.ORDINARY,
        skipped: bool = False,
        minutes: float = 60,
    ) -> int:
        """Deal a battle; returns its id."""
        voter_id = self.voter(voter)
        now = self.tick()
        with self.database.write.begin() as session:
            battle = Battle(
                **self._battle(self.entrants[left], self.entrants[right], voter_id, prompt, now),
                kind=kind,
                expires_at=now + timedelta(minutes=minutes),
                skipped_at=now if skipped else None,
            )
            session.add(battle)
            session.flush()
            return battle.id

    def vote(
        self,
        battle_id: int,
        outcome: Outcome = Outcome.LEFT,
        *,
        criterion: int = 0,
        reasons: Sequence[str] = (),
        unblinded: Sequence[str] = (),
        elapsed_ms: int | None = 4321,
    ) -> int:
        """Vote on a battle, and count it; returns the vote's id."""
        now = self.tick()
        with self.database.write.begin() as session:
            battle = session.get_one(Battle, battle_id)
            vote = Vote(
                battle_id=battle_id,
                criterion_id=self.criteria[criterion],
                ballot_no=1,
                outcome=outcome,
                elapsed_ms=elapsed_ms,
                consent=CONSENT_VERSION,
                salt=hashlib.sha256(f"salt {battle_id} {criterion}".encode()).digest()[:16],
                cast_at=now,
            )
            session.add(vote)
            battle.voted_at = now
            for tag in (*reasons, *unblinded):
                session.add(Reason(battle_id=battle_id, tag=tag, unblinded=tag in unblinded, given_at=now))
            session.flush()
            number = vote.id
        self.count()
        return number

    def cast(self, votes: Sequence[tuple[str, str, str, Outcome]]) -> None:
        """Deal and cast votes, in bulk: (voter, left, right, outcome) each, on prompts in turn."""
        new = [name for name in dict.fromkeys(vote[0] for vote in votes) if name not in self.voters]
        with self.database.write.begin() as session:
            made = {name: self._voter(name) for name in new}
            session.add_all(made.values())
            session.flush()
            self.voters |= {name: voter.id for name, voter in made.items()}
            people = self.voters
            first = session.scalar(select(func.coalesce(func.max(Battle.id), 0))) or 0
            battles, ballots = [], []
            for number, (voter, left, right, outcome) in enumerate(votes, start=first + 1):
                now = self.tick()
                prompt = number % len(self.prompts)
                told = self._battle(self.entrants[left], self.entrants[right], people[voter], prompt, now)
                hung = {"kind": BattleKind.ORDINARY, "expires_at": now + timedelta(hours=1), "voted_at": now}
                battles.append({**told, **hung, "id": number})
                ballots.append(
                    {
                        "battle_id": number,
                        "criterion_id": self.criteria[0],
                        "ballot_no": 1,
                        "outcome": outcome,
                        "elapsed_ms": 4321,
                        "consent": CONSENT_VERSION,
                        "salt": hashlib.sha256(f"salt {number}".encode()).digest()[:16],
                        "cast_at": now,
                    }
                )
            session.execute(insert(Battle), battles)
            session.execute(insert(Vote), ballots)
            if session.get_bind().dialect.name == "postgresql":
                session.execute(text(f"SELECT setval('battle_id_seq', {first + len(votes)})"))
        self.count()

    def fill(self, votes: int, *, rng: random.Random, voters: int = 12) -> None:
        """Deal and vote at random, in bulk; the entrants entered first win more often."""
        people = [self.voter(f"rater {n}") for n in range(voters)]
        ids = list(self.entrants.values())
        with self.database.write.begin() as session:
            first = session.scalar(select(func.coalesce(func.max(Battle.id), 0))) or 0
            battles, ballots = [], []
            for number in range(1, votes + 1):
                left, right = rng.sample(ids, 2)
                now = self.tick(rng.uniform(0.1, 9))
                told = self._battle(left, right, rng.choice(people), rng.randrange(len(self.prompts)), now)
                battles.append(
                    {
                        **told,
                        "id": first + number,
                        "kind": BattleKind.ORDINARY,
                        "propensity": rng.random(),
                        "expires_at": now + timedelta(hours=1),
                        "voted_at": now,
                    }
                )
                ballots.append(
                    {
                        "battle_id": first + number,
                        "criterion_id": self.criteria[0],
                        "ballot_no": 1,
                        "outcome": self._outcome(left, right, rng),
                        "elapsed_ms": rng.choice((None, rng.randrange(200, 60_000))),
                        "consent": CONSENT_VERSION,
                        "salt": rng.randbytes(16),
                        "cast_at": now,
                    }
                )
            session.execute(insert(Battle), battles)
            session.execute(insert(Vote), ballots)
            if session.get_bind().dialect.name == "postgresql":
                session.execute(text(f"SELECT setval('battle_id_seq', {first + votes})"))
        self.count()

    def count(self) -> None:
        """Bring the tallies in line with the votes that stand."""
        with self.database.write.begin() as session:
            counted = Counter(
                tuple(row)
                for row in session.execute(
                    select(
                        Vote.criterion_id,
                        Prompt.id,
                        Prompt.source,
                        Voter.cohort,
                        Battle.left_entrant_id,
                        Battle.right_entrant_id,
                        Vote.outcome,
                    )
                    .join(Battle, Vote.battle_id == Battle.id)
                    .join(Prompt, Battle.prompt_id == Prompt.id)
                    .join(Voter, Battle.voter_id == Voter.id)
                    .where(
                        Battle.campaign_id == self.campaign_id, Battle.kind == BattleKind.ORDINARY, stands()
                    )
                )
            )
            names = (
                "criterion_id",
                "category",
                "source",
                "cohort",
                "left_entrant_id",
                "right_entrant_id",
                "outcome",
            )
            categories = dict(session.execute(select(Prompt.id, Prompt.categories)).all())
            tallies: Counter[tuple[object, ...]] = Counter()
            for (criterion_id, prompt_id, *rest), votes in counted.items():
                for category in ("all", *categories[prompt_id]):
                    tallies[(criterion_id, category, *rest)] += votes
            for found in session.scalars(select(Tally).where(Tally.campaign_id == self.campaign_id)):
                session.delete(found)
            session.flush()
            for key, votes in tallies.items():
                session.add(
                    Tally(campaign_id=self.campaign_id, votes=votes, **dict(zip(names, key, strict=True)))
                )

    def _voter(self, name: str) -> Voter:
        key = hashlib.sha256(f"{self.slug}/{name}".encode()).hexdigest()[:22]
        return Voter(key=key, cohort="public", created_at=self.now)

    def _outcome(self, left: int, right: int, rng: random.Random) -> Outcome:
        if rng.random() < 0.2:
            return rng.choice((Outcome.TIE, Outcome.BOTH_BAD))
        return Outcome.LEFT if rng.random() < right**2 / (left**2 + right**2) else Outcome.RIGHT

    def _battle(self, left: int, right: int, voter_id: int, prompt: int, now: datetime) -> dict[str, object]:
        self._n += 1
        key = hashlib.sha256(f"{self.slug} {self._n}".encode()).hexdigest()
        prompt_id = self.prompts[prompt]
        return {
            "key": key[:22],
            "campaign_id": self.campaign_id,
            "prompt_id": prompt_id,
            "voter_id": voter_id,
            "left_entrant_id": left,
            "right_entrant_id": right,
            "left_image_id": self.images[left, prompt_id],
            "right_image_id": self.images[right, prompt_id],
            "left_token": key[22:43],
            "right_token": key[43:64],
            "propensity": 0.1 + 0.2,
            "eligible": hashlib.sha256(key.encode()).hexdigest(),
            "policy": "uniform/1",
            "dealt_at": now,
        }


def open_arena(
    database: Database,
    store: ImageStore,
    *,
    slug: str = "spring",
    entrants: Sequence[str] = ENTRANTS,
    prompts: Sequence[str] = PROMPTS,
    criteria: Sequence[str] = ("preference",),
    canvas: int = 24,
    closed_at: datetime | None = None,
) -> Arena:
    """Open a campaign in which every entrant has painted every prompt."""
    with database.write.begin() as session:
        campaign = Campaign(
            slug=slug,
            name=slug.capitalize(),
            canvas=canvas,
            seeds=1,
            set_size=30,
            policy="uniform",
            minutes_to_vote=60,
            seed=3,
            opened_at=NOON,
            closed_at=closed_at,
        )
        session.add(campaign)
        session.flush()
        questions = [
            Criterion(campaign_id=campaign.id, slug=name, question=f"Which has more {name}?", position=place)
            for place, name in enumerate(criteria)
        ]
        session.add_all(questions)
        painters = {}
        for name in entrants:
            revision = hashlib.sha256(name.encode()).hexdigest()[:12]
            painter = session.scalar(select(Entrant).where(Entrant.slug == name)) or Entrant(
                slug=name,
                revision=revision,
                name=name.capitalize(),
                kind="baseline",
                family=name,
                backend="test",
                identity={"steps": 4},
                runtime={"batch": 1},
                licence="CC0-1.0",
                description="",
                source="",
                entered_at=NOON,
            )
            session.add(painter)
            session.flush()
            painters[name] = painter.id
            session.add(CampaignEntrant(campaign_id=campaign.id, entrant_id=painter.id, entered_at=NOON))
        asked = []
        for place, text in enumerate(prompts):
            prompt = session.scalar(select(Prompt).where(Prompt.text == text)) or Prompt(
                text=text,
                digest=prompt_digest(text),
                categories=[("still-life", "landscape")[place % 2]],
                tagged_by=TaggedBy.IMPORT,
                language="en",
                source=PromptSource.CURATED,
                licence="CC0-1.0",
                origin="",
                created_at=NOON,
            )
            session.add(prompt)
            session.flush()
            asked.append(prompt.id)
            session.add(CampaignPrompt(campaign_id=campaign.id, prompt_id=prompt.id, position=place))
        images = {
            (painter_id, prompt_id): paint(session, store, painter_id, prompt_id, canvas)
            for painter_id in painters.values()
            for prompt_id in asked
        }
        return Arena(
            database, campaign.id, slug, painters, asked, [question.id for question in questions], images
        )
