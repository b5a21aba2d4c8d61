"""Cached pictures of a set: its training pictures under a bias as contact sheets, their means, zips of them."""

from __future__ import annotations

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
from vlcore.datasets.imageset import ImageSet, silent
from vlcore.datasets.subset import training_rows
from vlcore.exports.archive import bytes_of, pack
from vlcore.ui import cache


def pool_rows(images: ImageSet, condition: Condition) -> NDArray[np.int64]:
    """The training pictures of a condition before any is removed, in their fixed order, (n,)."""
    return kept_rows(images, condition.replace(bias=0.0))


def kept_rows(images: ImageSet, condition: Condition) -> NDArray[np.int64]:
    """Those that the bias leaves, (n,)."""
    return training_rows(subset.parts(images, condition.data_seed)[0], condition)


@st.cache_resource(max_entries=60, show_spinner="Drawing the pictures …", hash_funcs=cache.BY_CONTENT)
def sheets(images: ImageSet, condition: Condition, palette: Palette, side: int) -> dict[str, Any]:
    """The contact sheets of a condition's training pictures, as a finished specification."""
    rows = pool_rows(images, condition)
    table = images.table.iloc[rows]
    listing = pd.DataFrame(
        {
            "id": [f"p{row}" for row in rows],
            "group": table["group"].to_numpy(),
            "kept": np.isin(rows, kept_rows(images, condition)),
            "caption": [
                caption(condition.labels, *pair, images.grouping)
                for pair in zip(table["object"], table["context"], strict=True)
            ],
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
    pixels, groups = images.pixels(rows), images.table["group"].to_numpy()[rows]
    return {group: pixels[groups == group].mean(axis=0).round().astype(np.uint8) for group in np.unique(groups)}


archive = st.cache_data(max_entries=4, show_spinner=False, hash_funcs=cache.BY_CONTENT)(pack)
weight = st.cache_data(max_entries=16, ttl=60, show_spinner=False, hash_funcs=cache.BY_CONTENT)(bytes_of)
