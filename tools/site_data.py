"""Write what the page docs/try reads into a folder: image sets, captions, words, the answer.

python -m tools.site_data --out site/try/data

The page itself goes beside the folder, and so does `lab.html`: the page and all data in one HTML
file, which needs no network.

`manifest.json` describes the other files, with the size of each in `files`. Numbers are
little-endian. Images are numbered group by group: first those that models may be trained on, the
pool, then the held-out ones. The page draws nothing from a random generator of its own: it is told
which images of the pool each seed draws, and the seeds from which torch makes initial weights and
batches.

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
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F

from benchmarks import FLAG, parse_options, print_table
from tools.browser import InBytes, browser_condition, components
from tools.site_page import copy_page, write_page_data
from vlcore.data.catalogue import BUILT_IN_SETS, open_set
from vlcore.data.drawn import scene_of
from vlcore.data.imageset import LICENCE, ImageSet
from vlcore.data.packed import ARCHIVES
from vlcore.data.subset import training_rows
from vlcore.experiment.captions import caption, captions_of
from vlcore.experiment.condition import STYLES_OF_THE_STUDY
from vlcore.experiment.grouping import Grouping, group_words
from vlcore.experiment.options import shown_name
from vlcore.experiment.version import __version__
from vlcore.experiment.vocabulary import PAD, WordPieces, split_words
from vlcore.model import optimizers
from vlcore.model.dual_encoder import build, stream, word_vectors
from vlcore.scenes import draw_scene

FORMAT = 1
STREAMS = ("image tower", "text tower", "image order")  # of `vlcore.model.dual_encoder.stream`
ON_MAP = 50  # held-out images of a group, as in `reference_rows`
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
    [grouping] = {images.grouping for images in sets}
    styles, captions = _styles(grouping)
    texts = [text for style in styles for text in style["captions"]]
    listed = _words(words, texts)
    (out / "captions.bin").write_bytes(captions.tobytes())
    (out / "words.json").write_text(json.dumps(listed))
    vectors = InBytes.of_rows(_sums(listed))
    (out / "words.bin").write_bytes(vectors.units.tobytes() + vectors.numbers.tobytes())
    described = {images.name: _write_set(images, seeds, out, with_pictures) for images in sets}
    write_page_data(out, described.get("scenes", {}).get("sheets", {}).get("map"))
    manifest = {
        "format": FORMAT,
        "version": __version__,
        "recipe": _recipe(sets[0]),
        "objects": grouping.objects,
        "groups": [
            {
                "name": name,
                "words": group_words(grouping)[name],
                "object": grouping.objects.index(pair[0]),
                "rare": name in grouping.minority,
            }
            for name, pair in zip(grouping.names, grouping.pairs, strict=True)
        ],
        "styles": styles,
        "seeds": [[stream(seed, name) % 2**32 for name in STREAMS] for seed in range(seeds)],
        "sets": described,
        "files": {file.name: file.stat().st_size for file in sorted(out.iterdir())},
    }
    (out / "manifest.json").write_text(json.dumps(manifest, separators=(",", ":")))
    return {file.name: file.stat().st_size for file in sorted(out.iterdir())}


def _recipe(images: ImageSet) -> dict[str, float]:
    """The numbers of the recipe, and the shapes of its model."""
    condition = browser_condition(images.name, 0.0, STYLES_OF_THE_STUDY[0], 0)
    model = build(condition, len(WordPieces()))
    with torch.no_grad():
        scale, bias = float(model.tau.exp()), float(model.bias)
    return {
        "features": model.config.features,
        "width": model.config.width,
        "words": word_vectors(condition.text, 0).shape[1],
        "embedding": model.config.embedding,
        "scale": round(scale, 4),
        "bias": bias,
        "per_group": condition.n_per_group,
        "steps": condition.steps,
        "batch": condition.batch_size,
        "rate": optimizers.OTHER_RATE,
        "decay": optimizers.WEIGHT_DECAY,
        "warm_up": optimizers.WARM_UP,
    }


def _styles(grouping: Grouping) -> tuple[list[dict[str, Any]], NDArray[np.float32]]:
    """Caption styles, each with the caption of each group, and the vectors of all captions."""
    styles: list[dict[str, Any]] = []
    vectors: list[NDArray[np.float32]] = []
    for labels in STYLES_OF_THE_STUDY:
        captions = captions_of(labels, grouping)
        texts = [entry.text for entry in captions]
        styles.append(
            {
                "name": shown_name("labels", labels),
                "captions": texts,
                "objects": [grouping.objects.index(entry.object) for entry in captions],
                "of_group": [
                    texts.index(caption(labels, *pair, grouping)) for pair in grouping.pairs
                ],
                "first": len(vectors),
            }
        )
        vectors.extend(F.normalize(torch.from_numpy(_sums(texts)), dim=-1).numpy())
    return styles, np.array(vectors, np.float32)


def _sums(texts: Sequence[str]) -> NDArray[np.float32]:
    """The sum of each text's word vectors, (n, 256): that of a text is that of its words."""
    tokens = torch.from_numpy(WordPieces().tokens(texts))
    table = word_vectors("words", 0)
    return (table[tokens] * (tokens != PAD)[..., None]).sum(dim=1).numpy()


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
    """Write the files of a set; returns its entry in the manifest."""
    pool, test = _by_group(images, "train"), _by_group(images, "test")
    table = components(images)
    numbers = table.numbers[np.concatenate([pool.ravel(), test.ravel()])]
    parts = [table.units.tobytes(), _draws(images, pool, seeds).tobytes(), numbers.tobytes()]
    (out / f"{images.name}.bin").write_bytes(b"".join(parts))
    licence = ARCHIVES / images.name / LICENCE
    if licence.is_file():
        shutil.copyfile(licence, out / f"{images.name}.{LICENCE}")
    entry: dict[str, Any] = {
        "pool": pool.shape[1],
        "test": test.shape[1],
        "map": ON_MAP,
        "attribution": images.attribution,
    }
    if with_pictures:
        rows_of = {"map": test[:, :ON_MAP], "pool": pool}
        entry["sheets"] = {
            part: write_sheet(images, rows.ravel(), TILES[part], out / f"{images.name}.{part}.webp")
            for part, rows in rows_of.items()
        }
    return entry


def _by_group(images: ImageSet, split: str) -> NDArray[np.int64]:
    """Rows of a split, (groups, n): the groups are equally large in sets that come with the lab."""
    rows = images.rows(split)
    groups = images.table["group"].to_numpy()[rows]
    return np.stack([rows[groups == name] for name in images.grouping.names])


def _draws(images: ImageSet, pool: NDArray[np.int64], seeds: int) -> NDArray[np.uint16]:
    """The images that each seed draws, in its order, (seeds, groups, 48)."""
    unbiased = [browser_condition(images.name, 0.0, "short", seed) for seed in range(seeds)]
    rows = np.array([training_rows(images, condition) for condition in unbiased])
    drawn = rows.reshape(seeds, len(pool), -1)
    return (drawn - pool[:, :1]).astype("<u2")


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
