"""How often 95 % intervals of one model's measures hold the truth, over simulated test sets.

python -m benchmarks.coverage [--sets 200] [--truths 25]

A simulated model places pictures by animal, place, both together, what their scene is drawn from,
and chance; its two captions name the animal and lean to its place, as those of a biased run do. The
truth is what sets of 4,000 scenes give on average. Of 200 sets a true 95 % comes out as 92 to 98 in
19 of 20 cases."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmarks import head, options, row
from vlcore.experiment.grouping import SCENES
from vlcore.metrics import accuracy, counterfactual, geometry, variance
from vlcore.metrics.estimate import Estimate

SIZES, VALIDATION, TRUTH = (100, 500), 48, 4000  # scenes of four pictures
MAP, MAP_TRUTH = 50, 500  # scenes that representational similarity looks at, for it takes pairs
LEAST, MOST = 92, 98  # per cent that an interval may cover
SPREAD = 0.45 * 0.8 ** np.arange(32)  # of scenes and of chance, by axis
CAPTIONS = np.zeros((2, len(SPREAD)))
CAPTIONS[:, :3] = np.array([[0.5, 0.9, 0.35], [0.5, -0.9, -0.25]]) / 1.1
SCALE = 12.0
TRAINED_ON = dict(zip(SCENES.names, (48, 12, 48, 12), strict=True))


@dataclass(frozen=True, eq=False)
class Drawn:
    """Pictures of scenes in four twins: unit vectors, also of the same animals in a place drawn by
    chance, (n, E)."""

    z: np.ndarray
    elsewhere: np.ndarray
    columns: tuple[np.ndarray, np.ndarray, np.ndarray]  # object, context, scene
    groups: np.ndarray

    @property
    def scores(self) -> np.ndarray:
        return SCALE * self.z @ CAPTIONS.T


def drawn(scenes: int, random: np.random.Generator) -> Drawn:
    animal, place = np.tile([1, 1, -1, -1], scenes), np.tile([1, -1, 1, -1], scenes)
    scene = np.repeat(random.normal(size=(scenes, len(SPREAD))), 4, axis=0)

    def embedded(place: np.ndarray) -> np.ndarray:
        z = (scene + random.normal(size=scene.shape)) * SPREAD
        z[:, :4] += np.stack(
            [np.full(len(z), 0.5), 0.7 * animal, 0.5 * place, 0.2 * animal * place], axis=1
        )
        return z / np.linalg.norm(z, axis=1, keepdims=True)

    objects, contexts = np.where(animal > 0, *SCENES.objects), np.where(place > 0, *SCENES.contexts)
    columns = objects, contexts, np.repeat(np.arange(scenes), 4).astype(str)
    groups = np.char.add(np.char.add(objects, "_"), contexts)
    return Drawn(embedded(place), embedded(random.choice([-1, 1], len(animal))), columns, groups)


def measured(one: Drawn, val: Drawn, on_map: int) -> dict[str, Estimate]:
    """Every measure that has an interval; other readouts, probes and panels are rates, as these
    are."""
    (objects, contexts, scenes), z, groups, by = one.columns, one.z, one.groups, SCENES
    first, own = one.scores[:, 0] - one.scores[:, 1], (objects != by.objects[0]).astype(int)
    crossed = counterfactual.crossing(objects, contexts, scenes, by)
    said, on_val = (np.asarray(by.objects)[of.scores.argmax(axis=1)] for of in (one, val))
    rates = accuracy.group_accuracy(said, objects, groups, scenes, by)
    worst = accuracy.group_accuracy(on_val, val.columns[0], val.groups, val.columns[2], by).groups
    heat = accuracy.temperature(val.scores, val.columns[0], val.columns[2], by)
    right, moved, here = (
        said == objects,
        (one.elsewhere @ CAPTIONS.T).argmax(axis=1) == own,
        groups == by.names[0],
    )
    sorts = {"object": objects, "context": contexts, "group": groups}
    map_rows = slice(0, 4 * on_map)
    models = {name: geometry.same_label(sorts[name][map_rows]) for name in ("object", "context")}
    effects = counterfactual.effects(first, crossed)
    return {
        "balanced_accuracy": rates.balanced,
        "minority_accuracy": rates.minority,
        "worst_group_accuracy": rates.worst,
        "worst_group_cross_fitted": accuracy.cross_fitted_worst(worst, rates.groups)[1],
        "train_weighted_accuracy": accuracy.train_weighted(rates.groups, TRAINED_ON),
        "minority_gap": accuracy.minority_gap(right, groups, scenes, by),
        "background_gap": counterfactual.background_gap(right, moved, scenes),
        "context_flip_rate": counterfactual.flip_rate(said, crossed, "context"),
        "object_flip_rate": counterfactual.flip_rate(said, crossed, "object"),
        "background_reliance": counterfactual.background_reliance(first, crossed),
        "background_reliance_z": counterfactual.background_reliance_z(z, crossed),
        "margin": accuracy.margins(one.scores, objects, groups, scenes, by)[by.minority[0]],
        "temperature": heat,
        **{f"{name}_effect": accuracy.calibrated(effect, heat) for name, effect in effects.items()},
        **{f"silhouette_{name}": geometry.silhouette(z, of, scenes) for name, of in sorts.items()},
        "silhouette_majority_pair": geometry.majority_silhouette(z, groups, scenes, by),
        **{
            f"variance_{name}": of for name, of in variance.variance_shares(z, *one.columns).items()
        },
        "axis_angle": variance.axis_angle(z, *one.columns, by),
        "dispersion": geometry.dispersion(z[here], scenes[here]),
        "uniformity_images": geometry.uniformity(z, scenes),
        "alignment": geometry.alignment(z, CAPTIONS[own], scenes),
        "modality_gap": geometry.modality_gap(z, CAPTIONS, [1, 1], scenes),
        "total_variance": geometry.total_variance(z, scenes),
        "effective_rank": geometry.effective_rank(z, scenes),
        **{
            f"similarity_to.{k}": of
            for k, of in geometry.rsa(z[map_rows], models, scenes[map_rows]).items()
        },
    }


def main() -> None:
    asked = options(__doc__, sets=200, truths=25)
    pairs = (
        [drawn(TRUTH, np.random.default_rng([k, place])) for place in (1, 2)]
        for k in range(asked.truths)
    )
    large = [measured(*pair, MAP_TRUTH) for pair in pairs]
    truth = {name: float(np.mean([one[name].value for one in large])) for name in large[0]}
    held: dict[tuple[str, int], list[bool]] = {}
    for size, number in product(SIZES, range(asked.sets)):
        random = np.random.default_rng([number, size])
        for name, found in measured(drawn(size, random), drawn(VALIDATION, random), MAP).items():
            held.setdefault((name, size), []).append(found.low <= truth[name] <= found.high)
    print(
        head(
            "measure",
            "truth",
            *(f"{size} scenes" for size in SIZES),
            f"outside {LEAST} to {MOST} %",
        )
    )
    for name, value in truth.items():
        shares = [100 * float(np.mean(held[name, size])) for size in SIZES]
        outside = "" if all(LEAST <= share <= MOST for share in shares) else "yes"
        print(row(name, f"{value:.3g}", *(f"{share:.1f}" for share in shares), outside))


if __name__ == "__main__":
    main()
