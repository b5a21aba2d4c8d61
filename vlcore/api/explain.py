"""Explanation of predictions by training images, put to the test: train again without them.

TracIn (`vlcore.model.influence`) ranks the training images by how far each moved the margin of an
object. A rank is no cause. So models are trained without the images that are blamed, beside models
without as many nearest images of the wrong object and without as many by chance; only what moves
the margin beyond the spread over seeds, and farther than both, is called confirmed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from vlcore.api.training import parts_of, train_all, training_data
from vlcore.artifacts import store
from vlcore.data.decoding import square
from vlcore.data.imageset import TRAINING_SIZE, ImageSet
from vlcore.data.training_set import TrainingSet, training_sets
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import MOST, Remove
from vlcore.experiment.errors import LabError
from vlcore.experiment.options import MITIGATIONS, OBJECTIVES, ArtifactKind
from vlcore.experiment.progress import silent
from vlcore.experiment.wording import plural
from vlcore.jobs.progress import trainings_bar
from vlcore.jobs.queue import all_cores, worker_pool
from vlcore.metrics.accuracy import logits, object_scores
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.paired import t_interval
from vlcore.model.image_features import feature_store, features_of_images
from vlcore.model.load import load_model
from vlcore.model.views import Labels, why_no_caption_readout

if TYPE_CHECKING:
    from vlcore.model.influence import Replay

Inputs = NDArray[Any]  # images as a model reads them, (m, ...): pixels or features
SEEDS = 5  # trainings of each arm of a test
FAITHFUL = 0.1  # largest distance of two unit vectors at which a replay is that of the model
UNCHANGED, ATTRIBUTED, NEAREST, CHANCE = "unchanged", "attributed", "nearest", "chance"
ARMS = (ATTRIBUTED, NEAREST, CHANCE)


class ExplainError(LabError):
    """A prediction that cannot be explained; the message says why."""


@dataclass(frozen=True)
class MarginQuestion:
    """What is explained: the score of an object less that of the other one, in log odds.

    Attributes:
        inputs: the images as the model reads them, (m, ...).
        object: what they show, or are taken to show.
        other: the other object.
        is_known: whether it is known what they show.
    """

    inputs: Inputs
    object: str
    other: str
    is_known: bool = True


@dataclass(frozen=True)
class Trial:
    """A training of a test: its arm, one of `ARMS` or `UNCHANGED`, and the seed of its weights."""

    arm: str
    seed: int
    condition: Condition


@dataclass(frozen=True, eq=False)
class Explanation:
    """Training images by their influence on a margin.

    Attributes:
        condition: of the model.
        question: what is explained.
        margins: of the asked images in the model, (m,); below 0 it predicts the other object.
        images: one row per training image, highest influence first: ``row`` in the image set,
            ``object``, ``context``, ``group``, ``caption``, ``influence``, ``similarity`` (mean
            cosine with the asked images).
        top: images that are shown on each side, and removed at once where there are as many.
        replay_error: largest distance of a replayed training image from the stored one, 0 to 2.
    """

    condition: Condition
    question: MarginQuestion
    margins: NDArray[np.float64]
    images: pd.DataFrame
    top: int
    replay_error: float

    @property
    def warning(self) -> str:
        """What to know where the replay ended elsewhere than the model, as on another processor;
        else empty."""
        if self.replay_error <= FAITHFUL:
            return ""
        return (
            "Trained again here, the model ends elsewhere (an image's embedding by"
            f" {self.replay_error:.2f} of at most 2), so these ranks are those of a training like"
            " it. Train the model on this machine to explain it itself."
        )

    @property
    def wrong(self) -> int:
        """How many of the asked images the model gets wrong."""
        return int((self.margins < 0).sum())

    @property
    def strongest_for(self) -> pd.DataFrame:
        """The `top` images that raise the margin most."""
        return self.images[self.images["influence"] > 0].head(self.top)

    @property
    def strongest_against(self) -> pd.DataFrame:
        """The `top` images that lower the margin most."""
        return self.images[self.images["influence"] < 0].tail(self.top)[::-1]

    @property
    def removed(self) -> int:
        """Images that each arm of a test removes: `top`, or as many nearest ones as there are."""
        return len(self.removed_rows(NEAREST))

    def removed_rows(self, arm: str, seed: int = 0) -> list[int]:
        """Return the rows of the images that an arm of a test removes.

        Images of `CHANCE` are drawn again for each seed, among images of the objects that the
        attributed images show.
        """
        table = self.images
        nearest = table[table["object"] == self.question.other].nlargest(self.top, "similarity")
        chosen = nearest if arm == NEAREST else table[::-1].head(len(nearest))
        if arm == CHANCE:
            random = np.random.default_rng([self.condition.data_seed, seed, len(table)])
            parts = [
                table[table["object"] == shows].sort_values("row").sample(n, random_state=random)
                for shows, n in chosen["object"].value_counts(sort=False).items()
            ]
            chosen = pd.concat(parts)
        return [int(row) for row in chosen["row"]]

    def trials(self, seeds: int = SEEDS) -> list[Trial]:
        """Return the trainings of a test: each arm with each seed, and as many without a change."""
        room = MOST - len(self.condition.changes)
        if self.removed == 0:
            raise ExplainError(
                f"No {self.question.other} is left to remove. Explain another model."
            )
        if self.removed > room:
            raise ExplainError(
                f"The training set of {self.condition.key} can have {room} more changes. Explain a"
                " model with fewer changes, or fewer images at the top."
            )
        trials = []
        for number in range(seeds):
            base = self.condition.replace(init_seed=self.condition.init_seed + number)
            trials.append(Trial(UNCHANGED, base.init_seed, base))
            for arm in ARMS:
                edits: Any = [*base.changes, *map(Remove, self.removed_rows(arm, number))]
                trials.append(Trial(arm, base.init_seed, base.replace(edits=edits)))
        return trials

    def measure(self, trials: Sequence[Trial]) -> TrialOutcome:
        """Measure the asked images in the trained models of a test."""
        rows = []
        for trial in trials:
            margins = margins_in(trial.condition.key, self.question)
            for image, margin in enumerate(margins.tolist()):
                rows.append((trial.arm, trial.seed, image, margin))
        return TrialOutcome(self, pd.DataFrame(rows, columns=["arm", "seed", "image", "margin"]))

    def test(self, seeds: int = SEEDS, jobs: int | None = None) -> TrialOutcome:
        """Train the models of a test that are missing, over worker processes, and measure them.

        Args:
            seeds: trainings of each arm, at least two.
            jobs: worker processes; one per core when absent.

        Raises:
            ExplainError: A training failed, or the training set has too many changes.
        """
        trials = self.trials(seeds)
        missing = [trial.condition for trial in trials if not store.published(trial.condition.key)]
        if missing:
            with (
                worker_pool(jobs or all_cores()) as pool,
                trainings_bar(len(missing), "test by training") as ended,
            ):
                outcomes = train_all(missing, pool, ended)
            failed = [outcome for outcome in outcomes.values() if outcome.startswith("failed")]
            if failed:
                raise ExplainError(f"A training of the test {failed[0]}")
        return self.measure(trials)


@dataclass(frozen=True, eq=False)
class TrialOutcome:
    """Outcome of a test: ``arm``, ``seed``, ``image`` (number) and ``margin`` of each training."""

    explanation: Explanation
    table: pd.DataFrame

    def margins(self, arm: str) -> NDArray[np.float64]:
        """Mean margin of the asked images by seed, (seeds,)."""
        return self.table[self.table["arm"] == arm].groupby("seed")["margin"].mean().to_numpy()

    def moved(self, arm: str, baseline: str = UNCHANGED) -> Estimate:
        """How far an arm moves the margin, beyond another one; the interval is over seeds."""
        return t_interval(self.margins(arm) - self.margins(baseline))

    def flips(self, arm: str) -> tuple[int, int]:
        """How many wrong predictions become correct, and how many were wrong, over all seeds."""
        by_image = self.table.set_index(["seed", "image"])
        before = by_image["margin"][by_image["arm"] == UNCHANGED]
        after = by_image["margin"][by_image["arm"] == arm].reindex(before.index)
        return int(((before < 0) & (after > 0)).sum()), int((before < 0).sum())

    @property
    def is_confirmed(self) -> bool:
        """Whether the attributed images move the margin beyond the spread over seeds, and farther
        than the nearest images and images by chance."""
        return all(self.moved(ATTRIBUTED, arm).low > 0 for arm in (UNCHANGED, NEAREST, CHANCE))

    def changes(self) -> pd.DataFrame:
        """One row per arm: ``arm``, ``words``, how far the margin moved (``value``, ``low``,
        ``high``), ``n`` seeds, ``flips`` of ``wrong`` predictions."""
        removed, other = self.explanation.removed, self.explanation.question.other
        words = {
            ATTRIBUTED: plural(removed, "strongest image"),
            NEAREST: f"{plural(removed, 'nearest image')} of a {other}",
            CHANCE: f"{removed} by chance, of the same objects",
        }
        rows = []
        for arm in ARMS:
            flips, wrong = self.flips(arm)
            moved = self.moved(arm).as_dict()
            rows.append({"arm": arm, "words": words[arm], **moved, "flips": flips, "wrong": wrong})
        return pd.DataFrame(rows)

    @property
    def sentence(self) -> str:
        """Whether the test confirms the attribution."""
        verdict = "Confirmed: training without the images it found moves"
        if not self.is_confirmed:
            verdict = "Not confirmed: training without the images it found does not move"
        return (
            f"{verdict} the score farther than training without the nearest images or images by"
            " chance, and beyond the spread over seeds."
        )


def check_explainable(condition: Condition) -> None:
    """Raise ExplainError of a model whose predictions are not explained by training images."""
    reason = ""
    objective = OBJECTIVES[condition.objective]
    mitigation = MITIGATIONS[condition.mitigation]
    if condition.kind is not ArtifactKind.TRAINED:
        reason = "it was not trained here"
    elif not objective.uses_captions or objective.language == "decoder":
        reason = "its scores do not follow from embeddings of captions"
    elif mitigation.weighs or mitigation.new_layer:
        reason = f"{condition.mitigation} weighs its images or replaces its last layer"
    if reason:
        raise ExplainError(
            f"{condition.key} cannot be explained by training images: {reason}. Choose a model with"
            " mitigation=none that is trained with captions."
        )


def ask_rows(artifact: store.Artifact, images: ImageSet, rows: Sequence[int]) -> MarginQuestion:
    """Ask for the margin of what held-out images show; ExplainError where they cannot be asked."""
    check_explainable(artifact.condition)
    last = len(images.table) - 1
    trained = set(artifact.embeddings.rows("train").tolist())
    for row in rows:
        if not 0 <= row <= last:
            raise ExplainError(f"There is no image {row}; {images.name!r} has 0 to {last:,}.")
        if row in trained:
            raise ExplainError(
                f"Image {row} is a training image of this model. Choose a held-out image."
            )
    objects = images.table["object"].iloc[list(rows)].unique().tolist()
    if len(objects) != 1:
        raise ExplainError("Choose images of one object: a score is of one object over the other.")
    inputs = _inputs(artifact.condition, images, np.array(rows))
    return _question(images, inputs, objects[0])


def ask_image(
    artifact: store.Artifact, images: ImageSet, image: Image.Image, shows: str = ""
) -> MarginQuestion:
    """Ask for the margin of what a new image shows; without it, of what is not predicted."""
    check_explainable(artifact.condition)
    tower = artifact.condition.frozen_tower
    if tower:
        inputs: Inputs = features_of_images(tower, [np.asarray(image.convert("RGB"))])
    else:
        inputs = square(image, TRAINING_SIZE)[None]
    objects = images.grouping.objects
    if shows and shows not in objects:
        raise ExplainError(f"No object is named {shows!r}; choose one of {', '.join(objects)}.")
    question = replace(_question(images, inputs, shows or objects[0]), is_known=bool(shows))
    if not shows and margins_in(artifact.key, question)[0] > 0:
        return replace(question, object=question.other, other=question.object)
    return question


def _question(images: ImageSet, inputs: Inputs, object_name: str) -> MarginQuestion:
    other = next(name for name in images.grouping.objects if name != object_name)
    return MarginQuestion(inputs, object_name, other)


def _inputs(condition: Condition, images: ImageSet, rows: NDArray[np.int64]) -> Inputs:
    """Return the images of rows as a model of a condition reads them."""
    if tower := condition.frozen_tower:
        return feature_store(images, tower).rows(rows)
    images.ensure_rendered(rows.tolist(), silent)
    return images.pixels(rows)


def margins_in(key: str, question: MarginQuestion) -> NDArray[np.float64]:
    """Return the margins of the asked images in a published model, (m,)."""
    from vlcore.model.inference import embed_images
    from vlcore.model.load import OwnModel

    artifact = store.read(key)
    loaded = load_model(artifact)
    assert isinstance(loaded, OwnModel)  # `check_explainable`
    stored = artifact.embeddings
    end = stored.end
    z = embed_images(loaded.encoder, question.inputs)
    captions = logits(z, end.captions, end.scale, end.bias)
    scores = object_scores(captions, stored.caption_objects, [question.object, question.other])
    return np.asarray(scores[:, 0] - scores[:, 1])


def attribute(key: str, question: MarginQuestion, top: int = MOST) -> Explanation:
    """Rank the training images of a model. The training is replayed once in a process, and
    remembered."""
    from vlcore.model.inference import embed_images
    from vlcore.model.influence import influences

    artifact = store.read(key)
    training, objects, replayed = _replayed_training(key, artifact.digest)
    is_named = np.tile([name == question.object for name in objects], (len(question.inputs), 1))
    z = embed_images(replayed.final, replayed.data.images)
    centre = embed_images(replayed.final, question.inputs).mean(axis=0)
    shows = training.table[["object", "context", "group"]]
    table = shows.assign(
        row=training.rows,
        caption=[training.captions[number].text for number in training.caption_index],
        influence=influences(replayed, question.inputs, is_named),
        similarity=z @ centre,
    )
    table = table.sort_values("influence", ascending=False, kind="stable", ignore_index=True)
    stored = artifact.embeddings.end.train
    error = float(np.linalg.norm(z - stored, axis=1).max())
    margins = margins_in(key, question)
    return Explanation(artifact.condition, question, margins, table, top, error)


@lru_cache(maxsize=4)
def _replayed_training(key: str, _digest: str) -> tuple[TrainingSet, Sequence[str | None], Replay]:
    """Return the training set of a model, the object of each caption, and its training done
    again."""
    from vlcore.model.influence import replay

    condition = store.read(key).condition
    check_explainable(condition)
    training, *_ = training_sets(parts_of(condition), condition)
    labels = Labels.from_condition(condition, training.images.grouping)
    if reason := why_no_caption_readout(condition, labels):
        raise ExplainError(f"{key} predicts no object: {reason}. Choose another caption style.")
    inputs = _inputs(condition, training.images, training.rows)
    data = training_data(condition, training, labels, inputs)
    return training, labels.objects, replay(condition, data)
