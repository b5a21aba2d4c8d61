"""Reports on uploads: what a model predicts for new images, how surely, what the prediction relies
on, and whether the image is new to the set that the model was trained on.

A report is a row, so that four models on fourteen images are one table to download. Sentences are
phrases, of which a page writes the Markdown: what comes from a visitor is never in the text of
ours."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.special import softmax

from vlcore.api.model_map import (
    CaptionScore,
    ComparisonError,
    ModelMap,
    caption_scores,
    object_scores_of,
)
from vlcore.data.imageset import ImageSet
from vlcore.data.uploads import Twins
from vlcore.experiment import wording
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import Grouping, context_words
from vlcore.experiment.options import RANDOM, ArtifactKind
from vlcore.metrics.novelty import Novelty
from vlcore.metrics.reliance import PaintedImages, Reliance, by_backgrounds, by_painting, by_twins
from vlcore.model.load import Loaded

NEAREST = 5
SURE = 0.8  # the share from which on a prediction is a sure one
Vectors = NDArray[np.floating]


class Phrase(NamedTuple):
    """A part of a sentence, and whether it is emphasised."""

    text: str
    strong: bool = False


@dataclass(frozen=True, eq=False)
class UploadReport:
    """What one model predicts for one image."""

    predicted: str  # the object; empty where none is predicted
    share: float  # of that object among the objects, or NaN
    is_calibrated: bool  # whether the share is: after one temperature, fitted on validation images
    why_silent: str  # why no object is predicted; empty where one is
    captions: tuple[CaptionScore, ...]  # best first; none where they have no embeddings
    nearest: tuple[tuple[int, float], ...]  # row number and cosine, nearest first
    truth: str = ""  # the object that the image shows; empty where nobody knows
    novelty: Novelty | None = None  # of the image beside its set; None where that was not judged
    only_drawings: bool = (
        False  # whether the model has seen drawings alone and the image is no drawing
    )

    @property
    def is_right(self) -> bool | None:
        """None where nothing is predicted or nobody knows."""
        return self.predicted == self.truth if self.predicted and self.truth else None

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the prediction is not a sure one: its share is small, or the model has seen drawings
        alone.

        Not that the image is new: of the photographs, which nearly all are, pretrained towers name
        most right.
        """
        reasons = []
        if self.share < SURE:
            reasons.append(f"below {wording.percent(SURE)}")
        if self.predicted and self.only_drawings:
            reasons.append("has only seen drawings")
        return tuple(reasons)


@dataclass(frozen=True)
class RelianceReport:
    """What a prediction relies on, and how that was found out."""

    on: Reliance
    because: str  # the rest of the sentence
    way: str  # "twins", "backgrounds" or "painting"


Reports = Mapping[str, Sequence[UploadReport]]  # by what models are called, one an image


def upload_reports(
    model: ModelMap,
    images: ImageSet,
    z: Vectors,
    truths: Sequence[str],
    novelties: Sequence[Novelty | None],
    are_drawn: Sequence[bool],
) -> list[UploadReport]:
    """What a model predicts for new images.

    Args:
        model: its map.
        images: the set that it was trained on.
        z: embeddings of the new images, (m, E).
        truths: the object that each shows, empty where nobody knows.
        novelties: how new each is, None where that was not judged.
        are_drawn: whether each is a drawn scene."""
    objects, count = images.grouping.objects, len(z)
    labels, shares, why_silent = [""] * count, [float("nan")] * count, ""
    temperature = temperature_of(model)
    try:
        scores = object_scores_of(model, z, images.grouping)
        if scores is None:
            why_silent = f"Its labels name no {images.grouping.object_word}."
        else:
            probabilities = softmax(scores / (temperature or 1.0), axis=1)
            labels = [objects[row.argmax()] for row in probabilities]
            shares = [float(row.max()) for row in probabilities]
    except ComparisonError as error:
        why_silent = str(error)
    has_seen_drawings_alone = bool(images.about.get("recipe")) and not knows_photographs(
        model.artifact.condition
    )
    reports = []
    every = zip(z, labels, shares, truths, novelties, are_drawn, strict=True)
    for vector, label, share, truth, novelty, is_drawn in every:
        captions = tuple(caption_scores(model, vector)) if len(model.caption_z) else ()
        nearest = tuple(model.neighbours(vector, NEAREST))
        is_calibrated = bool(temperature and label)
        report = UploadReport(
            predicted=label,
            share=share,
            is_calibrated=is_calibrated,
            why_silent=why_silent,
            captions=captions,
            nearest=nearest,
            truth=truth,
            novelty=novelty,
            only_drawings=has_seen_drawings_alone and not is_drawn,
        )
        reports.append(report)
    return reports


def temperature_of(model: ModelMap) -> float | None:
    """What log scores are divided by to be log odds; None where it was not measured, as of sets in
    folds."""
    measured = model.artifact.metrics["end"].get("temperature")
    return None if measured is None else float(measured["value"])


