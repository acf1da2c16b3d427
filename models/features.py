"""What a picture's pixels say of its style, and a short vector of what it looks like.

Everything is measured on the picture as it hangs: scaled, aspect kept, until its longer side has `SIDE`
pixels, so that the size in which an entrant paints decides nothing by itself.

References
----------
.. [1] CIE 15:2004, "Colorimetry", section 8.2.1: lightness, and a*, b* and their chroma.
.. [2] D. Hasler, S. Suesstrunk, "Measuring colourfulness in natural images", Proc. SPIE 5007, 2003.
.. [3] E. Peli, "Contrast in complex images", Journal of the Optical Society of America A 7(10), 1990.
.. [4] J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000.
.. [5] N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005.
.. [6] D. L. Ruderman, W. Bialek, "Statistics of natural images: scaling in the woods", Physical Review
   Letters 73(6), 1994.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import rfft2

VERSION: Final = "1"
"""Changes with every number below; pictures measured under another version are measured anew."""

SIDE: Final = 512
EDGE: Final = 0.05
"""A pixel is of an edge if luma, which goes from 0 to 1, changes by more than this from it to the next."""

STYLE: Final = ("brightness", "saturation", "colourfulness", "contrast", "sharpness", "edge_density")

CELLS: Final = 8
PALETTE: Final = ((25.0, 50.0, 75.0), (-30.0, -8.0, 8.0, 30.0), (-30.0, -8.0, 8.0, 30.0))
"""Where the bins of L*, a* and b* part."""
GRADIENT_CELLS: Final = 4
ORIENTATIONS: Final = 8
RINGS: Final = 24
LAGS: Final = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0), (0, 8), (8, 0))

GROUPS: Final[Mapping[str, slice]] = {
    "layout": slice(0, 192),  # means of L*/100, a*/100, b*/100 in 8 x 8 cells, row by row
    "palette": slice(192, 292),  # square roots of the shares of 4 x 5 x 5 bins of L*, a*, b*
    "gradients": slice(292, 420),  # square roots of the shares of 4 x 4 cells x 8 orientations
    "spectrum": slice(420, 444),  # log10 of the power in 24 rings, from coarse to fine
    "grain": slice(444, 461),  # what is left when each pixel's neighbours are taken from it
    "frame": slice(461, 462),  # log2 of width over height
}
LENGTH: Final = 462

_WHITE = (0.95047, 1.0, 1.08883)  # D65
_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)  # ITU-R BT.709
_CODES = np.arange(256) / 255
_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)
_LEAST = 1e-6

Pixels = NDArray[np.uint8]
Plane = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The style of a picture, and its vector.

    Attributes
    ----------
    brightness : float
        Mean CIE lightness L* [1]_, from 0 (black) to 1 (white).
    saturation : float
        Mean CIE chroma [1]_ over 100: 0 is grey, sRGB blue 1.34. Unlike the S of HSV it is small in the dark.
    colourfulness : float
        M of Hasler and Suesstrunk [2]_, in 8-bit units: 0 is grey, above 80 is extremely colourful.
    contrast : float
        Standard deviation of luma [3]_, from 0 to 0.5.
    sharpness : float
        Variance of the Laplacian of luma [4]_, in 8-bit units squared.
    edge_density : float
        Share of pixels whose Sobel gradient exceeds `EDGE`.
    vector : ndarray of float16, shape (462,)
        In the parts of `GROUPS`.
    """

    brightness: float
    saturation: float
    colourfulness: float
    contrast: float
    sharpness: float
    edge_density: float
    vector: NDArray[np.float16]


def measure(picture: Pixels | bytes) -> Features:
    """Measure a picture.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width, 3), or bytes
        RGB pixels, or the file of a picture.

    Raises
    ------
    ValueError
        If the array is no RGB picture of 8 bits.
    PIL.UnidentifiedImageError
        If the bytes are no picture.
    """
    whole = _opened(picture)
    rgb = _hung(whole)
    lab = lab_of(rgb)
    coded = rgb.astype(np.float32) / 255
    luma = coded @ _LUMA
    across, down = _sobel(luma)
    steep = np.hypot(across, down)
    detail = [_laplacian(plane) for plane in (*np.moveaxis(coded, 2, 0), luma)]
    vector = np.concatenate(
        [
            _cell_means(lab / 100, CELLS).ravel(),
            _palette(lab),
            _gradients(across, down, steep),
            _spectrum(luma),
            _grain(detail, luma),
            [np.log2(whole.width / whole.height)],
        ]
    )
    return Features(
        brightness=float(lab[..., 0].mean()) / 100,
        saturation=float(np.hypot(lab[..., 1], lab[..., 2]).mean()) / 100,
        colourfulness=colourfulness(rgb),
        contrast=float(luma.std()),
        sharpness=float((255 * detail[3]).var()),
        edge_density=float((steep > EDGE).mean()),
        vector=vector.astype(np.float16),
    )


def lab_of(rgb: Pixels) -> Plane:
    """CIE L*, a*, b* of sRGB pixels under D65 [1]_; shape (height, width, 3)."""
    to_white = (np.array(_TO_XYZ) / np.array(_WHITE)[:, None]).astype(np.float32)
    xyz = _LINEAR[rgb] @ to_white.T
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * np.float32(841 / 108) + np.float32(4 / 29))
    x, y, z = np.moveaxis(f, 2, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=2)


