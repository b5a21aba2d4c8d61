"""What a prediction for a new image relies on: the object or the background."""

from collections.abc import Iterator

from vlcore.api.answers import Upload
from vlcore.api.comparison import Comparison
from vlcore.api.panels import UPLOAD, Block, Pictures, Text, panel


@panel(
    "What it relies on",
    "Does a prediction change with the object, or with the background?",
    pages=(UPLOAD,),
    order=15,
)
def relies_on(_comparison: Comparison, upload: Upload) -> Iterator[Block]:
    versions = upload.versions()
    yield Text(versions.about)
    lines: dict[str, list[str]] = {name: [] for name in versions.pictures}
    for model, labels in versions.labels.items():
        for name, label in zip(versions.pictures, labels, strict=True):
            lines[name].append(f"{model}: {label}")
    if versions.pictures:
        yield Pictures(versions.pictures, lines)
