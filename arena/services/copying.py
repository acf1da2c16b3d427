"""Blind copies of pictures that were made before their campaign."""

from __future__ import annotations

from arena.db import Database, told_plainly
from arena.media.blind import blind_copy
from arena.services.painting import missing_copies
from arena.storage import ImageStore
from arena.tables import BlindCopy, Campaign


def copy_missing(database: Database, images: ImageStore, campaign_id: int) -> int:
    """Put every picture of a campaign on its canvas; returns how many were missing."""
    with database.read() as session:
        campaign = session.get_one(Campaign, campaign_id)
        missing = missing_copies(session, campaign)
    for image_id, digest in missing:
        copy, method = blind_copy(images.get(digest), campaign.canvas)
        copied = images.put(copy)
        with told_plainly(), database.write.begin() as session:
            session.add(BlindCopy(image_id=image_id, canvas=campaign.canvas, digest=copied, method=method))
    return len(missing)
