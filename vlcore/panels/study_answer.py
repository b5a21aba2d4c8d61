"""What a study says of one measure."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated

import altair as alt
import pandas as pd

from vlcore.api.description import small_sample_warning
from vlcore.api.panels import STUDY, Block, Chart, OneOf, Table, Text, panel
from vlcore.experiment.condition import STUDY_BIAS
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import describe_bias, plural
from vlcore.metrics.catalogue import measure_of, words_of
from vlcore.metrics.paired import ENOUGH, EQUIVALENCE, EXACT
from vlcore.plots.intervals import forest_chart
from vlcore.plots.theme import Palette
from vlcore.study.analysis import LIMIT, Level
from vlcore.study.results import Study, comparisons_table, in_words

HOW = (
    "A seed pair is one model per variant with the same seeds. Differences are taken within each"
    " seed pair, with 95% t intervals over seed pairs. p is of the exact sign-flip test, adjusted"
    " for the number of bias levels and variants (Holm). With more than"
    f" {EXACT} seed pairs, the test counts random sign patterns. Fewer than {ENOUGH} seed pairs"
    " decide nothing. A difference in accuracy is equivalent if two one-sided tests put it within"
    f" {100 * EQUIVALENCE:.0f} points."
)


def measures_in_words(study: Study) -> Mapping[str, str]:
    """The measures of a study, each in words."""
    return {measure: words_of(measure, study.images.grouping) for measure in study.measures}


MEASURE = OneOf(
    measures_in_words,
    "Metric",
    "The first metric is the study's question. The others are secondary.",
)


@panel(
    "Answer", "How do the variants differ in one metric?", pages=(STUDY,), order=10, on_paper=True
)
def study_answer(study: Study, measure: Annotated[str, MEASURE] = "") -> Iterator[Block]:
    measure = measure or study.plan.measure
    levels = study.levels(measure)
    grouping = study.images.grouping
    yield Text(answer_sentence(study, measure, levels, grouping))
    if warning := small_sample_warning(study.artifacts[0], grouping):
        yield Text(warning, note=True)
    words = f"Differences from {study.plan.baseline}, whose numbers are in the table below"
    yield Chart(words, partial(_forest, study, measure))
    yield Table(comparisons_table(study.plan, levels))
    yield Text(HOW, note=True)


def answer_sentence(study: Study, measure: str, levels: Sequence[Level], grouping: Grouping) -> str:
    """What the study says at the usual bias level, or at the strongest that was compared."""
    compared = [level for level in levels if level.difference and level.bias < LIMIT]
    if not compared:
        return "Inconclusive: a comparison needs two seed pairs with both variants."
    usual = [level for level in compared if level.bias == STUDY_BIAS]
    level = (usual or compared)[-1]
    bias = describe_bias(study.plan.conditions[0].replace(bias=level.bias))
    first, second = (
        in_words(estimate, level.share) for estimate in (level.baseline, level.treatment)
    )
    baseline = study.plan.baseline
    p = "" if level.holm_p is None else f", adjusted p = {level.holm_p:.2g}"
    return (
        f"{words_of(measure, grouping)} with {bias}: {second} with {level.arm}, {first} with"
        f" {baseline}. The difference is {level.difference_words}, {level.verdict}"
        f" ({plural(len(level.blocks), 'seed pair')}{p})."
    )


def _forest(study: Study, measure: str, palette: Palette, width: int) -> alt.LayerChart:
    """The difference of each arm at each bias level; ValueError where there is none."""
    rows, plan = [], study.plan
    for level in study.levels(measure):
        if level.difference is not None:
            words = f"bias {100 * level.bias:g}%"
            if len(plan.treatments) > 1:
                words = f"{level.arm}, {words}"
            mean = level.difference.mean.as_dict()
            rows.append({"words": words, **mean, "status": level.verdict})
    if not rows:
        raise ValueError("no bias level has two seed pairs with both variants")
    is_share = measure_of(measure).is_share
    baseline = plan.baseline
    title = f"difference from {baseline}, {'points' if is_share else 'in the metric itself'}"
    table = pd.DataFrame(rows)
    unit = 100 if is_share else 1
    return forest_chart(table, palette=palette, width=width, title=title, unit=unit)
