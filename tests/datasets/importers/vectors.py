"""An ``.npz`` of embeddings for tests: two birds in two places, sorted by both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

WIDTH = 8


def arrays(per_group: tuple[int, int, int, int] = (20, 12, 16, 12), **changes: Any) -> dict[str, Any]:
    """The arrays of a file that can be imported, with changes; None takes an array out.

    Groups: gull on sea, gull on land, crow on land, crow on sea.
    """
    random = np.random.default_rng(len(changes))
    pairs = [("gull", "sea"), ("gull", "land"), ("crow", "land"), ("crow", "sea")]
    names = np.array([pair for pair, count in zip(pairs, per_group, strict=True) for _ in range(count)])
    names = names[random.permutation(len(names))]
    objects, contexts = names.T
    axes = np.eye(WIDTH)
    z = random.normal(0, 0.3, (len(names), WIDTH))
    z += np.where((objects == "gull")[:, None], axes[0], axes[1]) + np.where(
        (contexts == "sea")[:, None], axes[2], axes[3]
    )
    made = {
        "z": z,
        "object": objects,
        "context": contexts,
        "text": axes[:2] * 3,
        "captions": np.array(["a photo of a gull", "a photo of a crow"]),
        "text_object": np.array(["gull", "crow"]),
        **changes,
    }
    return {name: array for name, array in made.items() if array is not None}


def save(path: Path, **made: Any) -> Path:
    np.savez(path, **made)
    return path
