"""The runs of a study, and how to run it again."""

from collections.abc import Iterator

import pandas as pd

from vlcore.api.panels import STUDY, Block, Command, Heading, Table, Text, panel
from vlcore.experiment.options import shown_name
from vlcore.study.results import Study, command

COLUMNS = ("key", "bias", "block", "value", "low", "high", "n", "device", "versions")


@panel(
    "Runs",
    "Which runs is this study made of, and how is it run again?",
    pages=(STUDY,),
    order=30,
    on_paper=True,
)
def study_runs(study: Study) -> Iterator[Block]:
    yield Command(command(study.plan), "To run it again")
    first = study.plan.conditions[0]
    settings = [(name, str(shown_name(name, value))) for name, value in vars(first).items()]
    yield Table(pd.DataFrame(settings, columns=["Setting", "First run"]))
    missing = ", ".join(run.key for run in study.missing)
    yield Text(f"Missing: {missing}." if missing else "Every planned run is finished.")
    yield Heading("The runs")
    runs = study.runs()
    is_listed = (runs["measure"] == study.plan.measure) & (runs["moment"] == "end")
    yield Table(runs[is_listed][list(COLUMNS)])
