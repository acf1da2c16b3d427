"""The boards as LMArena publishes its own: the dataset `lmarena-ai/leaderboard-dataset`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.domain.seals import day_of
from arena.errors import Invalid
from arena.queries.releases import campaigns_of, questions, ratings_of
from arena.queries.votes import label
from arena.services.formats.contracts import Desk, Parts
from arena.services.formats.filters import Filters
from arena.services.formats.sinks import Tables
from arena.tables import Entrant, RatingRun

CONFIG = "text_to_image"
TITLE = "LMArena's leaderboard-dataset (lmarena-ai/leaderboard-dataset)"
READER = "`datasets`, config text_to_image"
OVERALL = "overall"
NO_RATING = "entrants without a rating on that day"
OLDER_RUN = "rows of runs that a later one of the same day replaced"
REMARKS = (
    "A row is an entrant on the standing board of one day: the last rating run of each day in `full`, the "
    "newest one in `latest`. `category` is `overall` for the campaign's first question, and the name of any "
    "other.",
    "Ratings are on the Elo scale around 1000, bounds those of the 95 % interval; a bound that the votes "
    "leave open is null.",
    "`variance` is null: boards keep intervals, not variances. `organization` is empty: no card names one. "
    "`vote_count` counts the votes on battles of that entrant, so it adds up to twice the votes.",
)

SCHEMA = pa.schema(
    [
        ("model_name", pa.string()),
        ("organization", pa.string()),
        ("license", pa.string()),
        ("rating", pa.float64()),
        ("rating_lower", pa.float64()),
        ("rating_upper", pa.float64()),
        ("variance", pa.float64()),
        ("vote_count", pa.int64()),
        ("rank", pa.int64()),
        ("category", pa.string()),
        ("leaderboard_publish_date", pa.string()),
    ]
)


def write_boards(session: Session, desk: Desk, asked: Filters) -> tuple[int, dict[str, int], Parts]:
    """Write the boards of one campaign; returns rows read, rows dropped by reason, and the parts.

    Raises
    ------
    Invalid
        If more is asked for than a campaign, a criterion and days, several campaigns could be meant, or
        nothing has been fitted.
    """
    unfit = asked.told().keys() - {"campaign", "criterion", "since", "until"}
    if unfit:
        raise Invalid(
            f"a board is fitted from all its votes, so {', '.join(sorted(unfit))} cannot be asked of it"
        )
    campaigns = campaigns_of(session, asked.campaign)
    if len(campaigns) != 1:
        names = ", ".join(campaign.slug for campaign in campaigns) or "none yet"
        raise Invalid(f"a leaderboard is of one campaign; name one with --campaign: {names}")
    criteria = questions(session, campaigns[0].id)
    rows_in, dropped = 0, {OLDER_RUN: 0, NO_RATING: 0}
    licences = {
        label(entrant.slug, entrant.revision): entrant.licence for entrant in session.scalars(select(Entrant))
    }
    with Tables(desk, CONFIG, SCHEMA) as tables:
        for place, criterion in enumerate(criteria):
            if asked.criterion not in (None, criterion.slug):
                continue
            runs = _runs(session, campaigns[0].id, criterion.id, asked)
            last_of_day = {day: run.id for day, run in runs}
            for day, run in runs:
                found = ratings_of(session, run)
                rows_in += len(found)
                if run.id != last_of_day[day]:
                    dropped[OLDER_RUN] += len(found)
                    continue
                category = OVERALL if place == 0 else criterion.slug
                rows = list(_rows(found, licences, category, day))
                dropped[NO_RATING] += len(found) - len(rows)
                for row in rows:
                    tables.add("full", row)
                    if run is runs[-1][1]:
                        tables.add("latest", row)
    if not tables.parts:
        raise Invalid("no board has been fitted that could be written; votes are needed, and `arena work`")
    return rows_in, {why: n for why, n in dropped.items() if n}, tables.parts


def _runs(
    session: Session, campaign_id: int, criterion_id: int, asked: Filters
) -> list[tuple[str, RatingRun]]:
    """Runs of the standing board with their days, oldest first."""
    runs = session.scalars(
        select(RatingRun)
        .where(
            RatingRun.campaign_id == campaign_id,
            RatingRun.criterion_id == criterion_id,
            RatingRun.view == "",
        )
        .order_by(RatingRun.id)
    )
    told = [(day_of(run.fitted_at), run) for run in runs]
    since = asked.since.isoformat() if asked.since else ""
    until = asked.until.isoformat() if asked.until else "9999"
    return [(day, run) for day, run in told if since <= day <= until]


def _rows(
    ratings: list[tuple[int, str, Any]], licences: dict[str, str], category: str, day: str
) -> Iterator[dict[str, Any]]:
    for _, name, rating in ratings:
        if rating.rating is not None:
            yield {
                "model_name": name,
                "organization": "",
                "license": licences[name],
                "rating": rating.rating,
                "rating_lower": rating.low,
                "rating_upper": rating.high,
                "variance": None,
                "vote_count": rating.votes,
                "rank": rating.rank,
                "category": category,
                "leaderboard_publish_date": day,
            }
