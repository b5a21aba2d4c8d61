"""Shared neighbours: how many of an image's nearest neighbours two models have in common, beside
chance and the untrained encoders, and the images whose neighbours changed most.

Neighbours are of the full spaces, so no map and no alignment matters.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.data.imageset import ImageSet
from vlcore.experiment.wording import rate_words
from vlcore.metrics.agreement import NEIGHBOURS, SharedNeighbours, mean_ranks, shared_neighbours
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.neighbours import Rows
from vlcore.metrics.projection import MANY, is_one_point

MOST_IMAGES = MANY  # of more, a sample by chance, the same each time
MOST_RANKED = 1_000  # images of equal overlap whose neighbours are ranked
FEWEST_SCENES = 5  # for an interval


@dataclass(frozen=True, eq=False)
class NeighbourAgreement:
    """Neighbours of the images that two models show.

    Attributes:
        images: the image set.
        rows: of the compared images in the set, (n,).
        trained: their neighbours in both models.
        untrained: their neighbours in both untrained encoders, where both models have one.
        models: maps of the two models.
    """

    images: ImageSet
    rows: Rows
    trained: SharedNeighbours
    untrained: SharedNeighbours | None
    models: tuple[ModelMap, ModelMap]

    @cached_property
    def share(self) -> Estimate:
        """The mean share of neighbours that both models have, with an interval over scenes."""
        return self.trained.mean_overlap()

    @cached_property
    def sentence(self) -> str:
        """The share of neighbours that both models have, beside the untrained encoders and
        chance."""
        before = ""
        if self.untrained is not None:
            before = f"; before training {rate_words(self.untrained.mean_overlap().as_dict())}"
        chance = 100 * self.trained.chance
        return (
            f"Both models share {rate_words(self.share.as_dict())} of each image's"
            f" {self.trained.k} nearest neighbours{before}; by chance {chance:.1f}%"
            f" ({self.share.n:,} images)."
        )

    def furthest(self, count: int = 12) -> pd.DataFrame:
        """Return the images whose neighbours changed most.

        One row per image: its ``row`` and ``id``, ``object``, ``context``, the share of neighbours
        that both models have (``shared``), and the mean ``rank`` of one model's neighbours among
        all others in the other model. Images that share least come first, and of these the images
        with the highest rank.
        """
        overlap = self.trained.overlap
        limit = np.sort(overlap)[min(count, len(overlap)) - 1]
        candidates = np.flatnonzero(overlap <= limit)[:MOST_RANKED]
        k = self.trained.k
        first, second = (model.z[model.index(self.rows)] for model in self.models)
        ranks = [
            mean_ranks(second, candidates, self.trained.first[candidates, :k]),
            mean_ranks(first, candidates, self.trained.second[candidates, :k]),
        ]
        rows = self.rows[candidates]
        table = self.images.table.iloc[rows][["object", "context"]].reset_index(drop=True)
        table.insert(0, "id", [f"p{row}" for row in rows])
        table.insert(0, "row", rows)
        table = table.assign(shared=overlap[candidates], rank=np.mean(ranks, axis=0))
        table = table.sort_values(["shared", "rank"], ascending=[True, False], kind="stable")
        return table.head(count).reset_index(drop=True)


def compare_neighbours(comparison: ComparedMaps, k: int = NEIGHBOURS) -> NeighbourAgreement:
    """Compare the nearest neighbours of two models.

    Raises:
        ComparisonError: There are no two models, or their neighbours cannot be compared.
    """
    if len(comparison.models) < 2:
        raise ComparisonError("Neighbours are shared by two models; compare two.")
    first, second = comparison.models
    rows = np.intersect1d(first.rows, second.rows)
    if len(rows) > MOST_IMAGES:
        sample = np.random.default_rng(0).choice(len(rows), MOST_IMAGES, replace=False)
        rows = rows[np.sort(sample)]
    scenes = comparison.images.table["scene"].to_numpy(str)[rows]
    if len(rows) < k + 2 or len(np.unique(scenes)) < FEWEST_SCENES:
        raise ComparisonError(f"Both models show too few images to compare {k} neighbours.")

    def shared(models: tuple[ModelMap, ModelMap]) -> SharedNeighbours:
        left, right = (model.z[model.index(rows)] for model in models)
        if is_one_point(left) or is_one_point(right):
            raise ComparisonError("All images of a model are one point, so none has neighbours.")
        return shared_neighbours(left, right, scenes, k)

    starts = first.untrained(), second.untrained()
    before = None
    if starts[0] is not None and starts[1] is not None:
        before = shared((starts[0], starts[1]))
    return NeighbourAgreement(
        comparison.images, rows, shared((first, second)), before, (first, second)
    )
