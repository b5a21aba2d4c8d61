"""The measures of a run in the words of a table, each beside what it must be compared with.

The one idea: no number about a space stands alone. Beside every one are the same number of the encoder before its first
step and, where it is about pictures only, of the pixels themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from vlcore.images.groups import Grouping
from vlcore.measures.estimate import FEW
from vlcore.runs.compare import Comparison
from vlcore.runs.store import Artefact

MEASURES = (
    # name in metrics.json, words ({0} is what the objects are called), whether it is a share
    ("minority_accuracy", "Right on minority groups", True),
    ("majority_accuracy", "Right on majority groups", True),
    ("balanced_accuracy", "Right on all groups (balanced)", True),
    ("train_weighted_accuracy", "Right, groups weighted as in training", True),
    ("worst_group_accuracy", "Right on the worst group", True),
    ("worst_group_cross_fitted", "Right on the group that was worst on validation pictures", True),
    ("readouts_linear_probe.minority_accuracy", "Minority right by a linear probe", True),
    ("readouts_nearest_neighbours.minority_accuracy", "Minority right by five neighbours", True),
    ("readouts_best_caption.minority_accuracy", "Minority right by the best caption", True),
    ("readouts_mean_caption.minority_accuracy", "Minority right by the mean caption", True),
    ("readouts_bare.minority_accuracy", "Minority right by the bare name", True),
    ("readouts_given_context.minority_accuracy", "Minority right when told the background", True),
    ("background_reliance", "Background Reliance Index (0: {0}, 1: background)", False),
    ("context_flip_rate", "Answer changes when the background is swapped", True),
    ("object_flip_rate", "Answer changes when the {0} is swapped", True),
    ("panel.only_fg", "Right on the {0} alone, on black", True),
    ("panel.no_fg", "Right on the place, the {0} blacked out", True),
    ("background_gap", "Background gap (own kind minus random place)", True),
    ("calibration_error", "Expected calibration error", True),
    ("silhouette_object", "Sorted by {0} (cosine silhouette)", False),
    ("silhouette_context", "Sorted by background (cosine silhouette)", False),
    ("silhouette_group", "Sorted by group (cosine silhouette)", False),
    ("silhouette_majority_pair", "The majority groups apart (cosine silhouette)", False),
    ("variance_object", "Variance that the {0} explains", True),
    ("variance_context", "Variance that the background explains", True),
    ("variance_interaction", "Variance that both together explain", True),
    ("probe_object", "The {0} can be read off (linear probe)", True),
    ("probe_context", "The background can be read off (linear probe)", True),
    ("neighbours_object", "The {0} can be read off (five neighbours)", True),
    ("axis_angle", "Angle between the axes of {0} and background, degrees", False),
    ("similarity_to.object", "Similarity goes with the same {0} (rank regression)", False),
    ("similarity_to.context", "Similarity goes with the same background", False),
    ("similarity_to.colour", "Similarity goes with like colours", False),
    ("alignment", "Distance of pictures and their captions (squared)", False),
    ("uniformity_images", "Uniformity of pictures (0: one point)", False),
    ("modality_gap", "Gap between pictures and captions", False),
    ("total_variance", "Total variance (0: all in one point)", False),
    ("effective_rank", "Effective rank (dimensions in use)", False),
)
_OF_PIXELS = ("silhouette", "variance", "probe", "neighbours", "axis", "similarity", "uniformity_images")


def share(estimate: Mapping[str, Any]) -> str:
    """``95 % (93 to 96)``, the space before the sign unbreakable; a rate of few pictures says of how few."""
    words = f"{estimate['value'] * 100:.0f}\u00a0% ({estimate['low'] * 100:.0f} to {estimate['high'] * 100:.0f})"
    return words if estimate["n"] >= FEW else f"{words} of only {estimate['n']}"


def number(estimate: Mapping[str, Any]) -> str:
    """``0.71 (0.68 to 0.74)``"""
    return f"{estimate['value']:.2g} ({estimate['low']:.2g} to {estimate['high']:.2g})"


def find(metrics: Mapping[str, Any], measure: str) -> Mapping[str, Any] | None:
    """A measure of a moment by its name, with dots for what stands inside another; None where it is not there."""
    found: Any = metrics
    for name in measure.split("."):
        if name not in found:
            return None
        found = found[name]
    return dict(found)


def cell(metrics: Mapping[str, Any], measure: str, is_share: bool) -> str:
    """A number of a moment in words, or why it is not defined."""
    found = find(metrics, measure)
    if found is None:
        return f"not defined: {reason_of(metrics, measure)}"
    return share(found) if is_share else number(found)


def reason_of(metrics: Mapping[str, Any], measure: str) -> str:
    """Why a measure is not defined; a model of an older version has not measured what is new."""
    if "absent" not in metrics:  # the first version left out what is not defined in one point, and nothing else
        return "one point"
    absent = metrics["absent"]
    whole = "variance" if measure.startswith("variance_") else measure.split(".")[0]  # what it is a part of
    return str(absent.get(measure, absent.get(whole, "not measured by this version")))


def measures_table(comparison: Comparison, grouping: Grouping) -> pd.DataFrame:
    """What was measured of some models, beside the untrained encoder that each started from and the pixels; one row a
    measure that any has."""
    models = {
        name.capitalize(): model.artefact for name, model in zip(comparison.names, comparison.models, strict=True)
    }
    first = next(iter(models.values()))
    pixels = first.metrics.get("raw_pixels", {})
    rows = []
    for measure, words, is_share in MEASURES:
        if not any(find(model.metrics[when], measure) for model in models.values() for when in ("end", "untrained")):
            continue  # measures that an image set does not have; what a model lacks is said in its cell
        row = {"": words.format(grouping.object_word)}
        for name, model in models.items():
            row[name] = cell(model.metrics["end"], measure, is_share)
            row[f"{name}, untrained"] = cell(model.metrics["untrained"], measure, is_share)
        about_pixels = measure.startswith(_OF_PIXELS) and find(pixels, measure) is not None
        row["Pixels"] = cell(pixels, measure, is_share) if about_pixels else ""
        row["Images"] = _count(first.metrics["end"], measure)
        rows.append(row)
    return pd.DataFrame(rows)


def measures_of(model: Artefact, grouping: Grouping) -> pd.DataFrame:
    """What was measured of one model, one row a measure: the number, or why there is none."""
    end = model.metrics["end"]
    return pd.DataFrame(
        [
            {
                "": words.format(grouping.object_word),
                "Measured": cell(end, measure, is_share),
                "Images": _count(end, measure),
            }
            for measure, words, is_share in MEASURES
        ]
    )


def _count(metrics: Mapping[str, Any], measure: str) -> str:
    found = find(metrics, measure)
    return "" if found is None else f"{found['n']:,}"


def map_quality(model: Artefact) -> str | None:
    """How far to believe the map of a model, in a sentence; None where it was not measured."""
    quality = model.metrics["end"].get("map_quality", {})
    trust, kept = (quality.get(name, {}).get("k10") for name in ("trustworthiness", "continuity"))
    if trust is None or kept is None:
        return None
    return (
        f"Of ten neighbours on the map, trustworthiness {trust:.2f}: 1 means that all are neighbours in the full "
        f"space; continuity {kept:.2f}: 1 means that none is lost"
    )
