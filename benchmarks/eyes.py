"""Publish what models on each image tower predict for images that nobody drew for training.

for plan in docs/results/plans/eyes-*.yaml; do python -m vlcore study $plan; done
python -m benchmarks.eyes --images FOLDER

FOLDER holds folders of images named ``renders3d/<object>_<context>`` and
``photos/<object>_<context>``; only accuracies by group are published, beside those of the drawn
test images."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import OutsideImage, outside_images, parse_options, publishing
from benchmarks.results_data import OUTSIDE
from vlcore.artifacts.store import Artifact
from vlcore.experiment.grouping import SCENES
from vlcore.metrics.accuracy import predict_objects
from vlcore.metrics.catalogue import PRIMARY
from vlcore.model.load import OwnModel, load_model
from vlcore.study import plans, published
from vlcore.study.results import Study

TEST = (PRIMARY, "majority_accuracy", "balanced_accuracy")
TEST += tuple(f"group_accuracy.{group}" for group in SCENES.names)


def main() -> None:
    options = parse_options(__doc__, images=Path())
    outside = {source: outside_images(options.images / source) for source in OUTSIDE}
    for file in sorted((published.FOLDER / "plans").glob("eyes-*.yaml")):
        plan = plans.find(str(file))
        study = Study(plan, elsewhere=published.measured_runs(plan.name))
        if not study.artifacts:
            continue
        runs = study.runs()
        rows = [row for run in study.artifacts for row in outside_rows(run, runs, outside)]
        study._frame = pd.concat([runs, pd.DataFrame(rows)], ignore_index=True)
        names = {row["measure"] for row in rows}
        publishing.publish_study(study, plan.name, (*TEST, *names))


def outside_rows(
    artifact: Artifact, runs: pd.DataFrame, outside: Mapping[str, list[OutsideImage]]
) -> Iterator[dict[str, Any]]:
    """Accuracy of a run by source and group, as rows of a table of runs."""
    settings = runs[runs["key"] == artifact.key].iloc[0].to_dict()
    model = load_model(artifact)
    assert isinstance(model, OwnModel)
    stored = artifact.embeddings
    end = stored.end
    caption_objects = [
        next(name for name in SCENES.objects if name in text) for text in stored.caption_texts
    ]
    for source, images in outside.items():
        z = model.embed_images([image.image for image in images])
        scores = end.scale * np.asarray(z @ end.captions.T, dtype=np.float64) + end.bias
        predicted = predict_objects(scores, caption_objects, SCENES.objects)
        right = predicted == np.array([image.object for image in images])
        groups = np.array([f"{image.object}_{image.context}" for image in images])
        for group in SCENES.names:
            members = groups == group
            yield settings | {
                "moment": "end",
                "measure": f"{source}.group_accuracy.{group}",
                "value": float(right[members].mean()),
                "low": None,
                "high": None,
                "n": int(members.sum()),
                "reason": "",
            }


if __name__ == "__main__":
    main()
