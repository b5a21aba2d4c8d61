"""Captions with a word that no training caption contains, for `benchmarks.words`.

unseen_captions.csv was written before any of these models was asked. Words of the pilot are in it,
whether they worked there or failed: pony, stallion, mare, mustang, foal, equine, racehorse, steed,
bactrian camel, camels, llama, dromedary, humped animal, lawn, green field, sahara, arid land, sandy
place. Each has a word that no caption of any label style contains. Two parts are not counted:
paraphrases, a label style that trains none of these models, and unrelated words, which no image
shows: their AUC is that of horses against camels, and has no truth.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PARTS = {  # those that are counted
    "horse": "a horse",
    "camel": "a camel",
    "grass": "grass",
    "desert": "a desert",
    "both": "an animal and a background",
}


@dataclass(frozen=True)
class UnseenCaption:
    """A caption, its part of the list, and what images that fit it show."""

    text: str
    part: str
    object: str
    context: str

    def fits(self, images: pd.DataFrame) -> NDArray[np.bool_]:
        """Which rows of an image set show its object and its context, (n,)."""
        fits = np.ones(len(images), dtype=bool)
        if self.object:
            fits &= (images["object"] == self.object).to_numpy()
        if self.context:
            fits &= (images["context"] == self.context).to_numpy()
        return fits


_TABLE = pd.read_csv(Path(__file__).with_suffix(".csv"), keep_default_na=False)
CAPTIONS = tuple(UnseenCaption(*cells) for cells in _TABLE.itertuples(index=False))
COUNTED = tuple(caption for caption in CAPTIONS if caption.part in PARTS)
