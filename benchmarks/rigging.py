"""Published attacks on a board: who of the attackers is found, who is wronged, what the board does.

    python benchmarks/rigging.py                       250 honest raters of 30 votes, one seed
    python benchmarks/rigging.py --seeds 3 --json figures.json

An arena of 8 entrants and 100 prompts on a SQLite file of its own. Honest raters have likings of entrants and
pictures differ by prompt (standard deviations of half a nat, 87 points, each). Every pair is dealt and every
vote cast by the services that answer requests; the looks, the exclusion and the refit are those of the
worker and of `arena integrity --exclude`. The target is the sixth of the eight, and attackers recognise who
painted a picture with a probability of 0.95. Attackers' votes are that share of all votes:

===========  ======================================================================================
attack       what the attacker does
===========  ======================================================================================
target       votes for the target where it hangs, passes elsewhere; accounts of 30 votes [1]_
demote       also votes against everybody above the target, whoever they meet [2]_
omnipresent  votes in every battle for the side that moves the target up against the next above [1]_
ring         the first from accounts of 6 votes
burst        the first from accounts of 12 votes, all within an hour
===========  ======================================================================================

References
----------
.. [1] R. Min, T. Pang, C. Du, Q. Liu, M. Cheng, M. Lin, "Improving your model ranking on Chatbot Arena by
   vote rigging", ICML 2025, arXiv:2501.17858.
.. [2] Y. Huang et al., "Exploring and mitigating adversarial manipulation of voting-based leaderboards", ICML
   2025, arXiv:2501.07493.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from rigging_votes import BEGIN, CANVAS, ENTRANTS, PROMPTS, TARGET, Answer, card, dishonest, hang, honest
from sqlalchemy import select

from analysis import fit_bradley_terry
from analysis.arrays import Floats
from analysis.estimate import StrengthFit, generalised_inverse
from analysis.scale import POINTS_PER_NAT
from arena.db import Database, open_database, upgrade
from arena.domain.integrity import Look
from arena.queries.finding import find_campaign, first_criterion
from arena.queries.integrity import suspects
from arena.services import curation, dealing, voting
from arena.services.integrity import exclude_found, look_now
from arena.services.snapshots import SnapshotCache
from arena.tables import Battle, Entrant, Prompt

SLUG = "spring"
TOP, SPREAD = 0.6, 0.5
"""The first entrant's strength in nats, the last has as much below zero; and how far likings differ."""

SHARES = (0.001, 0.01, 0.05)
VOTES_EACH = {"target": 30, "demote": 30, "omnipresent": 30, "ring": 6, "burst": 12}
DAYS = 14
MOST_DEALS = 2_000


@dataclass(frozen=True, slots=True)
class Row:
    """One attack on one arena.

    Attributes
    ----------
    votes, accounts : int
        The attacker's.
    found : int
        Accounts of the attacker that were found, and
    found_votes : int
        the votes that they cast.
    wronged, honest : int
        Honest raters that were found, and how many there are.
    looks : dict of str to int
        Accounts of the attacker by what found them.
    rank, rank_rigged, rank_after : int
        The target's place without the attack, with it, and when whoever was found is excluded.
    points, points_after : float
        What the attack gives the target, and what of it is left.
    seconds : float
        CPU seconds of the looks.
    """

    seed: int
    attack: str
    share: float
    votes: int
    accounts: int
    found: int
    found_votes: int
    wronged: int
    honest: int
    looks: dict[str, int]
    rank: int
    rank_rigged: int
    rank_after: int
    points: float
    points_after: float
    seconds: float


