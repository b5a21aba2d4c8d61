"""Coverage of 95 % intervals: how often those of one model's measures hold the truth, over
simulated test sets.

python -m benchmarks.coverage [--sets 200] [--truths 25]

A simulated model projects images by object, context, both together, what their scene is drawn from,
and chance; its two captions name the object and lean to its context, as those of a biased run do.
The truth is the mean over sets of 4,000 scenes. Of 200 sets a true 95 % comes out as 92 to 98 in 19
of 20 cases."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmarks import parse_options, print_table
from vlcore.experiment.grouping import SCENES
from vlcore.metrics import accuracy, counterfactual, geometry, variance
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.layout import layout

SIZES = (100, 500)  # scenes of four images
VALIDATION = 48
TRUTH = 4000
MAP, MAP_TRUTH = 50, 500  # scenes for representational similarity, which compares all pairs
LEAST, MOST = 92, 98  # per cent that an interval may cover
SPREAD = 0.45 * 0.8 ** np.arange(32)  # of scenes and of chance, by axis
CAPTIONS = np.zeros((2, len(SPREAD)))
CAPTIONS[:, :3] = np.array([[0.5, 0.9, 0.35], [0.5, -0.9, -0.25]]) / 1.1
SCALE = 12.0
TRAINED_ON = dict(zip(SCENES.names, (48, 12, 48, 12), strict=True))


@dataclass(frozen=True, eq=False)
class SimulatedImages:
    """Embeddings of scenes in four versions each."""

    z: np.ndarray  # unit vectors, (n, E)
    z_random_context: np.ndarray  # of the same objects in a context drawn by chance, (n, E)
    objects: np.ndarray
    contexts: np.ndarray
    scenes: np.ndarray
    groups: np.ndarray

    @property
    def scores(self) -> np.ndarray:
        return SCALE * self.z @ CAPTIONS.T

    @property
    def predicted(self) -> np.ndarray:
        return np.asarray(SCENES.objects)[self.scores.argmax(axis=1)]


def simulate(scene_count: int, random: np.random.Generator) -> SimulatedImages:
    object_signs = np.tile([1, 1, -1, -1], scene_count)
    context_signs = np.tile([1, -1, 1, -1], scene_count)
    scene_z = np.repeat(random.normal(size=(scene_count, len(SPREAD))), 4, axis=0)

    def embed(signs: np.ndarray) -> np.ndarray:
        z = (scene_z + random.normal(size=scene_z.shape)) * SPREAD
        effects = [np.full(len(z), 0.5), 0.7 * object_signs, 0.5 * signs]
        z[:, :4] += np.stack([*effects, 0.2 * object_signs * signs], axis=1)
        return z / np.linalg.norm(z, axis=1, keepdims=True)

    objects = np.where(object_signs > 0, *SCENES.objects)
    contexts = np.where(context_signs > 0, *SCENES.contexts)
    return SimulatedImages(
        z=embed(context_signs),
        z_random_context=embed(random.choice([-1, 1], len(object_signs))),
        objects=objects,
        contexts=contexts,
        scenes=np.repeat(np.arange(scene_count), 4).astype(str),
        groups=np.char.add(np.char.add(objects, "_"), contexts),
    )


def measure(test: SimulatedImages, val: SimulatedImages, map_scenes: int) -> dict[str, Estimate]:
    """Every measure that has an interval; measures that are not here are rates, as these are.

    Args:
        test: Simulated test images.
        val: Simulated validation images.
        map_scenes: How many scenes representational similarity compares.
    """
    z, scenes, groups, by = test.z, test.scenes, test.groups, SCENES
    is_second = (test.objects != by.objects[0]).astype(int)  # the image's own caption
    first_margin = test.scores[:, 0] - test.scores[:, 1]
    crossed = counterfactual.crossing(test.objects, test.contexts, scenes, by)
    right, val_right = test.predicted == test.objects, val.predicted == val.objects
    rates = accuracy.group_accuracy(right, groups, scenes, by)
    val_rates = accuracy.group_accuracy(val_right, val.groups, val.scenes, by)
    heat = accuracy.temperature(val.scores, val.objects, val.scenes, by)
    right_in_random_context = (test.z_random_context @ CAPTIONS.T).argmax(axis=1) == is_second
    in_group = groups == by.names[0]
    effects = counterfactual.effects(first_margin, crossed)
    labels = {"object": test.objects, "context": test.contexts, "group": groups}
    part = slice(0, 4 * map_scenes)
    same_label = {name: geometry.same_label(labels[name][part]) for name in ("object", "context")}
    similarities = geometry.rsa(z[part], same_label, scenes[part])
    shares = variance.variance_shares(z, test.objects, test.contexts, scenes)
    nearest = layout(z, groups, scenes, by.names)[1][by.names[0]]
    return {
        "balanced_accuracy": rates.balanced,
        "minority_accuracy": rates.minority,
        "worst_group_accuracy": rates.worst,
        "worst_group_cross_fitted": rates.groups[val_rates.worst_group],
        "train_weighted_accuracy": accuracy.train_weighted(rates.groups, TRAINED_ON),
        "minority_gap": accuracy.minority_gap(rates, right, groups, scenes, by),
        "background_gap": counterfactual.background_gap(right, right_in_random_context, scenes),
        "context_flip_rate": counterfactual.flip_rate(test.predicted, crossed, "context"),
        "object_flip_rate": counterfactual.flip_rate(test.predicted, crossed, "object"),
        "background_reliance": counterfactual.background_reliance(first_margin, crossed),
        "background_reliance_z": counterfactual.background_reliance_z(z, crossed),
        "margin": accuracy.margins(test.scores, test.objects, groups, scenes, by)[by.minority[0]],
        "temperature": heat,
        **{f"{name}_effect": accuracy.calibrated(effect, heat) for name, effect in effects.items()},
        **{f"silhouette_{name}": geometry.silhouette(z, labels[name], scenes) for name in labels},
        "silhouette_majority_pair": geometry.majority_silhouette(z, groups, scenes, by),
        **{f"variance_{name}": share for name, share in shares.items()},
        "axis_angle": variance.axis_angle(z, test.objects, test.contexts, scenes, by),
        "nearest_group_distance": nearest.distance,
        "nearest_group_lead": nearest.lead,
        "dispersion": geometry.dispersion(z[in_group], scenes[in_group]),
        "uniformity_images": geometry.uniformity(z, scenes),
        "alignment": geometry.alignment(z, CAPTIONS[is_second], scenes),
        "modality_gap": geometry.modality_gap(z, CAPTIONS, [1, 1], scenes),
        "total_variance": geometry.total_variance(z, scenes),
        "effective_rank": geometry.effective_rank(z, scenes),
        **{f"similarity_to.{name}": similarity for name, similarity in similarities.items()},
    }


def true_values(count: int) -> dict[str, float]:
    """The mean of each measure over large sets."""
    values = defaultdict(list)
    for number in range(count):
        test, val = (simulate(TRUTH, np.random.default_rng([number, part])) for part in (1, 2))
        for name, estimate in measure(test, val, MAP_TRUTH).items():
            values[name].append(estimate.value)
    return {name: float(np.mean(means)) for name, means in values.items()}


def main() -> None:
    options = parse_options(__doc__, sets=200, truths=25)
    truth = true_values(options.truths)
    covered: dict[tuple[str, int], list[bool]] = defaultdict(list)
    for size, number in product(SIZES, range(options.sets)):
        random = np.random.default_rng([number, size])
        test, val = simulate(size, random), simulate(VALIDATION, random)
        for name, estimate in measure(test, val, MAP).items():
            covered[name, size].append(estimate.low <= truth[name] <= estimate.high)

    def rows() -> Iterator[tuple[str, ...]]:
        for name, value in truth.items():
            shares = [100 * float(np.mean(covered[name, size])) for size in SIZES]
            outside = "" if all(LEAST <= share <= MOST for share in shares) else "yes"
            yield name, f"{value:.3g}", *(f"{share:.1f}" for share in shares), outside

    sizes = (f"{size} scenes" for size in SIZES)
    print_table(("measure", "truth", *sizes, f"outside {LEAST} to {MOST} %"), rows())


if __name__ == "__main__":
    main()
