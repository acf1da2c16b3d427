"""Pictures with content credentials: what is claimed of each, and signed copies, made once and kept."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena import __version__
from arena.config import Settings
from arena.domain.origins import source_type
from arena.errors import Conflict, CorruptImage, Unavailable, UnknownPicture
from arena.media.credentials import PICTURE, sign
from arena.queries.finding import find_campaign
from arena.queries.provenance import Origin, origins_of
from arena.services.provenance import CannotSign, Signer, signer_of
from arena.storage import DIGEST, ImageStore
from arena.tables import CampaignEntrant, CampaignPrompt, Image

log = logging.getLogger(__name__)

FOLDER = "signed"
"""Signed copies in the data folder; they can be made again."""


def manifest_of(origin: Origin) -> dict[str, Any]:
    """What is claimed of a picture, as a C2PA manifest; the prompt is told by its digest alone."""
    made_at = origin.made_at.astimezone(UTC).isoformat(timespec="seconds")
    claimed = {
        "entrant": origin.slug,
        "name": origin.entrant.name,
        "revision": origin.revision,
        "seed": origin.seed,
        "steps": origin.steps,
        "prompt_sha256": origin.prompt_digest,
        "picture_sha256": origin.digest,
        "width": origin.width,
        "height": origin.height,
        "canvases": [f"{side} px" for side in origin.canvases],  # c2pa takes small whole numbers for bytes
        "made_at": made_at,
        "software": {"vernissage": __version__, **origin.software},
        "engine": origin.runtime.get("engine"),
        "dtype": origin.runtime.get("dtype"),
    }
    assertions: list[dict[str, Any]] = [
        {"label": PICTURE, "data": {name: value for name, value in claimed.items() if value is not None}}
    ]
    kind = source_type(origin.backend)
    if kind is not None:
        created = {
            "action": "c2pa.created",
            "digitalSourceType": kind,
            "softwareAgent": {"name": origin.entrant.name, "version": origin.revision},
            "when": made_at,
        }
        assertions.append({"label": "c2pa.actions.v2", "data": {"actions": [created]}})
    return {
        "claim_generator_info": [{"name": "Vernissage", "version": __version__}],
        "title": f"{origin.slug}-{origin.seed}.png",
        "format": "image/png",
        "assertions": assertions,
    }


def sign_picture(data: bytes, origin: Origin, signer: Signer) -> bytes:
    """A picture's PNG with its credentials.

    Raises
    ------
    CannotSign
    """
    try:
        return sign(
            data,
            manifest_of(origin),
            chain=signer.chain,
            signature=signer.signature,
            timestamps=signer.timestamps,
            opened=source_type(origin.backend) is None,
        )
    except ValueError as error:
        raise CannotSign(str(error)) from error


@dataclass(frozen=True, slots=True)
class SignedCopies:
    """Signed copies of kept pictures, each made when it is first asked for.

    Their bytes lie under their own digests, like all pictures; beside them a name made of the picture, the
    claim and the leaf says which one it is, so that another claim or another leaf means another copy.
    """

    settings: Settings
    images: ImageStore

    def signed(self, origin: Origin) -> bytes:
        """The file of a kept picture with its credentials.

        Raises
        ------
        UnknownPicture, CorruptImage
        CannotSign
            If it cannot be signed, or nothing is set up to sign.
        """
        signer = signer_of(self.settings)
        if signer is None:
            raise CannotSign("no authority is set up; `arena provenance init` makes one")
        assert origin.digest is not None, "a picture that is kept has a digest"
        named = self._name(origin, signer)
        kept = self._kept(named)
        if kept is not None:
            return kept
        made = sign_picture(self.images.get(origin.digest), origin, signer)
        self._keep(named, made)
        return made

    def signed_if_possible(self, origin: Origin) -> bytes:
        """The file of a kept picture, with its credentials if this arena signs and can do so now.

        A picture without credentials is better than none; the log says why.

        Raises
        ------
        UnknownPicture, CorruptImage
        """
        assert origin.digest is not None, "a picture that is kept has a digest"
        if signer_of(self.settings) is None:
            return self.images.get(origin.digest)
        try:
            return self.signed(origin)
        except CannotSign as error:
            log.warning("picture %s goes out without credentials: %s", origin.digest[:12], error)
            return self.images.get(origin.digest)

    def sweep(self) -> int:
        """Delete every signed copy, such as after a new leaf; returns how many there were."""
        names = list(self._names.glob("*.txt"))
        for file in (*names, *(self._files.path(digest) for digest in self._files.digests())):
            file.unlink(missing_ok=True)
        return len(names)

    @property
    def _files(self) -> ImageStore:
        return ImageStore(self.settings.home / FOLDER)

    @property
    def _names(self) -> Path:
        return self.settings.home / FOLDER / "names"

    def _name(self, origin: Origin, signer: Signer) -> Path:
        told = [origin.digest, signer.leaf, signer.timestamps, manifest_of(origin)]
        key = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        return self._names / f"{key}.txt"

    def _kept(self, named: Path) -> bytes | None:
        try:
            digest = named.read_text().strip()
        except OSError:
            return None
        if not DIGEST.fullmatch(digest):
            return None
        try:
            return self._files.get(digest)
        except (UnknownPicture, CorruptImage):
            return None

    def _keep(self, named: Path, made: bytes) -> None:
        """Keep a copy if there is room; it can be made again."""
        try:
            digest = self._files.put(made)
            named.parent.mkdir(exist_ok=True)
            named.write_text(f"{digest}\n")
        except (OSError, Unavailable) as error:
            log.warning("a signed copy is not kept: %s", error)


def picked(origins: list[Origin], *, label: str | None = None, seed: int | None = None) -> Origin:
    """The origin of an entrant's label and a seed among those of the same pixels; the oldest if none fits."""
    fitting = [each for each in origins if each.entrant.label == label and each.seed == seed]
    return (fitting or origins)[0]


def write_signed(session: Session, copies: SignedCopies, *, folder: Path, campaign: str) -> list[str]:
    """Write the pictures of a campaign into a new folder, each with its credentials; their file names.

    Raises
    ------
    UnknownCampaign
    Conflict
        If the folder holds anything.
    CannotSign
        If nothing is set up to sign, or a picture cannot be signed.
    """
    found = find_campaign(session, campaign)
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty; name a new folder")
    shown = (
        select(Image.id)
        .join(CampaignPrompt, CampaignPrompt.prompt_id == Image.prompt_id)
        .join(CampaignEntrant, CampaignEntrant.entrant_id == Image.entrant_id)
        .where(CampaignPrompt.campaign_id == found.id, CampaignEntrant.campaign_id == found.id)
    )
    names = []
    for origin in origins_of(session, set(session.scalars(shown))):
        data = copies.signed(origin)
        folder.mkdir(parents=True, exist_ok=True)
        names.append(f"{origin.slug}-{origin.revision}-{origin.seed}-{origin.prompt}.png")
        (folder / names[-1]).write_bytes(data)
    return names
