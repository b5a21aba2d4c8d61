"""Command of the proving ground: how well finders of failures discover planted biases."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from vlcore.cli.common import add_command
from vlcore.experiment.wording import share
from vlcore.metrics.estimate import Estimate


def add_commands(commands: Any) -> None:
    help_text = "how well finders of failures discover planted biases, ours or one from outside"
    option = add_command(commands, "finders", help_text, finders)
    about = (
        "a CSV file of an outside finder, to stand above ours: set, image, slice, score"
        " (docs/results/finders.md)"
    )
    option("--scores", type=Path, metavar="FILE", help=about)


def finders(options: Namespace) -> list[dict[str, Any]]:
    from vlcore.api import proving_ground  # scikit-learn takes 0.8 s

    rows = proving_ground.judged_finders().to_dict("records")
    if options.scores:
        rows = proving_ground.judge_scores(options.scores).to_dict("records") + rows
    write = Estimate.as_dict if options.json else _in_words
    return [
        {
            str(name): write(value) if isinstance(value, Estimate) else value
            for name, value in row.items()
        }
        for row in rows
    ]


def _in_words(estimate: Estimate) -> str:
    return share(estimate.as_dict())
