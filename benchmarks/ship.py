"""What ships with the repository, from models that are on the disk: for each drawn image set the models of the study's
experiments and of the lessons, the atlas that Home plays, and the small pictures of their maps.

export VLCORE_SHIPPED=/nowhere  # else those that came with this version would be packed again
for data in scenes balanced-cues; do
    python -m vlcore study paper --data $data --seeds 1
    python -m vlcore train --data $data --set steps=0
    python -m vlcore train --data $data --set negatives=none
done
python -m benchmarks.ship [--out .]

Nothing is trained here. The models, at most 8 MB in all, go to models/shipped; the atlas, at most 1.5 MB, to static;
the pictures to vlcore/datasets/small."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks import head, options, row
from vlcore.charts.thumbnails import thumb
from vlcore.compare.atlas import atlas
from vlcore.core.condition import GRIDS, STYLES_OF_THE_STUDY
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.drawn import BUILT_IN, folder_name
from vlcore.datasets.imageset import silent
from vlcore.datasets.subset import map_rows, training_rows, usual_condition
from vlcore.lessons.script import lessons
from vlcore.store import artefacts, shipped
from vlcore.studies import plans


def main() -> None:
    out: Path = options(__doc__, out=Path()).out
    sizes = {"models": 0, "atlas": 0, "pictures": 0}
    for name in BUILT_IN:
        images = open_set(name)
        usual = usual_condition(images)
        wanted = {one.key for one in plans.find("experiments", usual).conditions}
        steps = [step for lesson in lessons(usual, images.grouping).values() for step in lesson.steps]
        for key in sorted(wanted.union(one.key for step in steps for one in (step.left, step.right))):
            found = artefacts.read(key)
            files = shipped.pack(found.path, found.manifest)
            sizes["models"] += _zip(out / "models" / "shipped" / f"{key}.zip", files, zipfile.ZIP_LZMA)
        rows = [*map_rows(images).tolist(), *training_rows(images, usual).tolist()]
        images.ensure_rendered(rows, silent)
        small = {f"{number}.webp": thumb(images.image(number)) for number in rows}
        where = Path("vlcore", "datasets", "small", f"{folder_name(name)}.zip")
        sizes["pictures"] += _zip(out / where, small, zipfile.ZIP_STORED)
        levels = [
            [usual.replace(bias=bias).with_labels(style) for style in STYLES_OF_THE_STUDY] for bias in GRIDS["paper"]
        ]
        file = out / "static" / f"atlas-{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        sizes["atlas"] += file.write_text(json.dumps(atlas(levels, images), separators=(",", ":")) + "\n")
    print(head("what ships", "kB"))
    for what, size in sizes.items():
        print(row(what, f"{size / 1000:,.0f}"))


def _zip(path: Path, files: Mapping[str, bytes], method: int) -> int:
    """Write an archive that is the same for the same files, whenever it is made; its size in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path.stat().st_size


if __name__ == "__main__":
    main()
