"""Dual encoder: image and text transformer with one embedding space; classifier and captioner.

Each tower maps its input to a unit vector, and a pair is scored by ``logit = exp(tau) * <z, t> +
b``. The controls differ in the text side alone: a classifier has a free vector for each class, a
captioner a decoder that reads the image's tokens and predicts the next word. The image tower is the
same, down to its first weights.

The default image tower starts with convolutions (CCT, Hassani et al. 2021), because a transformer
on linear patches learns little from 192 images; linear patches, as in the original study, are
``seed_faithful``.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional as F

from vlcore.data.imageset import TRAINING_SIZE
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import OBJECTIVES, RANDOM
from vlcore.experiment.vocabulary import (
    MAX_PIECES,
    MAX_WORDS,
    PAD,
    WORD_PIECES,
    reads_pieces,
    word_vectors_file,
)
from vlcore.model.frozen_towers import spec_of
from vlcore.model.streams import stream

WORD_VECTOR_SIZE = 256  # numbers of a word vector


@dataclass(frozen=True)
class ModelConfig:
    """The shape of an `Encoder`, saved beside the weights.

    Attributes:
        words: size of the vocabulary, padding and unknown included.
        language: the text side: "text" tower, "classes" or "decoder".
        classes: captions with a vector each, of a classifier or a text tower of codes.
        text: one of `vlcore.experiment.options.TEXTS`.
        features: numbers of an image from a frozen tower; 0 where the tower reads pixels.
        tower: `TowerSpec.as_text` of a frozen tower.
    """

    words: int
    architecture: str = "conv_stem"
    image_size: int = TRAINING_SIZE
    max_words: int = MAX_WORDS
    width: int = 64
    depth: int = 2
    heads: int = 4
    embedding: int = 32
    init_seed: int = 0
    language: str = "text"
    classes: int = 0
    text: str = "transformer"
    features: int = 0
    tower: str = ""


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        batch, tokens, width = x.shape
        heads = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = heads.permute(2, 0, 3, 1, 4)  # (B, H, T, W/H) each
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)  # (B, H, T, W/H)
        return self.out(x.transpose(1, 2).flatten(2))  # (B, T, W)


class TransformerBlock(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = x + self.attention(self.norm1(x), mask)
        return x + self.mlp(self.norm2(x))


class ImageTower(nn.Module):
    """A transformer on patches of an image, or a layer on the features of a frozen network.

    The default stem is patches of 4 px, then two strided 3 x 3 convolutions: 64 px to 4 x 4 tokens
    that overlap. Features are one token (`vlcore.model.frozen_towers`).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.patch, depth, width = 8, 2 * config.depth, config.width
        self.reads_features = config.features > 0
        if self.reads_features:
            self.adapt = nn.Linear(config.features, width)
        elif config.architecture == "conv_stem":
            self.patch, depth = 16, config.depth
            self.stem = nn.Sequential(
                nn.Conv2d(3, 3 * width // 8, 4, stride=4),
                nn.GELU(),
                nn.Conv2d(3 * width // 8, 3 * width // 4, 3, stride=2, padding=1),
                nn.GELU(),
                nn.Conv2d(3 * width // 4, width, 3, stride=2, padding=1),
            )
        else:
            self.stem = nn.Sequential(nn.Conv2d(3, width, self.patch, stride=self.patch))
        if not self.reads_features:
            self.position = nn.Parameter(
                torch.randn((config.image_size // self.patch) ** 2, width) * 0.02
            )
            self.blocks = nn.ModuleList(TransformerBlock(width, config.heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, config.embedding, bias=False)

    def tokens(self, images: Tensor, corner: tuple[int, int] = (0, 0)) -> Tensor:
        """Tokens of images, (B, 3, S, S) to (B, T, W), or of features, (B, F) to (B, 1, W).

        Args:
            images: whole images, windows of them, or features.
            corner: row and column of the windows' upper left corner, multiples of the patch.
        """
        if self.reads_features:
            return self.norm(self.adapt(images))[:, None]
        x = self.stem(images)  # (B, W, H, H)
        top, left = (pixel // self.patch for pixel in corner)
        side = x.shape[-1]
        position = self.position.unflatten(0, (math.isqrt(len(self.position)), -1))
        position = position[top : top + side, left : left + side].flatten(0, 1)
        x = x.flatten(2).transpose(1, 2) + position  # (B, T, W)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward(self, images: Tensor, corner: tuple[int, int] = (0, 0)) -> Tensor:
        return F.normalize(self.project(self.tokens(images, corner).mean(dim=1)), dim=-1)  # (B, E)


class TextTower(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed = nn.Embedding(config.words, config.width)
        nn.init.normal_(self.embed.weight, std=0.5)
        self.position = nn.Parameter(torch.randn(config.max_words, config.width) * 0.02)
        self.blocks = nn.ModuleList(
            TransformerBlock(config.width, config.heads) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)
        self.project = nn.Linear(config.width, config.embedding, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        is_word = tokens != PAD  # (K, L)
        x = self.embed(tokens) + self.position  # (K, L, W)
        for block in self.blocks:
            x = block(x, is_word[:, None, None, :])
        sums = (self.norm(x) * is_word[..., None]).sum(dim=1)  # (K, W)
        mean = sums / is_word.sum(dim=1, keepdim=True)
        return F.normalize(self.project(mean), dim=-1)  # (K, E)


class WordVectors(nn.Module):
    """The mean of a caption's frozen word vectors, of length 1, under one trained linear map."""

    table: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        table = word_vectors(config.text, config.init_seed)
        self.register_buffer("table", table, persistent=False)
        self.project = nn.Linear(table.shape[1], config.embedding, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        is_word = (tokens != PAD)[..., None]  # (K, L, 1)
        mean = F.normalize((self.table[tokens] * is_word).sum(dim=1), dim=-1)  # (K, 256)
        return F.normalize(self.project(mean), dim=-1)  # (K, E)


def word_vectors(text: str, seed: int) -> Tensor:
    """The frozen table of a text tower, (pieces, 256): that of WordLlama, or of the control random
    vectors by a seed; LabError where the package is missing or another one."""
    return _random_word_vectors(seed) if text.endswith(RANDOM) else _stored_word_vectors()


@lru_cache(maxsize=1)
def _stored_word_vectors() -> Tensor:
    return load(word_vectors_file("vectors"))["embedding.weight"].float()


@lru_cache(maxsize=2)
def _random_word_vectors(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(WORD_PIECES, WORD_VECTOR_SIZE, generator=generator)


class CaptionCodes(nn.Module):
    """A free unit vector for each training caption; other captions have none."""

    known: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        known = torch.zeros(config.classes, config.max_words, dtype=torch.long)
        self.register_buffer("known", known)
        self.vectors = nn.Parameter(torch.randn(config.classes, config.embedding) * 0.5)

    def knows(self, tokens: Tensor) -> Tensor:
        """Which captions have a code, (K, L) to (K,)."""
        return self._same(tokens).any(dim=1)

    def forward(self, tokens: Tensor) -> Tensor:
        return F.normalize(self.vectors[self._same(tokens).int().argmax(dim=1)], dim=-1)  # (K, E)

    def _same(self, tokens: Tensor) -> Tensor:
        return (tokens[:, None] == self.known[None]).all(dim=2)  # (K, codes)


class ClassVectors(nn.Module):
    """A classifier's last layer: a unit vector for each class, free of any text."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(config.classes, config.embedding) * 0.5)

    def forward(self, _tokens: Tensor) -> Tensor:
        return F.normalize(self.vectors, dim=-1)  # (K, E)


class Decoder(nn.Module):
    """Predict each word of a caption from the image's tokens and the words before it (GAIA-1, Hu et
    al. 2023)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed = nn.Embedding(config.words, config.width)
        nn.init.normal_(self.embed.weight, std=0.5)
        self.begin = nn.Parameter(torch.randn(config.width) * 0.02)
        self.position = nn.Parameter(torch.randn(config.max_words + 1, config.width) * 0.02)
        self.blocks = nn.ModuleList(
            TransformerBlock(config.width, config.heads) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)
        self.predict = nn.Linear(config.width, config.words)

    def forward(self, image_tokens: Tensor, tokens: Tensor) -> Tensor:
        """Log-likelihood of a caption and its end for each image: (B, T, W) and (B, L) to (B,)."""
        begin = self.begin.expand(len(tokens), 1, -1)
        words = torch.cat([begin, self.embed(tokens)], dim=1) + self.position  # (B, L + 1, W)
        x = torch.cat([image_tokens, words], dim=1)  # (B, T + L + 1, W)
        count = image_tokens.shape[1]
        causal = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
        causal[:count, :count] = True  # the image's tokens see each other
        for block in self.blocks:
            x = block(x, causal)
        logits = self.predict(self.norm(x[:, count:])).float()  # (B, L + 1, words)
        # The first padding is the end of a caption; what follows it is not counted.
        next_word = F.pad(tokens, (0, 1), value=PAD)
        is_counted = F.pad(tokens != PAD, (1, 0), value=True)
        likelihoods = logits.log_softmax(dim=-1).gather(2, next_word[..., None]).squeeze(2)
        return (likelihoods * is_counted).sum(dim=1)


class Encoder(nn.Module):
    """An image tower with a text side: a text tower, the vectors of classes, or a decoder.

    Scale and bias turn a cosine into a logit; a decoder scores a caption by its likelihood. The
    parts are seeded apart: whatever the text side is, one seed starts from the same image weights.
    """

    text: nn.Module
    decoder: nn.Module

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=[]):
            # These names seed the weights of every stored model, so they stay.
            torch.manual_seed(stream(config.init_seed, "image tower"))
            self.image = ImageTower(config)
            torch.manual_seed(stream(config.init_seed, "text tower"))
            if config.language == "decoder":
                self.decoder = Decoder(config)
                return
            self.text = _text_tower(config)
        # exp(tau) = 10 and b = 0 suit one positive against one unit of negatives; CLIP's and
        # SigLIP's starting values are for thousands of negatives and stall here.
        self.tau = nn.Parameter(torch.tensor(10.0).log())
        self.bias = nn.Parameter(torch.tensor(0.0))

    @property
    def device(self) -> torch.device:
        return self.image.project.weight.device

    def logits(self, z: Tensor, t: Tensor) -> Tensor:
        """Scores of every image with every caption, (B, E) and (K, E) to (B, K); see
        `vlcore.metrics.accuracy`."""
        return self.tau.exp().clamp(1, 100) * (z @ t.T) + self.bias

    def score(self, images: Tensor, tokens: Tensor) -> Tensor:
        """Scores of every image with every caption, (B, 3, S, S) and (K, L) to (B, K)."""
        if self.config.language != "decoder":
            return self.logits(self.image(images), self.text(tokens))
        image_tokens = self.image.tokens(images)  # (B, T, W)
        captions = (caption.expand(len(images), -1) for caption in tokens)
        return torch.stack([self.decoder(image_tokens, caption) for caption in captions], dim=1)

    def caption_loss(self, image_tokens: Tensor, tokens: Tensor) -> Tensor:
        """Mean cross entropy of a decoder over the words of each image's caption, (B, T, W) and (B,
        L) to (B,)."""
        return -self.decoder(image_tokens, tokens) / ((tokens != PAD).sum(dim=1) + 1)


def _text_tower(config: ModelConfig) -> nn.Module:
    if config.language == "classes":
        return ClassVectors(config)
    towers = {"transformer": TextTower, "codes": CaptionCodes}
    return towers.get(config.text, WordVectors)(config)


def build(
    condition: Condition, words: int, classes: int = 0, captions: Tensor | None = None
) -> Encoder:
    """Build the untrained encoder of a condition.

    Args:
        words: size of the vocabulary.
        classes: number of training captions, of which a classifier and `CaptionCodes` have a vector
            each.
        captions: their tokens, (classes, L), by which `CaptionCodes` knows them.

    Raises:
        TowerError: the weights of a frozen network cannot be had.
    """
    language = OBJECTIVES[condition.objective].language
    has_codes = language == "classes" or condition.text == "codes"
    spec = spec_of(condition.frozen_tower) if condition.frozen_tower else None
    config = ModelConfig(
        words,
        condition.architecture,
        max_words=MAX_PIECES if reads_pieces(condition.text) else MAX_WORDS,
        width=condition.width,
        embedding=condition.embedding,
        init_seed=condition.init_seed,
        language=language,
        classes=classes if has_codes else 0,
        text=condition.text,
        features=spec.features if spec else 0,
        tower=spec.as_text() if spec else "",
    )
    encoder = Encoder(config)
    if captions is not None and language == "text" and isinstance(encoder.text, CaptionCodes):
        encoder.text.known.copy_(captions)
    return encoder


def to_input(images: Tensor) -> Tensor:
    """Convert pixels, uint8 (B, S, S, 3), to float (B, 3, S, S) from -1 to 1, centred on mid-grey;
    features of a frozen tower, (B, F), stay."""
    if images.ndim == 2:
        return images
    return images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
