"""Releases: versions of the votes that are frozen under a name, with what changed since the one before."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlalchemy.orm import Session

from arena.domain.personal import personal
from arena.errors import Conflict, Invalid
from arena.queries import releases
from arena.services import release_folder
from arena.services.croissant import CROISSANT, croissant
from arena.services.publishing import ExportReport, Progress, export
from arena.services.release_folder import MANIFEST, PERSONAL, SUMS, sums
from arena.services.shelf import Shelf
from arena.storage import ImageStore
from arena.tables import RemovalKind

NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
NO_LICENCE = "not stated; ask the operator"
MOST_TOLD = 20

Findings = dict[str, list[str]]
"""Kinds of personal data by the digest of the prompt that seems to hold them."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a release holds that the one before it, of the same campaigns, did not."""

    previous: str | None
    votes_added: int
    withdrawn: int
    excluded: int
    entrants: tuple[str, ...]

    def lines(self) -> list[str]:
        """The changes for people."""
        if self.previous is None:
            return [f"the first of its kind: {self.votes_added:,} votes"]
        return [
            f"since {self.previous}: {self.votes_added:,} votes added, {self.withdrawn:,} withdrawn, "
            f"{self.excluded:,} excluded",
            *(f"new entrant: {name}" for name in self.entrants),
        ]


@dataclass(frozen=True, slots=True)
class ReleaseReport:
    """What was frozen: the export within, its digest, what changed, and which prompts look personal."""

    name: str
    digest: str
    export: ExportReport
    changes: Changes
    personal: Findings

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return {**asdict(self), "export": self.export.as_dict()}

    def lines(self) -> list[str]:
        """The report for people."""
        return [
            *self.export.lines()[:-1],
            *(line[0].upper() + line[1:] + "." for line in self.changes.lines()),
            f"Prompts that seem to hold personal data: {len(self.personal)}.",
            f"Release {self.name}, digest {self.digest}. Note it somewhere else.",
            f"Check it with `arena verify {self.export.folder}`.",
        ]


def release(
    session: Session,
    name: str,
    *,
    shelf: Shelf,
    images: ImageStore,
    secret_key: str,
    url: str,
    now: datetime,
    campaign: str | None = None,
    licence: str = NO_LICENCE,
    allow_personal: bool = False,
    seal: Callable[[], int] = lambda: 0,
    progress: Progress | None = None,
) -> ReleaseReport:
    """Freeze a version of the votes; until it is whole it lies under another name.

    Parameters
    ----------
    session, images, secret_key, now, campaign, seal, progress
        As `arena.services.publishing.export` takes them.
    name : str
        Lower-case letters, digits, dots and hyphens.
    shelf : Shelf
        Where releases stand.
    url : str
        Where people find the arena.
    licence : str
        Of the votes, in the operator's words.
    allow_personal : bool
        Whether to go on where prompts seem to hold personal data.

    Raises
    ------
    Invalid
        If the name cannot be one, or prompts seem to hold personal data.
    Conflict
        If there is a release of that name.
    UnknownCampaign, Unavailable
    """
    if not NAME.fullmatch(name):
        raise Invalid(f"{name!r} cannot name a release: use a-z, 0-9, dots and hyphens, at most 64")
    target = shelf.folder / name
    if target.exists():
        raise Conflict(f"there is a release {name} already; a release is never changed, choose a new name")
    findings = _scan(session, campaign)
    if findings and not allow_personal:
        raise Invalid(_too_personal(findings))
    session.rollback()  # the export begins its own snapshot, after the last seal
    before = next((one for one in shelf.releases() if one.campaign == campaign), None)
    number = max((one.number for one in shelf.releases()), default=0) + 1
    part = shelf.folder / f".{name}.part"
    with release_folder.told_of_disk(part):
        if part.exists():
            shutil.rmtree(part)
        told = export(
            session,
            folder=part,
            images=images,
            secret_key=secret_key,
            now=now,
            campaign=campaign,
            seal=seal,
            progress=progress,
        )
        changes = _changes(part, before.name if before else None, shelf.folder)
        about = {
            "name": name,
            "number": number,
            "licence": licence,
            "url": url,
            "campaigns": [found.slug for found in releases.campaigns_of(session, campaign)],
            "previous": {"name": before.name, "digest": before.digest} if before else None,
            "changes": {key: value for key, value in asdict(changes).items() if key != "previous"},
        }
        digest = _finish(part, about, findings, changes)
        part.rename(target)
    return ReleaseReport(name, digest, replace(told, folder=str(target)), changes, findings)


