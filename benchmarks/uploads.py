"""How far the Upload page can be trusted: novelty, what a prediction is said to rely on, and its
calibrated share.

python -m benchmarks.uploads [--scenes 50] [--images FOLDER] [--out docs/uploads.md]

Scenes are drawn that no set contains. FOLDER holds images named ``photos/<object>_<context>/*`` and
``renders3d/<object>_<context>/*``; only numbers of them are published. Models are those of seed 0
that are bundled or on the disk.

Of a drawn scene its counterfactual versions tell what a prediction relies on. Of other images that
is unknown, but where object and background disagree, as for a camel on grass, a correct prediction
follows the object, and a wrong one the background.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from scipy.special import softmax
from sklearn.metrics import roc_auc_score

from benchmarks import OutsideImage, head, outside_images, parse_options, row
from vlcore.api.models import Model, load
from vlcore.api.uploads import SURE, reliance_by_painting, temperature_of
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.data.drawn import SIZE, recipe_of
from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import GRIDS, STYLES_OF_THE_STUDY
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.options import TOWERS
from vlcore.experiment.wording import rate_words
from vlcore.metrics.estimate import rate
from vlcore.metrics.reliance import SIDE, PaintedImages, Reliance, by_twins
from vlcore.model.frozen_towers import open_tower
from vlcore.model.new_images import LOCATING_SIDE, TOWER, judge_of, novelties, painted_images
from vlcore.scenes import Scene, draw_scene, sample

HEAD = """# How far to trust the Upload page

Made by `python -m benchmarks.uploads --scenes 100 --images FOLDER --out docs/uploads.md`, with the models of seed 0 and
both label styles on `scenes`. Scenes are drawn for it and are in no set; the photographs (32) and the renders (96) were
not drawn here, and no model was trained on one. The rules were made on other scenes and on the same photographs and
renders.

**New** is an image whose five nearest images of the set, by centred features of the pretrained tower, are farther than
those of 95 % of the set's own images. So 5 % of held-out scenes should count as new. Rooms and streets nearly always
do, snow in about half of the scenes and a beach, which looks like a desert, rarely: an image that is not new may still
show what the set does not.

**What a prediction relies on**: a sample is drawn again with the other animal and on the other background (twins), a
cut-out stands on seven backgrounds. Of any other image the animal, and apart from that the background, is painted over
in nine ways: three regions by where a network reacts most, each in the mean colour, in a blur and in mirrored tiles of
what stays. A verdict needs all nine to agree. Right means: as the twins of a drawn scene say. Of photographs and
renders only those count where animal and background disagree, as of a camel on grass: a right prediction follows the
animal, a wrong one the background. For models from scratch the test is wrong too often, above all on images that were
not drawn, so that the page does not show it.

