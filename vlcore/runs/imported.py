"""Imports as jobs: of image sets, and of embeddings, which are measured and mapped like those of a model of ours.

Of embeddings nothing was trained here, so there is one moment, the end; and there are no pixels, so what is asked of
them has no answer.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.core.condition import Condition
from vlcore.core.files import data_folder, write_json
from vlcore.core.options import IMPORTED, STUDY_N
from vlcore.core.vocabulary import Vocabulary
from vlcore.datasets.catalogue import check_free, publish
from vlcore.datasets.imageset import ImageSet, read_set
from vlcore.datasets.importers import ImportSetError, import_set
from vlcore.datasets.importers.embedded import choose_rows, fitting_caption, write_set
from vlcore.datasets.importers.embeddings import Embeddings, read_embeddings
from vlcore.datasets.importers.selection import majority_in_words
from vlcore.datasets.staging import staging_dir
from vlcore.runs.publish import write_model
from vlcore.runs.snapshot import Snapshot, TrainingRecord
from vlcore.runs.views import Labels, Views
from vlcore.store import jobs

Around = Callable[[str, Callable[[], str]], str]


def import_embeddings(
    source: Path,
    name: str,
    *,
    objects: Sequence[str] = (),
    contexts: Sequence[str] = (),
    licence: str = "not stated",
    max_per_group: int = 2000,
    seed: int = 0,
    around: Around = lambda _key, work: work(),
) -> dict[str, Any]:
    """Turn an ``.npz`` of embeddings into an image set without pictures, and publish what was measured of them.

    Args:
        source: an ``.npz`` file, as `vlcore.datasets.importers.embeddings.read_embeddings` reads it.
        name: of the set.
        objects, contexts, licence: as of `vlcore.datasets.importers.import_set`.
        max_per_group: how many rows of a group are used at most, chosen by chance.
        seed: of that choice and of the splits.
        around: is given the key and the work, which it calls; for a progress bar.

    Returns:
        ``name``, ``format``, ``key`` of the artefact, ``counts`` by group, ``majority``, ``splits``, ``captions``,
        ``warnings``, ``folder``.

    Raises:
        ImportSetError: when the file or the choice cannot be used.
        ImageSetError: when the name cannot be used.
        BusyError, JobCancelledError, HomeError: as `vlcore.store.jobs.run` does.
    """
    check_free(name)
    chosen = choose_rows(read_embeddings(source), objects, contexts, max_per_group, seed)
    found = chosen.embeddings
    with staging_dir(name) as work:
        write_set(work, name, chosen, licence, seed)
        images = read_set(work)
        condition = condition_of(images)
        jobs.clear_last_failure(condition.key)
        around(condition.key, lambda: jobs.run(condition.key, lambda out, report: _make(out, report, images, found)))
        publish(work, name)  # last: a set that can be seen has its measures
    counts = images.counts()
    return {
        "name": name,
        "format": "embeddings",
        "key": condition.key,
        "counts": {group: sum(of_split[group] for of_split in counts.values()) for group in images.grouping.names},
        "majority": majority_in_words(images.grouping),
        "splits": counts,
        "captions": len(found.captions),
        "warnings": list(found.notes),
        "folder": str(data_folder() / name),
    }


def condition_of(images: ImageSet) -> Condition:
    """The condition under which the measures of a set of embeddings are published."""
    seed = int(images.about.get("seed", 0))
    return Condition(
        images.name, images.version, labels="constant", objective=IMPORTED, n_per_group=STUDY_N, steps=0,
        data_seed=seed, init_seed=seed,
    )  # fmt: skip


def _make(out: Path, report: jobs.Reporter, images: ImageSet, found: Embeddings) -> dict[str, Any]:
    started = time.perf_counter()
    condition = condition_of(images)
    labels = Labels(found.captions, Vocabulary.of(images.grouping))
    views = Views(images, images.rows("train"))
    own, wordless = _own(views, found)
    record = TrainingRecord(condition, labels, views, own, {"end": _snapshot(views, found)}, wordless=wordless)
    write_model(out, [record], report)
    columns = images.table[["object", "context", "split", "scene", "caption", "source"]]
    return {
        "seconds": round(time.perf_counter() - started, 2),
        # Two encoders' embeddings of the same pictures can be compared, though each is a set of its own.
        "pictures": hashlib.sha256(columns.to_csv(index=False).encode()).hexdigest()[:16],
    }


def _own(views: Views, found: Embeddings) -> tuple[NDArray[np.int64], str | None]:
    """Index of each training picture's caption, (n,), or none of them and the reason why."""
    if not found.captions:
        return np.zeros(0, dtype=np.int64), "no captions were given"
    index = {pair: fitting_caption(found.captions, *pair) for pair in views.grouping.pairs}
    if missing := [pair for pair in index if index[pair] is None]:
        return np.zeros(0, dtype=np.int64), f"no caption fits pictures of {' with '.join(missing[0])}"
    pairs = zip(views.column("object", "train"), views.column("context", "train"), strict=True)
    return np.array([index[pair] for pair in pairs], dtype=np.int64), None


def _snapshot(views: Views, found: Embeddings) -> Snapshot:
    texts = [said.text.casefold() for said in found.captions]
    names = [name.casefold() for name in views.grouping.objects]
    bare = [texts.index(name) for name in names] if set(names) <= set(texts) else []  # if they are among the captions
    z = {split: found.z[rows] for split, rows in views.rows.items()}
    return Snapshot.of_vectors(z, found.text, found.scale, 0.0, bare=found.text[bare], panel={}, layer=None)


def import_key(name: str) -> str:
    """A key for one attempt to import a set."""
    return f"{name}-{secrets.token_hex(4)}.import"


def run_import(key: str, source: Path, name: str, options: dict[str, Any]) -> str:
    """Import a set for a page, and publish the report; `options` are those of
    `vlcore.datasets.importers.import_set`, and what `vlcore.store.jobs.run` returns and raises is returned and
    raised."""

    def make(out: Path, report: jobs.Reporter) -> dict[str, Any]:
        try:
            made = import_set(source, name, progress=report.counted("reading pictures", 0.95), **options)
        except ImportSetError as error:
            raise ImportSetError(error.on_page) from error
        write_json(out / "report.json", made.as_dict())
        return {"set": name}

    return jobs.run(key, make)
