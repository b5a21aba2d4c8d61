"""How long a picture takes: milliseconds at three sizes, beside painting the place without an animal.

python -m benchmarks.scenes [--pictures 40]
"""

import argparse
import statistics
import time
from collections.abc import Callable

from vlcore.scenes import CONTEXTS, OBJECTS, Scene, draw, sample
from vlcore.scenes.places import place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=40, help="pictures to draw at each size")
    pictures = parser.parse_args().pictures
    scenes = [sample(OBJECTS[i % 2], CONTEXTS[i // 2 % 2], split="demo", index=i) for i in range(pictures)]
    print("size  picture ms  place only ms  ratio   (medians)")
    for size in (64, 128, 256):
        whole = statistics.median(seconds(lambda scene, size=size: draw(scene, size), scenes)) * 1000
        bare = statistics.median(seconds(lambda scene, size=size: place(scene, size), scenes)) * 1000
        print(f"{size:4}  {whole:10.1f}  {bare:13.1f}  {whole / bare:5.1f}")


def seconds(work: Callable[[Scene], object], scenes: list[Scene]) -> list[float]:
    """The time of each call, the first left out because it makes the noise fields."""
    work(scenes[0])
    times = []
    for scene in scenes:
        start = time.perf_counter()
        work(scene)
        times.append(time.perf_counter() - start)
    return times


if __name__ == "__main__":
    main()
