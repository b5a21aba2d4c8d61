"""Stored embeddings of a model, and its principal map."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vlcore.store.artefacts import Artefact

if TYPE_CHECKING:
    from vlcore.measures.last_layer import LastLayer
    from vlcore.measures.projection import Plane


@dataclass(frozen=True, eq=False)
class StoredSnapshot:
    """The embeddings of a model at one moment, as unit vectors.

    Attributes:
        on_map, train: of the held-out pictures that maps show, and of the training pictures, (n, E).
        captions: (K, E); (0, E) of a captioner, whose captions have none.
        scale, bias: what turns a cosine into a logit.
        scores: of the pictures on the map and the training ones with the captions, (n, K), where they do not follow
            from the embeddings; else None.
    """

    on_map: NDArray[np.float32]
    train: NDArray[np.float32]
    captions: NDArray[np.float32]
    scale: float
    bias: float
    scores: NDArray[np.float64] | None


class StoredEmbeddings:
    """``embeddings.npz`` of a model: which rows of its image set it saw, and what it made of them at each moment."""

    def __init__(self, artefact: Artefact) -> None:
        self._artefact, self._arrays = artefact, artefact.arrays("embeddings.npz")

    def rows(self, split: str) -> NDArray[np.int64]:
        """Row numbers in the image set of the pictures of ``train``, ``val``, ``probe`` or ``test``, (n,), rising but
        for ``train``."""
        return self._arrays[f"{split}_rows"]

    @cached_property
    def _maps(self) -> dict[str, NDArray[Any]]:
        return self._artefact.arrays("maps.npz")

    @property
    def map_rows(self) -> NDArray[np.int64]:
        """Those of the held-out pictures that maps show, (m,)."""
        return self._maps["map_rows"]

    @property
    def plane(self) -> Plane:
        """The principal plane of the pictures on the map and the captions, at the end."""
        from vlcore.measures.projection import Plane

        centre, components, shares, variance = (
            self._maps[f"pca_{part}"] for part in ("centre", "components", "shares", "variance")
        )
        return Plane(centre, components, shares, float(variance))

    @property
    def own(self) -> NDArray[np.int64]:
        """Index of each training picture's caption, (n,); (0,) where pictures have none of their own."""
        return self._arrays["train_own"]

    @property
    def caption_texts(self) -> tuple[str, ...]:
        return tuple(str(text) for text in self._arrays["caption_texts"])

    @property
    def relabelled(self) -> NDArray[np.str_] | None:
        """The object that something else than a label style names for the pictures on the map and the training ones,
        (n,); None where it follows from the captions."""
        if "map_predicted" not in self._arrays:
            return None
        return np.concatenate([self._arrays["map_predicted"], self._arrays["train_predicted"]])

    @property
    def layer(self) -> LastLayer | None:
        """The new last layer that names the object of any picture; None where captions are the readout."""
        from vlcore.measures.last_layer import LastLayer

        if "layer_direction" not in self._arrays:
            return None
        first, second = (str(name) for name in self._arrays["layer_objects"])
        return LastLayer((first, second), self._arrays["layer_direction"], float(self._arrays["layer_shift"]))

    @property
    def end(self) -> StoredSnapshot:
        return self._snapshot("end")

    @property
    def untrained(self) -> StoredSnapshot | None:
        """None of a model that was trained elsewhere."""
        return self._snapshot("untrained") if "untrained_test" in self._arrays else None

    def _snapshot(self, name: str) -> StoredSnapshot:
        test, train, captions = (self._arrays[f"{name}_{part}"] for part in ("test", "train", "captions"))
        scale, bias = (float(number) for number in self._arrays[f"{name}_scale_bias"])
        on_map = np.searchsorted(self.rows("test"), self.map_rows)
        scores = None
        if f"{name}_test_scores" in self._arrays:
            of_test, of_train = (self._arrays[f"{name}_{split}_scores"] for split in ("test", "train"))
            scores = np.concatenate([of_test[on_map], of_train]).astype(np.float64)
        return StoredSnapshot(test[on_map], train, captions, scale, bias, scores)
