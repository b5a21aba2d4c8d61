"""Figures of a study: each is made from `Findings` by one call, and any measure can be put in any
of them.

Where there is too little to draw it from, a figure raises ValueError."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import altair as alt
import pandas as pd

from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import STYLE_WORDS
from vlcore.metrics.catalogue import MEASURES, PRIMARY, measure_of, secondary, whole_of, words_of
from vlcore.metrics.estimate import Estimate
from vlcore.plots import measure_by_bias as drawn
from vlcore.plots.curves import probe_curves
from vlcore.plots.intervals import forest as intervals
from vlcore.plots.measure_by_bias import FEWEST, Scale
from vlcore.plots.theme import Palette
from vlcore.study.findings import Findings, bayes_lines, cells, first_fits, mean_curves, values
from vlcore.study.statistics.paired import EQUIVALENCE, Status
from vlcore.study.text import status_words

MOMENTS = {"untrained": "untrained", "first_fit": "at first fit", "end": "at the end"}
REFERENCES = (
    "Dashed, up to 95\u00a0% removed: what rational use of the biased data alone would leave (Bayes"
    " line). Dotted: the untrained encoder."
)
LEGEND = (
    f"Grey circles: {STYLE_WORDS['undescriptive']}; squares: {STYLE_WORDS['descriptive']};"
    f" diamonds: {STYLE_WORDS['shuffled_context']}. Hollow marks are single runs, filled ones the"
    " mean over blocks (pairs of seeds) with its 95 % t interval (a share's ends at 0 and 100 %)."
    " φ is the correlation of object and background in training. A difference below"
    f" {EQUIVALENCE * 100:.0f} points is taken for none that matters. {REFERENCES}"
)
LEGEND_OF_CURVES = (
    "Linear probes on validation pictures, mean over blocks with its 95 % interval. Solid: the"
    " object; dashed: the context. Triangles: when the training captions were first fitted (median"
    " over blocks); short labels have two captions to fit and descriptive ones four, so that is no"
    " common point in time."
)


def scale_of(
    measure: str, rows: pd.DataFrame, grouping: Grouping, points: pd.DataFrame | None = None
) -> Scale:
    """How a measure is written and drawn; its axis has room for its cells, `rows`, and for single
    runs, `points`."""
    words, entry = words_of(measure, grouping), measure_of(measure)
    if entry.within_unit:
        return Scale(words, entry.is_share, (0.0, 1.0))
    # The interval of two blocks is so wide that nothing else could be seen.
    known = rows[rows["n"] >= FEWEST]
    single = rows[:0] if points is None else points
    ends = pd.concat([rows["value"], known["low"], known["high"], single["value"]]).dropna()
    low, high = (
        math.floor(10 * min(0.0, float(ends.min()))) / 10,
        math.ceil(10 * max(0.0, float(ends.max()))) / 10,
    )
    return Scale(words, False, (low, max(high, low + 0.1)), 0.0 if entry.signed else None)


def cells_of(found: Findings, measure: str, moment: str = "end") -> pd.DataFrame:
    """A measure's cells, as `vlcore.study.findings.cells` lays them out."""
    return cells(values(found.frame, measure, moment), share=measure_of(measure).within_unit)


def charted(found: Findings) -> list[str]:
    """The measures of a study that some run has, the primary one first."""
    there = set(
        found.frame.loc[found.frame["value"].notna() & (found.frame["moment"] == "end"), "measure"]
    )
    return [name for name in (PRIMARY, *secondary(label_styles=True)) if name in there]


def reported(found: Findings) -> list[str]:
    """The measures of which a report has a figure, where some run has them."""
    there = charted(found)
    return [one.name for one in MEASURES.values() if one.reported and one.name in there]


def heat_map(found: Findings, measure: str, palette: Palette, width: int) -> alt.LayerChart:
    rows = cells_of(found, measure)
    scale = scale_of(measure, rows, found.grouping)
    if measure_of(measure).less:  # 0 has one colour, and as far as it goes each way
        most = max(abs(end) for end in scale.domain)
        scale = Scale(scale.words, False, (-most, most), 0.0)
    return drawn.heat_map(rows, scale, palette=palette, width=width)


