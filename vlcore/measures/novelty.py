"""Shortcut attraction and novelty of a new picture: what attracts it, and whether the model has seen its like.

A new picture has no truth to be right about, but neighbours whose object and context are known. Two groups share one
factor with it and differ in the other: they pull it to either side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlcore.core.grouping import Grouping
from vlcore.measures.estimate import Estimate, bootstrap, rate
from vlcore.measures.projection import nearest

Embeddings = NDArray[np.floating]
Labels = NDArray[np.str_]

RARE = 0.01  # share of held-out pictures below which a distance is said to be rare
DIGITS = 6  # of a cosine of float32 embeddings; in more, equal pictures differ


@dataclass(frozen=True)
class ShortcutAttraction:
    """What attracts a picture more: its object or its context.

    Attributes:
        object: the object that it is compared for.
        context: the context that it is compared for.
        by_object: mean cosine to pictures of the same object in the other context.
        by_context: mean cosine to pictures of the other object in the same context.
        balance: the first minus the second, -2 to 2: above 0 the object pulls harder, below 0 the context.
    """

    object: str
    context: str
    by_object: float
    by_context: float
    balance: Estimate


def nearest_group(
    z: Embeddings, known: Embeddings, objects: ArrayLike, contexts: ArrayLike, grouping: Grouping
) -> tuple[Labels, Labels]:
    """The object and the context of the group with the highest mean cosine to each new picture, (m,) each.

    What a picture is compared for where nobody says what it shows. It is the model's own opinion.

    Args:
        z: embeddings of new pictures, unit vectors, (m, E).
        known: embeddings of known pictures, unit vectors, (n, E).
        objects, contexts: of the known pictures, (n,).
        grouping: the four groups.

    Raises:
        ValueError: when a group has no known picture.
    """
    similar = np.asarray(z, dtype=np.float64) @ np.asarray(known, dtype=np.float64).T
    members = [_members(objects, contexts, *pair) for pair in grouping.pairs]
    best = np.stack([similar[:, member].mean(axis=1) for member in members], axis=1).argmax(axis=1)
    pairs = np.asarray(grouping.pairs)[best]  # (m, 2)
    return pairs[:, 0], pairs[:, 1]


def shortcut_attraction(
    z: Embeddings,
    own: Sequence[tuple[str, str]],
    known: Embeddings,
    objects: ArrayLike,
    contexts: ArrayLike,
    scenes: ArrayLike,
    grouping: Grouping,
) -> list[ShortcutAttraction]:
    """Whether new pictures are pulled by their object or by their context; one each.

    ``mean cos(z, known of (o, c')) - mean cos(z, known of (o', c))`` for a picture of object o in context c, with the
    other object o' and the other context c'. Its own group is in neither mean, so that each shares one factor with it.
    The interval is bootstrapped over scenes of the known pictures: it says how much depends on which pictures are
    known, and nothing about other pictures like the new one. Put the untrained encoder's beside it: a random image
    tower is pulled by colours already. Not comparable across label styles: a model of captions that name the context is
    supposed to sort by it.

    Args:
        z: embeddings of new pictures, unit vectors, (m, E).
        own: object and context of each new picture: what somebody says, or `nearest_group`; m pairs.
        known: embeddings of known pictures that the model was not trained on, unit vectors, (n, E).
        objects, contexts, scenes: of the known pictures, (n,).
        grouping: the objects and contexts.

    Raises:
        ValueError: when a new picture is said to show something else, or one of the two groups has no known picture.
    """
    if len(own) != len(z):
        raise ValueError("Each new picture needs an object and a context that it is compared for.")
    similar = np.asarray(z, dtype=np.float64) @ np.asarray(known, dtype=np.float64).T  # (m, n)
    scene, found = np.asarray(scenes), []
    for cosines, (obj, context) in zip(similar, own, strict=True):
        other_object, other_context = _other(obj, grouping.objects), _other(context, grouping.contexts)
        same_object = _members(objects, contexts, obj, other_context)
        same_context = _members(objects, contexts, other_object, context)
        by_object, by_context = float(cosines[same_object].mean()), float(cosines[same_context].mean())
        balance = _difference(cosines, same_object, same_context, scene)
        found.append(ShortcutAttraction(str(obj), str(context), by_object, by_context, balance))
    return found


def _other(name: str, names: tuple[str, str]) -> str:
    if name not in names:
        raise ValueError(f"A new picture is compared as {names[0]} or {names[1]}, not as {name!r}.")
    return names[1] if name == names[0] else names[0]


def _members(objects: ArrayLike, contexts: ArrayLike, obj: str, context: str) -> NDArray[np.bool_]:
    member = (np.asarray(objects) == obj) & (np.asarray(contexts) == context)
    if not member.any():
        raise ValueError(f"No known picture shows {obj} in {context}, so nothing is compared with it.")
    return np.asarray(member)


def _difference(
    cosines: NDArray[np.float64], first: NDArray[np.bool_], second: NDArray[np.bool_], scenes: Labels
) -> Estimate:
    """Mean cosine to the first pictures minus that to the second, with a bootstrap interval over scenes of both."""
    here = first | second
    values, first, second = cosines[here], first[here], second[here]

    def statistic(weights: NDArray[np.float64]) -> float | None:
        if weights[first].sum() == 0 or weights[second].sum() == 0:
            return None
        same_object, same_context = (np.average(values[part], weights=weights[part]) for part in (first, second))
        return float(same_object - same_context)

    return bootstrap(statistic, scenes[here])


@dataclass(frozen=True)
class Novelty:
    """How near a new picture is to what a model was trained on.

    Attributes:
        row: the nearest training picture.
        similarity: cosine to it.
        share: share of held-out pictures that are at least that far from their own nearest training picture.
        seen: similarity of the held-out picture that is farthest from its own.
    """

    row: int
    similarity: float
    share: Estimate
    seen: float

    @property
    def unlike_anything(self) -> bool:
        """Whether it is farther from the training pictures than every held-out picture is."""
        return self.similarity < self.seen

    @property
    def rare(self) -> bool:
        """Whether fewer than 1 % of the held-out pictures are at least that far; of fewer than 100, that is none."""
        return self.share.value < RARE


def novelty(z: Embeddings, train: Embeddings, held_out: Embeddings, scenes: ArrayLike) -> list[Novelty]:
    """How near new pictures are to a model's training pictures, judged by held-out ones of the same kind; one each.

    ``s = max_i cos(z, train_i)``, and the share of held-out pictures whose own ``max_i cos`` is at most s. A large
    share says that held-out pictures are as far, not that the model knows the picture: a trained model puts all
    pictures into its few clusters, and found a black square and plain noise no newer than a fifth of the held-out
    pictures, where its untrained encoder found both farther than every one. So ask both spaces, and believe the
    untrained encoder's answer to "is it unlike anything", the trained one's to "does the model take it for something".

    Args:
        z: embeddings of new pictures, unit vectors, (m, E).
        train: embeddings of training pictures, unit vectors, (n, E).
        held_out: embeddings of held-out pictures, unit vectors, (h, E).
        scenes: scene of each held-out picture, (h,).

    Raises:
        ValueError: when there is no training picture or no held-out one.
    """
    if len(train) == 0 or len(held_out) == 0:
        raise ValueError("What is new is judged by training pictures and held-out ones; some of each are needed.")
    rows, similarities = nearest(z, train, 1)
    own = nearest(held_out, train, 1)[1][:, 0].round(DIGITS)
    return [
        Novelty(int(row), float(similarity), rate(own <= similarity, scenes), float(own.min()))
        for row, similarity in zip(rows[:, 0], similarities[:, 0].round(DIGITS), strict=True)
    ]
