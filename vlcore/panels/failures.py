"""Failure directions: the images at both ends of each direction."""

from collections.abc import Iterator

from vlcore.api.comparison import Comparison
from vlcore.api.failures import FURTHEST, METHOD, FailureDirection, find_failures
from vlcore.api.panels import Block, Columns, Heading, Images, Table, Text, panel
from vlcore.experiment.wording import percent, title

SHOWN = 8  # images of each end


@panel("Failures", "What sets the wrong images of an object apart from the correct ones?", order=40)
def failures(comparison: Comparison) -> Iterator[Block]:
    columns = []
    for model in {model.key: model for model in comparison.models}.values():
        blocks: list[Block] = [Heading(title(model.condition))]
        for direction in find_failures(model.map, comparison.images):
            blocks.append(Text(direction.sentence))
            if direction.exists:
                blocks += _ends(direction)
        columns.append(blocks)
    yield Columns(columns)
    yield Text(METHOD, note=True)
    if folds := comparison.images.folds:
        first = f"Of {folds} models, only the first is searched"
        yield Text(f"{first}, with the images that it held out.", note=True)


def _ends(direction: FailureDirection) -> Iterator[Block]:
    """The images at both ends of a direction, and what the wrong end has in common."""
    yield Text("Correct end, the furthest image first:", note=True)
    yield Images({int(row): [] for row in direction.rows[:SHOWN]})
    yield Text("Wrong end, the furthest image first:", note=True)
    furthest = direction.rows[::-1][:FURTHEST].tolist()
    words = f"the wrong end of {direction.object}"
    yield Images({row: [] for row in furthest[:SHOWN]}, selects=furthest, words=words)
    table = direction.wrong_end
    for share in ("share", "usual"):
        table = table.assign(**{share: table[share].map(percent)})
    names = {
        "column": "Column",
        "value": "Value",
        "share": f"Of the {len(furthest)} furthest",
        "usual": f"Of all {len(direction.rows):,}",
    }
    yield Table(table.rename(columns=names))
