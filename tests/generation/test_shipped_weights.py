"""The weights that ship: all that the catalogue names are there, small enough, and as good as promised."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.catalog import BUILT_IN, read_catalog
from models.training.export import megabytes
from models.training.gate import WEIGHTS, folders_with_weights, measure, read_manifest

LUMEN = ("lumen-1", "lumen-1-turbo")
MOST_LUMEN, MOST = 40.0, 60.0
"""Millions of bytes of the two Lumens, and of everything."""


def test_the_manifest_the_catalogue_and_the_folder_name_the_same_weights():
    manifest = read_manifest(WEIGHTS)
    opened = {card.slug: Path(card.folder) for card in read_catalog(BUILT_IN) if card.folder}
    assert opened == {one.slug: WEIGHTS / one.folder for one in manifest.shipped}
    assert folders_with_weights(WEIGHTS) == manifest.folders


def test_the_weights_are_small():
    manifest = read_manifest(WEIGHTS)
    assert sum(megabytes(WEIGHTS / one.folder) for one in manifest.shipped if one.slug in LUMEN) <= MOST_LUMEN
    assert megabytes(WEIGHTS) <= MOST


@pytest.mark.slow
def test_every_folder_paints_what_it_is_asked_as_well_as_promised():
    measured = list(measure(WEIGHTS, read_catalog(BUILT_IN)))
    assert len(measured) == len(read_manifest(WEIGHTS).shipped)
    assert [str(one) for one in measured if not one.kept] == []
