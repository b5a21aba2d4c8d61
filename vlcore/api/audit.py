"""Audit of an image set: is it fit to study bias with, and what could a model cheat with? What is
easy to see is no fault; it is said, because the outcome of a study depends on it."""

import json
from collections.abc import Iterator, Sequence
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
from vlcore.data.importers.source import plural
from vlcore.experiment.files import write_json
from vlcore.experiment.progress import Progress, silent
from vlcore.experiment.wording import FEW, rate
from vlcore.jobs import jobs
from vlcore.metrics import shortcuts
from vlcore.scenes import draw

QUESTIONS = 1  # of this version; what was answered before is asked again when they change
PER_GROUP = 100  # pictures that the probes look at
TWIN_SCENES = 12
SIZE = 64  # pixels
COMPARED = 200  # pictures of training and of test, each with each
SAME = (
    0.05  # share of a usual difference between two pictures, below which they are one picture twice
)


@dataclass(frozen=True)
class Check:
    """One question to a set, and the answer."""

    name: str
    ok: bool | None  # whether the answer is as it should be; None where there is no right one
    sentence: str  # the answer, for people
    # Where it is a rate: its `Estimate`, the ``view`` that a linear model got, and the ``label``
    # that it was to tell.
    number: dict[str, Any] | None = None


def check(images: ImageSet, progress: Progress = silent) -> list[Check]:
    """Put a set to all questions that apply; missing pictures are drawn. ImageSetError where one
    cannot be read."""
    rows, parts = balanced_rows(images), subset.parts(images, data_seed=0)
    train, test = (parts[0].rows(split) for split in ("train", "test"))
    # At most `COMPARED` of each, evenly over all of them.
    evenly = [
        np.linspace(0, len(rows) - 1, min(COMPARED, len(rows))).astype(int)
        for rows in (train, test)
    ]
    train, test = train[evenly[0]], test[evenly[1]]
    images.ensure_rendered(np.unique(np.concatenate([rows, train, test])).tolist(), progress)
    found = [_counts(images), *_factors(images), *_probes(images, rows), *_twins(images)]
    return (
        [*found, _across_splits(images, parts, train, test)] if len(train) and len(test) else found
    )


def checks_key(name: str, version: str) -> str:
    """Key of the answers for a set: an artifact of their own."""
    return f"{name}-{version}-q{QUESTIONS}.checks"


def make_checks(name: str, version: str) -> str:
    """Check a set and publish the answers; what `vlcore.jobs.jobs.run` returns and raises."""

    def make(out: Path, report: jobs.Reporter) -> dict[str, Any]:
        def drawn(done: int, of: int) -> None:
            stage = "drawing pictures" if done < of else "looking at the pictures"
            report(stage=stage, done=done, of=of, fraction=0.6 * done / max(of, 1), now=done == of)

        found = check(open_set(name, version), drawn)
        write_json(out / "checks.json", {"checks": [asdict(entry) for entry in found]})
        return {}

    return jobs.run(checks_key(name, version), make)


def read_checks(artifact: store.Artifact) -> list[Check]:
    """The answers of a published `make_checks`."""
    return [Check(**entry) for entry in artifact.json("checks.json")["checks"]]


def in_words(found: Sequence[Check], animal: str) -> str | None:
    """Which of the two is easier to see, from the numbers; None where no probe could be asked."""
    rates = {entry.name: entry.number for entry in found if entry.number}
    seen, place = rates.get("pixels and object"), rates.get("pixels and context")
    if seen is None or place is None:
        return None
    if place["low"] > seen["high"]:
        verdict, end = (
            f"The background is easier to see than the {animal}",
            " A shortcut through it lies near.",
        )
    elif seen["low"] > place["high"]:
        verdict, end = f"The {animal} is easier to see than the background", ""
    else:
        verdict, end = f"Neither the {animal} nor the background is clearly easier to see", ""
    told = (
        f"names the background in {rate(place)}, the {animal} in {rate(seen)} of {seen['n']:,}"
        " pictures"
    )
    return f"{verdict}: a linear probe of coarse pictures {told}.{end}"


