"""All that is measured of a run, as one document; the same for the untrained encoder, first fit and the end.

The one idea: accuracy counts the verdicts of all models of a job together (a small set has one for each fold), while
geometry is of one space only, that of the model which is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vlcore.conditions import Condition
from vlcore.runs import jobs
from vlcore.runs.watching import MEASURING, RENDERING, TRAINING, Moment, Verdict, Views

if TYPE_CHECKING:
    from vlcore.learning.train import TrainedModel


def measure(
    condition: Condition,
    views: Views,
    captions: tuple[str, ...],
    own: NDArray[np.int64],
    moments: dict[str, tuple[Moment, list[Verdict]]],
    trained: TrainedModel,
    report: jobs.Reporter,
) -> dict[str, Any]:
    """All that is measured of a run, as one document; the same for the untrained encoder, first fit and the end."""
    from vlcore.learning.objectives import negative_shares
    from vlcore.measures.accuracy import blind_match_accuracy

    measured: dict[str, Any] = {}
    for number, (name, (moment, verdicts)) in enumerate(moments.items()):
        if name == "end" and condition.steps == 0:
            measured["end"] = measured["untrained"]
            continue
        measured[name] = _measure_moment(views, captions, own, moment, verdicts)
        report(fraction=RENDERING + TRAINING + MEASURING * (number + 1) / len(moments), now=True)
    counts = np.bincount(own, minlength=len(captions))
    weights = negative_shares(condition.negatives, counts)
    return {
        "models": len(moments["end"][1]),
        "first_fit_step": trained.first_fit_step if "first_fit" in measured else None,
        "text_only_match": blind_match_accuracy(counts / counts.sum(), weights),
        "untrained": measured["untrained"],
        "first_fit": measured.get("first_fit"),
        "end": measured["end"],
    }


def _measure_moment(
    views: Views, captions: tuple[str, ...], own: NDArray[np.int64], moment: Moment, verdicts: list[Verdict]
) -> dict[str, Any]:
    """Accuracy over the held-out pictures of all models of the job, and the geometry of the first one's."""
    from vlcore.measures.accuracy import group_accuracy

    predicted, objects, groups, scenes = (np.concatenate(columns) for columns in zip(*verdicts, strict=True))
    accuracy = group_accuracy(predicted, objects, groups, scenes, views.images.grouping)
    seen = np.bincount(own, minlength=len(captions)) > 0
    train_logits = np.where(seen, moment["train"] @ moment["captions"].T, -np.inf)
    return {
        "train_caption_accuracy": float((train_logits.argmax(axis=1) == own).mean()),
        "train_images": len(own),
        "balanced_accuracy": accuracy.balanced.as_dict(),
        "minority_accuracy": accuracy.minority.as_dict(),
        "majority_accuracy": accuracy.majority.as_dict(),
        "worst_group": accuracy.worst_group,
        "worst_group_accuracy": accuracy.worst.as_dict(),
        "group_accuracy": {name: estimate.as_dict() for name, estimate in accuracy.groups.items()},
        **_geometry(views, moment),
    }


FEWEST = 5  # held-out or probe images of each group without which geometry is not measured


def _geometry(views: Views, moment: Moment) -> dict[str, Any]:
    """How one model lays its held-out pictures out; what is not defined is absent, with the reason in ``absent``."""
    from vlcore.measures import geometry

    z, scenes = moment["test"], views.column("scene", "test")
    variance = geometry.total_variance(z, scenes)
    document: dict[str, Any] = {"total_variance": variance.as_dict(), "absent": {}}
    if variance.value <= 1e-12:
        names = ("effective_rank", "silhouette_object", "silhouette_context", "probe_object", "probe_context")
        return {**document, "collapsed": True, "absent": dict.fromkeys(names, "one point")}
    rank = geometry.effective_rank(z, scenes)
    document["effective_rank"] = rank.as_dict()
    document["collapsed"] = geometry.is_collapsed(variance.value, rank.value)
    for name in ("object", "context"):
        labels = views.column(name, "test")
        if views.fewest("test") >= FEWEST:
            document[f"silhouette_{name}"] = geometry.silhouette(z, labels, scenes).as_dict()
        else:
            document["absent"][f"silhouette_{name}"] = "too few held-out pictures"
        if min(views.fewest("test"), views.fewest("probe")) >= FEWEST:
            fitted_on = views.column(name, "probe")
            document[f"probe_{name}"] = geometry.probe(moment["probe"], fitted_on, z, labels, scenes).as_dict()
        else:
            document["absent"][f"probe_{name}"] = "no pictures to fit it on"
    return document
