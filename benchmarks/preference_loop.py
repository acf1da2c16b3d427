"""From votes back to the model, shown end to end on simulated raters with a stated taste.

    python benchmarks/preference_loop.py --model weights/lumen-1 --autoencoder runs/ae/autoencoder --out loop
    python benchmarks/preference_loop.py ... --reader weights/reader          attributes before and after, too
    python benchmarks/preference_loop.py ... --coin 1                         raters without any taste

A real arena is made in the folder: the model and the same weights at a stronger guidance paint two pictures a
prompt each, raters vote through the services, ``arena export --format dpo`` writes their votes,
`models.training.preference` tunes the model on them, and the tuned model meets its parent in a second
campaign of new prompts. The same command goes on where it stopped; a finished step is not done again.

The taste is ``(L* + b*) / 5`` in nats, of the means over a picture: brighter and warmer. A rater prefers one
of two pictures with the logistic probability of their difference; 15 % of the votes are a fair coin. What
counts is how often the tuned model's picture is nearer to the taste, without the noise, one pair of pictures
a new prompt, and by how many nats; the votes of the second round are told beside it. The intervals hold for
other prompts (and raters), not for another tuning: raters without a taste show how far one drifts by itself.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image as Pillow
from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased
from tqdm import tqdm

from analysis import Comparisons, clustered, difference, fit_bradley_terry, wilson_interval
from analysis.outcomes import Outcome
from arena.cli import arena
from arena.cli.context import Context
from arena.cli.setup import prepare
from arena.domain.blinding import CONSENT_VERSION
from arena.services import curation, dealing, generation, voting
from arena.services.working import Worker
from arena.tables import Battle, BattleKind, Campaign, CampaignPrompt, Entrant, Image, Prompt, Vote, Voter
from models.atelier.grammar import Scene
from models.atelier.splits import draw
from models.cards import adjusted
from models.contracts import EntrantCard
from models.features import lab_of
from models.overrides import as_toml
from models.training import preference
from models.training.evaluate import at_size, prompt_of
from models.training.export import folder_card
from models.training.parents import CARD
from models.training.reader import open_reader, read_all, score_pictures
from models.training.settings import read_settings

PER_NAT = 5.0
STRONGER = 1.0
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, slots=True)
class Look:
    """Mean lightness L* and mean b* (blue to yellow) of a picture, CIE."""

    light: float
    warm: float

    @property
    def liking(self) -> float:
        """What the raters like, in nats."""
        return (self.light + self.warm) / PER_NAT


def look_at(picture: bytes) -> Look:
    with Pillow.open(BytesIO(picture)) as opened:
        lab = lab_of(np.asarray(opened.convert("RGB")))
    return Look(float(lab[..., 0].mean()), float(lab[..., 2].mean()))


@dataclass(frozen=True, slots=True)
class Round:
    """A campaign that is painted and voted on."""

    slug: str
    cards: tuple[EntrantCard, ...]
    split: str
    prompts: int
    seeds: int
    votes: int


class Show:
    """One run of the loop in a folder.

    Parameters
    ----------
    options : argparse.Namespace
        See `main`.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.out: Path = options.out
        self.rng = random.Random(options.seed)
        self.environ = {"ARENA_HOME": str(self.out / "arena"), "ARENA_LOG_LEVEL": "error"}
        self.context = Context(self.environ)
        prepare(self.context)
        self.parent = adjusted(folder_card(options.model), engine=options.engine)
        guidance = self.parent.identity["guidance"] + STRONGER
        self.twin = replace(
            self.parent,
            slug=f"{self.parent.slug}-stronger",
            identity={**self.parent.identity, "guidance": guidance},
        )
        self._catalogue(self.parent, self.twin)
        self.looks: dict[str, Look] = {}

    def _catalogue(self, *cards: EntrantCard) -> None:
        """Write the operator's own catalogue, and read it."""
        text = "\n".join(as_toml(card) for card in cards)
        (self.out / "arena" / "catalog.toml").write_text(text, encoding="utf-8")
        self.context = Context(self.environ)

    def run(self) -> dict[str, Any]:
        """The whole loop; returns what came of it."""
        asked, clock = self.options, time.process_time()
        first = Round(BEFORE, (self.parent, self.twin), "train", asked.prompts, 2, asked.votes)
        self.hold(first)
        export = self.out / "votes"
        command = ["export", str(export), "--format", "dpo", "--campaign", BEFORE]
        if asked.held_out:
            command += ["--split", f"train={1 - asked.held_out},validation={asked.held_out}"]
        if not export.exists():
            arena(command, obj=self.context, standalone_mode=False)
        settings = read_settings(preference.PreferenceSettings, Path("preference"), asked.set)
        tuned = preference.run(
            settings,
            export,
            self.parent,
            self.out / "tuned",
            slug=f"{self.parent.slug}-preferred",
            autoencoder=asked.autoencoder,
        )
        assert tuned is not None, "nothing stops it before its end"
        self._catalogue(self.parent, self.twin, tuned)
        second = Round(AFTER, (self.parent, tuned), "test_seen", asked.new_prompts, 1, asked.new_votes)
        self.hold(second)
        return {
            "parent": f"{self.parent.slug}@{self.parent.revision}",
            "tuned": f"{tuned.slug}@{tuned.revision}",
            "card": str(self.out / "tuned" / CARD),
            "settings": asdict(settings),
            **self.compare(tuned),
            **self.ballots(tuned),
            **self.attributes(tuned),
            "cpu_seconds": round(time.process_time() - clock, 1),
        }

    def scene(self, split: str, number: int) -> tuple[str, Scene]:
        """A prompt, and what it asks for."""
        return prompt_of(draw(split, number, self.options.seed)[0], number, self.options.seed)

    def hold(self, held: Round) -> None:
        """Open a campaign, paint it and let the raters vote, as far as that was not done before."""
        now = datetime.now(UTC)
        with self.context.database.write.begin() as session:
            campaign = session.scalar(select(Campaign).where(Campaign.slug == held.slug))
            if campaign is None:
                rows = [curation.enter(session, card, now=now) for card in held.cards]
                campaign = curation.open_campaign(
                    session, slug=held.slug, name=held.slug.title(), entrants=rows, now=now,
                    canvas=held.cards[0].identity["size"][0], seeds=held.seeds, policy="uniform",
                )  # fmt: skip
                texts = [self.scene(held.split, number)[0] for number in range(held.prompts)]
                curation.add_prompts(session, campaign, [curation.NewPrompt(text) for text in texts], now=now)
            generation.enqueue(session, campaign, now=now)
            campaign_id = campaign.id
            waiting = generation.unsettled(session, campaign_id)
        with tqdm(total=waiting, desc=f"painting {held.slug}", unit="picture") as bar:
            worker = Worker(
                self.context.database, self.context.images, self.context.studio, threading.Event(),
                campaign_id=campaign_id, on_settled=lambda *_: bar.update(),
            )  # fmt: skip
            worker.run(until_idle=True, clerk=False)
        self.vote(held, campaign_id)

    def vote(self, held: Round, campaign_id: int) -> None:
        """Raters take turns, a transaction a turn, until all planned votes are cast or nothing is left."""
        stocks = dealing.Stocks()
        raters = [f"{held.slug}-rater-{number}" for number in range(self.options.raters)]
        with self.context.database.read() as session:
            query = select(func.count(Battle.id)).where(
                Battle.campaign_id == campaign_id, Battle.voted_at.is_not(None)
            )
            cast = session.scalar(query) or 0
        with tqdm(total=held.votes, initial=cast, desc=f"voting {held.slug}", unit="vote") as bar:
            while bar.n < held.votes and raters:
                with self.context.database.write.begin() as session:
                    for rater in list(raters)[: held.votes - bar.n]:
                        if self.cast(session, held.slug, rater, stocks):
                            bar.update()
                        else:
                            raters.remove(rater)

    def cast(self, session: Session, campaign: str, rater: str, stocks: dealing.Stocks) -> bool:
        """Deal a battle to a rater and take the answer; false if nothing is left to judge."""
        now = datetime.now(UTC)
        dealt = dealing.next_battle(
            session, campaign=campaign, voter_key=rater, now=now, rng=self.rng, stocks=stocks
        )
        if isinstance(dealt, dealing.Dealt):
            voting.cast_vote(
                session, key=dealt.key, voter_key=rater, criterion="preference", now=now,
                outcome=self.prefer(session, dealt.key), elapsed_ms=None, consent=CONSENT_VERSION,
            )  # fmt: skip
        return isinstance(dealt, dealing.Dealt)

    def prefer(self, session: Session, key: str) -> Outcome:
        """What a rater answers: logistic in the difference, or a coin; a tie where the pictures are one."""
        left, right = aliased(Image), aliased(Image)
        sides = session.execute(
            select(left.digest, right.digest)
            .select_from(Battle)
            .join(left, Battle.left_image_id == left.id)
            .join(right, Battle.right_image_id == right.id)
            .where(Battle.key == key)
        ).one()
        if sides[0] == sides[1]:
            return Outcome.TIE
        gap = self.look(sides[0]).liking - self.look(sides[1]).liking
        likes_left = 0.5 if self.rng.random() < self.options.coin else float(1 / (1 + np.exp(-gap)))
        return Outcome.LEFT if self.rng.random() < likes_left else Outcome.RIGHT

    def look(self, digest: str) -> Look:
        """How a picture of the store looks; measured once."""
        if digest not in self.looks:
            self.looks[digest] = look_at(self.context.images.get(digest))
        return self.looks[digest]

    @cached_property
    def pictures(self) -> dict[str, dict[str, str]]:
        """Of each entrant of the second round: digests of its pictures by prompt."""
        query = (
            select(Entrant.slug, Prompt.text, Image.digest)
            .join(Image, Image.entrant_id == Entrant.id)
            .join(Prompt, Image.prompt_id == Prompt.id)
            .join(CampaignPrompt, CampaignPrompt.prompt_id == Prompt.id)
            .join(Campaign, CampaignPrompt.campaign_id == Campaign.id)
            .where(Campaign.slug == AFTER)
        )
        found: dict[str, dict[str, str]] = {}
        with self.context.database.read() as session:
            for slug, text, digest in session.execute(query):
                found.setdefault(slug, {})[text] = digest
        return found

    def compare(self, tuned: EntrantCard) -> dict[str, Any]:
        """How often the tuned model is nearer to the taste on a new prompt, and how it looks."""
        ours, theirs = (
            {text: self.look(digest) for text, digest in self.pictures[card.slug].items()}
            for card in (tuned, self.parent)
        )
        both = sorted(ours.keys() & theirs.keys())
        gains = [ours[text].liking - theirs[text].liking for text in both]
        return {
            "new_prompts": len(both),
            "nearer_to_the_taste": interval(sum(gain > 0 for gain in gains), len(both)),
            "gain_in_nats": statistics.fmean(gains),
            "light": [statistics.fmean(each[text].light for text in both) for each in (theirs, ours)],
            "warm": [statistics.fmean(each[text].warm for text in both) for each in (theirs, ours)],
        }

    def ballots(self, tuned: EntrantCard) -> dict[str, Any]:
        """The second round as its votes tell it."""
        left, right = aliased(Entrant), aliased(Entrant)
        query = (
            select(left.slug, right.slug, Vote.outcome, Voter.key, Battle.prompt_id)
            .select_from(Vote)
            .join(Battle, Vote.battle_id == Battle.id)
            .join(Voter, Battle.voter_id == Voter.id)
            .join(Campaign, Battle.campaign_id == Campaign.id)
            .join(left, Battle.left_entrant_id == left.id)
            .join(right, Battle.right_entrant_id == right.id)
            .where(Campaign.slug == AFTER, Battle.kind == BattleKind.ORDINARY)
        )
        with self.context.database.read() as session:
            rows = [(a, b, str(outcome), *who) for a, b, outcome, *who in session.execute(query)]
        frame = pd.DataFrame(rows, columns=["left", "right", "outcome", "rater", "prompt"])
        won = frame["outcome"].where(frame["left"] == tuned.slug, frame["outcome"].map(OTHER))
        return {
            "votes": len(frame),
            "win_rate": float((won == "left").sum() / won.isin(["left", "right"]).sum()),
            "win_rate_interval": self._rating(frame, tuned),
        }

    def _rating(self, frame: pd.DataFrame, tuned: EntrantCard) -> list[float] | None:
        """95 % of the win rate, clustered by rater and prompt; None where one side won every vote."""
        if len(set(zip(frame["left"], frame["outcome"], strict=True))) < 2:
            return None
        fit = clustered(fit_bradley_terry(Comparisons.from_frame(frame, rater="rater", prompt="prompt")))
        gap = difference(fit, tuned.slug, self.parent.slug)
        return [float(1 / (1 + np.exp(-end))) for end in (gap.low, gap.high)]

    def attributes(self, tuned: EntrantCard) -> dict[str, Any]:
        """What a trained reader makes of the pictures, before and after; nothing without one."""
        if self.options.reader is None:
            return {}
        reader = open_reader(self.options.reader)
        wishes = dict(self.scene("test_seen", number) for number in range(self.options.new_prompts))
        told = {}
        for card in (self.parent, tuned):
            painted = self.pictures[card.slug]
            files = [self.context.images.get(digest) for digest in painted.values()]
            seen = at_size([Pillow.open(BytesIO(file)) for file in files], int(reader.config.size))
            told[card.slug] = score_pictures([wishes[text] for text in painted], read_all(reader, seen)[0])
        return {"attributes": told}


OTHER = {"left": "right", "right": "left"}


def interval(wins: int, trials: int) -> list[float]:
    """Share, and Wilson's 95 % interval of it."""
    return [wins / trials, *wilson_interval(wins, trials)]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of a Lumen pipeline")
    parser.add_argument("--autoencoder", type=Path, help="its whole autoencoder, where the folder has none")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run; one that is there goes on"
    )
    parser.add_argument("--reader", type=Path, help="folder of a trained reader: attributes before and after")
    parser.add_argument("--prompts", type=int, default=300, help="of the first round, two seeds each")
    parser.add_argument("--votes", type=int, default=3000, help="of the first round")
    parser.add_argument("--new-prompts", type=int, default=300, help="of the second round, one seed each")
    parser.add_argument("--new-votes", type=int, default=1000, help="of the second round")
    parser.add_argument("--raters", type=int, default=40)
    parser.add_argument("--coin", type=float, default=0.15, help="share of votes without a taste")
    parser.add_argument("--held-out", type=float, default=0.1, help="share of prompts kept from the tuning")
    parser.add_argument("--engine", default="auto", help="that paints: auto, torch or openvino")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the tuning")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    told = Show(options).run()
    (options.out / "result.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:])
