"""Write what the page docs/try reads into a folder: image sets, captions, words, the answer.

python -m tools.site_data --out site/try/data

The page itself goes beside the folder, and so does `lab.html`: the page and all data in one HTML
file, which needs no network.

`manifest.json` describes the other files, with the size of each in `files`; `vlcore.model.in_browser`
says more of it. Numbers are little-endian.

| file | content |
| --- | --- |
| `SET.bin` | float32 (128,): units of the features; uint16 (seeds, groups, 48): images of the pool, numbered within their group, of which a bias keeps the first; int8 (images, 128): features |
| `SET.map.webp`, `SET.pool.webp` | small images as tiles, row by row: of each group the first held-out images, and the pool |
| `captions.bin` | float32 (captions, 256): unit vectors of the captions of all styles |
| `words.json`, `words.bin` | words, and float32 (words, 1): units, int8 (words, 256): vectors; a caption is the sum of its words' vectors, at length 1 |
| `answer.json` | what the lab found, in sentences |
| `atlas-scenes.json`, `maps.js`, `theme.css` | Home's riddle, the product's maps as a module, colours |
"""  # noqa: E501

import json
import math
import re
import shutil
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import FLAG, parse_options, print_table
from tools.site_page import copy_page, write_page_data
from vlcore.data.catalogue import BUILT_IN_SETS, open_set
from vlcore.data.drawn import scene_of
from vlcore.data.imageset import LICENCE, ImageSet
from vlcore.data.in_bytes import InBytes
from vlcore.data.packed import ARCHIVES
from vlcore.experiment.vocabulary import PAD, WordPieces, split_words
from vlcore.model.in_browser import (
    ON_MAP,
    caption_vectors,
    manifest,
    rows_by_group,
    set_file,
    word_sums,
)
from vlcore.scenes import draw_scene

TILES = {"map": 64, "pool": 40}  # px of a small image
WORD = "[a-z]{2,}"
SEEDS, WORDS = 20, 3000  # of the site


def main() -> None:
    """Write the files, and print their sizes."""
    options = parse_options(
        __doc__,
        out=Path("site/try/data"),
        sets={"nargs": "+", "choices": BUILT_IN_SETS, "default": [*BUILT_IN_SETS]},
        seeds=SEEDS,
        words=WORDS,
        without_pictures=FLAG,
    )
    sizes = write_site_data(
        options.out, options.sets, options.seeds, options.words, not options.without_pictures
    )
    copy_page(options.out.parent)
    print_table(("file", "kB"), [(name, f"{size / 1000:,.0f}") for name, size in sizes.items()])


def write_site_data(
    out: Path,
    names: Sequence[str] = BUILT_IN_SETS,
    seeds: int = SEEDS,
    words: int = WORDS,
    with_pictures: bool = True,
) -> dict[str, int]:
    """Write the files of some image sets.

    Args:
        out: the folder.
        names: of built-in sets, which have the same objects and contexts.
        seeds: how many, from 0, may be trained.
        words: how many words may be typed, besides those of captions.
        with_pictures: whether small images are drawn too, for half a minute a set.

    Returns:
        The size of each file in bytes.
    """
    out.mkdir(parents=True, exist_ok=True)
    sets = [open_set(name) for name in names]
    described = manifest(sets, range(seeds))
    texts = [text for style in described["styles"] for text in style["captions"]]
    listed = _words(words, texts)
    (out / "captions.bin").write_bytes(caption_vectors(sets[0].grouping).tobytes())
    (out / "words.json").write_text(json.dumps(listed))
    vectors = InBytes.of_rows(word_sums(listed))
    (out / "words.bin").write_bytes(vectors.units.tobytes() + vectors.numbers.tobytes())
    sheets = {images.name: _write_set(images, seeds, out, with_pictures) for images in sets}
    for name, entry in described["sets"].items():
        if with_pictures:
            entry["sheets"] = sheets[name]
    write_page_data(out, sheets.get("scenes", {}).get("map"))
    described["files"] = {file.name: file.stat().st_size for file in sorted(out.iterdir())}
    (out / "manifest.json").write_text(json.dumps(described, separators=(",", ":")))
    return {file.name: file.stat().st_size for file in sorted(out.iterdir())}


def _words(count: int, texts: Sequence[str]) -> list[str]:
    """The words of some texts, then the most frequent English ones: of the words in which WordNet
    defines things, those that are one word piece, in the order of the pieces."""
    definitions = files("timm") / "data" / "_info" / "imagenet_synset_to_definition.txt"
    words = sorted(set(re.findall(WORD, definitions.read_text().lower())))
    pieces = WordPieces().tokens(words)
    single = np.flatnonzero((pieces != PAD).sum(axis=1) == 1)
    frequent = single[np.argsort(pieces[single, 0], kind="stable")][:count]
    listed = [*split_words(" ".join(texts)), *(words[number] for number in frequent)]
    return list(dict.fromkeys(listed))


def _write_set(images: ImageSet, seeds: int, out: Path, with_pictures: bool) -> dict[str, Any]:
    """Write the files of a set; returns what the manifest says of its small images."""
    (out / f"{images.name}.bin").write_bytes(set_file(images, range(seeds)))
    licence = ARCHIVES / images.name / LICENCE
    if licence.is_file():
        shutil.copyfile(licence, out / f"{images.name}.{LICENCE}")
    if not with_pictures:
        return {}
    pool, test = rows_by_group(images, "train"), rows_by_group(images, "test")
    rows_of = {"map": test[:, :ON_MAP], "pool": pool}
    return {
        part: write_sheet(images, rows.ravel(), TILES[part], out / f"{images.name}.{part}.webp")
        for part, rows in rows_of.items()
    }


def write_sheet(images: ImageSet, rows: NDArray[np.int64], tile: int, file: Path) -> dict[str, Any]:
    """Write small images as tiles of one, as square as they go; returns what the manifest says."""
    across = math.ceil(math.sqrt(len(rows)))
    sheet = Image.new("RGB", (tile * across, tile * math.ceil(len(rows) / across)))
    for number, row in enumerate(rows.tolist()):
        down, right = divmod(number, across)
        small = _picture(images, row, 2 * tile).resize((tile, tile), Image.Resampling.BOX)
        sheet.paste(small, (right * tile, down * tile))
    sheet.save(file, format="WEBP", quality=50, method=6)
    return {"file": file.name, "tile": tile, "across": across}


def _picture(images: ImageSet, row: int, side: int) -> Image.Image:
    """An image; of a drawn set drawn in this size, which takes a fifth of the time."""
    if images.about.get("recipe"):
        return Image.fromarray(draw_scene(scene_of(images, row), side).image)
    return Image.fromarray(images.image(row))


if __name__ == "__main__":
    main()
