"""How long a picture takes: milliseconds by size, context and style, beside painting the place
without an animal.

python -m benchmarks.scenes [--pictures 40]"""

from functools import partial
from statistics import median
from typing import Any

from benchmarks import head, options, row, seconds
from vlcore.scenes import CONTEXTS, OBJECTS, STYLES, draw, sample
from vlcore.scenes.draw import place

SIZE = 128


def main() -> None:
    pictures = options(__doc__, pictures=40).pictures
    scenes = [
        sample(OBJECTS[i % 2], CONTEXTS[i // 2 % 2], split="demo", index=i) for i in range(pictures)
    ]
    lines: list[tuple[str, dict[str, Any], int]] = [
        *(("grass, desert", {}, size) for size in (64, SIZE, 256)),
        *((context, {"context": context}, SIZE) for context in CONTEXTS),
        *((style, {"style": style}, SIZE) for style in STYLES),
        ("half contrast", {"context_contrast": 0.5}, SIZE),
    ]
    print(head("medians", "picture ms", "place only ms", "ratio"))
    for title, changes, size in lines:
        draw(scenes[0].replace(**changes), size)  # which makes the noise that all pictures share
        times: dict[Any, list[float]] = {draw: [], place: []}
        for scene in scenes:  # the two in turn, so that a busy machine slows both
            for work, taken in times.items():
                taken.append(1000 * seconds(partial(work, scene.replace(**changes), size)))
        whole, bare = map(median, times.values())
        print(
            row(f"{title} at {size}", f"{whole:.1f}", f"{bare:.1f}", f"{whole / bare:.1f}"),
            flush=True,
        )


if __name__ == "__main__":
    main()
