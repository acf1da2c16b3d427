"""Blind copies: every picture on the same canvas, in the same container, with nothing in it but pixels."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

NEUTRAL = (119, 119, 119)
COMPRESSION = 6


def encode(picture: Image.Image) -> bytes:
    """Encode as PNG, RGB, one setting for all and no metadata."""
    out = BytesIO()
    bare = Image.new("RGB", picture.size)
    bare.paste(picture.convert("RGB"))
    bare.save(out, format="PNG", compress_level=COMPRESSION, optimize=False)
    return out.getvalue()


def blind_copy(data: bytes, canvas: int) -> tuple[bytes, str]:
    """Put a picture on a square canvas.

    Parameters
    ----------
    data : bytes
        The picture's file.
    canvas : int
        Side of the square, in pixels.

    Returns
    -------
    tuple of (bytes, str)
        The PNG, and how it got there: ``native`` if not a pixel was touched, else ``lanczos``: one
        resample that keeps the aspect, centred on neutral grey.
    """
    with Image.open(BytesIO(data)) as opened:
        picture = opened.convert("RGB")
    if picture.size == (canvas, canvas):
        return encode(picture), "native"
    scale = canvas / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    resampled = picture.resize(size, Image.Resampling.LANCZOS)
    ground = Image.new("RGB", (canvas, canvas), NEUTRAL)
    ground.paste(resampled, ((canvas - size[0]) // 2, (canvas - size[1]) // 2))
    return encode(ground), "lanczos"
