"""Measures of a space of images, of a model or of pixels: silhouettes, probes, variance shares."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product, starmap

import numpy as np
from numpy.typing import NDArray

from vlcore.experiment.options import RANDOM
from vlcore.metrics import geometry
from vlcore.metrics.catalogue import FEWEST, Need, measure_of
from vlcore.metrics.document import Document, Value, add_all
from vlcore.metrics.estimate import Estimate, rate
from vlcore.metrics.memory import Memory
from vlcore.metrics.variance import variance_shares
from vlcore.model.image_features import random_space
from vlcore.model.views import Views

Readout = Callable[[NDArray[np.floating], NDArray[np.str_], NDArray[np.floating]], NDArray[np.str_]]
_measured_spaces = Memory(64)  # a grid meets the spaces of each seed again


@dataclass(frozen=True, eq=False)
class Space:
    """Images in a space: held-out ones `z`, (n, E); `fit`, (m, E), on which probes are fitted."""

    views: Views
    z: NDArray[np.floating]
    fit: NDArray[np.floating]
    _predicted: dict[tuple[Readout, str], NDArray[np.str_]] = field(default_factory=dict)

    def column(self, name: str) -> NDArray[np.str_]:
        """A column of the image set's table for the held-out images, (n,)."""
        return self.views.column(name, "test")

    def silhouette(self, column: str) -> Estimate:
        return geometry.silhouette(self.z, self.column(column), self.column("scene"))

    def predicted(self, readout: Readout, column: str) -> NDArray[np.str_]:
        """A column as a readout that is fitted on probe images predicts it, (n,)."""
        if (readout, column) not in self._predicted:
            labels = self.views.column(column, "probe")
            self._predicted[readout, column] = readout(self.fit, labels, self.z)
        return self._predicted[readout, column]

    def accuracy(self, column: str) -> Estimate:
        """Accuracy of a linear probe on the held-out images."""
        correct = self.predicted(geometry.probe, column) == self.column(column)
        return rate(correct, self.column("scene"))

    @cached_property
    def variance(self) -> dict[str, Estimate]:
        """Shares of the variance by factor."""
        objects, contexts, scenes = map(self.column, ("object", "context", "scene"))
        return variance_shares(self.z, objects, contexts, scenes)


# Measures of a space, in the order of `metrics.json`.
SPACE: dict[str, Callable[[Space], Value]] = {
    "silhouette_object": lambda space: space.silhouette("object"),
    "probe_object": lambda space: space.accuracy("object"),
    "silhouette_context": lambda space: space.silhouette("context"),
    "probe_context": lambda space: space.accuracy("context"),
    "variance_object": lambda space: space.variance["object"],
    "variance_context": lambda space: space.variance["context"],
    "uniformity_images": lambda space: geometry.uniformity(space.z, space.column("scene")),
}


def no_space(reason: str) -> dict[str, str]:
    """The reason why nothing is measured of a space, by measure."""
    return {measure_of(name).parent or name: reason for name in SPACE}


def lacking(views: Views) -> dict[Need, str]:
    """Splits with too few images to measure a space on, with the reason."""
    reasons = {}
    for need, split, reason in (
        (Need.HELD_OUT, "test", "too few held-out images"),
        (Need.PROBE, "probe", "too few images to fit it on"),
    ):
        groups = views.column("group", split)
        if min((groups == name).sum() for name in views.grouping.names) < FEWEST:
            reasons[need] = reason
    return reasons


def measure_space(lacks: Mapping[Need, str], space: Space) -> Document:
    """Measure a space, or return the measures of the same space from this process's memory."""
    views = space.views

    def measure() -> Document:
        document: Document = {"absent": {}}
        add_all(document, lacks, SPACE, space)
        return document

    reasons = sorted((need.name, reason) for need, reason in lacks.items())
    name = repr((views.grouping, reasons))
    names = product(("object", "context", "group", "scene"), ("test", "probe"))
    arrays = [space.z, space.fit, *starmap(views.column, names)]
    return copy.deepcopy(_measured_spaces.get(measure, name, *arrays))


def pixel_baseline(views: Views) -> Document:
    """The same measures of the pixels themselves, without a model."""
    space = views.pixel_space
    return measure_space(lacking(views), Space(views, space["test"], space["probe"]))


def random_baseline(views: Views, tower: str) -> Document:
    """The same measures of a frozen tower's network with random weights, without pretraining."""
    spaces = random_space(views.images, tower)
    if spaces is None:
        reason = f"the features of {tower}{RANDOM} are not there; train a model on it"
        return {"absent": no_space(reason)}
    return measure_space(lacking(views), Space(views, spaces["test"], spaces["probe"]))
