"""Optional panoramas of real places (CC0), fetched once; the atelier paints without them.

A lighting word means the same with or without them: each panorama serves only words whose light it has, and
is mixed into the painted panorama in half of the pictures of such a word, turned by the seed.
They change pixels, so an entrant uses them only if its card's identity names their digest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.atelier.lighting import Lighting
from models.atelier.panorama import HEIGHT, WIDTH
from models.errors import MissingPart

Floats = NDArray[np.float64]
PACKAGE = "@pmndrs/assets"
NOTE = "SOURCE.json"
LIGHTS = {
    "window": ("apartment", "lobby"),
    "overcast": ("city", "venice"),
    "hard sun": ("park", "sky"),
    "golden hour": ("sunrise",),
    "sunset": ("dawn",),
    "studio": ("studio",),
    "forest": ("forest",),
}
"""Which panoramas have the light of a word."""
NEED_NPM = "npm is not here; it fetches the panoramas: install Node.js, or go on without them"
BRING = "the panoramas are not in {folder}: make assets"


def _pack(folder: Path) -> Path:
    """Ask npm for the package's archive."""
    npm = shutil.which("npm")
    if npm is None:
        raise MissingPart(NEED_NPM)
    command = [npm, "pack", PACKAGE, "--silent", "--pack-destination", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)  # noqa: S603
    archives = sorted(folder.glob("*.tgz"))
    if done.returncode != 0 or not archives:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise MissingPart(f"npm could not fetch {PACKAGE}: {last}")
    return archives[-1]


def fetch_assets(folder: Path) -> dict[str, Any]:
    """Fetch the panoramas into a folder, with a note of where they are from and under which licence.

    Parameters
    ----------
    folder : Path
        Made if need be; gets one OpenEXR file a panorama, the licence text and ``SOURCE.json``.

    Returns
    -------
    dict
        The note: package, version, licence, and the SHA-256 of every panorama.

    Raises
    ------
    MissingPart
        If npm is absent or fails, or the package is not CC0; one line says which.
    """
    with tempfile.TemporaryDirectory() as place:
        archive = _pack(Path(place))
        with tarfile.open(archive) as packed:
            texts = {
                member.name.removeprefix("package/"): file.read().decode("utf-8", "replace")
                for member in packed.getmembers()
                if re.fullmatch(r"package/(LICENSE|package\.json|hdri/[a-z]+\.exr\.js)", member.name)
                and (file := packed.extractfile(member)) is not None
            }
    licence = texts.get("LICENSE", "")
    if "CC0 1.0 Universal" not in licence:
        raise MissingPart(f"{PACKAGE} is no longer CC0; nothing was kept")
    folder.mkdir(parents=True, exist_ok=True)
    digests: dict[str, str] = {}
    for name, text in sorted(texts.items()):
        found = re.search(r"base64,([A-Za-z0-9+/=]+)", text)
        if name.startswith("hdri/") and found:
            content = base64.b64decode(found.group(1))
            word = Path(name).name.removesuffix(".exr.js")
            (folder / f"{word}.exr").write_bytes(content)
            digests[word] = hashlib.sha256(content).hexdigest()
    (folder / "LICENSE").write_text(licence)
    note = {
        "package": PACKAGE,
        "version": json.loads(texts["package.json"])["version"],
        "licence": "CC0-1.0",
        "panoramas": digests,
        "digest": hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()[:12],
    }
    (folder / NOTE).write_text(json.dumps(note, indent=1) + "\n")
    return note


def assets_digest(folder: Path) -> str:
    """What a card's identity names to use the panoramas in a folder; 12 hex digits."""
    try:
        return str(json.loads((folder / NOTE).read_text())["digest"])
    except (OSError, ValueError, KeyError) as error:
        raise MissingPart(BRING.format(folder=folder)) from error


@lru_cache(maxsize=24)
def read_panorama(path: Path) -> Floats:
    """A panorama as radiance; shape (256, 512, 3), the first column looks along +y."""
    try:
        import OpenEXR
    except ImportError as error:
        from models.atelier.render import INSTALL

        raise MissingPart(INSTALL) from error
    with OpenEXR.File(str(path)) as file:
        pixels = np.array(file.channels()["RGB"].pixels, np.float64)
    pixels = np.clip(np.nan_to_num(pixels, posinf=0.0), 0, 3000)
    if pixels.shape != (HEIGHT, WIDTH, 3):
        raise MissingPart(f"{path.name} is {pixels.shape[1]} x {pixels.shape[0]}, not {WIDTH} x {HEIGHT}")
    return pixels


def real_place(word: str, light: Lighting, folder: Path, rng: np.random.Generator) -> Lighting:
    """Half the time, the light of a real place mixed with the painted one.

    The panorama is turned by chance, graded to the painted one's mean colour and mixed with it half and half,
    so that exposure, mood and the direction of the light stay.
    """
    names = [name for name in LIGHTS.get(word, ()) if (folder / f"{name}.exr").exists()]
    if not names or rng.random() < 0.5:
        return light
    place = read_panorama(folder / f"{names[int(rng.integers(len(names)))]}.exr")
    turned = np.roll(place, int(rng.integers(WIDTH)), axis=1)
    mean = light.panorama.mean((0, 1)) / np.maximum(turned.mean((0, 1)), 1e-9)
    return replace(light, panorama=0.5 * light.panorama + 0.5 * turned * mean)