**A share** is the softmax of the scores after one temperature, fitted on validation images. It is calibrated for
images like these alone; the page calls a prediction not sure below 80 %, and that of a model which has only seen
drawings for any photograph. New is said of the image, beside the predictions, and is no reason to call one not sure:
nearly all photographs are new to a set of drawings, and pretrained towers name most of them right.
"""
FIRST = 40_000  # number of the first scene: the rules were made on others
FIRST_MIXED = FIRST + 5_000
ELSEWHERE = ("room", "street", "snow", "beach")
OTHER = {"horse": "camel", "camel": "horse", "grass": "desert", "desert": "grass"}
RELIANCE_COLUMNS = ("models", "images", "n", "says the object", "right", "says the background")
RELIANCE_COLUMNS += ("right", "says nothing")
SHARE_COLUMNS = ("models", "images", "n", "right", f"share of {SURE:.0%} or more", "of these right")
Outside = Mapping[str, list[OutsideImage]]  # by source


@dataclass(frozen=True, eq=False)
class UploadCase(OutsideImage):
    """An image of a source; of a drawn one also its twins, with the other object and on the other
    background."""

    source: str
    twins: tuple[Image.Image, ...] = ()


def main() -> None:
    optional = {"type": Path, "default": None}
    options = parse_options(__doc__, scenes=50, images=optional, out=optional)
    outside: Outside = {}
    if options.images is not None:
        outside = {name: outside_images(options.images / name) for name in ("photos", "renders3d")}
    novelty_lines = _novelty_lines(options.scenes, outside)
    lines = [HEAD, *novelty_lines, "", *_model_lines(options.scenes, outside)]
    text = "\n".join(lines)
    print(text)
    if options.out:
        options.out.write_text(f"{text}\n")


def _scenes(context: str, count: int) -> Iterator[Scene]:
    for number in range(count):
        yield sample(SCENES.objects[number % 2], context, split="demo", index=FIRST + number)


def _mixed_scenes(count: int) -> Iterator[Scene]:
    """Scenes of all groups in turn."""
    for number in range(count):
        yield sample(*SCENES.pairs[number % 4], split="demo", index=FIRST_MIXED + number)


def _draw(scene: Scene) -> Image.Image:
    return Image.fromarray(draw_scene(scene, SIZE).image)


def _novelty_lines(count: int, outside: Outside) -> list[str]:
    columns = {}
    for name in ("scenes", "balanced-cues"):
        image_set, recipe = open_set(name), recipe_of(name)
        judge = judge_of(image_set)
        assert judge is not None
        assert recipe is not None
        sources = {}
        for context in SCENES.contexts:
            scenes = map(recipe.apply, _scenes(context, 2 * count))
            sources[f"held-out scenes, {context}"] = [_draw(scene) for scene in scenes]
        for context in ELSEWHERE:
            sources[f"scenes, {context}"] = [_draw(scene) for scene in _scenes(context, count)]
        for source, images in outside.items():
            sources[source] = [image.image for image in images]
        columns[name] = {
            source: _share_of_new(
                [novelty.is_new for novelty in novelties(judge, image_set, images)]
            )
            for source, images in sources.items()
        }
    rows = [row(*cells) for cells in pd.DataFrame(columns).itertuples()]
    return ["## What counts as new", "", head("images", *columns), *rows]


def _share_of_new(is_new: list[bool]) -> str:
    share = rate(is_new, np.arange(len(is_new)))
    return f"{rate_words(share.as_dict())}, n = {share.n}"


def _model_lines(count: int, outside: Outside) -> list[str]:
    """Two tables: what a prediction relies on, and how often a sure one is correct."""
    models = list(_models())
    rows = []
    for case in _cases(count, outside):  # all models share the features of the latest image
        painted = painted_images(case.image)
        for name, model in models:
            rows.append({"models": name, "images": case.source, **_judge(case, painted, model)})
    table = pd.DataFrame(rows)
    lines = ["## What a prediction relies on", "", _mask_words(count), "", head(*RELIANCE_COLUMNS)]
    for names, cases in table.dropna(subset="truth").groupby(["models", "images"], sort=False):
        cells: list[object] = []
        for reliance in (Reliance.OBJECT, Reliance.BACKGROUND):
            is_named = cases["painted"] == reliance
            cells += [is_named.sum(), (is_named & (cases["truth"] == reliance)).sum()]
        unstable = (cases["painted"] == Reliance.UNSTABLE).mean()
        lines.append(row(*names, len(cases), *cells, f"{unstable:.0%}"))
    lines += ["", "## Calibrated shares", "", head(*SHARE_COLUMNS)]
    for names, cases in table.groupby(["models", "images"], sort=False):
        is_sure, is_correct = cases["sure"], cases["correct"]
        shares = (is_correct.mean(), is_sure.mean(), is_correct[is_sure].mean())
        lines.append(row(*names, len(cases), *(f"{share:.0%}" for share in shares)))
    return lines


def _models() -> Iterator[tuple[str, Model]]:
    """The models that are on the disk or bundled; both label styles share a name."""
    base = usual_condition(open_set("scenes"))
    for towers, bias, labels in product(TOWERS, GRIDS["paper"], STYLES_OF_THE_STUDY):
        condition = base.replace(bias=bias, labels=labels).with_towers(towers)
        if store.published(condition.key):
            yield f"{towers}, bias {bias:.0%}", load(condition.key)


def _cases(count: int, outside: Outside) -> Iterator[UploadCase]:
    for scene in _mixed_scenes(count):
        twins = (
            _draw(scene.replace(object=OTHER[scene.object])),
            _draw(scene.replace(context=OTHER[scene.context])),
        )
        yield UploadCase(scene.object, scene.context, _draw(scene), "drawn scenes", twins)
    for source, images in outside.items():
        for entry in images:
            yield UploadCase(entry.object, entry.context, entry.image, source)


def _judge(case: UploadCase, painted: PaintedImages, model: Model) -> dict[str, Any]:
    """Whether a prediction is sure and correct, and what it relies on: by painting, and in truth;
    None where that is not known."""
    scores = model.map.object_scores(
        SCENES.objects, model.loaded.embed_images([case.image, *case.twins])
    )
    assert scores is not None
    labels = [SCENES.objects[index] for index in scores.argmax(axis=1)]
    share = softmax(scores[0] / (temperature_of(model.map) or 1.0)).max()
    by_painting = reliance_by_painting(model.map, model.loaded, labels[0], painted, SCENES)
    truth: Reliance | None = None
    if case.twins:
        by_versions = by_twins(labels[0], labels[1], labels[2:])
        if by_versions in (Reliance.OBJECT, Reliance.BACKGROUND):
            truth = by_versions
    elif SCENES.group_of(case.object, case.context) in SCENES.minority:
        truth = Reliance.OBJECT if labels[0] == case.object else Reliance.BACKGROUND
    return {
        "painted": by_painting.on,
        "truth": truth,
        "sure": share >= SURE,
        "correct": labels[0] == case.object,
    }


def _mask_words(count: int) -> str:
    """How well the region of highest activity is the animal's, by true masks."""
    aucs, areas = [], []
    for scene in _mixed_scenes(count):
        drawing = draw_scene(scene, SIZE)
        mask = _resize(drawing.mask, Image.Resampling.BILINEAR) > 127
        image = _resize(drawing.image, Image.Resampling.BICUBIC)
        activity = open_tower(TOWER).activity([image], LOCATING_SIDE)[0]
        located = _resize(activity, Image.Resampling.BICUBIC)
        aucs.append(roc_auc_score(mask.ravel(), located.ravel()))
        areas.append(mask.mean())
    return (
        "A pixel of the animal has a higher activity than one of the background in"
        f" {np.mean(aucs):.1%} of pairs (n = {count} scenes; the animal covers"
        f" {np.mean(areas):.0%})."
    )


def _resize(pixels: np.ndarray, method: Image.Resampling) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), method))


if __name__ == "__main__":
    main()
