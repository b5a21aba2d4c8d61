"""Pretrained CLIP and SigLIP models, measured, mapped and compared like models trained here.

They have one checkpoint, the end, and read images at the size that these are stored in; composite
images are made at `PANEL_SIZE`. Weights are not copied: the artifact names them, and they are
loaded again when needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlcore.api.training import parts_of, render_missing
from vlcore.artifacts.embeddings import REMAINING
from vlcore.data.training_set import caption_indices, training_sets
from vlcore.experiment.condition import Condition, ConditionError
from vlcore.experiment.files import write_json
from vlcore.experiment.wording import job_title
from vlcore.jobs import jobs
from vlcore.metrics.accuracy import logits
from vlcore.model.artifact_files import write_model
from vlcore.model.views import (
    RENDERING,
    TRAINING,
    Checkpoint,
    Labels,
    TrainingRecord,
    Views,
    readout_of,
)

if TYPE_CHECKING:
    from vlcore.model.pretrained import PretrainedEncoder

Vectors = NDArray[np.float32]
PANEL_SIZE = 128  # pixels, as large as drawn images are
BATCH = 64
PROMPT = "a photo of a {object}"  # the caption template of CLIP
# How the object is predicted, as pages and `--help` tell it.
READOUTS = {
    "zero-shot": "By the captions of the caption style: no training image is used.",
    "probe": "By a linear probe on its embeddings, fitted on the biased training images.",
    "dfr": "By a new last layer on its embeddings, fitted on validation images, all groups alike.",
}


def pretrained_condition(source: str, base: Condition, *, readout: str = "zero-shot") -> Condition:
    """The condition of a pretrained model on an image set.

    Args:
        source: a hub name, or the folder of a checkpoint, whose files are read; the hub is not
            asked.
        base: data, bias, labels and seeds.
        readout: one of `READOUTS`.

    Raises:
        ConditionError: the readout is unknown, or labels do not fit.
        PretrainedError: there is no such folder.
    """
    from vlcore.model.pretrained import checkpoint_name

    if readout not in READOUTS:
        raise ConditionError(
            f"No readout is named {readout!r}; choose one of {', '.join(READOUTS)}."
        )
    return Condition(
        base.data,
        base.data_version,
        bias=base.bias,
        labels=base.labels,
        template=base.template,
        objective="pretrained_probe" if readout == "probe" else "pretrained",
        mitigation="dfr" if readout == "dfr" else "none",
        architecture=f"clip:{checkpoint_name(source)}",
        n_per_group=base.n_per_group,
        steps=0,
        data_seed=base.data_seed,
        init_seed=base.init_seed,
    )


def make_pretrained(source: str, condition: Condition) -> str:
    """Measure and publish a pretrained model, unless it is there, as `vlcore.jobs.jobs.run`.

    Args:
        source: as in `pretrained_condition`.
        condition: made by `pretrained_condition`.

    Raises:
        PretrainedError: the checkpoint cannot be loaded, or is another one.
    """
    return jobs.run(
        condition.key,
        lambda out, report: _measure(source, condition, out, report),
        title=job_title(condition),
    )


def _measure(source: str, condition: Condition, out: Path, report: jobs.Reporter) -> dict[str, Any]:
    from vlcore.model.pretrained import PretrainedError, is_hub_name, load_checkpoint

    folds = training_sets(parts_of(condition), condition)
    labels = Labels.from_condition(condition, folds[0].images.grouping)
    encoder = load_checkpoint(source, tell=lambda sentence: report(stage=sentence, now=True))
    if f"clip:{encoder.name}" != condition.architecture:
        raise PretrainedError(
            f"{source} is {encoder.name} and not {condition.checkpoint}; ask for it again."
        )
    all_views = []
    for training in folds:
        render_missing(training, report)
        all_views.append(Views(training, PANEL_SIZE))
    # The folds of a small set have a readout each and share embeddings.
    first = all_views[0]
    all_rows = [part for views in all_views for part in views.rows.values()]
    rows = np.unique(np.concatenate([*all_rows, first.remaining_rows]))
    panel = first.panel or {}
    embed = _embedder(encoder, report, len(rows) + sum(map(len, panel.values())))
    z = embed(folds[0].images.image(row) for row in rows.tolist())
    records = []
    for views in all_views:
        embedded = {split: z[np.searchsorted(rows, part)] for split, part in views.rows.items()}
        if views is first and len(views.remaining_rows):
            embedded[REMAINING] = z[np.searchsorted(rows, views.remaining_rows)]
        record = TrainingRecord(
            condition=condition,
            labels=labels,
            views=views,
            test_caption_index=caption_indices(views.images, views.rows["test"], condition),
            checkpoints={
                "end": _final_checkpoint(condition, labels, views, encoder, embedded, embed)
            },
        )
        records.append(record)
    is_from_hub = is_hub_name(source)
    about = {
        "source": source if is_from_hub else str(encoder.folder.resolve()),
        "name": encoder.name,
        "revision": encoder.folder.name if is_from_hub else "",
        "kind": encoder.kind,
        "parameters": encoder.parameters,
        "bytes": encoder.bytes,
        "transformers": version("transformers"),
    }
    write_json(out / "checkpoint.json", about)
    write_model(out, records, report)
    return {"device": encoder.device, "parameters": encoder.parameters}


def _final_checkpoint(
    condition: Condition,
    labels: Labels,
    views: Views,
    encoder: PretrainedEncoder,
    z: dict[str, Vectors],
    embed: Callable[[Iterable[NDArray[np.uint8]]], Vectors],
) -> Checkpoint:
    captions = encoder.embed_captions(labels.texts)
    scale, bias = encoder.scale, encoder.bias
    scores = {split: logits(vectors, captions, scale, bias) for split, vectors in z.items()}
    panel = {}
    for kind, images in (views.panel or {}).items():
        vectors = embed(images)
        panel[kind] = vectors, logits(vectors, captions, scale, bias)
    readout = readout_of(condition, labels, views, z)
    return Checkpoint(z, scores, captions, scale, bias, panel, readout)


def _embedder(
    encoder: PretrainedEncoder, report: jobs.Reporter, total: int
) -> Callable[[Iterable[NDArray[np.uint8]]], Vectors]:
    """A function from images, uint8 (S, S, 3) each, to unit vectors, (n, E), that reports how many
    of the `total` are done."""
    done = 0

    def embed(images: Iterable[NDArray[np.uint8]]) -> Vectors:
        nonlocal done
        remaining, parts = iter(images), []
        while batch := [Image.fromarray(pixels) for pixels in islice(remaining, BATCH)]:
            share = min(1.0, done / total)
            report(stage="embedding images", fraction=RENDERING + TRAINING * share)
            parts.append(encoder.embed_images(batch))
            done += len(batch)
        return np.concatenate(parts)

    return embed