def by_bias(
    found: Findings, measure: str, palette: Palette, width: int, height: int = 380
) -> alt.LayerChart:
    """Every run and cell, with what they are compared with: the untrained encoder, the Bayes line
    of accuracy."""
    points, rows = values(found.frame, measure), cells_of(found, measure)
    untrained = cells_of(found, measure, "untrained").assign(reference="untrained encoder")
    lines = (
        bayes_lines(found).assign(reference="Bayes line") if measure == PRIMARY else untrained[:0]
    )
    references = [part for part in (lines, untrained) if len(part)]
    beside = (
        pd.concat(references)[["reference", "labels", "phi", "value", "n"]] if references else None
    )
    scale = scale_of(measure, rows, found.grouping, points)
    return drawn.by_bias(
        points, rows, scale, palette=palette, width=width, height=height, references=beside
    )


def paired_slopes(found: Findings, measure: str, palette: Palette, width: int) -> alt.LayerChart:
    points = values(found.frame, measure)
    scale = scale_of(measure, cells_of(found, measure), found.grouping, points)
    return drawn.paired_slopes(points, scale, palette=palette, width=width)


def _forest(
    lines: Iterable[tuple[str, Estimate, str]],
    title: str,
    palette: Palette,
    width: int,
    unit: float = 1,
) -> alt.LayerChart:
    """Lines of words, difference and status."""
    rows = [{"words": words, **mean.as_dict(), "status": status} for words, mean, status in lines]
    table = pd.DataFrame(rows, columns=["words", "value", "low", "high", "n", "status"])
    return intervals(table, palette=palette, width=width, title=title, unit=unit)


def forest(found: Findings, measure: str, palette: Palette, width: int) -> alt.LayerChart:
    """The difference of each level of bias."""
    share, lines = measure_of(measure).is_share, []
    for level in found.comparison(measure).levels:
        if level.difference is not None:
            apart = " (apart)" if level.apart and level.status is not Status.NOT_DECIDED else ""
            lines.append(
                (
                    f"{100 * level.bias:g} % removed",
                    level.difference.mean,
                    status_words(level) + apart,
                )
            )
    title = f"descriptive less short labels, {'points' if share else 'in the measure itself'}"
    return _forest(lines, title, palette, width, 100 if share else 1)


def groups(found: Findings, palette: Palette, width: int) -> alt.VConcatChart:
    """Accuracy of each of the four groups over bias, two by two as the groups are: objects down,
    contexts across."""
    names = [
        f"{obj}_{context}" for obj in found.grouping.objects for context in found.grouping.contexts
    ]
    return panes(found, [f"group_accuracy.{name}" for name in names], palette, width)


def panes(
    found: Findings, measures: Sequence[str], palette: Palette, width: int
) -> alt.VConcatChart:
    """Several measures of one kind beside each other, on one scale."""
    points = {name: values(found.frame, name) for name in measures}
    rows = {name: cells_of(found, name) for name, part in points.items() if len(part)}
    if not rows:
        raise ValueError(f"No run has {', '.join(measures)}.")
    scale = scale_of(
        measures[0], pd.concat(rows.values()), found.grouping, pd.concat(points.values())
    )
    scale = replace(scale, words=whole_of(measures[0]) or scale.words)
    titled = [(words_of(name, found.grouping), points[name], part) for name, part in rows.items()]
    return drawn.small_multiples(titled, scale, palette=palette, width=width)


def curves(found: Findings, palette: Palette, width: int) -> alt.VConcatChart:
    means, fits = mean_curves(found.curves), first_fits(found.curves)
    return probe_curves(means, fits, palette=palette, width=width)


def moments(found: Findings, measure: str, palette: Palette, width: int) -> alt.LayerChart:
    parts = [cells_of(found, measure, name).assign(moment=words) for name, words in MOMENTS.items()]
    rows = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return drawn.moments(
        rows, scale_of(measure, rows, found.grouping), palette=palette, width=width
    )


def readings(found: Findings, claim: str, palette: Palette, width: int) -> alt.LayerChart:
    """A claim, what it must beat, and every other way that it was read."""
    result = found.claim(claim)
    lines = [
        ("the claim" if one is result.own else one.words, one.difference.mean, one.status)
        for one in (result.own, *result.nulls, *result.readings)
        if one.difference is not None
    ]
    return _forest(lines, "difference over blocks, 95 % interval", palette, width)


def claim_chart(
    found: Findings, claim: str, palette: Palette, width: int
) -> alt.LayerChart | alt.VConcatChart:
    """What a claim is about, over bias; of a measure of groups, each of the four."""
    query = found.claim(claim).claim.query
    if query.groups:
        return panes(
            found, [f"{query.measure}.{name}" for name in found.grouping.names], palette, width
        )
    return by_bias(found, query.measure, palette, width, 320)