def predicted_labels(model: ModelMap, z: Vectors, grouping: Grouping) -> list[str]:
    """The objects that a model predicts for images by their embeddings, (n, E); none where its
    labels name none."""
    scores = object_scores_of(model, z, grouping)
    return [] if scores is None else [grouping.objects[row.argmax()] for row in scores]


def answer_margin(
    model: ModelMap, z: Vectors, grouping: Grouping, label: str
) -> NDArray[np.float64]:
    """Log score of a label minus that of the other object, (n, E) to (n,): what is explained."""
    scores = object_scores_of(model, z, grouping)
    assert scores is not None  # it names objects
    place = grouping.objects.index(label)
    return np.asarray(scores[:, place] - scores[:, 1 - place])


def reliance_by_twins(
    model: ModelMap, loaded: Loaded, report: UploadReport, twins: Twins, grouping: Grouping
) -> RelianceReport:
    """What a prediction for a sample relies on: whether it changes with the other object, or with
    the background."""
    others = [twins.other_object, *twins.other_backgrounds]
    z = loaded.embed_pictures([other.asked for other in others])
    margins = answer_margin(model, z, grouping, report.predicted)
    other_label = _other(report.predicted, grouping)
    labels = [report.predicted if margin > 0 else other_label for margin in margins]
    on = by_twins(report.predicted, labels[0], labels[1:])
    changes = [f"with the other {grouping.object_word} it {_change(report.predicted, labels[0])}"]
    for twin, label in zip(twins.other_backgrounds, labels[1:], strict=True):
        changes.append(f"{context_words(twin.background)} it {_change(report.predicted, label)}")
    return RelianceReport(on, f"{', '.join(changes)}.", "twins")


def _change(predicted: str, label: str) -> str:
    return f"stays {label}" if label == predicted else f"becomes {label}"


def _other(label: str, grouping: Grouping) -> str:
    return next(name for name in grouping.objects if name != label)


def reliance_by_backgrounds(reports: Sequence[UploadReport]) -> RelianceReport:
    """What the predictions for one cut-out on several backgrounds rely on."""
    counts = Counter(report.predicted for report in reports)
    on = by_backgrounds([report.predicted for report in reports])
    listed = " and ".join(f"{label} on {count}" for label, count in counts.most_common())
    because = f"{reports[0].predicted} on all" if on is Reliance.OBJECT else f"{listed} of"
    return RelianceReport(on, f"{because} {len(reports)} backgrounds.", "backgrounds")


def reliance_by_painting(
    model: ModelMap,
    loaded: Loaded,
    report: UploadReport,
    painted: PaintedImages,
    grouping: Grouping,
) -> RelianceReport:
    """What a prediction relies on: which of object and background, alone, keeps more of its
    support."""
    ways = len(painted.object_alone)
    versions = [
        Image.fromarray(pixels) for pixels in (*painted.object_alone, *painted.background_alone)
    ]
    margins = answer_margin(model, loaded.embed_pictures(versions), grouping, report.predicted)
    of_object, of_background = margins[:ways], margins[ways:]
    on, for_object = by_painting(of_object, of_background), int((of_object > of_background).sum())
    because = f"{ways} of {ways} paint-over tests agree."
    if on is Reliance.UNSTABLE and for_object == 0:
        word = grouping.object_word
        because = (
            f"all {ways} paint-over tests speak for the background, but the {word} alone would do."
        )
    elif on is Reliance.UNSTABLE:
        word = grouping.object_word
        because = f"{for_object} of {ways} paint-over tests say the {word}, not all."
    return RelianceReport(on, because, "painting")


def reliance_phrases(found: RelianceReport, grouping: Grouping) -> list[Phrase]:
    """What a prediction relies on, in a sentence."""
    word = grouping.object_word
    if found.on is Reliance.UNSTABLE:
        return [
            Phrase("What it relies on: "),
            Phrase("cannot tell", strong=True),
            Phrase(f": {found.because}"),
        ]
    if found.on is Reliance.NEITHER:
        return [
            Phrase("Relies on "),
            Phrase("neither alone", strong=True),
            Phrase(f": {found.because}"),
        ]
    names = {
        Reliance.OBJECT: f"the {word}",
        Reliance.BACKGROUND: "the background",
        Reliance.BOTH: f"the {word} and the background",
    }
    return [
        Phrase("Relies on "),
        Phrase(names[found.on], strong=True),
        Phrase(f": {found.because}"),
    ]


def reliance_word(found: RelianceReport | None, grouping: Grouping) -> str:
    """What a prediction relies on, in a word or two for a table."""
    if found is None:
        return ""
    words = {
        Reliance.OBJECT: grouping.object_word,
        Reliance.UNSTABLE: "cannot tell",
        Reliance.NEITHER: "neither alone",
    }
    return words.get(found.on, found.on.value)


