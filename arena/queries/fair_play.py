"""What makes a board fair or not: who was dealt how often, every variant ever entered, what is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.queries.boards import labels_of, newest_run
from arena.queries.finding import first_criterion
from arena.queries.releases import campaigns_of
from arena.queries.showing import Name, name_of
from arena.queries.studies import newest_study
from arena.tables import BattleKind, Campaign, CampaignEntrant, Entrant, Rating, RatingRun, RemovalKind

SAMPLING: Final = "sampling"
"""Kind of the study that holds the counts; only the newest is kept."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How often an entrant, or a family, was shown and what became of it.

    Attributes
    ----------
    entrants : int
    places : int
        Places in ordinary battles; a battle of two of a family counts twice.
    left : int
        Those on the left.
    left_low, left_high : float or None
        Interval of their share; null where nothing was dealt.
    voted, skipped, expired : int
        Places in battles that were answered, set aside, or left until they ended.
    share : float
        Of all places.
    offered, offered_low, offered_high : float or None
        Share among all that could have been dealt, by inverse probabilities, with its interval; null where
        no probability is known.
    policy : float or None
        Share that the policy gives a rater who has judged nothing yet; null once the campaign has closed.
    """

    entrants: int
    places: int
    left: int
    left_low: float | None
    left_high: float | None
    voted: int
    skipped: int
    expired: int
    share: float
    offered: float | None
    offered_low: float | None
    offered_high: float | None
    policy: float | None


@dataclass(frozen=True, slots=True)
class Battles:
    """What became of the battles of one kind; those not yet answered or ended are the rest."""

    dealt: int
    voted: int
    skipped: int
    expired: int


@dataclass(frozen=True, slots=True)
class Removed:
    """Votes on ordinary battles that count no more: withdrawn by their raters, or excluded by a rule."""

    kind: RemovalKind
    rule: str | None
    votes: int


@dataclass(frozen=True, slots=True)
class Sampling:
    """Counts of a campaign at one moment.

    ``known`` is the number of ordinary battles with a known probability, ``counted`` that of the votes in the
    tallies of the first question: those that its board counts; ``removed`` are votes on the same question.
    """

    made_at: datetime
    entrants: Mapping[int, Shown]
    families: Mapping[str, Shown]
    kinds: Mapping[BattleKind, Battles]
    known: int
    counted: int
    removed: tuple[Removed, ...]

    @property
    def ordinary(self) -> Battles:
        """The battles that count."""
        return self.kinds[BattleKind.ORDINARY]

    @property
    def left_out(self) -> int:
        """Votes on ordinary battles that are not counted."""
        return self.ordinary.voted - self.counted


@dataclass(frozen=True, slots=True)
class Variant:
    """An entrant at one revision; what belongs to a board is null where it is not on this one."""

    entrant_id: int
    name: Name
    entered_at: datetime
    retired_at: datetime | None
    takes_part: bool
    votes: int | None
    rating: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The best variant of a family: as its board rates it, and less what being chosen adds by chance."""

    entrant_id: int
    tried: int
    rating: float
    adjusted: float
    correction: float


@dataclass(frozen=True, slots=True)
class Family:
    """Every variant that a family ever entered in whatever campaign, the first first.

    ``chosen`` is null where there is one variant only, or the board has no rating of any yet.
    """

    slug: str
    variants: tuple[Variant, ...]
    chosen: Chosen | None


@dataclass(frozen=True, slots=True)
class Provisional:
    """An entrant whose rating is provisional, and why, as the board says it."""

    name: Name
    votes: int
    reason: str


@dataclass(frozen=True, slots=True)
class FairPlay:
    """All that the page tells of one campaign; ``votes`` are those of its newest board."""

    campaign: str
    campaign_name: str
    policy: str
    question: str
    closed: bool
    votes: int
    names: Mapping[int, Name]
    sampling: Sampling | None
    families: tuple[Family, ...]
    provisional: tuple[Provisional, ...]

    @property
    def retired(self) -> list[Variant]:
        """Variants that were retired, the first to enter first."""
        variants = [variant for family in self.families for variant in family.variants]
        return sorted((one for one in variants if one.retired_at), key=lambda one: one.entrant_id)


def fair_play(session: Session, campaign: str, *, now: datetime) -> FairPlay:
    """Read everything about a campaign and the newest board of its first question.

    Raises
    ------
    UnknownCampaign
    """
    (found,) = campaigns_of(session, campaign)
    question = first_criterion(session, found.id)
    run = newest_run(session, found.id, question.id)
    members = set(
        session.scalars(select(CampaignEntrant.entrant_id).where(CampaignEntrant.campaign_id == found.id))
    )
    families = select(Entrant.family).where(Entrant.id.in_(members))
    kin = session.scalars(select(Entrant).where(Entrant.family.in_(families)).order_by(Entrant.id)).all()
    rows = session.scalars(
        select(Rating).where(Rating.run_id == (run.id if run else None)).order_by(Rating.position)
    ).all()
    ratings = {row.entrant_id: row for row in rows}
    names = {entrant.id: name_of(entrant) for entrant in kin}
    chosen = _chosen(run, [entrant for entrant in kin if entrant.id in members])
    variants: dict[str, list[Variant]] = {}
    for entrant in kin:
        variant = _variant(entrant, entrant.id in members, ratings.get(entrant.id))
        variants.setdefault(entrant.family, []).append(variant)
    return FairPlay(
        campaign=found.slug,
        campaign_name=found.name,
        policy=found.policy,
        question=question.question,
        closed=found.closed_at is not None and found.closed_at <= now,
        votes=run.votes if run else 0,
        names=names,
        sampling=sampling(session, found),
        families=tuple(Family(slug, tuple(of), chosen.get(slug)) for slug, of in variants.items()),
        provisional=tuple(
            Provisional(names[row.entrant_id], row.votes, row.reason or "") for row in rows if row.provisional
        ),
    )


def _variant(entrant: Entrant, takes_part: bool, row: Rating | None) -> Variant:
    return Variant(
        entrant_id=entrant.id,
        name=name_of(entrant),
        entered_at=entrant.entered_at,
        retired_at=entrant.retired_at,
        takes_part=takes_part,
        votes=row.votes if row else None,
        rating=row.rating if row else None,
        low=row.low if row else None,
        high=row.high if row else None,
    )


def _chosen(run: RatingRun | None, entrants: Sequence[Entrant]) -> dict[str, Chosen]:
    """The best of each family, as the board's own fit told it."""
    named = {label: number for number, label in labels_of(entrants).items()}
    told = run.details.get("selection", ()) if run else ()
    return {
        one["family"]: Chosen(
            named[one["best"]], one["tried"], one["rating"], one["adjusted"], one["correction"]
        )
        for one in told
    }


def sampling(session: Session, campaign: Campaign) -> Sampling | None:
    """The newest counts of a campaign; nothing before the worker has counted."""
    study = newest_study(session, campaign.id, SAMPLING)
    if study is None:
        return None
    told = study.result
    return Sampling(
        made_at=study.made_at,
        entrants={int(number): Shown(**row) for number, row in told["entrants"].items()},
        families={family: Shown(**row) for family, row in told["families"].items()},
        kinds={BattleKind(kind): Battles(**row) for kind, row in told["kinds"].items()},
        known=told["known"],
        counted=told["counted"],
        removed=tuple(
            Removed(RemovalKind(one["kind"]), one["rule"], one["votes"]) for one in told["removed"]
        ),
    )
