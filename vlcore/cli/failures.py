"""Commands that find where a model fails, and images whose labels may be wrong; the proving ground
of such finders."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from vlcore.cli.common import Document, add_command
from vlcore.experiment.files import write_errors, write_text
from vlcore.experiment.plain_text import safe_csv
from vlcore.experiment.wording import share
from vlcore.metrics.estimate import Estimate

MOST_PRINTED = 20  # suspect labels; --csv has all


def add_commands(commands: Any) -> None:
    add_command(commands, failures)("key", metavar="KEY")
    option = add_command(commands, suspects)
    option("key", metavar="KEY")
    option(
        "--csv", type=Path, metavar="FILE", help="a table of all of them, the most suspect first"
    )
    option = add_command(commands, finders)
    about = (
        "a CSV file of an outside finder, to stand above ours: set, image, slice, score"
        " (docs/results/finders.md)"
    )
    option("--scores", type=Path, metavar="FILE", help=about)


def failures(options: Namespace) -> Document:
    """Where a model fails: directions of its errors, and its worst slices."""
    from vlcore.api.failures import failures  # scikit-learn takes 0.8 s

    result = failures(options.key)
    return {
        "model": options.key,
        "sentence": result.sentence,
        "objects": [
            {"object": name, "direction": part.words, "sentence": part.sentence}
            for name, part in result.objects.items()
        ],
        "worst": result.worst.to_dict("records"),
        "others": {finder: slices.to_dict("records") for finder, slices in result.others.items()},
        "method": result.method,
    }


def suspects(options: Namespace) -> Document:
    """Images whose label most of their neighbours in a model contradict."""
    from vlcore.api.suspect_labels import suspect_labels

    result = suspect_labels(options.key)
    document = {
        "model": options.key,
        "sentence": result.sentence,
        "suspects": len(result.table),
        "first": result.table.head(MOST_PRINTED).to_dict("records"),
    }
    if options.csv:
        with write_errors(options.csv, "give --csv another place"):
            write_text(options.csv, safe_csv(result.table))
        document["csv"] = str(options.csv)
    return document


def finders(options: Namespace) -> list[Document]:
    """How well finders of failures discover planted biases, ours or one from outside."""
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
