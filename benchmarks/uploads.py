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

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.special import softmax

from benchmarks import OutsideImage, head, outside_images, parse_options, row
from vlcore.api.model_map import ModelMap, model_map
from vlcore.api.uploads import SURE, answer_margin, temperature_of
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.data.drawn import SIZE, recipe_of
from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import GRIDS, STYLES_OF_THE_STUDY
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.options import TOWERS
from vlcore.experiment.wording import rate as rate_words
from vlcore.metrics.estimate import rate
from vlcore.metrics.reliance import SIDE, PaintedImages, Reliance, by_painting, by_twins
from vlcore.model.frozen_towers import open_tower
from vlcore.model.load import Loaded, load_model
from vlcore.model.novelty import judge_of, novelties
from vlcore.model.reliance import LOCATING_SIDE, TOWER, painted_images
from vlcore.scenes import Scene, draw, sample

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
class Case:
    """An image with its painted versions, and the counterfactual versions of a drawn one."""

    source: str
    object: str
    context: str
    image: Image.Image
    painted: PaintedImages
    twins: tuple[Image.Image, ...]  # with the other object, on the other background


@dataclass(frozen=True, eq=False)
class NamedModel:
    """A model that is on the disk or bundled; both label styles share a name."""

    name: str
    map: ModelMap
    loaded: Loaded


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
    return Image.fromarray(draw(scene, SIZE).image)


def _novelty_lines(count: int, outside: Outside) -> list[str]:
    cells: dict[str, list[str]] = defaultdict(list)  # by source
    for name in ("scenes", "balanced-cues"):
        image_set = open_set(name)
        recipe = recipe_of(name)
        judge = judge_of(image_set)
        assert judge is not None
        assert recipe is not None
        sources: dict[str, list[Image.Image]] = {}
        for context in SCENES.contexts:
            scenes = map(recipe.apply, _scenes(context, 2 * count))
            sources[f"held-out scenes, {context}"] = [_draw(scene) for scene in scenes]
        for context in ELSEWHERE:
            sources[f"scenes, {context}"] = [_draw(scene) for scene in _scenes(context, count)]
        for source, images in outside.items():
            sources[source] = [image.image for image in images]
        for source, images in sources.items():
            is_new = [novelty.is_new for novelty in novelties(judge, image_set, images)]
            estimate = rate(is_new, np.arange(len(is_new)))
            cells[source].append(f"{rate_words(estimate.as_dict())}, n = {len(is_new)}")
    rows = [row(source, *of_sets) for source, of_sets in cells.items()]
    return ["## What counts as new", "", head("images", "scenes", "balanced-cues"), *rows]


def _model_lines(count: int, outside: Outside) -> list[str]:
    """Two tables: what a prediction relies on, and how often a sure one is correct."""
    models = list(_models())
    reliances: dict[tuple[str, str], list[tuple[Reliance, Reliance]]] = {}  # by painting, true
    answers: dict[tuple[str, str], list[tuple[bool, bool]]] = {}  # whether sure, whether correct
    for case in _cases(count, outside):  # all models share the features of the latest image
        for model in models:
            names = (model.name, case.source)
            by_paint, truth = _reliance(case, model)
            if truth is not None:
                reliances.setdefault(names, []).append((by_paint, truth))
            answers.setdefault(names, []).append(_sure_and_correct(case, model))
    lines = ["## What a prediction relies on", "", _mask_words(count), "", head(*RELIANCE_COLUMNS)]
    lines += [row(*names, len(pairs), *_agreement(pairs)) for names, pairs in reliances.items()]
    lines += ["", "## Calibrated shares", "", head(*SHARE_COLUMNS)]
    for names, pairs in answers.items():
        is_sure, is_correct = np.array(pairs).T
        of_sure = is_correct[is_sure].mean() if is_sure.any() else np.nan
        shares = (is_correct.mean(), is_sure.mean(), of_sure)
        lines.append(row(*names, len(pairs), *(f"{share:.0%}" for share in shares)))
    return lines


