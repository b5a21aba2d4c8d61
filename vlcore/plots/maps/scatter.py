"""Maps as one still figure, for papers and slides: what `maps.js` draws, without a pointer."""

import json
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from vlcore.plots.maps.labels import LINE
from vlcore.plots.maps.table import Columns, rows_of_bitmask
from vlcore.plots.scales import straight, told_apart, wrapped
from vlcore.plots.thumbnails import check_uris

# The paths of maps.js. A symbol of Vega has the size of the square that spans -1 to 1.
_TRIANGLE, _DIAMOND = "M0,-1.2L1.04,.6L-1.04,.6Z", "M0,-1.2L.8,0L0,1.2L-.8,0Z"
Told = dict[str, Any]  # a drawing, or a pane of it
_IMAGE = 28  # px of an image that stands for its mark
_CLEAR = "transparent"
_LOOKS = [alt.Shape("shape:N"), alt.Size("size:Q"), alt.Opacity("opacity:Q")]
_LOOKS += [alt.Fill("fill:N"), alt.Stroke("stroke:N")]


def scatter(
    drawing: Told, columns: Columns, *, across: int = 2, thumbs: Sequence[str] = ()
) -> alt.ConcatChart:
    """Draw maps, `across` in a row, of a drawing of `map_drawing` and the columns of its images and
    their colouring; where images stand for their marks, of `thumbs`, made by `thumb_uri`."""
    check_uris(thumbs)
    side, panes = drawing["side"], drawing["panes"]
    tables = [_images_of(drawing, columns, thumbs, number) for number in range(len(panes))]
    most = max([1, *map(len, tables)])
    radius = min(4.5, max(2.4, side / 75), max(1, 0.42 * side / np.sqrt(most)))
    charts = []
    for number, (pane, images) in enumerate(zip(panes, tables, strict=True)):
        layers = [] if number else [_legend(drawing, across)]
        if "gx" in images:
            before = images[["gx", "gy"]].set_axis(["x", "y"], axis="columns").dropna()
            look = {"fill": drawing["ink"]["muted"], "opacity": 0.3}
            layers.append(_symbols(before, pane, "circle", 4 * 1.4**2, **look))
        layers += _pictures(images, pane) if thumbs else _marks(images, pane, radius)
        layers += _signs(pane, drawing["ink"], drawing["star"])
        title, subtitle = wrapped(pane["title"], side / 7.6), wrapped(pane["subtitle"], side / 6)
        title = alt.Title(title, subtitle=subtitle, frame="group")
        charts.append(alt.layer(*layers, width=side, height=side, title=title))
    return alt.concat(*charts, columns=across, spacing=drawing["gap"])


def _images_of(drawing: Told, columns: Columns, thumbs: Sequence[str], pane: int) -> pd.DataFrame:
    """The images that a map shows, those of rare colours last, where others do not hide them."""
    colours = np.array([*drawing["colours"], drawing["ink"]["muted"]])
    codes = np.minimum(columns[drawing["colourColumns"][pane]], len(colours) - 1)
    axes = [axis for axis in ("x", "y", "gx", "gy") if f"{axis}{pane}" in columns]
    images = pd.DataFrame({axis: columns[f"{axis}{pane}"].astype(float) for axis in axes})
    trust = pd.Series(columns.get(f"trust{pane}", np.nan), images.index)
    images = images.assign(
        colour=colours[codes],
        is_second=columns["object"] == 1,
        is_held_out=columns["kind"] == 1,
        is_rare=columns["minority"],
        trusted=((trust - 0.8) / 0.2).clip(lower=0),
        thumb=thumbs or None,
    )
    images = images[rows_of_bitmask(drawing["drawn"], len(images))].dropna(subset=["x", "y"])
    shuffled = images.sample(frac=1, random_state=0)
    counts = shuffled["colour"].map(shuffled["colour"].value_counts())
    return shuffled.iloc[np.argsort(counts < counts.max() / 4, kind="stable")]


