"""All metrics of a study."""

from collections.abc import Iterator

import pandas as pd

from vlcore.api.panels import STUDY, Block, Table, panel
from vlcore.metrics.catalogue import words_of
from vlcore.study.results import Study, comparisons_table


@panel(
    "All metrics",
    "How do the variants differ in every metric?",
    pages=(STUDY,),
    order=20,
    on_paper=True,
)
def study_metrics(study: Study) -> Iterator[Block]:
    grouping = study.images.grouping
    tables = [
        comparisons_table(study.plan, study.levels(measure)).assign(
            Metric=words_of(measure, grouping)
        )
        for measure in study.measures
    ]
    yield Table(pd.concat(tables), "Metric")
