"""Clusters of maps, with names: where images lie densely, and what those images have in common.

HDBSCAN looks at the two dimensions of a map, for what it shows is to be named. The name is the
value of a column, or the caption, that tells a cluster apart best; predictions are no candidates,
for a model's own map is sorted by them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.colourings import scene_columns, user_columns
from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.model_map import ModelMap, image_captions, model_map
from vlcore.artifacts import store
from vlcore.data.imageset import ImageSet
from vlcore.experiment.grouping import group_words
from vlcore.experiment.wording import percent, share, shortened
from vlcore.jobs import jobs
from vlcore.metrics import estimate
from vlcore.metrics.clusters import distinctions, find_clusters
from vlcore.metrics.estimate import Estimate
from vlcore.plots.colouring import words_of_values
from vlcore.plots.options import Projection

AT_ONCE = 10_000  # images of a map up to which its clusters take no more than a second
LONGEST = 40  # letters of a name on a map
HOW_TO_READ = (
    "Clusters are where a map is dense: HDBSCAN on its two dimensions, so another seed of UMAP has"
    " others. Each is named by the value of a column, or the caption, that tells it apart best from"
    " all other images (phi coefficient) and that half of its images have at least. Intervals, 95 %"
    " over scenes, count chance and not the choosing of the name."
)


@dataclass(frozen=True, eq=False)
class Cluster:
    """A cluster of one map.

    Attributes:
        number: from 1 for the largest of its map.
        rows: of its images in the image set, ascending.
        middle: median of their positions, (2,).
        name: what tells it apart; empty where nothing does.
        purity: share of its images that have what the name says; None without a name.
        elsewhere: the same share of all other images on the map.
    """

    number: int
    rows: NDArray[np.int64]
    middle: NDArray[np.float64]
    name: str
    purity: Estimate | None
    elsewhere: float

    @property
    def label(self) -> str:
        """Its number and its name, as on the map."""
        return shortened(f"{self.number} {self.name}", LONGEST)


_known: WeakKeyDictionary[ModelMap, list[Cluster]] = WeakKeyDictionary()


def fit_key(key: str, projection: Projection, among: Sequence[str]) -> str:
    """The key under which the clusters of a large map of a model are published; `among` are the
    keys of a common fit, which depends on their order."""
    settings = repr((projection, list(dict.fromkeys(among)) if projection.together else []))
    return f"{key}.clusters-{hashlib.sha256(settings.encode()).hexdigest()[:12]}.map"


def fit_clusters(key: str, projection: Projection, among: Sequence[str]) -> str:
    """Find and publish the clusters of a map, for one that is large; what `vlcore.jobs.jobs.run`
    returns and raises."""

    def make(out: Path, report: jobs.Reporter) -> dict[str, Any]:
        report(stage="finding clusters", fraction=0.1, now=True)
        together = among if projection.together else ()
        points = model_map(store.read(key), projection, together).points
        np.savez(out / "map.npz", clusters=find_clusters(points))
        return {"of": {model: store.read(model).digest for model in (key, *together)}}

    return jobs.run(fit_key(key, projection, among), make)


def named_clusters(maps: ComparedMaps) -> list[list[Cluster]]:
    """The clusters of each map, the largest first; of more than `AT_ONCE` images found once and
    published."""
    keys = [model.artifact.key for model in maps.models]
    for model in maps.models:
        if model not in _known:
            _known[model] = _clusters_of(model, maps.images, keys)
    return [_known[model] for model in maps.models]


def _clusters_of(model: ModelMap, images: ImageSet, among: Sequence[str]) -> list[Cluster]:
    numbers = _numbers_of(model, among)
    columns = _columns(model, images)
    scenes = images.table["scene"].iloc[model.rows].to_numpy(str)
    clusters = []
    distinguished = distinctions(numbers, [words.codes for _, words in columns])
    for cluster, distinction in enumerate(distinguished):
        inside = numbers == cluster
        name, purity, elsewhere = "", None, np.nan
        if distinction is not None:
            prefix, words = columns[distinction.column]
            name = prefix + words.categories[distinction.code]
            has = words.codes == distinction.code
            purity = estimate.rate(has[inside], scenes[inside])
            elsewhere = float(has[~inside].mean())
        middle = np.median(model.points[inside], axis=0)
        rows = np.sort(model.rows[inside])
        clusters.append(Cluster(cluster + 1, rows, middle, name, purity, elsewhere))
    return clusters


def _numbers_of(model: ModelMap, among: Sequence[str]) -> NDArray[np.int64]:
    """The cluster of each image of a map, as `find_clusters` numbers them, (n,)."""
    if len(model.rows) <= AT_ONCE:
        return find_clusters(model.points)
    arguments = model.artifact.key, model.projection, among
    fit_clusters(*arguments)
    return store.read(fit_key(*arguments)).maps["clusters"].astype(np.int64)


def _columns(model: ModelMap, images: ImageSet) -> list[tuple[str, pd.Categorical]]:
    """What clusters can be named by: words before a value, and the value of each image of a map.

    Of two that tell a cluster apart equally well the first names it.
    """
    table = images.table.iloc[model.rows].reset_index(drop=True)
    is_held_out = np.arange(len(table)) < model.n_held_out
    columns: list[tuple[str, pd.Series]] = [
        ("", table["object"]),
        ("", table["context"]),
        ("", table["group"].map(group_words(images.grouping))),
        ("caption: ", pd.Series(image_captions(model, images, model.rows))),
        ("", pd.Series(np.where(is_held_out, "held out", "training"))),
    ]
    for more in (user_columns(images), scene_columns(images)):
        more = more.iloc[model.rows]
        columns += [(f"{name}: ", more[name].reset_index(drop=True)) for name in more]
    return [(prefix, words_of_values(values)) for prefix, values in columns]


def cluster_words(maps: ComparedMaps) -> pd.DataFrame:
    """The names of clusters as maps draw them: ``pane``, ``number``, ``words``, ``x``, ``y``."""
    rows = [
        (pane, cluster.number, cluster.label, *cluster.middle.round(5).tolist())
        for pane, clusters in enumerate(named_clusters(maps))
        for cluster in clusters
    ]
    return pd.DataFrame(rows, columns=["pane", "number", "words", "x", "y"])


def cluster_numbers(maps: ComparedMaps) -> list[NDArray[np.int64]]:
    """For each map, the number of each image's cluster in the order of the points, (n,); 0 for
    none."""
    of_maps = []
    for clusters in named_clusters(maps):
        numbers = np.zeros(len(maps.points), dtype=np.int64)
        for cluster in clusters:
            numbers[np.isin(maps.rows, cluster.rows)] = cluster.number
        of_maps.append(numbers)
    return of_maps


def clusters_table(maps: ComparedMaps) -> pd.DataFrame:
    """One row a cluster, those of the first map first: ``map``, ``cluster`` (its number),
    ``images``, ``name``, ``purity`` with its 95 % interval (``low``, ``high``), and the share
    ``elsewhere`` on the map. NaN where nothing tells a cluster apart."""
    rows = []
    for name, clusters in zip(maps.named, named_clusters(maps), strict=True):
        for cluster in clusters:
            values = [np.nan] * 3
            if purity := cluster.purity:
                values = [purity.value, purity.low, purity.high]
            rows.append(
                (name, cluster.number, len(cluster.rows), cluster.name, *values, cluster.elsewhere)
            )
    columns = ["map", "cluster", "images", "name", "purity", "low", "high", "elsewhere"]
    return pd.DataFrame(rows, columns=columns)


def clusters_in_words(maps: ComparedMaps) -> pd.DataFrame:
    """The `clusters_table` as pages show it, with a row for the images of each map that are in no
    cluster."""
    rows = []
    for (name, model), clusters in zip(maps.named.items(), named_clusters(maps), strict=True):
        for cluster in clusters:
            words = [cluster.name or "nothing tells it apart", "", ""]
            if cluster.purity:
                words[1:] = share(cluster.purity.as_dict()), percent(cluster.elsewhere)
            rows.append((name, str(cluster.number), len(cluster.rows), *words))
        left = len(model.rows) - sum(len(cluster.rows) for cluster in clusters)
        rows.append((name, "none", left, "", "", ""))
    columns = ["Map", "Cluster", "Images", "Name", "Images with it", "Elsewhere"]
    return pd.DataFrame(rows, columns=columns)
