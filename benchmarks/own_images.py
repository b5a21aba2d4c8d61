"""Imported images, from the click on Import to two maps: import, training on the pretrained towers,
comparison.

python -m benchmarks.own_images --images FOLDER [--per-group 200] [--workers 2]

FOLDER holds a folder ``<object>_<context>`` a group. Where a group has too few images, random crops
of them are added. The workers are warm, as those of a server are after its first job; nothing of
the set is known before. It prints seconds beside the aim, and those of the features alone.
"""

import time
from pathlib import Path

import numpy as np
from PIL import Image

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
    options = parse_options(__doc__, images=images, per_group=200, workers=2)
    workers = range(options.workers)
    with fresh_home() as home:
        count = _write_images(options.images, home / "source", options.per_group)
        with worker_pool(options.workers) as pool:
            list(pool.map(_warm_up, workers))
            times = [time.perf_counter()]
            import_set(home / "source", NAME)
            times.append(time.perf_counter())
            usual = usual_condition(open_set(NAME)).with_towers("pretrained")
            biased = usual.replace(bias=STUDY_BIAS)
            conditions = [biased.with_labels(style) for style in STYLES_OF_THE_STUDY]
            outcomes = train_all(conditions, pool, lambda _key, _outcome: None)
            assert set(outcomes.values()) == {"trained"}, outcomes
            times.append(time.perf_counter())
            maps = [model_map(store.read(condition.key)) for condition in conditions]
            compare_maps(maps, open_set(NAME), draw_thumbs)
            times.append(time.perf_counter())
            list(pool.map(_compute_features, [(number, options.workers) for number in workers]))
            feature_seconds = time.perf_counter() - times[-1]
    imported, trained, compared = np.diff(times)
    print_aims(
        [
            (f"import of {count} images, s", imported, None),
            ("features and two trainings, s", trained, None),
            ("two maps, s", compared, None),
            ("from the click to both maps, s", times[-1] - times[0], AIM),
            (
                f"features alone, of 1,000 images (of {count} measured), s",
                feature_seconds * 1000 / count,
                AIM_FEATURES,
            ),
        ]
    )


def _write_images(folder: Path, source: Path, per_group: int) -> int:
    """Write `per_group` images of each group of a folder: its own, then random crops of them;
    returns the number of all."""
    random = np.random.default_rng(0)
    count = 0
    for group in sorted(folder.glob("*_*/")):
        files = sorted(group.iterdir())
        target = source.joinpath(*group.name.split("_", 1))
        target.mkdir(parents=True)
        for number in range(per_group):
            image = Image.open(files[number % len(files)]).convert("RGB")
            if number >= len(files):
                image = _random_crop(image, random)
            image.save(target / f"{number:04d}.jpg", quality=90)
            count += 1
    return count


def _random_crop(image: Image.Image, random: np.random.Generator) -> Image.Image:
    share = random.uniform(0.6, 0.9)
    width, height = (int(side * share) for side in image.size)
    left = random.integers(image.width - width + 1)
    top = random.integers(image.height - height + 1)
    return image.crop((left, top, left + width, top + height))


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
