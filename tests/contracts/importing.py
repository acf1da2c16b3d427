"""A hand to import with, and tables as others publish them."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image as Picture
from sqlalchemy import func, select

from arena.db import Database
from arena.queries.boards import Board, board
from arena.services.formats.exporting import export_as
from arena.services.formats.filters import Filters
from arena.services.importing.importing import ImportReport, import_votes
from arena.services.sealing import broken_seal, seal_pending
from arena.services.standings import refresh
from arena.storage import ImageStore
from arena.tables import Base

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
VOTES = """\
model_a,model_b,winner,prompt,judge,day,category
SDXL 1.0,FLUX.1 [dev],model_b,a red vase,u1,2026-01-02,still-life
FLUX.1 [dev],SDXL 1.0,tie,a red vase,u2,2026-01-03,still-life
SDXL 1.0,Midjourney,tie (bothbad),a cat,u1,2026-01-03,animals
Midjourney,SDXL 1.0,both_bad,a cat,u3,2026-01-04,animals
Midjourney,FLUX.1 [dev],model_a,,,,
SDXL 1.0,SDXL 1.0,model_a,a cat,u3,2026-01-04,animals
"""


TEXT, WHOLE, REAL = pa.string(), pa.int64(), pa.float64()
PICKAPIC_TYPES = (
    pa.bool_(), TEXT, TEXT, pa.timestamp("ns"), pa.bool_(), TEXT, TEXT, TEXT, TEXT, pa.binary(), pa.binary(),
    REAL, REAL, TEXT, TEXT, WHOLE, WHOLE, WHOLE, WHOLE,
)  # fmt: skip
"""Of the columns of Pick-a-Pic v1, as its card has them."""


@dataclass(frozen=True)
class Here:
    """An arena that takes in the votes of others."""

    database: Database
    images: ImageStore

    def take(self, path: Path, form: str, **more: Any) -> ImportReport:
        """Import, seal, and see that the chain holds."""
        report = import_votes(self.database, self.images, path, form, **{"now": NOW, **more})
        with self.database.write.begin() as session:
            seal_pending(session, now=NOW)
            assert broken_seal(session) is None
        return report

    def board(self, campaign: str) -> Board:
        """The board of a campaign, fitted."""
        refresh(self.database, now=NOW)
        with self.database.read() as session:
            return board(session, campaign=campaign)

    def export(self, form: str, folder: Path, **asked: Any) -> Path:
        """Export a campaign in a format of others."""
        with self.database.read() as session:
            export_as(
                session,
                form,
                folder=folder,
                images=self.images,
                asked=Filters(**asked),
                now=NOW,
                rng=random.Random(3),
            )
        return folder

    def counts(self) -> dict[str, int]:
        """Rows of every table."""
        with self.database.read() as session:
            return {
                table.name: session.scalar(select(func.count()).select_from(table)) or 0
                for table in Base.metadata.sorted_tables
            }


def file_of(shade: int, container: str) -> bytes:
    """A small picture of its own."""
    out = BytesIO()
    Picture.effect_noise((32, 24), shade + 1).convert("RGB").save(out, format=container)
    return out.getvalue()


def pickapic(rows: int = 40) -> pa.Table:
    """A table as Pick-a-Pic is published: real uids, urls, JPEG and PNG files, numbers with gaps, ties."""
    rng = random.Random(8)
    captions = ("a red vase", "an astronaut on a horse, oil on canvas", "café at night")
    models = ("CompVis/stable-diffusion-v1-4", "dreamlike-art/dreamlike-photoreal-2.0", "SDXL 1.0")
    files = [file_of(n, "JPEG" if n % 2 else "PNG") for n in range(6)]
    asked = [captions[n % 3] for n in range(rows)]
    told: list[dict[str, Any]] = []
    for n in range(rows):
        label = rng.choice((1.0, 0.0, 0.5))
        shown, painters = rng.sample(range(6), 2), rng.sample(models, 2)
        uids = [hashlib.md5(f"{asked[n]} {painter} {at}".encode()).hexdigest()
                for painter, at in zip(painters, shown, strict=True)]  # fmt: skip
        told.append(
            {
                "are_different": True,
                "best_image_uid": {1.0: uids[0], 0.0: uids[1]}.get(label, "none"),
                "caption": asked[n],
                "created_at": datetime(2023, 1, 3, tzinfo=UTC) + timedelta(days=n // 4),
                "has_label": label != 0.5,
                "image_0_uid": uids[0],
                "image_0_url": f"https://pickapic.example/{uids[0]}.png",
                "image_1_uid": uids[1],
                "image_1_url": f"https://pickapic.example/{uids[1]}.png",
                "jpg_0": files[shown[0]],
                "jpg_1": files[shown[1]],
                "label_0": label,
                "label_1": 1 - label,
                "model_0": painters[0],
                "model_1": painters[1],
                "ranking_id": 9_000 + 7 * n,
                "user_id": rng.choice((17, 171, 1_712)),
                "num_example_per_prompt": asked.count(asked[n]),
                "__index_level_0__": 500_000 + 3 * n,
            }
        )
    return pa.Table.from_pylist(told, schema=pa.schema(list(zip(told[0], PICKAPIC_TYPES, strict=True))))


def written(table: pa.Table, file: Path) -> Path:
    """The table as a file."""
    pq.write_table(table, file)
    return file
