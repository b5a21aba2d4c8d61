"""The dual encoder, an image and a text transformer with one embedding space, and what it is compared with.

Each tower maps its input to a unit vector, and a pair is scored by ``logit = exp(tau) * <z, t> + b``. What it is
compared with differs in the text side alone: a classifier has a free vector for each class, a captioner a decoder that
reads the picture's tokens and says the next word. The image tower is the same, down to its first weights.

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

from vlcore.core.condition import Condition
from vlcore.core.options import OBJECTIVES
from vlcore.core.vocabulary import MAX_WORDS, PAD
from vlcore.datasets.imageset import TRAINING_SIZE
from vlcore.learning.backbones import PREFIX, Backbone, load_weights
from vlcore.measures.accuracy import TINY_SHARE


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
    language: str = "text"  # text tower, "classes" or "decoder"
    classes: int = 0
    logit: str = "learned"

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


class ImageTower(nn.Module):
    """A transformer on patches of a picture. The stem of the default one is patches of 4 px, then two strided 3 x 3
    convolutions: 64 px to 4 x 4 tokens that overlap."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        patch, depth, width = 8, 2 * config.depth, config.width
        if config.architecture == "conv_stem":
            patch, depth = 16, config.depth
            self.stem = nn.Sequential(
                nn.Conv2d(3, 3 * width // 8, 4, stride=4),
                nn.GELU(),
                nn.Conv2d(3 * width // 8, 3 * width // 4, 3, stride=2, padding=1),
                nn.GELU(),
                nn.Conv2d(3 * width // 4, width, 3, stride=2, padding=1),
            )
        else:
            self.stem = nn.Sequential(nn.Conv2d(3, width, patch, stride=patch))
        tokens = (config.image_size // patch) ** 2
        self.position = nn.Parameter(torch.randn(tokens, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, config.heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, config.embedding, bias=False)

    def tokens(self, images: Tensor) -> Tensor:
        x = self.stem(images).flatten(2).transpose(1, 2) + self.position  # (B, T, W)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward(self, images: Tensor) -> Tensor:
        return F.normalize(self.project(self.tokens(images).mean(dim=1)), dim=-1)  # (B, E)


class FrozenTower(nn.Module):
    """A torchvision network that stays as it is, and a projection that is trained; each picture is one token."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.backbone = Backbone(config.architecture)
        self.adapt = nn.Linear(self.backbone.features, config.width)
        self.norm = nn.LayerNorm(config.width)
        self.project = nn.Linear(config.width, config.embedding, bias=False)

    def tokens(self, images: Tensor) -> Tensor:
        return self.norm(self.adapt(self.backbone(images)))[:, None]  # (B, 1, W)

    def forward(self, images: Tensor) -> Tensor:
        return F.normalize(self.project(self.tokens(images)[:, 0]), dim=-1)


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


class ClassVectors(nn.Module):
    """A classifier's last layer: a unit vector for each class, free of any text; the tokens only say how many."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(config.classes, config.embedding) * 0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        if len(tokens) != len(self.vectors):
            raise ValueError(f"This classifier has {len(self.vectors)} classes and reads no other captions.")
        return F.normalize(self.vectors, dim=-1)  # (K, E)


class Decoder(nn.Module):
    """Predicts each word of a caption from the picture's tokens and the words before it (GAIA-1, Hu et al. 2023)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed = nn.Embedding(config.words, config.width)
        nn.init.normal_(self.embed.weight, std=0.5)
        self.begin = nn.Parameter(torch.randn(config.width) * 0.02)
        self.position = nn.Parameter(torch.randn(config.max_words + 1, config.width) * 0.02)
        self.blocks = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        self.predict = nn.Linear(config.width, config.words)

    def forward(self, picture: Tensor, tokens: Tensor) -> Tensor:
        """Log-likelihood of a caption for each picture, its end included: (B, T, W) and (B, L) to (B,)."""
        begin = self.begin.expand(len(tokens), 1, -1)
        said = torch.cat([begin, self.embed(tokens)], dim=1) + self.position  # (B, L + 1, W)
        x, seen = torch.cat([picture, said], dim=1), picture.shape[1]
        causal = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
        causal[:seen, :seen] = True  # the picture's tokens see each other
        for block in self.blocks:
            x = block(x, causal)
        words = self.predict(self.norm(x[:, seen:])).float().log_softmax(dim=-1)  # (B, L + 1, words)
        next_word = F.pad(tokens, (0, 1), value=PAD)  # the first padding is the end; what follows it is not counted
        counted = F.pad(tokens != PAD, (1, 0), value=True)
        return (words.gather(2, next_word[..., None]).squeeze(2) * counted).sum(dim=1)


class Encoder(nn.Module):
    """An image tower, and a way to score captions. The parts are seeded apart: whatever stands on the text side, one
    seed starts from the same image weights."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream(config.init_seed, "image tower"))
            frozen = config.architecture.startswith(PREFIX)
            self.image: ImageTower | FrozenTower = FrozenTower(config) if frozen else ImageTower(config)
            torch.manual_seed(stream(config.init_seed, "text tower"))
            self.build_language(config)

    def build_language(self, config: ModelConfig) -> None:
        raise NotImplementedError

    def score(self, images: Tensor, tokens: Tensor) -> Tensor:
        """Scores of every image with every caption, (B, 3, S, S) and (K, L) to (B, K)."""
        raise NotImplementedError

    @property
    def device(self) -> torch.device:
        return self.image.project.weight.device

    @property
    def parameters_count(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())


class DualEncoder(Encoder):
    """Two towers and the scale and bias that turn a cosine into a logit; or a tower and the vectors of classes."""

    def build_language(self, config: ModelConfig) -> None:
        self.text: nn.Module = TextTower(config) if config.language == "text" else ClassVectors(config)
        # exp(tau) = 10 and b = 0 suit one positive against one unit of negatives; CLIP's and SigLIP's starting values
        # are for thousands of negatives and stall here.
        learned = config.logit == "learned"
        self.tau = nn.Parameter(torch.tensor(10.0 if learned else 1.0).log(), requires_grad=learned)
        self.bias = nn.Parameter(torch.tensor(0.0), requires_grad=learned)

    def logits(self, z: Tensor, t: Tensor) -> Tensor:
        """Scores of every image with every caption, (B, E) and (K, E) to (B, K); see `vlcore.measures.accuracy`."""
        cosine = z @ t.T
        if self.config.logit == "affine":
            share = ((1 + cosine) / 2).clamp(TINY_SHARE, 1 - TINY_SHARE)
            return share.log() - (1 - share).log()
        return self.tau.exp().clamp(1, 100) * cosine + self.bias

    def score(self, images: Tensor, tokens: Tensor) -> Tensor:
        return self.logits(self.image(images), self.text(tokens))


class Captioner(Encoder):
    """An image tower and a decoder. A caption has no vector here: its score is how likely the decoder finds it."""

    def build_language(self, config: ModelConfig) -> None:
        self.decoder = Decoder(config)

    def score(self, images: Tensor, tokens: Tensor) -> Tensor:
        picture = self.image.tokens(images)  # (B, T, W)
        return torch.stack([self.decoder(picture, caption.expand(len(images), -1)) for caption in tokens], dim=1)

    def own_loss(self, images: Tensor, tokens: Tensor) -> Tensor:
        """Mean cross entropy over the words of each image's own caption, (B, 3, S, S) and (B, L) to (B,)."""
        words = (tokens != PAD).sum(dim=1) + 1
        return -self.decoder(self.image.tokens(images), tokens) / words


def build(condition: Condition, words: int, classes: int = 0) -> Encoder:
    """The untrained encoder of a condition.

    Args:
        condition: what is to be trained.
        words: size of the vocabulary.
        classes: number of distinct captions, which are the classes of a classifier.

    Raises:
        BackboneError: when a network is unknown to torchvision, or its weights cannot be had.
    """
    language = OBJECTIVES[condition.objective].language
    config = ModelConfig(
        words, condition.architecture, init_seed=condition.init_seed, language=language, logit=condition.logit,
        classes=classes if language == "classes" else 0,
    )  # fmt: skip
    encoder = of_config(config)
    if isinstance(encoder.image, FrozenTower):
        load_weights(encoder.image.backbone, condition.architecture)
    return encoder


def of_config(config: ModelConfig) -> Encoder:
    """The untrained encoder of a shape."""
    return Captioner(config) if config.language == "decoder" else DualEncoder(config)


def to_input(pixels: Tensor) -> Tensor:
    """uint8 (B, S, S, 3) to float (B, 3, S, S), centred on mid-grey, between -1 and 1."""
    return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1


def stream(seed: int, purpose: str) -> int:
    """A seed of its own for each purpose, so that a draw more in one place changes nothing in another."""
    return int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest()[:8], "big") >> 1
