"""Sketches of the playground, as whoever asked for them sees them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from arena.errors import UnknownPicture
from arena.tables import Entrant, Image, JobState, Sketch

WAITING = (JobState.QUEUED, JobState.RUNNING)
RECENT = 50
"""Pictures of an entrant by whose median time a wait is guessed."""


@dataclass(frozen=True, slots=True)
class SketchPage:
    """A sketch as whoever asked for it sees it.

    Attributes
    ----------
    ahead : int
        How many sketches are painted before this one.
    wait : float or None
        Seconds until it is expected, by the median of its entrant's pictures; None where there are none.
    words : tuple of str
        Of the prompt, those that the entrant does not know.
    """

    key: str
    name: str
    slug: str
    revision: str
    kind: str
    prompt: str
    seed: int
    steps: int | None
    state: JobState
    reason: str | None
    words: tuple[str, ...]
    seconds: float | None
    ahead: int
    wait: float | None

    @property
    def settled(self) -> bool:
        """Whether nothing more will come."""
        return self.state not in WAITING


def page(session: Session, *, key: str, voter_key: str) -> SketchPage:
    """Read one sketch.

    Raises
    ------
    UnknownPicture
        If there is none of that key, or it is somebody else's.
    """
    row = session.execute(
        select(Sketch, Entrant)
        .join(Entrant, Entrant.id == Sketch.entrant_id)
        .where(Sketch.key == key, Sketch.voter == voter_key)
    ).one_or_none()
    if row is None:
        raise UnknownPicture(key)
    return _page(session, *row)


def pages(session: Session, *, voter_key: str) -> list[SketchPage]:
    """All sketches of one voter, the newest first."""
    rows = session.execute(
        select(Sketch, Entrant)
        .join(Entrant, Entrant.id == Sketch.entrant_id)
        .where(Sketch.voter == voter_key)
        .order_by(Sketch.id.desc())
    ).all()
    return [_page(session, sketch, entrant) for sketch, entrant in rows]


def picture(session: Session, *, key: str, voter_key: str) -> tuple[bytes, str]:
    """The PNG of a sketch and a name for its file.

    Raises
    ------
    UnknownPicture
        If it is not there, not yet there, or somebody else's.
    """
    row = session.execute(
        select(Sketch.data, Entrant.slug, Entrant.revision, Sketch.seed)
        .join(Entrant, Entrant.id == Sketch.entrant_id)
        .where(Sketch.key == key, Sketch.voter == voter_key, Sketch.data.is_not(None))
    ).one_or_none()
    if row is None or row.data is None:
        raise UnknownPicture(key)
    return row.data, f"{row.slug}-{row.revision}-{row.seed}.png"


def _page(session: Session, sketch: Sketch, entrant: Entrant) -> SketchPage:
    ahead, wait = 0, None
    if sketch.state in WAITING:
        ahead = (
            session.scalar(
                select(func.count())
                .select_from(Sketch)
                .where(Sketch.state.in_(WAITING), Sketch.id < sketch.id)
            )
            or 0
        )
        recent = session.scalars(
            select(Image.seconds)
            .where(Image.entrant_id == entrant.id)
            .order_by(Image.id.desc())
            .limit(RECENT)
        )
        took = sorted(seconds for seconds in recent if seconds is not None)
        wait = took[len(took) // 2] * (ahead + 1) if took else None
    return SketchPage(
        key=sketch.key,
        name=entrant.name,
        slug=entrant.slug,
        revision=entrant.revision,
        kind=entrant.kind,
        prompt=sketch.prompt,
        seed=sketch.seed,
        steps=sketch.steps,
        state=sketch.state,
        reason=sketch.reason,
        words=tuple(sketch.words or ()),
        seconds=sketch.seconds,
        ahead=ahead,
        wait=wait,
    )