def colourfulness(rgb: Pixels) -> float:
    """``sqrt(var(rg) + var(yb)) + 0.3 sqrt(mean(rg)^2 + mean(yb)^2)`` [2]_, of the opponent colours."""
    red, green, blue = np.moveaxis(rgb.astype(np.float32), 2, 0)
    rg, yb = red - green, (red + green) / 2 - blue
    return float(np.sqrt(rg.var() + yb.var()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def _opened(picture: Pixels | bytes) -> Image.Image:
    if isinstance(picture, bytes):
        with Image.open(BytesIO(picture)) as opened:
            return opened.convert("RGB")
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"a picture is uint8 of (height, width, 3), not {picture.dtype} of {picture.shape}")
    return Image.fromarray(picture)


def _hung(picture: Image.Image) -> Pixels:
    """Pixels at the common size; a shorter side keeps enough of them to be divided into cells."""
    scale = SIDE / max(picture.size)
    size = (max(CELLS, round(picture.width * scale)), max(CELLS, round(picture.height * scale)))
    return np.asarray(picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS))


def _sobel(luma: Plane) -> tuple[Plane, Plane]:
    """Change of luma from a pixel to the next, across and down, smoothed as Sobel does."""
    wide = np.pad(luma, 1, mode="edge")
    columns = wide[:-2] + 2 * wide[1:-1] + wide[2:]
    rows = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
    return (columns[:, 2:] - columns[:, :-2]) / 8, (rows[2:] - rows[:-2]) / 8


def _laplacian(plane: Plane) -> Plane:
    """Sum of the four neighbours less four times the pixel itself."""
    wide = np.pad(plane, 1, mode="edge")
    return wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * plane


def _cell_means(planes: Plane, cells: int) -> Plane:
    """Means over even cells; shape (cells, cells, channels)."""
    height, width = planes.shape[:2]
    rows, columns = (np.arange(cells) * side // cells for side in (height, width))
    sums = np.add.reduceat(np.add.reduceat(planes, rows, axis=0), columns, axis=1)
    sizes = np.diff(rows, append=height)[:, None] * np.diff(columns, append=width)
    means: Plane = sums / sizes[..., None]
    return means


def _palette(lab: Plane) -> Plane:
    """How the colours are shared out, square roots, so that rare ones count too."""
    bins = np.zeros(lab.shape[:2], dtype=np.int64)
    total = 1
    for channel, edges in enumerate(PALETTE):
        bins = bins * (len(edges) + 1) + sum(lab[..., channel] > edge for edge in edges)
        total *= len(edges) + 1
    return np.sqrt(np.bincount(bins.ravel(), minlength=total) / bins.size)


def _gradients(across: Plane, down: Plane, steep: Plane) -> Plane:
    """Where edges of which direction are [5]_: shares of the summed gradient; zeros on a flat picture."""
    height, width = steep.shape
    turn = (np.arctan2(down, across) * (ORIENTATIONS / np.pi) + 0.5).astype(np.int64) % ORIENTATIONS
    row = np.arange(height)[:, None] * GRADIENT_CELLS // height
    column = np.arange(width) * GRADIENT_CELLS // width
    place = ((row * GRADIENT_CELLS + column) * ORIENTATIONS + turn).ravel()
    sums = np.bincount(place, steep.ravel(), minlength=GRADIENT_CELLS**2 * ORIENTATIONS)
    return np.sqrt(sums / max(float(sums.sum()), _LEAST))


def _spectrum(luma: Plane) -> Plane:
    """Power of luma by the fineness of what varies [6]_, under a window that hides the frame."""
    ring, counts, window = _rings(*luma.shape)
    power = np.abs(rfft2((luma - luma.mean()) * window)) ** 2 / luma.size
    sums = np.bincount(ring.ravel(), power.ravel(), minlength=RINGS + 2)[1:-1]
    return np.log10(sums / counts + _LEAST)


@lru_cache(maxsize=16)
def _rings(height: int, width: int) -> tuple[NDArray[np.int64], Plane, Plane]:
    """Ring of each frequency, from 1 cycle a `SIDE` to 1/2 a pixel in even ratios; their sizes; a window."""
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    ring = np.digitize(radius, np.geomspace(1 / SIDE, 0.5, RINGS + 1))
    counts = np.bincount(ring.ravel(), minlength=RINGS + 2)[1:-1]
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    return ring, np.maximum(counts, 1).astype(np.float64), window


def _grain(detail: list[Plane], luma: Plane) -> Plane:
    """Strength, correlation and tails of the Laplacians of red, green, blue and luma, and what is clipped."""
    centred = [plane - plane.mean() for plane in detail]
    sizes = [float(np.sqrt((plane**2).mean())) + _LEAST for plane in centred]
    pairs = [
        float((centred[a] * centred[b]).mean()) / (sizes[a] * sizes[b]) for a, b in ((0, 1), (1, 2), (0, 2))
    ]
    fine, power = centred[3], sizes[3] ** 2
    tails = np.log10(float(((fine * fine) ** 2).mean()) / power**2 + _LEAST)
    clipped = [float((luma < 2 / 255).mean()), float((luma > 253 / 255).mean())]
    lagged = [_lagged(fine, *lag) / power for lag in LAGS]
    paired = [*lagged[:6], (lagged[6] + lagged[7]) / 2]
    return np.array([*np.log10(sizes[:3]), *pairs, tails, *paired, *clipped, np.log10(sizes[3])])


def _lagged(plane: Plane, down: int, across: int) -> float:
    """Mean product of the plane with itself, moved."""
    height, width = plane.shape
    if down >= height or abs(across) >= width:
        return 0.0
    if across < 0:
        return float((plane[down:, :across] * plane[: height - down, -across:]).mean())
    return float((plane[down:, across:] * plane[: height - down, : width - across]).mean())
