"""What is asked of what one model says: how it is read out, what its decisions rest on.

The one idea: each question is a line that names a number and calls the measure; the `MetricsBuilder` writes down
either the number or the reason why there is none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.conditions import Condition
from vlcore.measures.estimate import Estimate, rate
from vlcore.runs.sheets import FEWEST, MetricsBuilder
from vlcore.runs.watching import Labels, Snapshot, Views, why_no_readout, why_unread

Names = NDArray[np.str_]


def predicted(labels: Labels, views: Views, snapshot: Snapshot, split: str = "test") -> Names:
    """The object that a run names for each picture of a split, (n,): by its captions, or by its new last layer.

    Raises:
        ValueError: when no caption speaks of one of the objects.
    """
    return _named(_scores(labels, views, snapshot, snapshot.z[split], snapshot.scores[split]), views)


def _scores(
    labels: Labels, views: Views, snapshot: Snapshot, z: NDArray[np.floating], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Log scores of the objects for pictures, from their embeddings and their scores with captions, (n, 2)."""
    from vlcore.measures.accuracy import object_scores

    if snapshot.layer is not None:
        return np.asarray(snapshot.layer.scores(z, views.grouping.objects))
    return object_scores(scores, labels.objects, views.grouping.objects)


def _named(scores: NDArray[np.float64], views: Views) -> Names:
    return np.asarray(views.grouping.objects)[scores.argmax(axis=1)]


def behaviour(metrics: MetricsBuilder, condition: Condition, labels: Labels, views: Views, snapshot: Snapshot) -> None:
    """What the model says of held-out pictures, read out in several ways, and what its decisions rest on."""
    from vlcore.measures import calibration, counterfactual
    from vlcore.measures.panel import background_gap

    _readouts(metrics, condition, labels, views, snapshot)
    objects, groups, scenes = (views.column(name, "test") for name in ("object", "group", "scene"))
    grouping = views.grouping
    if reason := why_no_readout(condition, labels):
        for name in (
            "background_reliance", "object_effect", "context_effect", "interaction_effect", "context_flip_rate",
            "object_flip_rate", "margin", "calibration_error", "worst_group_cross_fitted", "panel", "background_gap",
        ):  # fmt: skip
            metrics.skip(name, reason)
    else:
        scores = _scores(labels, views, snapshot, snapshot.z["test"], snapshot.scores["test"])
        said = _named(scores, views)
        margin = scores[:, 0] - scores[:, 1]
        metrics.add("margin", lambda: calibration.margins(scores, objects, groups, scenes, grouping))
        metrics.add(
            "calibration_error",
            lambda: calibration.expected_calibration_error(calibration.confidence(scores), said == objects, scenes),
        )
        metrics.add("context_flip_rate", lambda: counterfactual.context_flip_rate(said, _crossing(views)))
        metrics.add("object_flip_rate", lambda: counterfactual.object_flip_rate(said, _crossing(views)))
        metrics.add("background_reliance", lambda: counterfactual.background_reliance(margin, _crossing(views)))
        for name in ("object", "context", "interaction"):
            metrics.add(
                f"{name}_effect",
                lambda name=name: getattr(counterfactual.effects(margin, _crossing(views)), name),  # type: ignore[misc]
            )
        if len(views.rows["val"]):
            metrics.add("worst_group_cross_fitted", lambda: _cross_fitted(labels, views, snapshot, said))
        else:
            metrics.skip("worst_group_cross_fitted", "no validation pictures to choose the group on")
        if views.panel is None:
            for name in ("panel", "background_gap"):
                metrics.skip(name, "no masks of the objects" if views.pixels else "no pictures")
        else:
            right = {  # of pictures put together from objects and backgrounds (Xiao et al. 2020)
                name: _named(_scores(labels, views, snapshot, *seen), views) == objects[views.panel_rows]
                for name, seen in snapshot.panel.items()
            }
            on = scenes[views.panel_rows]
            metrics.add("panel", lambda: {name: rate(of_kind, on) for name, of_kind in right.items()})
            metrics.add("background_gap", lambda: background_gap(right["mixed_same"], right["mixed_rand"], on))
    metrics.add(
        "background_reliance_z", lambda: counterfactual.background_reliance_z(snapshot.z["test"], _crossing(views))
    )


def _crossing(views: Views) -> Any:
    from vlcore.measures.counterfactual import crossing

    objects, contexts, scenes = (views.column(name, "test") for name in ("object", "context", "scene"))
    return crossing(objects, contexts, scenes, views.grouping)


def _readouts(metrics: MetricsBuilder, condition: Condition, labels: Labels, views: Views, snapshot: Snapshot) -> None:
    """Accuracy of other readouts than the usual one: if a conclusion depends on the readout, one must see it."""
    from vlcore.measures import readouts

    scores, z, grouping = snapshot.scores["test"], snapshot.z["test"], views.grouping
    objects, contexts = views.column("object", "test"), views.column("context", "test")
    spoken, fit_z, fit = labels.objects, snapshot.z["probe"], views.column("object", "probe")
    ways = {
        "best_caption": lambda: readouts.best_caption(scores, spoken, grouping.objects),
        "mean_caption": lambda: readouts.mean_caption(z, snapshot.captions, spoken, grouping.objects),
        "given_context": lambda: readouts.given_context(
            scores, spoken, [said.context or None for said in labels.said], contexts, grouping.objects
        ),
        "bare": lambda: readouts.best_caption(
            np.asarray(z @ snapshot.bare.T, dtype=np.float64), grouping.objects, grouping.objects
        ),
        "nearest_neighbours": lambda: readouts.nearest_neighbours(fit_z, fit, z),
        "linear_probe": lambda: readouts.linear_probe(fit_z, fit, z),
    }
    unread, needed = why_unread(condition, labels), {"mean_caption": snapshot.captions, "bare": snapshot.bare}
    for name, read in ways.items():
        captioned = name not in ("nearest_neighbours", "linear_probe")
        if captioned and unread:
            metrics.skip(f"readouts_{name}", unread)
        elif not captioned and views.fewest("probe") < FEWEST:
            metrics.skip(f"readouts_{name}", "no pictures to fit it on")
        elif name in needed and len(needed[name]) == 0:
            metrics.skip(f"readouts_{name}", "this model's captions have no embeddings of this kind")
        else:
            metrics.add(f"readouts_{name}", lambda read=read: _by_side(read() == objects, views))  # type: ignore[misc]


def _by_side(right: NDArray[np.bool_], views: Views) -> dict[str, Estimate]:
    groups, scenes = views.column("group", "test"), views.column("scene", "test")
    sides = {"minority": views.grouping.minority, "majority": views.grouping.majority, "balanced": views.grouping.names}
    return {
        f"{side}_accuracy": rate(right[np.isin(groups, names)], scenes[np.isin(groups, names)])
        for side, names in sides.items()
    }


def _cross_fitted(labels: Labels, views: Views, snapshot: Snapshot, said: Names) -> Estimate:
    from vlcore.measures.accuracy import cross_fitted_worst, group_accuracy

    on_val = predicted(labels, views, snapshot, "val")

    def groups_of(names: Names, split: str) -> dict[str, Estimate]:
        objects, groups, scenes = (views.column(column, split) for column in ("object", "group", "scene"))
        return group_accuracy(names, objects, groups, scenes, views.grouping).groups

    return cross_fitted_worst(groups_of(on_val, "val"), groups_of(said, "test"))[1]
