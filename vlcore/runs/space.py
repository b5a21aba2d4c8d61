"""Geometry of a space of pictures, that of a model or of the pixels: by what it is sorted, what can be read off it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from vlcore.measures import cues, geometry, projection, rsa
from vlcore.measures.catalogue import Need, measure_of
from vlcore.measures.estimate import Estimate
from vlcore.measures.variance import FACTORS, axis_angle, p_values, variance_shares
from vlcore.runs.metrics import Found, MetricsBuilder
from vlcore.runs.views import Views

FEWEST = 5  # held-out or probe pictures of each group without which geometry is not measured
NEIGHBOURHOODS = (5, 10, 15)
EMBEDDING = 32  # numbers that stand for a picture in the space of pixels


@dataclass(frozen=True)
class Share(Estimate):
    """A share of the variance, and the permutation p-value of there being none."""

    p: float


@dataclass(frozen=True, eq=False)
class Space:
    """Pictures in a space: held-out ones `z`, (n, E), and those that probes are fitted on, `fit`, (m, E)."""

    views: Views
    z: NDArray[np.floating]
    fit: NDArray[np.floating]

    def of(self, column: str) -> NDArray[np.str_]:
        """What is known of the held-out pictures, (n,)."""
        return self.views.column(column, "test")

    def silhouette(self, column: str) -> Estimate:
        return geometry.silhouette(self.z, self.of(column), self.of("scene"))

    def fitted(
        self, measure: Callable[..., Estimate], column: str, pictures: NDArray[np.bool_] | slice = slice(None)
    ) -> Estimate:
        """How well a column is read off some of the held-out pictures by what is fitted on those kept aside for it."""
        held_out = (values[pictures] for values in (self.z, self.of(column), self.of("scene")))
        return measure(self.fit, self.views.column(column, "probe"), *held_out)

    @cached_property
    def variance(self) -> dict[str, Share]:
        """Shares of the variance by factor, with p-values."""
        of = self.z, self.of("object"), self.of("context"), self.of("scene")
        shares, p = variance_shares(*of), p_values(*of)
        return {name: Share(**shares[name].as_dict(), p=p[name]) for name in FACTORS}

    def dispersion(self) -> dict[str, Estimate]:
        groups, scenes = self.of("group"), self.of("scene")
        names = self.views.grouping.names
        return {name: geometry.dispersion(self.z[groups == name], scenes[groups == name]) for name in names}

    def similarity(self) -> dict[str, Estimate]:
        """What similarity goes with: same object, same context, same coat, like colours, like pixels."""
        rows = self.views.on_map
        models = {name: rsa.same_label(self.of(name)[rows]) for name in ("object", "context")}
        if self.views.pixels:
            pixels = self.views.pixels["test"][rows]
            models["colour"] = rsa.euclidean_distance(cues.mean_colour(pixels))
            models["pixels"] = rsa.euclidean_distance(cues.coarse(pixels))
        if self.views.images.about.get("recipe"):
            coats = [json.loads(text)["coat"] for text in self.of("factors")[rows]]
            models["coat"] = rsa.same_label(np.array(coats))
        return rsa.rsa(self.z[rows], models, self.of("scene")[rows])


# What is measured of a space, in the order of `metrics.json`.
SPACE: dict[str, Callable[[Space], Found]] = {
    "silhouette_object": lambda space: space.silhouette("object"),
    "probe_object": lambda space: space.fitted(geometry.probe_accuracy, "object"),
    "neighbours_object": lambda space: space.fitted(geometry.neighbour_accuracy, "object"),
    "silhouette_context": lambda space: space.silhouette("context"),
    "probe_context": lambda space: space.fitted(geometry.probe_accuracy, "context"),
    "neighbours_context": lambda space: space.fitted(geometry.neighbour_accuracy, "context"),
    "silhouette_group": lambda space: space.silhouette("group"),
    "probe_group": lambda space: space.fitted(geometry.probe_accuracy, "group"),
    "probe_object_minority": lambda space: space.fitted(
        geometry.probe_accuracy, "object", np.isin(space.of("group"), space.views.grouping.minority)
    ),
    "silhouette_majority_pair": lambda space: geometry.majority_silhouette(
        space.z, space.of("group"), space.of("scene"), space.views.grouping
    ),
    "variance_object": lambda space: space.variance["object"],
    "variance_context": lambda space: space.variance["context"],
    "variance_interaction": lambda space: space.variance["interaction"],
    "axis_angle": lambda space: axis_angle(
        space.z, space.of("object"), space.of("context"), space.of("scene"), space.views.grouping
    ),
    "dispersion": Space.dispersion,
    "uniformity_images": lambda space: geometry.uniformity(space.z, space.of("scene")),
    "similarity_to": Space.similarity,
}
# Of a space that is none, `absent` lists these first: files of all versions are the same to the byte.
_FIRST = (
    "silhouette_object", "silhouette_context", "silhouette_group", "silhouette_majority_pair", "variance", "variance_p",
    "axis_angle", "dispersion", "uniformity_images", "probe_object", "probe_context", "probe_group",
    "probe_object_minority", "neighbours_object", "neighbours_context", "similarity_to",
)  # fmt: skip


def no_space(reason: str) -> dict[str, str]:
    """Why nothing is measured of a space, by measure."""
    return dict.fromkeys([*_FIRST, *(measure_of(name).whole or name for name in SPACE)], reason)


def lacking(views: Views) -> dict[Need, str]:
    """Which pictures are too few to measure a space on."""
    reasons = {
        ("test", Need.HELD_OUT): "too few held-out pictures",
        ("probe", Need.PROBE): "no pictures to fit it on",
    }
    return {need: reason for (split, need), reason in reasons.items() if views.fewest(split) < FEWEST}


def map_quality(z: NDArray[np.floating], points: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    """Trustworthiness and continuity of a map by size of the neighbourhood, ``k5`` and so on; of few pictures, only for
    the sizes that are less than half of them."""
    ks = [k for k in NEIGHBOURHOODS if k < len(z) / 2]
    return {
        "trustworthiness": {f"k{k}": value for k, value in projection.trustworthiness(z, points, ks).items()},
        "continuity": {f"k{k}": value for k, value in projection.continuity(z, points, ks).items()},
    }


def pixel_baseline(views: Views) -> dict[str, Any]:
    """The same questions put to the pixels themselves: what is there before any model.

    Pictures are averaged to 16 x 16 and projected to as many principal components of the held-out ones as an embedding
    has numbers, then brought to length 1, so that nothing differs from a model's space but where it comes from.
    """
    if not views.pixels:
        return {"absent": no_space("no pictures")}
    metrics = MetricsBuilder(lacking(views))
    flat = {name: cues.coarse(views.pixels[name]) for name in ("test", "probe") if len(views.pixels[name])}
    plane = PCA(min(EMBEDDING, *flat["test"].shape), svd_solver="full").fit(flat["test"])
    spaces = {name: plane.transform(pictures) for name, pictures in flat.items()}
    unit = {name: space / np.linalg.norm(space, axis=1, keepdims=True).clip(1e-9) for name, space in spaces.items()}
    metrics.add_all(SPACE, Space(views, unit["test"], unit.get("probe", unit["test"][:0])))
    return metrics.document
