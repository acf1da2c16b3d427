"""The entrants of another arena's votes, and the campaign that holds them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from arena.domain.imported import BACKEND, NAME, POLICY
from arena.errors import NameTaken
from arena.services.curation import OPEN_CANVAS, enter, join, record
from arena.services.importing.contracts import PREFERENCE
from arena.tables import Campaign, Criterion, Entrant

QUESTION: Final = "Which picture did raters of another arena prefer?"
_SLUG_AT_REVISION = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)@[0-9a-f]{12}")


def slug_of(name: str) -> str:
    """A slug for a name; of one that is written slug@revision its own."""
    whole = _SLUG_AT_REVISION.fullmatch(name)
    if whole:
        return whole[1]
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:64].strip("-") or "entrant"


def enter_all(
    session: Session,
    names: Iterable[str],
    cards: Mapping[str, Mapping[str, Any]],
    *,
    file: str,
    now: datetime,
) -> dict[str, Entrant]:
    """Enter the picture-makers of a file; one of the same name in another file is the same.

    What its arena told of it is kept, but for how it paints: here it paints nothing.
    """
    from models.contracts import EntrantCard

    found = {}
    for name in names:
        told, slug = cards.get(name, {}), slug_of(name)
        card = EntrantCard(
            slug=slug,
            name=str(told.get("name", name))[:120],
            kind="external",
            family=str(told.get("family", slug))[:64],
            backend=BACKEND,
            identity={NAME: name},
            licence=told.get("licence", ""),
            description=told.get("description", ""),
            source=told.get("source") or f"the votes of {file}",
        )
        found[name] = enter(session, card, now=now, actor="import")
    return found


def may_take(session: Session, slug: str, *, by_name: bool) -> Campaign | None:
    """The campaign of that name if there is one, which then has votes of other arenas alone.

    Parameters
    ----------
    by_name : bool
        Whether the operator named it; two files that happen to be called alike are not mixed.

    Raises
    ------
    NameTaken
    """
    found = session.scalar(select(Campaign).where(Campaign.slug == slug))
    if found is None:
        return None
    if found.policy != POLICY:
        raise NameTaken(f"campaign {slug!r} is for raters of this arena; name another with --campaign")
    if not by_name:
        raise NameTaken(
            f"campaign {slug!r} holds the votes of another file; add to it with --campaign {slug}, "
            "or name another"
        )
    return found


def open_for(
    session: Session,
    slug: str,
    *,
    found: Campaign | None,
    criteria: Sequence[str],
    questions: Mapping[str, str],
    entrants: Iterable[Entrant],
    now: datetime,
) -> tuple[Campaign, dict[str, int]]:
    """Open a campaign, closed from the first: nothing is dealt in it; or add to one.

    Returns
    -------
    tuple
        The campaign, and its criteria by name.
    """
    if found is None:
        found = Campaign(
            slug=slug,
            name=slug,
            canvas=OPEN_CANVAS,
            seeds=1,
            set_size=1,
            policy=POLICY,
            minutes_to_vote=0,
            seed=0,
            opened_at=now,
            closed_at=now,
        )
        session.add(found)
        session.flush()
        record(
            session, now=now, actor="import", kind="campaign.opened", subject=slug, data={"policy": POLICY}
        )
    mine = Criterion.campaign_id == found.id
    known = dict(session.execute(select(Criterion.slug, Criterion.id).where(mine)).all())
    first = session.scalar(select(func.count(Criterion.id)).where(mine)) or 0
    order = sorted(set(criteria) - known.keys(), key=[*questions, PREFERENCE, *criteria].index)
    for position, name in enumerate(order, start=first):
        question = Criterion(
            campaign_id=found.id, slug=name, question=questions.get(name, QUESTION), position=position
        )
        session.add(question)
        session.flush()
        known[name] = question.id
    join(session, found, entrants, now=now)
    session.flush()
    return found, known
