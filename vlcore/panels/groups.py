"""Accuracy by group."""

from collections.abc import Iterator

from vlcore.api.comparison import Comparison
from vlcore.api.description import describe_evaluation
from vlcore.api.metrics_table import group_accuracy_table
from vlcore.api.panels import Block, Heading, Images, Table, Text, panel
from vlcore.api.selections import predicts


@panel(
    "Groups",
    "How accurate is each model on each group of held-out images?",
    pages=(),  # pages show the same numbers as charts below their maps
    order=10,
    on_paper=True,
)
def groups(comparison: Comparison) -> Iterator[Block]:
    yield Table(group_accuracy_table(comparison.maps))
    images = comparison.images
    yield Text(
        f"Accuracy of the {images.grouping.object_word} on held-out images, 95% intervals over"
        f" scenes. {describe_evaluation(images)}",
        note=True,
    )
    if images.folds:
        yield from _wrong_of_folds(comparison)


def _wrong_of_folds(comparison: Comparison) -> Iterator[Block]:
    """Of each model, the images that it gets wrong when they are held out, in any fold: the maps
    are of the first fold alone."""
    objects = comparison.images.table["object"].to_numpy()
    for name, model in comparison.maps.named.items():
        predictions = model.artifact.embeddings.fold_predictions
        if predictions is None or not predicts(comparison.maps):
            continue
        rows, predicted = predictions
        is_wrong = predicted != objects[rows]
        yield Heading(f"{name}: {is_wrong.sum()} of {len(rows)} wrong")
        answers = zip(rows[is_wrong].tolist(), predicted[is_wrong], strict=True)
        yield Images({row: [f"predicted {answer}"] for row, answer in answers}, opens=True)