def main() -> None:
    """Run every attack at every share."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--raters", type=int, default=250, help="honest raters [250]")
    parser.add_argument("--each", type=int, default=30, help="votes of each [30]")
    parser.add_argument("--seeds", type=int, default=1, help="arenas [1]")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    told = parser.parse_args()
    rows: list[Row] = []
    for seed in range(1, told.seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            rows += attacked(Path(folder), told.raters, told.each, seed)
    if told.json:
        told.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


def attacked(folder: Path, raters: int, each: int, seed: int) -> list[Row]:
    """Let honest raters vote once, then try every attack on a copy."""
    rng = random.Random(seed)
    base = honest_arena(folder / "honest.sqlite", raters, each, seed, rng)
    before = base.strengths()
    rows = []
    for attack, votes_each in VOTES_EACH.items():
        for share in SHARES:
            stage = base.copy(folder / f"{attack}-{share:g}.sqlite")
            votes = round(share / (1 - share) * raters * each)
            rows.append(stage.rig(attack, share, votes, votes_each, before, raters, seed, rng))
            say(line(rows[-1]))
            stage.close()
    base.close()
    return rows


def honest_arena(file: Path, raters: int, each: int, seed: int, rng: random.Random) -> Stage:
    """An arena that honest raters have voted in."""
    base = Stage(file)
    base.furnish(seed)
    truth = np.random.default_rng(seed)
    prompts = truth.normal(0, SPREAD, (PROMPTS + 1, ENTRANTS + 1))
    for _ in range(raters):
        likings = np.concatenate([[0.0], np.linspace(TOP, -TOP, ENTRANTS)])
        likings[1:] += truth.normal(0, SPREAD, ENTRANTS)
        base.vote(f"honest{rng.randrange(10**9)}", each, honest(likings, prompts, rng), base.moment(rng), rng)
    quiet = base.look()
    say(f"seed {seed}: {raters} honest raters, {quiet.wronged} of them found without any attack")
    return base


@dataclass(frozen=True, slots=True)
class Seen:
    """What the looks found: attackers' accounts and their votes, honest raters, and CPU seconds."""

    found: int
    found_votes: int
    wronged: int
    looks: dict[str, int]
    seconds: float


