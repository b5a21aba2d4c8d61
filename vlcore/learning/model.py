"""The dual encoder: an image transformer and a text transformer that meet in one space.

The one idea: each tower maps its input to a unit vector, and a pair is scored by their cosine alone, scaled and shifted
by two learned numbers, so ``logit = exp(tau) * <z, t> + b``. Nothing else connects picture and caption.

The default image tower starts with convolutions (CCT, Hassani et al. 2021), because a transformer on linear
patches learns little from 192 pictures; the study's own kind, linear patches, is ``seed_faithful``.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vlcore.conditions import Condition
from vlcore.images.captions import MAX_WORDS, PAD
from vlcore.images.imagesets import TRAINING_SIZE


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a `DualEncoder`; it is saved beside the weights and read back for inference."""

    words: int  # size of the vocabulary, padding and unknown included
    architecture: str = "conv_stem"
    image_size: int = TRAINING_SIZE
    max_words: int = MAX_WORDS
    width: int = 64
    depth: int = 2
    heads: int = 4
    embedding: int = 32
    init_seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        batch, tokens, width = x.shape
        split = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)  # each (B, H, T, W/H)
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(x.transpose(1, 2).reshape(batch, tokens, width))  # (B, T, W)


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = x + self.attention(self.norm1(x), mask)
        return x + self.mlp(self.norm2(x))


def conv_stem(width: int) -> nn.Sequential:
    """Patches of 4 px, then two strided 3 x 3 convolutions: 64 px to 4 x 4 tokens that overlap."""
    return nn.Sequential(
        nn.Conv2d(3, 3 * width // 8, 4, stride=4),
        nn.GELU(),
        nn.Conv2d(3 * width // 8, 3 * width // 4, 3, stride=2, padding=1),
        nn.GELU(),
        nn.Conv2d(3 * width // 4, width, 3, stride=2, padding=1),
    )


class ImageTower(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.architecture == "conv_stem":
            self.stem, patch, depth = conv_stem(config.width), 16, config.depth
        else:
            patch, depth = 8, 2 * config.depth
            self.stem = nn.Sequential(nn.Conv2d(3, config.width, patch, stride=patch))
        tokens = (config.image_size // patch) ** 2
        self.position = nn.Parameter(torch.randn(tokens, config.width) * 0.02)
        self.blocks = nn.ModuleList(Block(config.width, config.heads) for _ in range(depth))
        self.norm = nn.LayerNorm(config.width)
        self.project = nn.Linear(config.width, config.embedding, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images).flatten(2).transpose(1, 2) + self.position  # (B, T, W)
        for block in self.blocks:
            x = block(x)
        return F.normalize(self.project(self.norm(x).mean(dim=1)), dim=-1)  # (B, E)


class TextTower(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed = nn.Embedding(config.words, config.width)
        nn.init.normal_(self.embed.weight, std=0.5)
        self.position = nn.Parameter(torch.randn(config.max_words, config.width) * 0.02)
        self.blocks = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        self.project = nn.Linear(config.width, config.embedding, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        word = tokens != PAD  # (K, L)
        x = self.embed(tokens) + self.position  # (K, L, W)
        for block in self.blocks:
            x = block(x, word[:, None, None, :])
        x = (self.norm(x) * word[..., None]).sum(dim=1) / word.sum(dim=1, keepdim=True)  # mean over words, (K, W)
        return F.normalize(self.project(x), dim=-1)  # (K, E)


class DualEncoder(nn.Module):
    """Two towers and the scale and bias that turn a cosine into a logit.

    The towers are seeded apart: two label styles with one seed start from the same image weights.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream(config.init_seed, "image tower"))
            self.image = ImageTower(config)
            torch.manual_seed(stream(config.init_seed, "text tower"))
            self.text = TextTower(config)
        # exp(tau) = 10 and b = 0 suit one positive against one unit of negatives; CLIP's and SigLIP's starting values
        # are for thousands of negatives and stall here.
        self.tau = nn.Parameter(torch.tensor(10.0).log())
        self.bias = nn.Parameter(torch.tensor(0.0))

    def logits(self, z: Tensor, t: Tensor) -> Tensor:
        """Scores of every image with every caption, (B, E) and (K, E) to (B, K)."""
        return self.tau.exp().clamp(1, 100) * (z @ t.T) + self.bias

    @property
    def parameters_count(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())


def build(condition: Condition, words: int) -> DualEncoder:
    """The untrained encoder of a condition."""
    return DualEncoder(ModelConfig(words=words, architecture=condition.architecture, init_seed=condition.init_seed))


def to_input(pixels: Tensor) -> Tensor:
    """uint8 (B, S, S, 3) to float (B, 3, S, S), centred on mid-grey, between -1 and 1."""
    return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1


def stream(seed: int, purpose: str) -> int:
    """A seed of its own for each purpose, so that a draw more in one place changes nothing in another."""
    return int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest()[:8], "big") >> 1
