"""Selections: sets of images of a comparison, however they were chosen, as tables and in
addresses."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from vlcore.api.compared_maps import (
    ComparedMaps,
    image_identities,
    points_table,
    row_numbers,
    unshown_table,
)
from vlcore.data.imageset import SOURCE, ImageSet, join_user_columns
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import write_text
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import safe_csv
from vlcore.metrics import estimate
from vlcore.metrics.accuracy import paired_difference, scene_correlation
from vlcore.metrics.estimate import Estimate

Rows = NDArray[np.int64]
SPLIT_WORDS = {"test": "Held out", "training": "Training"}
_MOST_VALUES = 12  # of a column by which a selection is combined
_SKIP = 255  # a gap of so many images, and none of the selection after it
_LETTERS = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


class SelectionError(LabError):
    """A selection or a search that makes no sense here; the message says what to do."""


@dataclass(frozen=True, eq=False)
class Selection:
    """Images of a comparison.

    Two selections of the same images are combined by ``&``, ``|`` and ``-``.

    Attributes:
        comparison: the models.
        rows: their rows in the image set, ascending; also of images that no map here shows.
        words: how they were chosen.
        best: of images that models were asked for, those of each model by its name: row and score,
            best first.
    """

    comparison: ComparedMaps
    rows: Rows
    words: str = ""
    best: Mapping[str, list[tuple[int, float]]] = field(default_factory=dict)

    @classmethod
    def from_rows(cls, comparison: ComparedMaps, rows: ArrayLike, words: str = "") -> Selection:
        """A selection of rows in any order."""
        return cls(comparison, np.unique(np.asarray(rows, dtype=np.int64)), words)

    @property
    def images(self) -> ImageSet:
        return self.comparison.images

    @property
    def points(self) -> pd.DataFrame:
        """Those that a map shows, as the table of the comparison has them."""
        return self.comparison.points[self.marked]

    @property
    def marked(self) -> NDArray[np.bool_]:
        """Which points of the comparison are in the selection, (n,)."""
        return np.isin(self.comparison.rows, self.rows)

    def table(self) -> pd.DataFrame:
        """One row an image: its file name and columns in the user's own table, what it was drawn
        by, and what every model predicts for it, with the score; images that no map shows come
        last, without predictions."""
        table = points_table(self.comparison, self.points)
        rows = self.comparison.rows[self.marked]
        unshown = np.setdiff1d(self.rows, rows)
        if len(unshown):
            table = pd.concat([table, unshown_table(self.images, unshown)], ignore_index=True)
            rows = np.concatenate([rows, unshown])
        for name, ranked in self.best.items():
            ranks = {row: rank for rank, (row, _) in enumerate(ranked, start=1)}
            table[f"{name} rank"] = pd.array([ranks.get(row) for row in rows], dtype="Int64")
        return table

    def csv(self) -> str:
        """`table` as CSV that spreadsheets open."""
        return safe_csv(self.table())

    def save(self, path: str | Path) -> Path:
        """Write `csv` to a file, whole or not at all."""
        return write_text(Path(path), self.csv())

    def accuracy(self) -> list[SelectionAccuracy]:
        """How often each model is right on it, held-out and training images apart; none where no
        model predicts an object."""
        return [
            accuracies
            for kind in SPLIT_WORDS
            if (accuracies := _accuracies(self.points, kind, self.comparison)).models
        ]

    def _joined(self, rows: Rows, sign: str, other: Selection) -> Selection:
        if images_key(self.comparison) != images_key(other.comparison):
            raise SelectionError("These selections are of different images; choose two of one set.")
        words = f"{self.words} {sign} {other.words}".strip()
        return replace(self, rows=rows, words=words, best={})

    def __and__(self, other: Selection) -> Selection:
        return self._joined(np.intersect1d(self.rows, other.rows), "and", other)

    def __or__(self, other: Selection) -> Selection:
        return self._joined(np.union1d(self.rows, other.rows), "or", other)

    def __sub__(self, other: Selection) -> Selection:
        return self._joined(np.setdiff1d(self.rows, other.rows), "without", other)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<Selection {len(self):,} images: {self.words}>"


@dataclass(frozen=True)
class SelectionAccuracy:
    """How often models are right on images of a selection that are of one split.

    Attributes:
        split: ``test`` or ``training``.
        n: images of the selection that a model has in it; folds of another seed hold others out.
        models: the accuracy of each model by its name, on the images that it has in this split.
        differences: of two models, the first name's accuracy less the second's, on the images that
            both predict and have in this split.
    """

    split: str
    n: int
    models: dict[str, Estimate]
    differences: dict[tuple[str, str], Estimate]


def _accuracies(points: pd.DataFrame, kind: str, comparison: ComparedMaps) -> SelectionAccuracy:
    scenes, rows = points["scene"].to_numpy(str), row_numbers(points)
    outcomes, is_known = {}, {}
    is_counted = np.zeros(len(points), dtype=bool)
    for pane, (name, model) in enumerate(comparison.named.items()):
        index = model.index(rows)
        is_of_split = (index >= 0) & ((index < model.n_held_out) == (kind == "test"))
        outcomes[name] = points[f"right_{pane}"].to_numpy(str)
        is_known[name] = is_of_split & np.isin(outcomes[name], ("right", "wrong"))
        is_counted |= is_of_split
    models = {
        name: estimate.rate(right[is_known[name]] == "right", scenes[is_known[name]])
        for name, right in outcomes.items()
        if is_known[name].any()
    }
    differences = {}
    for first, second in combinations(models, 2):
        shared = is_known[first] & is_known[second]
        if shared.any():
            differences[second, first] = _paired_difference(
                outcomes[second][shared] == "right",
                outcomes[first][shared] == "right",
                scenes[shared],
            )
    return SelectionAccuracy(kind, int(is_counted.sum()), models, differences)


def _paired_difference(
    first: NDArray[np.bool_], second: NDArray[np.bool_], scenes: NDArray[np.str_]
) -> Estimate:
    """The first rate less the second, of the same images."""
    rates = estimate.rate(first, scenes), estimate.rate(second, scenes)
    deviations = first - rates[0].value, second - rates[1].value
    correlation = scene_correlation(deviations[0], deviations[1], scenes)
    return paired_difference(rates[0], rates[1], correlation, len(scenes))


_facets: WeakKeyDictionary[ComparedMaps, dict[str, NDArray[np.bool_]]] = WeakKeyDictionary()


def facets(comparison: ComparedMaps) -> dict[str, NDArray[np.bool_]]:
    """Parts of a comparison's points that a selection is combined with, by what they are called:
    groups, objects, backgrounds, rarity, split, which model is right, where the models disagree,
    and the values of the user's columns and of what drawn scenes were drawn by, where these are
    few."""
    if comparison not in _facets:
        _facets[comparison] = _facets_of(comparison)
    return _facets[comparison]


def _facets_of(comparison: ComparedMaps) -> dict[str, NDArray[np.bool_]]:
    points = comparison.points
    grouping = comparison.images.grouping
    parts = {words: points["group"] == name for name, words in group_words(grouping).items()}
    parts |= {name: points["object"] == name for name in grouping.objects}
    parts |= {name: points["context"] == name for name in grouping.contexts}
    parts |= {"minority groups": points["minority"], "majority groups": ~points["minority"]}
    parts |= {words.lower(): points["kind"] == kind for kind, words in SPLIT_WORDS.items()}
    for pane, name in enumerate(comparison.named):
        for outcome, words in (("right", "correct"), ("wrong", "wrong")):
            parts[f"{name} model {words}"] = points[f"right_{pane}"] == outcome
    outcomes = points[[f"right_{pane}" for pane in range(len(comparison.models))]]
    has_right, has_wrong = outcomes.eq("right").any(axis=1), outcomes.eq("wrong").any(axis=1)
    parts["the models disagree"] = has_right & has_wrong
    images, rows = comparison.images, comparison.rows
    of_user = images.user_columns.drop(columns=SOURCE).iloc[rows]
    for name, column in join_user_columns(of_user, images.factors(rows), "drawn").items():
        values = [value for value in column.dropna().unique() if value != ""]
        if len(values) > _MOST_VALUES:
            continue
        for value in sorted(values, key=str):
            has_value = column.eq(value).fillna(False)
            if not has_value.all():
                parts[f"{name}: {value}"] = has_value
    masks = {name: part.to_numpy(bool) for name, part in parts.items()}
    return {name: mask for name, mask in masks.items() if mask.any()}


def images_key(comparison: ComparedMaps) -> str:
    """A short name of the images of a comparison, whichever models it is of: four letters."""
    identity, *_ = image_identities([model.artifact for model in comparison.models])
    return _text(hashlib.sha256(repr(identity).encode()).digest()[:3])


def encode_rows(rows: Iterable[int]) -> bytes:
    """Rows as bytes: how many images lie before each that is selected, compressed."""
    rows = np.asarray(list(rows), dtype=np.int64)
    gaps = np.diff(rows, prepend=-1) - 1
    lengths = gaps // _SKIP + 1
    content = np.full(int(lengths.sum()), _SKIP, dtype=np.uint8)
    content[np.cumsum(lengths) - 1] = gaps % _SKIP
    # Without a header: a short selection is a few letters of an address.
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(content.tobytes()) + packer.flush()


def decode_rows(content: bytes, count: int) -> Rows:
    """The rows that `encode_rows` wrote, each below `count`; SelectionError for anything else."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    most = count + count // _SKIP + 1  # bytes of the longest
    try:
        steps = np.frombuffer(unpacker.decompress(content, most), dtype=np.uint8)
    except zlib.error:
        raise _damaged() from None
    if not unpacker.eof or unpacker.unused_data:
        raise _damaged()
    is_selected = steps < _SKIP
    ends = np.cumsum(steps.astype(np.int64) + is_selected)
    rows = ends[is_selected] - 1
    if len(rows) and rows[-1] >= count:
        raise _damaged()
    return rows


def _damaged() -> SelectionError:
    return SelectionError("The link's selection is cut short or damaged; ask for the link again.")


def selection_text(selection: Selection) -> str:
    """A selection as letters of an address: the name of its images, and its rows."""
    return images_key(selection.comparison) + _text(encode_rows(selection.rows))


def read_selection(text: str, comparison: ComparedMaps) -> Selection:
    """The selection that `selection_text` wrote, of whichever models of the same images;
    SelectionError for one of other images, and for any other text."""
    key, content = text[:4], text[4:]
    if not _LETTERS.fullmatch(text) or len(key) < 4:
        raise _damaged()
    if key != images_key(comparison):
        raise SelectionError(
            "The link's selection is of other images than these; choose its image set, or make a"
            " new selection."
        )
    try:
        packed = base64.urlsafe_b64decode(content + "=" * (-len(content) % 4))
    except binascii.Error:
        raise _damaged() from None
    return Selection(comparison, decode_rows(packed, len(comparison.images.table)))


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode("ascii").rstrip("=")
