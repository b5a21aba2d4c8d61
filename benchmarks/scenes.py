"""How long a picture takes: milliseconds by size, context and style, beside painting the place without an animal.

python -m benchmarks.scenes [--pictures 40]
"""

import argparse
import functools
import statistics
import time
from collections.abc import Callable
from typing import Any

from vlcore.scenes import CONTEXTS, OBJECTS, STYLES, Scene, draw, sample
from vlcore.scenes.draw import place

SIZE = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=40, help="pictures to draw for each line")
    pictures = parser.parse_args().pictures
    scenes = [sample(OBJECTS[i % 2], CONTEXTS[i // 2 % 2], split="demo", index=i) for i in range(pictures)]
    print(f"{'':22}  picture ms  place only ms  ratio   (medians)")
    for size in (64, SIZE, 256):
        report(f"grass, desert at {size}", scenes, size)
    for context in CONTEXTS:
        report(f"{context} at {SIZE}", changed(scenes, context=context), SIZE)
    for style in STYLES:
        report(f"{style} at {SIZE}", changed(scenes, style=style), SIZE)
    report(f"half contrast at {SIZE}", changed(scenes, context_contrast=0.5), SIZE)


def changed(scenes: list[Scene], **changes: Any) -> list[Scene]:
    return [scene.replace(**changes) for scene in scenes]


def report(title: str, scenes: list[Scene], size: int) -> None:
    """Print one line, the two timed in turn so that a busy machine slows both."""
    whole, bare = paired(functools.partial(draw, size=size), functools.partial(place, size=size), scenes)
    print(f"{title:22}  {whole:10.1f}  {bare:13.1f}  {whole / bare:5.1f}")


def paired(one: Callable[[Scene], object], two: Callable[[Scene], object], scenes: list[Scene]) -> tuple[float, float]:
    """Median milliseconds of two functions of a scene; the first scene is left out because it makes the noise."""
    times: tuple[list[float], list[float]] = ([], [])
    for work in (one, two):
        work(scenes[0])
    for scene in scenes:
        for work, taken in zip((one, two), times, strict=True):
            start = time.perf_counter()
            work(scene)
            taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[0]), statistics.median(times[1])


if __name__ == "__main__":
    main()
