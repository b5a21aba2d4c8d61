"""What is asked of a space of pictures: by what it is sorted, and what can be read off it.

The one idea: the same questions are put to a model's space and to the pixels, so that what a model adds stands beside
what was there before it.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.measures.estimate import Estimate
from vlcore.runs.recorder import Snapshot
from vlcore.runs.views import FEWEST, MetricsBuilder, Views

NEIGHBOURHOODS = (5, 10, 15)
EMBEDDING = 32  # numbers that stand for a picture in the space of pixels


def geometry_of(
    metrics: MetricsBuilder, views: Views, snapshot: Snapshot, own: NDArray[np.int64], wordless: str | None
) -> None:
    """How one model lays its held-out pictures out."""
    from vlcore.measures import geometry, projection

    z, scenes, captions = snapshot.z["test"], views.column("scene", "test"), snapshot.captions
    variance = geometry.total_variance(z, scenes)
    metrics.document["total_variance"] = variance.as_dict()
    if variance.value <= 1e-12:
        metrics.document["collapsed"] = True
        for name in ("effective_rank", *SPACE):
            metrics.skip(name, "one point")
        return
    rank = geometry.effective_rank(z, scenes)
    metrics.document["effective_rank"] = rank.as_dict()
    metrics.document["collapsed"] = geometry.is_collapsed(variance.value, rank.value)
    of_space(metrics, views, z, snapshot.z["probe"])
    if len(captions) == 0 or wordless:
        reason = wordless or "this model's captions have no embeddings"
        for name in ("alignment", "uniformity_captions", "modality_gap"):
            metrics.skip(name, reason)
    else:
        mine, training = captions[own], views.column("scene", "train")
        counts = np.bincount(own, minlength=len(captions)).astype(float)
        metrics.add("alignment", lambda: geometry.alignment(snapshot.z["train"], mine, training))
        metrics.add("modality_gap", lambda: geometry.modality_gap(snapshot.z["train"], captions, counts, training))
        names = np.arange(len(captions)).astype(str)
        metrics.add("uniformity_captions", lambda: geometry.uniformity(captions, names))
    shown = z[views.on_map]
    plane = projection.fit_plane(np.concatenate([shown, captions]))
    metrics.document["map_quality"] = map_quality(shown, plane.place(shown))


def map_quality(z: NDArray[np.floating], points: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    """Trustworthiness and continuity of a map by size of the neighbourhood, ``k5`` and so on; of few pictures, only for
    the sizes that are less than half of them."""
    from vlcore.measures import projection

    ks = [k for k in NEIGHBOURHOODS if k < len(z) / 2]
    return {
        "trustworthiness": {f"k{k}": value for k, value in projection.trustworthiness(z, points, ks).items()},
        "continuity": {f"k{k}": value for k, value in projection.continuity(z, points, ks).items()},
    }


SPACE = (
    "silhouette_object", "silhouette_context", "silhouette_group", "silhouette_majority_pair", "variance", "variance_p",
    "axis_angle", "dispersion", "uniformity_images", "probe_object", "probe_context", "probe_group",
    "probe_object_minority", "neighbours_object", "neighbours_context", "similarity_to",
)  # fmt: skip


def of_space(metrics: MetricsBuilder, views: Views, z: NDArray[np.floating], fit: NDArray[np.floating]) -> None:
    """By what a space of pictures is sorted and what can be read off it: held-out pictures (n, E), and those that
    probes are fitted on (m, E). The space of a model, or of the pixels."""
    from vlcore.measures import geometry
    from vlcore.measures.variance import FACTORS, axis_angle, p_values, variance_shares

    scenes, grouping = views.column("scene", "test"), views.grouping
    groups = views.column("group", "test")
    few, unfitted = views.fewest("test") < FEWEST, views.fewest("probe") < FEWEST
    for name in ("object", "context", "group"):
        labels = views.column(name, "test")
        if few:
            metrics.skip(f"silhouette_{name}", "too few held-out pictures")
        else:
            metrics.add(f"silhouette_{name}", lambda labels=labels: geometry.silhouette(z, labels, scenes))  # type: ignore[misc]
        if few or unfitted:
            for asked in (f"probe_{name}", *([] if name == "group" else [f"neighbours_{name}"])):
                metrics.skip(asked, "no pictures to fit it on" if unfitted else "too few held-out pictures")
            continue
        fitted_on = views.column(name, "probe")
        metrics.add(
            f"probe_{name}",
            lambda labels=labels, fitted_on=fitted_on: geometry.probe_accuracy(fit, fitted_on, z, labels, scenes),  # type: ignore[misc]
        )
        if name != "group":
            metrics.add(
                f"neighbours_{name}",
                lambda labels=labels, fitted_on=fitted_on: geometry.neighbour_accuracy(
                    fit, fitted_on, z, labels, scenes
                ),  # type: ignore[misc]
            )
    if few:
        for name in (
            "silhouette_majority_pair", "variance", "axis_angle", "dispersion", "uniformity_images",
            "probe_object_minority", "similarity_to",
        ):  # fmt: skip
            metrics.skip(name, "too few held-out pictures")
        return
    objects, contexts = views.column("object", "test"), views.column("context", "test")
    if unfitted:
        metrics.skip("probe_object_minority", "no pictures to fit it on")
    else:
        rare = np.isin(groups, grouping.minority)
        metrics.add(
            "probe_object_minority",
            lambda: geometry.probe_accuracy(fit, views.column("object", "probe"), z[rare], objects[rare], scenes[rare]),
        )
    metrics.add("silhouette_majority_pair", lambda: geometry.majority_silhouette(z, groups, scenes, grouping))
    try:
        shares = variance_shares(z, objects, contexts, scenes)
    except ValueError as error:
        metrics.skip("variance", str(error))
    else:
        p = p_values(z, objects, contexts, scenes)
        for name in FACTORS:
            metrics.document[f"variance_{name}"] = {**shares[name].as_dict(), "p": p[name]}
    metrics.add("axis_angle", lambda: axis_angle(z, objects, contexts, scenes, grouping))
    metrics.add(
        "dispersion",
        lambda: {name: geometry.dispersion(z[groups == name], scenes[groups == name]) for name in grouping.names},
    )
    metrics.add("uniformity_images", lambda: geometry.uniformity(z, scenes))
    metrics.add("similarity_to", lambda: _similarity(views, z))
    if not views.pixels:
        for name in ("colour", "pixels"):
            metrics.skip(f"similarity_to.{name}", "no pictures")


def _similarity(views: Views, z: NDArray[np.floating]) -> dict[str, Estimate]:
    """What similarity in a space goes with: same object, same context, same coat, like colours, like pixels."""
    from vlcore.measures import cues, rsa

    rows = views.on_map
    models = {
        "object": rsa.same_label(views.column("object", "test")[rows]),
        "context": rsa.same_label(views.column("context", "test")[rows]),
    }
    if views.pixels:
        pixels = views.pixels["test"][rows]
        models["colour"] = rsa.euclidean_distance(cues.mean_colour(pixels))
        models["pixels"] = rsa.euclidean_distance(cues.coarse(pixels))
    if views.images.about.get("recipe"):
        factors = [json.loads(text)["coat"] for text in views.column("factors", "test")[rows]]
        models["coat"] = rsa.same_label(np.array(factors))
    return rsa.rsa(z[rows], models, views.column("scene", "test")[rows])


def pixel_baseline(views: Views) -> dict[str, Any]:
    """The same questions put to the pixels themselves: what is there before any model.

    Pictures are averaged to 16 x 16 and projected to as many principal components of the held-out ones as an embedding
    has numbers, then brought to length 1, so that nothing differs from a model's space but where it comes from.
    """
    from sklearn.decomposition import PCA

    from vlcore.measures import cues

    if not views.pixels:
        return {"absent": dict.fromkeys(SPACE, "no pictures")}
    metrics = MetricsBuilder()
    flat = {name: cues.coarse(views.pixels[name]) for name in ("test", "probe") if len(views.pixels[name])}
    plane = PCA(min(EMBEDDING, *flat["test"].shape), svd_solver="full").fit(flat["test"])
    spaces = {name: plane.transform(pictures) for name, pictures in flat.items()}
    unit = {name: space / np.linalg.norm(space, axis=1, keepdims=True).clip(1e-9) for name, space in spaces.items()}
    of_space(metrics, views, unit["test"], unit.get("probe", unit["test"][:0]))
    return metrics.document