class Stage:
    """One arena in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.database: Database = open_database(f"sqlite:///{file}")
        self.stocks = dealing.Stocks()
        if not file.exists():
            upgrade(self.database)

    def copy(self, file: Path) -> Stage:
        """The same arena in another file."""
        with sqlite3.connect(self.file) as here, sqlite3.connect(file) as there:
            here.backup(there)
        return Stage(file)

    def close(self) -> None:
        """Close the file."""
        self.database.dispose()

    def moment(self, rng: random.Random) -> datetime:
        """Some time of the campaign."""
        return BEGIN + timedelta(days=DAYS * rng.random())

    def furnish(self, seed: int) -> None:
        """Open a campaign with pictures of everybody on every prompt; files are not needed to vote."""
        with self.database.write.begin() as session:
            entrants = [curation.enter(session, card(number), now=BEGIN) for number in range(ENTRANTS)]
            campaign = curation.open_campaign(
                session,
                slug=SLUG,
                name="Spring",
                entrants=entrants,
                canvas=CANVAS,
                now=BEGIN,
                seed=seed,
                policy="uniform",
            )
            new = [curation.NewPrompt(f"a vase, number {number}") for number in range(PROMPTS)]
            curation.add_prompts(session, campaign, new, now=BEGIN)
            session.flush()
            for prompt in session.scalars(select(Prompt.id).order_by(Prompt.id)).all():
                for entrant in session.scalars(select(Entrant.id).order_by(Entrant.id)).all():
                    hang(session, entrant, prompt)

    def vote(
        self,
        voter: str,
        votes: int,
        answer: Answer,
        moment: datetime,
        rng: random.Random,
    ) -> int:
        """One rater's session: deal, answer or pass, until so many votes or nothing is left; votes cast."""
        cast = 0
        with self.database.write.begin() as session:
            for _ in range(MOST_DEALS):
                moment += timedelta(seconds=rng.uniform(4, 20))
                dealt = dealing.next_battle(
                    session, campaign=SLUG, voter_key=voter, now=moment, rng=rng, stocks=self.stocks
                )
                if cast == votes or not isinstance(dealt, dealing.Dealt):
                    break
                left, right, prompt = session.execute(
                    select(Battle.left_entrant_id, Battle.right_entrant_id, Battle.prompt_id).where(
                        Battle.key == dealt.key
                    )
                ).one()
                said = answer(left, right, prompt)
                if said is None:
                    voting.skip(session, key=dealt.key, voter_key=voter, now=moment)
                    continue
                voting.cast_vote(
                    session,
                    key=dealt.key,
                    voter_key=voter,
                    criterion="preference",
                    outcome=said,
                    elapsed_ms=4_000,
                    consent="benchmark",
                    now=moment,
                )
                cast += 1
        return cast

    def strengths(self) -> Floats:
        """The board of the votes that count, in nats, in the order of entrants."""
        return self._fit().strengths

    def pull(self, rival: int) -> Sequence[float]:
        """What a win of each entrant adds to the difference of the target and a rival."""
        fit = self._fit()
        inverse = generalised_inverse(fit.information(), fit.component)
        return [0.0, *(inverse[TARGET] - inverse[rival]).tolist()]

    def look(self) -> Seen:
        """Have the raters looked at."""
        with self.database.read() as session:
            number = find_campaign(session, SLUG).id
        started = time.process_time()
        look_now(self.database, number, now=BEGIN + timedelta(days=DAYS))
        seconds = time.process_time() - started
        with self.database.read() as session:
            found = suspects(session)
        bad = [one for one in found if not one.voter_key.startswith("honest")]
        looks = {look.value: sum(any(f.look is look for f in one.findings) for one in bad) for look in Look}
        votes = sum(one.votes for one in bad)
        return Seen(len(bad), votes, len(found) - len(bad), looks, seconds)

    def rig(
        self,
        attack: str,
        share: float,
        votes: int,
        each: int,
        before: Floats,
        raters: int,
        seed: int,
        rng: random.Random,
    ) -> Row:
        """Let the attacker vote, look, exclude, and tell what came of it."""
        accounts, cast = 0, 0
        start = BEGIN + timedelta(days=DAYS / 2)
        above = np.flatnonzero(before > before[TARGET])
        rival = int(above[np.argmin(before[above])])
        answer = dishonest(attack, before, self.pull(rival), rng)
        while cast < votes:
            moment = start + timedelta(minutes=60 * rng.random()) if attack == "burst" else self.moment(rng)
            cast += self.vote(f"bad{rng.randrange(10**9)}", min(each, votes - cast), answer, moment, rng)
            accounts += 1
        rigged = self.strengths()
        seen = self.look()
        with self.database.write.begin() as session:
            campaign = find_campaign(session, SLUG)
            exclude_found(session, campaign, actor="benchmark", now=BEGIN + timedelta(days=DAYS))
        after = self.strengths()
        return Row(
            seed=seed,
            attack=attack,
            share=share,
            votes=cast,
            accounts=accounts,
            honest=raters,
            **asdict(seen),
            rank=rank(before),
            rank_rigged=rank(rigged),
            rank_after=rank(after),
            points=POINTS_PER_NAT * float(rigged[TARGET] - before[TARGET]),
            points_after=POINTS_PER_NAT * float(after[TARGET] - before[TARGET]),
        )

    def _fit(self) -> StrengthFit:
        with self.database.read() as session:
            campaign = find_campaign(session, SLUG)
            snapshot = SnapshotCache().read(session, campaign.id, first_criterion(session, campaign.id).id)
        names = {number: f"{number:02}" for number in range(1, ENTRANTS + 1)}
        return fit_bradley_terry(snapshot.comparisons(names, list(names.values())))


def rank(strengths: Floats) -> int:
    """The target's place."""
    return int(np.count_nonzero(strengths > strengths[TARGET])) + 1


def line(row: Row) -> str:
    """A row for a terminal."""
    looks = ", ".join(f"{look} {count}" for look, count in row.looks.items() if count)
    return (
        f"  {row.attack:12} {row.share:5.1%}  {row.votes:4} votes of {row.accounts:3} accounts, found "
        f"{row.found:3} with {row.found_votes:4}; honest found {row.wronged} of {row.honest}; "
        f"rank {row.rank} -> {row.rank_rigged} -> {row.rank_after}, "
        f"points {row.points:+.0f} -> {row.points_after:+.0f}; {row.seconds:.0f} s  {looks}"
    )


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
