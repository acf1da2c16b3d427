"""What is measured of pictures whose answers are known."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter, UnidentifiedImageError
from scipy import ndimage

from models.features import GROUPS, LENGTH, RINGS, SIDE, measure

Pixels = NDArray[np.uint8]


def flat(*colour: int, height: int = 64, width: int = 64) -> Pixels:
    return np.full((height, width, 3), colour, dtype=np.uint8)


def checkerboard(square: int = 8) -> Pixels:
    rows, columns = np.indices((SIDE, SIDE)) // square
    light = (rows + columns) % 2
    return np.repeat((255 * light)[..., None], 3, axis=2).astype(np.uint8)


def noise(seed: int = 4) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))


def luma(picture: Pixels) -> NDArray[np.float64]:
    return np.asarray(picture / 255 @ [0.2126, 0.7152, 0.0722])


def test_flat_grey_has_lightness_and_nothing_else() -> None:
    grey = measure(flat(119, 119, 119))  # L* 50.0 by definition of sRGB and CIELAB
    assert grey.brightness == pytest.approx(0.5003, abs=2e-4)
    told = (grey.saturation, grey.colourfulness, grey.contrast, grey.sharpness, grey.edge_density)
    assert told == pytest.approx((0, 0, 0, 0, 0), abs=1e-4)
    assert measure(flat(255, 255, 255)).brightness == pytest.approx(1, abs=1e-4)
    assert measure(flat(0, 0, 0)).brightness == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(
    ("colour", "lightness", "chroma"),
    [((255, 0, 0), 53.24, 104.55), ((0, 255, 0), 87.73, 119.78), ((0, 0, 255), 32.30, 133.81)],
)
def test_pure_hues_have_their_published_lightness_and_chroma(
    colour: tuple[int, int, int], lightness: float, chroma: float
) -> None:
    hue = measure(flat(*colour))
    assert 100 * hue.brightness == pytest.approx(lightness, abs=0.02)
    assert 100 * hue.saturation == pytest.approx(chroma, abs=0.05)


def test_colourfulness_is_that_of_the_paper() -> None:
    halves = np.hstack([flat(255, 0, 0, width=32), flat(0, 255, 0, width=32)])
    whole = np.kron(halves, np.ones((8, 8, 1), dtype=np.uint8))  # at the common side nothing is resampled
    assert whole.shape == (SIDE, SIDE, 3)
    assert measure(whole).colourfulness == pytest.approx(255 + 0.3 * 127.5, rel=1e-5)


def test_a_checkerboard_has_all_contrast_and_its_own_edges() -> None:
    board = checkerboard(8)
    told = measure(board)
    assert told.contrast == pytest.approx(0.5)
    beside = 2 * (SIDE // 8 - 1)  # pixels of a row that touch the next square
    assert told.edge_density == pytest.approx(1 - (1 - beside / SIDE) ** 2)
    assert told.saturation == pytest.approx(0, abs=1e-4)


def test_edges_and_sharpness_are_those_of_another_implementation() -> None:
    picture = np.asarray(noise().filter(ImageFilter.GaussianBlur(1.5)))
    light = luma(picture)
    told = measure(picture)
    assert told.sharpness == pytest.approx((255 * ndimage.laplace(light, mode="nearest")).var(), rel=1e-4)
    steep = np.hypot(*(ndimage.sobel(light, axis=axis, mode="nearest") / 8 for axis in (0, 1)))
    assert told.edge_density == pytest.approx((steep > 0.05).mean(), abs=1e-4)


def test_blur_takes_sharpness_and_leaves_brightness() -> None:
    sharp = noise().filter(ImageFilter.GaussianBlur(1))
    blurred = sharp.filter(ImageFilter.GaussianBlur(2))
    first, second = measure(np.asarray(sharp)), measure(np.asarray(blurred))
    assert second.sharpness < first.sharpness / 20
    assert second.edge_density < first.edge_density / 2
    assert second.brightness == pytest.approx(first.brightness, abs=0.01)
    grain = GROUPS["grain"]
    assert (second.vector[grain][:3] < first.vector[grain][:3] - 0.5).all()  # log10 of its strength


def test_the_size_of_a_smooth_picture_decides_nothing() -> None:
    y, x = np.indices((SIDE, SIDE)) / SIDE * 2 * np.pi
    waves = [np.sin(36 * x), np.cos(28 * y), np.sin(20 * x + 15 * y)]
    large = Image.fromarray((128 + 80 * np.stack(waves, axis=2)).astype(np.uint8))
    small = large.resize((SIDE // 2, SIDE // 2), Image.Resampling.LANCZOS)
    first, second = measure(np.asarray(large)), measure(np.asarray(small))
    for name in ("brightness", "saturation", "colourfulness", "contrast"):
        assert getattr(second, name) == pytest.approx(getattr(first, name), rel=0.02)
    assert second.sharpness == pytest.approx(first.sharpness, rel=0.1)
    for group in ("layout", "palette", "gradients"):
        assert np.abs(first.vector[GROUPS[group]] - second.vector[GROUPS[group]]).max() < 0.03


def test_a_grating_stands_in_the_ring_of_its_frequency() -> None:
    cycles = 64
    wave = 127.5 + 100 * np.sin(2 * np.pi * cycles * np.arange(SIDE) / SIDE)
    picture = np.repeat(np.tile(wave, (SIDE, 1))[..., None], 3, axis=2).round().astype(np.uint8)
    rings = np.geomspace(1, SIDE / 2, RINGS + 1)  # cycles a picture
    spectrum = measure(picture).vector[GROUPS["spectrum"]]
    found = int(np.argmax(spectrum))
    assert rings[found] <= cycles + 1
    assert rings[found + 1] >= cycles - 1


def test_the_layout_and_the_palette_say_where_and_which_colours_are() -> None:
    picture = np.vstack([flat(255, 255, 255, height=256, width=512), flat(0, 0, 255, height=256, width=512)])
    vector = measure(picture).vector
    layout = vector[GROUPS["layout"]].reshape(8, 8, 3).astype(float)
    np.testing.assert_allclose(layout[:4], np.broadcast_to([1, 0, 0], (4, 8, 3)), atol=1e-3)
    np.testing.assert_allclose(layout[4:], np.broadcast_to([0.323, 0.792, -1.079], (4, 8, 3)), atol=1e-2)
    palette = vector[GROUPS["palette"]].astype(float)
    assert sorted(palette[palette > 0] ** 2) == pytest.approx([0.5, 0.5], abs=1e-3)


def test_a_vector_is_whole_and_finite_whatever_the_picture() -> None:
    assert [group.start for group in GROUPS.values()] == [
        0, *[group.stop for group in GROUPS.values()][:-1]
    ]  # fmt: skip
    shapes = ((1, 1), (7, 300), (24, 24), (SIDE, SIDE), (40, 2000))
    for height, width in shapes:
        rng = np.random.default_rng(height)
        for picture in (flat(9, 9, 9, height=height, width=width), rng.integers(0, 256, (height, width, 3))):
            told = measure(picture.astype(np.uint8))
            assert told.vector.shape == (LENGTH,)
            assert told.vector.dtype == np.float16
            assert np.isfinite(told.vector).all()
            assert float(told.vector[GROUPS["frame"]][0]) == pytest.approx(np.log2(width / height), rel=1e-3)


def test_a_file_is_measured_like_its_pixels() -> None:
    picture = noise()
    out = BytesIO()
    picture.save(out, format="PNG")
    file, pixels = measure(out.getvalue()), measure(np.asarray(picture))
    np.testing.assert_array_equal(file.vector, pixels.vector)
    assert file.sharpness == pixels.sharpness


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="not float64"):
        measure(np.zeros((8, 8, 3)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"not uint8 of \(8, 8\)"):
        measure(np.zeros((8, 8), dtype=np.uint8))
    with pytest.raises(UnidentifiedImageError):
        measure(b"no picture at all")
