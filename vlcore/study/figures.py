"""Figures of a study: one call makes each from `Findings`, for any measure.

Where there is too little to draw it from, a figure raises ValueError."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import altair as alt
import pandas as pd

from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import STYLE_WORDS
from vlcore.metrics.catalogue import MEASURES, PRIMARY, measure_of, parent_of, secondary, words_of
from vlcore.metrics.estimate import Estimate
from vlcore.plots import curves, intervals, measure_by_bias
from vlcore.plots.measure_by_bias import FEWEST, Scale
from vlcore.plots.theme import Palette
from vlcore.study.findings import Findings, bayes_lines, cells, fit_steps, mean_curves, values
from vlcore.study.statistics.paired import EQUIVALENCE, Status
from vlcore.study.text import outcome_words, status_words

MOMENTS = {"untrained": "untrained", "first_fit": "at the fit step", "end": "at the end"}
REFERENCES = (
    "Dashed, up to 95\u00a0% removed: Bayes-optimal accuracy under the training prior (Bayes line)."
    " Dotted: the untrained encoder."
)
PAIRED = (
    "Descriptive less short labels at each bias level, with 95\u00a0% t intervals over seed pairs,"
    " not adjusted. Left of 0, descriptive labels cost."
)
LEGEND = (
    f"Grey circles: {STYLE_WORDS['undescriptive']}; squares: {STYLE_WORDS['descriptive']};"
    f" diamonds: {STYLE_WORDS['shuffled_context']}. Hollow marks are single runs, filled ones the"
    " mean over seed pairs with its 95 % t interval (a share's ends at 0 and 100 %)."
    " φ is the correlation of object and background in training. A difference below"
    f" {EQUIVALENCE * 100:.0f} points is taken for none that matters. {REFERENCES}"
)
LEGEND_OF_CURVES = (
    "Linear probes on validation images, mean over seed pairs with its 95 % interval. Solid: the"
    " object; dashed: the context. Triangles: the fit step (median over seed pairs); short labels"
    " have two captions to fit and descriptive ones four, so that is no common point in time."
)


def scale_of(
    measure: str, rows: pd.DataFrame, grouping: Grouping, points: pd.DataFrame | None = None
) -> Scale:
    """How a measure is written and drawn.

    Args:
        measure: its name.
        rows: its cells, for which the axis has room.
        grouping: gives the words for objects and groups.
        points: single runs, for which the axis has room too.
    """
    words, entry = words_of(measure, grouping), measure_of(measure)
    if entry.within_unit:
        return Scale(words, entry.is_share, (0.0, 1.0))
    # The interval of two blocks is so wide that nothing else could be seen.
    known = rows[rows["n"] >= FEWEST]
    drawn = [rows["value"], known["low"], known["high"]]
    if points is not None:
        drawn.append(points["value"])
    ends = pd.concat(drawn).dropna()
    low = math.floor(10 * min(0.0, float(ends.min()))) / 10
    high = math.ceil(10 * max(0.0, float(ends.max()))) / 10
    return Scale(words, False, (low, max(high, low + 0.1)), 0.0 if entry.signed else None)


def cells_of(findings: Findings, measure: str, moment: str = "end") -> pd.DataFrame:
    """A measure's cells, as `vlcore.study.findings.cells` lays them out."""
    return cells(values(findings.frame, measure, moment), share=measure_of(measure).within_unit)


def charted(findings: Findings) -> list[str]:
    """The measures of a study that some run has, the primary one first."""
    frame = findings.frame
    measured = set(frame.loc[frame["value"].notna() & (frame["moment"] == "end"), "measure"])
    return [name for name in (PRIMARY, *secondary(label_styles=True)) if name in measured]


def reported(findings: Findings) -> list[str]:
    """The measures that have a figure in the report, where some run has them."""
    measured = charted(findings)
    return [name for name, measure in MEASURES.items() if measure.reported and name in measured]


def heat_map(findings: Findings, measure: str, palette: Palette, width: int) -> alt.LayerChart:
    rows = cells_of(findings, measure)
    scale = scale_of(measure, rows, findings.grouping)
    if measure_of(measure).less:  # 0 has one colour, as far from both ends
        most = max(abs(end) for end in scale.domain)
        scale = Scale(scale.words, False, (-most, most), 0.0)
    return measure_by_bias.heat_map_chart(rows, scale, palette=palette, width=width)


def by_bias(
    findings: Findings, measure: str, palette: Palette, width: int, height: int = 300
) -> alt.LayerChart:
    """Every run and cell, with the untrained encoder, and the Bayes line of accuracy."""
    points, rows = values(findings.frame, measure), cells_of(findings, measure)
    lines = [cells_of(findings, measure, "untrained").assign(reference="untrained encoder")]
    if measure == PRIMARY:
        lines.insert(0, bayes_lines(findings).assign(reference="Bayes line"))
    lines = [line for line in lines if len(line)]
    references = None
    if lines:
        references = pd.concat(lines)[["reference", "labels", "phi", "value", "n"]]
    scale = scale_of(measure, rows, findings.grouping, points)
    return measure_by_bias.by_bias_chart(
        points, rows, scale, palette=palette, width=width, height=height, references=references
    )


