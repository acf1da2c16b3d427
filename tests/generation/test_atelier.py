"""The path tracer paints: the same picture each time, every word something to see."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from models.atelier import assets
from models.atelier import vocabulary as words
from models.atelier.entrant import Atelier, paint
from models.atelier.grammar import Landscape, StillLife, Thing, complete
from models.atelier.lighting import lighting
from models.atelier.noise import value_noise
from models.atelier.panorama import bokeh, disc
from models.atelier.render import Settings, develop, filmic
from models.atelier.shapes import build
from models.contracts import EntrantCard, GeneratedImage, GenerationRequest, Refusal
from models.errors import CardError, GenerationFailed, MissingPart

pytest.importorskip("mitsuba")
SMALL = Settings(size=40, samples=2, denoise=True)


def card(**identity: object) -> EntrantCard:
    told = {"size": 40, "samples": 2, "denoise": True} | identity
    return EntrantCard("atelier-test", "Atelier", "reference", "atelier", "atelier", told)


def well_exposed(pixels: np.ndarray) -> bool:
    """Something to see: not black, not burnt out, not one flat tone."""
    burnt = (pixels.min(-1) >= 254).mean()
    return pixels.mean() > 12 and burnt < 0.08 and pixels.std() > 3


def test_a_picture_is_the_same_alone_and_among_neighbours():
    requests = [
        GenerationRequest("a red apple", 3),
        GenerationRequest("a clear glass bottle behind a gold ball, by candlelight", 4),
        GenerationRequest("a lake at dawn with pine trees", 5),
    ]
    together = Atelier(card()).generate(requests)
    for request, answer in zip(requests, together, strict=True):
        alone = Atelier(card()).generate([request])[0]
        assert isinstance(alone, GeneratedImage)
        assert isinstance(answer, GeneratedImage)
        assert alone.pixels.tobytes() == answer.pixels.tobytes()
        assert answer.pixels.size == (40, 40)
        assert answer.cpu_seconds > 0
        assert answer.peak_bytes
        assert answer.energy_method in ("rapl", "estimated")
        assert answer.seed == request.seed


def test_a_picture_is_the_same_in_another_process_on_one_thread():
    code = (
        "import hashlib\nfrom models.atelier.entrant import paint\nfrom models.atelier.grammar import *\n"
        "from models.atelier.render import Settings, one_thread\none_thread()\n"
        "scene = complete(StillLife((Thing('pumpkin'),)), 9)\n"
        "print(hashlib.sha256(paint(scene, 9, Settings(40, 2, True)).tobytes()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    import hashlib

    here = paint(complete(StillLife((Thing("pumpkin"),)), 9), 9, SMALL)
    assert done.stdout.strip() == hashlib.sha256(here.tobytes()).hexdigest()


def test_seeds_and_samples_change_the_picture():
    scene = complete(StillLife((Thing("vase", "red", "clay"),), "", "sand", "studio", "plain"), 0)
    first, other = paint(scene, 1, SMALL), paint(scene, 2, SMALL)
    assert np.abs(first.astype(int) - other).mean() > 1
    rough = paint(scene, 1, Settings(40, 2, denoise=False))
    fine = paint(scene, 1, Settings(40, 64, denoise=False)).astype(int)
    assert np.abs(first - fine).mean() < np.abs(rough - fine).mean()


def test_what_it_cannot_paint_is_refused_beside_what_it_can():
    answers = Atelier(card()).generate(
        [GenerationRequest("a red unicorn on the moon", 1), GenerationRequest("a red cone", 1)]
    )
    assert isinstance(answers[0], Refusal)
    assert answers[0].words == ("unicorn", "moon")
    assert isinstance(answers[1], GeneratedImage)


@pytest.mark.parametrize("more", [{"steps": 4}, {"guidance": 2.0}, {"size": (32, 64)}])
def test_settings_that_a_path_tracer_has_not_are_refused_and_not_ignored(more):
    with pytest.raises(GenerationFailed, match="no steps and no guidance"):
        Atelier(card()).generate([GenerationRequest("a red cube on marble", 1, **more)])


@pytest.mark.parametrize(
    "wrong", [{"size": 0}, {"size": "256"}, {"samples": True}, {"denoise": 1}, {"samples": 0}]
)
def test_a_card_that_makes_no_sense_is_named(wrong):
    with pytest.raises(CardError, match=next(iter(wrong))):
        Atelier(card(**wrong))


def test_without_the_renderer_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    with pytest.raises(MissingPart, match=r"pip install 'vernissage-arena\[atelier\]'"):
        Atelier(card())


def test_every_shape_and_material_is_painted():
    materials = list(words.MATERIALS)
    for n, shape in enumerate(words.SHAPES):
        material = materials[n % len(materials)]
        if material == "glass" and shape in words.ANGULAR:
            material = "marble"
        scene = complete(StillLife((Thing(shape, None, material),), "", "oak table", "studio", "plain"), n)
        assert well_exposed(paint(scene, n, SMALL)), (shape, material)


def test_every_surface_lighting_and_camera_is_painted():
    cameras, surfaces = list(words.CAMERAS), list(words.SURFACES)
    for n, light in enumerate(words.LIGHTINGS):
        surface, camera = surfaces[n % len(surfaces)], cameras[n % len(cameras)]
        scene = complete(StillLife((Thing("teapot", "teal", "ceramic"),), "", surface, light, camera), n)
        assert well_exposed(paint(scene, n, SMALL)), (surface, light, camera)


def test_every_landscape_is_painted():
    times, weathers, views = list(words.TIMES), list(words.WEATHERS), list(words.VIEWS)
    for n, terrain in enumerate(words.TERRAINS):
        feature = words.FEATURES_OF[terrain][-1 - n % 2]
        scene = Landscape(terrain, times[n % 6], weathers[n % 5], feature, views[n % 3])
        assert well_exposed(paint(scene, n, SMALL)), scene


def test_black_stays_darker_than_white_under_every_light():
    for n, light in enumerate(list(words.LIGHTINGS)[::2]):
        pictures = [
            paint(
                complete(StillLife((Thing("ball", c, "clay"),), "", "oak table", light, "close"), 5), 5, SMALL
            )
            for c in ("black", "white")
        ]
        middle = [p[12:28, 12:28].mean() for p in pictures]
        assert middle[1] > middle[0] + 25, (light, n)


def test_meshes_face_outwards():
    for shape in words.SHAPES:
        for part in build(shape, np.random.default_rng(2)):
            if part.role == "leaf":
                continue
            a, b, c = (part.mesh.positions[part.mesh.faces[:, k]] for k in range(3))
            normal = np.cross(b - a, c - a)
            size = np.linalg.norm(normal, axis=1)
            assert np.einsum("ij,ij->", a, np.cross(b, c)) > 0, (shape, part.role)
            agree = np.einsum("ij,ij->i", normal, part.mesh.normals[part.mesh.faces].mean(1)) > 0
            assert agree[size > 1e-8].mean() > 0.98, (shape, part.role)
            assert part.mesh.positions[:, 2].min() > -0.02, (shape, part.role)


def test_lights_are_metered_and_finite():
    for n, word in enumerate(words.LIGHTINGS):
        light = lighting(word, np.random.default_rng(n))
        assert np.isfinite(light.panorama).all()
        assert light.panorama.min() >= 0
        assert light.incident > 0


@pytest.mark.parametrize("shape", [(3, 2), (70, 90, 2), (9000, 3)])
def test_noise_in_blocks_is_the_plain_sum_over_corners_to_the_last_bit(shape):
    points = np.random.default_rng(1).uniform(-90, 90, shape)
    points[:2] = np.round(points[:2])
    dims = shape[-1]
    lattice = np.random.default_rng(2).uniform(-1, 1, (32,) * dims)
    cell = np.floor(points).astype(np.int64)
    part = points - cell
    part = part * part * part * (part * (part * 6 - 15) + 10)
    total = np.zeros(shape[:-1])
    for corner in range(2**dims):
        bits = [(corner >> d) & 1 for d in range(dims)]
        weight = np.ones_like(total)
        for d, bit in enumerate(bits):
            weight = weight * (part[..., d] if bit else 1 - part[..., d])
        total += weight * lattice[tuple((cell[..., d] + bit) % 32 for d, bit in enumerate(bits))]
    assert value_noise(points, np.random.default_rng(2)).tobytes() == total.tobytes()


def test_small_lamps_are_whole_discs_though_only_their_rows_are_painted():
    colour, size = (6.0, 3.6, 1.4), (0.3, 2.5)
    for low, high in ((-12, 4), (-89, -85), (85, 89)):
        light, rng = np.zeros((256, 512, 3)), np.random.default_rng(4)
        for _ in range(12):
            rng.integers(1)
            tone = np.array(colour) * rng.uniform(0.5, 1.4)
            light += disc(rng.uniform(-48, 48), rng.uniform(low, high), rng.uniform(*size), tone)
        painted = bokeh(np.random.default_rng(4), 12, [colour], low, high, size)
        assert painted.tobytes() == light.tobytes()


def test_the_tone_curve_rises_and_keeps_its_range():
    light = np.linspace(0, 40, 2000)
    toned = filmic(light)
    assert (np.diff(toned) >= 0).all()
    assert toned[0] == 0
    assert toned[-1] <= 1
    grey = np.full((2, 2, 3), 0.3, np.float32)
    assert (develop(grey, 1.0) == develop(grey, 1.0, hue=0.7)).all()


def test_panoramas_are_asked_for_in_one_line(tmp_path, monkeypatch):
    with pytest.raises(MissingPart, match="make assets"):
        Atelier(
            EntrantCard(
                "a",
                "A",
                "reference",
                "a",
                "atelier",
                card(assets="0" * 12).identity,
                {"assets": str(tmp_path)},
            )
        )
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPart, match="npm is not here"):
        assets.fetch_assets(tmp_path / "assets")
    assert not (tmp_path / "assets").exists()


def test_a_real_place_keeps_the_mood_of_a_word(tmp_path):
    OpenEXR = pytest.importorskip("OpenEXR")
    rng = np.random.default_rng(1)
    pixels = rng.uniform(0, 4, (256, 512, 3)).astype(np.float32)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {"RGB": pixels}).write(str(tmp_path / "sunrise.exr"))
    painted = lighting("golden hour", np.random.default_rng(3))
    mixed = [assets.real_place("golden hour", painted, tmp_path, np.random.default_rng(n)) for n in range(12)]
    changed = [light for light in mixed if light is not painted]
    assert 0 < len(changed) < 12
    for light in changed:
        np.testing.assert_allclose(light.panorama.mean((0, 1)), painted.panorama.mean((0, 1)), rtol=1e-3)
    assert assets.real_place("neon", painted, tmp_path, rng) is painted
