"""A linear theory of what labels cost: one column of weights a caption, under the loss of training.

An image is a handful of numbers instead of pixels: one for its object, one for its context, each a
mean of plus or minus its strength with unit noise, one for each value of a factor that captions
name, and noise. A model is a linear score a caption on these numbers, fitted to few images by the
same loss, and read out by the same sum over captions. It has no image tower and no text tower, so
what it predicts is estimation alone: columns of rare captions are fitted on few images.

Two strengths are all that is fitted, on models without bias (`fit_perception`); everything else is
a prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax

from vlcore.experiment.captions import caption_shares, captions_of, traits_named
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.options import OBJECTIVES, STUDY_N
from vlcore.experiment.vocabulary import split_words
from vlcore.metrics.accuracy import predict_objects
from vlcore.metrics.negatives import negative_shares

RIDGE = 1e-3  # penalty on squared weights; stands for a training that stops
DRAWS = 20  # training sets a prediction averages over
TEST_IMAGES = 1000  # of each group
NOISE = 20  # a guess made before any prediction, in the review that proposed this theory
STRENGTH_RANGE = (0.05, 6.0)
ALWAYS_RIGHT = 0.995

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


class TheoryError(ValueError):
    """A condition or a measurement that the theory says nothing about."""


@dataclass(frozen=True)
class Perception:
    """What can be seen of an image set.

    Attributes:
        object: half the distance between the objects, in standard deviations of their noise.
        context: the same of contexts, and of the values of other factors that captions name.
        noise: how many numbers of an image tell nothing.
    """

    object: float
    context: float
    noise: int


@dataclass(frozen=True)
class _Images:
    """Drawn images: their numbers, (n, D), their group's index and the level of a factor, (n,)."""

    features: Floats
    group: Indices
    level: Indices


def predict_minority_accuracy(
    condition: Condition, perception: Perception, draws: int = DRAWS
) -> Floats:
    """Predict the minority-group accuracy of a condition on horses and camels.

    Draw d of two conditions with the same counts has the same images, so that differences are
    paired as seed pairs are.

    Args:
        condition: its label style, bias, number of images, negatives, objective and text tower are
            read; the image tower is what `perception` says.
        perception: of the image set.
        draws: how many training sets are drawn.

    Returns:
        The accuracy of each draw, (draws,).

    Raises:
        TheoryError: for an objective other than those of single pairs and classifiers, or a
            template that names a trait.
    """
    objective = OBJECTIVES[condition.objective]
    if not (objective.draws_negatives or objective.language == "classes"):
        raise TheoryError(f"The theory has no formula for the objective {condition.objective}.")
    captions = captions_of(condition.labels, SCENES, condition.template)
    shares = caption_shares(condition.labels, SCENES, condition.template)
    named = [caption.object for caption in captions]
    is_minority = np.isin(SCENES.names, SCENES.minority)
    counts = np.where(is_minority, condition.n_minority, condition.n_majority)
    traits = traits_named(condition.labels, condition.template)
    if len(traits) > 1 or (traits and condition.labels == "own"):
        raise TheoryError(f"The theory has no formula for the captions {condition.template!r}.")
    levels = int((shares[0] > 0).sum()) if traits else 1
    columns = caption_columns(condition.text, [caption.text for caption in captions])

    test = _draw_images(
        np.full(len(counts), TEST_IMAGES), perception, levels, np.random.default_rng([0, 0])
    )
    test_objects = np.array([pair[0] for pair in SCENES.pairs])[test.group]
    accuracies = []
    for draw in range(draws):
        random = np.random.default_rng([1, draw])
        images = _draw_images(counts, perception, levels, random)
        caption_index = _own_captions(shares, images, bool(traits), random)
        weights = np.bincount(caption_index, minlength=len(captions))
        negatives = None
        if objective.draws_negatives:
            negatives = negative_shares(condition.negatives, weights, captions).astype(float)
        scores = _with_constant(test.features) @ fit_columns(
            images.features, caption_index, columns, negatives
        )
        predicted = predict_objects(scores, named, SCENES.objects)
        accuracies.append((predicted == test_objects)[is_minority[test.group]].mean())
    return np.array(accuracies)


def caption_columns(text: str, texts: list[str]) -> Floats:
    """What a text tower makes of captions before its one linear map, (captions, W).

    A lookup (a transformer of few captions, a code each) gives every caption a column of its own;
    word vectors tie the captions that share words: the mean of a column a word, brought to length
    1.
    """
    if not text.startswith("words"):
        return np.eye(len(texts))
    vocabulary = sorted({word for caption in texts for word in split_words(caption)})
    table = np.zeros((len(texts), len(vocabulary)))
    for row, caption in zip(table, texts, strict=True):
        for word in split_words(caption):
            row[vocabulary.index(word)] += 1
    return table / np.linalg.norm(table, axis=1, keepdims=True)


def fit_columns(
    features: Floats, caption_index: Indices, columns: Floats, negatives: Floats | None
) -> Floats:
    """Fit linear scores of captions.

    The loss is that of `vlcore.model.losses.pairwise_bce`, or softmax cross entropy without
    negatives, plus a ridge on all weights but the constants.

    Args:
        features: numbers of the training images, (n, D).
        caption_index: each image's caption, (n,).
        columns: of the captions, (K, W).
        negatives: shares of mismatched captions, (K, K); None for a classifier.

    Returns:
        Weights of the numbers and a constant, (D + 1, K).
    """
    from scipy.optimize import minimize

    inputs = _with_constant(features)
    n, width = inputs.shape
    is_own = np.eye(len(columns))[caption_index]

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(width, columns.shape[1])
        scores = inputs @ weights @ columns.T  # (n, K)
        if negatives is None:
            value = -(is_own * log_softmax(scores, axis=1)).sum()
            slope = softmax(scores, axis=1) - is_own
        else:
            wrong = negatives[caption_index]
            pairs = is_own * np.logaddexp(0, -scores) + wrong * np.logaddexp(0, scores)
            value = 0.5 * pairs.sum()
            slope = 0.5 * (wrong * expit(scores) - is_own * expit(-scores))
        penalised = weights.copy()
        penalised[-1] = 0  # constants are free
        gradient = inputs.T @ slope @ columns / n + RIDGE * penalised
        return float(value / n + 0.5 * RIDGE * (penalised**2).sum()), gradient.ravel()

    start = np.zeros(width * columns.shape[1])
    solution = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000})
    return np.asarray(solution.x.reshape(width, -1) @ columns.T)


