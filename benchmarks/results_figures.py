"""The figures of the page of results."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
from PIL import Image

from benchmarks.results_data import ARMS, DESCRIPTIVE, READOUTS, short_arm
from vlcore.metrics.catalogue import PRIMARY
from vlcore.plots.intervals import paired_forest_chart
from vlcore.plots.theme import LIGHT
from vlcore.study import published
from vlcore.study.answer import PROBE
from vlcore.study.contrasts import Contrast, published_contrast
from vlcore.study.pooled import SETS, forest_rows, pooled

PALETTE_SIZE = 48  # colours of a figure in its file
TWO_COLOURS = ["#1f5fa8", "#c4571a"]
# The arms of `second-word` and what each names.
SECOND_WORDS = {
    "descriptive": "the background",
    "shuffled_context": "a random background",
    "sky": "the sky",
    "attribute_other": "the coat",
    "synonym": "a synonym at random",
}
ARMS_OF_STUDIES = {
    "again": ARMS,
    "second-word-scratch-cues": SECOND_WORDS,
    "second-word-scratch": SECOND_WORDS,
}


def write_figures(folder: Path) -> None:
    for name, figure in (
        ("forest", paired_forest_chart(forest_rows(), palette=LIGHT, width=1000)),
        ("readouts", readouts_figure()),
        ("arms", arms_figure()),
    ):
        save_figure(figure, folder / f"{name}.png")


def save_figure(figure: alt.TopLevelMixin, file: Path) -> None:
    """Write a figure with few colours, for a page of the repository."""
    figure.save(str(file), scale_factor=1.5)
    image = Image.open(file).convert("P", palette=Image.Palette.ADAPTIVE, colors=PALETTE_SIZE)
    image.save(file, optimize=True)


def _rows(result: Contrast, **columns: Any) -> list[dict[str, Any]]:
    """A contrast on both scales, a row each."""
    return [
        {**columns, "scale": scale, **mean.as_dict()} for scale, mean in result.by_scale.items()
    ]


def _panel(rows: pd.DataFrame, scale: str, *channels: Any, **named_channels: Any) -> alt.LayerChart:
    """Differences on one scale with their intervals and a line at 0."""
    zero = alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color="#555").encode(x="zero:Q")
    base = alt.Chart(rows[rows["scale"] == scale]).encode(*channels, **named_channels)
    lines = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=scale), x2="high:Q")
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(x="value:Q")
    return alt.layer(zero, lines, dots)


def _colour(column: str, values: Sequence[str]) -> alt.Color:
    scale = alt.Scale(domain=list(values), range=TWO_COLOURS)
    return alt.Color(f"{column}:N", scale=scale, title=None)


def readouts_figure() -> alt.TopLevelMixin:
    """Nine readouts of the same models, with a band for those that are fitted on balanced
    images."""
    rows = []
    for name in SETS:
        for measure, (words, _) in READOUTS.items():
            rows += _rows(pooled(name, measure).all_pairs, images=name, readout=words)
    table = pd.DataFrame(rows)
    y = alt.Y(
        "readout:N",
        sort=[words for words, _ in READOUTS.values()],
        title=None,
        axis=alt.Axis(labelLimit=220),
    )
    balanced = [words for words, is_balanced in READOUTS.values() if is_balanced]
    bands = alt.Chart(pd.DataFrame({"readout": balanced}))
    bands = bands.mark_bar(color="#e4e4e4", height=alt.RelativeBandSize(1))
    panels = []
    for scale in table["scale"].unique():
        lines = _panel(table, scale, y, _colour("images", SETS), yOffset="images:N")
        shaded = bands.encode(y=y, x=alt.value(0), x2=alt.value(300))
        panels.append(alt.layer(shaded, lines).properties(width=300, height=30 * len(READOUTS)))
    title = "descriptive less short labels; shaded: fitted on balanced images"
    return alt.hconcat(*panels).properties(title=title)


def arms_figure() -> alt.TopLevelMixin:
    """The arms of three studies against short and against descriptive labels, by captions and by
    the balanced linear probe."""
    panels = [
        alt.hconcat(*(_arms_of(study, baseline) for baseline in (short_arm(study), DESCRIPTIVE)))
        for study in ARMS_OF_STUDIES
    ]
    panels = [panel.resolve_scale(x="shared") for panel in panels]
    return alt.vconcat(*panels).resolve_scale(x="shared")


def _arms_of(study: str, baseline: str) -> alt.LayerChart:
    """The arms of a study against one of them."""
    measures = {"captions": PRIMARY, "balanced probe": PROBE}
    arms = ARMS_OF_STUDIES[study]
    rows, pairs = [], 0
    for arm, named in arms.items():
        for readout, measure in measures.items():
            if arm != baseline:
                result = published_contrast(study, {arm: 1, baseline: -1}, measure=measure)
                rows += _rows(result, arm=named, readout=readout)
                pairs = result.n
    y = alt.Y(
        "arm:N", sort=list(arms.values()), title=None, axis=alt.Axis(labelLimit=260, minExtent=200)
    )
    colour = _colour("readout", list(measures))
    panel = _panel(pd.DataFrame(rows), "log odds", y, colour, yOffset="readout:N")
    data = published.published_plan(study).conditions[0].data
    title = alt.Title(
        f"less {'descriptive' if baseline == DESCRIPTIVE else 'short'} labels",
        subtitle=f"{data}, study {study}, {pairs} seed pairs",
    )
    return panel.properties(width=350, height=alt.Step(12), title=title)
