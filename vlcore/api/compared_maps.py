"""Comparison of one or two models side by side, as the tables that charts draw.

Maps are aligned to the first over the images that both show: sign and rotation of a projection are
arbitrary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.model_map import ComparisonError, ModelMap, image_captions
from vlcore.artifacts.store import Artifact
from vlcore.data.imageset import ImageSet, join_user_columns
from vlcore.data.subset import fold_numbers
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import ArtifactKind, shown_name
from vlcore.experiment.wording import titles
from vlcore.metrics.projection import align
from vlcore.plots.colouring import GROUPS, Colouring
from vlcore.plots.maps.drawing import MOST_MARKS, MapInfo
from vlcore.plots.options import KINDS

MOST_MODELS = 2
MOST_CAPTIONS = 8  # on a map
FEW_SHARED = 10  # held-out images below which an alignment would be noise


def map_names(models: int) -> tuple[str, ...]:
    """What the maps are called, in their order."""
    return ("Model A", "Model B") if models == 2 else ("Model",)


def in_sentence(name: str) -> str:
    """The name of a map inside a sentence."""
    return name if name in map_names(2) else "the model"


@dataclass(frozen=True, eq=False)
class ComparedMaps:
    """Maps as the tables that `vlcore.plots.maps.drawing.map_drawing` takes.

    `points` has one row an image, with columns ``x``, ``y``, ``caption_``, ``predicted_``,
    ``says_`` and ``right_`` of each map, numbered from 0; `captions` one row a caption and map:
    ``caption``, ``pane``, ``x``, ``y``; `uploads` one row a visitor's image: ``id``, ``name``,
    ``thumb``, ``spoken`` and its positions.
    """

    models: tuple[ModelMap, ...]  # aligned to the first
    points: pd.DataFrame
    captions: pd.DataFrame
    infos: tuple[MapInfo, ...]  # the words around each map
    images: ImageSet  # whose rows the points are
    uploads: pd.DataFrame | None = None
    coloured_by: str = "group"  # as options name it; `vlcore.api.colourings.coloured` changes it
    colouring: Colouring = GROUPS  # of the points, for that

    @property
    def named(self) -> dict[str, ModelMap]:
        """The maps by what they are called."""
        return dict(zip(map_names(len(self.models)), self.models, strict=True))

    @cached_property
    def is_large(self) -> bool:
        """Whether the maps have more marks than a file for papers draws."""
        return sum(len(model.rows) for model in self.models) > MOST_MARKS

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row number in the image set of each image of the table, (n,)."""
        return row_numbers(self.points)


def row_numbers(points: pd.DataFrame) -> NDArray[np.int64]:
    """Row number in the image set of each of some points, (n,)."""
    return points["id"].str.removeprefix("p").astype(np.int64).to_numpy()


def compare_maps(models: Sequence[ModelMap], images: ImageSet) -> ComparedMaps:
    """Put one or two maps beside each other, for pages, files and the command line.

    Args:
        models: maps of one kind, of models trained on one image set, or of embeddings of the same
            images; the others are aligned to the first.
        images: that set; of imported embeddings the first one's.

    Raises:
        ComparisonError: when they come from different image sets, show different images, or are too
            many.
    """
    if not 1 <= len(models) <= MOST_MODELS:
        raise ComparisonError(
            f"One or two models are compared, not {len(models)}. Use a grid for more."
        )
    aligned, points, captions = joint_tables(models, images)
    infos = []
    subtitles = _subtitles(models, images)
    names = map_names(len(models))
    described = titles([model.artifact.condition for model in models])
    for name, words, model, subtitle in zip(names, described, models, subtitles, strict=True):
        words = words if len(models) == 1 else f"{name}: {words}"
        axes = _axis_titles(model, aligned=model is not models[0])
        infos.append(MapInfo(words, subtitle, *axes))
    return ComparedMaps(aligned, points, captions, tuple(infos), images)


