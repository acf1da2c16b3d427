"""Style sheets, scripts and fonts, at an address that changes with their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from flask import Flask, Response, send_from_directory, url_for

from arena import paths

FOLDER = paths.PACKAGE / "static"
FOREVER = "public, max-age=31536000, immutable"


def install(app: Flask) -> None:
    """Serve the static folder under its own digest, so that a browser may keep each file for good."""
    version = digest_of(FOLDER)

    def asset(version_asked: str, filename: str) -> Response:
        response = send_from_directory(FOLDER, filename)
        response.headers["Cache-Control"] = FOREVER if version_asked == version else "no-cache"
        return response

    def static(filename: str) -> str:
        return url_for("asset", version_asked=version, filename=filename)

    app.add_url_rule("/static/<version_asked>/<path:filename>", "asset", asset)
    app.jinja_env.globals["static"] = static


def digest_of(folder: Path) -> str:
    """Twelve hex digits that change when any file of the folder does."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]
