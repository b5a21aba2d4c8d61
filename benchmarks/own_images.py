"""Imported images, from the click on Import to two maps: import, training on the pretrained towers,
comparison.

python -m benchmarks.own_images --images FOLDER [--workers 2]

FOLDER holds a folder ``<object>_<context>`` a group. The workers are warm, as those of a server are
after its first job; nothing of the set is known before. It prints seconds beside the aim, and those
of the features alone.
"""

import time
from pathlib import Path

import numpy as np

from benchmarks import fresh_home, parse_options, print_aims
from vlcore.api.compared_maps import compare_maps
from vlcore.api.model_map import model_map
from vlcore.api.small_images import draw_thumbs
from vlcore.api.training import prepare_worker, train_all
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.data.importers import import_set
from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import STUDY_BIAS, STYLES_OF_THE_STUDY
from vlcore.jobs.queue import worker_pool
from vlcore.model.image_features import feature_store

AIM = 30.0  # seconds from the click to both maps, up to 200 images a group
AIM_FEATURES = 30.0  # seconds of a thousand images, two cores
NAME = "own"


def main() -> None:
    images = {"type": Path, "required": True}
    options = parse_options(__doc__, images=images, workers=2)
    workers = range(options.workers)
    with fresh_home(), worker_pool(options.workers) as pool:
        list(pool.map(_warm_up, workers))
        times = [time.perf_counter()]
        import_set(options.images, NAME)
        imported = open_set(NAME)
        count = len(imported.table)
        times.append(time.perf_counter())
        biased = usual_condition(imported).with_towers("pretrained").replace(bias=STUDY_BIAS)
        conditions = [biased.with_labels(style) for style in STYLES_OF_THE_STUDY]
        outcomes = train_all(conditions, pool, lambda _key, _outcome: None)
        assert set(outcomes.values()) == {"trained"}, outcomes
        times.append(time.perf_counter())
        maps = [model_map(store.read(condition.key)) for condition in conditions]
        compare_maps(maps, imported, draw_thumbs)
        times.append(time.perf_counter())
        list(pool.map(_compute_features, [(number, options.workers) for number in workers]))
        times.append(time.perf_counter())
    importing, training, comparing, computing = np.diff(times)
    features = f"features alone, of 1,000 images (of {count} measured), s"
    print_aims(
        [
            (f"import of {count} images, s", importing, None),
            ("features and two trainings, s", training, None),
            ("two maps, s", comparing, None),
            ("from the click to both maps, s", times[3] - times[0], AIM),
            (features, computing * 1000 / count, AIM_FEATURES),
        ]
    )


def _warm_up(_number: int) -> None:
    """Import and open what the first job of a worker does, by a training on the scenes, whose
    features are bundled."""
    from vlcore.model import frozen_towers

    prepare_worker(usual_condition(open_set("scenes")).with_towers("pretrained"))
    frozen_towers.open_tower("pretrained")


def _compute_features(share: tuple[int, int]) -> None:
    """Compute a worker's share of the features of the set anew."""
    number, workers = share
    images = open_set(NAME)
    rows = range(number, len(images.table), workers)
    feature_store(images, "pretrained").of_images([images.image(row) for row in rows])


if __name__ == "__main__":
    main()
