"""Maps of models: PCA, UMAP, t-SNE or the axes of two pairs of prompts. UMAP and t-SNE are fitted
by a worker and published under a key of their settings; what is linear is computed where it is
shown, and gives a new image an exact position.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vlcore.artifacts.store import Artifact, StoreError, published, read
from vlcore.experiment.files import write_json
from vlcore.jobs import jobs
from vlcore.metrics.projection import MOST_TSNE
from vlcore.plots.options import KINDS, MapOptionsError, Projection


def map_fits(models: Sequence[str], projection: Projection) -> dict[str, list[str]]:
    """The models of each fitted map, by its key: one map for each, or one for all together."""
    distinct = list(dict.fromkeys(models))
    if projection.together and len(distinct) > 1:
        digest = hashlib.sha256(" ".join(distinct).encode()).hexdigest()[:12]
        return {f"together-{digest}.{projection.slug}.map": distinct}
    return {f"{key}.{projection.slug}.map": [key] for key in distinct}


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


def make_map(models: Sequence[str], projection: Projection) -> str:
    """Fit and publish the map of a model, or of several together; what `vlcore.jobs.jobs.run`
    returns and raises."""
    fits = map_fits(models, projection)
    if not projection.fitted or len(fits) != 1:
        raise MapOptionsError("A worker fits one UMAP or one t-SNE at a time.")
    ((key, distinct),) = fits.items()
    models_in_words = "a model" if len(distinct) == 1 else f"{len(distinct)} models"
    return jobs.run(
        key,
        lambda out, report: _make(distinct, projection, out, report),
        title=f"{KINDS[projection.kind]} of {models_in_words}",
    )


def _make(
    models: list[str], projection: Projection, out: Path, report: jobs.Reporter
) -> dict[str, Any]:
    """Fit the map of models and write it to a folder; returns the facts of its manifest."""
    from vlcore.metrics.projection import map_quality, tsne, umap, umap_together

    stage = f"fitting {KINDS[projection.kind]}"
    report(stage=stage, fraction=0.1, now=True)
    progress = report.counted(stage, share=0.9)
    artifacts = [read(key) for key in models]
    check_size(artifacts, projection)
    spaces, row_names, cuts = [], [], []
    for artifact in artifacts:
        stored = artifact.embeddings
        end = stored.end
        spaces.append(np.concatenate([end.images, end.captions]))
        cuts.append(np.cumsum([len(end.on_map), len(end.train)]))
        # Images have one name in all models; a caption is a point of its own model.
        images = [f"p{row}" for row in (*stored.map_rows, *stored.rows("train"))]
        captions = [f"{artifact.key} {index}" for index in range(len(end.captions))]
        row_names.append(images + captions)
    settings = (projection.neighbours, projection.min_dist, projection.seed)
    if projection.kind == "tsne":
        maps = [tsne(spaces[0], projection.perplexity, projection.seed)]
    elif len(spaces) == 1:
        maps = [umap(spaces[0], *settings, progress=progress)]
    else:
        maps = umap_together(spaces, row_names, *settings, progress=progress)
    arrays, quality = {}, {}
    for artifact, space, points, cut in zip(artifacts, spaces, maps, cuts, strict=True):
        for name, part in zip(("map", "train", "captions"), np.split(points, cut), strict=True):
            arrays[f"{artifact.key} {name}"] = part
        quality[artifact.key] = map_quality(space[: cut[0]], points[: cut[0]])
    # numpy's stub mistakes the names for options
    np.savez(out / "map.npz", **arrays)  # type: ignore[arg-type]
    write_json(out / "quality.json", quality)
    return {"of": {artifact.key: artifact.digest for artifact in artifacts}}


def read_map(models: Sequence[str], key: str, projection: Projection) -> dict[str, Any]:
    """Positions of a model on a fitted map: ``map``, ``train``, ``captions``, (n, 2) each;
    StoreError where there is none of the models as they are."""
    (fitted_key,) = map_fits(models if projection.together else [key], projection)
    if not published(fitted_key):
        raise StoreError(f"The map {fitted_key!r} is not on disk; fit it first.")
    arrays = read(fitted_key).maps
    return {name: arrays[f"{key} {name}"] for name in ("map", "train", "captions")}
