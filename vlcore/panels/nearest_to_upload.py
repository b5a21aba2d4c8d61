"""Images of the set that are nearest to a new image."""

from collections import Counter
from collections.abc import Iterator

from vlcore.api.answers import Upload
from vlcore.api.comparison import Comparison
from vlcore.api.panels import UPLOAD, Block, Columns, Heading, Images, Text, panel
from vlcore.api.uploads import UploadReport
from vlcore.data.imageset import ImageSet


@panel(
    "Nearest images",
    "Which images of the set are nearest, in each model?",
    pages=(UPLOAD,),
    order=10,
)
def nearest_to_upload(comparison: Comparison, upload: Upload) -> Iterator[Block]:
    yield Columns(
        [
            [
                Heading(name),
                Text(_in_words(comparison.images, report), note=True),
                Images({row: [f"{cosine:.2f}"] for row, cosine in report.neighbours}),
            ]
            for name, report in upload.reports.items()
        ]
    )


def _in_words(image_set: ImageSet, report: UploadReport) -> str:
    """Say which groups the nearest images show, how often, and their cosines."""
    rows = [row for row, _ in report.neighbours]
    groups = image_set.table.iloc[rows][["object", "context"]]
    counts = Counter(groups.itertuples(index=False, name=None))
    listed = "; ".join(f"{n} × {obj}, {context}" for (obj, context), n in counts.most_common())
    cosines = [similarity for _, similarity in report.neighbours]
    return f"{listed}; cosine {min(cosines):.2f} to {max(cosines):.2f}"
