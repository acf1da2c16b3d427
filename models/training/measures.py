"""Distances between sets of pictures in the reader's features, and between pictures of one prompt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def frechet(first: Floats, second: Floats) -> float:
    """Fréchet distance of two sets, each taken as a normal distribution (Dowson and Landau 1982, eq. 4).

    ``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))``; biased upwards for few pictures, so sets are compared
    with sets of the same size only.

    Parameters
    ----------
    first, second : ndarray of shape (n, n_features)
    """
    gap = first.mean(0) - second.mean(0)
    one, other = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    mixed = np.linalg.eigvalsh(root @ other @ root).clip(0)
    return float(gap @ gap + np.trace(one) + np.trace(other) - 2 * np.sqrt(mixed).sum())


def distances(first: Floats, second: Floats) -> Floats:
    """Euclidean distances, shape (n_first, n_second)."""
    square = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
    apart: Floats = np.sqrt(square.clip(0))
    return apart


def nearest(pictures: Floats, bank: Floats) -> Floats:
    """Distance of each picture to the nearest of a bank, shape (n_pictures,)."""
    least: Floats = distances(pictures, bank).min(1)
    return least


def spread(features: Floats) -> tuple[float, float]:
    """Mean distance between pictures of one prompt, and between pictures of different prompts.

    Parameters
    ----------
    features : ndarray of shape (n_prompts, n_seeds, n_features)
    """
    prompts, seeds, _ = features.shape
    every = distances(*[features.reshape(prompts * seeds, -1)] * 2).reshape(prompts, seeds, prompts, seeds)
    same = np.stack([every[n, :, n] for n in range(prompts)])
    within = same[:, ~np.eye(seeds, dtype=bool)].mean()
    other = np.moveaxis(every, 2, 1)[~np.eye(prompts, dtype=bool)].mean()
    return float(within), float(other)
