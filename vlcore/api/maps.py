"""Maps of models: PCA, UMAP, t-SNE or the axes of two pairs of prompts. UMAP and t-SNE are fitted
by a worker and published under a key that says how; what is linear is computed where it is shown,
and places a new picture exactly.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vlcore.artifacts.store import read
from vlcore.experiment.files import write_json
from vlcore.jobs import jobs
from vlcore.plots.options import KINDS, MapOptionsError, Projection


def map_keys(models: Sequence[str], projection: Projection) -> list[str]:
    """Keys of the fitted maps of some models: one for each, or one for all together."""
    distinct = list(dict.fromkeys(models))
    if projection.together and len(distinct) > 1:
        digest = hashlib.sha256(" ".join(distinct).encode()).hexdigest()[:12]
        return [f"together-{digest}.{projection.slug}.map"]
    return [f"{key}.{projection.slug}.map" for key in distinct]


def make_map(models: Sequence[str], projection: Projection) -> str:
    """Fit and publish the map of a model, or of several together; what `vlcore.jobs.jobs.run`
    returns and raises."""
    keys = map_keys(models, projection)
    if not projection.fitted or len(keys) != 1:
        raise MapOptionsError("A worker fits one UMAP or one t-SNE at a time.")
    return jobs.run(
        keys[0], lambda out, report: _make(list(dict.fromkeys(models)), projection, out, report)
    )


def _make(
    models: list[str], projection: Projection, out: Path, report: jobs.Reporter
) -> dict[str, Any]:
    from vlcore.metrics.projection import tsne, umap, umap_together
    from vlcore.model.evaluate_space import map_quality

    report(stage=f"fitting {KINDS[projection.kind]}", fraction=0.1, now=True)
    artifacts = [read(key) for key in models]
    spaces, names, cuts = [], [], []
    for artifact in artifacts:
        stored = artifact.embeddings
        end = stored.end
        parts = (end.on_map, end.train, end.captions)
        spaces.append(np.concatenate(parts))
        cuts.append(np.cumsum([len(part) for part in parts])[:-1])
        # Pictures have one name in all models; a caption is a point of its own model.
        pictures = [f"p{row}" for row in (*stored.map_rows, *stored.rows("train"))]
        names.append(pictures + [f"{artifact.key} {text}" for text in range(len(end.captions))])
    if projection.kind == "tsne":
        placed = [tsne(spaces[0], projection.perplexity, projection.seed)]
    elif len(spaces) == 1:
        placed = [umap(spaces[0], projection.neighbours, projection.min_dist, projection.seed)]
    else:
        placed = umap_together(
            spaces, names, projection.neighbours, projection.min_dist, projection.seed
        )
    written, quality = {}, {}
    for artifact, space, points, cut in zip(artifacts, spaces, placed, cuts, strict=True):
        for name, part in zip(("map", "train", "captions"), np.split(points, cut), strict=True):
            written[f"{artifact.key} {name}"] = part
        quality[artifact.key] = map_quality(space[: cut[0]], points[: cut[0]])
    np.savez(out / "map.npz", **written)  # type: ignore[arg-type]  # numpy's stub mistakes the names for options
    write_json(out / "quality.json", quality)
    return {"of": {artifact.key: artifact.digest for artifact in artifacts}}


def read_map(models: Sequence[str], key: str, projection: Projection) -> dict[str, Any]:
    """Places of a model on a fitted map: ``map``, ``train``, ``captions``, (n, 2) each; StoreError
    where none is."""
    fitted_key = map_keys(models if projection.together else [key], projection)[0]
    arrays = read(fitted_key).maps
    return {name: arrays[f"{key} {name}"] for name in ("map", "train", "captions")}
