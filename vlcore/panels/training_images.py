"""Training images behind a prediction, and what training without them changes."""

from collections.abc import Iterator, Sequence
from functools import partial

import pandas as pd

from vlcore.api.answers import Upload
from vlcore.api.comparison import Comparison
from vlcore.api.explain import (
    SEEDS,
    Explanation,
    MarginQuestion,
    Trial,
    ask_image,
    ask_rows,
    attribute,
)
from vlcore.api.panels import (
    COMPARE,
    UPLOAD,
    Block,
    Columns,
    Heading,
    Images,
    Table,
    Text,
    Trainings,
    panel,
)
from vlcore.experiment.errors import LabError
from vlcore.experiment.wording import difference, signed

FIND = "Find them (up to a minute)"
TEST = "Test it: remove them and train again"


@panel(
    "Training images",
    "Which training images are behind the prediction?",
    pages=(COMPARE, UPLOAD),
    order=30,
    slow=FIND,
)
def training_images(
    comparison: Comparison, image: int | None = None, upload: Upload | None = None
) -> Iterator[Block]:
    columns = []
    for name, model in comparison.named.items():
        blocks: list[Block] = [Heading(name)]
        try:
            if upload is None:
                question = ask_rows(model.artifact, comparison.images, [image or 0])
            else:
                shows = upload.picture.object
                picture = upload.picture.model_input
                question = ask_image(model.artifact, comparison.images, picture, shows)
            blocks += _explained(model.key, question)
        except LabError as error:
            blocks.append(Text(str(error), note=True))
        columns.append(blocks)
    yield Columns(columns)


def _explained(key: str, question: MarginQuestion) -> Iterator[Block]:
    """The training images that moved a margin most, and a test by trainings without them."""
    explanation = attribute(key, question)
    margin = signed(float(explanation.margins.mean()), 1)
    unknown = "" if question.is_known else "; what the image shows is not known"
    yield Text(
        f"Score of {question.object} less {question.other}: {margin} in log odds{unknown}.",
        note=True,
    )
    if explanation.warning:
        yield Text(explanation.warning, icon="warning")
    for towards, table in (
        (question.other, explanation.strongest_against),
        (question.object, explanation.strongest_for),
    ):
        yield Heading(f"Moved it most towards {towards}")
        captions = zip(table["row"].tolist(), table["caption"], strict=True)
        yield Images({row: [f"“{caption}”"] for row, caption in captions})
    yield Text(
        f"The strongest of {len(explanation.images):,} training images by TracIn. This is an"
        " estimate. Only training without these images tells a cause.",
        note=True,
    )
    trials, removed = explanation.trials(), explanation.removed
    yield Trainings(
        [trial.condition for trial in trials],
        TEST,
        f"Trains {len(trials)} models, {SEEDS} seeds each: with all images, and without the first"
        f" {removed}, the {removed} nearest, or {removed} by chance.",
        partial(_outcome, explanation, trials),
    )


def _outcome(explanation: Explanation, trials: Sequence[Trial]) -> list[Block]:
    """What training without the images changed."""
    outcome = explanation.measure(trials)
    rows = [
        {
            "Removed": row["words"],
            "Score moves by, log odds": difference(row),
            "Corrected": f"{row['flips']} of {row['wrong']}",
        }
        for row in outcome.changes().to_dict("records")
    ]
    return [Heading(outcome.sentence), Table(pd.DataFrame(rows))]
