"""Proving ground of finders: how many planted biases does each discover, and how often is it wrong?

nice python -m benchmarks.finders [--seeds 10] [--hours 1] [--out docs/results/finders]
python -m benchmarks.finders --seeds 0     # writes the page anew from its tables

What a model of a planted set makes of the held-out images is stored in the folder ``finders`` of
VLCORE_HOME, and not trained again: a run that is stopped goes on where it was. So does one on
another machine: a set that has rows in the tables and no model here keeps them (delete the tables
to judge all sets anew). Models are trained from scratch for `STEPS` steps on `PER_OBJECT` drawn
images of each object.
`vlcore.study.proving_ground` says how biases are planted and slices judged. Of the 500 held-out
scenes (2,000 images), finders look at a half by chance of the seed, and are judged on the other.

For an outside finder ``--export FOLDER`` writes what finders see of every set; the command
``finders --scores FILE`` judges its answer.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks import parse_options
from benchmarks.finders_page import finders_page
from benchmarks.training import score_objects, train_here
from vlcore.api.failures import tower_features
from vlcore.api.proving_ground import JUDGED, PLANTED
from vlcore.data.attributes import attributes_of
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSet
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import atomic, make_folder, models_folder
from vlcore.metrics.accuracy import confidence
from vlcore.metrics.slices import LEAST, Cell, Mask, worst_cells
from vlcore.study.finders import FINDERS, LabelledImages, best_words, offered_cell
from vlcore.study.proving_ground import (
    BUDGET,
    PLANTS,
    SHUFFLED,
    PlantedSet,
    gap,
    judge,
    judge_offers,
    planted_rows,
    planted_sets,
)

STRENGTHS = (0.75, 0.9, 0.95)
PER_OBJECT, STEPS = 96, 200
IN_SPACE = ("direction", "clusters")  # finders that read embeddings
ON_MAP = "PlaneSpot on the map"
SLICES = list[tuple[Cell | None, NDArray[np.float64], Mask]]


def main() -> None:
    options = parse_options(
        __doc__, seeds=10, hours=1.0, out=Path("docs/results/finders"), export=Path()
    )
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    judge_sets(range(options.seeds), options.hours * 3600, out, options.export)
    page = finders_page(pd.read_csv(out / PLANTED), pd.read_csv(out / JUDGED), out)
    (out.parent / "finders.md").write_text(page)
    print(page)


def judge_sets(seeds: range, most_seconds: float, out: Path, export: Path) -> None:
    """Judge all planted sets of some seeds; none is trained any more when the time is up."""
    started, images = time.perf_counter(), open_set("scenes")
    tower, _ = tower_features(images, images.rows("test"), np.empty((0, 0)))
    known_sets = set(_read_table(out / JUDGED).get("set", ()))
    plants, judged = [], []
    for planted in planted_sets(seeds, STRENGTHS):
        is_late = time.perf_counter() - started > most_seconds
        is_known = planted.name in known_sets
        held_out = predictions(planted, images, train=not (is_late or is_known))
        if held_out is None:
            continue
        _, is_fresh = held_out.halves(planted.seed)
        fresh = held_out.among(is_fresh)
        plants.append(plants_table(planted, fresh))
        features = replace(held_out, z=tower)
        judged.append(judgements(planted.name, planted, plants[-1], held_out, features))
        if not planted.plants:
            name = f"{SHUFFLED}-s{planted.seed}"
            mixed = shuffled(held_out, planted.seed)
            mixed_features = replace(mixed, z=features.z)
            judged.append(judgements(name, planted, plants[-1], mixed, mixed_features))
        if export != Path():
            write_export(planted, held_out, images, export)
        print(planted.name, f"{held_out.right.mean():.3f}", flush=True)
    for tables, name in ((plants, PLANTED), (judged, JUDGED)):
        table = with_former_sets(tables, _read_table(out / name))
        table.to_csv(out / name, index=False, float_format="%.4f", lineterminator="\n")


def with_former_sets(tables: Sequence[pd.DataFrame], former: pd.DataFrame) -> pd.DataFrame:
    """Tables of sets below each other, after the rows of a former table about other sets."""
    judged_anew = {name for table in tables for name in table["set"]}
    if not former.empty:
        former = former[~former["set"].isin(judged_anew)]
    filled = [table for table in (former, *tables) if not table.empty]
    return pd.concat(filled).sort_values("seed", kind="stable")


def _read_table(file: Path) -> pd.DataFrame:
    return pd.read_csv(file) if file.exists() else pd.DataFrame()


def predictions(planted: PlantedSet, images: ImageSet, train: bool) -> LabelledImages | None:
    """The held-out images as the model of a set predicts them; None where it is not trained."""
    file = models_folder().parent / "finders" / f"{planted.name}.npz"
    if not file.exists():
        if not train:
            return None
        make_folder(file.parent)
        z, scores = trained(planted, images)
        with atomic(file) as temporary, temporary.open("wb") as opened:
            np.savez(opened, z=z.astype(np.float16), scores=scores.astype(np.float32))
    with np.load(file, allow_pickle=False) as arrays:
        z, scores = arrays["z"].astype(np.float32), arrays["scores"].astype(np.float64)
    test = images.rows("test")
    table = images.table.iloc[test]
    return LabelledImages(
        z=z,
        objects=table["object"].to_numpy(str),
        predicted=np.asarray(images.grouping.objects)[scores.argmax(axis=1)],
        confidence=confidence(scores),
        scenes=table["scene"].to_numpy(str),
        attributes=attributes_of(images, test),
    )


def trained(
    planted: PlantedSet, images: ImageSet
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Embeddings, (n, E), and scores of the objects, (n, 2), of the held-out images by a model that
    is trained on a planted set."""
    pool = images.rows("train")
    objects = images.table["object"].to_numpy(str)[pool]
    rows = planted_rows(planted, pool, objects, attributes_of(images, pool), PER_OBJECT)
    condition = Condition(steps=STEPS, data_seed=planted.seed, init_seed=planted.seed)
    model = train_here(condition, rows=rows)[0].model
    return score_objects(condition, model, images.rows("test"))


