"""The shelf of releases: what stands in a folder, read from the manifests, and its files one by one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from arena.errors import NotFound
from arena.services.release_folder import MANIFEST, SUMS

FOLDER = "releases"


@dataclass(frozen=True, slots=True)
class Release:
    """A release as its manifest tells it; ``files`` are lengths in bytes by name, pictures among them."""

    name: str
    number: int
    released_on: date
    campaign: str | None
    campaigns: tuple[str, ...]
    votes: int
    seals: int
    head: str | None
    digest: str
    licence: str
    previous: str | None
    votes_added: int
    withdrawn: int
    excluded: int
    entrants: tuple[str, ...]
    files: Mapping[str, int]

    @property
    def length(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())

    @property
    def tables(self) -> dict[str, int]:
        """Files that are no pictures."""
        return {name: length for name, length in self.files.items() if "/" not in name}

    @property
    def pictures(self) -> int:
        """How many files are pictures."""
        return len(self.files) - len(self.tables)


@dataclass(slots=True)
class Shelf:
    """Releases in a folder; each manifest is read once, since a release never changes."""

    folder: Path
    _read: dict[str, Release] = field(default_factory=dict)

    def releases(self) -> list[Release]:
        """Every finished release, the newest first."""
        names = [file.parent.name for file in self.folder.glob(f"[!.]*/{MANIFEST}")]
        found = [self._read.get(name) or self._take_down(name) for name in names]
        return sorted((one for one in found if one), key=lambda one: (-one.number, one.name))

    def release(self, name: str) -> Release:
        """One release.

        Raises
        ------
        NotFound
        """
        for one in self.releases():
            if one.name == name:
                return one
        raise NotFound(f"there is no release {name!r}")

    def file(self, name: str, file: str) -> Path:
        """Where a file of a release lies; only files that its manifest names are found.

        Raises
        ------
        NotFound
        """
        if file not in self.release(name).files:
            raise NotFound(f"release {name} has no file {file!r}")
        return self.folder / name / file

    def _take_down(self, name: str) -> Release | None:
        """Read a manifest; what is no release is none."""
        folder = self.folder / name
        try:
            told = json.loads((folder / MANIFEST).read_bytes())
            self._read[name] = _release(folder, told)
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return self._read[name]


def _release(folder: Path, told: Mapping[str, Any]) -> Release:
    about = told["release"]
    changes = about["changes"]
    own = {name: (folder / name).stat().st_size for name in (MANIFEST, SUMS)}
    return Release(
        name=folder.name,
        number=int(about["number"]),
        released_on=date.fromisoformat(told["exported_on"]),
        campaign=told["campaign"],
        campaigns=tuple(about["campaigns"]),
        votes=int(told["votes"]),
        seals=int(told["seals"]),
        head=told["head"],
        digest=told["digest"],
        licence=about["licence"],
        previous=about["previous"]["name"] if about["previous"] else None,
        votes_added=changes["votes_added"],
        withdrawn=changes["withdrawn"],
        excluded=changes["excluded"],
        entrants=tuple(changes["entrants"]),
        files={**{name: int(file["bytes"]) for name, file in told["files"].items()}, **own},
    )
