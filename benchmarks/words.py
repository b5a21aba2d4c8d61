"""Words that were in no training caption: does each rank the held-out images that show it first?

python -m benchmarks.words [--seeds 10] [--first 200] [--out docs/results/words]

Of every caption in `COUNTED` it computes the AUC of the cosine between caption and held-out
image: images that show the caption's object (or background, or both) against all others, in one
ranking a model. A figure is the mean over models of so many seeds with its 95 % t interval. All
models see images through the pretrained tower and were trained without bias; they differ in what
reads captions (`TEXTS`) and in the label style. Models are trained where they are missing.
It writes words.csv and a page that is made from that table alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks import options
from vlcore.core.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.datasets.catalogue import open_set
from vlcore.runs.load import OwnModel, load
from vlcore.runs.train import train_condition
from vlcore.store import artefacts
from vlcore.studies.statistics.paired import t_interval

WORKS = 0.6  # the least AUC of a word that works
TEXTS = ("words", "words@random", "transformer")
UNTRAINED = "untrained words"  # word vectors under the map and tower of the first step

# The list was written before any of these models was asked. Words of the pilot are in it, whether
# they worked there or failed: pony, stallion, mare, mustang, foal, equine, racehorse, steed,
# bactrian camel, camels, llama, dromedary, humped animal, lawn, green field, sahara, arid land,
# sandy place. Each has a word that no caption of any label style contains.
HORSE = (
    "pony", "ponies", "stallion", "mare", "foal", "colt", "filly", "mustang", "equine",
    "racehorse", "thoroughbred", "steed", "bronco", "gelding", "zebra", "an animal with a mane",
    "an animal that neighs",
)  # fmt: skip
CAMEL = (
    "camels", "dromedary", "dromedaries", "bactrian", "bactrian camel", "camelid", "llama",
    "alpaca", "caravan", "humped animal", "an animal with a hump", "two humps",
)  # fmt: skip
GRASS = (
    "lawn", "prairie", "grassland", "grassy", "turf", "green field", "green hills", "golf course",
    "paddock", "farmland", "steppe", "lush vegetation",
)  # fmt: skip
DESERT = (
    "sahara", "gobi", "sandy place", "arid land", "barren land", "dry land", "wasteland", "dune",
    "sandstorm", "oasis", "cactus", "drought",
)  # fmt: skip
BOTH = {
    "pony on the lawn": ("horse", "grass"),
    "a mare in a green field": ("horse", "grass"),
    "stallion in the sahara": ("horse", "desert"),
    "a foal in arid land": ("horse", "desert"),
    "camel in the sahara": ("camel", "desert"),
    "a dromedary in the gobi": ("camel", "desert"),
    "llama on the prairie": ("camel", "grass"),
}
# Words of paraphrases, a label style that trains none of these models; not counted among the 60.
PARAPHRASED = {"meadow": "grass", "pasture": "grass", "dunes": "desert", "sand dunes": "desert"}
# Words that no image shows: their AUC is that of horses against camels, and has no truth.
UNRELATED = (
    "car", "music", "happy", "computer", "tuesday", "pizza", "a ship at sea", "the president",
    "mathematics", "blue", "a red sports car", "football match",
)  # fmt: skip


@dataclass(frozen=True)
class UnseenCaption:
    """A caption, the part of the list that it belongs to, and what images that fit it show."""

    text: str
    part: str
    object: str = ""
    context: str = ""

    def fits(self, images: pd.DataFrame) -> NDArray[np.bool_]:
        """Which images show its object and its context, of rows of an image set."""
        fits = np.ones(len(images), dtype=bool)
        if self.object:
            fits &= (images["object"] == self.object).to_numpy()
        if self.context:
            fits &= (images["context"] == self.context).to_numpy()
        return fits


COUNTED = (
    *(UnseenCaption(text, "horse", object="horse") for text in HORSE),
    *(UnseenCaption(text, "camel", object="camel") for text in CAMEL),
    *(UnseenCaption(text, "grass", context="grass") for text in GRASS),
    *(UnseenCaption(text, "desert", context="desert") for text in DESERT),
    *(UnseenCaption(text, "both", *shows) for text, shows in BOTH.items()),
)
NOT_COUNTED = (
    *(UnseenCaption(text, "paraphrase", context=shows) for text, shows in PARAPHRASED.items()),
    *(UnseenCaption(text, "unrelated", object="horse") for text in UNRELATED),
)
CAPTIONS = (*COUNTED, *NOT_COUNTED)


def main() -> None:
    settings = options(__doc__, seeds=10, first=200, out=Path("docs/results/words"))
    seeds = range(settings.first, settings.first + settings.seeds)
    rows = [
        row for text, labels, seed in product(TEXTS, STYLES_OF_THE_STUDY, seeds) for row in measured(text, labels, seed)
    ]
    table = summary(pd.DataFrame(rows))
    settings.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(settings.out / "words.csv", index=False, float_format="%.4f", lineterminator="\n")
    print(table.to_string())


def measured(text: str, labels: str, seed: int) -> Iterator[dict[str, object]]:
    """The AUC of each caption in one model, and in the same model before its first step."""
    condition = Condition(labels=labels, data_seed=seed, init_seed=seed)
    condition = condition.with_towers("pretrained").replace(text=text)
    train_condition(condition)
    artefact = artefacts.read(condition.key)
    model = load(artefact)
    assert isinstance(model, OwnModel)
    arrays = artefact.arrays("embeddings.npz")
    images = open_set(condition.data).table.iloc[arrays["test_rows"]]
    asked = [(text, model, arrays["end_test"])]
    if text == "words":
        asked.append((UNTRAINED, model.before(), arrays["untrained_test"]))
    for name, encoder, image_z in asked:
        caption_z = encoder.embed_captions([caption.text for caption in CAPTIONS])
        cosines = image_z @ caption_z.T
        for caption, scores in zip(CAPTIONS, cosines.T, strict=True):
            auc = float(roc_auc_score(caption.fits(images), scores))
            yield {"caption": caption.text, "text": name, "labels": labels, "seed": seed, "auc": auc}


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean and interval over seeds: a row a caption, text tower and label style."""
    rows = []
    for (name, text, labels), models in runs.groupby(["caption", "text", "labels"], sort=False):
        auc = t_interval(models["auc"]).within(0.0, 1.0)
        estimate = {"n": auc.n, "auc": auc.value, "low": auc.low, "high": auc.high}
        rows.append({"caption": name, "text": text, "labels": labels, **estimate})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
