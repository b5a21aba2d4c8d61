"""How far the Upload page can be trusted: what counts as new, what a prediction is said to rely on,
and its share.

python -m benchmarks.uploads [--scenes 50] [--images FOLDER] [--out docs/uploads.md]

Scenes are drawn that no set contains. FOLDER holds images named ``photos/<object>_<context>/*`` and
``renders3d/<object>_<context>/*``; only numbers of them are published. Models are those of seed 0
that are bundled or on the disk.

For a drawn scene its twins say what a prediction relies on. For other images nobody knows, but
where object and background disagree, as of a camel on grass, a right prediction follows the object,
and a wrong one the background.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.special import softmax

from benchmarks import head, options, row
from vlcore.api.model_map import ModelMap, model_map, object_scores_of
from vlcore.api.uploads import SURE, answer_margin, temperature_of
from vlcore.artifacts import artifact
from vlcore.data.catalogue import open_set
from vlcore.data.drawn import SIZE, recipe_of
from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import GRIDS, STYLES_OF_THE_STUDY
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.options import TOWERS
from vlcore.experiment.wording import rate as in_words
from vlcore.metrics.estimate import rate
from vlcore.metrics.reliance import SIDE, PaintedImages, Reliance, by_painting, by_twins
from vlcore.model.frozen_towers import open_tower
from vlcore.model.load import Loaded, load
from vlcore.model.novelty import judge_of, novelties
from vlcore.model.reliance import LOOKED_AT, TOWER, painted_images
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
FIRST = 40_000  # number of the first scene: others were looked at while the rules were made
ELSEWHERE = ("room", "street", "snow", "beach")
Outside = dict[str, list[tuple[str, str, Image.Image]]]  # object, context and image, by source
OTHER = {"horse": "camel", "camel": "horse", "grass": "desert", "desert": "grass"}


@dataclass(frozen=True, eq=False)
class Case:
    """An image with its painted versions, and the twins of a drawn one."""

    source: str
    object: str
    context: str
    picture: Image.Image
    painted: PaintedImages
    twins: tuple[Image.Image, ...]  # with the other object, on the other background

    @property
    def is_minority(self) -> bool:
        return SCENES.group_of(self.object, self.context) in SCENES.minority


def main() -> None:
    images = {"type": Path, "default": None}
    out = {"type": Path, "default": None}
    asked = options(__doc__, scenes=50, images=images, out=out)
    outside = (
        {}
        if asked.images is None
        else {name: _files(asked.images / name) for name in ("photos", "renders3d")}
    )
    lines = [HEAD, *_novelty_lines(asked.scenes, outside), "", *_model_lines(asked.scenes, outside)]
    print("\n".join(lines))
    if asked.out:
        asked.out.write_text("\n".join(lines) + "\n")


def _files(folder: Path) -> list[tuple[str, str, Image.Image]]:
    """Object, context and image of each file."""
    known = []
    for file in sorted(folder.glob("*_*/*")):
        shows, _, context = file.parent.name.partition("_")
        known.append((shows, context, Image.open(file).convert("RGB")))
    return known


def _scenes(context: str, count: int) -> Iterator[Scene]:
    for number in range(count):
        yield sample(SCENES.objects[number % 2], context, split="demo", index=FIRST + number)


def _novelty_lines(count: int, outside: Outside) -> list[str]:
    lines = ["## What counts as new", "", head("images", "scenes", "balanced-cues")]
    cells: dict[str, list[str]] = {}
    for name in ("scenes", "balanced-cues"):
        images, recipe = open_set(name), recipe_of(name)
        judge = judge_of(images)
        assert judge is not None
        assert recipe is not None
        sources = {
            f"held-out scenes, {context}": [
                recipe.apply(one) for one in _scenes(context, 2 * count)
            ]
            for context in SCENES.contexts
        }
        sources |= {f"scenes, {context}": list(_scenes(context, count)) for context in ELSEWHERE}
        pictures = {
            source: [_picture(scene) for scene in scenes] for source, scenes in sources.items()
        }
        pictures |= {source: [one for *_, one in known] for source, known in outside.items()}
        for source, of_source in pictures.items():
            is_new = [one.is_new for one in novelties(judge, images, of_source)]
            estimate = rate(is_new, np.arange(len(is_new)))
            cells.setdefault(source, []).append(
                f"{in_words(estimate.as_dict())}, n = {len(is_new)}"
            )
    return [*lines, *(row(source, *of_sets) for source, of_sets in cells.items())]


def _picture(scene: Scene) -> Image.Image:
    return Image.fromarray(draw(scene, SIZE).image)


def _model_lines(count: int, outside: Outside) -> list[str]:
    """Two tables: what a prediction relies on, and how often a sure one is right."""
    models = list(_models())
    verdicts: dict[tuple[str, str], list[tuple[Reliance, Reliance]]] = {}
    shares: dict[tuple[str, str], list[tuple[bool, bool]]] = {}
    for case in _cases(
        count, outside
    ):  # image by image: all models share the features of the latest
        for name, model, loaded in models:
            truth, said = _verdict(case, model, loaded)
            if truth is not None:
                verdicts.setdefault((name, case.source), []).append((said, truth))
            shares.setdefault((name, case.source), []).append(_sure_and_right(case, model, loaded))
    columns = (
        "models",
        "images",
        "n",
        "says the object",
        "right",
        "says the background",
        "right",
        "says nothing",
    )
    lines = ["## What a prediction relies on", "", _mask_words(count), "", head(*columns)]
    lines += [row(*names, len(found), *_agreement(found)) for names, found in verdicts.items()]
    sure = f"share of {SURE:.0%} or more"
    lines += [
        "",
        "## Calibrated shares",
        "",
        head("models", "images", "n", "right", sure, "of these right"),
    ]
    for names, answers in shares.items():
        is_sure, is_right = np.array(answers).T
        cells = (
            is_right.mean(),
            is_sure.mean(),
            is_right[is_sure].mean() if is_sure.any() else np.nan,
        )
        lines.append(row(*names, len(answers), *(f"{cell:.0%}" for cell in cells)))
    return lines


def _sure_and_right(case: Case, model: ModelMap, loaded: Loaded) -> tuple[bool, bool]:
    scores = object_scores_of(model, loaded.embed_pictures([case.picture]), SCENES)
    assert scores is not None
    shares = softmax(scores[0] / (temperature_of(model) or 1.0))
    return bool(shares.max() >= SURE), SCENES.objects[shares.argmax()] == case.object


def _models() -> Iterator[tuple[str, ModelMap, Loaded]]:
    """Pairs of towers and bias in words, with both models of each that are on the disk or
    bundled."""
    base = usual_condition(open_set("scenes"))
    for towers, bias, labels in product(TOWERS, GRIDS["paper"], STYLES_OF_THE_STUDY):
        condition = base.replace(bias=bias, labels=labels).with_towers(towers)
        if artifact.published(condition.key):
            artefact = artifact.read(condition.key)
            yield f"{towers}, bias {bias:.0%}", model_map(artefact), load(artefact)


def _cases(count: int, outside: Outside) -> Iterator[Case]:
    yield from _drawn_cases(count)
    for source, known in outside.items():
        for shows, context, picture in known:
            yield Case(source, shows, context, picture, painted_images(picture), ())


def _mixed(count: int) -> Iterator[Scene]:
    """Scenes of all groups in turn."""
    for number in range(count):
        shows, context = SCENES.pairs[number % 4]
        yield sample(shows, context, split="demo", index=FIRST + 5_000 + number)


def _drawn_cases(count: int) -> Iterator[Case]:
    for scene in _mixed(count):
        twins = (
            scene.replace(object=OTHER[scene.object]),
            scene.replace(context=OTHER[scene.context]),
        )
        picture = _picture(scene)
        yield Case(
            "drawn scenes",
            scene.object,
            scene.context,
            picture,
            painted_images(picture),
            tuple(map(_picture, twins)),
        )


def _verdict(case: Case, model: ModelMap, loaded: Loaded) -> tuple[Reliance | None, Reliance]:
    """What a prediction relies on by what is known, None where that decides nothing, and by
    painting."""
    first = answer_margin(
        model, loaded.embed_pictures([case.picture, *case.twins]), SCENES, SCENES.objects[0]
    )
    labels = [SCENES.objects[0] if margin > 0 else SCENES.objects[1] for margin in first]
    versions = [*map(Image.fromarray, (*case.painted.object_alone, *case.painted.background_alone))]
    margins = answer_margin(model, loaded.embed_pictures(versions), SCENES, labels[0])
    said = by_painting(*np.split(margins, 2))
    if case.twins:
        truth = by_twins(labels[0], labels[1], labels[2:])
        return (truth if truth in (Reliance.OBJECT, Reliance.BACKGROUND) else None), said
    if not case.is_minority:
        return None, said
    return (Reliance.OBJECT if labels[0] == case.object else Reliance.BACKGROUND), said


def _agreement(found: Sequence[tuple[Reliance, Reliance]]) -> list[str]:
    counts = Counter(found)
    cells = []
    for said in (Reliance.OBJECT, Reliance.BACKGROUND):
        every = sum(number for (one, _), number in counts.items() if one is said)
        cells += [str(every), str(counts[said, said])]
    silent = sum(number for (one, _), number in counts.items() if one is Reliance.UNSTABLE)
    return [*cells, f"{silent / len(found):.0%}"]


def _mask_words(count: int) -> str:
    """How well the region where the network reacts most is the animal's, by true masks."""
    inside, areas = [], []
    for scene in _mixed(count):
        drawing = draw(scene, SIZE)
        large = np.asarray(
            Image.fromarray(drawing.image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        )
        mask = _resized(drawing.mask) > 127
        activity = open_tower(TOWER).activity([large], LOOKED_AT)[0]
        located = np.asarray(
            Image.fromarray(activity).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        )
        inside.append(_auc(located, mask))
        areas.append(mask.mean())
    words = "A pixel of the animal has a higher activity than one of the background in"
    return (
        f"{words} {np.mean(inside):.1%} of pairs (n = {count} scenes; the animal covers"
        f" {np.mean(areas):.0%})."
    )


def _resized(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(mask).resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def _auc(located: NDArray[np.floating], mask: NDArray[np.bool_]) -> float:
    ranks = located.ravel().argsort().argsort()
    on, off = int(mask.sum()), int((~mask).sum())
    return float((ranks[mask.ravel()].sum() - on * (on - 1) / 2) / (on * off))


if __name__ == "__main__":
    main()
