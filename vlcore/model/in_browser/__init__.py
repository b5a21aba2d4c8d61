"""The recipe that a browser trains as Python does: its scripts, and what these read.

It is the lab's encoder on pretrained encoders, of which an image is fewer and coarser numbers: 128
principal components of its features, a byte each (`vlcore.data.feature_store.components`). The
page docs/try and the phones of a class train it, in `trainer.js`.

Images are numbered group by group: first those that models may be trained on, the pool, then the
held-out ones. A browser draws nothing from a random generator of its own: it is told which images
of the pool each seed draws, and the seeds from which torch makes initial weights and batches.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.data.catalogue import open_set
from vlcore.data.feature_store import components, components_architecture
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import training_rows
from vlcore.experiment.captions import caption, captions_of
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.files import text_beside
from vlcore.experiment.grouping import Grouping, group_words
from vlcore.experiment.options import PRESETS, shown_name
from vlcore.experiment.version import __version__
from vlcore.model.streams import stream

FORMAT = 1
STREAMS = ("image tower", "text tower", "image order")  # of `vlcore.model.streams.stream`
ON_MAP = 50  # held-out images of a group, as in `reference_rows`
# Tables of a model's weights, in the order in which `trainer.js` has them.
WEIGHTS = (
    "image.adapt.weight",
    "image.adapt.bias",
    "image.norm.weight",
    "image.norm.bias",
    "image.project.weight",
    "text.project.weight",
    "tau",
    "bias",
)
MODULES = ("random.js", "sets.js", "measures.js", "trainer.js")  # each after those that it imports


def on_components(condition: Condition) -> Condition:
    """The same condition on what a browser trains, at the shortest training length."""
    images = open_set(condition.data, condition.data_version)
    architecture = components_architecture(images)
    return condition.replace(architecture=architecture, text="words", steps=PRESETS["live"])


def trainer_script() -> str:
    """The trainer as one script for a worker."""
    return "".join(as_function(text_beside(__file__, name)) for name in MODULES)


def as_function(module: str) -> str:
    """A module as a function of a script; the functions of the modules that it imports come
    before it."""
    text = re.sub(r"^import .*?;\n", "", module, flags=re.MULTILINE | re.DOTALL)
    kinds = r"(?:async )?(?:class|const|function\*?)"
    names = re.findall(rf"^export {kinds} (\w+)", text, flags=re.MULTILINE)
    return returning(re.sub(r"^export ", "", text, flags=re.MULTILINE), names)


def returning(script: str, names: Sequence[str]) -> str:
    """A script as a function, whose other names nobody sees."""
    told = f"{{ {', '.join(names)} }}"
    return f"const {told} = (() => {{\n{script}return {told};\n}})();\n"


def copy_scripts(out: Path) -> None:
    """Write the modules of the trainer into a folder."""
    for name in MODULES:
        (out / name).write_text(text_beside(__file__, name))


def manifest(sets: Sequence[ImageSet], seeds: Sequence[int]) -> dict[str, Any]:
    """What a trainer must know beside numbers: recipe, groups, captions, and the seeds of torch.

    Args:
        sets: built-in sets with the same objects and contexts.
        seeds: of models.
    """
    [grouping] = {images.grouping for images in sets}
    return {
        "format": FORMAT,
        "version": __version__,
        "recipe": _recipe(sets[0]),
        "objects": grouping.objects,
        "groups": [_described(name, grouping) for name in grouping.names],
        "styles": _styles(grouping),
        "seeds": [torch_seeds(seed) for seed in seeds],
        "sets": {images.name: _sizes(images) for images in sets},
    }


def _recipe(images: ImageSet) -> dict[str, float]:
    """The numbers of the recipe, and the shapes of its model."""
    import torch

    from vlcore.model import optimizers
    from vlcore.model.dual_encoder import build, word_vectors

    condition = on_components(Condition(images.name, images.version))
    model = build(condition, 0)
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


def _described(name: str, grouping: Grouping) -> dict[str, Any]:
    """A group as the manifest has it."""
    [pair] = (
        pair for pair, known in zip(grouping.pairs, grouping.names, strict=True) if known == name
    )
    return {
        "name": name,
        "words": group_words(grouping)[name],
        "object": grouping.objects.index(pair[0]),
        "rare": name in grouping.minority,
    }


def _styles(grouping: Grouping) -> list[dict[str, Any]]:
    """Caption styles, each with the caption of each group; `first` numbers all captions."""
    styles: list[dict[str, Any]] = []
    first = 0
    for labels in STYLES_OF_THE_STUDY:
        captions = captions_of(labels, grouping)
        texts = [entry.text for entry in captions]
        of_group = [texts.index(caption(labels, *pair, grouping)) for pair in grouping.pairs]
        styles.append(
            {
                "name": shown_name("labels", labels),
                "captions": texts,
                "objects": [grouping.objects.index(entry.object) for entry in captions],
                "of_group": of_group,
                "first": first,
            }
        )
        first += len(texts)
    return styles


def caption_vectors(grouping: Grouping) -> NDArray[np.float32]:
    """Unit vectors of the captions of all styles, as `manifest` numbers them, (captions, 256)."""
    sums = word_sums([text for style in _styles(grouping) for text in style["captions"]])
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def word_sums(texts: Sequence[str]) -> NDArray[np.float32]:
    """The sum of each text's word vectors, (n, 256)."""
    import torch

    from vlcore.experiment.vocabulary import PAD, WordPieces
    from vlcore.model.dual_encoder import word_vectors

    tokens = torch.from_numpy(WordPieces().tokens(texts))
    table = word_vectors("words", 0)
    sums: NDArray[np.float32] = (table[tokens] * (tokens != PAD)[..., None]).sum(dim=1).numpy()
    return sums


