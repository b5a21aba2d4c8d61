"""Near-duplicates among pictures, so that none is trained on while its copy is tested on.

Two hashes that differ in at most four of 64 bits agree wholly in one of five bands of bits. So only pictures that share
a band are compared, and eight thousand take a moment instead of 32 million comparisons.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

NEAR = 4  # of 64 bits of a perceptual hash; as many as five bands find
_BANDS = ((0, 13), (13, 13), (26, 13), (39, 13), (52, 12))  # first bit, number of bits
_ONES = np.array([bin(number).count("1") for number in range(2**16)], dtype=np.uint8)


def perceptual_hash(image: Image.Image) -> int:
    """The 64-bit perceptual hash (pHash) of a picture: signs of the low frequencies of its cosine transform."""
    import imagehash

    bits = imagehash.phash(image).hash.ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def near_pairs(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """All pairs of different hashes that differ in at most `NEAR` bits.

    Args:
        hashes: (n,), each hash once.

    Returns:
        Places in `hashes`, (pairs, 2), the smaller first, in order.
    """
    found = [np.empty((0, 2), dtype=np.int64)]
    for first, bits in _BANDS:
        bands = (hashes >> np.uint64(first)) & np.uint64(2**bits - 1)
        order = np.argsort(bands, kind="stable")
        starts = np.flatnonzero(np.diff(bands[order])) + 1
        for members in np.split(order, starts):
            for at in range(len(members) - 1):
                others = members[at + 1 :]
                different = _ONES[(hashes[others] ^ hashes[members[at]]).view(np.uint16)].reshape(-1, 4)
                close = others[different.sum(axis=1, dtype=np.int64) <= NEAR]
                found.append(np.column_stack([np.full(len(close), members[at]), close]))
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def clusters(hashes: Sequence[int], ids: Sequence[str]) -> NDArray[np.int64]:
    """Number of the cluster of each picture, (n,), counted from 0 in the order of the pictures.

    Pictures whose hashes are near, or that have the same `id` (other than an empty one), are in one cluster, and so
    is what is linked by others.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    distinct, first, hash_of = np.unique(np.array(hashes, dtype=np.uint64), return_index=True, return_inverse=True)
    of_id: dict[str, int] = {}
    links = [(picture, int(first[number])) for picture, number in enumerate(hash_of)]
    links += [(picture, of_id.setdefault(name, picture)) for picture, name in enumerate(ids) if name]
    edges = np.concatenate([np.array(links, dtype=np.int64).reshape(-1, 2), first[near_pairs(distinct)]])
    n = len(hash_of)
    graph = coo_array((np.ones(len(edges), dtype=np.int8), (edges[:, 0], edges[:, 1])), shape=(n, n))
    _, labels = connected_components(graph, directed=False)
    _, firsts, numbers = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(firsts))[numbers]
