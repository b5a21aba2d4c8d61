"""What was left out of a set, and why: pictures that contradict each other, repeat others or stand in two splits.

The one idea: whoever leaves a picture out adds (name, reason) to one list, and the set keeps that list beside its
pictures, so that months later it still says what it lacks.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.images.importers.source import Source, UnreadableError, plural, printable

LIST = "left-out.csv"
_SPLIT_WORDS = {"train": "training", "val": "validation"}

Skipped = list[tuple[str, str]]


def told_apart(source: Source, table: pd.DataFrame) -> pd.DataFrame:
    """The table with ids that only equal files share: one name in two folders may be two pictures."""
    ids = table["id"].to_numpy(dtype=object, copy=True)
    for row in np.flatnonzero(table.duplicated("id", keep=False)):
        file = table["file"].iat[row]
        try:
            ids[row] = f"{ids[row]} {hashlib.sha256(source.read(file)).hexdigest()}"
        except UnreadableError:
            ids[row] = file  # whoever decodes it says what is wrong with it
    return table.assign(id=ids)


def one_group_per_id(table: pd.DataFrame, skipped: Skipped) -> pd.DataFrame:
    """Each picture once, and none that belongs to several groups."""
    several = table.groupby("id")["group"].transform("nunique") > 1
    skipped += [(printable(file), "belongs to several of the chosen groups") for file in table["file"][several]]
    left = table[~several]
    again = left.duplicated("id")
    skipped += [(printable(file), "is there more than once; used once") for file in left["file"][again]]
    return left[~again].reset_index(drop=True)


def without_contradictions(written: pd.DataFrame, work: Path, skipped: Skipped) -> pd.DataFrame:
    """Leave out equal pictures that were found in two groups: nobody can say which label is right."""
    several = written.groupby("digest")["group"].transform("nunique") > 1
    skipped += [
        (printable(file), "is the same picture as one in another group, so its labels contradict each other")
        for file in written["file"][several]
    ]
    return drop(written, several.to_numpy(dtype=bool), work)


def without_removed(
    written: pd.DataFrame, removed: NDArray[np.bool_], cluster: NDArray[np.int64], work: Path, skipped: Skipped
) -> tuple[pd.DataFrame, list[str]]:
    """Leave out what has a near-duplicate in a later split of the source.

    Args:
        written: with ``split``, that of the source.
        removed: (n,), what goes.
        cluster: (n,), number of the cluster of near-duplicates.
        work: where the pictures lie.
        skipped: gets what goes, with the picture that stays and its split.

    Returns:
        The rows that stay, and a sentence for each split that lost pictures.
    """
    stays = written[~removed].assign(cluster=cluster[~removed]).drop_duplicates("cluster").set_index("cluster")
    gone = written[removed].assign(cluster=cluster[removed])
    for file, number in zip(gone["file"], gone["cluster"], strict=True):
        kept = f"{printable(stays.at[number, 'file'])}, which is in the source's {stays.at[number, 'split']} set"
        skipped.append((printable(file), f"is nearly the same picture as {kept}"))
    notes = []
    for split, number in gone["split"].value_counts(sort=False).items():
        what = plural(int(number), f"{_SPLIT_WORDS.get(str(split), split)} picture")
        notes.append(f"{what} {'was' if number == 1 else 'were'} left out because of near-copies that are held out.")
    return drop(written, removed, work), notes


def drop(written: pd.DataFrame, which: NDArray[np.bool_], work: Path) -> pd.DataFrame:
    """Take rows and their files away."""
    for file in [*written["file_name"][which], *filter(None, written["mask"][which])]:
        (work / file).unlink()
    return written[~which].reset_index(drop=True)


def write_list(folder: Path, skipped: Sequence[tuple[str, str]]) -> str:
    """Write what was left out, if anything was, as a table of files and reasons; returns the name of the table."""
    if not skipped:
        return ""
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows([("file", "reason"), *skipped])
    (folder / LIST).write_text(out.getvalue(), encoding="utf-8")
    return LIST
