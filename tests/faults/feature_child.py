"""A process that computes features of the set `noise`: `python -m tests.faults.feature_child FILE`.

It says ``ready`` and waits for a line. In each chunk it says how many images it has begun, and
waits for a line again while it holds the lock; where its input is closed it waits no more. In the
end it writes FILE, an ``.npz`` of all features and of the number of images that it computed."""

import sys
from collections.abc import Sequence

import numpy as np

from tests.data.test_feature_store import SPEC, computed
from vlcore.data import feature_store
from vlcore.data.catalogue import open_set

CHUNK = 4  # images


def main(target: str) -> None:
    feature_store.CHUNK = CHUNK
    images, count = open_set("noise"), 0

    def embed(chunk: Sequence[np.ndarray]) -> np.ndarray:
        nonlocal count
        count += len(chunk)
        print(count, flush=True)
        sys.stdin.readline()
        return computed(chunk)

    print("ready", flush=True)
    sys.stdin.readline()
    rows = np.arange(len(images.table))
    values = feature_store.FeatureStore(images, SPEC, lambda: embed).rows(rows)
    np.savez(target, values=values, count=count)


if __name__ == "__main__":
    main(sys.argv[1])
