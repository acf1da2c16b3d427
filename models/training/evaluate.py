"""Score a picture-maker: attributes on seen and held-out combinations, variety, closeness to real renders.

Prompts are captions of the test renders, unpicked. Beside each score stand chance and what the reader makes
of the real renders of the same scenes under the same prompts.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from models.atelier.captions import caption, full_caption
from models.atelier.grammar import Scene
from models.atelier.parsing import parse
from models.cards import adjusted
from models.contracts import GeneratedImage, GenerationRequest, Refusal, TextToImage
from models.errors import ModelError
from models.loading import load
from models.training.attributes import ATTRIBUTES, CHANCE
from models.training.autoencode import sharpness
from models.training.export import folder_card
from models.training.measures import frechet, nearest, spread
from models.training.reader import open_reader, read_all, score_pictures
from models.training.reader_network import AttributeReader
from models.training.shards import Pictures, open_pictures

Features = NDArray[np.float64]
SPLITS = ("test_seen", "test_triples", "test_pairs", "test_places")


@dataclass(frozen=True, slots=True)
class SplitScore:
    """How one split went.

    Attributes
    ----------
    pictures, refused : int
        Prompts, and how many of them were refused; a refusal meets no wish.
    painted, real : dict
        Attribute to the share of wishes met by what was painted, and by the real renders; ``all`` is the
        share of pictures that meet every wish of their prompt.
    """

    pictures: int
    refused: int
    painted: dict[str, float]
    real: dict[str, float]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that `evaluate` measures.

    Attributes
    ----------
    entrant, revision : str
    splits : dict
        Split to its `SplitScore`.
    distance, real_distance : float
        Fréchet distance of painted pictures, and of the unseen renders of the same scenes, to as many
        training renders, which show other scenes.
    distance_pictures : int
        Pictures in each of the sets compared.
    nearest_train, nearest_train_real : float
        Median distance to the nearest of a bank of training renders, of painted pictures and of unseen
        renders; painted ones much the nearer would have been memorised.
    sharpness : float
        Mean difference of neighbouring pixels, painted over real.
    same_prompt, other_prompt : float
        Mean distance between pictures of one prompt under different seeds, and between prompts.
    seconds, cpu_seconds : float
        Mean of a picture.
    """

    entrant: str
    revision: str
    splits: dict[str, SplitScore]
    distance: float
    real_distance: float
    distance_pictures: int
    nearest_train: float
    nearest_train_real: float
    sharpness: float
    same_prompt: float
    other_prompt: float
    seconds: float
    cpu_seconds: float


def prompt_of(scene: Scene, place: int, seed: int) -> tuple[str, Scene]:
    """A caption of a test scene, and what it asks for; attributes it leaves out are not asked."""
    told = caption(scene, np.random.default_rng([seed, 6, place]))
    asked = parse(told)
    return (full_caption(scene), scene) if isinstance(asked, Refusal) else (told, asked)


def at_size(pictures: Sequence[Image.Image], size: int) -> Tensor:
    """Pictures as uint8 of shape (n, 3, size, size)."""
    fitted = [
        p if p.size == (size, size) else p.resize((size, size), Image.Resampling.LANCZOS) for p in pictures
    ]
    return torch.from_numpy(np.stack([np.asarray(p.convert("RGB")) for p in fitted])).permute(0, 3, 1, 2)


def as_seen(answers: Sequence[GeneratedImage | Refusal], size: int) -> tuple[Tensor, set[int]]:
    """Answers as uint8 of shape (n, 3, size, size), grey where one is a refusal, and the places of these."""
    blank = Image.new("RGB", (size, size), (127, 127, 127))
    refused = {place for place, answer in enumerate(answers) if isinstance(answer, Refusal)}
    return at_size([blank if isinstance(a, Refusal) else a.pixels for a in answers], size), refused


def _evenly(length: int, count: int) -> NDArray[np.int64]:
    """At most `count` places, evenly spread."""
    return np.linspace(0, length - 1, min(count, length)).astype(np.int64)


