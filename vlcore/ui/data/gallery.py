"""What the Data page shows of a set: its training pictures under a bias, their means, a zip of them.

The one idea: everything follows from the set and a condition, and is cached by their names.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vlcore.charts.contact_sheets import contact_sheets
from vlcore.charts.theme import Palette
from vlcore.core.captions import caption
from vlcore.core.condition import Condition
from vlcore.datasets import subset
from vlcore.datasets.imageset import COLUMNS, ImageSet, silent
from vlcore.datasets.subset import training_rows
from vlcore.ui import cache


def pool_rows(images: ImageSet, condition: Condition) -> NDArray[np.int64]:
    """The training pictures of a condition before any is removed, in their fixed order, (n,)."""
    return training_rows(subset.parts(images, condition.data_seed)[0], condition.replace(bias=0.0))


def kept_rows(images: ImageSet, condition: Condition) -> NDArray[np.int64]:
    """Those that the bias leaves, (n,)."""
    return training_rows(subset.parts(images, condition.data_seed)[0], condition)


@st.cache_resource(max_entries=60, show_spinner="Drawing the pictures …", hash_funcs=cache.BY_CONTENT)
def sheets(images: ImageSet, condition: Condition, palette: Palette, side: int) -> dict[str, Any]:
    """The contact sheets of a condition's training pictures, as a finished specification."""
    rows, kept = pool_rows(images, condition), set(kept_rows(images, condition).tolist())
    table = images.table.iloc[rows]
    words = [
        caption(condition.labels, o, c, images.grouping) for o, c in zip(table["object"], table["context"], strict=True)
    ]
    listing = pd.DataFrame(
        {
            "id": [f"p{row}" for row in rows],
            "group": table["group"].to_numpy(),
            "kept": [int(row) in kept for row in rows],
            "caption": words,
            "thumb": cache.thumbs(images, rows.tolist()),
        }
    )
    # What is kept comes first, so that a higher bias eats a sheet from its end.
    listing = listing.sort_values("kept", ascending=False, kind="stable")
    listing["place"] = listing.groupby("group").cumcount()
    listing["spoken"] = [
        f"{row.caption}, {'in training' if row.kept else 'removed by the bias'}" for row in listing.itertuples()
    ]
    return cache.finished(contact_sheets(listing, palette=palette, grouping=images.grouping, side=side))


@st.cache_data(max_entries=60, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def means(images: ImageSet, condition: Condition) -> dict[str, NDArray[np.uint8]]:
    """Mean picture of each group over the condition's training pictures, by group; a group without any is absent."""
    rows = kept_rows(images, condition)
    images.ensure_rendered(rows.tolist(), silent)
    groups = images.table["group"].to_numpy()[rows]
    pixels = images.pixels(rows)
    return {
        group: pixels[groups == group].mean(axis=0).round().astype(np.uint8)
        for group in images.grouping.names
        if (groups == group).any()
    }


@st.cache_data(max_entries=4, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def archive(images: ImageSet, condition: Condition | None) -> bytes:
    """The training pictures of a condition, or the whole set, as a zip that can be imported again: files, masks and
    ``metadata.csv``."""
    rows = np.arange(len(images.table)) if condition is None else kept_rows(images, condition)
    images.ensure_rendered(rows.tolist(), silent)
    table = images.table.iloc[rows][list(COLUMNS)]
    about = {**images.about, "images": len(table)}
    if condition is not None:
        table = table.assign(split="train")
        about["condition"] = condition.as_dict()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as pack:  # pictures are packed already
        for file in [*table["file_name"], *filter(None, table["mask"])]:
            pack.write(images.root / file, file)
        pack.writestr("metadata.csv", table.to_csv(index=False))
        pack.writestr("dataset.json", json.dumps(about, indent=1))
    return out.getvalue()


@st.cache_data(max_entries=16, ttl=60, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def weight(images: ImageSet) -> int | None:
    """Bytes of a set's pictures and masks; None where some are not drawn yet."""
    try:
        files = [*images.table["file_name"], *filter(None, images.table["mask"])]
        return sum((images.root / file).stat().st_size for file in files)
    except OSError:
        return None
