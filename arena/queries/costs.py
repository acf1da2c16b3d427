"""What the pictures of entrants took, as the worker last added it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.tables import Study

COSTS: Final = "costs"
"""Kind of the study that holds them; it is told anew with every new picture, and only the newest is kept."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Of an entrant's pictures.

    ``seconds`` and ``seconds_p95`` are the median and the 95th percentile an image, ``cpu_seconds`` and
    ``joules`` medians; ``energy_method`` says how the joules were got, and is "mixed" where pictures differ.
    What nobody measured is null.
    """

    pictures: int
    refused: int
    seconds: float | None
    seconds_p95: float | None
    cpu_seconds: float | None
    joules: float | None
    energy_method: str | None


NO_COSTS: Final = Costs(0, 0, None, None, None, None, None)


def newest_costs(session: Session, campaign_id: int) -> dict[int, Costs]:
    """Costs of each entrant of a campaign, by its id; empty before the worker has looked."""
    result = session.scalar(
        select(Study.result)
        .where(Study.campaign_id == campaign_id, Study.kind == COSTS)
        .order_by(Study.id.desc())
        .limit(1)
    )
    return {int(number): Costs(**told) for number, told in (result or {}).items()}
