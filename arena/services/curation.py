"""What an operator sets up: entrants, prompts, campaigns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from arena.domain.campaigns import Registered
from arena.domain.categories import check_categories
from arena.domain.imported import BACKEND
from arena.domain.prompts import clean_prompt, prompt_digest
from arena.domain.tagging import tag
from arena.errors import Invalid, NameTaken, UnknownEntrant
from arena.services.dealing import POLICIES
from arena.tables import (
    Campaign,
    CampaignEntrant,
    CampaignPrompt,
    Criterion,
    Entrant,
    Event,
    Prompt,
    PromptSource,
    TaggedBy,
)

OPEN = "open"
OPEN_CANVAS = 512
PREFERENCE = "Which picture would you rather keep?"
_AT_ONCE = 5000


class Card(Protocol):
    """What the arena keeps of an entrant's card; `models.EntrantCard` is one."""

    @property
    def slug(self) -> str: ...
    @property
    def revision(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def backend(self) -> str: ...
    @property
    def identity(self) -> Mapping[str, Any]: ...
    @property
    def runtime(self) -> Mapping[str, Any]: ...
    @property
    def licence(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def source(self) -> str: ...


@dataclass(frozen=True, slots=True)
class NewPrompt:
    """A prompt to take in; ``categories`` are slugs such as ``still-life``, the most telling first."""

    text: str
    categories: tuple[str, ...] = ()
    language: str = "en"
    licence: str = ""
    origin: str = ""


def enter(session: Session, card: Card, *, now: datetime, actor: str = "operator") -> Entrant:
    """Enter a picture-maker at its revision; the same card again is the same entrant."""
    found = session.scalar(
        select(Entrant).where(Entrant.slug == card.slug, Entrant.revision == card.revision)
    )
    if found is not None:
        found.runtime = dict(card.runtime)
        return found
    entrant = Entrant(
        slug=card.slug,
        revision=card.revision,
        name=card.name,
        kind=card.kind,
        family=card.family,
        backend=card.backend,
        identity=dict(card.identity),
        runtime=dict(card.runtime),
        licence=card.licence,
        description=card.description,
        source=card.source,
        entered_at=now,
    )
    session.add(entrant)
    session.flush()
    record(session, now=now, actor=actor, kind="entrant.entered", subject=f"{card.slug}@{card.revision}")
    return entrant


def open_the_open_campaign(session: Session, cards: Sequence[Card], *, now: datetime) -> Campaign:
    """Enter every card, and see that the campaign called `OPEN`, which always exists, is there."""
    entrants = [enter(session, card, now=now, actor="init") for card in cards]
    found = session.scalar(select(Campaign).where(Campaign.slug == OPEN))
    if found is not None:
        return found
    return open_campaign(
        session,
        slug=OPEN,
        name="Open",
        entrants=entrants,
        canvas=OPEN_CANVAS,
        now=now,
        own_prompts=True,
        actor="init",
    )


def find_entrant(session: Session, slug: str) -> Entrant:
    """Find the newest revision of an entrant, or the one named by ``slug@revision``.

    One that paints comes before one of the same name that came with another arena's votes.

    Raises
    ------
    UnknownEntrant
        With the names there are.
    """
    name, _, revision = slug.partition("@")
    query = (
        select(Entrant)
        .where(Entrant.slug == name)
        .order_by(Entrant.backend == BACKEND, Entrant.id.desc())
        .limit(1)
    )
    found = session.scalar(query.where(Entrant.revision == revision) if revision else query)
    if found is None:
        known = tuple(session.scalars(select(Entrant.slug).distinct().order_by(Entrant.slug)))
        raise UnknownEntrant(slug, known)
    return found


def open_campaign(
    session: Session,
    *,
    slug: str,
    name: str,
    entrants: Sequence[Entrant],
    canvas: int,
    now: datetime,
    seeds: int = 1,
    set_size: int = 30,
    policy: str = "informative",
    minutes_to_vote: int = 60,
    seed: int = 0,
    criteria: Mapping[str, str] | None = None,
    own_prompts: bool = False,
    actor: str = "operator",
) -> Campaign:
    """Open a campaign of at least two entrants; with ``own_prompts`` raters may have their own painted.

    Raises
    ------
    NameTaken
        If there is one of that name.
    Invalid
        If the policy is unknown, or the canvas, the seeds or the entrants are too few or too many.
    """
    if session.scalar(select(Campaign.id).where(Campaign.slug == slug)) is not None:
        raise NameTaken(f"a campaign is called {slug!r} already; choose another name")
    if policy not in POLICIES:
        raise Invalid(f"{policy!r} is no pairing policy; one of {', '.join(POLICIES)} is")
    if not 64 <= canvas <= 4096:
        raise Invalid(f"the canvas must be from 64 to 4096 pixels, not {canvas}")
    if not 1 <= seeds <= 16:
        raise Invalid(f"seeds must be from 1 to 16, not {seeds}")
    campaign = Campaign(
        slug=slug,
        name=name,
        canvas=canvas,
        seeds=seeds,
        set_size=set_size,
        policy=policy,
        minutes_to_vote=minutes_to_vote,
        seed=seed,
        opened_at=now,
        own_prompts=own_prompts,
    )
    session.add(campaign)
    session.flush()
    questions = criteria or {"preference": PREFERENCE}
    for position, (criterion, question) in enumerate(questions.items()):
        session.add(Criterion(campaign_id=campaign.id, slug=criterion, question=question, position=position))
    join(session, campaign, entrants, now=now)
    session.flush()
    record(session, now=now, actor=actor, kind="campaign.opened", subject=slug, data={"policy": policy})
    return campaign


def join(
    session: Session,
    campaign: Campaign,
    entrants: Iterable[Entrant],
    *,
    now: datetime,
    actor: str = "operator",
) -> None:
    """Let entrants take part in a campaign; those that already do are left as they are.

    Whoever comes after the plan was registered is told beside it, and is not part of what it asks.
    """
    taking_part = set(
        session.scalars(select(CampaignEntrant.entrant_id).where(CampaignEntrant.campaign_id == campaign.id))
    )
    for entrant in entrants:
        if entrant.id not in taking_part:
            taking_part.add(entrant.id)
            session.add(CampaignEntrant(campaign_id=campaign.id, entrant_id=entrant.id, entered_at=now))
            if campaign.registered_at is not None:
                told = {"entrant": f"{entrant.slug}@{entrant.revision}"}
                record(
                    session, now=now, actor=actor, kind="campaign.amended", subject=campaign.slug, data=told
                )


def add_prompts(
    session: Session,
    campaign: Campaign,
    prompts: Sequence[NewPrompt],
    *,
    now: datetime,
    source: PromptSource = PromptSource.CURATED,
    tagged_by: TaggedBy = TaggedBy.IMPORT,
) -> int:
    """Add prompts to a campaign, in their order; all of them or, if one cannot be taken, none.

    A prompt that comes without categories gets those that the rules find. One that is there already, in
    whatever campaign, keeps its own.

    Parameters
    ----------
    session : Session
    campaign : Campaign
    prompts : sequence of NewPrompt
    now : datetime
    source : PromptSource
    tagged_by : TaggedBy
        Who chose the categories of those that come with some.

    Returns
    -------
    int
        How many are new to the campaign; the same words twice are one prompt.

    Raises
    ------
    InvalidPrompt
        If one cannot be painted, or a category cannot be one.
    Registered
        If prompts of the operator's are new to a campaign whose plan was registered.
    """
    cleaned: dict[str, tuple[str, NewPrompt]] = {}
    for prompt in prompts:
        text = clean_prompt(prompt.text)
        cleaned.setdefault(prompt_digest(text), (text, prompt))
    known = prompts_by_digest(session, list(cleaned))
    missing = [digest for digest in cleaned if digest not in known]
    if missing:
        rows = [
            _prompt(digest, *cleaned[digest], source=source, tagged_by=tagged_by, now=now)
            for digest in missing
        ]
        session.execute(insert(Prompt), rows)
        known |= prompts_by_digest(session, missing)
    mine = CampaignPrompt.campaign_id == campaign.id
    numbers = [known[digest] for digest in cleaned]
    asked = {
        number
        for start in range(0, len(numbers), _AT_ONCE)
        for number in session.scalars(
            select(CampaignPrompt.prompt_id).where(
                mine, CampaignPrompt.prompt_id.in_(numbers[start : start + _AT_ONCE])
            )
        )
    }
    fresh = [number for number in numbers if number not in asked]
    if fresh and source is PromptSource.CURATED and campaign.registration_digest is not None:
        raise Registered(campaign.slug, campaign.registration_digest)
    if fresh:
        last = session.scalar(select(func.count()).select_from(CampaignPrompt).where(mine)) or 0
        places = enumerate(fresh, start=last + 1)
        session.execute(
            insert(CampaignPrompt),
            [
                {"campaign_id": campaign.id, "prompt_id": prompt_id, "position": position}
                for position, prompt_id in places
            ],
        )
    return len(fresh)


def prompts_by_digest(session: Session, digests: Sequence[str]) -> dict[str, int]:
    """Numbers of the prompts that are there already."""
    return {
        digest: number
        for start in range(0, len(digests), _AT_ONCE)
        for digest, number in session.execute(
            select(Prompt.digest, Prompt.id).where(Prompt.digest.in_(digests[start : start + _AT_ONCE]))
        )
    }


def _prompt(
    digest: str, text: str, new: NewPrompt, *, source: PromptSource, tagged_by: TaggedBy, now: datetime
) -> dict[str, Any]:
    told = check_categories(new.categories, new=True)
    categories = told or tag(text, new.language)
    return {
        "text": text,
        "digest": digest,
        "categories": list(categories),
        "tagged_by": tagged_by if told else TaggedBy.RULE if categories else TaggedBy.NOBODY,
        "language": new.language,
        "source": source,
        "licence": new.licence,
        "origin": new.origin,
        "created_at": now,
    }


def record(
    session: Session,
    *,
    now: datetime,
    actor: str,
    kind: str,
    subject: str,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Write an event: who did what to what."""
    session.add(Event(at=now, actor=actor, kind=kind, subject=subject, data=dict(data or {})))