def _sure_and_correct(case: Case, model: NamedModel) -> tuple[bool, bool]:
    scores = model.map.object_scores(SCENES.objects, model.loaded.embed_images([case.image]))
    assert scores is not None
    shares = softmax(scores[0] / (temperature_of(model.map) or 1.0))
    return bool(shares.max() >= SURE), SCENES.objects[shares.argmax()] == case.object


def _models() -> Iterator[NamedModel]:
    base = usual_condition(open_set("scenes"))
    for towers, bias, labels in product(TOWERS, GRIDS["paper"], STYLES_OF_THE_STUDY):
        condition = base.replace(bias=bias, labels=labels).with_towers(towers)
        if store.published(condition.key):
            artifact = store.read(condition.key)
            name = f"{towers}, bias {bias:.0%}"
            yield NamedModel(name, model_map(artifact), load_model(artifact))


def _cases(count: int, outside: Outside) -> Iterator[Case]:
    for scene in _mixed_scenes(count):
        image = _draw(scene)
        twins = (
            _draw(scene.replace(object=OTHER[scene.object])),
            _draw(scene.replace(context=OTHER[scene.context])),
        )
        painted = painted_images(image)
        yield Case("drawn scenes", scene.object, scene.context, image, painted, twins)
    for source, images in outside.items():
        for entry in images:
            painted = painted_images(entry.image)
            yield Case(source, entry.object, entry.context, entry.image, painted, ())


def _reliance(case: Case, model: NamedModel) -> tuple[Reliance, Reliance | None]:
    """What a prediction relies on by painting, and in truth; None where that is not known."""
    first_object = SCENES.objects[0]
    z = model.loaded.embed_images([case.image, *case.twins])
    labels = [
        SCENES.objects[0 if margin > 0 else 1]
        for margin in answer_margin(model.map, z, SCENES, first_object)
    ]
    painted = (*case.painted.object_alone, *case.painted.background_alone)
    painted_z = model.loaded.embed_images([Image.fromarray(pixels) for pixels in painted])
    margins = answer_margin(model.map, painted_z, SCENES, labels[0])
    by_paint = by_painting(*np.split(margins, 2))
    truth: Reliance | None = None
    if case.twins:
        by_versions = by_twins(labels[0], labels[1], labels[2:])
        if by_versions in (Reliance.OBJECT, Reliance.BACKGROUND):
            truth = by_versions
    elif SCENES.group_of(case.object, case.context) in SCENES.minority:
        truth = Reliance.OBJECT if labels[0] == case.object else Reliance.BACKGROUND
    return by_paint, truth


def _agreement(pairs: Sequence[tuple[Reliance, Reliance]]) -> list[str]:
    """Cells: how often painting names object and background, and how often that is the truth."""
    named = Counter(by_paint for by_paint, _ in pairs)
    cells = []
    for reliance in (Reliance.OBJECT, Reliance.BACKGROUND):
        cells += [str(named[reliance]), str(pairs.count((reliance, reliance)))]
    return [*cells, f"{named[Reliance.UNSTABLE] / len(pairs):.0%}"]


def _mask_words(count: int) -> str:
    """How well the region of highest activity is the animal's, by true masks."""
    aucs, areas = [], []
    for scene in _mixed_scenes(count):
        drawing = draw(scene, SIZE)
        mask = _resize(drawing.mask, Image.Resampling.BILINEAR) > 127
        image = _resize(drawing.image, Image.Resampling.BICUBIC)
        activity = open_tower(TOWER).activity([image], LOCATING_SIDE)[0]
        aucs.append(_auc(_resize(activity, Image.Resampling.BICUBIC), mask))
        areas.append(mask.mean())
    return (
        "A pixel of the animal has a higher activity than one of the background in"
        f" {np.mean(aucs):.1%} of pairs (n = {count} scenes; the animal covers"
        f" {np.mean(areas):.0%})."
    )


def _resize(pixels: np.ndarray, method: Image.Resampling) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), method))


def _auc(activity: np.ndarray, mask: NDArray[np.bool_]) -> float:
    ranks = activity.ravel().argsort().argsort()
    inside = int(mask.sum())
    outside = mask.size - inside
    rank_sum = ranks[mask.ravel()].sum() - inside * (inside - 1) / 2
    return float(rank_sum / (inside * outside))


if __name__ == "__main__":
    main()
