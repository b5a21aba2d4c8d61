"""Reports on uploads: what a model predicts for new images, how surely, what the prediction relies
on, and whether the image is new to the set that the model was trained on.

A report is a row, so that four models on fourteen images are one table to download. Sentences are
Markdown, in which foreign text is plain."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.special import softmax

from vlcore.api.model_map import CaptionScore, ComparisonError, ModelMap, caption_scores
from vlcore.data.imageset import ImageSet
from vlcore.data.uploads import Twins
from vlcore.experiment import wording
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import Grouping, context_words
from vlcore.experiment.options import RANDOM, ArtifactKind
from vlcore.experiment.plain_text import plain
from vlcore.metrics.novelty import Novelty
from vlcore.metrics.reliance import PaintedImages, Reliance, by_backgrounds, by_painting, by_twins
from vlcore.model.load import Loaded
from vlcore.model.recognition import Recognition, knows_objects

NEIGHBOURS = 5
SURE = 0.8  # the least share of a sure prediction
# An image is as far from a set as neither object if at most this share of the set's own images is.
FAR = 0.01
Vectors = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class UploadReport:
    """What one model predicts for one image.

    Attributes:
        predicted: the object; empty where none is predicted for this image, as of captioners.
        share: of that object among the objects, or NaN.
        is_calibrated: whether the share is, after one temperature, fitted on validation images.
        why_silent: why no object is predicted; empty where one is.
        captions: best first; none where they have no embeddings.
        neighbours: row number and cosine of images of the map (held out or trained on),
            nearest first.
        truth: the object that the image shows; empty where nobody knows.
        novelty: of the image to the set; None where that was not judged.
        recognition: what ImageNet's classifier sees; None where that was not judged.
        knows_objects: whether ImageNet's classifier knows the objects of the set.
        only_drawings: whether the model has seen drawings alone and the image is no drawing.
    """

    predicted: str
    share: float
    is_calibrated: bool
    why_silent: str
    captions: tuple[CaptionScore, ...]
    neighbours: tuple[tuple[int, float], ...]
    truth: str = ""
    novelty: Novelty | None = None
    recognition: Recognition | None = None
    knows_objects: bool = True
    only_drawings: bool = False

    @property
    def is_right(self) -> bool | None:
        """None where nothing is predicted or nobody knows."""
        return self.predicted == self.truth if self.predicted and self.truth else None

    @property
    def is_neither(self) -> bool:
        """Whether the image probably shows none of the objects.

        ImageNet's classifier says so if it knows the objects. Otherwise the image is farther from
        the set than nearly all images of the set are from each other.
        """
        if self.recognition is not None:
            return self.recognition.is_neither
        is_far = self.novelty is not None and self.novelty.share.value <= FAR
        return is_far and not self.knows_objects

    @property
    def neither_words(self) -> str:
        """What is said of an image that `is_neither`: distance says less than a classifier."""
        return "perhaps neither" if self.recognition is None else "probably neither"

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the prediction is not a sure one: neither object, a small share, or a model that has
        seen drawings alone.

        A new image is not a doubt: nearly all photographs are new to a drawn set, and pretrained
        encoders are correct on most of them.
        """
        if self.predicted and self.is_neither:
            return (self.neither_words,)
        doubts = []
        if round(self.share, 2) < SURE:  # as it is shown
            doubts.append(f"below {wording.percent(SURE)}")
        if self.predicted and self.only_drawings:
            doubts.append("has only seen drawings")
        return tuple(doubts)


@dataclass(frozen=True)
class RelianceReport:
    """What a prediction relies on, and the test results as the end of a sentence."""

    on: Reliance
    because: str


Reports = Mapping[str, Sequence[UploadReport]]  # by model name, one an image
Reliances = Mapping[tuple[str, int], RelianceReport]  # by model name and number of the image


def upload_reports(
    model: ModelMap,
    images: ImageSet,
    z: Vectors,
    truths: Sequence[str],
    novelties: Sequence[Novelty | None],
    recognitions: Sequence[Recognition | None],
    are_drawn: Sequence[bool],
) -> list[UploadReport]:
    """Report what a model predicts for new images.

    Args:
        model: its map.
        images: the set that it was trained on.
        z: embeddings of the new images, (m, E).
        truths: the object that each shows, empty where nobody knows.
        novelties: how new each is, None where that was not judged.
        recognitions: what ImageNet's classifier sees in each, None where that was not judged.
        are_drawn: whether each is a drawn scene.
    """
    temperature = temperature_of(model)
    scores, why_silent = None, f"Its captions name no {images.grouping.object_word}."
    try:
        scores = model.object_scores(images.grouping.objects, z)
    except ComparisonError as error:
        why_silent = str(error)
    seen_drawings_alone = bool(images.about.get("recipe")) and not knows_photographs(
        model.artifact.condition
    )
    reports = []
    for number, vector in enumerate(z):
        predicted, share = "", math.nan
        if scores is not None:
            probabilities = softmax(scores[number] / (temperature or 1.0))
            best = int(probabilities.argmax())
            predicted, share = images.grouping.objects[best], float(probabilities[best])
        report = UploadReport(
            predicted=predicted,
            share=share,
            is_calibrated=bool(temperature and predicted),
            why_silent="" if predicted else why_silent,
            captions=tuple(caption_scores(model, vector)) if len(model.caption_z) else (),
            neighbours=tuple(model.neighbours(vector, NEIGHBOURS)),
            truth=truths[number],
            novelty=novelties[number],
            recognition=recognitions[number],
            knows_objects=knows_objects(images.grouping),
            only_drawings=seen_drawings_alone and not are_drawn[number],
        )
        reports.append(report)
    return reports


