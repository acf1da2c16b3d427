"""Painting to files, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from arena.media.blind import encode
from arena.services.painting import Studio


def paint_files(
    studio: Studio, entrant: str, prompts: Sequence[str], *, seed: int, folder: Path
) -> list[dict[str, Any]]:
    """Paint prompts to ``<entrant>-<seed>-<number>.png`` and say of each what became of it."""
    from models.contracts import GeneratedImage, GenerationRequest

    folder.mkdir(parents=True, exist_ok=True)
    model = studio.model(entrant)
    answers = model.generate([GenerationRequest(prompt=prompt, seed=seed) for prompt in prompts])
    told = []
    for number, (prompt, answer) in enumerate(zip(prompts, answers, strict=True), start=1):
        line: dict[str, Any] = {
            "entrant": entrant,
            "revision": model.card.revision,
            "prompt": prompt,
            "seed": seed,
            "file": None,
            "refused": None,
        }
        if isinstance(answer, GeneratedImage):
            file = folder / f"{entrant}-{seed}-{number:03}.png"
            file.write_bytes(encode(answer.pixels))
            line |= {
                "file": str(file),
                "seconds": answer.seconds,
                "cpu_seconds": answer.cpu_seconds,
                "notes": dict(answer.notes),
            }
        else:
            line["refused"] = answer.reason
            line["words"] = list(answer.words)
        told.append(line)
    return told