def paired_slopes(findings: Findings, measure: str, palette: Palette, width: int) -> alt.LayerChart:
    points = values(findings.frame, measure)
    scale = scale_of(measure, cells_of(findings, measure), findings.grouping, points)
    return measure_by_bias.paired_slopes_chart(points, scale, palette=palette, width=width)


def _forest(
    rows: Iterable[tuple[str, Estimate, str]],
    title: str,
    palette: Palette,
    width: int,
    unit: float = 1,
) -> alt.LayerChart:
    """A row each of words, difference and status."""
    lines = [{"words": words, **mean.as_dict(), "status": status} for words, mean, status in rows]
    table = pd.DataFrame(lines, columns=["words", "value", "low", "high", "n", "status"])
    return intervals.forest_chart(table, palette=palette, width=width, title=title, unit=unit)


def forest(findings: Findings, measure: str, palette: Palette, width: int) -> alt.LayerChart:
    """The difference at each bias level."""
    rows = []
    for level in findings.comparison(measure).levels:
        if level.difference is None:
            continue
        status = status_words(level)
        if level.apart and level.status is not Status.NOT_DECIDED:
            status += " (apart)"
        rows.append((f"{100 * level.bias:g} % removed", level.difference.mean, status))
    share = measure_of(measure).is_share
    title = f"descriptive minus short labels, {'points' if share else 'in the measure itself'}"
    return _forest(rows, title, palette, width, 100 if share else 1)


def paired_forest(findings: Findings, palette: Palette, width: int) -> alt.VConcatChart:
    """The difference in minority accuracy at each bias level, in log odds and in points."""
    rows = []
    for level in findings.comparison(PRIMARY).levels:
        if level.log_odds is None or level.difference is None:
            continue
        words = f"{100 * level.bias:g} % removed"
        row = {"images": findings.plan.conditions[0].data, "words": words, "kind": "study"}
        scales = {"log odds": (level.log_odds, 1), "points": (level.difference.mean, 100)}
        for scale, (mean, unit) in scales.items():
            ends = {name: unit * getattr(mean, name) for name in ("value", "low", "high")}
            rows.append({**row, "scale": scale, **ends})
    if not rows:
        raise ValueError("no bias level has two seed pairs with both label styles")
    return intervals.paired_forest_chart(pd.DataFrame(rows), palette=palette, width=width)


def groups(findings: Findings, palette: Palette, width: int) -> alt.VConcatChart:
    """Accuracy of each of the four groups over bias: objects down, contexts across."""
    objects, contexts = findings.grouping.objects, findings.grouping.contexts
    names = [f"{animal}_{context}" for animal in objects for context in contexts]
    return panes(findings, [f"group_accuracy.{name}" for name in names], palette, width)


def panes(
    findings: Findings, measures: Sequence[str], palette: Palette, width: int
) -> alt.VConcatChart:
    """Several measures of one kind beside each other, on one scale."""
    points = {name: values(findings.frame, name) for name in measures}
    rows = {name: cells_of(findings, name) for name in measures if len(points[name])}
    if not rows:
        words = words_of(parent_of(measures[0]) or measures[0], findings.grouping)
        raise ValueError(f"no run has “{words}”")
    all_rows, all_points = pd.concat(rows.values()), pd.concat(points.values())
    scale = scale_of(measures[0], all_rows, findings.grouping, all_points)
    scale = replace(scale, words=parent_of(measures[0]) or scale.words)
    titled = [
        (words_of(name, findings.grouping), points[name], measure_cells)
        for name, measure_cells in rows.items()
    ]
    return measure_by_bias.small_multiples(titled, scale, palette=palette, width=width)


def probes(findings: Findings, palette: Palette, width: int) -> alt.VConcatChart:
    means, fits = mean_curves(findings.curves), fit_steps(findings.curves)
    return curves.probe_chart(means, fits, palette=palette, width=width)


def moments(findings: Findings, measure: str, palette: Palette, width: int) -> alt.LayerChart:
    parts = [
        cells_of(findings, measure, name).assign(moment=words) for name, words in MOMENTS.items()
    ]
    rows = pd.concat([part for part in parts if len(part)], ignore_index=True)
    scale = scale_of(measure, rows, findings.grouping)
    return measure_by_bias.moments_chart(rows, scale, palette=palette, width=width)


def claim_tests(findings: Findings, claim: str, palette: Palette, width: int) -> alt.LayerChart:
    """A claim, its controls, and its other tests."""
    result = findings.claim(claim)
    rows = [
        (
            "the claim" if test is result.main else test.words,
            test.difference.mean,
            outcome_words(test.status),
        )
        for test in (result.main, *result.controls, *result.variations)
        if test.difference is not None
    ]
    return _forest(rows, "difference over seed pairs, 95 % interval", palette, width)


def claim_by_bias(
    findings: Findings, claim: str, palette: Palette, width: int
) -> alt.LayerChart | alt.VConcatChart:
    """What a claim is about, over bias; of a measure of groups, each of the four."""
    query = findings.claim(claim).claim.query
    if query.groups:
        names = [f"{query.measure}.{group}" for group in findings.grouping.names]
        return panes(findings, names, palette, width)
    return by_bias(findings, query.measure, palette, width, 320)
