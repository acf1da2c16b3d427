"""The gate for weights that ship: what the manifest promises of each folder, measured.

The manifest lies beside the weights::

    reader = "reader"            # folder of the attribute reader that judges

    [[weights]]
    slug = "lumen-1-turbo"       # of the card in the catalogue that opens the folder
    folder = "lumen-1-turbo"
    megabytes = 19.5             # at most
    prompts = 64                 # of the fixed evaluation
    accuracy = 0.75              # of wishes met, at least
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from models.atelier.splits import draw
from models.cards import adjusted
from models.catalog import BUILT_IN, Catalog, read_catalog
from models.contracts import GenerationRequest, TextToImage
from models.errors import ModelError
from models.loading import load
from models.training.evaluate import as_seen, prompt_of
from models.training.export import megabytes
from models.training.reader import open_reader, read_all, score_pictures
from models.training.reader_network import AttributeReader
from models.training.settings import BadSettings, build

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
MANIFEST = "manifest.toml"
EXAMPLES = """examples:
  python -m models.training.gate
  python -m models.training.gate --as-served --prompts 500
  python -m models.training.gate --prompts 200 --also atelier
  python -m models.training.gate --weights runs/candidates --catalog runs/candidates.toml"""
SEED = 20261123


@dataclass(frozen=True, slots=True)
class Shipped:
    """What is promised of one folder of weights.

    Attributes
    ----------
    slug : str
        Of its card in the catalogue.
    folder : str
        Its name, beside the manifest.
    megabytes : float
        Its size at most, in millions of bytes.
    prompts : int
        Of the fixed evaluation.
    accuracy : float
        Its result at least; see `accuracy`.
    """

    slug: str
    folder: str
    megabytes: float
    prompts: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found of one folder, beside what is promised of it."""

    promised: Shipped
    megabytes: float
    accuracy: float

    @property
    def kept(self) -> bool:
        """Whether it is as small and as good as it should be."""
        return self.megabytes <= self.promised.megabytes and self.accuracy >= self.promised.accuracy

    def __str__(self) -> str:
        return (
            f"{self.promised.slug}: {self.megabytes:.1f} MB (at most {self.promised.megabytes:g}), accuracy "
            f"{self.accuracy:.3f} at {self.promised.prompts} prompts (at least {self.promised.accuracy:g})"
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ships.

    Attributes
    ----------
    reader : str
        Name of the folder of the reader; empty where nothing ships.
    shipped : tuple of Shipped
    """

    reader: str = ""
    shipped: tuple[Shipped, ...] = ()

    @property
    def folders(self) -> set[str]:
        """Names of all folders, the reader's among them."""
        return {one.folder for one in self.shipped} | ({self.reader} if self.reader else set())


def read_manifest(weights: Path) -> Manifest:
    """What ships from a folder; nothing, where it holds no manifest.

    Raises
    ------
    BadSettings
        If the manifest cannot be used.
    """
    file = weights / MANIFEST
    if not file.exists():
        return Manifest()
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadSettings(f"{file} is no TOML: {error}") from error
    if unknown := sorted(told.keys() - {"reader", "weights"}):
        raise BadSettings(f"{file}: unknown key {unknown[0]!r}; the keys are reader, weights")
    shipped = tuple(build(Shipped, row, f"{file}: weights") for row in told.get("weights", []))
    if shipped and not told.get("reader"):
        raise BadSettings(f"{file}: 'reader' is missing; name the folder of the reader that judges")
    return Manifest(told.get("reader", ""), shipped)


def folders_with_weights(weights: Path) -> set[str]:
    """Names of the folders that lie there with weights in them."""
    return {path.relative_to(weights).parts[0] for path in weights.rglob("*.safetensors")}


def accuracy(model: TextToImage, reader: AttributeReader, prompts: int, *, seed: int = SEED) -> float:
    """Mean over attributes of the share of wishes met, as the reader sees it.

    The prompts are captions of scenes of seen combinations, the same ones for every model.

    Parameters
    ----------
    model : TextToImage
    reader : AttributeReader
    prompts : int
    seed : int
        Of scenes, wordings and pictures.
    """
    scenes = [draw("test_seen", place, seed)[0] for place in range(prompts)]
    wanted = [prompt_of(scene, place, seed) for place, scene in enumerate(scenes)]
    answers = model.generate(
        [GenerationRequest(text, seed + place) for place, (text, _) in enumerate(wanted)]
    )
    pictures, refused = as_seen(answers, reader.config.size)
    score = score_pictures([asked for _, asked in wanted], read_all(reader, pictures)[0], refused)
    return float(np.mean([share for name, share in score.items() if name != "all"]))


def measure(
    weights: Path, catalog: Catalog, *, as_served: bool = False, prompts: int | None = None
) -> Iterator[Measured]:
    """Measure every folder that a manifest lists, opened through its card in torch and float32.

    Parameters
    ----------
    weights : Path
        Folder of the manifest.
    catalog : Catalog
        Cards that open its folders.
    as_served : bool
        Open them with the engine that the card names instead, as the arena does.
    prompts : int, optional
        In place of the manifest's numbers.

    Raises
    ------
    ModelError
        If a folder, its card or the reader cannot be used.
    """
    manifest = read_manifest(weights)
    for one in manifest.shipped:
        promised = replace(one, prompts=prompts or one.prompts)
        reader = open_reader(weights / manifest.reader)
        card = catalog[one.slug]
        if Path(card.folder) != (weights / one.folder).resolve():
            raise BadSettings(f"the card of {one.slug!r} does not open {weights / one.folder}")
        if card.backend == "diffusers" and not as_served:
            card = adjusted(card, engine="torch", device="cpu", dtype="float32", batch=16)
        share = accuracy(load(card), reader, promised.prompts)
        yield Measured(promised, megabytes(weights / one.folder), share)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the module: exit code 1 if a promise is not kept."""
    parser = argparse.ArgumentParser(
        prog="python -m models.training.gate",
        description="Measure the weights that ship against what their manifest promises.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--weights", type=Path, default=WEIGHTS, help="folder of the manifest (default: what ships)"
    )
    parser.add_argument(
        "--catalog", type=Path, default=BUILT_IN, help="file of the cards (default: what ships)"
    )
    parser.add_argument(
        "--as-served", action="store_true", help="with the engines of the cards, not in torch and float32"
    )
    parser.add_argument("--prompts", type=int, help="of each folder (default: the manifest's)")
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="SLUG",
        help="entrant of the catalogue of which nothing is promised, to see the order of all",
    )
    told = parser.parse_args(arguments)
    torch.set_num_threads(1)
    kept, found = [], {}
    try:
        catalog = read_catalog(told.catalog)
        for one in measure(told.weights, catalog, as_served=told.as_served, prompts=told.prompts):
            kept.append(one.kept)
            found[one.promised.slug] = one.accuracy
            sys.stdout.write(f"{one}\n")
        if told.also:
            reader = open_reader(told.weights / read_manifest(told.weights).reader)
            found |= {s: accuracy(load(catalog[s]), reader, told.prompts or 64) for s in told.also}
            order = sorted(found.items(), key=lambda item: -item[1])
            sys.stdout.write(f"in order: {', '.join(f'{slug} {share:.3f}' for slug, share in order)}\n")
    except ModelError as error:
        parser.exit(1, f"{error}\n")
    sys.stdout.write(f"{sum(kept)} of {len(kept)} folders are as promised\n")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