def torch_seeds(seed: int) -> list[int]:
    """From which torch makes initial weights and batches of the models of a seed."""
    return [stream(seed, name) % 2**32 for name in STREAMS]


def _sizes(images: ImageSet) -> dict[str, Any]:
    """Images of a group, in the pool and held out."""
    return {
        "pool": rows_by_group(images, "train").shape[1],
        "test": rows_by_group(images, "test").shape[1],
        "map": ON_MAP,
        "attribution": images.attribution,
    }


def rows_by_group(images: ImageSet, split: str) -> NDArray[np.int64]:
    """Rows of a split, (groups, n): the groups are equally large in sets that come with the lab."""
    rows = images.rows(split)
    groups = images.table["group"].to_numpy()[rows]
    return np.stack([rows[groups == name] for name in images.grouping.names])


def set_file(images: ImageSet, seeds: Sequence[int]) -> bytes:
    """The numbers of a set: units of the features, float32 (128,); `draws` of each seed, uint16
    (seeds, groups, 48); features of the pool and of the held-out images, int8 (images, 128)."""
    pool, test = rows_by_group(images, "train"), rows_by_group(images, "test")
    table = components(images)
    numbers = table.numbers[np.concatenate([pool.ravel(), test.ravel()])]
    drawn = np.array([draws(images, seed) for seed in seeds], "<u2")
    return table.units.tobytes() + drawn.tobytes() + numbers.tobytes()


def draws(images: ImageSet, seed: int) -> NDArray[np.int64]:
    """The images of the pool that a seed draws, in its order, numbered within their group,
    (groups, 48); of a rare group a bias keeps the first."""
    pool = rows_by_group(images, "train")
    unbiased = Condition(images.name, images.version, bias=0.0, data_seed=seed)
    rows = training_rows(images, unbiased)
    return rows.reshape(len(pool), -1) - pool[:, :1]


def phone_module(data: str, version: str) -> str:
    """All that the phones of a class train on, as a JavaScript module; it has the draws and seeds
    of no model yet."""
    images = open_set(data, version)
    [images_in_file, captions] = (
        base64.b64encode(content).decode("ascii")
        for content in (set_file(images, [0]), caption_vectors(images.grouping).tobytes())
    )
    content = {"manifest": manifest([images], []), "images": images_in_file, "captions": captions}
    return f"export default {json.dumps(content)};\n"
