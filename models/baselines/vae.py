"""A variational autoencoder told the words of a caption: one pass from noise to a soft small picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import ConfigMixin, DiffusionPipeline, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from models.baselines.pictures import Generators, as_images, own_noise
from models.lumen.autoencoder import decoder, encoder
from models.lumen.pipeline import LumenOutput
from models.lumen.text_encoder import LumenTextEncoder
from models.lumen.tokenizer import LumenTokenizer


class _Encoder(nn.Module):
    """Picture and words to the mean and the log-variance of latents."""

    def __init__(self, pictures: nn.Module, wide: int, text_width: int, latent: int) -> None:
        super().__init__()
        self.pictures = pictures
        self.leave = nn.Linear(wide + text_width, 2 * latent)

    def forward(self, pictures: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.pictures(pictures).flatten(1)
        mean, log_variance = self.leave(torch.cat([seen, words.to(seen.dtype)], dim=-1)).chunk(2, dim=-1)
        return mean, log_variance


class _Decoder(nn.Module):
    """Latents and words to a picture."""

    def __init__(self, pictures: nn.Module, shape: tuple[int, int, int], given: int, hidden: int) -> None:
        super().__init__()
        channels, rows, columns = shape
        self.enter = nn.Sequential(
            nn.Linear(given, hidden), nn.SiLU(), nn.Linear(hidden, channels * rows * columns)
        )
        self.grid = nn.Unflatten(1, shape)
        self.pictures = pictures

    def forward(self, latents: Tensor, words: Tensor) -> Tensor:
        made: Tensor = self.pictures(self.grid(self.enter(torch.cat([latents, words], dim=-1))))
        return made


class WordVae(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A conditional variational autoencoder (Kingma and Welling 2014; Sohn et al. 2015, eq. 4).

    The latents of a picture are drawn about what its words foretell. With the same normal distribution for
    every caption they would say everything, and the words nothing.

    Parameters
    ----------
    size : int
        Pixels along one side.
    latent : int
        Numbers that say of a picture what its caption leaves open.
    text_width : int
        Width of the vector that stands for a caption.
    hidden, channels : int
        Inner width of the decoder's entry, and channels of the grid that it fills.
    stem, widths, encoder_blocks, decoder_blocks
        See `models.lumen.autoencoder.LumenAutoencoder`; no `encoder_blocks` makes a decoder alone, which is
        all that painting needs.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        size: int = 64,
        latent: int = 64,
        text_width: int = 128,
        hidden: int = 256,
        channels: int = 32,
        stem: int = 2,
        widths: Sequence[int] = (32, 64, 96, 128),
        encoder_blocks: Sequence[int] = (1, 1, 1, 1),
        decoder_blocks: Sequence[int] = (1, 1, 1, 2),
    ) -> None:
        super().__init__()
        side = size // (stem * 2 ** (len(widths) - 1))
        wide = channels * side**2
        self.encoder = (
            _Encoder(encoder(channels, stem, widths, encoder_blocks), wide, text_width, latent)
            if len(encoder_blocks)
            else None
        )
        self.foretell = nn.Sequential(nn.Linear(text_width, hidden), nn.SiLU(), nn.Linear(hidden, 2 * latent))
        self.decoder = _Decoder(
            decoder(channels, stem, widths, decoder_blocks),
            (channels, side, side),
            latent + text_width,
            hidden,
        )

    def expect(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latents of pictures with these captions, both (n, latent)."""
        mean, log_variance = self.foretell(words).chunk(2, dim=-1)
        return mean, log_variance

    def encode(self, pictures: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latents, both (n, latent), of captioned pictures in [-1, 1]."""
        if self.encoder is None:
            raise ValueError("this autoencoder was saved without its encoder")
        mean, log_variance = self.encoder(pictures, words)
        return mean, log_variance

    def decode(self, latents: Tensor, words: Tensor) -> Tensor:
        """Pictures of shape (n, 3, size, size), not clamped."""
        pictures: Tensor = self.decoder(latents, words)
        return pictures


class WordVaePipeline(DiffusionPipeline):  # type: ignore[misc]
    """Text to a small picture in one pass, from latents drawn by chance.

    Parameters
    ----------
    tokenizer, text_encoder, vae
        The parts; the encoder of the `vae` is not used.
    """

    model_cpu_offload_seq = "text_encoder->vae"

    def __init__(self, tokenizer: LumenTokenizer, text_encoder: LumenTextEncoder, vae: WordVae) -> None:
        super().__init__()
        self.register_modules(tokenizer=tokenizer, text_encoder=text_encoder, vae=vae)

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | Sequence[str],
        num_inference_steps: int = 1,
        generator: Generators = None,
        output_type: str = "pil",
        return_dict: bool = True,
    ) -> LumenOutput | tuple[Any, ...]:
        """Paint one picture a prompt, at the one size that the network knows.

        Parameters
        ----------
        prompt : str or sequence of str
        num_inference_steps : int
            1: there is one pass and no more.
        generator : torch.Generator or one a picture, optional
        output_type : {"pil", "np"}
        return_dict : bool
            False for a plain tuple.

        Raises
        ------
        ValueError
            If another number of steps is asked for.
        """
        if num_inference_steps != 1:
            raise ValueError(f"this model paints in one step, not {num_inference_steps}")
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        device, dtype = self._execution_device, self.vae.dtype
        reading = self.tokenizer.read(prompts)
        _, pooled = self.text_encoder(reading.ids.to(device), reading.mask.to(device))
        words = pooled.to(dtype)
        mean, log_variance = self.vae.expect(words)
        noise = own_noise(len(prompts), (self.vae.config.latent,), generator, device).to(dtype)
        latents = mean + (0.5 * log_variance).exp() * noise
        images = as_images(self.vae.decode(latents, words), output_type)
        self.maybe_free_model_hooks()
        unknown = [list(strange) for strange in reading.unknown]
        return LumenOutput(images, unknown) if return_dict else (images, unknown)
