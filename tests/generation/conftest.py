"""Real pipelines with random weights, small enough to build, save, load and run in a test."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.cards import read_card
from models.contracts import EntrantCard

WORDS = ("red", "blue", "mug", "vase", "on", "a", "the", "table")


def tokenizer():
    """A CLIP tokenizer that knows a few words and spells the rest."""
    from transformers import CLIPTokenizer

    letters = string.ascii_lowercase + string.digits + ",.-"
    vocabulary = [*letters, *(f"{letter}</w>" for letter in letters)]
    merges = []
    for word in WORDS:
        built = word[0]
        for letter in [*word[1:-1], f"{word[-1]}</w>"] if len(word) > 1 else []:
            merges.append((built, letter))
            built += letter
            vocabulary.append(built)
    vocabulary = list(dict.fromkeys([*vocabulary, "<|startoftext|>", "<|endoftext|>"]))
    return CLIPTokenizer(
        vocab={token: number for number, token in enumerate(vocabulary)},
        merges=list(dict.fromkeys(merges)),
        model_max_length=16,
    )


def text_encoder(size: int, *, projected: bool = False):
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    words = tokenizer()
    config = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=size,
        intermediate_size=2 * size,
        projection_dim=size,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=16,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    torch.manual_seed(1)
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config).eval()


def picture_coder(channels: int, **more: Any):
    import torch
    from diffusers import AutoencoderKL

    torch.manual_seed(2)
    return AutoencoderKL(
        block_out_channels=(16, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=channels,
        norm_num_groups=8,
        sample_size=32,
        **more,
    ).eval()


def watcher(threshold: float):
    """A safety checker whose every threshold is the cosine `threshold`: -2 flags all, 2 flags nothing."""
    import torch
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig

    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(3)
    checker = StableDiffusionSafetyChecker(
        CLIPConfig(
            text_config={**small, "vocab_size": 100},
            vision_config={**small, "image_size": 32, "patch_size": 16},
            projection_dim=16,
        )
    )
    for limits in (checker.concept_embeds_weights, checker.special_care_embeds_weights):
        limits.data.fill_(threshold)
    return checker.eval()


def stable_diffusion(*, threshold: float | None = None):
    import torch
    from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPImageProcessor

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        block_out_channels=(16, 32),
        layers_per_block=1,
        sample_size=16,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
        norm_num_groups=8,
    ).eval()
    return StableDiffusionPipeline(
        unet=unet,
        vae=picture_coder(4),
        text_encoder=text_encoder(16),
        tokenizer=tokenizer(),
        scheduler=DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False, steps_offset=1),
        safety_checker=None if threshold is None else watcher(threshold),
        feature_extractor=None
        if threshold is None
        else CLIPImageProcessor(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, do_center_crop=True
        ),
        requires_safety_checker=threshold is not None,
    )


def stable_diffusion_3():
    """A transformer trained by flow matching: two CLIP text encoders, no T5."""
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline

    torch.manual_seed(0)
    transformer = SD3Transformer2DModel(
        sample_size=16,
        patch_size=1,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_projection_dim=32,
        joint_attention_dim=32,
        pooled_projection_dim=32,
    ).eval()
    return StableDiffusion3Pipeline(
        transformer=transformer,
        vae=picture_coder(4, shift_factor=0.06, scaling_factor=1.5),
        text_encoder=text_encoder(16, projected=True),
        tokenizer=tokenizer(),
        text_encoder_2=text_encoder(16, projected=True),
        tokenizer_2=tokenizer(),
        text_encoder_3=None,
        tokenizer_3=None,
        scheduler=FlowMatchEulerDiscreteScheduler(),
    )


def long_reader():
    """A T5 encoder and its tokenizer."""
    import torch
    from transformers import T5Config, T5EncoderModel, T5Tokenizer

    letters = string.ascii_lowercase + string.digits + ",.-▁"
    told = ["<pad>", "</s>", "<unk>", *(f"▁{word}" for word in WORDS), *letters]
    tokenizer = T5Tokenizer(
        vocab=[(token, -float(number)) for number, token in enumerate(told)], extra_ids=0, model_max_length=16
    )
    torch.manual_seed(4)
    config = T5Config(
        vocab_size=len(told),
        d_model=32,
        d_kv=8,
        d_ff=37,
        num_layers=1,
        num_heads=4,
        relative_attention_num_buckets=8,
    )
    return T5EncoderModel(config).eval(), tokenizer


def flux():
    """Latents packed into patches, guidance read by the model, a tuple from ``prepare_latents``."""
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

    torch.manual_seed(0)
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=16,
        axes_dims_rope=(4, 4, 8),
        guidance_embeds=True,
    ).eval()
    encoder, reader = long_reader()
    return FluxPipeline(
        transformer=transformer,
        vae=picture_coder(4, shift_factor=0.06, scaling_factor=1.5),
        text_encoder=text_encoder(16),
        tokenizer=tokenizer(),
        text_encoder_2=encoder,
        tokenizer_2=reader,
        scheduler=FlowMatchEulerDiscreteScheduler(),
    )


def pixart():
    """A diffusion transformer that would bin sizes and clean captions if it were let."""
    import torch
    from diffusers import DDIMScheduler, PixArtAlphaPipeline, PixArtTransformer2DModel

    torch.manual_seed(0)
    transformer = PixArtTransformer2DModel(
        sample_size=16,
        num_layers=1,
        patch_size=2,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_channels=32,
        in_channels=4,
        cross_attention_dim=32,
        out_channels=8,
        use_additional_conditions=False,
    ).eval()
    encoder, reader = long_reader()
    return PixArtAlphaPipeline(
        transformer=transformer,
        vae=picture_coder(4),
        text_encoder=encoder,
        tokenizer=reader,
        scheduler=DDIMScheduler(clip_sample=False),
    )


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folder of a pipeline, built and saved when first asked for."""
    folders: dict[str, Path] = {}
    builders: dict[str, Callable[[], Any]] = {
        "sd": stable_diffusion,
        "sd-refuses": lambda: stable_diffusion(threshold=-2.0),
        "sd-allows": lambda: stable_diffusion(threshold=2.0),
        "sd3": stable_diffusion_3,
        "flux": flux,
        "pixart": pixart,
    }

    def folder(name: str) -> Path:
        if name not in folders:
            folders[name] = tmp_path_factory.mktemp("weights") / name
            builders[name]().save_pretrained(folders[name])
        return folders[name]

    return folder


@pytest.fixture
def card(saved: Callable[[str], Path]) -> Callable[..., EntrantCard]:
    """Card of a tiny pipeline, read as a catalogue's would be."""

    def make(
        name: str = "sd",
        *,
        runtime: dict[str, Any] | None = None,
        folder: Path | None = None,
        **identity: Any,
    ) -> EntrantCard:
        told = {
            "slug": "tiny",
            "name": "Tiny",
            "kind": "external",
            "backend": "diffusers",
            "identity": {"path": str(folder or saved(name)), "steps": 3, "guidance": 4.0, "size": 32}
            | identity,
            "runtime": {"device": "cpu", "engine": "torch", **(runtime or {})},
        }
        return read_card(told, file=Path("catalog.toml"))

    return make