def plants_table(planted: PlantedSet, fresh: LabelledImages) -> pd.DataFrame:
    """The plants of a set, and which took."""
    rows = []
    for plant in planted.plants:
        estimate = gap(fresh, PLANTS[plant])
        rows.append(
            (
                planted.name,
                plant,
                planted.strength,
                planted.seed,
                estimate.value,
                estimate.low,
                estimate.high,
                estimate.n,
                estimate.low > 0,
            )
        )
    columns = ["set", "plant", "strength", "seed", "gap", "low", "high", "n", "took"]
    return pd.DataFrame(rows, columns=columns)


def shuffled(images: LabelledImages, seed: int) -> LabelledImages:
    """The same images of which others are wrong, by chance, as many of each object: errors that
    are of nothing."""
    random = np.random.default_rng([seed, 9])
    order = np.arange(len(images.objects))
    for name in np.unique(images.objects):
        inside = np.flatnonzero(images.objects == name)
        order[inside] = random.permutation(inside)
    return replace(images, predicted=images.predicted[order], confidence=images.confidence[order])


def judgements(
    name: str,
    planted: PlantedSet,
    plants: pd.DataFrame,
    embedded: LabelledImages,
    features: LabelledImages,
) -> pd.DataFrame:
    """The judgement of every finder and baseline, one row each; `embedded` has the embeddings of
    the model, `features` those of the pretrained tower."""
    truth = [PLANTS[plant] for plant in plants.loc[plants["took"], "plant"]]
    halves = features.halves(planted.seed)
    discovery, fresh = (features.among(half) for half in halves)
    own_discovery, own_fresh = (embedded.among(half) for half in halves)
    rows = [
        (finder, judge_offers(find(discovery, BUDGET), truth, fresh))
        for finder, find in FINDERS.items()
    ]
    for finder in IN_SPACE:
        offers = FINDERS[finder](own_discovery, BUDGET)
        rows.append((f"{finder} (own embedding)", judge_offers(offers, truth, own_fresh)))
    for finder, baseline in BASELINES.items():
        seen = (own_discovery, own_fresh) if finder == ON_MAP else (discovery, fresh)
        rows.append((finder, judge(baseline(*seen, planted.seed), truth, fresh)))
    about = {
        "set": name,
        "planted": len(planted.plants),
        "strength": planted.strength,
        "seed": planted.seed,
    }
    return pd.DataFrame([{**about, "finder": finder, **vars(result)} for finder, result in rows])


def random_errors(discovery: LabelledImages, fresh: LabelledImages, seed: int) -> SLICES:
    """Wrong fresh images, dealt into slices by chance."""
    random = np.random.default_rng([seed, 5])
    part = random.integers(BUDGET, size=len(fresh.z))
    wrong = ~fresh.right
    return [(None, random.random(len(wrong)) * wrong, wrong & (part == n)) for n in range(BUDGET)]


def lowest_confidence(discovery: LabelledImages, fresh: LabelledImages, seed: int) -> SLICES:
    """One slice: as large a share of the least sure images as are wrong."""
    line = np.quantile(discovery.confidence, (~discovery.right).mean())
    return [(None, -fresh.confidence, fresh.confidence <= line)]


