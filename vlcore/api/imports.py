"""Imports as jobs: of image sets, and of embeddings, which are measured and mapped like those of a
model of ours. Nothing was trained here, so there is one moment, the end; what is asked of pixels
has no answer."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.data.catalogue import check_free, publish, staging_dir
from vlcore.data.imageset import ImageSet, read_set
from vlcore.data.importers import ImportSetError, embedding_sets, import_set
from vlcore.data.importers.embedding_sets import (
    Embeddings,
    choose_rows,
    fitting_caption,
    read_embeddings,
)
from vlcore.data.importers.selection import MAX_PER_GROUP, majority_in_words
from vlcore.data.training_set import TrainingSet
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import data_folder, write_json
from vlcore.experiment.options import IMPORTED, STUDY_N
from vlcore.experiment.vocabulary import Vocabulary
from vlcore.jobs import jobs
from vlcore.metrics.accuracy import logits
from vlcore.model.artifact_files import write_model
from vlcore.model.views import Labels, Snapshot, TrainingRecord, Views

Around = Callable[[str, Callable[[], str]], str]


def import_embeddings(
    source: Path,
    name: str,
    *,
    objects: Sequence[str] = (),
    contexts: Sequence[str] = (),
    licence: str = "not stated",
    max_per_group: int = MAX_PER_GROUP,
    seed: int = 0,
    around: Around = lambda _key, work: work(),
) -> dict[str, Any]:
    """Turn an ``.npz`` of embeddings into an image set without pictures, and publish what was
    measured of them. Options are those of `vlcore.data.importers.import_set`; `around` is given the
    key and the work, which it calls, for a progress bar. ImportSetError where the file or the
    choice cannot be used, ImageSetError where the name cannot.
    """
    check_free(name)
    found, grouping = choose_rows(read_embeddings(source), objects, contexts, max_per_group, seed)
    with staging_dir(name) as work:
        embedding_sets.write_set(work, name, found, grouping, licence, seed)
        images = read_set(work)
        condition = condition_of(images)
        jobs.clear_last_failure(condition.key)
        around(
            condition.key,
            lambda: jobs.run(condition.key, lambda out, report: _make(out, report, images, found)),
        )
        publish(work, name)  # last: a set that can be seen has its measures
    splits = images.counts()
    counts = {
        group: sum(of_split[group] for of_split in splits.values())
        for group in images.grouping.names
    }
    return {
        "name": name,
        "format": "embeddings",
        "key": condition.key,
        "counts": counts,
        "majority": majority_in_words(images.grouping),
        "splits": splits,
        "captions": len(found.captions),
        "warnings": list(found.notes),
        "folder": str(data_folder() / name),
    }


def condition_of(images: ImageSet) -> Condition:
    """The condition under which the measures of a set of embeddings are published."""
    seed = int(images.about.get("seed", 0))
    return Condition(
        images.name,
        images.version,
        labels="constant",
        objective=IMPORTED,
        n_per_group=STUDY_N,
        steps=0,
        data_seed=seed,
        init_seed=seed,
    )


def _make(out: Path, report: jobs.Reporter, images: ImageSet, found: Embeddings) -> dict[str, Any]:
    condition = condition_of(images)
    labels = Labels(found.captions, Vocabulary.of(images.grouping))
    views = Views(TrainingSet(images, images.rows("train")))
    (own, own_test), wordless = _own(views, found)
    texts = [said.text.casefold() for said in found.captions]
    names = [name.casefold() for name in views.grouping.objects]
    bare = (
        [texts.index(name) for name in names] if set(names) <= set(texts) else []
    )  # if they are among the captions
    z = {split: found.z[rows] for split, rows in views.rows.items()}
    scores = {split: logits(of, found.text, found.scale, 0.0) for split, of in z.items()}
    end = Snapshot(z, scores, found.text, found.scale, 0.0, found.text[bare], {}, None)
    write_model(
        out,
        [TrainingRecord(condition, labels, views, own, own_test, {"end": end}, wordless)],
        report,
    )
    columns = images.table[["object", "context", "split", "scene", "caption", "source"]]
    # Two encoders' embeddings of the same pictures can be compared, though each is a set of its
    # own.
    return {"pictures": hashlib.sha256(columns.to_csv(index=False).encode()).hexdigest()[:16]}


def _own(views: Views, found: Embeddings) -> tuple[list[NDArray[np.int64]], str | None]:
    """Index of each training and held-out picture's caption, (n,) and (m,), or none of them and the
    reason why."""
    none = [np.zeros(0, dtype=np.int64)] * 2
    if not found.captions:
        return none, "no captions were given"
    index = {pair: fitting_caption(found.captions, *pair) for pair in views.grouping.pairs}
    if missing := [pair for pair in index if index[pair] is None]:
        return none, f"no caption fits pictures of {' with '.join(missing[0])}"
    pairs = [
        zip(views.column("object", of), views.column("context", of), strict=True)
        for of in ("train", "test")
    ]
    return [
        np.array([index[pair] for pair in of_split], dtype=np.int64) for of_split in pairs
    ], None


def import_key(name: str) -> str:
    """A key for one attempt to import a set."""
    return f"{name}-{secrets.token_hex(4)}.import"


def run_import(key: str, source: Path, name: str, options: dict[str, Any]) -> str:
    """Import a set for a page, and publish the report; `options` as of
    `vlcore.data.importers.import_set`."""

    def make(out: Path, report: jobs.Reporter) -> dict[str, Any]:
        try:
            made = import_set(
                source, name, progress=report.counted("reading pictures", 0.95), **options
            )
        except ImportSetError as error:
            raise ImportSetError(error.on_page) from error
        write_json(out / "report.json", made)
        return {"set": name}

    return jobs.run(key, make)
