"""Maps of models: PCA, UMAP or t-SNE. UMAP and t-SNE are fitted by a worker and published under a
key of their settings; PCA is computed where it is shown, and gives a new image an exact position.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vlcore.artifacts.store import Artifact, StoreError, published, read
from vlcore.jobs import jobs
from vlcore.metrics.projection import MOST_TSNE
from vlcore.plots.options import KINDS, MapOptionsError, Projection

_PARTS = ("map", "train", "captions")


def map_key(key: str, projection: Projection) -> str:
    """The key of the fitted map of a model."""
    return f"{key}.{projection.slug}.map"


def image_count(artifact: Artifact) -> int:
    """How many images the map of a model shows."""
    stored = artifact.embeddings
    return len(stored.map_rows) + len(stored.rows("train"))


def check_size(artifacts: Sequence[Artifact], projection: Projection) -> None:
    """Refuse a t-SNE of more images than it is fitted on in minutes; MapOptionsError."""
    count = max(map(image_count, artifacts))
    if projection.kind == "tsne" and count > MOST_TSNE:
        raise MapOptionsError(
            f"t-SNE is offered for up to {MOST_TSNE:,} images, of which it takes minutes, and this"
            f" map has {count:,}; choose UMAP."
        )


def make_map(model: str, projection: Projection) -> str:
    """Fit and publish the map of a model; what `vlcore.jobs.jobs.run` returns and raises."""
    if not projection.fitted:
        raise MapOptionsError("A worker fits UMAP or t-SNE.")
    return jobs.run(
        map_key(model, projection),
        lambda out, report: _make(model, projection, out, report),
        title=f"{KINDS[projection.kind]} of a model",
    )


def _make(model: str, projection: Projection, out: Path, report: jobs.Reporter) -> dict[str, Any]:
    """Fit the map of a model and write it to a folder; returns the facts of its manifest."""
    from vlcore.metrics.projection import tsne, umap

    stage = f"fitting {KINDS[projection.kind]}"
    report(stage=stage, fraction=0.1, now=True)
    artifact = read(model)
    check_size([artifact], projection)
    end = artifact.embeddings.end
    space = np.concatenate([end.images, end.captions])
    if projection.kind == "tsne":
        points = tsne(space, projection.perplexity, projection.seed)
    else:
        settings = projection.neighbours, projection.min_dist, projection.seed
        points = umap(space, *settings, progress=report.counted(stage, share=0.9))
    cuts = np.cumsum([len(end.on_map), len(end.train)])
    parts = dict(zip(_PARTS, np.split(points, cuts), strict=True))
    arrays = {f"{model} {name}": part for name, part in parts.items()}
    # numpy's stub mistakes the names for options
    np.savez(out / "map.npz", **arrays)  # type: ignore[arg-type]
    return {"of": {artifact.key: artifact.digest}}


def read_map(key: str, projection: Projection) -> dict[str, Any]:
    """Positions of a model on a fitted map: ``map``, ``train``, ``captions``, (n, 2) each;
    StoreError where there is none of the model as it is."""
    fitted_key = map_key(key, projection)
    if not published(fitted_key):
        raise StoreError(f"The map {fitted_key!r} is not on disk; fit it first.")
    arrays = read(fitted_key).maps
    return {name: arrays[f"{key} {name}"] for name in _PARTS}
