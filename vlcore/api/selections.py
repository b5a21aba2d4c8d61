"""Selections: images of a comparison, however they were chosen, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from vlcore.api.compared_maps import ComparedMaps, image_set_of, points_table, unshown_table
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import write_file
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import safe_csv

Rows = NDArray[np.int64]
_MARKS = {"right": "✓", "wrong": "✗"}


class SelectionError(LabError):
    """A selection or a search that makes no sense here; the message says what to do."""


@dataclass(frozen=True, eq=False)
class Selection:
    """Images of a comparison.

    Attributes:
        comparison: the models.
        rows: their rows in the image set, ascending; also of images that no map here shows.
        words: how they were chosen.
    """

    comparison: ComparedMaps
    rows: Rows
    words: str = ""

    @classmethod
    def from_rows(cls, comparison: ComparedMaps, rows: ArrayLike, words: str = "") -> Selection:
        """Return a selection of rows in any order."""
        return cls(comparison, np.unique(np.asarray(rows, dtype=np.int64)), words)

    @property
    def selected(self) -> NDArray[np.bool_]:
        """Which points of the comparison are in the selection, (n,)."""
        return np.isin(self.comparison.rows, self.rows)

    @property
    def points(self) -> pd.DataFrame:
        """The selected points, as the table of the comparison has them."""
        return self.comparison.points[self.selected]

    def table(self) -> pd.DataFrame:
        """Return one row per image: its file name, the user's columns, and every model's prediction
        and score; images that no map shows come last, without predictions."""
        table = points_table(self.comparison, self.points)
        unshown = np.setdiff1d(self.rows, self.comparison.rows)
        if len(unshown):
            others = unshown_table(self.comparison.images, unshown)
            table = pd.concat([table, others], ignore_index=True)
        return table

    def csv(self) -> str:
        """Return `table` as CSV that spreadsheets open."""
        return safe_csv(self.table())

    def save(self, path: str | Path) -> Path:
        """Write `csv` to a file, whole or not at all."""
        return write_file(Path(path), self.csv())

    def correct(self) -> pd.DataFrame:
        """Return how many images each model predicts correctly, of those that it predicts: one row
        for the held-out images, one for each group of them, one for the training images."""
        points, rows = self.points, self.comparison.rows[self.selected]
        everything = np.ones(len(points), dtype=bool)
        parts = [("Held-out images", True, everything)]
        for group, words in group_words(self.comparison.images.grouping).items():
            parts.append((f"Held out: {words}", True, points["group"].to_numpy() == group))
        parts.append(("Training images", False, everything))
        table = []
        for words, is_held_out, inside in parts:
            row: dict[str, object] = {"": words}
            is_counted = np.zeros(len(points), dtype=bool)
            for pane, (name, model) in enumerate(self.comparison.named.items()):
                index = model.index(rows)  # models of other folds hold other images out
                is_of_split = inside & (index >= 0) & ((index < model.n_held_out) == is_held_out)
                outcomes = points[f"right_{pane}"][is_of_split]
                n = int(outcomes.isin(["right", "wrong"]).sum())
                row[f"Correct, {name}"] = f"{(outcomes == 'right').sum()} of {n}" if n else ""
                is_counted |= is_of_split
            if is_counted.any():
                table.append({**row, "Images": int(is_counted.sum())})
        return pd.DataFrame(table)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<Selection {len(self):,} images: {self.words}>"


def images_key(comparison: ComparedMaps) -> str:
    """Return a name for the images of a comparison, whichever models show them."""
    return repr(image_set_of(comparison.models[0].artifact))


def predicts(comparison: ComparedMaps) -> bool:
    """Whether any model predicts an object; captions of backgrounds alone name none."""
    objects = comparison.images.grouping.objects
    return any(model.predicted_objects(objects) is not None for model in comparison.models)


def prediction_words(comparison: ComparedMaps, row: int, pane: int) -> str:
    """What the model of a pane predicts for an image, and whether it is correct; empty where it
    predicts no object, or does not show the image."""
    position = np.flatnonzero(comparison.rows == row)
    if not len(position) or not predicts(comparison):
        return ""
    point = comparison.points.iloc[position[0]]
    return f"{_MARKS.get(point[f'right_{pane}'], '–')} {point[f'says_{pane}']}"