def balanced_rows(images: ImageSet) -> NDArray[np.int64]:
    """Equally many pictures of each group, unrelated ones where the set has a probe split: (n,)."""
    groups, splits = images.table["group"].to_numpy(), images.table["split"].to_numpy()
    of = (
        splits == "probe"
        if "probe" in splits and images.about.get("recipe")
        else np.ones(len(groups), bool)
    )
    members = [np.flatnonzero((groups == name) & of) for name in images.grouping.names]
    count = min(PER_GROUP, *(len(rows) for rows in members))
    random = np.random.default_rng(0)
    return np.sort(np.concatenate([random.permutation(rows)[:count] for rows in members]))


def _counts(images: ImageSet) -> Check:
    smallest = min(images.counts().get("pool" if images.folds else "test", {}).values(), default=0)
    sentence = f"The smallest group has {plural(smallest, 'held-out picture')}"
    if images.folds:
        turns = f"{images.folds} models are trained in turn, so that each picture is held out once"
        sentence = f"Small set: {turns}; the smallest group has {plural(smallest, 'picture')}"
    few = "" if smallest >= FEW else f"; numbers from fewer than {FEW} say little"
    return Check("held-out pictures", smallest >= FEW, f"{sentence}{few}.")


def _factors(images: ImageSet) -> Iterator[Check]:
    """Are the factors of drawn pictures independent of what they show?"""
    if not images.about.get("recipe"):
        return
    table = images.table[images.table["split"] == "train"]
    factors = [json.loads(text) for text in table["factors"]]
    columns = {name: np.array([entry[name] for entry in factors]) for name in factors[0]}
    others = [
        name
        for name in columns
        if name not in ("object", "context") and len(np.unique(columns[name])) > 1
    ]
    for label in ("object", "context"):  # a setting of the whole set is no factor
        found = [
            (shortcuts.cramers_v(columns[name], table[label].to_numpy(str)), name)
            for name in others
        ]
        # V grows with the number of values, so the factor that is least likely by chance need not
        # have the largest.
        surest, name = min(found, key=lambda pair: pair[0].p)
        goes = (
            f"{name} goes most clearly with the {label}: Cramér's V is {surest.v:.2f} in"
            f" {surest.n:,} pictures"
        )
        sentence = f"Of {len(found)} other factors {goes}."
        yield Check(f"factors and {label}", surest.p * len(found) > 0.01, sentence)  # Bonferroni


