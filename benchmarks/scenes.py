"""Time to draw an image: milliseconds by size, context and style, beside painting the background
alone.

python -m benchmarks.scenes [--images 40]"""

from collections.abc import Iterator
from functools import partial
from statistics import median
from typing import Any

from benchmarks import parse_options, print_table, seconds
from vlcore.scenes import CONTEXTS, OBJECTS, STYLES, Scene, draw, sample
from vlcore.scenes.draw import paint_background

SIZE = 128  # px
VARIANTS: list[tuple[str, dict[str, Any], int]] = [  # name, changes of a scene, size
    *(("grass, desert", {}, size) for size in (64, SIZE, 256)),
    *((context, {"context": context}, SIZE) for context in CONTEXTS),
    *((style, {"style": style}, SIZE) for style in STYLES),
    ("half contrast", {"context_contrast": 0.5}, SIZE),
]


def main() -> None:
    scenes = []
    for index in range(parse_options(__doc__, images=40).images):
        object_name, context = OBJECTS[index % 2], CONTEXTS[index // 2 % 2]
        scenes.append(sample(object_name, context, split="demo", index=index))
    print_table(("medians", "image ms", "background only ms", "ratio"), time_scenes(scenes))


def time_scenes(scenes: list[Scene]) -> Iterator[tuple[str, str, str, str]]:
    for name, changes, size in VARIANTS:
        draw(scenes[0].replace(**changes), size)  # makes the noise that all images share
        image_times, background_times = [], []
        for scene in scenes:  # in turn, so that a busy machine slows both
            varied = scene.replace(**changes)
            image_times.append(1000 * seconds(partial(draw, varied, size)))
            background_times.append(1000 * seconds(partial(paint_background, varied, size)))
        image, background = median(image_times), median(background_times)
        ratio = f"{image / background:.1f}"
        yield f"{name} at {size}", f"{image:.1f}", f"{background:.1f}", ratio


if __name__ == "__main__":
    main()
