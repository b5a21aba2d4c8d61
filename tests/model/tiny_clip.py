"""Checkpoints of CLIP and SigLIP with two layers and random weights, as folders."""

from pathlib import Path
from typing import Any

TEXT_LENGTH = 24  # tokens of a caption
SIZE = 32  # side of a picture
WIDTH = 16  # numbers of an embedding
_TOWER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def letters() -> dict[str, int]:
    """CLIP's vocabulary before anything was merged: a token for each byte, and one for each that
    ends a word."""
    printed = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    marks = [chr(code) for code in printed] + [
        chr(256 + number) for number in range(256 - len(printed))
    ]
    words = [*marks, *(f"{mark}</w>" for mark in marks), "<|startoftext|>", "<|endoftext|>"]
    return {word: number for number, word in enumerate(words)}


def _save_preparation(folder: Path, kind: Any, size: dict[str, int], **crop: Any) -> None:
    from transformers import CLIPTokenizer

    CLIPTokenizer(vocab=letters(), merges=[]).save_pretrained(folder)
    kind(size=size, **crop).save_pretrained(folder)


def save_clip(folder: Path, seed: int = 0, **changes: Any) -> Path:
    """A CLIP with random weights; `changes` are those of its configuration."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    vocabulary = letters()
    begin, end = vocabulary["<|startoftext|>"], vocabulary["<|endoftext|>"]
    text = {**_TOWER, "vocab_size": len(vocabulary), "max_position_embeddings": TEXT_LENGTH}
    text |= {"bos_token_id": begin, "eos_token_id": end, "pad_token_id": end}
    vision = {**_TOWER, "image_size": SIZE, "patch_size": 8}
    config = CLIPConfig(
        **{"text_config": text, "vision_config": vision, "projection_dim": WIDTH, **changes}
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        CLIPModel(config).save_pretrained(folder)
    side = {"height": SIZE, "width": SIZE}
    _save_preparation(folder, CLIPImageProcessor, {"shortest_edge": SIZE}, crop_size=side)
    return folder


def save_siglip(folder: Path, seed: int = 0) -> Path:
    """A SigLIP with random weights. Its own tokenizer needs sentencepiece; CLIP's reads letters as
    well."""
    import torch
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    vocabulary = letters()
    text = {
        **_TOWER,
        "vocab_size": len(vocabulary),
        "max_position_embeddings": TEXT_LENGTH,
        "projection_size": 32,
    }
    vision = {**_TOWER, "image_size": SIZE, "patch_size": 8}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        SiglipModel(SiglipConfig(text_config=text, vision_config=vision)).save_pretrained(folder)
    _save_preparation(folder, SiglipImageProcessor, {"height": SIZE, "width": SIZE})
    return folder
