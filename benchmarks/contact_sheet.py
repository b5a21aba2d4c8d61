"""A sheet to look at and to put on a slide: the four groups, one scene's twins, its contexts,
styles and contrasts.

python -m benchmarks.contact_sheet --out docs/scenes.png"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks import options
from vlcore.scenes import CONTEXTS, STYLES, Scene, draw, sample

GROUPS = [("horse", "grass"), ("horse", "desert"), ("camel", "desert"), ("camel", "grass")]
CONTRASTS = (1.0, 0.5, 0.25, 0.1, 0.0)
# What is varied of one scene: its object and context, and a title and the changes for each picture.
VARIED = [
    (*GROUPS[0], [(f"{o}, {c}", {"object": o, "context": c}) for o, c in GROUPS]),
    ("camel", "grass", [(context, {"context": context}) for context in CONTEXTS]),
    ("horse", "grass", [(style, {"style": style}) for style in STYLES]),
    (
        "camel",
        "desert",
        [(f"context contrast {c:.0%}", {"context_contrast": c}) for c in CONTRASTS],
    ),
]
COLUMNS, FIRST = 8, 220  # pictures in a row of a group; index of the first scene
GAP, ABOVE = 4, 18  # px between pictures, and for their titles
WIDTH = COLUMNS * (128 + GAP) - GAP


def main() -> None:
    asked = options(__doc__, out={"type": Path, "required": True, "help": "the PNG to write"})
    strips = []  # a title and a scene for each picture, side by side
    for g, group in enumerate(GROUPS):
        scenes = [sample(*group, split="demo", index=FIRST + 100 * g + i) for i in range(COLUMNS)]
        strips.append([("" if i else ", ".join(group), scene) for i, scene in enumerate(scenes)])
    for number, (obj, context, changes) in enumerate(VARIED):
        scene = sample(obj, context, split="demo", index=FIRST + 1000 + number)
        strips.append([(title, scene.replace(**change)) for title, change in changes])
    Image.fromarray(np.vstack([painted(strip) for strip in strips])).save(asked.out, optimize=True)


def painted(strip: list[tuple[str, Scene]]) -> NDArray[np.uint8]:
    """The pictures of a strip side by side on white, as large as fits the width, with their titles
    above."""
    size = (WIDTH - GAP * (len(strip) - 1)) // len(strip)
    paper = Image.new("RGB", (WIDTH, ABOVE + size + GAP), "white")
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default(12)
    for i, (title, scene) in enumerate(strip):
        left = i * (size + GAP)
        paper.paste(Image.fromarray(draw(scene, size).image), (left, ABOVE))
        pen.text((left, 2), title, fill=(70, 70, 70), font=font)
    return np.asarray(paper)


if __name__ == "__main__":
    main()
