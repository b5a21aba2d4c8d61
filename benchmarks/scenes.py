"""How long a picture takes: milliseconds by size, context and style, beside painting the place without an animal.

python -m benchmarks.scenes [--pictures 40]
"""

import argparse
import statistics
import time
from collections.abc import Callable

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
        report(f"{context} at {SIZE}", [scene.replace(context=context) for scene in scenes])
    for style in STYLES:
        report(f"{style} at {SIZE}", [scene.replace(style=style) for scene in scenes])
    report(f"half contrast at {SIZE}", [scene.replace(context_contrast=0.5) for scene in scenes])


def report(title: str, scenes: list[Scene], size: int = SIZE) -> None:
    """Print one line, the two timed in turn so that a busy machine slows both."""
    draw(scenes[0], size)  # which makes the noise that all pictures share
    times: dict[Callable[..., object], list[float]] = {draw: [], place: []}
    for scene in scenes:
        for work, taken in times.items():
            start = time.perf_counter()
            work(scene, size)
            taken.append((time.perf_counter() - start) * 1000)
    whole, bare = (statistics.median(taken) for taken in times.values())
    print(f"{title:22}  {whole:10.1f}  {bare:13.1f}  {whole / bare:5.1f}")


if __name__ == "__main__":
    main()