def _legend(drawing: Told, across: int) -> alt.Chart:
    """The legend without a mark: scales over one list of names become one legend."""
    entries = {entry["name"]: entry for entry in drawing["legend"]}
    words = json.dumps({name: entry["words"] for name, entry in entries.items()})
    guide = alt.Legend(
        title=drawing["legendTitle"] or None,
        orient="bottom",
        columns=max(2, across * drawing["side"] // 160),
        labelExpr=f"({words})[datum.label]",
    )
    colours = {name: entry["colour"] for name, entry in entries.items()}
    fills = {name: colours[name] if entry["filled"] else _CLEAR for name, entry in entries.items()}
    shapes = {name: entry["shape"] for name, entry in entries.items()}
    looks = {alt.Stroke: colours, alt.Fill: fills, alt.Shape: shapes}
    channels = [told_apart(kind, "name:N", values, guide) for kind, values in looks.items()]
    return alt.Chart(alt.Data(values=[])).mark_point(opacity=1).encode(*channels)


def _at(table: pd.DataFrame, pane: Told) -> alt.Chart:
    """The rows of a table at their positions on a map."""
    left, right, low, high = pane["extent"]
    bare = dict.fromkeys(("labels", "ticks", "grid", "domain"), False)
    x_axis, y_axis = (alt.Axis(title=wrapped(title, 60), **bare) for title in pane["axes"])
    x = alt.X("x:Q", scale=straight([left, right]), axis=x_axis)
    y = alt.Y("y:Q", scale=straight([low, high]), axis=y_axis)
    return alt.Chart(alt.to_values(table)).encode(x, y)


def _symbols(table: pd.DataFrame, pane: Told, shape: Any, size: Any, **more: Any) -> alt.Chart:
    """Symbols on a map; each look is one value, or one value per row."""
    looks = {"fill": _CLEAR, "stroke": _CLEAR, "opacity": 1.0, **more}
    rows = table[["x", "y"]].assign(shape=shape, size=size, **looks)
    channels = [channel.scale(None) for channel in _LOOKS]
    return _at(rows, pane).mark_point(strokeWidth=1.4).encode(*channels)


def _marks(images: pd.DataFrame, pane: Told, radius: float) -> list[alt.Chart]:
    """Circles and triangles, hollow where held out, with rings around rare images."""
    sizes = 4 * radius**2 * (0.15 + 1.45 * images["trusted"]).fillna(1)
    shapes = np.where(images["is_second"], _TRIANGLE, "circle")
    fill = images["colour"].mask(images["is_held_out"], _CLEAR)
    stroke = images["colour"].where(images["is_held_out"], _CLEAR)
    marks = _symbols(images, pane, shapes, sizes, fill=fill, stroke=stroke, opacity=0.9)
    rare = images[images["is_rare"]]
    rings = _symbols(rare, pane, "circle", 1.75**2 * sizes, stroke=rare["colour"], opacity=0.6)
    return [rings, marks]


def _pictures(images: pd.DataFrame, pane: Told) -> list[alt.Chart]:
    """Images in frames, thick, or thin where held out, with second frames around rare images."""
    opacity = (0.2 + 0.8 * images["trusted"]).fillna(1)
    sides = _IMAGE + np.where(images["is_held_out"], 3, 8)
    frames = _symbols(images, pane, "square", sides**2, fill=images["colour"], opacity=opacity)
    rare, size = images[images["is_rare"]], (_IMAGE + 13) ** 2
    second = _symbols(rare, pane, "square", size, stroke=rare["colour"], opacity=opacity)
    pictures = _at(images.assign(opacity=opacity), pane).mark_image(width=_IMAGE, height=_IMAGE)
    faint = alt.Opacity("opacity:Q", scale=None)
    return [second, frames, pictures.encode(alt.Url("thumb:N"), faint)]


def _signs(pane: Told, ink: dict[str, str], star: str) -> list[alt.Chart]:
    """Diamonds, a visitor's images on stars, and words above halos, with lines to those far off."""
    captions = pd.DataFrame(pane["captions"], columns=["x", "y", "dx", "dy", "align", "caption"])
    uploads = pd.DataFrame(pane["uploads"], columns=["x", "y", "side", "thumb", "words"])
    uploads = uploads.assign(dx=0, dy=uploads["side"], align="center")
    ground = {"stroke": ink["ground"]}
    diamonds = _symbols(captions, pane, _DIAMOND, 4 * 6.5**2, fill=ink["text"], **ground)
    stars = _symbols(uploads, pane, star, 4.7 * uploads["side"] ** 2, fill=ink["accent"], **ground)
    side, dx, dy, align = (alt.expr(f"datum.{name}") for name in ("side", "dx", "dy", "align"))
    images = _at(uploads, pane).mark_image(width=side, height=side).encode(alt.Url("thumb:N"))
    far = _at(captions[captions["dy"].abs() > LINE], pane)
    lines = far.mark_rule(color=ink["text"], x2Offset=dx, y2Offset=dy)
    layers = [lines.encode(alt.X2("x:Q"), alt.Y2("y:Q")), diamonds, stars, images]
    halo = {"color": ink["ground"], "strokeWidth": 4, "opacity": 0.8, **ground}
    place = {"dx": dx, "dy": dy, "align": align, "baseline": "middle"}
    for table, field, colour in ((captions, "caption", "text"), (uploads, "words", "accent")):
        words = _at(table, pane).encode(alt.Text(f"{field}:N"))
        for look in (halo, {"color": ink[colour]}):
            layers.append(words.mark_text(fontSize=13, fontWeight=600, **place, **look))
    return layers
