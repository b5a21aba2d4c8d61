"""What the Compare and Upload pages cost: seconds to draw, megabytes to send, as ratios to two
plain maps.

VLCORE_HOME=... python -m benchmarks.compare     (the four experiments must be trained there)"""

import json
from collections.abc import Callable
from typing import Any

from PIL import Image

from benchmarks import head, row, seconds
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.description import describe_layouts
from vlcore.api.model_map import model_map
from vlcore.api.offline_page import figure
from vlcore.api.small_images import draw_thumbs
from vlcore.api.training_animation import film
from vlcore.artifacts.artifact import read
from vlcore.data.catalogue import open_set
from vlcore.model.attribution import attention_rollout, patch_ablation
from vlcore.model.load import OwnModel, load
from vlcore.plots.maps.tables import MapOptions
from vlcore.plots.theme import LIGHT
from vlcore.study import plans

REPEATS = 5
SIDE = 440  # px of a map


def main() -> None:
    images = open_set("scenes")
    artefacts = [read(condition.key) for condition in plans.find("experiments").conditions]
    maps = [model_map(artefact) for artefact in artefacts]
    two, four = (compare_maps(maps[:count], images, draw_thumbs) for count in (2, 4))
    everything = MapOptions(movement=True, trust=True, ghost=True, twins=True, neighbours=True)
    model = load(artefacts[3])
    assert isinstance(model, OwnModel)
    first = images.rows("test")[:1]
    picture, pixels = Image.fromarray(images.image(int(first[0]))), images.pixels(first)

    def drawn(comparison: ComparedMaps, options: MapOptions) -> dict[str, Any]:
        return figure(comparison, images.grouping, LIGHT, SIDE, options).to_dict()

    def shot(comparison: ComparedMaps) -> dict[str, Any]:
        return film(comparison, images).chart(LIGHT, SIDE).to_dict()

    works: dict[str, Callable[[], Any]] = {
        "two maps (baseline)": lambda: drawn(two, MapOptions()),
        "two maps, everything laid over": lambda: drawn(two, everything),
        "four maps": lambda: drawn(four, MapOptions()),
        "film of two trainings": lambda: shot(two),
        "film of four trainings": lambda: shot(four),
        "two maps in words, with intervals": lambda: describe_layouts(two, images),
        "one upload, embedded": lambda: model.embed_pictures([picture]),
        "its patch ablation": lambda: patch_ablation(model.embed_pixels, pixels, lambda z: z[:, 0]),
        "its attention rollout": lambda: attention_rollout(model.encoder, pixels),
    }
    print(head("what", "seconds", "ratio", "MB"))
    baseline = 0.0
    for what, work in works.items():
        made = work()  # once to warm up
        taken = seconds(work, REPEATS)
        baseline = baseline or taken
        size = f"{len(json.dumps(made)) / 1e6:.2f}" if isinstance(made, dict) else ""
        print(row(what, f"{taken:.3f}", f"{taken / baseline:.2f}", size), flush=True)


if __name__ == "__main__":
    main()
