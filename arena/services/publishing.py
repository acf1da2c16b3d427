"""Export: the votes, the pictures and the boards as files that verify themselves."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from arena.config import Settings
from arena.domain.columns import DEALT, EXCLUDED, IMAGES, PROMPTS, REMOVALS, VOTES
from arena.domain.pseudonyms import Pseudonyms
from arena.domain.seals import day_of
from arena.errors import CorruptImage, UnknownPicture
from arena.queries import releases, removed
from arena.queries.reliability import EVERY_VOTE, Reliable, unreliable_votes
from arena.services import release_folder
from arena.services.biases import Sides, cohort_line, dealing_lines
from arena.services.dataset_card import CardFacts, dataset_card
from arena.services.release_boards import Counts, boards, newest_runs, ratings_csv
from arena.services.vote_columns import Columns, vote_columns
from arena.services.vote_files import CSV, PARQUET
from arena.services.vote_tables import (
    ParquetRows,
    Row,
    csv_block,
    csv_chunks,
    csv_lines,
    header,
    parquet_chunks,
    rows_of,
)
from arena.storage import ImageStore
from arena.tables import Campaign

Progress = Callable[[int, int], None]

WITHDRAWN = "withdrawn by their raters"
UNDONE = "retracted before the reveal"
EXCLUDED_BY_RULE = "excluded by a rule, in excluded.csv"
TOO_LATE = "cast after the export had begun"
LOST = "missing or damaged in the store"


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written, and what was not; ``head`` is the newest seal in it."""

    folder: str
    export_id: str
    campaign: str | None
    votes: int
    dropped: dict[str, int]
    pictures: int
    pictures_left_out: dict[str, int]
    boards: int
    seals: int
    head: str | None
    files: int
    bytes: int
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return {**asdict(self), "warnings": list(self.warnings)}

    def lines(self) -> list[str]:
        """The report for people."""
        left_out = {**self.dropped, **self.pictures_left_out}
        return [
            f"{self.votes:,} votes, {self.pictures:,} pictures, {self.boards} boards, "
            f"{self.seals} seals: {self.files} files, {self.bytes / 1e6:.1f} MB in {self.folder}",
            *(f"Left out: {n:,} {why}" for why, n in left_out.items()),
            *(f"Note: {warning}" for warning in self.warnings),
            f"Check it with `arena verify {self.folder}`.",
        ]


def votes_csv(
    session: Session,
    settings: Settings,
    *,
    now: datetime,
    campaign: str | None = None,
    reliable: Reliable = EVERY_VOTE,
) -> Iterator[bytes]:
    """Every sealed vote as CSV, piece by piece, as anybody may take it from the pages.

    Digests by which a voter could recognise a picture are left empty while its campaign is open, and a vote
    comes in when its voter has seen the names, or ten minutes old.
    """
    return csv_chunks(_public_votes(session, settings, campaign, reliable, now))


def votes_parquet(
    session: Session,
    settings: Settings,
    *,
    now: datetime,
    campaign: str | None = None,
    reliable: Reliable = EVERY_VOTE,
) -> Iterator[bytes]:
    """Every sealed vote as Parquet, piece by piece; see `votes_csv`."""
    return parquet_chunks(_public_votes(session, settings, campaign, reliable, now))


def _public_votes(
    session: Session, settings: Settings, campaign: str | None, reliable: Reliable, now: datetime
) -> Iterator[Columns]:
    found = releases.campaigns_of(session, campaign)
    return vote_columns(
        session,
        pseudonyms=Pseudonyms(settings.secret, secrets.token_hex(16)),
        campaign_id=found[0].id if campaign is not None else None,
        blind=now,
        without=frozenset(unreliable_votes(session, reliable)),
    )


