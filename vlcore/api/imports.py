"""Import jobs: of image sets, and of embeddings, which are measured like those of a trained model.

Imported embeddings have one checkpoint, the end, and no measure of pixels.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.artifacts import store
from vlcore.data.catalogue import check_free, publish_set, staging_dir
from vlcore.data.imageset import ImageSet, images_digest, read_set
from vlcore.data.importers import ImportSetError, embedding_sets, import_set
from vlcore.data.importers.embedding_sets import (
    Embeddings,
    choose_rows,
    fitting_caption,
    read_embeddings,
)
from vlcore.data.importers.selection import majority_in_words
from vlcore.data.importers.writing import own_columns
from vlcore.data.subset import describe_sample, measured_rows
from vlcore.data.training_set import TrainingSet
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import data_folder, write_json
from vlcore.experiment.options import STUDY_N, ArtifactKind
from vlcore.experiment.vocabulary import Vocabulary
from vlcore.jobs import jobs
from vlcore.jobs.progress import job_bar
from vlcore.metrics.accuracy import logits
from vlcore.metrics.readouts import ObjectReadout
from vlcore.model.artifact_files import write_imported
from vlcore.model.views import Checkpoint, Labels, TrainingRecord, Views

EMBEDDINGS = ".npz"  # the suffix of a file of embeddings


def import_embeddings(
    source: Path,
    name: str,
    *,
    objects: Sequence[str] = (),
    contexts: Sequence[str] = (),
    licence: str | None = None,
    max_per_group: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Turn an ``.npz`` of embeddings into an image set without images, and publish its measures.

    Args:
        source: the file.
        name: of the new set.
        objects, contexts, licence, max_per_group, seed: as in `vlcore.data.importers.import_set`.

    Returns:
        What was imported, as the command prints it.

    Raises:
        ImportSetError: the file or the choice cannot be used.
        ImageSetError: the name cannot be used.
    """
    check_free(name)
    embeddings, grouping = choose_rows(
        read_embeddings(source), objects, contexts, max_per_group, seed
    )
    with staging_dir(name) as folder:
        embedding_sets.write_set(folder, name, embeddings, grouping, licence or "", seed)
        images = read_set(folder)
        condition = imported_condition(images)
        with job_bar(condition.key):
            jobs.run(condition.key, lambda out, report: _measure(out, report, images, embeddings))
        publish_set(folder, name)  # last, so that a set on the disk has its measures
    about, *warnings = embeddings.notes
    splits = images.counts()
    counts = {
        group: sum(split_counts[group] for split_counts in splits.values())
        for group in images.grouping.names
    }
    return {
        "name": name,
        "format": "embeddings",
        "about": about,
        "own_columns": own_columns(images.table),
        "key": condition.key,
        "counts": counts,
        "majority": majority_in_words(images.grouping),
        "splits": splits,
        "captions": len(embeddings.captions),
        "skipped": [],
        "warnings": [*warnings, *filter(None, [describe_sample(images)])],
        "folder": str(data_folder() / name),
    }


def imported_condition(images: ImageSet) -> Condition:
    """The condition under which the measures of a set of embeddings are published."""
    seed = int(images.about.get("seed", 0))
    return Condition(
        images.name,
        images.version,
        labels="constant",
        objective=ArtifactKind.IMPORTED.value,
        n_per_group=STUDY_N,
        steps=0,
        data_seed=seed,
        init_seed=seed,
    )


def published_condition(images: ImageSet) -> Condition:
    """The condition of the published measures of a set of embeddings; LabError where they are not
    on the disk."""
    condition = imported_condition(images)
    if not store.published(condition.key):
        source = images.about.get("source", "a file")
        raise LabError(
            f"The measures of {images.name} are not on the disk; remove it with `python -m vlcore"
            f" data remove {images.name}` and import {source} again."
        )
    return condition


def _measure(
    out: Path, report: jobs.Reporter, images: ImageSet, embeddings: Embeddings
) -> dict[str, Any]:
    condition = imported_condition(images)
    labels = Labels(embeddings.captions, Vocabulary.from_grouping(images.grouping))
    caption_index, why_no_pairs = _caption_index(images, embeddings)
    train_rows = measured_rows(images, "train")
    train_index, test_index = (
        caption_index if why_no_pairs else caption_index[rows]
        for rows in (train_rows, measured_rows(images, "test"))
    )
    views = Views(TrainingSet(images, train_rows, caption_index=train_index))
    # The objects' bare names have vectors if they are among the captions.
    texts = [caption.text.casefold() for caption in embeddings.captions]
    names = [name.casefold() for name in views.grouping.objects]
    name_rows = [texts.index(name) for name in names] if set(names) <= set(texts) else []
    captions, scale = embeddings.text, embeddings.scale
    z = {split: embeddings.z[rows] for split, rows in views.rows.items()}
    end = Checkpoint(
        z=z,
        scores={split: logits(vectors, captions, scale, 0.0) for split, vectors in z.items()},
        captions=captions,
        scale=scale,
        bias=0.0,
        object_names=captions[name_rows],
        panel={},
        readout=ObjectReadout(labels.objects),
    )
    record = TrainingRecord(condition, labels, views, test_index, {"end": end}, why_no_pairs)
    write_imported(out, record, embeddings.z, caption_index, report)
    # By these, two encoders' embeddings of the same images can be compared. "pictures" is all that
    # imports before 0.6 have, so it is what they are compared by.
    return {
        "pictures": images_digest(images, captions=True),
        "images": images_digest(images, captions=False),
    }


def _caption_index(
    images: ImageSet, embeddings: Embeddings
) -> tuple[NDArray[np.int64], str | None]:
    """Index of each image's caption, (n,), or no indices, (0,), and the reason why."""
    nothing = np.zeros(0, dtype=np.int64)
    if not embeddings.captions:
        return nothing, "no captions were given"
    index = {}
    for group, pair in zip(images.grouping.names, images.grouping.pairs, strict=True):
        index[group] = fitting_caption(embeddings.captions, *pair)
        if index[group] is None:
            return nothing, f"no caption fits images of {' with '.join(pair)}"
    return images.table["group"].map(index).to_numpy(np.int64), None


def import_key(name: str) -> str:
    """A new key for the report of an import."""
    return f"{name}-{secrets.token_hex(4)}.import"


def run_import(key: str, source: Path, name: str, options: dict[str, Any]) -> str:
    """Import a set for a page, and publish the report.

    Args:
        key: from `import_key`.
        source: file or folder; an ``.npz`` holds embeddings.
        name: of the new set.
        options: of `vlcore.data.importers.import_set`, or of `import_embeddings`.
    """

    def import_and_report(out: Path, report: jobs.Reporter) -> dict[str, Any]:
        try:
            if source.suffix == EMBEDDINGS:
                report(stage="measuring", fraction=0.5)
                document = import_embeddings(source, name, **options)
            else:
                progress = report.counted("reading images", 0.95)
                document = import_set(source, name, progress=progress, **options)
        except ImportSetError as error:
            raise ImportSetError(error.on_page) from error
        write_json(out / "report.json", document)
        return {"set": name}

    return jobs.run(key, import_and_report, title=f"import of {name}")
