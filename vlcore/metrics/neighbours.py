"""Nearest neighbours by cosine, with one rule for ties.

Cosines are rounded to 12 digits, because equal images differ in the last bits. Of equally near
embeddings the first comes first. Rounded cosines are what all callers see, so the order and the
numbers agree.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.metrics.estimate import Embeddings

Floats = NDArray[np.float64]
Rows = NDArray[np.integer[Any]]

DIGITS = 12
_BLOCK = 8_192  # known embeddings that are copied in double precision at a time
_CELLS = 5_000_000  # cosines that are ranked at a time


def nearest(
    z: Embeddings, known: Embeddings, k: int, apart_from: Rows | None = None
) -> tuple[NDArray[np.int64], Floats]:
    """Find the k known embeddings that are nearest to each embedding, nearest first.

    Args:
        z: Embeddings of any length, (m, E).
        known: Embeddings of any length, (n, E).
        k: How many; at most all known ones are found.
        apart_from: For each embedding the known one that does not count, (m,), such as itself.

    Returns:
        Their numbers and their cosines, (m, k) each.
    """
    k = min(k, len(known) - (apart_from is not None))
    indices, values = np.empty((len(z), k), np.int64), np.empty((len(z), k))
    size = max(1, _CELLS // len(known))
    for start in range(0, len(z), size):
        rows = slice(start, start + size)
        similar = cosines(z[rows], known, None if apart_from is None else apart_from[rows])
        indices[rows] = _largest(similar, k)
        values[rows] = np.take_along_axis(similar, indices[rows], axis=1)
    return indices, values


def cosines(z: Embeddings, known: Embeddings, apart_from: Rows | None = None) -> Floats:
    """Return the rounded cosines of embeddings with known ones, (m, E) and (n, E) to (m, n);
    -inf with the known one that each is `apart_from`, (m,)."""
    similar = np.empty((len(z), len(known)))
    first = np.asarray(z, np.float64)
    first = first / _lengths(first)[:, None]
    for start in range(0, len(known), _BLOCK):
        block = slice(start, start + _BLOCK)
        second = np.asarray(known[block], np.float64)
        similar[:, block] = first @ second.T / _lengths(second)
    similar = similar.round(DIGITS)
    if apart_from is not None:
        similar[np.arange(len(z)), apart_from] = -np.inf
    return similar


def _lengths(z: Floats) -> Floats:
    """The length of each embedding, (n, E) to (n,)."""
    return np.asarray(np.sqrt(np.einsum("ne,ne->n", z, z)).clip(1e-12))


def _largest(values: Floats, k: int) -> NDArray[np.int64]:
    """The places of the k largest values of each row, (m, n) to (m, k), the largest first."""
    n = values.shape[1]
    if 2 * k > n:
        return np.argsort(-values, axis=1, kind="stable")[:, :k]
    least = np.partition(values, n - k, axis=1)[:, n - k]
    places = np.empty((len(values), k), np.int64)
    for row, line in enumerate(values):
        candidates = np.flatnonzero(line >= least[row])
        places[row] = candidates[np.argsort(-line[candidates], kind="stable")[:k]]
    return places