def export(
    session: Session,
    *,
    folder: Path,
    images: ImageStore,
    secret_key: str,
    now: datetime,
    campaign: str | None = None,
    seal: Callable[[], int] = lambda: 0,
    progress: Progress | None = None,
) -> ExportReport:
    """Write an export into a folder.

    Parameters
    ----------
    session : Session
        Only reads, and has not read yet: the whole export is one snapshot.
    folder : Path
        New, empty, or an earlier export, which is replaced. One that was stopped there is gone on with: under
        its id, so that raters keep their pseudonyms, and with the pictures that it has.
    images : ImageStore
        Where the pictures lie.
    secret_key : str
        Of the arena; keys the pseudonyms.
    campaign : str, optional
        One campaign alone; the chain then has bare leaves for the votes of the others.
    seal : callable
        Seals what is pending, in a transaction of its own, and says how many; called until none are left.
    progress : callable, optional
        Is told how many votes and pictures are done, and how many there are.

    Raises
    ------
    Conflict
        If the folder holds anything but an export.
    UnknownCampaign
        If there is no campaign of that name.
    Unavailable
        If the disk is full or the folder cannot be written; no manifest is left then.
    """
    while seal():
        pass
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    found = releases.campaigns_of(session, campaign)
    with release_folder.told_of_disk(folder):
        export_id = release_folder.claim(folder, secrets.token_hex(16), campaign)
        return _Export(
            session=session,
            folder=folder,
            images=images,
            pseudonyms=Pseudonyms(secret_key, export_id),
            campaigns=found,
            campaign=campaign,
            campaign_id=found[0].id if campaign is not None else None,
            now=now,
            tell=progress or (lambda _done, _all: None),
        ).write()


def while_open(campaigns: Sequence[Campaign], now: datetime) -> tuple[str, ...]:
    """What to mind as long as campaigns of an export take votes."""
    slugs = [c.slug for c in campaigns if c.closed_at is None or c.closed_at > now]
    if not slugs:
        return ()
    return (
        f"{', '.join(slugs)} still open: who has this export can tell who painted the "
        "pictures that are being judged; keep it from raters until then",
    )


