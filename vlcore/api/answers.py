"""Answers of models for new images: what each model predicts, whether the image is new to the set,
and what the predictions rely on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from vlcore.api import uploads
from vlcore.api.model_map import ModelMap
from vlcore.api.uploads import RelianceReport, UploadReport
from vlcore.data.imageset import ImageSet
from vlcore.data.uploads import UploadedPicture, twins_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.metrics.novelty import Novelty, NoveltyJudge
from vlcore.metrics.reliance import PaintedImages
from vlcore.model.load import Loaded
from vlcore.model.new_images import judge_of, novelties, painted_images
from vlcore.model.recognition import Recognition, knows_objects, recognise

EXAMPLE = 4  # of the ways to paint: a blur
UNTESTED = (
    "The page paints over the object and the background only for models with a pretrained image"
    " encoder. For other models this test was wrong too often (docs/uploads.md). Samples and"
    " cut-outs are tested for every model."
)


class AskedModel(Protocol):
    """What answers need of a `vlcore.api.models.Model`."""

    key: str

    @property
    def condition(self) -> Condition: ...

    @property
    def map(self) -> ModelMap: ...

    @property
    def loaded(self) -> Loaded: ...


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers of models, by what they are called, for new images.

    Attributes:
        image_set: that the models were trained on.
        models: by name.
        pictures: the new images, m.
        embeddings: of the new images in each model, (m, E).
        reports: what each model predicts, one per image.
        novelties: how new each image is; None where that was not judged.
    """

    image_set: ImageSet
    models: Mapping[str, AskedModel]
    pictures: Sequence[UploadedPicture]
    embeddings: Mapping[str, NDArray[np.float32]]
    reports: Mapping[str, list[UploadReport]]
    novelties: Sequence[Novelty | None]

    @property
    def names(self) -> list[str]:
        """What the images are called, with numbers where there are several."""
        names = [picture.name for picture in self.pictures]
        if len(names) == 1:
            return names
        return [f"{number}. {name}" for number, name in enumerate(names, start=1)]

    @cached_property
    def uploads(self) -> list[Upload]:
        """Each image with its answers."""
        return [Upload(self, number) for number in range(len(self.pictures))]

    def places(self, model: str) -> NDArray[np.float64]:
        """The positions of the images on the principal plane of a model, (m, 2)."""
        return self.models[model].map.place(self.embeddings[model])

    def table(self) -> pd.DataFrame:
        """Every answer, one row per image and model, with what was tested of reliance so far."""
        reliances = {
            (model, upload.number): reliance
            for upload in self.uploads
            if upload.is_tested
            for model, reliance in upload.reliances.items()
        }
        return uploads.report_table(self.names, self.reports, self.image_set, reliances)


@dataclass(frozen=True, eq=False)
class Versions:
    """Versions of an image by which reliance was tested, or examples of them.

    Attributes:
        about: what they are, a sentence.
        pictures: as they are shown, by name.
        labels: what each model predicts for each version, by model.
    """

    about: str
    pictures: Mapping[str, Image.Image]
    labels: Mapping[str, list[str]]