def joint_tables(
    models: Sequence[ModelMap], images: ImageSet
) -> tuple[tuple[ModelMap, ...], pd.DataFrame, pd.DataFrame]:
    """The maps aligned to the first, with the points and the captions of `ComparedMaps`, of any
    number of models.

    Raises:
        ComparisonError: when they come from different image sets, or show different images.
    """
    first = models[0]
    if len({image_set_of(model.artifact) for model in models}) > 1:
        raise ComparisonError(
            "The models were trained on different image sets; choose models of one set."
        )
    aligned = tuple(_aligned(model, first) for model in models)
    points = _image_points(models, images)
    rows = row_numbers(points)
    columns: dict[str, Any] = {}
    captions = []
    for pane, model in enumerate(aligned):
        columns |= _model_columns(model, rows, images, pane)
        captions.append(_caption_points(model, pane))
    return aligned, points.assign(**columns), pd.concat(captions, ignore_index=True)


def _image_points(models: Sequence[ModelMap], images: ImageSet) -> pd.DataFrame:
    """All images that a model shows, with what does not depend on the model."""
    rows = np.unique(np.concatenate([model.rows for model in models]))
    trained_on = np.concatenate([model.rows[model.n_held_out :] for model in models])
    table = images.table.iloc[rows].reset_index(drop=True)
    points = table[["object", "context", "group"]].copy()
    points.insert(0, "id", [f"p{row}" for row in rows])
    # Models of other bias or seed are trained on other images: held out is what none has seen.
    points["kind"] = np.where(np.isin(rows, trained_on), "training", "test")
    points["minority"] = np.isin(points["group"], images.grouping.minority)
    points["scene"] = table["scene"].to_numpy().astype(str)
    return points


def _caption_points(model: ModelMap, pane: int) -> pd.DataFrame:
    """The captions that have a position; of many, few, to be readable."""
    count = len(model.caption_points)
    indices = np.unique(np.linspace(0, count - 1, min(count, MOST_CAPTIONS)).astype(int))
    x, y = model.caption_points[indices].round(5).T
    texts = [model.captions[index] for index in indices]
    return pd.DataFrame({"caption": texts, "pane": pane, "x": x, "y": y})


def image_set_of(artifact: Artifact) -> tuple[str, str]:
    """Name and version of the image set of a model."""
    return artifact.condition.data, artifact.condition.data_version


def _aligned(model: ModelMap, onto: ModelMap) -> ModelMap:
    """A map, aligned to another."""
    shared = np.intersect1d(model.rows[: model.n_held_out], onto.rows[: onto.n_held_out])
    if len(shared) < FEW_SHARED:  # folds of another seed hold other images out
        shared = np.intersect1d(model.rows, onto.rows)
    if len(shared) < 2:
        raise ComparisonError("The models show different images; choose models with one seed.")
    return model.turned(align(model.points[model.index(shared)], onto.points[onto.index(shared)]))


def _model_columns(
    model: ModelMap, rows: NDArray[np.int64], images: ImageSet, pane: int
) -> dict[str, Any]:
    """The columns of points that each model has of its own."""
    x, y = model.values_at(rows, model.points).round(5).T
    index = model.index(rows)
    is_shown = index >= 0
    labels, is_right = model.predicted_objects(images.grouping.objects), model.is_right(images)
    if labels is None or is_right is None:
        predicted = correct = pd.Series("none", range(len(rows)))
        words = pd.Series("none: its captions name no object", range(len(rows)))
    else:
        predicted = pd.Series(labels[index], dtype=str).where(is_shown, "none")
        outcomes = np.where(is_right[index], "right", "wrong")
        correct = pd.Series(outcomes, dtype=str).where(is_shown, "none")
        words = predicted + " (" + correct.replace("right", "correct") + ")"
    return {
        f"x{pane}": x,
        f"y{pane}": y,
        f"caption_{pane}": [text or "none" for text in image_captions(model, images, rows)],
        f"predicted_{pane}": words.where(is_shown, "not on this model's map"),
        f"says_{pane}": predicted,
        f"right_{pane}": correct,
    }


