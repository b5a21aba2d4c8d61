"""A tiny text-to-image pipeline with random weights; only who draws waits for diffusers."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
)

from tests.model.tiny_clip import letters

TINY = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}


def make_pipeline(folder: Path, checker: StableDiffusionSafetyChecker | None = None) -> Path:
    """A Stable Diffusion of a few thousand weights, saved as people save them."""
    torch.manual_seed(0)
    words = CLIPTokenizer(vocab=letters(), merges=[], model_max_length=77)  # it spells
    ends = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id}
    down, up = ("DownEncoderBlock2D",) * 2, ("UpDecoderBlock2D",) * 2
    vae = AutoencoderKL(
        block_out_channels=(8, 8), down_block_types=down, up_block_types=up, norm_num_groups=4
    )
    unet = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(8, 16),
        layers_per_block=1,
        cross_attention_dim=16,
        norm_num_groups=4,
        attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )
    pipeline = StableDiffusionPipeline(
        vae=vae,
        unet=unet,
        tokenizer=words,
        safety_checker=checker,
        requires_safety_checker=checker is not None,
        text_encoder=CLIPTextModel(CLIPTextConfig(vocab_size=len(words), **TINY, **ends)),
        scheduler=DDIMScheduler(clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        feature_extractor=CLIPImageProcessor(size=32, crop_size=32) if checker else None,
    )
    pipeline.save_pretrained(folder)
    return folder


def make_strict_pipeline(folder: Path) -> Path:
    """One whose safety checker finds fault with every picture."""
    vision = {**TINY, "image_size": 32, "patch_size": 16, "projection_dim": 8}
    checker = StableDiffusionSafetyChecker(
        CLIPConfig(vision_config=vision, text_config=TINY, projection_dim=8)
    )
    checker.concept_embeds_weights.data.fill_(-2)  # below any cosine
    return make_pipeline(folder, checker)