def k_means_of_errors(discovery: LabelledImages, fresh: LabelledImages, seed: int) -> SLICES:
    """Clusters of wrong images; fresh images belong to the nearest within the radius of nine in
    ten of its members."""
    from sklearn.cluster import KMeans

    wrong = discovery.among(~discovery.right)
    if len(wrong.z) < BUDGET:
        return []
    clusters = KMeans(BUDGET, n_init=10, random_state=seed).fit(wrong.z)
    distances, nearest = clusters.transform(fresh.z), clusters.predict(fresh.z)
    distance = clusters.transform(wrong.z).min(axis=1)
    slices: SLICES = []
    for number in np.argsort(-np.bincount(clusters.labels_, minlength=BUDGET)):
        members = clusters.labels_ == number
        radius = np.quantile(distance[members], 0.9)
        inside = (nearest == number) & (distances[:, number] <= radius)
        closeness = -clusters.transform(discovery.z)[:, number]
        name = str(pd.Series(wrong.objects[members]).mode()[0])
        cell = Cell(name, best_words(discovery, name, closeness))
        slices.append((cell, -distances[:, number], inside))
    return slices


def plane_spot(discovery: LabelledImages, fresh: LabelledImages, seed: int) -> SLICES:
    """PlaneSpot (Plumb et al. 2023) on our map: a mixture over two principal components and the
    confidence in the true object, as many parts as BIC prefers, ordered by errors times error
    rate."""
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture

    plane = PCA(2, random_state=0).fit(discovery.z)
    spread = plane.transform(discovery.z).std()

    def described(images: LabelledImages) -> NDArray[np.float64]:
        sure = np.where(images.right, images.confidence, 1 - images.confidence)
        return np.column_stack([plane.transform(images.z) / spread, sure])

    points = described(discovery)
    mixtures = [
        GaussianMixture(k, random_state=seed, reg_covar=1e-4).fit(points) for k in (3, 6, 10, 15)
    ]
    mixture = min(mixtures, key=lambda fitted: fitted.bic(points))
    share, labels = mixture.predict_proba(described(fresh)), mixture.predict(points)
    wrong = np.bincount(labels, ~discovery.right, minlength=mixture.n_components)
    total = np.maximum(np.bincount(labels, minlength=mixture.n_components), 1)
    slices: SLICES = []
    for number in np.argsort(-(wrong * wrong / total))[:BUDGET]:
        inside = labels == number
        mistaken = discovery.objects[inside & ~discovery.right]
        if not len(mistaken):
            break
        name = str(pd.Series(mistaken).mode()[0])
        cell = Cell(name, best_words(discovery, name, inside.astype(float)))
        slices.append((cell, share[:, number], share[:, number] >= 0.5))
    return slices


def slice_line(discovery: LabelledImages, fresh: LabelledImages, seed: int) -> SLICES:
    """SliceLine (Sagadeeva and Boehm 2021) on the true factors, object included: the ceiling."""
    from sliceline.slicefinder import Slicefinder

    table = discovery.attributes.assign(object=discovery.objects).astype("category")
    codes = table.apply(lambda column: column.cat.codes)
    finder = Slicefinder(alpha=0.95, k=BUDGET, max_l=3, min_sup=LEAST, verbose=False)
    finder.fit(codes.to_numpy(), (~discovery.right).astype(float))
    slices: SLICES = []
    for values in finder.top_slices_[:BUDGET]:
        words = {
            column: str(table[column].cat.categories[int(code)])
            for column, code in zip(table, values, strict=True)
            if code is not None
        }
        name = words.pop("object", "")
        slices.append(offered_cell(Cell(name, tuple(words.values()))).on(fresh))
    return slices


def worst_true_slices(discovery: LabelledImages, fresh: LabelledImages, seed: int) -> SLICES:
    """The table of the page: the worst slices by one or two true factors."""
    cells = worst_cells(discovery.right, discovery.objects, discovery.attributes, BUDGET)
    return [offered_cell(cell).on(fresh) for cell in cells]


BASELINES: dict[str, Callable[[LabelledImages, LabelledImages, int], Any]] = {
    "random errors": random_errors,
    "lowest confidence": lowest_confidence,
    "k-means of errors": k_means_of_errors,
    ON_MAP: plane_spot,
    "worst slices (true factors)": worst_true_slices,
    "SliceLine (true factors)": slice_line,
}


def write_export(
    planted: PlantedSet, held_out: LabelledImages, images: ImageSet, folder: Path
) -> None:
    """Write what finders see of a set: one row an image of the half that they search in, then of
    the fresh half."""
    discovery, _ = held_out.halves(planted.seed)
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(held_out.z).add_prefix("z")
    table.insert(0, "image", images.rows("test"))
    table.insert(1, "part", np.where(discovery, "discovery", "fresh"))
    table = table.assign(
        object=held_out.objects, predicted=held_out.predicted, confidence=held_out.confidence
    )
    table.to_csv(folder / f"{planted.name}.csv", index=False, float_format="%.5f")


if __name__ == "__main__":
    main()
