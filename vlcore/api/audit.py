"""Shortcut audit of an image set: is it fit to study bias with, and which shortcuts does it offer?

A cue that is easy to see is no fault. It is reported, because the outcome of a study depends on it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.artifacts import store
from vlcore.data import subset
from vlcore.data.catalogue import open_set
from vlcore.data.drawn import scene_of
from vlcore.data.imageset import ImageSet
from vlcore.experiment.files import write_json
from vlcore.experiment.progress import Progress, silent
from vlcore.experiment.wording import FEW, plural, points, rate_words
from vlcore.jobs import jobs
from vlcore.metrics import estimate, shortcuts
from vlcore.metrics.paired import ALPHA, holm
from vlcore.scenes import Drawing, draw_scene

QUESTIONS = 3  # of this version; when they change, sets are checked again
PER_GROUP = 100  # images that the probes look at
TWIN_SCENES = 12
SIZE = 64  # pixels
COMPARED = 200  # test images; of a drawn set, whose scenes are known, as many training images
MOST_COMPARED = 20_000  # training images of another set
BLOCK = 500  # training images at once
# Share of the usual difference between two images, below which they are one image twice.
SAME = 0.05
SIGNIFICANCE = 0.01
EASIER = "easier cue"  # the check that is the headline
# Views in which neither object nor background is hidden: the headline compares the two in each.
_OPEN_VIEWS = {"colour": "mean colour", "rim": "border", "pixels": "image at 16 x 16"}
# Whether a probe of a drawn set should be at chance; those of other views have no right answer.
_AT_CHANCE = {"place and object": True, "outline and object": False, "outline and context": True}


@dataclass(frozen=True)
class Check:
    """One question to an image set, and its answer.

    Attributes:
        name: of the question.
        ok: whether the answer is as it should be; None where there is no right one.
        sentence: the answer in words.
        number: where the answer is a rate: its `Estimate`, the ``view`` that a linear model got,
            and the ``label`` that it predicted.
    """

    name: str
    ok: bool | None
    sentence: str
    number: dict[str, Any] | None = None

    @property
    def words(self) -> str:
        """The name as people read it: ``border and object`` of ``rim and object``."""
        view, joint, label = self.name.partition(" and ")
        word = {"rim": "border", "place": "background"}.get(view, view)
        return f"{word}{joint}{label}"


def run_checks(images: ImageSet, progress: Progress = silent) -> list[Check]:
    """Put all questions that apply to an image set; missing images are drawn.

    Raises:
        ImageSetError: when an image cannot be read.
    """
    probed = balanced_rows(images)
    fold = subset.split_parts(images, data_seed=0)[0]  # a scene is never cut between folds
    most = COMPARED if images.about.get("recipe") else MOST_COMPARED
    train, test = _evenly_spaced(fold.rows("train"), most), _evenly_spaced(fold.rows("test"))
    needed = np.unique(np.concatenate([probed, train, test]))
    images.ensure_rendered(needed.tolist(), progress)
    checks = [_sample_size(images), *_factors(images), *_probes(images, probed), *_twins(images)]
    if len(train) and len(test):
        checks.append(_near_duplicates(fold, train, test))
    return checks


def _evenly_spaced(rows: NDArray[np.int64], most: int | None = None) -> NDArray[np.int64]:
    return rows[np.linspace(0, len(rows) - 1, min(most or COMPARED, len(rows))).astype(int)]


def checks_key(name: str, version: str) -> str:
    """Key of the artifact that holds the checks of an image set."""
    return f"{name}-{version}-q{QUESTIONS}.checks"


def make_checks(name: str, version: str) -> str:
    """Check an image set and publish the answers; returns and raises as `vlcore.jobs.jobs.run`."""

    def make(out: Path, report: jobs.Reporter) -> dict[str, Any]:
        def draw_progress(done: int, total: int) -> None:
            stage = "drawing images" if done < total else "checking the images"
            fraction = 0.6 * done / max(total, 1)
            report(stage=stage, done=done, of=total, fraction=fraction, now=done == total)

        checks = run_checks(open_set(name, version), draw_progress)
        write_json(out / "checks.json", {"checks": [asdict(check) for check in checks]})
        return {}

    return jobs.run(checks_key(name, version), make, title=f"shortcut check of {name}")


def read_checks(artifact: store.Artifact) -> list[Check]:
    """The checks that `make_checks` published."""
    return [Check(**check) for check in artifact.json("checks.json")["checks"]]


def easier_cue(checks: Sequence[Check]) -> tuple[str, str] | None:
    """Whether object or background is easier to see, and the numbers behind it; None without
    probes."""
    for check in checks:
        if check.name == EASIER:
            verdict, _, numbers = check.sentence.partition(". ")
            return f"{verdict}.", numbers
    return None


def balanced_rows(images: ImageSet) -> NDArray[np.int64]:
    """Rows of equally many images of each group, (n,); unrelated ones where there is a probe
    split."""
    groups = images.table["group"].to_numpy()
    splits = images.table["split"].to_numpy()
    eligible = np.ones(len(groups), bool)
    if "probe" in splits and images.about.get("recipe"):
        eligible = splits == "probe"
    members = [np.flatnonzero((groups == name) & eligible) for name in images.grouping.names]
    count = min(PER_GROUP, *(len(rows) for rows in members))
    random = np.random.default_rng(0)
    return np.sort(np.concatenate([random.permutation(rows)[:count] for rows in members]))


def _sample_size(images: ImageSet) -> Check:
    counts = images.counts().get("pool" if images.folds else "test", {})
    smallest = min(counts.values(), default=0)
    sentence = f"The smallest group has {plural(smallest, 'held-out image')}"
    if images.folds:
        sentence = (
            f"Small set: {images.folds} models are trained, each on another fold, so that each"
            f" image is held out once; the smallest group has {plural(smallest, 'image')}"
        )
    enough = smallest >= FEW
    warning = "" if enough else f"; numbers from fewer than {FEW} say little"
    return Check("held-out images", enough, f"{sentence}{warning}.")


def _factors(images: ImageSet) -> Iterator[Check]:
    """Are the factors of drawn images independent of object and context?"""
    if not images.about.get("recipe"):
        return
    table = images.table[images.table["split"] == "train"]
    scenes = [json.loads(text) for text in table["factors"]]
    factors = {name: np.array([scene[name] for scene in scenes]) for name in scenes[0]}
    for label in ("object", "context"):
        labels = table[label].to_numpy(str)
        associations = {
            name: shortcuts.cramers_v(values, labels)
            for name, values in factors.items()
            if name not in ("object", "context") and len(np.unique(values)) > 1
        }
        # V grows with the number of values, so the factor that is least likely by chance need not
        # have the largest.
        name = min(associations, key=lambda factor: associations[factor].p)
        association, count = associations[name], len(associations)
        sentence = (
            f"Of {count} other factors {name} is most clearly associated with the {label}:"
            f" Cramér's V is {association.v:.2f} in {association.n:,} images."
        )
        is_independent = association.p * count > SIGNIFICANCE  # Bonferroni
        yield Check(f"factors and {label}", is_independent, sentence)


def _probes(images: ImageSet, rows: NDArray[np.int64]) -> Iterator[Check]:
    """What does a linear model read off poor views of the images?"""
    table = images.table.iloc[rows]
    groups, scenes = table["group"].to_numpy(str), table["scene"].to_numpy(str)
    if len(np.unique(scenes)) < 4 * shortcuts.FOLDS:
        yield Check("probes", None, "Too few images for linear probes of shortcuts.")
        return
    pixels = images.pixels(rows, SIZE)
    views = {
        "colour": ("The mean colour of an image", shortcuts.mean_colour(pixels)),
        "rim": ("The border of an image (its outer eighth)", shortcuts.rim(pixels)),
        "pixels": ("An image averaged to 16 x 16", shortcuts.coarse(pixels)),
    }
    hidden_too = _other_object_masks(images, rows)
    if hidden_too is not None and (masks := images.masks(rows, SIZE)) is not None:
        # The outline of what is painted over would give the animal away: both are painted over.
        hidden = (masks > 0) | hidden_too
        background = shortcuts.coarse(shortcuts.painted_over(pixels, hidden))
        outline = shortcuts.coarse(np.repeat(masks[..., None], 3, axis=3))
        views["place"] = ("The background without the animal", background)
        views["outline"] = ("The animal's outline alone", outline)
    right: dict[str, dict[str, NDArray[np.bool_]]] = {view: {} for view in views}
    for view, (description, features) in views.items():
        for label in ("object", "context"):
            labels = table[label].to_numpy(str)
            right[view][label] = shortcuts.cross_validated_probe(features, labels, groups, scenes)
            accuracy = estimate.rate(right[view][label], scenes)
            name = f"{view} and {label}"
            should_be_chance = _AT_CHANCE.get(name)
            ok = None
            if should_be_chance is not None:
                ok = shortcuts.is_chance(accuracy) == should_be_chance
            sentence = (
                f"{description} predicts the {label} with accuracy {rate_words(accuracy.as_dict())}"
                f" (n = {accuracy.n:,} images); chance is 50%."
            )
            yield Check(name, ok, sentence, {**asdict(accuracy), "view": view, "label": label})
    yield Check(EASIER, None, _compare_cues(right, scenes, images.grouping.object_word))


def _compare_cues(
    right: Mapping[str, Mapping[str, NDArray[np.bool_]]], scenes: NDArray[np.str_], animal: str
) -> str:
    """Say whether object or background is easier to see in the views that hide neither.

    Args:
        right: by view and label, whether a probe is right on each image.
        scenes: of the images.
        animal: what the object is called.
    """
    compared = {
        view: shortcuts.compare_probes(right[view]["context"], right[view]["object"], scenes)
        for view in _OPEN_VIEWS
    }
    adjusted = holm([p for _, p in compared.values()])
    listed: list[str] = []
    easier: set[str] = set()
    for (view, (difference, _)), p in zip(compared.items(), adjusted, strict=True):
        is_decided = p <= ALPHA
        if is_decided:
            easier.add("background" if difference.value > 0 else animal)
        doubt = "" if is_decided else ", inconclusive"
        listed.append(f"{_OPEN_VIEWS[view]} {points(difference.as_dict())}{doubt}")
    verdict = f"Neither the {animal} nor the background is clearly easier to see"
    consequence = ""
    if easier == {"background"}:
        verdict = f"The background is easier to see than the {animal}"
        consequence = " This favours a shortcut."
    elif easier == {animal}:
        verdict = f"The {animal} is easier to see than the background"
    elif easier:
        verdict = f"Whether the {animal} or the background is easier to see depends on the view"
    return (
        f"{verdict}. Accuracy of a linear probe for the background minus that for the {animal}, on"
        f" the same {len(scenes):,} images: {'; '.join(listed)} (exact paired tests, Holm over"
        f" {len(listed)}).{consequence}"
    )


def _other_object_masks(images: ImageSet, rows: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """Where the other animal would be in the same scenes, (n, S, S): drawn, or of their twins; None
    where there is neither."""
    first, second = images.grouping.objects
    swapped = {first: second, second: first}
    if not images.about.get("recipe"):
        twins = []
        for row in rows.tolist():
            obj, context = images.table.loc[row, ["object", "context"]]
            twins.append(images.twins(row).get(images.grouping.group_of(swapped[obj], context)))
        if None in twins:
            return None
        masks = images.masks(np.array(twins), SIZE)
        return None if masks is None else masks > 0
    scenes = [scene_of(images, int(row)) for row in rows]
    return np.stack(
        [draw_scene(scene.replace(object=swapped[scene.object]), SIZE).mask > 0 for scene in scenes]
    )


def _twins(images: ImageSet) -> Iterator[Check]:
    """Do twins differ in the changed factor and in nothing else, bit for bit?"""
    recipe = images.about.get("recipe")
    if not recipe:
        return
    objects, contexts = images.grouping.objects, images.grouping.contexts
    is_opaque = recipe["object_contrast"] == 1
    rows = images.rows("test")[:TWIN_SCENES]
    inexact = 0
    for row in rows:
        scene = scene_of(images, int(row))
        twins = {
            pair: draw_scene(scene.replace(object=pair[0], context=pair[1]))
            for pair in images.grouping.pairs
        }
        is_exact = all(
            _same_background(twins[objects[0], context], twins[objects[1], context])
            for context in contexts
        ) and all(
            _same_object(twins[animal, contexts[0]], twins[animal, contexts[1]], is_opaque)
            for animal in objects
        )
        inexact += not is_exact
    sentence = (
        f"Twins differ in more than the changed factor in {inexact} of"
        f" {plural(len(rows), 'scene')}, compared pixel by pixel."
    )
    yield Check("twins", inexact == 0, sentence)


def _same_background(first: Drawing, second: Drawing) -> bool:
    """Whether drawings of different objects agree where neither object is."""
    uncovered = (first.mask == 0) & (second.mask == 0)
    return np.array_equal(first.image[uncovered], second.image[uncovered])


def _same_object(first: Drawing, second: Drawing, is_opaque: bool) -> bool:
    """Whether drawings in different contexts agree where the object is."""
    covered = (first.mask == 255) & is_opaque
    same_pixels = np.array_equal(first.image[covered], second.image[covered])
    return same_pixels and np.array_equal(first.mask, second.mask)


def _near_duplicates(images: ImageSet, train: NDArray[np.int64], test: NDArray[np.int64]) -> Check:
    """Is a held-out image, or one much like it, among the training images?"""
    scenes = images.table["scene"].to_numpy(str)
    shared_scenes = np.intersect1d(scenes[images.rows("train")], scenes[images.rows("test")])
    test_pixels = shortcuts.coarse(images.pixels(test, SIZE)) * 255
    blocks = []
    for start in range(0, len(train), BLOCK):
        pixels = shortcuts.coarse(images.pixels(train[start : start + BLOCK], SIZE)) * 255
        blocks.append([np.abs(pixels - image).mean(axis=1) for image in test_pixels])
    distances = np.concatenate(blocks, axis=1)
    usual, nearest = float(np.median(distances)), distances.min(axis=1)
    duplicates = int((nearest <= SAME * usual).sum())
    test_set = " of the first fold" if images.folds else ""
    sentence = (
        f"Both in training and held out: {len(shared_scenes):,} of {len(np.unique(scenes)):,}"
        f" scenes. Found again in training, or nearly so: {duplicates} of"
        f" {plural(len(test), 'test image')}{test_set}, compared with {len(train):,} of"
        f" {len(images.rows('train')):,} training images (smallest mean difference"
        f" {nearest.min():.0f} of 255, the median is {usual:.0f})."
    )
    return Check("near-duplicates", len(shared_scenes) == duplicates == 0, sentence)
