"""Where does a model fail? Directions of its errors, its worst slices, what other finders offer.

Everything is searched for in one half of the held-out scenes and measured on the other half, so
that no interval has to make up for the search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.captions import reads_any_words
from vlcore.api.model_map import WITHOUT_CAPTIONS, ComparisonError, LoadModel, ModelMap
from vlcore.api.models import Model, as_model
from vlcore.data.attributes import attributes_of
from vlcore.data.feature_store import PRETRAINED, Embed, FeatureStore
from vlcore.data.imageset import ImageSet
from vlcore.experiment.captions import captions_of
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.wording import difference, percent, rate_words
from vlcore.metrics import estimate
from vlcore.metrics.accuracy import confidence
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.finders import (
    BOUND,
    FINDERS,
    Direction,
    LabelledImages,
    OfferedSlice,
    best_words,
    fit_direction,
    offered_cell,
)
from vlcore.metrics.slices import (
    LEAST,
    Mask,
    adjusted_rate,
    attribute_words,
    indicators,
    rank_correlations,
    worst_cells,
)
from vlcore.model.load import load_model

# Dimensions of the pretrained tower's features in which failures are searched.
COMPONENTS = 32
MOST_NAMES = 3  # factors, and captions, of a direction
MOST_SLICES = 5  # in the table of worst slices
MOST_OFFERS = 3  # of each other finder
WORST = "worst"  # the name of the worst slices beside those of other finders
TOWER, OWN = "the pretrained image tower", "the model's own embeddings"
OTHERS = {
    "clusters": "Clusters of embedding, label and prediction with the most errors",
    "words": "Words that wrong images have more often than correct ones",
}
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ObjectFailures:
    """Failures of one object.

    Attributes:
        direction: what sets wrong images apart.
        rows: of all its held-out images in the image set, from the right end of the direction to
            the wrong end; empty where failures have no direction.
        names: words and captions that go with the direction: ``kind`` (``factor`` or ``caption``),
            ``name``, and the rank correlation with the position along it: ``value``, ``low``,
            ``high``, ``n``.
    """

    direction: Direction
    rows: Rows
    names: pd.DataFrame

    @property
    def sentence(self) -> str:
        direction = self.direction
        name = direction.object.capitalize()
        wrong = f"{direction.wrong:,} of {direction.n:,} images that were searched are wrong"
        if direction.accuracy is None:
            return f"{name}: {wrong}; {direction.reason}."
        told = (
            f"a linear SVM tells them from the correct ones with balanced accuracy"
            f" {rate_words(direction.accuracy.as_dict())} in cross-validation by scene"
        )
        if direction.exists:
            return f"{name}: {wrong}; {told}, where chance is 50 %."
        return (
            f"{name}: failures have no direction. {wrong}; {told}, and the interval is not above"
            f" {percent(BOUND)}."
        )

    @property
    def words(self) -> str:
        """The name of the direction, such as ``horse, desert, dark coat``."""
        factors = self.names[(self.names["kind"] == "factor") & (self.names["low"] > 0)]
        return ", ".join([self.direction.object, *factors["name"]])


@dataclass(frozen=True, eq=False)
class Failures:
    """Failures of a model on held-out images.

    Attributes:
        objects: by object.
        worst: slices with the lowest accuracy, a row each: ``slice``, ``object``, ``value``,
            ``low``, ``high`` (adjusted for the number of slices), ``n``, and ``usual``, the
            accuracy of all images of the object.
        others: what other finders offer, by finder, as `worst`.
        rows: in the image set, of the images that each slice was measured on: of the `WORST` ones,
            and of each other finder, as in its table.
        wrong: rows of all held-out images that are predicted wrong.
        accuracy: of all fresh images.
        searched: number of images that were searched.
        space: whose features directions and clusters are of.
    """

    objects: dict[str, ObjectFailures]
    worst: pd.DataFrame
    others: dict[str, pd.DataFrame]
    rows: Mapping[str, Sequence[Rows]]
    wrong: Rows
    accuracy: Estimate
    searched: int
    space: str

    @property
    def sentence(self) -> str:
        """The answer in one sentence, with its n."""
        first = (
            f"Accuracy {rate_words(self.accuracy.as_dict())} on {self.accuracy.n:,} fresh images"
        )
        is_low = self.worst["high"] < self.worst["usual"]
        if not is_low.any():
            return f"{first}; no slice by one or two words is clearly worse than its object."
        worst = self.worst[is_low].iloc[0]
        return (
            f"{first}; on “{worst['slice']}” only {rate_words(worst)}, n = {worst['n']:,}"
            f" ({worst['object']} in general {percent(worst['usual'])})."
        )

    @property
    def method(self) -> str:
        """How it was measured."""
        return (
            f"Searched in {self.searched:,} held-out images, measured on the other"
            f" {self.accuracy.n:,}, of other scenes. Directions are those of features of"
            f" {self.space}. Correlations are Spearman's with 95 % intervals"
            f" over scenes; intervals of slices are adjusted for their number (Bonferroni)."
        )

    def _repr_html_(self) -> str:
        from html import escape

        lines = [self.sentence, *(part.sentence for part in self.objects.values()), self.method]
        paragraphs = "".join(f"<p>{escape(line)}</p>" for line in lines)
        return paragraphs + slices_table(self.worst).to_html(index=False)


def failures(model: Model | str) -> Failures:
    """Find where a model fails on held-out images.

    Raises:
        StoreError: There is no such model.
        ComparisonError: It predicts no object, or its set has too few held-out images.

    >>> import vlcore as vl
    >>> vl.failures(vl.train(vl.Condition(bias=0.75, steps=12))).accuracy.n
    1000
    """
    model = as_model(model)
    return find_failures(model.map, model.images, lambda _: model.loaded)


def find_failures(
    model: ModelMap, images: ImageSet, load_model: LoadModel = load_model
) -> Failures:
    """Find where the model of a map fails; see `failures`. `load_model` is called for captions
    that its artifact has no embeddings of."""
    rows, embeddings, held_out = labelled_images(model, images)
    z, space = tower_features(images, rows, embeddings)
    held_out = replace(held_out, z=z)
    search, fresh = held_out.halves()
    searched, measured = held_out.among(search), held_out.among(fresh)
    names = [str(name) for name in images.grouping.objects]
    if any((part.objects == name).sum() < 2 for part in (searched, measured) for name in names):
        raise ComparisonError(
            f"The image set {images.name!r} has too few held-out images to search for failures."
        )
    parts = {}
    for name in names:
        direction = fit_direction(searched, name)
        captions = _captions(name, model, images.grouping, load_model)
        table = _names(
            direction, captions, searched, measured, embeddings[search], embeddings[fresh]
        )
        of_object = np.flatnonzero(held_out.objects == name)
        order = np.argsort(direction.scores(held_out.z[of_object]), kind="stable")
        ranked = rows[of_object[order]] if direction.exists else np.empty(0, np.int64)
        parts[name] = ObjectFailures(direction, ranked, table)
    cells = worst_cells(searched.right, searched.objects, searched.attributes, MOST_SLICES)
    slices = {WORST: [offered_cell(cell) for cell in cells]}
    slices |= {finder: FINDERS[finder](searched, MOST_OFFERS) for finder in OTHERS}
    tables, members = {}, {}
    for finder, offers in slices.items():
        tables[finder], masks = _measured(offers, measured)
        members[finder] = [rows[fresh][mask] for mask in masks]
    accuracy = estimate.rate(measured.right, measured.scenes)
    worst, wrong = tables.pop(WORST), rows[~held_out.right]
    return Failures(parts, worst, tables, members, wrong, accuracy, int(search.sum()), space)


def labelled_images(
    model: ModelMap, images: ImageSet
) -> tuple[Rows, NDArray[np.float32], LabelledImages]:
    """Rows of the held-out images of a model, (n,), its embeddings of them, (n, E), and the images
    as finders see them.

    Raises:
        ComparisonError: The model predicts no object.
    """
    stored = model.artifact.embeddings
    right = stored.test_correct
    if right is None:
        if model.artifact.condition.kind is ArtifactKind.IMPORTED and not model.captions:
            raise ComparisonError(WITHOUT_CAPTIONS)
        raise ComparisonError("This model's labels name no object, so it makes no errors.")
    z, caption_scores = stored.test
    rows = stored.rows("test")
    names = np.asarray(images.grouping.objects)
    table = images.table.iloc[rows]
    objects = table["object"].to_numpy(str)
    other = np.where(objects == names[0], names[1], names[0])
    if caption_scores is None:
        scores = model.object_scores(names.tolist(), z)
    else:
        scores = model.readout.scores(names.tolist(), z, caption_scores)
    assert scores is not None  # a model whose errors are stored predicts objects
    return (
        rows,
        z,
        LabelledImages(
            z=z,
            objects=objects,
            predicted=np.where(right, objects, other),
            confidence=confidence(scores),
            scenes=table["scene"].to_numpy(str),
            attributes=attributes_of(images, rows),
        ),
    )


def tower_features(
    images: ImageSet, rows: Rows, embeddings: NDArray[np.floating]
) -> tuple[NDArray[np.floating], str]:
    """Features to search failures in, (n, d), and whose they are.

    A model's own embedding tells little but its answer: in it, a linear model tells wrong images
    from right ones nearly always, and says nothing of what they show. So they are those of the
    pretrained tower, as Jain et al. take CLIP's, where all of them are stored; else the model's
    `embeddings`.
    """
    store = FeatureStore(images, PRETRAINED, _no_tower)
    if not images.has_pictures or store.missing(rows.tolist()):
        return embeddings, OWN
    from sklearn.decomposition import PCA

    features = store.rows(rows)
    count = min(COMPONENTS, *features.shape)
    plane = PCA(count, svd_solver="randomized", random_state=0)
    return plane.fit_transform(features), TOWER


def _no_tower() -> Embed:
    raise AssertionError("all features are stored")


def _names(
    direction: Direction,
    captions: tuple[list[str], NDArray[np.float32]],
    searched: LabelledImages,
    measured: LabelledImages,
    searched_own: NDArray[np.float32],
    measured_own: NDArray[np.float32],
) -> pd.DataFrame:
    """Factors and captions that go with a direction, chosen on some images and measured on others.

    Captions are compared by how much nearer to the model's own embedding of an image they are than
    the object's other captions.
    """
    columns = ["kind", "name", "value", "low", "high", "n"]
    inside = measured.objects == direction.object
    of_object = measured.among(inside)
    # Images of one scene say nothing of how sure a correlation is.
    if not direction.exists or len(np.unique(of_object.scenes)) < 2:
        return pd.DataFrame(columns=columns)
    words = best_words(searched, direction.object, direction.scores(searched.z), MOST_NAMES)
    pairs = [pair for pair in attribute_words(searched.attributes) if pair[1] in words]
    pairs.sort(key=lambda pair: words.index(pair[1]))
    values = [indicators(of_object.attributes, pairs)]
    named = [("factor", word) for _, word in pairs]
    texts, z = captions
    if len(texts) > 1:
        relative = z - z.mean(axis=0)
        inside_search = searched.objects == direction.object
        scores = direction.scores(searched.z[inside_search])
        nearness = searched_own[inside_search] @ relative.T
        similar = [float(np.corrcoef(scores, column)[0, 1]) for column in nearness.T]
        best = [number for number in np.argsort(similar)[::-1][:MOST_NAMES] if similar[number] > 0]
        named += [("caption", texts[number]) for number in best]
        values.append(measured_own[inside] @ relative[best].T)
    scores = direction.scores(of_object.z)
    estimates = rank_correlations(scores, np.hstack(values), of_object.scenes)
    rows = [(*name, *vars(value).values()) for name, value in zip(named, estimates, strict=True)]
    return pd.DataFrame(rows, columns=columns)


def _captions(
    name: str, model: ModelMap, grouping: Grouping, load_model: LoadModel
) -> tuple[list[str], NDArray[np.float32]]:
    """Captions of an object of which the model knows all words, and their embeddings, (k, E)."""
    stored = dict(zip(model.captions, model.caption_z, strict=False))
    named = dict(zip(model.captions, model.readout.caption_objects, strict=False))
    texts = [text for text in stored if named.get(text) == name]
    if not reads_any_words(model.artifact.condition):
        return texts, np.array([stored[text] for text in texts], np.float32)
    descriptive = captions_of("descriptive", grouping)
    texts += [caption.text for caption in descriptive if caption.object == name]
    texts = list(dict.fromkeys(texts))
    return texts, load_model(model.artifact).embed_captions(texts)


def _measured(
    slices: Sequence[OfferedSlice], images: LabelledImages
) -> tuple[pd.DataFrame, list[Mask]]:
    """Accuracy of slices with adjusted intervals, beside that of their object, and the images of
    each, (n,); those with fewer images than `LEAST` are excluded."""
    rows, masks = [], []
    for offer in slices:
        members = offer.contains(images)
        if members.sum() < LEAST:
            continue
        name, object_name = offer.cell.name, offer.cell.object
        accuracy = adjusted_rate(images.right[members], images.scenes[members], len(slices))
        usual = float(images.right[images.objects == object_name].mean())
        rows.append((name, object_name, *vars(accuracy).values(), usual))
        masks.append(members)
    columns = ["slice", "object", "value", "low", "high", "n", "usual"]
    return pd.DataFrame(rows, columns=columns), masks


def slices_table(slices: pd.DataFrame) -> pd.DataFrame:
    """Slices as a table to read."""
    rows = []
    for row in slices.to_dict("records"):
        verdict = "lower" if row["high"] < row["usual"] else "not shown to be lower"
        rows.append((row["slice"], rate_words(row), row["n"], percent(row["usual"]), verdict))
    return pd.DataFrame(rows, columns=["Slice", "Accuracy", "n", "Its object", "Finding"])


def names_table(names: pd.DataFrame) -> pd.DataFrame:
    """Names of a direction as a table to read; captions are in quotes."""
    rows = []
    for row in names.to_dict("records"):
        name = f"“{row['name']}”" if row["kind"] == "caption" else row["name"]
        rows.append((name, difference(row), row["n"]))
    return pd.DataFrame(rows, columns=["Goes with errors", "Rank correlation", "n"])
