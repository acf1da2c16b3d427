"""`LumenPipeline`: from prompts to pictures, as diffusers saves, loads and calls pipelines."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from diffusers.utils import BaseOutput
from PIL import Image
from torch import Tensor

from models.lumen.autoencoder import LumenAutoencoder
from models.lumen.text_encoder import LumenTextEncoder
from models.lumen.tokenizer import LumenTokenizer
from models.lumen.transformer import LumenTransformer

Generators = torch.Generator | Sequence[torch.Generator] | None


@dataclass
class LumenOutput(BaseOutput):  # type: ignore[misc]
    """What a call answers.

    Attributes
    ----------
    images : list of PIL.Image.Image, ndarray of shape (n, height, width, 3) in [0, 1], or latents
    unknown_words : list of list of str
        For each picture the words of its prompt that the model could not read, in order.
    """

    images: list[Image.Image] | np.ndarray | Tensor
    unknown_words: list[list[str]]


class LumenPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Text to image by following a learnt flow from noise in latent space.

    Parameters
    ----------
    tokenizer, text_encoder, transformer, vae, scheduler
        The parts; of the `vae` only the decoder is used.
    steps, guidance
        What a call uses where it says nothing else; a distilled model was made for its own.
    """

    model_cpu_offload_seq = "text_encoder->transformer->vae"

    def __init__(
        self,
        tokenizer: LumenTokenizer,
        text_encoder: LumenTextEncoder,
        transformer: LumenTransformer,
        vae: LumenAutoencoder,
        scheduler: FlowMatchEulerDiscreteScheduler,
        steps: int = 16,
        guidance: float = 3.0,
    ) -> None:
        super().__init__()
        self.register_modules(
            tokenizer=tokenizer,
            text_encoder=text_encoder,
            transformer=transformer,
            vae=vae,
            scheduler=scheduler,
        )
        self.register_to_config(steps=steps, guidance=guidance)

    @property
    def vae_scale_factor(self) -> int:
        """Sides must be multiples of this many pixels."""
        return int(self.vae.factor * self.transformer.config.patch)

    def prepare_latents(
        self,
        batch: int,
        height: int,
        width: int,
        dtype: torch.dtype,
        device: torch.device,
        generator: Generators,
        latents: Tensor | None = None,
    ) -> Tensor:
        """Noise of shape (batch, channels, height / factor, width / factor), or what was given.

        Each picture's noise is drawn by its own generator on that generator's device, in float32.
        """
        if latents is None:
            shape = (self.transformer.config.channels, height // self.vae.factor, width // self.vae.factor)
            if generator is None or isinstance(generator, torch.Generator):
                given = [generator] * batch
            elif len(given := list(generator)) != batch:
                raise ValueError(f"{batch} pictures need {batch} generators, not {len(given)}")
            drawn = [
                torch.randn(shape, generator=one, device=one.device if one else "cpu", dtype=torch.float32)
                for one in given
            ]
            latents = torch.stack([noise.to(device) for noise in drawn])
        return latents.to(device=device, dtype=dtype)

    def time_grid(self, steps: int, device: torch.device) -> Tensor:
        """Set the scheduler and return its times of shape (steps,), in units of its training steps.

        The times before the shift are evenly spaced from 1 down to 1 / steps, so that no step is spent on a
        time that is almost 0 already.
        """
        if "sigmas" in inspect.signature(self.scheduler.set_timesteps).parameters:
            self.scheduler.set_timesteps(sigmas=np.linspace(1.0, 1.0 / steps, steps).tolist(), device=device)
        else:
            self.scheduler.set_timesteps(steps, device=device)
        times: Tensor = self.scheduler.timesteps
        return times

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | Sequence[str],
        height: int | None = None,
        width: int | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        generator: Generators = None,
        latents: Tensor | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
    ) -> LumenOutput | tuple[Any, ...]:
        """Paint one picture a prompt.

        Parameters
        ----------
        prompt : str or sequence of str
        height, width : int, optional
            In pixels, multiples of `vae_scale_factor`; the size of training where left out.
        num_inference_steps : int, optional
            Evaluations of the flow; twice as many of the network with guidance, in one batch.
        guidance_scale : float, optional
            ``v = v_empty + scale (v_prompt - v_empty)`` (Ho and Salimans 2022, eq. 6); 1 is none.
        generator : torch.Generator or one a picture, optional
        latents : Tensor, optional
            Noise to start from, in place of a generator's.
        output_type : {"pil", "np", "latent"}
        return_dict : bool
            False for a plain tuple.
        """
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        native = self.transformer.config.grid * self.vae.factor
        height, width = height or native, width or native
        if height % self.vae_scale_factor or width % self.vae_scale_factor:
            raise ValueError(f"height and width must be multiples of {self.vae_scale_factor}")
        steps = num_inference_steps or self.config.steps
        scale = self.config.guidance if guidance_scale is None else guidance_scale
        device, dtype = self._execution_device, self.transformer.dtype

        guided = scale != 1.0
        reading = self.tokenizer.read([*prompts, *([""] * len(prompts) if guided else [])])
        mask = reading.mask.to(device)
        words, pooled = self.text_encoder(reading.ids.to(device), mask)
        # The path is summed in float32; only the network sees the model's own precision.
        x = self.prepare_latents(len(prompts), height, width, torch.float32, device, generator, latents)
        for time in self.progress_bar(self.time_grid(steps, device)):
            t = (time / self.scheduler.config.num_train_timesteps).expand(mask.shape[0])
            seen = (torch.cat([x, x]) if guided else x).to(dtype)
            velocity = self.transformer(seen, t, words, mask, pooled).float()
            if guided:
                told, empty = velocity.chunk(2)
                velocity = empty + scale * (told - empty)
            x = self.scheduler.step(velocity, time, x, return_dict=False)[0]
        images = x if output_type == "latent" else self._pictures(x, output_type)
        self.maybe_free_model_hooks()
        unknown = [list(strange) for strange in reading.unknown[: len(prompts)]]
        return LumenOutput(images, unknown) if return_dict else (images, unknown)

    def _pictures(self, latents: Tensor, output_type: str) -> np.ndarray | list[Image.Image]:
        decoded = self.vae.decode(self.vae.denormalise(latents).to(self.vae.dtype)).float()
        values: np.ndarray = (decoded / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
        if output_type == "np":
            return values
        return [Image.fromarray((one * 255).round().astype(np.uint8)) for one in values]


def register() -> None:
    """Let plain ``DiffusionPipeline.from_pretrained`` find the class that a Lumen folder names.

    diffusers looks pipelines up among its own names and components among modules already imported, which the
    imports above have done. The arena's loader asks for the class itself and needs none of this.
    """
    diffusers.LumenPipeline = LumenPipeline
