"""Geometry of a space of pictures, that of a model or of the pixels: by what it is sorted, what can
be read off it."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product, starmap

import numpy as np
from numpy.typing import NDArray

from vlcore.experiment.options import RANDOM
from vlcore.metrics import geometry, projection
from vlcore.metrics.catalogue import Need, measure_of
from vlcore.metrics.document import Document, Found, add_all
from vlcore.metrics.estimate import Estimate, rate
from vlcore.metrics.memory import Memory
from vlcore.metrics.readouts import nearest_neighbours
from vlcore.metrics.variance import axis_angle, variance_shares
from vlcore.model.image_features import random_space
from vlcore.model.views import Views

FEWEST = 5  # held-out or probe pictures of each group without which geometry is not measured
Way = Callable[[NDArray[np.floating], NDArray[np.str_], NDArray[np.floating]], NDArray[np.str_]]
_known = Memory(64)  # spaces; a grid comes back to each of its seeds


@dataclass(frozen=True, eq=False)
class Space:
    """Pictures in a space: held-out ones `z`, (n, E), and those that probes are fitted on, `fit`,
    (m, E)."""

    views: Views
    z: NDArray[np.floating]
    fit: NDArray[np.floating]
    _read: dict[tuple[Way, str], NDArray[np.str_]] = field(default_factory=dict)

    def of(self, column: str) -> NDArray[np.str_]:
        """What is known of the held-out pictures, (n,)."""
        return self.views.column(column, "test")

    def silhouette(self, column: str) -> Estimate:
        return geometry.silhouette(self.z, self.of(column), self.of("scene"))

    def read_off(self, way: Way, column: str) -> NDArray[np.str_]:
        """What a way to read a column off a space says of the held-out pictures, fitted on those
        kept aside, (n,)."""
        if (way, column) not in self._read:
            self._read[way, column] = way(self.fit, self.views.column(column, "probe"), self.z)
        return self._read[way, column]

    def fitted(
        self, way: Way, column: str, pictures: NDArray[np.bool_] | slice = slice(None)
    ) -> Estimate:
        """How often it is right, on some of the held-out pictures."""
        right = self.read_off(way, column) == self.of(column)
        return rate(right[pictures], self.of("scene")[pictures])

    @cached_property
    def variance(self) -> dict[str, Estimate]:
        """Shares of the variance by factor."""
        return variance_shares(self.z, self.of("object"), self.of("context"), self.of("scene"))

    def dispersion(self) -> dict[str, Estimate]:
        groups, scenes = self.of("group"), self.of("scene")
        names = self.views.grouping.names
        return {
            name: geometry.dispersion(self.z[groups == name], scenes[groups == name])
            for name in names
        }

    def similarity(self) -> dict[str, Estimate]:
        """What similarity goes with: same object, same context, same coat, like colours, like
        pixels."""
        rows = self.views.on_map
        return geometry.rsa(self.z[rows], self.views.likeness, self.of("scene")[rows])


# What is measured of a space, in the order of `metrics.json`.
SPACE: dict[str, Callable[[Space], Found]] = {
    "silhouette_object": lambda space: space.silhouette("object"),
    "probe_object": lambda space: space.fitted(geometry.probe, "object"),
    "neighbours_object": lambda space: space.fitted(nearest_neighbours, "object"),
    "silhouette_context": lambda space: space.silhouette("context"),
    "probe_context": lambda space: space.fitted(geometry.probe, "context"),
    "neighbours_context": lambda space: space.fitted(nearest_neighbours, "context"),
    "silhouette_group": lambda space: space.silhouette("group"),
    "probe_group": lambda space: space.fitted(geometry.probe, "group"),
    "probe_object_minority": lambda space: space.fitted(
        geometry.probe, "object", np.isin(space.of("group"), space.views.grouping.minority)
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
# Of a space that is none, `absent` lists these first: files of all versions are the same to the
# byte.
_FIRST = (
    "silhouette_object",
    "silhouette_context",
    "silhouette_group",
    "silhouette_majority_pair",
    "variance",
    "axis_angle",
    "dispersion",
    "uniformity_images",
    "probe_object",
    "probe_context",
    "probe_group",
    "probe_object_minority",
    "neighbours_object",
    "neighbours_context",
    "similarity_to",
)


def no_space(reason: str) -> dict[str, str]:
    """Why nothing is measured of a space, by measure."""
    return dict.fromkeys([*_FIRST, *(measure_of(name).whole or name for name in SPACE)], reason)


def lacking(views: Views) -> dict[Need, str]:
    """Which pictures are too few to measure a space on."""
    reasons = {
        Need.HELD_OUT: ("test", "too few held-out pictures"),
        Need.PROBE: ("probe", "no pictures to fit it on"),
    }
    groups = {need: views.column("group", split) for need, (split, _) in reasons.items()}
    few = [
        need
        for need, of in groups.items()
        if min((of == name).sum() for name in views.grouping.names) < FEWEST
    ]
    return {need: reasons[need][1] for need in few}


def map_quality(
    z: NDArray[np.floating], points: NDArray[np.float64]
) -> dict[str, dict[str, float]]:
    """Trustworthiness and continuity of a map by size of the neighbourhood, ``k5`` and so on, less
    than half of all."""
    ks = [k for k in projection.TRUST_NEIGHBOURS if k < len(z) / 2]
    measures = {"trustworthiness": projection.trustworthiness, "continuity": projection.continuity}
    return {
        name: {f"k{k}": value for k, value in of(z, points, ks).items()}
        for name, of in measures.items()
    }


def measure_space(lacks: Mapping[Need, str], space: Space) -> Document:
    """What is measured of a space; of one that this process has measured lately, what was found
    then."""
    views = space.views
    known = starmap(
        views.column, product(("object", "context", "group", "scene"), ("test", "probe"))
    )

    def measure() -> Document:
        document: Document = {"absent": {}}
        add_all(document, lacks, SPACE, space)
        return document

    of = (
        views.grouping,
        sorted((need.name, reason) for need, reason in lacks.items()),
        list(views.likeness),
    )
    likeness = views.likeness.values()
    return copy.deepcopy(
        _known.made(measure, repr(of), space.z, space.fit, views.on_map, *known, *likeness)
    )


def pixel_baseline(views: Views) -> Document:
    """The same questions put to the pixels themselves: what is there before any model."""
    summary = views.pixel_summary
    if summary is None:
        return {"absent": no_space("no pictures")}
    return measure_space(lacking(views), Space(views, summary.test, summary.probe))


def random_baseline(views: Views, tower: str) -> Document:
    """The same questions put to the network of a frozen tower with random weights: what pretraining
    did not bring."""
    spaces = random_space(views.images, tower)
    if spaces is None:
        return {
            "absent": no_space(
                f"the features of {tower}{RANDOM} are not there; train a model on it"
            )
        }
    return measure_space(lacking(views), Space(views, spaces["test"], spaces["probe"]))