def temperature_of(model: ModelMap) -> float | None:
    """The divisor that turns log scores into log odds; None where it was not measured, as of sets
    in folds."""
    temperature = model.artifact.metrics["end"].get("temperature")
    return None if temperature is None else float(temperature["value"])


def predicted_labels(model: ModelMap, z: Vectors, grouping: Grouping) -> list[str]:
    """The objects that a model predicts for images by their embeddings, (n, E); none where its
    labels name none."""
    predicted = model.predicted_objects(grouping.objects, z)
    return [] if predicted is None else predicted.tolist()


def answer_margin(
    model: ModelMap, z: Vectors, grouping: Grouping, label: str
) -> NDArray[np.float64]:
    """Log score of a label minus that of the other object, (n, E) to (n,): what is explained."""
    scores = model.object_scores(grouping.objects, z)
    assert scores is not None  # it names objects
    index = grouping.objects.index(label)
    return np.asarray(scores[:, index] - scores[:, 1 - index])


def reliance_by_twins(
    model: ModelMap, loaded: Loaded, predicted: str, twins: Twins, grouping: Grouping
) -> RelianceReport:
    """What a prediction for a sample relies on: whether it changes with the other object, or with
    the background."""
    changed = [twins.other_object, *twins.other_backgrounds]
    z = loaded.embed_images([twin.model_input for twin in changed])
    other_label = next(name for name in grouping.objects if name != predicted)
    margins = answer_margin(model, z, grouping, predicted)
    labels = [predicted if margin > 0 else other_label for margin in margins]
    changes = [f"with the other {grouping.object_word}"]
    changes += [context_words(twin.background) for twin in twins.other_backgrounds]
    outcomes = [
        f"{change} it {'stays' if label == predicted else 'becomes'} {label}"
        for change, label in zip(changes, labels, strict=True)
    ]
    on = by_twins(predicted, labels[0], labels[1:])
    return RelianceReport(on, f"{', '.join(outcomes)}.")


def reliance_by_backgrounds(reports: Sequence[UploadReport]) -> RelianceReport:
    """What the predictions for one cut-out on several backgrounds rely on."""
    predicted = [report.predicted for report in reports]
    on = by_backgrounds(predicted)
    counts = [f"{label} on {count}" for label, count in Counter(predicted).most_common()]
    result = f"{predicted[0]} on all" if on is Reliance.OBJECT else f"{' and '.join(counts)} of"
    return RelianceReport(on, f"{result} {len(reports)} backgrounds.")


def reliance_by_painting(
    model: ModelMap, loaded: Loaded, predicted: str, painted: PaintedImages, grouping: Grouping
) -> RelianceReport:
    """What a prediction relies on: which of object and background, alone, keeps more of its
    support."""
    ways = len(painted.object_alone)
    versions = [*painted.object_alone, *painted.background_alone]
    z = loaded.embed_images([Image.fromarray(pixels) for pixels in versions])
    margins = answer_margin(model, z, grouping, predicted)
    by_object, by_background = margins[:ways], margins[ways:]
    on = by_painting(by_object, by_background)
    if on is not Reliance.UNSTABLE:
        return RelianceReport(on, f"{ways} of {ways} paint-over tests agree.")
    word, for_object = grouping.object_word, int((by_object > by_background).sum())
    for_background = int((by_object < by_background).sum())
    because = f"{for_object} of {ways} paint-over tests say the {word}; all must agree."
    if for_object == for_background == 0:
        because = f"the {ways} paint-over tests find no difference."
    elif for_background == ways:
        because = f"all {ways} paint-over tests say the background, but the {word} alone is enough."
    return RelianceReport(on, because)


def reliance_sentence(reliance: RelianceReport, grouping: Grouping) -> str:
    """What a prediction relies on, in Markdown."""
    word = grouping.object_word
    names = {
        Reliance.OBJECT: f"the {word}",
        Reliance.BACKGROUND: "the background",
        Reliance.BOTH: f"the {word} and the background",
        Reliance.NEITHER: "neither alone",
        Reliance.UNSTABLE: "cannot tell",
    }
    lead = "What it relies on:" if reliance.on is Reliance.UNSTABLE else "Relies on"
    return f"{lead} **{plain(names[reliance.on])}**: {plain(reliance.because)}"