class Judge:
    """A reader with the real renders of a data set.

    Parameters
    ----------
    reader : AttributeReader
    data : Path
        Folder of the data set.
    count : int
        Most prompts of a split.
    seed : int
        Of wordings and of pictures.
    bank : int
        Training renders that nearest neighbours are looked for among.
    """

    def __init__(
        self, reader: AttributeReader, data: Path, *, count: int, seed: int = 1, bank: int = 4000
    ) -> None:
        self.reader, self.seed, self.count = reader, seed, count
        self._data, self._bank = data, bank
        self.size = int(reader.config.size)
        self._real: dict[str, Pictures] = {}
        self._read: dict[str, dict[str, Tensor]] = {}
        self._known: tuple[Features, Features, Features] | None = None

    def real(self, split: str) -> Pictures:
        """Real renders of a split."""
        if split not in self._real:
            self._real[split] = open_pictures(self._data, split, self.size)
        return self._real[split]

    def _real_features(self) -> tuple[Features, Features, Features]:
        """Of unseen renders, of as many training renders, and of the bank; the same for every model."""
        if self._known is None:
            unseen, train = self.real("test_seen"), self.real("train")
            count = min(self.count, len(unseen), len(train))
            self._known = (
                self.features(unseen.take(range(count))),
                self.features(train.take(_evenly(len(train), count))),
                self.features(train.take(_evenly(len(train), self._bank))),
            )
        return self._known

    def features(self, pictures: Pictures | Tensor) -> Features:
        """The reader's common features, shape (n, n_features)."""
        return read_all(self.reader, pictures)[1].numpy().astype(np.float64)

    def split(self, model: TextToImage, split: str) -> tuple[SplitScore, Tensor, list[GeneratedImage]]:
        """Paint and score one split; returns the painted pictures too."""
        real = self.real(split)
        places = range(min(self.count, len(real)))
        told = [prompt_of(real.scenes[n], n, self.seed) for n in places]
        answers = model.generate([GenerationRequest(text, self.seed + n) for n, (text, _) in enumerate(told)])
        made = [answer for answer in answers if isinstance(answer, GeneratedImage)]
        seen, refused = as_seen(answers, self.size)
        asked = [wish for _, wish in told]
        met = score_pictures(asked, read_all(self.reader, seen)[0], refused)
        if split not in self._read:
            self._read[split] = read_all(self.reader, real.take(places))[0]
        there = score_pictures(asked, self._read[split])
        return SplitScore(len(places), len(refused), met, there), seen, made

    def report(self, model: TextToImage, *, prompts: int = 16, seeds: int = 8) -> Report:
        """Measure everything."""
        splits: dict[str, SplitScore] = {}
        painted: list[Tensor] = []
        made: list[GeneratedImage] = []
        for split in SPLITS:
            score, seen, answers = self.split(model, split)
            splits[split], made = score, [*made, *answers]
            painted.append(seen)
        theirs, like, bank = self._real_features()
        ours, count = self.features(painted[0]), len(theirs)
        unseen = self.real("test_seen")
        same, other = self._variety(model, unseen, prompts, seeds)
        return Report(
            entrant=model.card.slug,
            revision=model.card.revision,
            splits=splits,
            distance=frechet(ours[:count], like),
            real_distance=frechet(theirs, like),
            distance_pictures=count,
            nearest_train=float(np.median(nearest(ours, bank))),
            nearest_train_real=float(np.median(nearest(theirs, bank))),
            sharpness=sharpness(painted[0]) / sharpness(unseen.take(range(count))),
            same_prompt=same,
            other_prompt=other,
            seconds=float(np.mean([one.seconds for one in made] or [np.nan])),
            cpu_seconds=float(np.mean([one.cpu_seconds for one in made] or [np.nan])),
        )

    def _variety(self, model: TextToImage, real: Pictures, prompts: int, seeds: int) -> tuple[float, float]:
        chosen = [full_caption(scene) for scene in real.scenes[:prompts]]
        answers = model.generate(
            [GenerationRequest(text, 1_000_000 + seed) for text in chosen for seed in range(seeds)]
        )
        made = [one.pixels for one in answers if isinstance(one, GeneratedImage)]
        if len(made) < len(answers) or len(chosen) < 2 or seeds < 2:
            return float("nan"), float("nan")
        return spread(self.features(at_size(made, self.size)).reshape(len(chosen), seeds, -1))