def prediction_phrases(report: UploadReport) -> list[Phrase]:
    """What is predicted and its share, in a few words."""
    if not report.predicted:
        return [Phrase(report.why_silent)]
    unit = "" if report.is_calibrated else " (uncalibrated softmax)"
    share = Phrase(f" {wording.percent(report.share)}{unit}")
    return [Phrase("Prediction: "), Phrase(report.predicted, strong=True), share]


def novelty_phrases(novelty: Novelty) -> list[Phrase]:
    """Whether an image is new beside those of a set, in a sentence with its numbers."""
    rate, count = wording.rate(novelty.share.as_dict()), f"{novelty.share.n:,}"
    far = f"{rate} of its {count} images are at least as far from the others."
    if novelty.is_new:
        meaning = " Shares are calibrated on it alone."
        return [Phrase("New to the set", strong=True), Phrase(f": {far}{meaning}")]
    return [Phrase("Not new to the set", strong=True), Phrase(f": {far}")]


def report_table(
    names: Sequence[str],
    reports: Reports,
    images: ImageSet,
    reliances: Mapping[tuple[str, int], RelianceReport],
) -> pd.DataFrame:
    """All reports, one row an image and model. Reliances are by the model's name and the image's
    number, from 0."""
    rows = []
    for number, name in enumerate(names):
        for model, of_model in reports.items():
            rows.append({"Image": name, "Model": model, **_row(of_model[number], images)})
            rows[-1]["Relies on"] = reliance_word(reliances.get((model, number)), images.grouping)
    return pd.DataFrame(rows)


def _row(report: UploadReport, images: ImageSet) -> dict[str, object]:
    row, similarity = report.nearest[0]
    facts = images.table.iloc[row]
    share = None if np.isnan(report.share) else round(100 * report.share)
    right = {True: "right", False: "wrong", None: "not known"}[report.is_right]
    return {
        "Prediction": report.predicted or report.why_silent,
        "Share, %": share,
        "Calibrated": _calibrated(report),
        "Right or wrong": right,
        "Not sure": ", ".join(report.doubts),
        "New": "" if report.novelty is None else "yes" if report.novelty.is_new else "no",
        "Relies on": "",
        "Images of the set as far, %": (
            None if report.novelty is None else round(100 * report.novelty.share.value, 1)
        ),
        "Best caption": report.captions[0].caption if report.captions else "",
        "Nearest image": f"{facts['object']}, {facts['context']} ({similarity:.2f})",
    }


def _calibrated(report: UploadReport) -> str:
    if not report.is_calibrated:
        return "no"
    return "for images of the set" if report.novelty and report.novelty.is_new else "yes"


def typed_captions_table(
    models: Mapping[str, ModelMap],
    embedded: Mapping[str, Vectors],
    texts: Sequence[str],
    z: Mapping[str, Vectors],
) -> pd.DataFrame:
    """Cosines of typed captions with one image, one row a caption, best of the first model first.

    Args:
        models: by what they are called.
        embedded: embeddings of the captions in those that read them, (k, E) each.
        texts: the captions.
        z: embedding of the image in each model, (E,)."""
    columns = {name: embedded[name] @ z[name] for name in models if name in embedded}
    table = pd.DataFrame({"Caption": list(texts), **columns})
    return (
        table.sort_values(list(columns), ascending=False, ignore_index=True) if columns else table
    )


def as_code(name: str) -> str:
    """A foreign text in Markdown, on one line: in a code span nothing in it is a link, a formula, a
    colour or a tag."""
    return f"`{' '.join(name.replace('`', chr(39)).split())}`"


def knows_photographs(condition: Condition) -> bool:
    """Whether a model sees through a network that was trained on photographs."""
    is_pretrained = (
        condition.kind is ArtifactKind.PRETRAINED or condition.frozen_tower or condition.network
    )
    return bool(is_pretrained) and not condition.architecture.endswith(RANDOM)


def with_untrained(trained: dict[str, Condition]) -> dict[str, Condition]:
    """Models to ask by key, and the untrained encoder of each seed and label style, made when it is
    chosen."""
    choices, described = dict(trained), set(map(_described, trained.values()))
    for one in trained.values():
        if (
            one.kind.has_weights and _described(one.untrained) not in described
        ):  # what bias would do comes after
            choices[one.untrained.key] = one.untrained
            described.add(_described(one.untrained))
    return choices


def distinct_names(choices: dict[str, Condition]) -> dict[str, str]:
    """A name for each choice, by key; no two are equal: the browser tells choices apart by their
    names alone."""
    described = {key: _described(one) for key, one in choices.items()}
    times = Counter(described.values())
    return {
        key: name if times[name] == 1 else f"{name} · {key.rpartition('-')[2]}"
        for key, name in described.items()
    }


def _described(condition: Condition) -> str:
    length = f", {condition.steps:,} steps" if condition.steps else ""
    return f"{wording.title(condition)} · seed {condition.init_seed}{length}"