def _scan(session: Session, campaign: str | None) -> Findings:
    """Look through the words of every prompt that the release would hold."""
    found = releases.campaigns_of(session, campaign)
    rows = releases.prompt_rows(session, found[0].id if campaign is not None else None)
    kinds = {
        row["prompt_digest"]: [kind.value for kind in personal(row["prompt"])]
        for many in rows
        for row in many
    }
    return {digest: told for digest, told in sorted(kinds.items()) if told}


def _too_personal(findings: Findings) -> str:
    told = [f"{digest[:12]} ({', '.join(kinds)})" for digest, kinds in findings.items()]
    more = f" and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    return (
        f"{len(findings)} prompts seem to hold personal data: {', '.join(told[:MOST_TOLD])}{more}; "
        "look at their words, and say --allow-personal if they may be published"
    )


def _changes(folder: Path, previous: str | None, shelf: Path) -> Changes:
    """Hold an export against the release before."""
    votes, removals, entrants = _held(folder)
    if previous is None:
        return Changes(None, len(votes), 0, 0, ())
    old_votes, old_removals, old_entrants = _held(shelf / previous)
    new = [kind for leaf, kind in removals.items() if leaf not in old_removals]
    return Changes(
        previous=previous,
        votes_added=len(votes - old_votes),
        withdrawn=new.count(RemovalKind.WITHDRAWN),
        excluded=new.count(RemovalKind.EXCLUDED),
        entrants=tuple(name for name in entrants if name not in old_entrants),
    )


def _held(folder: Path) -> tuple[set[int], dict[str, str], list[str]]:
    """Votes of an export, its removals with their kinds, and its entrants."""
    votes = pq.read_table(folder / "votes.parquet", columns=["vote"])["vote"].to_pylist()
    with (folder / "removals.csv").open(encoding="utf-8", newline="") as file:
        removals = {row["removal"]: row["kind"] for row in csv.DictReader(file)}
    cards = json.loads((folder / "entrants.json").read_bytes())
    return set(votes), removals, [card["entrant"] for card in cards]


def _finish(folder: Path, about: dict[str, Any], findings: Findings, changes: Changes) -> str:
    """Add to an export what makes it a release; returns its digest."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    report = [{"prompt_digest": digest, "kinds": kinds} for digest, kinds in findings.items()]
    (folder / PERSONAL).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    with (folder / "README.md").open("a", encoding="utf-8") as card:
        card.write(_card(about, len(findings), changes.lines()))
    told = {key: value for key, value in manifest.items() if key not in {"files", "digest", "format"}}
    told["release"] = about
    (folder / CROISSANT).write_bytes(croissant({**told, "files": release_folder.hashed(folder)}))
    finished = release_folder.finish(folder, told)
    (folder / SUMS).write_bytes(sums(folder, finished))
    return str(finished["digest"])


def _card(about: dict[str, Any], findings: int, changes: Iterable[str]) -> str:
    lines = [
        f"- name: `{about['name']}`, number {about['number']}",
        f"- licence of the votes: {about['licence']}",
        *(f"- {line}" for line in changes),
        f"- prompts that seem to hold personal data: {findings}; `{PERSONAL}` lists their digests",
        f"- `{CROISSANT}` describes the files for programs, `{SUMS}` checks them: `sha256sum -c {SUMS}`",
    ]
    return "\n## This release\n\n" + "\n".join(lines) + "\n"