@dataclass(frozen=True, eq=False)
class Upload:
    """One of the new images with its answers."""

    answers: Answers
    number: int

    @property
    def picture(self) -> UploadedPicture:
        """The image."""
        return self.answers.pictures[self.number]

    @property
    def name(self) -> str:
        """What the image is called."""
        return self.answers.names[self.number]

    @property
    def novelty(self) -> Novelty | None:
        """How new the image is to the set; None where that was not judged."""
        return self.answers.novelties[self.number]

    @property
    def reports(self) -> dict[str, UploadReport]:
        """What each model predicts."""
        return {name: reports[self.number] for name, reports in self.answers.reports.items()}

    @property
    def embeddings(self) -> dict[str, NDArray[np.float32]]:
        """The embedding of the image in each model, (E,)."""
        return {name: z[self.number] for name, z in self.answers.embeddings.items()}

    @property
    def is_neither(self) -> bool:
        """Whether the image probably shows none of the objects."""
        return any(report.is_neither for report in self.reports.values())

    def is_testable(self, model: str) -> bool:
        """Whether the reliance of a model is tested: it predicts an object that may be there."""
        return bool(self.reports[model].predicted) and not self.is_neither

    @property
    def is_tested(self) -> bool:
        """Whether `reliances` were computed."""
        return "reliances" in vars(self)

    @cached_property
    def reliances(self) -> dict[str, RelianceReport]:
        """What each model's prediction relies on, of those for which that can be tested."""
        tested = {}
        for name in self.reports:
            reliance = self._test(name) if self.is_testable(name) else None
            if reliance is not None:
                tested[name] = reliance
        return tested

    def _test(self, name: str) -> RelianceReport | None:
        answers, grouping = self.answers, self.answers.image_set.grouping
        model, predicted = answers.models[name], self.reports[name].predicted
        if self.picture.cutout:
            return uploads.reliance_by_backgrounds(
                [
                    report
                    for report, version in zip(answers.reports[name], answers.pictures, strict=True)
                    if version.cutout == self.picture.cutout
                ]
            )
        if twins := twins_of(self.picture, answers.image_set):
            return uploads.reliance_by_twins(model.map, model.loaded, predicted, twins, grouping)
        if uploads.knows_photographs(model.condition):
            with suppress(LabError):  # the weights that locate are not on this machine
                painted = self._painted
                return uploads.reliance_by_painting(
                    model.map, model.loaded, predicted, painted, grouping
                )
        return None

    @cached_property
    def _painted(self) -> PaintedImages:
        """The image with its object, or its background, painted over."""
        return painted_images(self.picture.model_input)

    def versions(self) -> Versions:
        """The versions of the image by which its reliance was tested, with predictions."""
        word = self.answers.image_set.grouping.object_word
        twins = twins_of(self.picture, self.answers.image_set)
        if self.picture.cutout:
            about = f"The same {word} on seven backgrounds: do they change a prediction?"
            return Versions(about, {}, {})
        if twins is not None:
            about = (
                f"The same scene with the other {word} and on another background: what changes a"
                " prediction?"
            )
            changed = (twins.other_object, *twins.other_backgrounds)
            pictures = {version.name: version.picture for version in changed}
            return Versions(about, pictures, self._labels([each.model_input for each in changed]))
        if self.is_neither:
            return Versions(f"Not tested, because the image may not show a known {word}.", {}, {})
        if not self.reliances:
            return Versions(f"Not tested. {UNTESTED}", {}, {})
        about = (
            f"What is left when the background, or the {word}, is painted over, and what is"
            " predicted then. This is one of nine ways to paint, all of which have to agree; a"
            f" pretrained network says where the {word} is."
        )
        painted = self._painted
        parts = (painted.object_alone[EXAMPLE], painted.background_alone[EXAMPLE])
        names = (f"only the {word}", "only the background")
        pictures = dict(zip(names, map(Image.fromarray, parts), strict=True))
        return Versions(about, pictures, self._labels(list(pictures.values())))

    def _labels(self, versions: Sequence[Image.Image]) -> dict[str, list[str]]:
        """What each model that predicts objects predicts for versions of the image."""
        grouping = self.answers.image_set.grouping
        return {
            name: uploads.predicted_labels(
                model.map, model.loaded.embed_images(list(versions)), grouping
            )
            for name, model in self.answers.models.items()
            if self.reports[name].predicted
        }


def ask(
    models: Mapping[str, AskedModel],
    image_set: ImageSet,
    pictures: Sequence[UploadedPicture],
    judge: NoveltyJudge | None = None,
) -> Answers:
    """Put new images to models.

    Args:
        models: by what they are called, all trained on one set.
        image_set: that set.
        pictures: the new images, m; what each shows is known where it says so.
        judge: of novelty; nothing is judged without one.
    """
    inputs = [picture.model_input for picture in pictures]
    judged: list[Novelty | None] = [None] * len(pictures)
    if judge is not None:
        judged = [*novelties(judge, image_set, inputs)]
    embeddings = {name: model.loaded.embed_images(inputs) for name, model in models.items()}
    truths = [picture.object for picture in pictures]
    are_drawn = [picture.is_drawn for picture in pictures]
    recognitions = _recognitions(image_set, pictures)
    reports = {
        name: uploads.upload_reports(
            model.map, image_set, embeddings[name], truths, judged, recognitions, are_drawn
        )
        for name, model in models.items()
    }
    return Answers(image_set, models, pictures, embeddings, reports, judged)


def _recognitions(
    image_set: ImageSet, pictures: Sequence[UploadedPicture]
) -> list[Recognition | None]:
    """What ImageNet's classifier sees in new images.

    None for drawn samples, which it does not know, for sets whose objects it does not know, and
    without its weights.
    """
    recognitions: list[Recognition | None] = [None] * len(pictures)
    if not knows_objects(image_set.grouping):
        return recognitions
    photos = [number for number, picture in enumerate(pictures) if not picture.is_drawn]
    inputs = [pictures[number].model_input for number in photos]
    with suppress(LabError):
        for number, seen in zip(photos, recognise(inputs, image_set.grouping), strict=True):
            recognitions[number] = seen
    return recognitions


def judge_or_none(image_set: ImageSet) -> NoveltyJudge | None:
    """The judge of a set; None where its images are too few, or the weights of the network are not
    on this machine."""
    try:
        return judge_of(image_set)
    except LabError:
        return None