def _subtitles(models: Sequence[ModelMap], images: ImageSet) -> list[str]:
    """What each model is besides its bias and its captions; of two models, where they differ."""
    facts = [_facts(model, images) for model in models]
    shared = set.intersection(*map(set, facts)) if len(models) > 1 else set()
    return ["; ".join(fact for fact in each if fact not in shared) for each in facts]


def _facts(model: ModelMap, images: ImageSet) -> list[str]:
    condition = model.artifact.condition
    end = model.artifact.metrics["end"]
    facts = [f"{model.z.shape[1]:,} dimensions"]
    if condition.kind.has_weights:
        seeds = f"seed {condition.init_seed}"
        if condition.data_seed != condition.init_seed:
            seeds = f"seeds {condition.data_seed} and {condition.init_seed}"
        is_untrained = condition.kind is ArtifactKind.UNTRAINED
        steps = "not trained" if is_untrained else f"{condition.steps:,} steps"
        if not (is_untrained or images.about.get("recipe")):  # of which users think that all are
            steps += f" on {len(model.rows) - model.n_held_out:,} images"
        facts = [seeds, steps]
    if condition.negatives != Condition().negatives:  # its question is whether the model collapses
        facts.append(f"total variance {end['total_variance']['value']:.2g}")
    if end["collapsed"]:
        facts.append("COLLAPSED: what spreads here is residue, blown up to fill the map")
    return facts


def _axis_titles(model: ModelMap, aligned: bool) -> tuple[str, str]:
    projection = model.projection
    x_share, y_share = (f"{share * 100:.0f}%" for share in model.plane.shares)
    if projection.fitted:
        orientation = "aligned to the first" if aligned else "axes have no meaning"
        return f"{KINDS[projection.kind]}, {orientation}", ""
    x, y = projection.components
    if aligned:
        shares = f"{x_share} and {y_share} of variance"
        return f"components {x} and {y} ({shares}), aligned to the first", ""
    return f"component {x} ({x_share} of variance)", f"component {y} ({y_share})"


def with_uploads(
    comparison: ComparedMaps, thumbs: Sequence[str], embedded: Sequence[NDArray[np.floating]]
) -> ComparedMaps:
    """A comparison with a visitor's images: small ones, of `thumb_uri`, and embeddings, (m, E) a
    model."""
    rows = [
        (f"u{index}", f"Image {index + 1}", thumb, f"your image {index + 1}")
        for index, thumb in enumerate(thumbs)
    ]
    stars = pd.DataFrame(rows, columns=["id", "name", "thumb", "spoken"])
    for pane, (model, z) in enumerate(zip(comparison.models, embedded, strict=True)):
        stars[[f"x{pane}", f"y{pane}"]] = model.place(z)
    return replace(comparison, uploads=stars)


def sample_words(count: int, total: int) -> str:
    """What is said of a sample of the images of large maps."""
    return f"a sample: {count:,} of {total:,} images, chosen by chance"


