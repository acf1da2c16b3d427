"""Pictures that come from elsewhere: looked at before they are kept, and kept as PNG."""

from __future__ import annotations

import struct
import warnings
from io import BytesIO

from PIL import Image

from arena.media.blind import encode

MOST_PIXELS = 1 << 26
_UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def look(data: bytes) -> Image.Image:
    """Open a picture's file to its last pixel.

    Raises
    ------
    ValueError
        If it cannot be opened, or has more than `MOST_PIXELS`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            opened = Image.open(BytesIO(data))
            if opened.width * opened.height > MOST_PIXELS:
                raise ValueError(f"{opened.width} x {opened.height} pixels are too many")
            opened.load()
    except _UNREADABLE as error:
        raise ValueError(str(error).splitlines()[0] if str(error) else type(error).__name__) from error
    return opened


def as_png(data: bytes) -> tuple[bytes, int, int]:
    """The PNG of a picture's file, the file itself if it is one; with its width and height in pixels."""
    opened = look(data)
    return (data if opened.format == "PNG" else encode(opened)), opened.width, opened.height
