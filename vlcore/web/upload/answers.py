"""Answers of models for a visitor's images, kept in that visitor's session and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from vlcore.api import uploads
from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.model_map import ModelMap
from vlcore.api.uploads import UploadReport
from vlcore.data.imageset import ImageSet
from vlcore.data.uploads import UploadedPicture
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import Grouping
from vlcore.metrics.novelty import Novelty, NoveltyJudge
from vlcore.model.new_images import judge_of, novelties
from vlcore.web import cache
from vlcore.web.upload.inputs import ImageChoice, ModelChoice


@dataclass(frozen=True, eq=False)
class Answers:
    """Reports of all models on all images, by what models are called."""

    choice: ModelChoice
    images: tuple[UploadedPicture, ...]
    image_names: list[str]  # numbered where there are several
    comparison: ComparedMaps
    models: dict[str, ModelMap]
    embeddings: dict[str, NDArray[np.float32]]  # (m, E) each
    reports: dict[str, list[UploadReport]]
    novelties: list[Novelty | None]

    @property
    def image_set(self) -> ImageSet:
        """The set that the models were trained on."""
        return self.choice.image_set

    @property
    def grouping(self) -> Grouping:
        return self.image_set.grouping


def ask_models(choice: ModelChoice, chosen: ImageChoice, comparison: ComparedMaps) -> Answers:
    """Put images to the models of a comparison."""
    images = chosen.images
    judged = _judge_novelties(choice.image_set, images)
    are_drawn = [image.is_drawn for image in images]
    truths = [image.object or ("" if image.is_drawn else choice.truth) for image in images]
    names = [image.name for image in images]
    if len(names) > 1:
        names = [f"{number}. {name}" for number, name in enumerate(names, start=1)]
    models = {name.capitalize(): model for name, model in comparison.named.items()}
    embeddings = {name: _embed(model.artifact.key, images) for name, model in models.items()}
    reports = {
        name: uploads.upload_reports(
            model, choice.image_set, embeddings[name], truths, judged, are_drawn
        )
        for name, model in models.items()
    }
    return Answers(choice, images, names, comparison, models, embeddings, reports, judged)


def result_name(kind: str, key: str, image: UploadedPicture) -> tuple[str, ...]:
    """Return the name of what is computed with a model for an image."""
    return kind, key, cache.artifact(key).digest, image.digest


def _embed(key: str, images: Sequence[UploadedPicture]) -> NDArray[np.float32]:
    """Return the embeddings of images in a model, (m, E)."""
    embed = cache.model(key).loaded.embed_images
    rows = [
        cache.once_a_session(result_name("z", key, image), partial(embed, [image.model_input]))
        for image in images
    ]
    return np.concatenate(rows)


def _judge_novelties(
    image_set: ImageSet, images: Sequence[UploadedPicture]
) -> list[Novelty | None]:
    """Judge how new each image is beside those of a set; None where that cannot be judged."""
    try:
        stored = len(image_set.table) - len(cache.missing_features(image_set))
        judge = _judge(image_set, stored)
    except LabError:  # the weights of the network may be missing
        judge = None
    if judge is None:
        return [None] * len(images)
    judged: list[Novelty | None] = []
    for image in images:
        name = ("novelty", image_set.name, image_set.version, stored, image.digest)
        (novelty,) = cache.once_a_session(
            name, partial(novelties, judge, image_set, [image.model_input])
        )
        judged.append(novelty)
    return judged


@cache.by_content(4)
def _judge(image_set: ImageSet, stored: int) -> NoveltyJudge | None:
    """Return the judge of a set of which so many images have features; None where they are too
    few."""
    return judge_of(image_set)
