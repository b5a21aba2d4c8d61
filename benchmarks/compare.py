"""What the Compare and Upload pages cost: seconds to draw, megabytes to send, as ratios to two plain maps.

VLCORE_HOME=... python -m benchmarks.compare     (the four experiments must be trained there)
"""

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from vlcore.charts.maps.tables import MapOptions
from vlcore.charts.theme import LIGHT
from vlcore.compare.comparison import Comparison, compare, draw_thumbs
from vlcore.compare.description import describe_layouts
from vlcore.compare.film import film
from vlcore.compare.model_map import model_map
from vlcore.compare.page import figure
from vlcore.datasets.catalogue import open_set
from vlcore.learning.explain import attention_rollout, patch_ablation
from vlcore.runs.load import OwnModel, load
from vlcore.store.artefacts import read
from vlcore.studies import plans

REPEATS = 5
SIDE = 440  # px of a map


def main() -> None:
    """Measure and print."""
    images = open_set("scenes")
    artefacts = [read(condition.key) for condition in plans.find("experiments").conditions]
    maps = [model_map(artefact) for artefact in artefacts]
    two, four = (compare(maps[:count], images, draw_thumbs) for count in (2, 4))
    everything = MapOptions(movement=True, trust=True, ghost=True, twins=True, neighbours=True)

    def drawn(comparison: Comparison, options: MapOptions) -> dict[str, Any]:
        return figure(comparison, images.grouping, LIGHT, SIDE, options).to_dict()

    def shot(comparison: Comparison) -> dict[str, Any]:
        return film(comparison, images).chart(LIGHT, SIDE).to_dict()

    rows: list[tuple[str, Callable[[], Any], bool]] = [
        ("two maps (baseline)", lambda: drawn(two, MapOptions()), True),
        ("two maps, everything laid over", lambda: drawn(two, everything), True),
        ("four maps", lambda: drawn(four, MapOptions()), True),
        ("film of two trainings", lambda: shot(two), True),
        ("film of four trainings", lambda: shot(four), True),
        ("two maps in words, with intervals", lambda: describe_layouts(two, images), False),
    ]
    model = load(artefacts[3])
    assert isinstance(model, OwnModel)
    picture = Image.fromarray(images.image(int(images.rows("test")[0])))
    pixels = images.pixels(images.rows("test")[:1])
    rows += [
        ("one upload, embedded", lambda: model.embed_pictures([picture]), False),
        ("its patch ablation", lambda: patch_ablation(model.embed_pixels, pixels, lambda z: z[:, 0]), False),
        ("its attention rollout", lambda: attention_rollout(model.encoder, pixels), False),
    ]
    print("| what | seconds | ratio | MB |\n| --- | --- | --- | --- |")
    baseline = 0.0
    for what, make, is_chart in rows:
        seconds, made = _median(make)
        baseline = baseline or seconds
        size = f"{len(json.dumps(made)) / 1e6:.2f}" if is_chart else ""
        print(f"| {what} | {seconds:.3f} | {seconds / baseline:.2f} | {size} |")


def _median(make: Callable[[], Any]) -> tuple[float, Any]:
    made, times = make(), []  # once to warm up
    for _ in range(REPEATS):
        started = time.perf_counter()
        made = make()
        times.append(time.perf_counter() - started)
    return float(np.median(times)), made


if __name__ == "__main__":
    main()
