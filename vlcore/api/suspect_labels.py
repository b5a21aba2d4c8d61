"""Suspect labels: images whose nearest neighbours mostly carry the label of the other object.

Labels that disagree with those of an image's neighbours in a good space are often wrong (Bahri,
Jiang and Gupta, "Deep k-NN for noisy labels", ICML 2020). Under bias they disagree for another
reason too: an image of a minority group may lie among images of its background.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.api.models import Model, as_model
from vlcore.data.imageset import SOURCE, ImageSet
from vlcore.experiment.wording import interval, percent, plural
from vlcore.metrics.agreement import nearest_others
from vlcore.metrics.estimate import Estimate, rate
from vlcore.metrics.projection import is_one_point

NEIGHBOURS = 10
MOST_IMAGES = 10_000  # whose neighbours take some seconds; of more, a sample by chance


@dataclass(frozen=True, eq=False)
class SuspectLabels:
    """Images that most of their neighbours contradict.

    Attributes:
        table: one row an image, the most suspect first: ``row`` in the image set, ``file`` where
            the set has names, its ``object`` and ``context``, the ``other`` object, how many of
            its `NEIGHBOURS` nearest have that one (``contradict``), and whether it is of a
            ``minority`` group.
        share: of all images that were looked at.
        images: how many the map has.
        set_images: how many the set has; of a set that the lab draws, `images`.
        untrained: the same share before the first step; None where that is not known.
        object_word: what the set calls its objects.
    """

    table: pd.DataFrame
    share: Estimate
    images: int
    set_images: int
    untrained: Estimate | None
    object_word: str

    @property
    def sentence(self) -> str:
        """How many there are, of how many, and how many of them are of minority groups."""
        looked_at = f"{self.share.n:,}"
        if self.share.n < self.images:
            looked_at = f"a sample of {self.share.n:,} of {self.images:,}"
        if self.images < self.set_images:
            looked_at += f" of the set's {self.set_images:,}"
        words = (
            f"{len(self.table):,} of {looked_at} images,"
            f" {interval(self.share.as_dict(), percent)}, have mostly neighbours of the other"
            f" {self.object_word} (of the {NEIGHBOURS} nearest in the full space)"
        )
        if self.untrained is not None:
            words += f"; before training {interval(self.untrained.as_dict(), percent)}"
        if len(self.table):
            words += f". {int(self.table['minority'].sum())} of them are of minority groups"
        return f"{words}."


def suspect_labels(model: Model | str) -> SuspectLabels:
    """Find the images of a model's map that most of their neighbours contradict.

    Raises:
        StoreError: There is no such model.
        ComparisonError: It has too few images, or all of them at one point.

    >>> import vlcore as vl
    >>> vl.suspect_labels(vl.train(vl.Condition(bias=0.75, steps=12))).images
    320
    """
    model = as_model(model)
    return find_suspects(model.map, model.images)


def find_suspects(model: ModelMap, images: ImageSet) -> SuspectLabels:
    """Find the images of a map that most of their neighbours contradict; see `suspect_labels`."""
    count = len(model.rows)
    untrained = model.untrained()
    if count > MOST_IMAGES:
        sample = np.random.default_rng(0).choice(model.rows, MOST_IMAGES, replace=False)
        model = model.among(sample)
        untrained = None if untrained is None else untrained.among(sample)
    if len(model.rows) <= NEIGHBOURS:
        raise ComparisonError(
            f"The map has {plural(len(model.rows), 'image')}; labels can be compared with those of"
            f" {NEIGHBOURS} neighbours on a map of more."
        )
    if is_one_point(model.z):
        raise ComparisonError("All images are one point, so none has nearest neighbours.")
    table = _compared_labels(model, images)
    before = None if untrained is None else _share(_compared_labels(untrained, images))
    suspects = table[_is_suspect(table)].sort_values(
        ["contradict", "gap"], ascending=False, kind="stable"
    )
    return SuspectLabels(
        table=suspects.drop(columns=["gap", "scene"]).reset_index(drop=True),
        share=_share(table),
        images=count,
        set_images=count if images.about.get("recipe") else len(images.table),
        untrained=before,
        object_word=images.grouping.object_word,
    )


def _compared_labels(model: ModelMap, images: ImageSet) -> pd.DataFrame:
    """One row an image of a map: its labels, how many neighbours contradict its object, and by how
    much nearer those are than the others (``gap``, a difference of cosines)."""
    columns = ["object", "context", "group", "scene"]
    names = [SOURCE] if SOURCE in images.table else []
    table = images.table.iloc[model.rows][names + columns].reset_index(drop=True)
    table = table.rename(columns={SOURCE: "file"})
    near = nearest_others(model.z, NEIGHBOURS)
    objects = table["object"].to_numpy(str)
    contradicts = objects[near] != objects[:, None]
    unit = model.z / np.linalg.norm(model.z, axis=1, keepdims=True).clip(1e-12)
    cosines = np.einsum("ie,ike->ik", unit, unit[near])
    first, second = images.grouping.objects
    table.insert(0, "row", model.rows)
    table["other"] = np.where(objects == first, second, first)
    table["contradict"] = contradicts.sum(axis=1)
    table["gap"] = np.where(contradicts, cosines, -cosines).sum(axis=1)
    table["minority"] = table.pop("group").isin(images.grouping.minority)
    return table


def _is_suspect(table: pd.DataFrame) -> pd.Series:
    return table["contradict"] > NEIGHBOURS / 2


def _share(table: pd.DataFrame) -> Estimate:
    return rate(_is_suspect(table), table["scene"])
