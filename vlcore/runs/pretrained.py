"""Pretrained CLIP and SigLIP models, measured, mapped and compared like ours.

They were trained elsewhere, so there is one moment, the end. They see pictures at the size that they are stored in;
those of the panel are made at `PANEL_SIZE`, not at the 64 px of our own encoders. Weights are not copied: the artefact
says which they were, and they are found again when somebody asks of a new picture.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlcore.core.condition import Condition, ConditionError
from vlcore.core.files import write_json
from vlcore.runs.publish import write_model
from vlcore.runs.recorder import RENDERING, TRAINING
from vlcore.runs.snapshot import Snapshot, TrainingRecord
from vlcore.runs.train import draw, own_captions_of, parts_of
from vlcore.runs.views import Labels, Views, last_layer
from vlcore.store import jobs
from vlcore.store.artefacts import Artefact

if TYPE_CHECKING:
    from vlcore.learning.pretrained import PretrainedEncoder


PANEL_SIZE = 128  # pixels, as large as drawn pictures are
BATCH = 64
# How the object is read off, in a sentence: pages and `--help` say these.
READOUTS = {
    "zero-shot": "By the captions of the label style: no training picture is used.",
    "probe": "By a linear probe on its embeddings, fitted on the biased training pictures.",
    "dfr": "By a new last layer on its embeddings, fitted on validation pictures, all groups alike.",
}


def condition_of(source: str, base: Condition, *, readout: str = "zero-shot") -> Condition:
    """The condition of a checkpoint on an image set: what `base` says of data, bias, labels and seeds.

    Args:
        source: a hub name, or the folder of a checkpoint, of which the files are read; the hub is not asked.
        base: a condition; what it says of training does not matter.
        readout: one of `READOUTS`.

    Raises:
        ConditionError: when the readout is unknown or the labels do not fit.
        PretrainedError: when the folder holds no checkpoint that can be used, or is not there.
    """
    from vlcore.learning.checkpoints import checkpoint_name

    if readout not in READOUTS:
        raise ConditionError(f"No readout is named {readout!r}; choose one of {', '.join(READOUTS)}.")
    return Condition(
        base.data, base.data_version, bias=base.bias, labels=base.labels, template=base.template,
        objective="pretrained_probe" if readout == "probe" else "pretrained",
        mitigation="dfr" if readout == "dfr" else "none",
        size_mode=base.size_mode, architecture=f"clip:{checkpoint_name(source)}", n_per_group=base.n_per_group, steps=0,
        data_seed=base.data_seed, init_seed=base.init_seed,
    )  # fmt: skip


def make_pretrained(source: str, condition: Condition) -> str:
    """Measure and publish a checkpoint under a condition of `condition_of`, unless it is there; what
    `vlcore.store.jobs.run` returns and raises.

    Raises:
        PretrainedError: when the checkpoint cannot be had or used, or is another one than the condition names.
    """
    return jobs.run(condition.key, lambda out, report: _make(source, condition, out, report))


def load_for(artefact: Artefact) -> PretrainedEncoder:
    """The checkpoint that an artefact was made from, loaded once in a process.

    Raises:
        PretrainedError: when it is gone, has changed, or cannot be had.
    """
    from vlcore.learning.hub import PretrainedError
    from vlcore.learning.pretrained import load_checkpoint

    about = artefact.json("checkpoint.json")
    again = "bring it back, or run `python -m vlcore pretrained` anew and take the model that it makes"
    if not about["revision"] and not Path(about["source"]).is_dir():
        raise PretrainedError(f"The folder of the checkpoint {about['name']} is gone; {again}.")
    encoder = load_checkpoint(about["source"], revision=about["revision"])
    if encoder.checkpoint.name != about["name"]:
        raise PretrainedError(f"The files of the checkpoint {about['name']} have changed; {again}.")
    return encoder


def _make(source: str, condition: Condition, out: Path, report: jobs.Reporter) -> dict[str, Any]:
    from vlcore.learning.checkpoints import digest
    from vlcore.learning.hub import PretrainedError
    from vlcore.learning.pretrained import load_checkpoint

    started = time.perf_counter()
    parts = parts_of(condition)
    labels = Labels.of(condition, parts[0].grouping)
    encoder = load_checkpoint(source, tell=lambda sentence: report(stage=sentence, now=True))
    if f"clip:{encoder.checkpoint.name}" != condition.architecture:
        raise PretrainedError(f"{source} is {encoder.checkpoint.name} and not {condition.checkpoint}; ask for it anew.")
    records: list[TrainingRecord] = []
    embedded: Embedded | None = None
    for part in parts:  # a small set's folds have a readout each; the embeddings are the same
        views = Views(part, draw(part, condition, report), PANEL_SIZE)
        embedded = embedded or Embedded(encoder, views, report)
        own = own_captions_of(part, views.rows["train"], condition)
        end = _snapshot(condition, labels, views, embedded)
        records.append(TrainingRecord(condition, labels, views, own, {"end": end}))
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
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "device": encoder.device,
        "parameters": encoder.parameters,
    }


class Embedded:
    """What a checkpoint makes of the pictures of a set; each is looked at once, however many folds ask."""

    def __init__(self, encoder: PretrainedEncoder, views: Views, report: jobs.Reporter) -> None:
        self.encoder, self._images, self._report = encoder, views.images, report
        self._known: dict[int, NDArray[np.float32]] = {}
        self._done, panel = 0, views.panel or {}
        self._all = len(np.unique(np.concatenate([*views.rows.values()]))) + sum(map(len, panel.values()))

    def rows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unit vectors of rows of the set, (n, E), from the stored pictures at their full size."""
        new = [row for row in rows.tolist() if row not in self._known]
        self._known.update(zip(new, self._embed(self._images.image(row) for row in new), strict=True))
        return self._stacked([self._known[row] for row in rows.tolist()])

    def pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit vectors of pictures that are in no set, uint8 (n, S, S, 3) to (n, E)."""
        return self._stacked(list(self._embed(pixels)))

    def _embed(self, pictures: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        waiting = iter(pictures)
        while batch := [Image.fromarray(picture) for picture in islice(waiting, BATCH)]:
            share = min(1.0, self._done / self._all)
            self._report(stage="embedding pictures", fraction=RENDERING + TRAINING * share)
            yield from self.encoder.embed_pictures(batch)
            self._done += len(batch)

    def _stacked(self, vectors: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        return np.stack(vectors) if vectors else np.empty((0, self.encoder.width), dtype=np.float32)


def _snapshot(condition: Condition, labels: Labels, views: Views, embedded: Embedded) -> Snapshot:
    encoder = embedded.encoder
    z = {split: embedded.rows(rows) for split, rows in views.rows.items()}
    return Snapshot.of_vectors(
        z,
        encoder.embed_captions(labels.texts),
        encoder.scale,
        encoder.bias,
        bare=encoder.embed_captions(views.grouping.objects),
        panel={name: embedded.pixels(pixels) for name, pixels in (views.panel or {}).items()},
        layer=last_layer(condition, views, z),
    )