def table(report: Report) -> str:
    """The report as plain text: painted / real for each attribute and split."""
    names = list(report.splits)
    lines = [
        f"{report.entrant} {report.revision}",
        "attribute   chance  " + "  ".join(f"{n:>15}" for n in names),
    ]
    for name in (*ATTRIBUTES, "all"):
        cells = []
        for split in names:
            score = report.splits[split]
            told = name in score.painted
            cells.append(f"{score.painted[name]:.3f} / {score.real[name]:.3f}" if told else "-")
        chance = f"{CHANCE[name]:6.3f}" if name in CHANCE else " " * 6
        lines.append(f"{name:<11} {chance}  " + "  ".join(f"{cell:>15}" for cell in cells))
    counts = [f"{s.pictures} ({s.refused} refused)" for s in report.splits.values()]
    lines.append(f"{'prompts':<19} " + "  ".join(f"{cell:>15}" for cell in counts))
    lines += [
        f"Fréchet distance to training renders: {report.distance:.3f}; of unseen renders of the same scenes: "
        f"{report.real_distance:.3f} (n = {report.distance_pictures})",
        f"median distance to the nearest training render: {report.nearest_train:.3f}; "
        f"of unseen renders: {report.nearest_train_real:.3f}",
        f"distance between seeds of one prompt: {report.same_prompt:.3f}; between prompts: "
        f"{report.other_prompt:.3f}",
        f"sharpness, painted over real: {report.sharpness:.3f}",
        f"a picture: {report.seconds:.3f} s, {report.cpu_seconds:.3f} CPU-s",
    ]
    return "\n".join(lines)


def sheet(model: TextToImage, real: Pictures, path: Path, *, count: int = 64, seed: int = 1) -> None:
    """Save a sheet of unpicked pictures, eight a row, with the prompts in a text file beside it."""
    told = [prompt_of(scene, n, seed)[0] for n, scene in enumerate(real.scenes[:count])]
    answers = model.generate([GenerationRequest(text, seed + n) for n, text in enumerate(told)])
    side = next(one.pixels.width for one in answers if isinstance(one, GeneratedImage))
    page = Image.new("RGB", (8 * side, -(-len(told) // 8) * side), (127, 127, 127))
    for n, answer in enumerate(answers):
        if isinstance(answer, GeneratedImage):
            page.paste(answer.pixels, (n % 8 * side, n // 8 * side))
    page.save(path)
    path.with_suffix(".txt").write_text("".join(f"{n + 1}. {text}\n" for n, text in enumerate(told)))


EXAMPLES = """examples:
  python -m models.training.evaluate --model weights/lumen-1 --reader runs/reader/reader --data data/atelier
  python -m models.training.evaluate --entrant atelier --reader runs/reader/reader --data data/atelier
  python -m models.training.evaluate --model weights/lumen-1 --reader runs/reader/reader \\
      --data data/atelier --count 1000 --json runs/lumen-1.json --sheet runs/lumen-1.png"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the module."""
    parser = argparse.ArgumentParser(
        prog="python -m models.training.evaluate",
        description="Score a picture-maker against chance and against real renders.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--model", type=Path, help="folder of an exported pipeline or bank")
    who.add_argument("--entrant", help="slug in the catalogue that ships")
    parser.add_argument("--reader", type=Path, required=True, help="folder of a trained reader")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--count", type=int, default=500, help="prompts of a split (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument(
        "--bank", type=int, default=4000, help="training renders compared (default: %(default)s)"
    )
    parser.add_argument("--prompts", type=int, default=16, help="prompts for variety (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=8, help="seeds of each (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=8, help="pictures at once (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--json", type=Path, help="also write the report here")
    parser.add_argument("--sheet", type=Path, help="also save 64 pictures of test_triples here")
    told = parser.parse_args(arguments)
    torch.set_num_threads(told.threads)
    try:
        model = _model(told)
        judge = Judge(open_reader(told.reader), told.data, count=told.count, seed=told.seed, bank=told.bank)
        report = judge.report(model, prompts=told.prompts, seeds=told.seeds)
        if told.sheet:
            sheet(model, judge.real("test_triples"), told.sheet, seed=told.seed)
    except ModelError as error:
        parser.exit(1, f"{error}\n")
    if told.json:
        told.json.write_text(json.dumps(asdict(report) | {"chance": dict(CHANCE)}, indent=1) + "\n")
    sys.stdout.write(table(report) + "\n")
    return 0


def _model(told: Any) -> TextToImage:
    if told.model:
        return load(folder_card(told.model, batch=told.batch, device=told.device))
    from models.catalog import BUILT_IN, read_catalog

    card = read_catalog(BUILT_IN)[told.entrant]
    return load(adjusted(card, batch=told.batch, device=told.device) if card.backend == "diffusers" else card)


if __name__ == "__main__":
    sys.exit(main())
