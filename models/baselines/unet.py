"""Diffusion in pixels as it was done in 2020: a small U-Net that predicts the noise, and DDIM's steps.

It paints at one small size alone; on a larger canvas its pictures are resampled, like those of any entrant
that paints smaller than the canvas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import DDIMScheduler, DiffusionPipeline, UNet2DConditionModel
from torch import Tensor
from torch.nn import functional

from models.baselines.pictures import Generators, as_images, own_noise
from models.lumen.pipeline import LumenOutput
from models.lumen.text_encoder import LumenTextEncoder
from models.lumen.tokenizer import LumenTokenizer


def noise_schedule() -> DDIMScheduler:
    """A thousand levels of noise, linear in beta (Ho et al. 2020, sec. 4).

    A step that is taken starts from the noisiest level, and its guess of the picture is clipped to [-1, 1].
    """
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_schedule="linear",
        clip_sample=True,
        set_alpha_to_one=True,
        timestep_spacing="trailing",
    )


def predict_noise(
    unet: UNet2DConditionModel, x: Tensor, t: Tensor, words: Tensor, mask: Tensor, pooled: Tensor, fold: int
) -> Tensor:
    """The noise in `x`, as the network sees it (Ho et al. 2020, eq. 11).

    Parameters
    ----------
    unet : UNet2DConditionModel
        On pictures folded by `fold`; reads `words` by cross-attention and `pooled` beside the time.
    x : Tensor of shape (batch, 3, side, side)
    t : Tensor of shape (batch,)
        Level of noise, from 0 to 999.
    words, mask, pooled : Tensor
        Of the text encoder; (batch, words, width), (batch, words), (batch, width).
    fold : int
        Side of the squares of pixels that become channels: the network works at a `fold`-th of the side.

    Returns
    -------
    Tensor of shape (batch, 3, side, side)
    """
    made = unet(
        functional.pixel_unshuffle(x, fold),
        t,
        words,
        class_labels=pooled,
        encoder_attention_mask=mask,
        return_dict=False,
    )[0]
    return functional.pixel_shuffle(made, fold)


class PixelUnetPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Text to a small picture by taking noise away step by step, in pixels.

    Parameters
    ----------
    tokenizer, text_encoder, unet, scheduler
        The parts.
    fold : int
        See `predict_noise`.
    steps, guidance
        What a call uses where it says nothing else.
    """

    model_cpu_offload_seq = "text_encoder->unet"

    def __init__(
        self,
        tokenizer: LumenTokenizer,
        text_encoder: LumenTextEncoder,
        unet: UNet2DConditionModel,
        scheduler: DDIMScheduler,
        fold: int = 2,
        steps: int = 25,
        guidance: float = 2.0,
    ) -> None:
        super().__init__()
        self.register_modules(tokenizer=tokenizer, text_encoder=text_encoder, unet=unet, scheduler=scheduler)
        self.register_to_config(fold=fold, steps=steps, guidance=guidance)

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | Sequence[str],
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        generator: Generators = None,
        output_type: str = "pil",
        return_dict: bool = True,
    ) -> LumenOutput | tuple[Any, ...]:
        """Paint one picture a prompt, at the one size that the network knows.

        Parameters
        ----------
        prompt : str or sequence of str
        num_inference_steps : int, optional
            Evaluations of the network; twice as many with guidance, in one batch.
        guidance_scale : float, optional
            ``e = e_empty + scale (e_prompt - e_empty)`` (Ho and Salimans 2022, eq. 6); 1 is none.
        generator : torch.Generator or one a picture, optional
        output_type : {"pil", "np"}
        return_dict : bool
            False for a plain tuple.
        """
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        scale = self.config.guidance if guidance_scale is None else guidance_scale
        device, dtype, fold = self._execution_device, self.unet.dtype, self.config.fold
        side = self.unet.config.sample_size * fold

        guided = scale != 1.0
        reading = self.tokenizer.read([*prompts, *([""] * len(prompts) if guided else [])])
        mask = reading.mask.to(device)
        words, pooled = self.text_encoder(reading.ids.to(device), mask)
        # The path is followed in float32; only the network sees the model's own precision.
        x = own_noise(len(prompts), (3, side, side), generator, device)
        self.scheduler.set_timesteps(num_inference_steps or self.config.steps, device=device)
        for time in self.progress_bar(self.scheduler.timesteps):
            seen = (torch.cat([x, x]) if guided else x).to(dtype)
            noise = predict_noise(
                self.unet, seen, time.expand(mask.shape[0]), words, mask, pooled, fold
            ).float()
            if guided:
                told, empty = noise.chunk(2)
                noise = empty + scale * (told - empty)
            x = self.scheduler.step(noise, time, x, return_dict=False)[0]
        self.maybe_free_model_hooks()
        images = as_images(x, output_type)
        unknown = [list(strange) for strange in reading.unknown[: len(prompts)]]
        return LumenOutput(images, unknown) if return_dict else (images, unknown)
