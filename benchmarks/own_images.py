"""Images of one's own, from the click on Import to two maps: imported, trained on the pretrained
towers, compared.

python -m benchmarks.own_images --images FOLDER [--per-group 200] [--workers 2]

FOLDER holds a folder ``<object>_<context>`` a group. Where a group has fewer images than asked for,
random crops of them stand in, so that the work is that of so many photographs. Two workers are
warm, as those of a server are after its first job; nothing of the set is known before. It prints
seconds beside the aim, and of the features alone.
"""

import os
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import head, options, row
from vlcore.api.compared_maps import compare_maps
from vlcore.api.model_map import model_map
from vlcore.api.small_images import draw_thumbs
from vlcore.api.training import prepare_worker, train_all
from vlcore.artifacts import artifact
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
    asked = options(__doc__, images={"type": Path, "required": True}, per_group=200, workers=2)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VLCORE_HOME"] = str(Path(folder, "home"))
        source = Path(folder, "source")
        images = _copies(asked.images, source, asked.per_group)
        with worker_pool(asked.workers) as pool:
            list(pool.map(_warm, range(asked.workers)))
            moments = [time.perf_counter()]
            import_set(source, NAME)
            moments.append(time.perf_counter())
            usual = (
                usual_condition(open_set(NAME)).with_towers("pretrained").replace(bias=STUDY_BIAS)
            )
            conditions = [usual.with_labels(style) for style in STYLES_OF_THE_STUDY]
            outcomes = train_all(conditions, pool, lambda _key, _outcome: None)
            moments.append(time.perf_counter())
            assert set(outcomes.values()) == {"trained"}, outcomes
            models = [model_map(artifact.read(condition.key)) for condition in conditions]
            compare_maps(models, open_set(NAME), draw_thumbs)
            moments.append(time.perf_counter())
            list(pool.map(_features, [(number, asked.workers) for number in range(asked.workers)]))
            features = time.perf_counter() - moments[-1]
    taken = np.diff(moments)
    print(head("what", "s", "aim", "ratio"))
    for what, seconds, aim in (
        (f"import of {images} images", taken[0], None),
        ("features and two trainings", taken[1], None),
        ("two maps", taken[2], None),
        ("from the click to both maps", taken.sum(), AIM),
        (
            f"features alone, of 1,000 images (of {images} measured)",
            features * 1000 / images,
            AIM_FEATURES,
        ),
    ):
        print(row(what, f"{seconds:.1f}", aim or "", f"{seconds / aim:.2f}" if aim else ""))


def _copies(folder: Path, source: Path, per_group: int) -> int:
    """Write so many images of each group to a folder: the given ones, then random crops of them;
    returns how many."""
    random = np.random.default_rng(0)
    count = 0
    for group in sorted(folder.glob("*_*/")):
        files = sorted(group.iterdir())
        target = source.joinpath(*group.name.split("_", 1))
        target.mkdir(parents=True)
        for number in range(per_group):
            image = Image.open(files[number % len(files)]).convert("RGB")
            if number >= len(files):
                share = random.uniform(0.6, 0.9)
                width, height = (int(side * share) for side in image.size)
                left, top = (
                    random.integers(image.width - width + 1),
                    random.integers(image.height - height + 1),
                )
                image = image.crop((left, top, left + width, top + height))
            image.save(target / f"{number:04d}.jpg", quality=90)
            count += 1
    return count


def _warm(_number: int) -> None:
    """What the first job of a worker imports and opens, by a training on the scenes that come with
    their features."""
    from vlcore.model import frozen_towers

    prepare_worker(usual_condition(open_set("scenes")).with_towers("pretrained"))
    frozen_towers.open_tower("pretrained")


def _features(share: tuple[int, int]) -> None:
    """Compute a share of the features of the set anew."""
    number, workers = share
    images = open_set(NAME)
    store = feature_store(images, "pretrained")
    rows = np.arange(len(images.table))[number::workers]
    store.of_images([images.image(int(each)) for each in rows])


if __name__ == "__main__":
    main()
