"""How fast a pipeline as large as Stable Diffusion 1.5 is on a processor, plainly run and by default.

    python benchmarks/engines.py [--steps 3] [--threads 1] [--folder FOLDER] [--json]

The weights are random: 860 million numbers in the denoiser, 64 x 64 latents, guidance, 512 x 512 pixels. Each
engine runs in a fresh process; the default one has converted the pipeline in a process before, once on a
machine. Printed are seconds of a step, by the clock and of the processor (medians; a step evaluates the
denoiser on two rows), and the largest resident set, in which the pages of the weights' files count that the
kernel could take back. On a busy machine read the processor's seconds.
"""

from __future__ import annotations

import argparse
import json
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ENGINES = {"eager float32": {"engine": "torch", "dtype": "float32"}, "default": {}}
GOAL = 0.45
"""Seconds a step of the default, over eager float32's."""


def build(folder: Path) -> None:
    """Save a pipeline of the sizes of Stable Diffusion 1.5."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    letters = [*string.ascii_lowercase, *(f"{letter}</w>" for letter in string.ascii_lowercase)]
    tokens = [*letters, "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(
        vocab={token: number for number, token in enumerate(tokens)}, merges=[], model_max_length=77
    )
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49408,
            hidden_size=768,
            intermediate_size=3072,
            num_hidden_layers=12,
            num_attention_heads=12,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    unet = UNet2DConditionModel(
        sample_size=64,
        block_out_channels=(320, 640, 1280, 1280),
        layers_per_block=2,
        attention_head_dim=8,
        cross_attention_dim=768,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    )
    vae = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
        sample_size=512,
    )
    StableDiffusionPipeline(
        unet=unet,
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        scheduler=DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)


def one(folder: Path, engine: str, steps: int, threads: int) -> dict[str, object]:
    """Measure one engine in this process."""
    import torch

    from models.cards import read_card
    from models.contracts import GenerationRequest
    from models.loading import load

    torch.set_num_threads(threads)
    told = {
        "slug": "sized",
        "name": "Sized",
        "kind": "external",
        "backend": "diffusers",
        "identity": {"path": str(folder), "steps": steps, "guidance": 7.5, "size": 512},
        "runtime": {"device": "cpu", "threads": threads, **ENGINES[engine]},
    }
    model = load(read_card(told, file=Path("benchmark")))
    model.generate([GenerationRequest("warm", 0, steps=1)])
    walls, processors = [], []

    def begin(*_: object) -> None:
        walls.append(-time.perf_counter())
        processors.append(-time.process_time())

    def end(*_: object) -> None:
        walls[-1] += time.perf_counter()
        processors[-1] += time.process_time()

    model.pipeline.unet.register_forward_pre_hook(begin)
    model.pipeline.unet.register_forward_hook(end)
    (answer,) = model.generate([GenerationRequest("a red mug", 1)])
    return {
        "engine": model.card.runtime["engine"],
        "dtype": model.card.runtime["dtype"],
        "step_seconds": median(walls),
        "step_cpu_seconds": median(processors),
        "picture_seconds": answer.seconds,
        "peak_bytes": answer.peak_bytes,
        "in_torch": {name: part.given_up for name, part in model.parts.items() if part.given_up},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--folder", type=Path, help="where the pipeline is kept; a temporary folder if not given"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", choices=ENGINES, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.one:
        print(json.dumps(one(told.folder, told.one, told.steps, told.threads)))
        return
    with tempfile.TemporaryDirectory() as aside:
        folder = (told.folder or Path(aside)) / "sized"
        if not (folder / "model_index.json").exists():
            build(folder)

        def run(engine: str, steps: int) -> dict[str, float]:
            words = ["--one", engine, "--folder", str(folder), "--threads", str(told.threads)]
            done = subprocess.run(
                [sys.executable, __file__, *words, "--steps", str(steps)], stdout=subprocess.PIPE, check=True
            )
            found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
            return found

        run("default", 1)  # converts
        rows = {engine: run(engine, told.steps) for engine in ENGINES}
    plain, default = rows.values()
    ratio = default["step_seconds"] / plain["step_seconds"]
    processor = default["step_cpu_seconds"] / plain["step_cpu_seconds"]
    if told.json:
        print(
            json.dumps(
                {"rows": rows, "ratio": ratio, "cpu_ratio": processor, "goal": GOAL, "threads": told.threads},
                indent=2,
            )
        )
        return
    for engine, row in rows.items():
        print(
            f"{engine:14} {row['engine']:9} {row['dtype']:9} {row['step_seconds']:7.2f} s a step, "
            f"{row['step_cpu_seconds']:.2f} of the processor, "
            f"{row['picture_seconds']:8.1f} s a picture {row['peak_bytes'] / 2**30:6.2f} GiB"
        )
    print(f"{ratio:.2f} of eager float32 by the clock, {processor:.2f} of the processor (goal {GOAL})")


if __name__ == "__main__":
    main()