def drawn_sample(comparison: ComparedMaps) -> ComparedMaps:
    """The comparison as files draw it: of large maps a sample of the images, by chance and the same
    each time, which the words around each map say."""
    if not comparison.is_large:
        return comparison
    total = len(comparison.points)
    count = min(total, MOST_MARKS // len(comparison.models))
    positions = np.random.default_rng(0).choice(total, count, replace=False)
    points = comparison.points.iloc[np.sort(positions)].reset_index(drop=True)
    words = sample_words(count, total)
    infos = [
        replace(info, subtitle="; ".join(filter(None, [info.subtitle, words])))
        for info in comparison.infos
    ]
    models = tuple(model.among(row_numbers(points)) for model in comparison.models)
    return replace(comparison, models=models, points=points, infos=tuple(infos))


def points_table(comparison: ComparedMaps, points: pd.DataFrame) -> pd.DataFrame:
    """Images as a table: what they are, what every model predicts for them, their positions, what
    joins them to the user's own files (``source`` and the columns of the user's table), and what
    drawn images were drawn by. A score is the probability of the predicted object, uncalibrated.
    Of `with_held_out` it has the columns of folds too."""
    titles = {"id": "id", "object": "object", "context": "context", "minority": "rare"}
    titles |= {"kind": "split"}
    for pane, name in enumerate(comparison.named):
        titles |= {f"fold_{pane}": f"{name} fold"} if f"fold_{pane}" in points else {}
        titles |= {
            f"caption_{pane}": f"{name} caption",
            f"predicted_{pane}": f"{name} prediction",
            f"x{pane}": f"{name} x",
            f"y{pane}": f"{name} y",
        }
    table = points[list(titles)].rename(columns=titles)
    images, rows = comparison.images, row_numbers(points)
    for name, model in comparison.named.items():
        style = shown_name("labels", model.artifact.condition.labels)
        table.insert(table.columns.get_loc(f"{name} caption"), f"{name} caption style", style)
        scores = model.confidence(images.grouping.objects)
        if scores is not None:
            at = table.columns.get_loc(f"{name} prediction") + 1
            table.insert(at, f"{name} score", model.values_at(rows, scores).round(4))
    return _with_columns_of_images(table, images, rows)


def with_held_out(comparison: ComparedMaps) -> pd.DataFrame:
    """The points, and below them all other held-out images, which have no place on the maps.

    They say what accuracies count: each held-out image has the prediction of the model that has not
    seen it. Of a set in folds, ``fold_`` of each map says which of the models this is, from 1.
    """
    images, points = comparison.images, comparison.points
    held_out = [_held_out_predictions(model.artifact, images) for model in comparison.models]
    rows = np.setdiff1d(np.concatenate([each.index for each in held_out]), comparison.rows)
    beyond = images.table.iloc[rows][["object", "context", "group"]]
    is_rare = np.isin(beyond["group"], images.grouping.minority)
    beyond = beyond.assign(id=[f"p{row}" for row in rows], kind="test", minority=is_rare)
    points = pd.concat([points, beyond], ignore_index=True)
    rows = row_numbers(points)
    objects = images.table["object"].to_numpy(str)[rows]
    for pane, (model, predictions) in enumerate(zip(comparison.models, held_out, strict=True)):
        predicted = predictions.reindex(rows).set_axis(points.index)
        outcome = np.where(predicted == objects, "correct", "wrong")
        column = f"predicted_{pane}"
        points[column] = (predicted + " (" + outcome + ")").fillna(points[column])
        if images.folds:
            data_seed = model.artifact.condition.data_seed
            points[f"fold_{pane}"] = fold_numbers(images, data_seed)[rows] + 1
            points["kind"] = points["kind"].mask(predicted.notna(), "test")
    return points


def _held_out_predictions(artifact: Artifact, images: ImageSet) -> pd.Series:
    """The predicted object of every image that a model, or one of its folds, held out, by row;
    empty where no object is predicted."""
    embeddings = artifact.embeddings
    if embeddings.fold_predictions is not None:
        rows, predicted = embeddings.fold_predictions
        return pd.Series(predicted, rows, dtype=str)
    if embeddings.test_correct is None:
        return pd.Series([], [], dtype=str)
    rows, first = embeddings.rows("test"), images.grouping.objects[0]
    is_first = (images.table["object"].to_numpy(str)[rows] == first) == embeddings.test_correct
    return pd.Series(np.where(is_first, *images.grouping.objects), rows, dtype=str)


def unshown_table(images: ImageSet, rows: NDArray[np.int64]) -> pd.DataFrame:
    """Images that no map shows, as the rows of `points_table` without what models say."""
    facts = images.table.iloc[rows]
    table = pd.DataFrame({"id": [f"p{row}" for row in rows]})
    for column in ("object", "context"):
        table[column] = facts[column].to_numpy()
    table["split"] = "not on the maps"
    return _with_columns_of_images(table, images, rows)


def _with_columns_of_images(
    table: pd.DataFrame, images: ImageSet, rows: NDArray[np.int64]
) -> pd.DataFrame:
    table = join_user_columns(table, images.user_columns.iloc[rows])
    return join_user_columns(table, images.factors(rows), "drawn")
