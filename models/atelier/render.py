"""From a renderer's scene to an 8-bit picture: path tracing, denoising, tone curve.

One picture depends only on its scene, seed, size and samples: every block of 32 x 32 pixels draws its random
numbers from the seed and its own place, the reconstruction filter is a box (no pixel leaks into another
block), and the denoiser runs on one thread.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import GenerationFailed, MissingPart

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
INSTALL = "the path tracer is not installed: pip install 'vernissage-arena[atelier]'"
BOUNCES = 8
GUIDE_SAMPLES = 4
"""Samples a pixel of the pass that tells the denoiser albedo and normals."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides a picture beside scene and seed.

    Attributes
    ----------
    size : int
        Pixels along one side.
    samples : int
        Light paths a pixel.
    denoise : bool
        Whether Open Image Denoise cleans the picture.
    bounces : int
        How often light may bounce on its way to the lens; with none, only lamps and sky light a thing.
    assets : Path or None
        Folder of fetched panoramas, see `models.atelier.assets`; `None` paints every light.
    """

    size: int = 256
    samples: int = 16
    denoise: bool = True
    bounces: int = BOUNCES
    assets: Path | None = None


def renderer() -> Any:
    """The renderer's module, its variant set.

    Raises
    ------
    MissingPart
        If it is not installed, with the line that installs it.
    """
    try:
        import mitsuba
    except ImportError as error:
        raise MissingPart(INSTALL) from error
    if mitsuba.variant() != "scalar_rgb":
        mitsuba.set_variant("scalar_rgb")
    return mitsuba


def one_thread() -> None:
    """Trace on one core from now on, in this process: processes share a machine better than threads do."""
    renderer()
    import drjit

    drjit.set_thread_count(1)


@lru_cache(maxsize=1)
def _denoiser() -> tuple[Any, Any, Any]:
    """The denoiser's module, its device on one thread, and its filter.

    The module asks for torch only to accept tensors; where nobody has imported torch yet it is kept out,
    which saves two seconds and the memory of every worker.
    """
    hide = "torch" not in sys.modules
    if hide:
        sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        import pyoidn
    except ImportError as error:
        raise MissingPart(INSTALL) from error
    finally:
        if hide:
            del sys.modules["torch"]
    device = pyoidn.Device()
    device.set_int("numThreads", 1)
    device.set_int("setAffinity", 0)
    device.commit()
    return pyoidn, device, pyoidn.Filter(device, "RT")


def denoised(colour: Singles, albedo: Singles, normal: Singles) -> Singles:
    """Clean noise with Open Image Denoise, guided by albedo and normals.

    Raises
    ------
    GenerationFailed
        If the denoiser says no.
    """
    pyoidn, device, clean = _denoiser()
    out = np.empty_like(colour, order="C")
    layers = {"color": colour, "albedo": np.clip(albedo, 0, 1), "normal": np.clip(normal, -1, 1)}
    held = {name: np.ascontiguousarray(layer, np.float32) for name, layer in layers.items()} | {"output": out}
    for name, layer in held.items():
        clean.set_image(name, layer, pyoidn.OIDN_FORMAT_FLOAT3)
    clean.set_bool("hdr", value=True)
    clean.commit()
    clean.execute()
    if (trouble := device.get_error()) is not None:
        raise GenerationFailed(f"the denoiser failed: {trouble}")
    return out


def trace(description: dict[str, Any], settings: Settings, seed: int) -> tuple[Singles, Singles]:
    """Radiance and depth of a scene.

    Parameters
    ----------
    description : dict
        A scene of the renderer with a ``sensor`` but without an integrator.
    seed : int
        Decides the light paths; only its low 31 bits count.

    Returns
    -------
    radiance : ndarray of shape (size, size, 3)
        Linear light, denoised if the settings say so.
    depth : ndarray of shape (size, size)
        Distance along the view ray, 0 where the sky is.
    """
    mi = renderer()
    path = {"type": "path", "max_depth": settings.bounces + 2, "rr_depth": 4}
    scene = mi.load_dict({**description, "integrator": path})
    seed &= 0x7FFFFFFF
    colour = np.array(mi.render(scene, spp=settings.samples, seed=seed), np.float32)
    colour = np.nan_to_num(np.clip(colour[..., :3], 0, None), nan=0.0, posinf=0.0)
    guide = mi.load_dict({"type": "aov", "aovs": "albedo:albedo,normal:sh_normal,depth:depth"})
    aux = np.array(mi.render(scene, integrator=guide, spp=GUIDE_SAMPLES, seed=seed), np.float32)
    aux = np.nan_to_num(aux[..., -7:], nan=0.0, posinf=0.0, neginf=0.0)
    if settings.denoise:
        colour = denoised(colour, aux[..., :3], aux[..., 3:6])
    return colour, aux[..., 6]


def filmic(linear: Floats) -> Floats:
    """A film-like curve from scene light to display light, with a toe and a soft shoulder.

    References
    ----------
    .. [Narkowicz2015] K. Narkowicz, "ACES filmic tone mapping curve", 2015: the rational fit.
    """
    x = np.clip(linear, 0, None) * 0.62
    return np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)


def to_srgb(linear: Floats) -> NDArray[np.uint8]:
    """Display light in [0, 1] to 8-bit sRGB (IEC 61966-2-1)."""
    low = 12.92 * linear
    high = 1.055 * np.power(np.maximum(linear, 0.0031308), 1 / 2.4) - 0.055
    return np.round(255 * np.where(linear <= 0.0031308, low, high)).astype(np.uint8)


def develop(radiance: Singles, exposure: float, *, hue: float = 0.0) -> NDArray[np.uint8]:
    """Expose and tone a picture; shape (size, size, 3), 8-bit sRGB.

    Parameters
    ----------
    hue : float
        Share of a curve on the brightest channel, which keeps an evening sky orange; the curve on every
        channel by itself turns it yellow.
    """
    light = np.asarray(radiance, np.float64) * exposure
    toned = filmic(light)
    if hue:
        peak = np.maximum(light.max(-1, keepdims=True), 1e-6)
        toned = (1 - hue) * toned + hue * light / peak * filmic(peak)
    return to_srgb(toned)