@dataclass(slots=True)
class _Export:
    """One export being written."""

    session: Session
    folder: Path
    images: ImageStore
    pseudonyms: Pseudonyms
    campaigns: Sequence[Campaign]
    campaign: str | None
    campaign_id: int | None
    now: datetime
    tell: Progress
    done: int = 0
    total: int = 0
    sides: Sides = field(default_factory=Sides)

    def write(self) -> ExportReport:
        counts = releases.vote_counts(self.session, self.campaign_id)
        left_out = {
            WITHDRAWN: counts.withdrawn,
            UNDONE: counts.retracted,
            EXCLUDED_BY_RULE: counts.excluded,
            TOO_LATE: counts.unsealed,
        }
        self.total = counts.stand + releases.picture_count(self.session, self.campaign_id)
        self.tell(0, self.total)
        cards = releases.entrant_cards(self.session, self.campaign_id)
        self._json("entrants.json", cards)
        told = self._votes()
        self._removed()
        self._json("ratings.json", told)
        (self.folder / "ratings.csv").write_bytes(ratings_csv(told))
        self._csv("prompts.csv", PROMPTS, releases.prompt_rows(self.session, self.campaign_id))
        dealt = releases.dealt_rows(self.session, self.campaign_id, now=self.now)
        self._csv("dealt.csv", DEALT, iter([dealt]))
        seals, head = self._seals()
        pictures, lost = self._pictures()
        facts = CardFacts(
            name=f"Vernissage votes: {self.campaign or 'all campaigns'}",
            export_id=self.pseudonyms.export_id,
            day=day_of(self.now),
            campaigns=self.campaigns,
            questions={
                found.slug: [f"{q.slug}: {q.question}" for q in releases.questions(self.session, found.id)]
                for found in self.campaigns
            },
            kept=counts.stand,
            dropped={why: n for why, n in left_out.items() if n},
            pictures=pictures,
            pictures_left_out={LOST: lost} if lost else {},
            cards=cards,
            seals=seals,
            head=head,
            measured=(
                *self.sides.lines(),
                *dealing_lines(dealt),
                cohort_line(releases.cohorts(self.session, self.campaign_id)),
            ),
        )
        (self.folder / "README.md").write_text(dataset_card(facts), encoding="utf-8")
        return self._finish(facts, len(told))

    def _finish(self, facts: CardFacts, n_boards: int) -> ExportReport:
        manifest = release_folder.finish(
            self.folder,
            {
                "export": facts.export_id,
                "exported_on": facts.day,
                "campaign": self.campaign,
                "release": None,
                "votes": facts.kept,
                "seals": facts.seals,
                "head": facts.head,
            },
        )
        return ExportReport(
            folder=str(self.folder),
            export_id=facts.export_id,
            campaign=self.campaign,
            votes=facts.kept,
            dropped=dict(facts.dropped),
            pictures=facts.pictures,
            pictures_left_out=dict(facts.pictures_left_out),
            boards=n_boards,
            seals=facts.seals,
            head=facts.head,
            files=len(manifest["files"]) + 1,
            bytes=sum(file["bytes"] for file in manifest["files"].values()),
            warnings=while_open(self.campaigns, self.now) if facts.pictures else (),
        )

    def _votes(self) -> list[dict[str, Any]]:
        """Write both files of votes in one pass; returns the boards of what was written."""
        runs = newest_runs(self.session, self.campaigns)
        counts = Counts({key: run.last_vote_id for key, run in runs.items()})
        with ExitStack() as open_files:
            as_csv, sink = (
                open_files.enter_context((self.folder / name).open("wb")) for name in (CSV, PARQUET)
            )
            as_parquet = open_files.enter_context(ParquetRows(sink, VOTES))
            as_csv.write(header(VOTES))
            for columns in vote_columns(
                self.session,
                pseudonyms=self.pseudonyms,
                campaign_id=self.campaign_id,
                which=removed.stands(sealed=True),
            ):
                as_csv.write(csv_block(VOTES, columns))
                as_parquet.write_columns(columns)
                self.sides.add(columns)
                for row in rows_of(columns):
                    counts.add(row)
                self._step(len(columns["vote"]))
        return list(boards(self.session, self.campaigns, runs, counts, now=self.now))

    def _removed(self) -> None:
        """Write the excluded votes with their rules, and what the chain holds of all removals."""
        with (self.folder / "excluded.csv").open("wb") as out:
            out.write(header(EXCLUDED))
            for columns in vote_columns(
                self.session,
                pseudonyms=self.pseudonyms,
                campaign_id=self.campaign_id,
                which=removed.excluded(sealed=True),
            ):
                votes = columns["vote"]
                rules = removed.rules_of(self.session, first=votes[0], last=votes[-1])
                out.write(csv_block(EXCLUDED, {**columns, "rule": [rules[vote] for vote in votes]}))
        self._csv("removals.csv", REMOVALS, removed.removal_rows(self.session, self.campaign_id))

    def _seals(self) -> tuple[int, str | None]:
        """Write the chain; returns its length and its head."""
        n, head = 0, None
        with (self.folder / "seals.jsonl").open("w", encoding="utf-8") as out:
            for row in releases.seal_rows(self.session, self.campaign_id):
                out.write(json.dumps(row, separators=(",", ":")) + "\n")
                n, head = n + 1, row["digest"]
        return n, head

    def _pictures(self) -> tuple[int, int]:
        """Copy the pictures and write their table; returns how many are there, and how many are lost."""
        n = lost = 0
        kept: set[str] = set()
        with (self.folder / "images.parquet").open("wb") as out, ParquetRows(out, IMAGES) as table:
            for rows in releases.picture_rows(self.session, self.campaign_id):
                for row in rows:
                    row["file"] = self._copy(row["image"])
                    n, lost = (n + 1, lost) if row["file"] else (n, lost + 1)
                    kept.add(f"{row['image']}.png" if row["file"] else "")
                    self._step(1)
                table.write(rows)
        release_folder.drop_old_pictures(self.folder, kept)
        return n, lost

    def _copy(self, digest: str) -> str:
        """Copy a picture unless it is there already; its name in the export, empty if it is lost."""
        name = f"images/{digest}.png"
        file = self.folder / name
        if file.exists() and release_folder.sha256_of(file) == digest:
            return name
        try:
            data = self.images.get(digest)
        except (CorruptImage, UnknownPicture):
            return ""
        file.write_bytes(data)
        return name

    def _csv(self, name: str, columns: Sequence[Any], chunks: Iterator[list[Row]]) -> None:
        with (self.folder / name).open("wb") as out:
            out.write(header(columns))
            for rows in chunks:
                out.writelines(csv_lines(columns, rows))

    def _json(self, name: str, told: Any) -> None:
        text = json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False)
        (self.folder / name).write_text(text + "\n", encoding="utf-8")

    def _step(self, n: int) -> None:
        self.done += n
        self.tell(self.done, self.total)
