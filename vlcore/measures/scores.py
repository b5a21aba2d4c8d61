"""Logits of pictures and captions from stored embeddings, without torch.

The one idea: the same formula as `vlcore.learning.model.DualEncoder.logits`, so that pages and measures score without
loading a model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TINY_SHARE = 1e-6  # the least probability of the affine logit, and one minus the greatest


def logits(
    z: NDArray[np.floating], t: NDArray[np.floating], scale: float, bias: float, kind: str = "learned"
) -> NDArray[np.float64]:
    """Scores of images with captions, (n, E) and (K, E) to (n, K).

    ``scale * cosine + bias``; for the kind ``affine`` the log odds of ``(1 + cosine) / 2``.
    """
    cosine = np.asarray(z, dtype=np.float64) @ np.asarray(t, dtype=np.float64).T
    if kind == "affine":
        share = np.clip((1 + cosine) / 2, TINY_SHARE, 1 - TINY_SHARE)
        return np.asarray(np.log(share) - np.log1p(-share))
    return np.asarray(scale * cosine + bias)
