"""The linear theory, against scikit-learn and finite differences, and what must hold of it."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from vlcore.experiment.condition import Condition
from vlcore.metrics.negatives import negative_shares
from vlcore.study.theory import (
    RIDGE,
    Perception,
    TheoryError,
    accuracy_alone,
    caption_columns,
    cost_of_divided_images,
    fit_columns,
    fit_perception,
    predict_minority_accuracy,
)

PERCEPTION = Perception(object=2.0, context=2.0, noise=6)


def drawn(n: int = 90, width: int = 4, captions: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    own = random.integers(captions, size=n)
    return random.normal(size=(n, width)) + np.eye(captions, width)[own], own


def test_a_classifier_is_that_of_scikit_learn() -> None:
    features, own = drawn()
    weights = fit_columns(features, own, np.eye(3), None)
    reference = LogisticRegression(C=1 / (RIDGE * len(own)), tol=1e-10, max_iter=5000)
    expected = reference.fit(features, own).predict_log_proba(features)
    scores = np.column_stack([features, np.ones(len(features))]) @ weights
    log_shares = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    assert log_shares == pytest.approx(expected, abs=2e-3)


def test_the_fit_is_a_minimum_of_the_loss_of_training() -> None:
    torch = pytest.importorskip("torch")
    from vlcore.model.losses import pairwise_bce

    features, own = drawn()
    shares = negative_shares("filtered_marginal", np.bincount(own)).astype(float)
    weights = fit_columns(features, own, np.eye(3), shares)
    inputs = torch.tensor(np.column_stack([features, np.ones(len(features))]))

    def loss(flat: np.ndarray) -> float:
        guess = torch.tensor(flat.reshape(weights.shape))
        pairs = pairwise_bce(inputs @ guess, torch.tensor(own), torch.tensor(shares)[own])
        return float(pairs.mean() + 0.5 * RIDGE * (guess[:-1] ** 2).sum())

    def no_slope(_flat: np.ndarray) -> np.ndarray:
        return np.zeros(weights.size)

    assert check_grad(loss, no_slope, weights.ravel()) < 1e-3
    away = weights.ravel() + 0.1
    assert check_grad(loss, no_slope, away) > 1e-2


def test_words_tie_captions_that_share_them() -> None:
    texts = ["horse grass", "horse desert", "camel grass", "camel desert"]
    similar = caption_columns("words@random", texts) @ caption_columns("words", texts).T
    assert similar == pytest.approx(
        np.array([[1, 0.5, 0.5, 0], [0.5, 1, 0, 0.5], [0.5, 0, 1, 0.5], [0, 0.5, 0.5, 1]])
    )
    assert caption_columns("codes", texts) == pytest.approx(np.eye(4))


def test_draws_are_paired_and_bias_costs() -> None:
    short = Condition(bias=0.75)
    accuracies = predict_minority_accuracy(short, PERCEPTION, draws=3)
    assert accuracies == pytest.approx(predict_minority_accuracy(short, PERCEPTION, draws=3))
    unbiased = predict_minority_accuracy(short.replace(bias=0.0), PERCEPTION, draws=3)
    assert (unbiased > accuracies).all()
    hidden = predict_minority_accuracy(short, Perception(2.0, 0.0, 6), draws=3)
    assert (hidden > accuracies).all()  # a place that cannot be seen leads nobody astray


@pytest.mark.parametrize("labels", ["sky", "attribute_other", "synonym", "shuffled_context"])
def test_with_many_images_a_second_word_that_says_nothing_changes_nothing(labels: str) -> None:
    short = Condition(n_per_group=400)
    difference = predict_minority_accuracy(
        short.replace(labels=labels), PERCEPTION, draws=2
    ) - predict_minority_accuracy(short, PERCEPTION, draws=2)
    assert abs(difference).max() < 0.02


def test_the_strengths_of_a_perception_explain_what_they_were_fitted_on() -> None:
    perception = fit_perception(0.95, {0.1: 0.8, 1.0: 1.0}, contrast=0.2, noise=6)
    assert accuracy_alone(perception.object, 6) == pytest.approx(0.95, abs=0.005)
    assert accuracy_alone(perception.context / 2, 6) == pytest.approx(0.8, abs=0.01)
    with pytest.raises(TheoryError):
        fit_perception(0.95, {1.0: 1.0}, contrast=1.0)
    with pytest.raises(TheoryError):
        fit_perception(0.2, {0.1: 0.8}, contrast=1.0)
    with pytest.raises(TheoryError):
        predict_minority_accuracy(Condition(objective="infonce"), PERCEPTION)


def test_a_boundary_on_half_of_the_images_costs_what_the_first_order_says() -> None:
    numbers, images = 40, 400
    perception = Perception(0.75, 1.0, numbers - 2)
    random = np.random.default_rng(0)
    centre = np.zeros(numbers)
    centre[0] = perception.object

    def lost(n: int) -> float:
        """Probits that a boundary across the difference of two means of n images loses."""
        noise = random.normal(size=(2, 4000, numbers)) / np.sqrt(n)
        first, second = noise + np.array([centre, -centre])[:, None]
        across, middle = first - second, (first + second) / 2
        length = np.linalg.norm(across, axis=1)
        shift = (middle * across).sum(axis=1) / length
        along = perception.object * across[:, 0] / length
        right = (norm.cdf(along + shift) + norm.cdf(along - shift)) / 2
        return perception.object - float(norm.ppf(right).mean())

    simulated = lost(2 * images) - lost(images)
    assert simulated == pytest.approx(cost_of_divided_images(perception, images), rel=0.1)
