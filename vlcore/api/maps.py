"""Maps of models: PCA, UMAP, t-SNE or the axes of two pairs of prompts. UMAP and t-SNE are fitted
by a worker and published under a key that says how; what is linear is computed where it is shown,
and places a new picture exactly.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vlcore.artifacts.store import read
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import write_json
from vlcore.jobs import jobs

KINDS = {"pca": "PCA", "umap": "UMAP", "tsne": "t-SNE", "prompts": "Prompt axes"}
COMPONENTS = 6  # principal components that can be chosen from
NEIGHBOURS = (5, 10, 15, 30, 50)  # of UMAP
MIN_DISTS = (0.0, 0.1, 0.25, 0.5, 0.8)
PERPLEXITIES = (5, 15, 30, 50)  # of t-SNE
SEEDS = 1000


class ProjectionError(LabError):
    """A map that cannot be made; the message says what to choose instead."""


@dataclass(frozen=True)
class Projection:
    """One way to lay pictures out in the plane; ProjectionError where a value is outside its
    set."""

    kind: str = "pca"  # one of `KINDS`
    components: tuple[int, int] = (1, 2)  # which two principal components, from 1
    neighbours: int = 15  # of UMAP
    min_dist: float = 0.1  # of UMAP
    perplexity: int = 30  # of t-SNE
    seed: int = 0  # of UMAP and t-SNE; another one shows what of a map is noise
    together: bool = False  # one fit for all models that are compared, of UMAP only
    prompts: tuple[str, str, str, str] = (
        "",
        "",
        "",
        "",
    )  # two pairs of captions, from-to along x and along y

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ProjectionError(
                f"No map is named {self.kind!r}; choose one of {', '.join(KINDS)}."
            )
        first, second = self.components
        if first == second or not all(1 <= number <= COMPONENTS for number in self.components):
            raise ProjectionError(
                f"Choose two different principal components from 1 to {COMPONENTS}."
            )
        if not (
            2 <= self.neighbours <= 200 and 0 <= self.min_dist <= 1 and 2 <= self.perplexity <= 200
        ):
            raise ProjectionError(
                "Neighbours and perplexity are from 2 to 200, the distance of UMAP from 0 to 1."
            )
        if not 0 <= self.seed < SEEDS:
            raise ProjectionError(f"The seed of a map is a whole number from 0 to {SEEDS - 1}.")
        if self.together and self.kind != "umap":
            raise ProjectionError(
                "Only UMAP is fitted on several models together; choose it, or a fit of each."
            )

    @property
    def fitted(self) -> bool:
        """Whether a worker must fit it first; where none needs to, a new picture has an exact
        place."""
        return self.kind in ("umap", "tsne")

    @property
    def slug(self) -> str:
        """What stands in the key of a fitted map."""
        if self.kind == "umap":
            return f"umap-n{self.neighbours}-d{self.min_dist * 100:g}-s{self.seed}"
        return f"tsne-p{self.perplexity}-s{self.seed}"


PCA = Projection()


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
        raise ProjectionError("A worker fits one UMAP or one t-SNE at a time.")
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
    arrays = read(map_keys(models if projection.together else [key], projection)[0]).arrays(
        "map.npz"
    )
    return {name: arrays[f"{key} {name}"] for name in ("map", "train", "captions")}
