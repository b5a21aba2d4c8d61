"""A sheet to look at: eight scenes of each group, and one scene with its three twins.

python -m benchmarks.contact_sheet --out docs/scenes.png
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from vlcore.scenes import draw, sample

GROUPS = [("horse", "grass"), ("horse", "desert"), ("camel", "desert"), ("camel", "grass")]
COLUMNS = 8
GAP = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--first", type=int, default=220, help="index of the first scene")
    options = parser.parse_args()
    size = options.size
    rows = [
        [draw(sample(*group, split="demo", index=options.first + 100 * g + i), size).image for i in range(COLUMNS)]
        for g, group in enumerate(GROUPS)
    ]
    scene = sample("horse", "grass", split="demo", index=options.first + 1000)
    twins = [draw(scene.replace(object=o, context=c), 2 * size + GAP).image for o, c in GROUPS]
    sheet = np.vstack([*(framed(row) for row in rows), framed(twins)])
    Image.fromarray(sheet).save(options.out, optimize=True)


def framed(images: list[np.ndarray]) -> np.ndarray:
    """Pictures side by side with white gaps."""
    padded = [np.pad(image, ((0, GAP), (0, GAP), (0, 0)), constant_values=255) for image in images]
    return np.hstack(padded)


if __name__ == "__main__":
    main()
