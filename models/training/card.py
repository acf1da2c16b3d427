"""The words that lie beside a rendered data set: its licence note and its card."""

from __future__ import annotations

from typing import Any

LICENCE = """# Licence of these pictures

Every picture was rendered by the atelier of Vernissage from geometry, textures and panoramas of light that
its own code computes; no photograph, scan, downloaded asset or picture of anybody else is part of them.
The pictures and their scenes are given to the public domain under CC0 1.0
(https://creativecommons.org/publicdomain/zero/1.0/). The code that makes them is Apache-2.0.
"""

CARD = """---
license: cc0-1.0
task_categories: [text-to-image]
pretty_name: Vernissage atelier
configs:
- config_name: default
  data_files:
{files}
---

# Vernissage atelier: path-traced still lifes and landscapes

{total} pictures of {size} x {size} pixels, {land} of them landscapes, each with the scene that made it.
Made by `python -m models.training.data --count {count} --seed {seed} --size {size} --samples {samples}`;
the same command gives the same pictures (grammar {grammar}, {renderer}).

| split | pictures | what it holds |
|---|---|---|
| train | {train} | combinations that are not held out |
| test_seen | {test_seen} | the same, other seeds |
| test_triples | {test_triples} | the first thing is a held-out (shape, colour, material) |
| test_pairs | {test_pairs} | a held-out (surface, lighting) |
| test_places | {test_places} | landscapes of a held-out (terrain, time of day) |

Columns: `id`, `split`, `family` (still life or landscape), `seed`, `scene` (JSON), `image` (lossless WebP).
Captions are not stored: `models.atelier.captions.caption(scene, rng)` words a true one anew each time, and
`full_caption(scene)` says everything plainly. `manifest.json` lists every shard with its SHA-256 and the
held-out combinations, which a seed in the code fixed before any training.

**Made for** training and judging small text-to-image models whose attributes can be checked. **Limits**: a
closed world of {shapes} shapes, {materials} materials, {surfaces} surfaces, {lightings} lightings and
{terrains} kinds of land; no people, animals or lettering; English captions from templates; denoised at
{samples} samples a pixel, so fine texture is softer than in the atelier's own pictures at 16.
**Compute**: {cpu_hours:.1f} CPU-hours of one-thread rendering.
"""


def data_card(manifest: dict[str, Any]) -> str:
    """The data card of a manifest."""
    from models.atelier import vocabulary as words

    files = "\n".join(f"  - split: {split}\n    path: {split}-*.parquet" for split in manifest["pictures"])
    recipe = manifest["recipe"]
    return CARD.format(
        files=files,
        total=sum(manifest["pictures"].values()),
        land=manifest["landscapes"],
        grammar=manifest["grammar"],
        renderer=f"Mitsuba {manifest['renderer']['mitsuba']}, pyoidn {manifest['renderer']['pyoidn']}",
        cpu_hours=manifest["cpu_seconds"] / 3600,
        shapes=len(words.SHAPES),
        materials=len(words.MATERIALS),
        surfaces=len(words.SURFACES),
        lightings=len(words.LIGHTINGS),
        terrains=len(words.TERRAINS),
        **manifest["pictures"],
        **{key: recipe[key] for key in ("count", "seed", "size", "samples")},
    )
