"""Files of a study."""

from collections.abc import Iterator
from functools import partial

from vlcore.api.panels import STUDY, Block, Download, panel
from vlcore.experiment.plain_text import safe_csv
from vlcore.study.results import Study, report_html


@panel("Files", "How do I take this with me?", pages=(STUDY,), order=40)
def study_files(study: Study) -> Iterator[Block]:
    name = f"{study.plan.name}-{study.plan.conditions[0].data}"
    yield Download(
        "Report, one offline file", f"{name}-report.html", "text/html", partial(report_html, study)
    )
    yield Download(
        "Comparisons, CSV",
        f"{name}-comparisons.csv",
        "text/csv",
        lambda: safe_csv(study.comparisons()),
    )
    yield Download("Runs, CSV", f"{name}-runs.csv", "text/csv", lambda: safe_csv(study.runs()))
