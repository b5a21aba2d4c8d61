"""Suspect labels: images whose labels their nearest neighbours contradict."""

from collections.abc import Iterator

from vlcore.api.compared_maps import in_sentence
from vlcore.api.comparison import Comparison
from vlcore.api.panels import Block, Heading, Images, Text, panel
from vlcore.api.suspect_labels import NEIGHBOURS, find_suspects
from vlcore.experiment.wording import plural

SHOWN = 12  # images of each model


@panel("Suspect labels", "Which labels may be wrong?", order=45)
def suspect_labels(comparison: Comparison) -> Iterator[Block]:
    yield Text(
        f"Most of the {NEIGHBOURS} nearest neighbours of these images have another label. The label"
        " may be wrong, or a biased model places the image among images of its background. Look at"
        " an image before you change its label.",
        note=True,
    )
    for name, model in comparison.maps.named.items():
        suspects = find_suspects(model, comparison.images)
        yield Heading(f"{name}: {plural(len(suspects), 'image')}")
        first = suspects.head(SHOWN)
        counts = zip(first["row"].tolist(), first["contradict"], strict=True)
        lines = {row: [f"{count} of {NEIGHBOURS} contradict"] for row, count in counts}
        words = f"neighbours in {in_sentence(name)} contradict the label"
        yield Images(lines, selects=suspects["row"].tolist(), words=words)