def cost_of_divided_images(perception: Perception, n_per_group: int) -> float:
    """What it costs without bias, to first order in 1 / N, that captions which name the context fit
    one boundary between the objects in each context, on N images of a side, where short ones fit
    one boundary on 2 N.

    The difference of class means over n images a class has a noise of variance 2 / n in each of D
    numbers. A boundary across it is right with the probit ``d / 2 / sqrt(1 + 2 D / (n d^2))``,
    which is ``d / 2 - D / (2 n d)`` to first order, with d the distance of the objects. So the
    cost is ``D / (4 N d)``. `fit_columns` fits no means: its loss follows the images that are
    close to the boundary, and its ridge decides how closely.

    Returns:
        The difference of probits, descriptive less short labels, below 0.
    """
    distance = 2 * perception.object
    numbers = 2 + perception.noise
    return -numbers / (4 * n_per_group * distance)


def fit_perception(
    object_accuracy: float, contexts: Mapping[float, float], contrast: float, noise: int = NOISE
) -> Perception:
    """Find what can be seen of an image set, from models without bias on 48 images of a group.

    Args:
        object_accuracy: how often the object is named right after short labels.
        contexts: how often the context is named right by a model that learns nothing else, by
            contrast of the context; those that are hardly ever wrong say nothing.
        contrast: of the context in the image set.
        noise: how many numbers of an image tell nothing.

    Raises:
        TheoryError: where no strength explains a measurement.
    """
    per_contrast = [
        _strength(accuracy, noise) / level
        for level, accuracy in contexts.items()
        if accuracy < ALWAYS_RIGHT
    ]
    if not per_contrast:
        raise TheoryError(
            "No context is named wrong, so its strength is unknown; add fainter ones."
        )
    context = float(np.mean(per_contrast)) * contrast
    return Perception(_strength(object_accuracy, noise), context, noise)


def accuracy_alone(strength: float, noise: int) -> float:
    """How often a model names one factor right that learns nothing else, from four groups of
    `STUDY_N` images."""
    shares = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    perception = Perception(strength, 1.0, noise)
    test = _draw_images(np.full(4, TEST_IMAGES), perception, 1, np.random.default_rng([0, 0]))
    right = []
    for draw in range(DRAWS):
        random = np.random.default_rng([1, draw])
        images = _draw_images(np.full(4, STUDY_N), perception, 1, random)
        caption_index = shares.argmax(axis=1)[images.group]
        negatives = np.array([[0.0, 1.0], [1.0, 0.0]])
        weights = fit_columns(images.features, caption_index, np.eye(2), negatives)
        predicted = (_with_constant(test.features) @ weights).argmax(axis=1)
        right.append((predicted == shares.argmax(axis=1)[test.group]).mean())
    return float(np.mean(right))


def _strength(accuracy: float, noise: int) -> float:
    """The strength with which a factor is named right so often, by halving."""
    low, high = STRENGTH_RANGE
    if not accuracy_alone(low, noise) <= accuracy <= accuracy_alone(high, noise):
        raise TheoryError(f"No strength of a factor gives an accuracy of {accuracy:g}.")
    while high - low > 0.01:
        middle = (low + high) / 2
        if accuracy_alone(middle, noise) < accuracy:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _draw_images(
    counts: NDArray[np.integer], perception: Perception, levels: int, random: np.random.Generator
) -> _Images:
    """Draw images of each group; what they have in common for all label styles comes first."""
    group = np.repeat(np.arange(len(counts)), counts)
    n = len(group)
    object_sign = np.array([1 if pair[0] == SCENES.objects[0] else -1 for pair in SCENES.pairs])
    context_sign = np.array([1 if pair[1] == SCENES.contexts[0] else -1 for pair in SCENES.pairs])
    features = random.normal(size=(n, 2 + perception.noise))
    features[:, 0] += perception.object * object_sign[group]
    features[:, 1] += perception.context * context_sign[group]
    level = random.integers(levels, size=n)
    if levels > 1:
        # Any two values are as far apart as the two contexts are.
        means = np.sqrt(2) * perception.context * (np.eye(levels) - 1 / levels)
        features = np.hstack([features, means[level] + random.normal(size=(n, levels))])
    return _Images(features, group, level)


def _own_captions(
    shares: Floats, images: _Images, by_level: bool, random: np.random.Generator
) -> Indices:
    """Each image's caption, (n,): that of its level, or one of its group's by chance."""
    if by_level:
        of_level = np.array([np.flatnonzero(row) for row in shares])  # (groups, levels)
        return np.asarray(of_level[images.group, images.level])
    chances = random.random(len(images.group))
    below = shares.cumsum(axis=1)[images.group] <= chances[:, None]
    return np.asarray(below.sum(axis=1).clip(max=shares.shape[1] - 1))


def _with_constant(features: Floats) -> Floats:
    return np.column_stack([features, np.ones(len(features))])
