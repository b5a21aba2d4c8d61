"""Command of the proving ground: how well finders of failures discover planted biases."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from vlcore.cli.common import add_command


def add_commands(commands: Any) -> None:
    help_text = "how well finders of failures discover planted biases, ours or one from outside"
    option = add_command(commands, "finders", help_text, finders)
    about = "a CSV file of an outside finder: set, image, slice, score (docs/results/finders.md)"
    option("--scores", type=Path, metavar="FILE", help=about)


def finders(options: Namespace) -> list[dict[str, Any]]:
    from vlcore.api import proving_ground  # scikit-learn takes 0.8 s

    table = (
        proving_ground.judge_scores(options.scores)
        if options.scores
        else proving_ground.published()
    )
    return [
        {
            name: value if value is None or name == "finder" else value.as_dict()
            for name, value in row.items()
        }
        for row in table.to_dict("records")
    ]
