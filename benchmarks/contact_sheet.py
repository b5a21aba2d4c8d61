"""A sheet to look at and to put on a slide: the four groups, one scene's twins, its contexts, styles and contrasts.

python -m benchmarks.contact_sheet --out docs/scenes.png [--strips groups twins contexts styles contrasts]
    [--size 128] [--columns 8] [--first 220] [--plain]
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vlcore.scenes import CONTEXTS, STYLES, Scene, draw, sample

GROUPS = [("horse", "grass"), ("horse", "desert"), ("camel", "desert"), ("camel", "grass")]
CONTRASTS = (1.0, 0.5, 0.25, 0.1, 0.0)
GAP = 4
INK = (70, 70, 70)

Strip = list[tuple[str, Scene]]  # a title and a scene for each picture, side by side


KINDS = ("groups", "twins", "contexts", "styles", "contrasts")


def strips_of(first: int, columns: int) -> dict[str, list[Strip]]:
    """One row of unrelated scenes for each group; and one scene each with other factors, by what is varied."""
    rows: list[Strip] = []
    for g, group in enumerate(GROUPS):
        scenes = [sample(*group, split="demo", index=first + 100 * g + i) for i in range(columns)]
        rows.append([(", ".join(group) if i == 0 else "", scene) for i, scene in enumerate(scenes)])
    varied = (
        ("horse", "grass", [(f"{obj}, {context}", {"object": obj, "context": context}) for obj, context in GROUPS]),
        ("camel", "grass", [(context, {"context": context}) for context in CONTEXTS]),
        ("horse", "grass", [(style, {"style": style}) for style in STYLES]),
        ("camel", "desert", [(f"context contrast {c:.0%}", {"context_contrast": c}) for c in CONTRASTS]),
    )
    strips = {"groups": rows}
    for number, (kind, (obj, context, changes)) in enumerate(zip(KINDS[1:], varied, strict=True)):
        scene = sample(obj, context, split="demo", index=first + 1000 + number)
        strips[kind] = [[(title, scene.replace(**change)) for title, change in changes]]
    return strips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the PNG to write")
    parser.add_argument("--strips", nargs="+", choices=KINDS, default=KINDS, help="what to show, in order")
    parser.add_argument("--size", type=int, default=128, help="side of a picture in the rows of groups, in pixels")
    parser.add_argument("--columns", type=int, default=8, help="pictures in a row of a group")
    parser.add_argument("--first", type=int, default=220, help="index of the first scene")
    parser.add_argument("--plain", action="store_true", help="no titles over the pictures")
    options = parser.parse_args()
    width = options.columns * (options.size + GAP) - GAP
    every = strips_of(options.first, options.columns)
    strips = [strip for name in options.strips for strip in every[name]]
    sheet = np.vstack([painted(strip, width, not options.plain) for strip in strips])
    Image.fromarray(sheet).save(options.out, optimize=True)


def painted(strip: Strip, width: int, titled: bool) -> NDArray[np.uint8]:
    """The pictures of a strip side by side on white, as large as fits the width, with their titles above."""
    size = (width - GAP * (len(strip) - 1)) // len(strip)
    above = 18 if titled else 0
    paper = Image.new("RGB", (width, above + size + GAP), "white")
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default(12)
    for i, (title, scene) in enumerate(strip):
        left = i * (size + GAP)
        paper.paste(Image.fromarray(draw(scene, size).image), (left, above))
        if titled:
            pen.text((left, 2), title, fill=INK, font=font)
    return np.asarray(paper)


if __name__ == "__main__":
    main()
