"""Write the files that are bundled with the repository, from models that are on the disk.

Each drawn image set gets the models of the study's grid and of the lessons, on both pairs of
towers, its shortcut check, the atlases that Home plays, the small images of maps, and the features
of all images under the pretrained tower. A set that comes packed gets the features, the shortcut
check, and of the models the four experiments and the untrained encoder, on both pairs of towers:
its own files are small, and Home plays no atlas of it.

export VLCORE_SHIPPED=/nowhere  # else models that are bundled already would be packed again
# first, as pretrained models are trained on them:
python -m tools.ship --features [--sets NAME ...]
for data in scenes balanced-cues; do
  python -m vlcore study paper --data $data --seeds 1
  python -m vlcore study paper --data $data --seeds 1 --set architecture=pretrained --set text=words
  python -m vlcore train --data $data --set steps=0
  python -m vlcore train --data $data --set steps=0 --set architecture=pretrained --set text=words
  python -m vlcore train --data $data --set negatives=none
  python -m vlcore data check $data
done
for towers in "" "--set architecture=pretrained --set text=words"; do
  python -m vlcore study experiments --data renders --seeds 1 $towers
  python -m vlcore train --data renders --set steps=0 $towers
done
python -m vlcore data check renders
python -m tools.ship [--out .] [--fresh] [--sets scenes balanced-cues renders]

Nothing is trained here. Models that are bundled already stay as they are unless `--fresh` is given.
The models and checks go to models/shipped, the atlases, at most 1.5 MB each, to static, the small
images and features (at most 9 MB) to vlcore/data."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from benchmarks import FLAG, parse_options, print_table
from tools.atlas import atlas
from vlcore.api import audit
from vlcore.api.training import parts_of
from vlcore.artifacts import bundled, store
from vlcore.classroom.lessons import lessons
from vlcore.data.catalogue import BUILT_IN_SETS, open_set
from vlcore.data.drawn import folder_name
from vlcore.data.feature_store import bundle_name
from vlcore.data.imageset import ImageSet
from vlcore.data.packed import PACKED
from vlcore.data.subset import map_rows, training_rows, usual_condition
from vlcore.data.training_set import training_sets
from vlcore.experiment.condition import GRIDS, STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.options import RANDOM, TOWERS
from vlcore.experiment.progress import silent
from vlcore.metrics.shortcuts import reduced_spaces
from vlcore.model.image_features import feature_store
from vlcore.model.views import Views
from vlcore.plots.thumbnails import thumb
from vlcore.study import plans
from vlcore.web.home.animation import file_name

COMPONENTS = 128  # of the features that are bundled
DATA = Path("vlcore", "data")


def main() -> None:
    sets = {"nargs": "+", "choices": BUILT_IN_SETS, "default": [*BUILT_IN_SETS]}
    options = parse_options(__doc__, out=Path(), features=FLAG, fresh=FLAG, sets=sets)
    sizes = dict.fromkeys(("features", "models", "atlases", "small images"), 0)
    for name in options.sets:
        images = open_set(name)
        usual = usual_condition(images)
        if options.features:
            sizes["features"] += _write_features(usual, images, options.out)
            continue
        for key in _bundled_keys(usual, images):
            file = options.out / "models" / "shipped" / f"{key}.zip"
            if options.fresh or not file.is_file():
                artifact = store.read(key)
                _zip(
                    file,
                    bundled.bundled_contents(artifact.path, artifact.manifest),
                    zipfile.ZIP_LZMA,
                )
            sizes["models"] += file.stat().st_size
        if name in PACKED:
            continue
        rows = [*map_rows(images).tolist(), *training_rows(images, usual).tolist()]
        images.ensure_rendered(rows, silent)
        thumbnails = {f"{number}.webp": thumb(images.image(number)) for number in rows}
        file = options.out / DATA / "small" / f"{folder_name(name)}.zip"
        sizes["small images"] += _zip(file, thumbnails, zipfile.ZIP_STORED)
        for towers in TOWERS:
            file = options.out / "static" / file_name(name, towers)
            sizes["atlases"] += _write_atlas(usual.with_towers(towers), images, file)
    rows = [(part, f"{size / 1000:,.0f}") for part, size in sizes.items()]
    print_table(("what is bundled", "kB"), rows)


def _bundled_keys(usual: Condition, images: ImageSet) -> list[str]:
    """Keys of what is bundled for an image set.

    Of each set its shortcut check, and of both pairs of towers the study's experiments and the
    untrained encoder; of a drawn set also the whole grid from scratch, and the lessons.
    """
    pretrained = usual.with_towers("pretrained")
    conditions = [usual.untrained, pretrained.untrained]
    conditions += plans.find("experiments", pretrained).conditions
    grid = "experiments" if images.name in PACKED else "paper"
    conditions += plans.find(grid, usual).conditions
    taught = {} if images.name in PACKED else lessons(usual, images.grouping)
    for lesson in taught.values():
        for step in lesson.steps:
            conditions += [step.left, step.right]
    checks = audit.checks_key(images.name, images.version)
    return sorted({checks, *(condition.key for condition in conditions)})


def _write_atlas(usual: Condition, images: ImageSet, file: Path) -> int:
    """Write the atlas of a pair of towers; its size in bytes."""
    levels = [
        [usual.replace(bias=bias).with_labels(style) for style in STYLES_OF_THE_STUDY]
        for bias in GRIDS["paper"]
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    return file.write_text(json.dumps(atlas(levels, images), separators=(",", ":")) + "\n")


def _write_features(usual: Condition, images: ImageSet, out: Path) -> int:
    """Write the features of a set under the pretrained tower, as principal components: all rows,
    the composite images, and what measures need of the pixels; returns the size of the file."""
    condition = usual.with_towers("pretrained")
    training = training_sets(parts_of(condition), condition)[0]
    feature_cache = feature_store(training.images, condition.frozen_tower)
    feature_cache.bundle = None  # computed anew, not read from the bundle that is replaced
    views = Views(training, features=feature_cache)
    rows = feature_cache.rows(np.arange(len(training.images.table)))
    assert views.panel is not None
    principal = PCA(COMPONENTS, svd_solver="covariance_eigh")
    principal.fit(np.concatenate([rows, *views.panel.values()], dtype=np.float64))

    def coefficients(features: NDArray[np.float32]) -> NDArray[np.float16]:
        return principal.transform(features.astype(np.float64)).astype(np.float16)

    pixels = views.pixel_space
    assert pixels is not None
    control = feature_store(training.images, f"{condition.frozen_tower}{RANDOM}")
    random = reduced_spaces(control.rows(views.rows["test"]), control.rows(views.rows["probe"]))
    arrays = {
        "centre": principal.mean_.astype(np.float16),
        "components": principal.components_.astype(np.float16),
        "rows": coefficients(rows),
        **{f"panel_{kind}": coefficients(features) for kind, features in views.panel.items()},
        **{f"pixel_{name}": array.astype(np.float32) for name, array in pixels.items()},
        **{f"random_{name}": array.astype(np.float16) for name, array in random.items()},
    }
    file = out / DATA / "bundled" / bundle_name(images, feature_cache.spec)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(file, **arrays)
    return file.stat().st_size


def _zip(path: Path, files: Mapping[str, bytes], method: int) -> int:
    """Write an archive whose bytes depend on its files alone; returns its size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path.stat().st_size


if __name__ == "__main__":
    main()
