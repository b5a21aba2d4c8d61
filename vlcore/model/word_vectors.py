"""Word vectors: the frozen table of WordLlama, and random vectors of the same shape as control."""

from functools import lru_cache

import torch
from safetensors.torch import load
from torch import Tensor

from vlcore.experiment.vocabulary import WORD_PIECES, word_vectors_file

NUMBERS = 256  # of a word vector


@lru_cache(maxsize=1)
def word_vectors() -> Tensor:
    """The table of pretrained word vectors, (pieces, 256), loaded once a process; LabError where
    the package is missing or another one."""
    return load(word_vectors_file("vectors"))["embedding.weight"].float()


@lru_cache(maxsize=2)
def random_word_vectors(seed: int) -> Tensor:
    """Random vectors, (pieces, 256), the same for one seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(WORD_PIECES, NUMBERS, generator=generator)
