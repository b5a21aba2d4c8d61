"""Pretrained CLIP and SigLIP models, measured, mapped and compared like ours. They were trained
elsewhere, so there is one moment, the end, and see pictures at the size that they are stored in;
those of the panel are made at `PANEL_SIZE`. Weights are not copied: the artifact says which they
were, and they are found again when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlcore.api.training import draw, own_captions_of, parts_of
from vlcore.data.training_set import training_sets
from vlcore.experiment.condition import Condition, ConditionError
from vlcore.experiment.files import write_json
from vlcore.jobs import jobs
from vlcore.metrics.accuracy import logits
from vlcore.model.artifact_files import write_model
from vlcore.model.views import (
    RENDERING,
    TRAINING,
    Labels,
    Snapshot,
    TrainingRecord,
    Views,
    last_layer,
)

if TYPE_CHECKING:
    from vlcore.model.pretrained import PretrainedEncoder

PANEL_SIZE = 128  # pixels, as large as drawn pictures are
BATCH = 64
# How the object is read off, in a sentence: pages and `--help` say these.
READOUTS = {
    "zero-shot": "By the captions of the label style: no training picture is used.",
    "probe": "By a linear probe on its embeddings, fitted on the biased training pictures.",
    "dfr": (
        "By a new last layer on its embeddings, fitted on validation pictures, all groups alike."
    ),
}


def condition_of(source: str, base: Condition, *, readout: str = "zero-shot") -> Condition:
    """The condition of a checkpoint on an image set: what `base` says of data, bias, labels and
    seeds. `source` is a hub name, or the folder of a checkpoint, of which the files are read; the
    hub is not asked. ConditionError where the readout is unknown or labels do not fit,
    PretrainedError where the folder is of no use.
    """
    from vlcore.model.hub_checkpoints import checkpoint_name

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
        size_mode=base.size_mode,
        architecture=f"clip:{checkpoint_name(source)}",
        n_per_group=base.n_per_group,
        steps=0,
        data_seed=base.data_seed,
        init_seed=base.init_seed,
    )


def is_hub_name(source: str) -> bool:
    """Whether a text is the name of a checkpoint on the hub: the disk is not asked."""
    from vlcore.model import hub_checkpoints

    return hub_checkpoints.is_hub_name(source)


def make_pretrained(source: str, condition: Condition) -> str:
    """Measure and publish a checkpoint under a condition of `condition_of`, unless it is there;
    what `vlcore.jobs.jobs.run` returns and raises, and PretrainedError where it cannot be had or is
    another one.
    """
    return jobs.run(condition.key, lambda out, report: _make(source, condition, out, report))


def _make(source: str, condition: Condition, out: Path, report: jobs.Reporter) -> dict[str, Any]:
    from vlcore.model.hub_checkpoints import PretrainedError, digest
    from vlcore.model.pretrained import load_checkpoint

    sets = training_sets(parts_of(condition), condition)
    labels = Labels.of(condition, sets[0].images.grouping)
    encoder = load_checkpoint(source, tell=lambda sentence: report(stage=sentence, now=True))
    calibration = encoder.scale, encoder.bias
    if f"clip:{encoder.checkpoint.name}" != condition.architecture:
        raise PretrainedError(
            f"{source} is {encoder.checkpoint.name} and not {condition.checkpoint}; ask for it"
            " anew."
        )
    records: list[TrainingRecord] = []
    embedded: Embedded | None = None
    for training in sets:  # a small set's folds have a readout each; the embeddings are the same
        draw(training, report)
        views, own = Views(training, PANEL_SIZE), training.own
        embedded = embedded or Embedded(encoder, views, report)
        own_test = own_captions_of(training.images, views.rows["test"], condition)
        words, bare = (
            encoder.embed_captions(labels.texts),
            encoder.embed_captions(views.grouping.objects),
        )
        z = {split: embedded.rows(rows) for split, rows in views.rows.items()}
        shown = {name: embedded.pixels(pixels) for name, pixels in (views.panel or {}).items()}
        scores = {split: logits(of, words, *calibration) for split, of in z.items()}
        panel = {name: (of, logits(of, words, *calibration)) for name, of in shown.items()}
        end = Snapshot(z, scores, words, *calibration, bare, panel, last_layer(condition, views, z))
        records.append(TrainingRecord(condition, labels, views, own, own_test, {"end": end}))
    checkpoint = encoder.checkpoint
    about = {
        "source": checkpoint.source if checkpoint.revision else str(checkpoint.folder.resolve()),
        "name": checkpoint.name,
        "revision": checkpoint.revision,
        "digest": digest(checkpoint.folder),
        "kind": checkpoint.kind,
        "parameters": encoder.parameters,
        "bytes": checkpoint.bytes,
        "transformers": version("transformers"),
    }
    write_json(out / "checkpoint.json", about)
    write_model(out, records, report)
    return {"device": encoder.device, "parameters": encoder.parameters}


class Embedded:
    """What a checkpoint makes of the pictures of a set; each is looked at once, however many folds
    ask."""

    def __init__(self, encoder: PretrainedEncoder, views: Views, report: jobs.Reporter) -> None:
        self.encoder, self._images, self._report = encoder, views.images, report
        self._known: dict[int, NDArray[np.float32]] = {}
        self._done, panel = 0, views.panel or {}
        self._all = len(np.unique(np.concatenate([*views.rows.values()]))) + sum(
            map(len, panel.values())
        )

    def rows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unit vectors of rows of the set, (n, E), from the stored pictures at their full size."""
        new = [row for row in rows.tolist() if row not in self._known]
        self._known.update(
            zip(new, self.pixels(self._images.image(row) for row in new), strict=True)
        )
        return np.array([self._known[row] for row in rows.tolist()], np.float32).reshape(
            -1, self.encoder.width
        )

    def pixels(self, pictures: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Unit vectors of pictures, uint8 (n, S, S, 3) to (n, E)."""
        waiting, parts = iter(pictures), [np.empty((0, self.encoder.width), np.float32)]
        while batch := [Image.fromarray(picture) for picture in islice(waiting, BATCH)]:
            share = min(1.0, self._done / self._all)
            self._report(stage="embedding pictures", fraction=RENDERING + TRAINING * share)
            parts.append(self.encoder.embed_pictures(batch))
            self._done += len(batch)
        return np.concatenate(parts)
