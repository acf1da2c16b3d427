"""What a worker does beside painting and the books: measures new pictures, makes studies, looks at raters."""

from __future__ import annotations

import logging
import math
import threading
import time
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from arena.db import Database
from arena.errors import ArenaError
from arena.services import integrity, measuring, studies
from arena.storage import ImageStore

log = logging.getLogger(__name__)

EASE: Final = 4
"""Each batch is followed by a rest so many times as long: a fifth of one core at the most."""

PAUSE_SECONDS: Final = 10.0
"""Rest after a sweep that has come to the end."""


def keep_looking(database: Database, images: ImageStore, stop: threading.Event) -> None:
    """Sweep over the pictures that have no measures, again and again, until told to stop.

    After a sweep, but not more often than every `studies.REST`, it looks for studies to make; and at raters
    whose votes are new, as `arena.services.integrity` has it.
    """
    after, told = 0, set[int]()
    book = integrity.IntegrityBook()
    studied = -math.inf
    while not stop.is_set():
        started = time.monotonic()
        try:
            step = measuring.measure_some(database, images, now=datetime.now(UTC), after=after)
            for lost in step.lost:
                if lost.image_id not in told:
                    log.warning("picture %d cannot be measured: %s", lost.image_id, lost.reason)
                    told.add(lost.image_id)
            after = step.last or 0
            if step.last is None and started - studied >= studies.REST.total_seconds():
                studied = started
                for made in studies.refresh(database, now=datetime.now(UTC)):
                    log.info("studies of %s made from %d pictures", made.campaign, made.used)
            if step.last is None:
                integrity.refresh(database, book, now=datetime.now(UTC))
        except (ArenaError, SQLAlchemyError) as error:
            log.warning("measuring rests: %s", error)
            after = 0
        except Exception:
            log.exception("pictures could not be measured")
            after = 0
        taken = time.monotonic() - started
        stop.wait(PAUSE_SECONDS if after == 0 else EASE * taken)