def reliance_word(reliance: RelianceReport | None, grouping: Grouping) -> str:
    """What a prediction relies on, in a word or two for a table."""
    if reliance is None:
        return ""
    words = {
        Reliance.OBJECT: grouping.object_word,
        Reliance.UNSTABLE: "cannot tell",
        Reliance.NEITHER: "neither alone",
    }
    return words.get(reliance.on, reliance.on.value)


def prediction_words(report: UploadReport) -> str:
    """What is predicted and its share, in Markdown."""
    if not report.predicted:
        return plain(report.why_silent)
    unit = "" if report.is_calibrated else " (uncalibrated softmax)"
    return f"Prediction: **{plain(report.predicted)}** {wording.percent(report.share)}{unit}"


def neither_sentence(report: UploadReport, grouping: Grouping) -> str:
    """Why an image probably shows none of the objects, in Markdown."""
    objects = " nor ".join(plain(name) for name in grouping.objects)
    lead = f"**{report.neither_words.capitalize()} {objects}.**"
    if (seen := report.recognition) is None:
        return (
            f"{lead} This image is farther from the set than 99% of the"
            " images of the set are from each other."
        )
    guess = f"{plain(seen.guess)} ({wording.percent(seen.guess_share)})"
    return f"{lead} ImageNet's classifier sees: {guess}."


def novelty_sentence(novelty: Novelty, *, is_calibrated: bool) -> str:
    """Whether an image is new beside those of a set, with its numbers, in Markdown; `is_calibrated`
    says whether the share that is shown with it is."""
    rate, count = wording.rate_words(novelty.share.as_dict()), f"{novelty.share.n:,}"
    sentence = f"of the set's {count} images, {rate} are as unlike the others as this one."
    if not novelty.is_new:
        return f"**Not new to the set**: {sentence}"
    if is_calibrated:
        sentence += " The percentage of the prediction holds only for images like those."
    return f"**New to the set**: {sentence}"


def report_table(
    names: Sequence[str], reports: Reports, images: ImageSet, reliances: Reliances
) -> pd.DataFrame:
    """All reports, one row an image and model.

    Args:
        names: of the images.
        reports: by the model's name, one an image.
        images: the set that the models were trained on.
        reliances: by the model's name and the image's number, from 0."""
    rows = []
    for number, name in enumerate(names):
        for model, model_reports in reports.items():
            reliance = reliance_word(reliances.get((model, number)), images.grouping)
            row = _row(model_reports[number], images, reliance)
            rows.append({"Image": name, "Model": model, **row})
    return pd.DataFrame(rows)


def _row(report: UploadReport, images: ImageSet, reliance: str) -> dict[str, object]:
    nearest, similarity = report.neighbours[0]
    novelty = report.novelty
    calibrated = "yes" if report.is_calibrated else "no"
    if report.is_calibrated and novelty and novelty.is_new:
        calibrated = "for images of the set"
    return {
        "Prediction": report.predicted or report.why_silent,
        "Share, %": None if math.isnan(report.share) else round(100 * report.share),
        "Calibrated": calibrated,
        "Correct or wrong": {True: "correct", False: "wrong", None: "not known"}[report.is_right],
        "Not sure": ", ".join(report.doubts),
        "Neither": "yes" if report.is_neither else "no",
        "New": ("yes" if novelty.is_new else "no") if novelty else "",
        "Relies on": reliance,
        "Images of the set as far, %": round(100 * novelty.share.value, 1) if novelty else None,
        "Best caption": report.captions[0].caption if report.captions else "",
        "Nearest image": f"{images.description(nearest)} ({similarity:.2f})",
    }


def typed_captions_table(
    texts: Sequence[str], embedded: Mapping[str, Vectors], z: Mapping[str, Vectors]
) -> pd.DataFrame:
    """Cosines of typed captions with one image, one row a caption, best of the first model first.

    Args:
        texts: the captions.
        embedded: their embeddings, (k, E), by the names of models that read them.
        z: embedding of the image in each model, (E,)."""
    cosines = {name: caption_z @ z[name] for name, caption_z in embedded.items()}
    table = pd.DataFrame({"Caption": list(texts), **cosines})
    return table.sort_values(list(cosines), ascending=False, ignore_index=True)


def knows_photographs(condition: Condition) -> bool:
    """Whether a model sees through a network that was trained on photographs."""
    is_pretrained = condition.kind is ArtifactKind.PRETRAINED
    has_network = bool(condition.frozen_tower)
    return (is_pretrained or has_network) and not condition.architecture.endswith(RANDOM)


def with_untrained(trained: Mapping[str, Condition]) -> dict[str, Condition]:
    """Models to choose from by key, with the untrained encoder of each seed and label style, which
    is made when it is chosen."""
    choices = dict(trained)
    names = {wording.run_name(condition) for condition in trained.values()}
    for condition in trained.values():
        untrained = condition.untrained
        if condition.kind.has_weights and wording.run_name(untrained) not in names:
            choices[untrained.key] = untrained
            names.add(wording.run_name(untrained))
    return choices
