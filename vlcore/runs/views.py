"""Views of an image set by one job: its pixels by purpose, and the captions that its condition gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlcore.core.captions import Caption, captions_of
from vlcore.core.condition import Condition
from vlcore.core.grouping import Grouping
from vlcore.core.options import MITIGATIONS, OBJECTIVES
from vlcore.core.vocabulary import Vocabulary, check_captions
from vlcore.datasets.imageset import TRAINING_SIZE, ImageSet
from vlcore.datasets.subset import map_rows

if TYPE_CHECKING:
    from vlcore.measures.last_layer import LastLayer


PANEL_SCENES = 100
Array = NDArray[np.float32]


class Views:
    """The pixels that one job looks at, by purpose; each split is read once."""

    def __init__(self, images: ImageSet, training: NDArray[np.int64], panel_size: int = TRAINING_SIZE) -> None:
        self.images = images
        self.rows = {"train": training, **{split: images.rows(split) for split in ("val", "probe", "test")}}
        # A set of embeddings has none: what is asked of pixels has no answer then.
        self.pixels = {name: images.pixels(rows) for name, rows in self.rows.items()} if images.has_pictures else {}
        self.map_rows = map_rows(images)
        self.on_map = np.searchsorted(self.rows["test"], self.map_rows)  # places of the map's images in the test set
        self.panel_rows = np.searchsorted(self.rows["test"], map_rows(images, PANEL_SCENES))
        self.panel = self._panel(panel_size)

    @property
    def grouping(self) -> Grouping:
        return self.images.grouping

    def _panel(self, size: int) -> dict[str, NDArray[np.uint8]] | None:
        """Test pictures put together from their objects and backgrounds, (n, size, size, 3) by name; None where no
        masks say which is which."""
        from vlcore.measures.counterfactual import panel

        rows = self.rows["test"][self.panel_rows]
        masks = self.images.masks(rows, size)
        if masks is None:
            return None
        objects, contexts, scenes = (
            self.column(name, "test")[self.panel_rows] for name in ("object", "context", "scene")
        )
        pixels = self.pixels["test"][self.panel_rows] if size == TRAINING_SIZE else self.images.pixels(rows, size)
        return panel(pixels, masks, objects, contexts, scenes, self.grouping)

    def fewest(self, split: str) -> int:
        """Pictures of the smallest group of a split."""
        groups = self.column("group", split)
        return min(int((groups == name).sum()) for name in self.grouping.names)

    def column(self, name: str, split: str) -> NDArray[np.str_]:
        return self.images.table[name].to_numpy()[self.rows[split]].astype(str)


@dataclass(frozen=True)
class Labels:
    """What a condition says of pictures: its distinct captions, what they speak of, and the words they are made of."""

    said: tuple[Caption, ...]
    vocabulary: Vocabulary

    @classmethod
    def of(cls, condition: Condition, grouping: Grouping) -> Labels:
        """The labels of a condition on a grouping.

        Raises:
            CaptionError: when a caption has no words, or two cannot be told apart.
        """
        said = captions_of(condition.labels, grouping, condition.template)
        texts = tuple(caption.text for caption in said)
        check_captions(texts)
        return cls(said, Vocabulary.of(grouping, texts))

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(caption.text for caption in self.said)

    @property
    def objects(self) -> list[str]:
        """The object that each caption speaks of; empty where it speaks of none."""
        return [caption.object for caption in self.said]


def has_last_layer(condition: Condition) -> bool:
    """Whether the object is read off by a new last layer instead of captions."""
    return MITIGATIONS[condition.mitigation].new_layer or OBJECTIVES[condition.objective].probed


def last_layer(condition: Condition, views: Views, embedded: Mapping[str, Array]) -> LastLayer | None:
    """The new last layer of a condition on a space, by split (m, E): of dfr, fitted on validation pictures; of a probe,
    on the biased training pictures. None where captions are the readout.

    Raises:
        ValueError: when there are too few pictures to fit it on.
    """
    from vlcore.measures.last_layer import dfr, probe_layer

    if not has_last_layer(condition):
        return None
    if MITIGATIONS[condition.mitigation].new_layer:
        return dfr(embedded["val"], views.column("object", "val"), views.column("group", "val"))
    return probe_layer(embedded["train"], views.column("object", "train"))


def why_no_readout(condition: Condition, labels: Labels) -> str | None:
    """Why a condition predicts no object; None where it does."""
    return None if has_last_layer(condition) else why_unread(condition, labels)


def why_unread(condition: Condition, labels: Labels) -> str | None:
    """Why no object can be predicted from a condition's captions; None where one can."""
    if not OBJECTIVES[condition.objective].uses_captions:
        return "trained without captions"
    if not labels.said:
        return "no captions were given"
    return None if all(labels.objects) else "no label names the object"
