"""Pictures in the containers that programs ask for; what is judged is always `arena.media.blind`'s PNG."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from arena.media.blind import encode

TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
QUALITY = 90


def encode_as(picture: Image.Image, container: str, *, quality: int | None = None) -> bytes:
    """Encode as one of `TYPES`, with no metadata; ``quality`` is from 0 to 100 and no matter to a PNG."""
    if container == "png":
        return encode(picture)
    out = BytesIO()
    bare = Image.new("RGB", picture.size)
    bare.paste(picture.convert("RGB"))
    bare.save(out, format=container.upper(), quality=QUALITY if quality is None else quality)
    return out.getvalue()
