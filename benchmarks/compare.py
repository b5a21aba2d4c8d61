"""Cost of the Compare and Upload pages: seconds to draw and megabytes to send, as ratios to two
plain maps.

VLCORE_HOME=... python -m benchmarks.compare     (the four experiments must be trained there)"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image

from benchmarks import print_table, seconds
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.description import describe_layouts
from vlcore.api.model_map import model_map
from vlcore.api.offline_page import figure
from vlcore.api.small_images import draw_thumbs
from vlcore.api.training_animation import animate_training
from vlcore.artifacts.store import read
from vlcore.data.catalogue import open_set
from vlcore.model.attribution import attention_rollout, patch_ablation
from vlcore.model.load import OwnModel, load_model
from vlcore.plots.options import MapOptions
from vlcore.plots.theme import LIGHT
from vlcore.study import plans

REPEATS = 5
SIDE = 440  # px of a map
EVERYTHING = MapOptions(movement=True, trust=True, untrained=True, twins=True, neighbours=True)


def main() -> None:
    images = open_set("scenes")
    artifacts = [read(condition.key) for condition in plans.find("experiments").conditions]
    maps = [model_map(artifact) for artifact in artifacts]
    two = compare_maps(maps[:2], images, draw_thumbs)
    four = compare_maps(maps, images, draw_thumbs)
    model = load_model(artifacts[3])
    assert isinstance(model, OwnModel)
    rows = images.rows("test")[:1]
    pixels = images.pixels(rows)
    upload = Image.fromarray(images.image(int(rows[0])))

    def draw_maps(comparison: ComparedMaps, options: MapOptions) -> dict[str, Any]:
        return figure(comparison, images.grouping, LIGHT, SIDE, options).to_dict()

    def draw_animation(comparison: ComparedMaps) -> dict[str, Any]:
        return animate_training(comparison, images).chart(LIGHT, SIDE).to_dict()

    works: dict[str, Callable[[], Any]] = {
        "two maps (baseline)": lambda: draw_maps(two, MapOptions()),
        "two maps, everything laid over": lambda: draw_maps(two, EVERYTHING),
        "four maps": lambda: draw_maps(four, MapOptions()),
        "training animation of two": lambda: draw_animation(two),
        "training animation of four": lambda: draw_animation(four),
        "two maps in words, with intervals": lambda: describe_layouts(two, images),
        "one upload, embedded": lambda: model.embed_images([upload]),
        "its patch ablation": lambda: patch_ablation(model.embed_pixels, pixels, lambda z: z[:, 0]),
        "its attention rollout": lambda: attention_rollout(model.encoder, pixels),
    }
    print_table(("what", "seconds", "ratio", "MB"), time_works(works))


def time_works(works: dict[str, Callable[[], Any]]) -> Iterator[tuple[str, str, str, str]]:
    """Time each work; the first is the baseline."""
    baseline = 0.0
    for name, work in works.items():
        result = work()  # once to warm up
        duration = seconds(work, REPEATS)
        baseline = baseline or duration
        size = f"{len(json.dumps(result)) / 1e6:.2f}" if isinstance(result, dict) else ""
        yield name, f"{duration:.3f}", f"{duration / baseline:.2f}", size


if __name__ == "__main__":
    main()
