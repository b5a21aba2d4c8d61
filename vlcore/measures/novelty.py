"""Shortcut attraction and novelty of a new picture: what attracts it, and whether the model has seen its like.

A new picture has no truth to be right about, but neighbours whose object and context are known. Two groups share one
factor with it and differ in the other: they pull it to either side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlcore.core.grouping import Grouping
from vlcore.measures.estimate import Embeddings, Estimate, Labels, bootstrap, rate
from vlcore.measures.projection import nearest

RARE = 0.01  # share of held-out pictures below which a distance is rare; unlike anything has no constant
DIGITS = 6  # of a cosine of float32 embeddings; in more, equal pictures differ


@dataclass(frozen=True)
class ShortcutAttraction:
    """What attracts a picture more: the object or the context that it is compared for."""

    object: str
    context: str
    by_object: float  # mean cosine to pictures of the same object in the other context
    by_context: float  # mean cosine to pictures of the other object in the same context
    balance: Estimate  # the first minus the second, -2 to 2: above 0 the object pulls harder, below 0 the context


def nearest_group(
    z: Embeddings, known: Embeddings, objects: ArrayLike, contexts: ArrayLike, grouping: Grouping
) -> tuple[Labels, Labels]:
    """The object and the context of the group with the highest mean cosine to each new picture, (m,) each. What a
    picture is compared for where nobody says what it shows. It is the model's own opinion. Unit vectors of new
    pictures, (m, E), and of known ones, (n, E), with their labels; ValueError when a group has no known picture."""
    similar = np.asarray(z, dtype=np.float64) @ np.asarray(known, dtype=np.float64).T
    members = [_members(objects, contexts, *pair) for pair in grouping.pairs]
    best = np.stack([similar[:, member].mean(axis=1) for member in members], axis=1).argmax(axis=1)
    pairs = np.asarray(grouping.pairs)[best]  # (m, 2)
    return pairs[:, 0], pairs[:, 1]


def shortcut_attraction(
    z: Embeddings, own: Sequence[tuple[str, str]], known: Embeddings, objects: ArrayLike, contexts: ArrayLike,
    scenes: ArrayLike, grouping: Grouping,
) -> list[ShortcutAttraction]:  # fmt: skip
    """Whether new pictures are pulled by their object or by their context; one each.

    ``mean cos(z, known of (o, c')) - mean cos(z, known of (o', c))`` for a picture of object o in context c, with the
    other object o' and the other context c'. Its own group is in neither mean, so that each shares one factor with it.
    The interval is bootstrapped over scenes of the known pictures: it says how much depends on which pictures are
    known, and nothing about other pictures like the new one. Put the untrained encoder's beside it: a random image
    tower is pulled by colours already. Not comparable across label styles: a model of captions that name the context is
    supposed to sort by it.

    `own` is the object and context of each new picture: what somebody says, or `nearest_group`; known pictures are
    those that the model was not trained on, with their labels, (n,); embeddings are unit vectors, (m, E) and (n, E).
    ValueError when a new picture is said to show something else, or one of the two groups has no known picture."""
    if len(own) != len(z):
        raise ValueError("Each new picture needs an object and a context that it is compared for.")
    similar = np.asarray(z, dtype=np.float64) @ np.asarray(known, dtype=np.float64).T  # (m, n)
    scene, found = np.asarray(scenes), []
    for cosines, (obj, context) in zip(similar, own, strict=True):
        other_object, other_context = _other(obj, grouping.objects), _other(context, grouping.contexts)
        same_object = _members(objects, contexts, obj, other_context)
        same_context = _members(objects, contexts, other_object, context)
        by_object, by_context = float(cosines[same_object].mean()), float(cosines[same_context].mean())
        balance = _balance(cosines, (same_object, same_context), scene)
        found.append(ShortcutAttraction(str(obj), str(context), by_object, by_context, balance))
    return found


def _balance(
    cosines: NDArray[np.float64], sides: tuple[NDArray[np.bool_], NDArray[np.bool_]], scenes: Labels
) -> Estimate:
    """Mean cosine to the pictures of one side minus that to the other's, with an interval over scenes of both."""
    here = sides[0] | sides[1]

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        of_sides = [weights[:, side[here]] for side in sides]
        seen = np.stack([of.sum(axis=1) for of in of_sides])
        sums = np.stack([of @ cosines[side] for of, side in zip(of_sides, sides, strict=True)])
        one, other = sums / np.where(seen > 0, seen, np.nan)
        return np.asarray(one - other)

    return bootstrap(statistic, scenes[here])


def _other(name: str, names: tuple[str, str]) -> str:
    if name not in names:
        raise ValueError(f"A new picture is compared as {names[0]} or {names[1]}, not as {name!r}.")
    return names[1] if name == names[0] else names[0]


def _members(objects: ArrayLike, contexts: ArrayLike, obj: str, context: str) -> NDArray[np.bool_]:
    member = (np.asarray(objects) == obj) & (np.asarray(contexts) == context)
    if not member.any():
        raise ValueError(f"No known picture shows {obj} in {context}, so nothing is compared with it.")
    return np.asarray(member)


@dataclass(frozen=True)
class Novelty:
    """How near a new picture is to what a model was trained on."""

    row: int  # of the nearest training picture
    similarity: float  # cosine to it
    share: Estimate  # of held-out pictures that are at least that far from their own nearest training picture
    least_held_out: float  # similarity of the held-out picture that is farthest from its own: the threshold

    @property
    def unlike_anything(self) -> bool:
        """Whether it is farther from the training pictures than every held-out picture is."""
        return self.similarity < self.least_held_out

    @property
    def rare(self) -> bool:
        """Whether fewer than 1 % of the held-out pictures are at least that far; of fewer than 100, that is none."""
        return self.share.value < RARE


def novelty(z: Embeddings, train: Embeddings, held_out: Embeddings, scenes: ArrayLike) -> list[Novelty]:
    """How near new pictures are to a model's training pictures, judged by held-out ones of the same kind; one each.

    ``s = max_i cos(z, train_i)``, and the share of held-out pictures (the map's, 50 a group of `scenes`) whose own
    ``max_i cos`` is at most s; a picture is unlike anything where s is below all of these, and rare where the share is
    below 1 %. A large share says that held-out pictures are as far, not that the model knows the picture: a trained
    model puts all pictures into its few clusters, and found a black square and plain noise no newer than a fifth of the
    held-out pictures, where its untrained encoder found both farther than every one. So ask both spaces, and believe
    the untrained encoder's answer to "is it unlike anything", the trained one's to "does the model take it for
    something". Embeddings are unit vectors, (m, E), (n, E) and (h, E) with scenes (h,); ValueError when one of the last
    two is empty."""
    if len(train) == 0 or len(held_out) == 0:
        raise ValueError("What is new is judged by training pictures and held-out ones; some of each are needed.")
    rows, similarities = nearest(z, train, 1)
    own = nearest(held_out, train, 1)[1][:, 0].round(DIGITS)
    return [
        Novelty(int(row), float(similarity), rate(own <= similarity, scenes), float(own.min()))
        for row, similarity in zip(rows[:, 0], similarities[:, 0].round(DIGITS), strict=True)
    ]