def _probes(images: ImageSet, rows: NDArray[np.int64]) -> Iterator[Check]:
    """What a linear model reads off poor views of the pictures."""
    table = images.table.iloc[rows]
    labels = {name: table[name].to_numpy(str) for name in ("object", "context")}
    groups, scenes = table["group"].to_numpy(str), table["scene"].to_numpy(str)
    if len(np.unique(scenes)) < 4 * shortcuts.FOLDS:
        yield Check("probes", None, "Too few pictures to ask what a linear model could cheat with.")
        return
    pixels = images.pixels(rows, SIZE)

    def ask(
        name: str, view: str, features: NDArray[np.float64], label: str, wanted: str = ""
    ) -> Check:
        found = shortcuts.cross_validated_probe(features, labels[label], groups, scenes)
        ok = {"chance": shortcuts.is_chance(found), "seen": not shortcuts.is_chance(found)}.get(
            wanted
        )
        number = {**asdict(found), "view": name.split(" and ")[0], "label": label}
        share = f"{rate(found.as_dict())} of {found.n:,} pictures"
        return Check(name, ok, f"{view} tells the {label} in {share}; chance is 50 %.", number)

    for name, view, features in (
        ("colour", "The mean colour of a picture", shortcuts.mean_colour(pixels)),
        ("rim", "The rim of a picture (its outer eighth)", shortcuts.rim(pixels)),
        ("pixels", "A picture averaged to 16 x 16", shortcuts.coarse(pixels)),
    ):
        for label in labels:
            yield ask(f"{name} and {label}", view, features, label)
    if not images.about.get("recipe"):
        return
    masks = images.masks(rows, SIZE)
    assert masks is not None  # a drawn set has all of them
    # The outline of what is painted over would give the animal away: both animals are painted over.
    other = dict(zip(images.grouping.objects, reversed(images.grouping.objects), strict=True))
    scenes_of = [scene_of(images, int(row)) for row in rows]
    twins = np.stack(
        [draw(scene.replace(object=other[scene.object]), SIZE).mask > 0 for scene in scenes_of]
    )
    place = shortcuts.coarse(shortcuts.painted_over(pixels, (masks > 0) | twins))
    yield ask("place and object", "The place without the animal", place, "object", "chance")
    yield ask("place and context", "The place without the animal", place, "context")
    outline = shortcuts.coarse(np.repeat(masks[..., None], 3, axis=3))
    yield ask("outline and object", "The animal's outline alone", outline, "object", "seen")
    yield ask("outline and context", "The animal's outline alone", outline, "context", "chance")


def _twins(images: ImageSet) -> Iterator[Check]:
    """Do twins differ in what was changed and in nothing else, bit for bit?"""
    recipe = images.about.get("recipe")
    if not recipe or recipe["style"] != "photo":  # paint runs over the outline of what is painted
        return
    first = images.rows("test")[:TWIN_SCENES]
    (obj, other), (here, there) = images.grouping.objects, images.grouping.contexts
    inexact = 0
    for row in first:
        scene = scene_of(images, int(row))
        cells = {
            (o, c): draw(scene.replace(object=o, context=c))
            for o in (obj, other)
            for c in (here, there)
        }
        same: list[np.bool_] = []
        for context in (here, there):
            one, two = cells[obj, context], cells[other, context]
            free = (one.mask == 0) & (two.mask == 0)
            same.append((one.image[free] == two.image[free]).all())
        for name in (obj, other):
            one, two = cells[name, here], cells[name, there]
            covered = (one.mask == 255) & (recipe["object_contrast"] == 1)
            same += [(one.mask == two.mask).all(), (one.image[covered] == two.image[covered]).all()]
        inexact += not all(same)
    looked = plural(len(first), "scene")
    sentence = (
        f"Twins differ in more than the changed factor in {inexact} of {looked} looked at, pixel by"
        " pixel."
    )
    yield Check("twins", inexact == 0, sentence)


def _across_splits(
    images: ImageSet, parts: Sequence[ImageSet], train: NDArray[np.int64], test: NDArray[np.int64]
) -> Check:
    """Is a held-out picture, or one much like it, among the training pictures?"""
    scenes = images.table["scene"].to_numpy(str)
    in_both = [
        np.intersect1d(scenes[part.rows("train")], scenes[part.rows("test")]) for part in parts
    ]
    shared = len(np.unique(np.concatenate(in_both)))
    seen, held_out = (shortcuts.coarse(images.pixels(rows, SIZE)) * 255 for rows in (train, test))
    apart = np.stack([np.abs(seen - picture).mean(axis=1) for picture in held_out])
    usual, nearest = float(np.median(apart)), apart.min(axis=1)
    near = int((nearest <= SAME * usual).sum())
    sentence = (
        f"Both in training and held out: {shared:,} of {len(np.unique(scenes)):,} scenes. Found"
        f" again in training, or nearly so: {near} of"
        f" {plural(len(test), 'test picture')}{' of the first fold' if images.folds else ''}"
        f" (smallest mean difference {nearest.min():.0f} of 255, a usual one is {usual:.0f})."
    )
    return Check("near-duplicates", shared == near == 0, sentence)
