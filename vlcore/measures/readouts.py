"""Other readouts of an object from the embedding space than the sum over captions of `accuracy`.

Each says an object for each image, so that `group_accuracy` scores them all alike: a conclusion that flips with the
readout is about the readout. The first three read captions, the last two are fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.measures.accuracy import predict_objects, spoken_of_each

Embeddings = NDArray[np.floating]
Labels = NDArray[np.str_]

STRENGTHS = (0.01, 0.1, 1.0)  # of the probe: C, the inverse of its L2 penalty
FOLDS = 3  # in which its strength is chosen


def best_caption(logits: NDArray[np.floating], spoken_of: Sequence[str], objects: Sequence[str]) -> Labels:
    """The object that the best caption of each image speaks of, (n, K) logits to (n,).

    Args:
        logits: scores of n images with K captions.
        spoken_of: the object that each caption speaks of, K names.
        objects: the objects to tell apart; captions of anything else are left out.

    Raises:
        ValueError: when no caption speaks of an object.
    """
    about = spoken_of_each(spoken_of, objects)
    columns = np.flatnonzero(np.isin(about, objects))
    return about[columns[logits[:, columns].argmax(axis=1)]]


def mean_caption(z: Embeddings, t: Embeddings, spoken_of: Sequence[str], objects: Sequence[str]) -> Labels:
    """The object whose captions' mean, brought back to length 1, is most similar to each image, (n,): the prompt
    ensemble of CLIP (Radford et al. 2021).

    Args:
        z: embeddings of images, unit vectors, (n, E).
        t: embeddings of captions, unit vectors, (K, E).
        spoken_of: the object that each caption speaks of, K names.
        objects: the objects to tell apart.

    Raises:
        ValueError: when no caption speaks of an object, or the captions of one cancel out.
    """
    about = spoken_of_each(spoken_of, objects)
    means = np.stack([np.asarray(t, dtype=np.float64)[about == name].mean(axis=0) for name in objects])
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    for name, length in zip(objects, lengths[:, 0], strict=True):
        if length < 1e-9:
            raise ValueError(f"The captions of {name!r} cancel out, so their mean points nowhere.")
    return np.asarray(objects)[(z @ (means / lengths).T).argmax(axis=1)]


def given_context(
    logits: NDArray[np.floating],
    spoken_of: Sequence[str],
    placed_in: Sequence[str | None],
    contexts: Labels,
    objects: Sequence[str],
) -> Labels:
    """The object with the highest score among captions of each image's true context only, (n,): ``p(a | x, c)``
    (PerceptionCLIP, An et al. 2024).

    Args:
        logits: scores of n images with K captions, (n, K).
        spoken_of: the object that each caption speaks of, K names.
        placed_in: the context that each caption names, K names; None where it names none.
        contexts: true context of each image, (n,).
        objects: the objects to tell apart.

    Raises:
        ValueError: when no caption puts one of the objects in one of the contexts.
    """
    predicted = np.empty(len(logits), dtype=np.asarray(objects).dtype)
    for context in np.unique(contexts):
        columns = [column for column, place in enumerate(placed_in) if place == context]
        spoken = [spoken_of[column] for column in columns]
        for name in objects:
            if name not in spoken:
                raise ValueError(
                    f"No caption puts {name!r} in {str(context)!r}: this readout needs captions that name the context."
                )
        here = contexts == context
        predicted[here] = predict_objects(logits[np.ix_(here, columns)], spoken, objects)
    return predicted


def nearest_neighbours(z_fit: Embeddings, labels_fit: Labels, z: Embeddings, k: int = 5) -> Labels:
    """The label that most of the k nearest images have, by cosine; (m, E), (m,), (n, E) to (n,).

    Of labels that equally many have, the first in the alphabet is said.

    Raises:
        ValueError: when fewer than k images are known.
    """
    from sklearn.neighbors import KNeighborsClassifier

    if len(z_fit) < k:
        raise ValueError(f"{k} neighbours are looked for among {len(z_fit)} images; give more images or a smaller k.")
    model = KNeighborsClassifier(n_neighbors=k, metric="cosine", algorithm="brute")
    return np.asarray(model.fit(z_fit, labels_fit).predict(z))


def linear_probe(z_fit: Embeddings, labels_fit: Labels, z: Embeddings) -> Labels:
    """What a linear model says that was fitted on other images, see `fitted_probe`; (m, E), (m,), (n, E) to (n,)."""
    return np.asarray(fitted_probe(z_fit, labels_fit).predict(np.asarray(z, dtype=np.float64)))


def fitted_probe(z_fit: Embeddings, labels_fit: Labels) -> Any:
    """Logistic regression on standardised features: a scikit-learn pipeline of the scaler and the regression.

    Its L2 penalty is the one of `STRENGTHS` that is right most often in `FOLDS`-fold cross-validation over the fitting
    images, (m, E) and (m,); they should be balanced, and in neither the training nor the test set.

    Raises:
        ValueError: when there is one label only, or one has fewer images than there are folds.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    _, counts = np.unique(labels_fit, return_counts=True)
    if len(counts) < 2 or counts.min() < FOLDS:
        raise ValueError(f"A probe is fitted on two labels or more with at least {FOLDS} images each.")
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)  # images often come sorted by what they show
    search = GridSearchCV(model, {"logisticregression__C": STRENGTHS}, cv=folds)
    return search.fit(np.asarray(z_fit, dtype=np.float64), labels_fit).best_estimator_
