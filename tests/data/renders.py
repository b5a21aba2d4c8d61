"""A small archive in the form of the bundled renders: coloured rectangles on plain grounds."""

import csv
import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

SCENES = {"train": 6, "val": 4, "probe": 5, "test": 6}  # of each group
SKIES = ("clear", "morning", "overcast", "dusk")
SIDE = 32  # px
COLOURS = {"horse": (120, 70, 30), "camel": (200, 170, 110)}
GROUNDS = {"grass": (60, 140, 60), "desert": (210, 190, 120)}
ATTRIBUTION = "Made of art by Wildfire Games, CC BY-SA 3.0."
COLUMNS = ("file_name", "object", "context", "split", "caption", "mask", "scene", "factors")


def write_archive(folder: Path) -> Path:
    """Write ``images.zip`` and ``LICENSE.txt`` to a folder; each scene is in all four groups."""
    folder.mkdir(parents=True)
    rows, files = [], {}
    for split, scenes in SCENES.items():
        for number in range(scenes):
            random = np.random.default_rng([len(split), number])
            left, top = (int(value) for value in random.integers(4, 14, 2))
            area = np.s_[top : top + 12, left : left + 14]
            factors = {"sky": SKIES[number % 4], "coat": "bay", "mesh": 2, "pose": "walking"}
            factors |= {"heading": 2.6, "size": 0.5}
            for obj, colour in COLOURS.items():
                mask = np.zeros((SIDE, SIDE), np.uint8)
                mask[area] = 255
                mask_name = f"masks/{split}/{obj}/{number:04d}.png"
                files[mask_name] = _encoded(mask, "PNG")
                for context, ground in GROUNDS.items():
                    noise = random.integers(0, 40, (SIDE, SIDE, 3))
                    pixels = (np.array(ground) + noise).clip(0, 255).astype(np.uint8)
                    pixels[area] = colour
                    name = f"images/{split}/{obj}_{context}/{number:04d}.webp"
                    files[name] = _encoded(pixels, "WEBP")
                    caption = f"{obj} on {context}"
                    scene = f"{split}-{number:04d}"
                    row = (name, obj, context, split, caption, mask_name, scene)
                    rows.append((*row, json.dumps(factors)))
    listing = io.StringIO()
    csv.writer(listing, lineterminator="\n").writerows([COLUMNS, *rows])
    about = {
        "name": "renders",
        "version": "1",
        "source": "rendered from art of 0 A.D.",
        "licence": "CC BY-SA 3.0",
        "attribution": ATTRIBUTION,
        "sizes": [SIDE],
        "objects": ["horse", "camel"],
        "contexts": ["grass", "desert"],
        "images": len(rows),
        "checksum": hashlib.sha256(listing.getvalue().encode()).hexdigest(),
    }
    archive = folder / "images.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("metadata.csv", listing.getvalue())
        packed.writestr("dataset.json", json.dumps(about))
        for name, content in files.items():
            packed.writestr(name, content)
    (folder / "LICENSE.txt").write_text("Attribution-ShareAlike 3.0\n")
    return archive


def _encoded(pixels: np.ndarray, form: str) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, form)
    return content.getvalue()
