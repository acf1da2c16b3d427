"""The denoiser of any pipeline, asked while training as its pipeline asks it while painting.

What a denoiser is told of a prompt differs from pipeline to pipeline, and each knows it best. So the pipeline
is called with the prompts and stopped where it first turns to its denoiser; what it was about to say is kept,
and said again with other latents and another time. Two steps are painted once at the start to learn how the
time is told, and that the pipeline takes the answer as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from diffusers import DDPMScheduler
from torch import Tensor, nn

from models.contracts import EntrantCard
from models.engines.parts import denoisers, remember_embeddings
from models.errors import ModelError
from models.lumen.autoencoder import LumenAutoencoder
from models.pipelines.assembly import call_arguments
from models.training.loop import generator
from models.training.train import draw_times, on_path

TIMES = ("timestep", "t")
SAME = 1e-3


class Unteachable(ModelError):
    """A pipeline that cannot be trained here, and why."""


class NoisePath(Protocol):
    """How latents become noise, and what a denoiser says of the way between."""

    def times(self, count: int, draw: torch.Generator) -> Tensor:
        """Times of training in the scheduler's units, shape (count,)."""
        ...

    def at(self, clean: Tensor, noise: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Points of the way, and what the denoiser should answer there."""
        ...


class Flow:
    """The straight path of flow matching; times go from 0 (picture) to the scheduler's count (noise)."""

    def __init__(self, scheduler: Any, extra: float) -> None:
        self.count = float(scheduler.config.num_train_timesteps)
        self.shift = float(scheduler.config.get("shift") or scheduler.config.get("flow_shift") or 1.0)
        self.extra = extra

    def times(self, count: int, draw: torch.Generator) -> Tensor:
        return self.count * draw_times(count, self.shift, self.extra, draw)

    def at(self, clean: Tensor, noise: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        return on_path(clean, noise, times / self.count)


class Diffusion:
    """The path of denoising diffusion (Ho et al. 2020, eq. 4); times are whole numbers."""

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = DDPMScheduler.from_config(scheduler.config)
        self._asked = self._scheduler.config.prediction_type

    def times(self, count: int, draw: torch.Generator) -> Tensor:
        return torch.randint(0, self._scheduler.config.num_train_timesteps, (count,), generator=draw)

    def at(self, clean: Tensor, noise: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        x: Tensor = self._scheduler.add_noise(clean, noise, times)
        if self._asked == "v_prediction":
            return x, self._scheduler.get_velocity(clean, noise, times)
        return x, {"epsilon": noise, "sample": clean}[self._asked]


def path_of(scheduler: Any, *, extra: float) -> NoisePath:
    """The path that a pipeline's scheduler walks back.

    Parameters
    ----------
    scheduler : diffusers.SchedulerMixin
    extra : float
        Of a flow: share of times drawn evenly from the noisiest tenth on top.

    Raises
    ------
    Unteachable
        If it is neither a flow nor a variance-preserving diffusion.
    """
    config, kind = scheduler.config, type(scheduler).__name__
    if kind.startswith("FlowMatch") or config.get("prediction_type") == "flow_prediction":
        return Flow(scheduler, extra)
    if "beta_start" not in config or config.get("prediction_type", "epsilon") not in (
        "epsilon",
        "sample",
        "v_prediction",
    ):
        raise Unteachable(f"{kind} walks no path that preferences are tuned on here; choose another model")
    return Diffusion(scheduler)


class _Heard(Exception):
    """Stops a pipeline at its denoiser, with what it was about to say."""

    def __init__(self, told: inspect.BoundArguments) -> None:
        super().__init__()
        self.told = told


class Denoising:
    """A pipeline's denoiser, ready to be trained.

    Parameters
    ----------
    pipeline : diffusers.DiffusionPipeline
        In float32, on its device.
    card : EntrantCard
        What it was made of; its size and arguments are used.
    autoencoder : LumenAutoencoder, optional
        For a Lumen that was saved without its encoder.

    Attributes
    ----------
    network : nn.Module
        The denoiser itself.
    name : str
        What the pipeline calls it: ``transformer`` or ``unet``.
    scheduler : diffusers.SchedulerMixin
        The pipeline's.

    Raises
    ------
    Unteachable
        If the pipeline has not exactly one denoiser, or uses it in a way that is not understood here.
    """

    def __init__(self, pipeline: Any, card: EntrantCard, autoencoder: LumenAutoencoder | None = None) -> None:
        self._pipeline, self._kind = pipeline, type(pipeline).__name__
        self.scheduler = pipeline.scheduler
        found = denoisers(pipeline)
        if len(found) != 1:
            raise Unteachable(f"{self._kind} has {len(found)} denoisers, and one alone can be tuned")
        ((self.name, self.network),) = found.items()
        names = list(inspect.signature(self.network.forward).parameters)
        self._sample = names[0]
        self._time = next((name for name in TIMES if name in names), "")
        if not self._time:
            raise Unteachable(f"{type(self.network).__name__} is told no time that is called {TIMES[0]!r}")
        self._arguments = _without_guidance(call_arguments(card, pipeline), self.network)
        remember_embeddings(pipeline)
        self._scale = self._rehearse()
        self._form = self._sampled(self.told(["a picture"])).shape[1:]
        self._encode = _encoder(pipeline, autoencoder)

    @torch.no_grad()
    def told(self, captions: Sequence[str]) -> inspect.BoundArguments:
        """What the pipeline tells its denoiser of prompts, without guidance."""

        def hear(network: nn.Module, args: Any, kwargs: Any) -> None:
            raise _Heard(inspect.signature(network.forward).bind(*args, **kwargs))

        handle = self.network.register_forward_pre_hook(hear, with_kwargs=True)
        try:
            self._call(captions)
        except _Heard as heard:
            if self._sampled(heard.told).shape[0] != len(captions):
                raise Unteachable(f"{self._kind} does not ask its denoiser once a picture") from None
            return heard.told
        finally:
            handle.remove()
        raise Unteachable(f"{self._kind} painted without its denoiser")

    def answer(self, network: nn.Module, told: inspect.BoundArguments, x: Tensor, times: Tensor) -> Tensor:
        """What a network of this kind says at points `x` and `times`, in float32.

        Parameters
        ----------
        network : nn.Module
            The denoiser or a copy of it.
        told : inspect.BoundArguments
            See `told`; of as many prompts as there are points.
        x : Tensor of shape (batch, ...)
        times : Tensor of shape (batch,)
            In the scheduler's units.
        """
        said = inspect.BoundArguments(told.signature, told.arguments.copy())
        like = torch.as_tensor(said.arguments[self._time])
        said.arguments[self._sample] = x
        said.arguments[self._time] = (self._scale * times).to(like.dtype)
        return _kept(network(*said.args, **said.kwargs), x.shape[1]).float()

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """Pictures in [-1, 1], (n, 3, height, width), as the clean latents that the denoiser knows."""
        latents = self._encode(pictures.to(self._pipeline.device))
        if len(self._form) == 2 and hasattr(self._pipeline, "_pack_latents"):
            latents = self._pipeline._pack_latents(latents, *latents.shape)  # noqa: SLF001  (what it calls itself)
        if latents.shape[1:] != self._form:
            raise Unteachable(
                f"{self._kind} keeps latents of {tuple(self._form)}, and its encoder gives "
                f"{tuple(latents.shape[1:])}"
            )
        return latents

    def _sampled(self, told: inspect.BoundArguments) -> Tensor:
        sample: Tensor = told.arguments[self._sample]
        return sample

    def _call(self, captions: Sequence[str]) -> None:
        draws = [generator(0, 6) for _ in captions]
        with torch.autocast(self._pipeline.device.type, enabled=False):
            self._pipeline(prompt=list(captions), generator=draws, **self._arguments)

    @torch.no_grad()
    def _rehearse(self) -> float:
        """Paint a picture in two steps; returns the time that the denoiser is told over the scheduler's."""
        scheduler = self.scheduler
        told: list[tuple[float, Tensor]] = []
        taken: list[tuple[float, Tensor]] = []
        step = scheduler.step

        def hear(network: nn.Module, args: Any, kwargs: Any, answer: Any) -> None:
            bound = inspect.signature(network.forward).bind(*args, **kwargs)
            time = torch.as_tensor(bound.arguments[self._time]).reshape(-1)[0]
            told.append((float(time), _kept(answer, self._sampled(bound).shape[1])))

        def watched(answer: Tensor, time: Any, *args: Any, **kwargs: Any) -> Any:
            taken.append((float(time), answer))
            return step(answer, time, *args, **kwargs)

        handle = self.network.register_forward_hook(hear, with_kwargs=True)
        scheduler.step = watched
        try:
            self._call(["a picture"])
        finally:
            del scheduler.step
            handle.remove()
        scales = [said / time for (said, _), (time, _) in zip(told, taken, strict=False) if time]
        plain = (
            len(told) == len(taken)
            and scales
            and min(scales) > 0
            and max(scales) - min(scales) < SAME * max(scales)
            and all(
                one.shape == other.shape and torch.allclose(one, other, rtol=SAME, atol=SAME)
                for (_, one), (_, other) in zip(told, taken, strict=True)
            )
        )
        if not plain:
            raise Unteachable(f"{self._kind} does more to its denoiser's time or answer than is known here")
        return scales[0]


def _kept(answer: Any, channels: int) -> Tensor:
    """The latents of an answer; a variance that was learnt beside them is left out."""
    said: Tensor = answer[0] if isinstance(answer, tuple) else getattr(answer, "sample", answer)
    return said[:, :channels] if said.shape[1] == 2 * channels else said


def _without_guidance(arguments: dict[str, Any], network: Any) -> dict[str, Any]:
    """Arguments of a call that asks the denoiser once, in two steps; a guidance that it is told of stays."""
    told = {**arguments, "num_inference_steps": 2, "output_type": "latent"}
    if not getattr(network.config, "guidance_embeds", False):
        told["guidance_scale"] = 1.0
    return {key: value for key, value in told.items() if key in arguments}


def _encoder(pipeline: Any, autoencoder: LumenAutoencoder | None) -> Callable[[Tensor], Tensor]:
    """Pictures to the latents that a pipeline denoises, before any packing."""
    vae: Any = getattr(pipeline, "vae", None)
    kind = type(pipeline).__name__
    if isinstance(vae, LumenAutoencoder):
        coder = (autoencoder or vae).to(pipeline.device)
        if coder.encoder is None:
            raise Unteachable(f"{kind} was saved without its encoder; name the folder with --autoencoder")
        if not _is_the_same(vae, coder):
            raise Unteachable("the autoencoder is not the one that the model was exported with")
        return lambda pictures: coder.normalise(coder.encode(pictures))
    config = getattr(vae, "config", {})
    scale, offset = config.get("scaling_factor"), config.get("shift_factor") or 0.0
    if scale is None or config.get("latents_mean") is not None:
        raise Unteachable(f"{kind} normalises its latents in a way that is not known here")

    def encode(pictures: Tensor) -> Tensor:
        found = vae.encode(pictures)
        latents = found.latent_dist.mode() if hasattr(found, "latent_dist") else found.latent
        encoded: Tensor = (latents - offset) * scale
        return encoded

    return encode


def _is_the_same(one: LumenAutoencoder, other: LumenAutoencoder) -> bool:
    """Whether two autoencoders decode alike, but for the rounding of weights that were saved in bfloat16."""
    theirs = other.decoder.state_dict()
    return (
        list(one.config.mean) == list(other.config.mean)
        and list(one.config.std) == list(other.config.std)
        and one.decoder.state_dict().keys() == theirs.keys()
        and all(
            weight.shape == theirs[name].shape
            and torch.allclose(weight.float(), theirs[name].float(), rtol=1e-2, atol=1e-3)
            for name, weight in one.decoder.state_dict().items()
        )
    )
