"""Commands that find where a model fails, and images whose labels may be wrong."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from vlcore.cli.common import Document, add_command
from vlcore.experiment.files import write_errors, write_text
from vlcore.experiment.plain_text import safe_csv

MOST_PRINTED = 20  # suspect labels; --csv has all


def add_commands(commands: Any) -> None:
    add_command(commands, failures)("key", metavar="KEY")
    option = add_command(commands, suspects)
    option("key", metavar="KEY")
    option(
        "--csv", type=Path, metavar="FILE", help="a table of all of them, the most suspect first"
    )


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
