"""Sentences of the core in one file that a person reads: sentences.md, beside this test.

A changed sentence fails in this file alone. Write the file again, and read what changed:
``WRITE_SENTENCES=1 pytest tests/api/test_sentences.py``.
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.api.stand_ins import BASE, image_set, measured_as, metrics_of, publish
from tests.data.test_subset import large_set, small_set
from tests.golden import check_sentences
from tests.numbers import estimate
from vlcore.api import audit, captions, description, uploads
from vlcore.api.agreement import NeighbourAgreement
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.differences import describe_differences
from vlcore.api.failures import FailureDirection
from vlcore.api.metrics_table import describe_map_quality
from vlcore.api.model_map import CaptionScore, ModelMap, model_map
from vlcore.api.uploads import RelianceReport, UploadReport
from vlcore.data import subset
from vlcore.experiment import wording
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.wording import title
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.novelty import Novelty
from vlcore.metrics.reliance import Reliance

FILE = Path(__file__).with_name("sentences.md")
IMAGES = image_set()
PROBE = {"objective": "pretrained_probe", "architecture": "clip:tiny@01234567", "steps": 0}
PREDICTION = UploadReport("camel", 0.876, True, "", (CaptionScore("a camel", 0.5, 1.0),), ())


def titles() -> Iterator[str]:
    for changes in (
        {},
        {"bias": 0.75, "labels": "descriptive"},
        {"bias": 0.125, "n_per_group": 8, "architecture": "seed_faithful"},
        {"steps": 0, "bias": 0.75},
        {"labels": "own", "template": "one {object}"},
        {"objective": "infonce", "mitigation": "dfr"},
        {**PROBE, "bias": 0.75},
        {"architecture": "pretrained@random", "text": "codes"},
        {"negatives": "none", "width": 128},
        {"edits": '[{"kind":"add","picture":1}]'},
    ):
        yield title(Condition(**changes))


def interval(value: float, low: float, high: float, n: int = 1000) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n}


def numbers() -> Iterator[str]:
    yield wording.share(interval(0.951, 0.9349, 0.9601))
    yield wording.share(interval(0.75, 0.53, 0.89, wording.FEW - 1))
    yield wording.share(interval(0.75, 0.53, 0.89, wording.FEW))
    yield wording.rate_words(interval(0.75, 0.53, 0.89, 1))
    yield wording.number(interval(0.7149, 0.682, 0.74))
    yield wording.number(interval(-0.031, -0.05, 0.0))
    yield wording.number(interval(99.4, 75.8, 120.6))
    yield wording.difference(interval(-0.001, -0.2, 0.2))
    yield wording.points(interval(-0.1, -0.13, 0.06))
    yield wording.points(interval(-0.1, -0.13, 0.004))
    yield wording.points(interval(-0.1, -0.13, 0.0))
    yield wording.percent(0.404)
    yield wording.decimal(-0.001)
    for seconds in (4, 20, 50, 85, 100, 300, 601, 1000, 7000, 36000):
        yield wording.duration_words(seconds)


def with_silhouettes(
    maps: ComparedMaps, by_object: float | str, by_context: float | None = None
) -> ComparedMaps:
    """Maps whose second model has these silhouettes, or a reason why it has none."""
    metrics = metrics_of(maps, 1)
    if by_context is None:
        del metrics["end"]["silhouette_object"]
        metrics["end"]["absent"]["silhouette_object"] = by_object
    else:
        metrics["end"] |= {"silhouette_object": estimate(by_object)}
        metrics["end"] |= {"silhouette_context": estimate(by_context)}
    return measured_as(maps, 1, metrics)


def maps_in_words(pair: ComparedMaps) -> Iterator[str]:
    yield description.describe_comparison(compare_maps(pair.models[:1], IMAGES))
    for silhouettes in ((0.5, 0.1), (0.1, 0.5), (0.42, 0.48), (0.05, -0.2)):
        yield description.describe_comparison(with_silhouettes(pair, *silhouettes))
    for reason in ("one point", "too few"):
        yield description.describe_comparison(with_silhouettes(pair, reason))
    yield description.describe_shown(pair)
    metrics = metrics_of(pair)
    metrics["end"]["group_accuracy"]["camel_grass"]["n"] = 19
    metrics["end"]["group_accuracy"]["horse_grass"]["n"] = 4
    quality = {"trustworthiness": {"k10": 0.912}, "continuity": {"k10": 0.934}}
    metrics["end"]["map_quality"] = quality
    model = measured_as(pair, 0, metrics).models[0].artifact
    yield str(description.small_sample_warning(model, SCENES))
    yield str(describe_map_quality(model))
    collapsed = metrics_of(pair)
    collapsed["end"]["collapsed"] = True
    for maps in (pair, compare_maps(measured_as(pair, 0, collapsed).models[:1], IMAGES)):
        for info in maps.infos:
            yield f"{info.title}: {info.subtitle}"


def differences() -> Iterator[str]:
    for changes in ({}, {"bias": 0.5}, {"bias": 0.5, "steps": 7, "labels": "descriptive"}):
        yield describe_differences(Condition(), Condition(**changes))


def of_seed(seed: int, **changes: str) -> ModelMap:
    return model_map(publish(IMAGES, BASE.replace(init_seed=seed, **changes)))


def typed_captions() -> Iterator[str]:
    scratch = [of_seed(80, labels="descriptive"), of_seed(81, labels="undescriptive")]
    texts = ("a camel in the desert", "a zebra, a zebra", " ".join("bcdfghjklm"))
    yield from captions.caption_warnings(compare_maps(scratch, IMAGES), texts)
    with_vectors = compare_maps([of_seed(82, text="words", labels="undescriptive")], IMAGES)
    yield from captions.caption_warnings(with_vectors, ["racehorse", "music", "music"])


def new_images() -> Iterator[str]:
    yield uploads.prediction_words(PREDICTION)
    yield uploads.prediction_words(dataclasses.replace(PREDICTION, is_calibrated=False))
    doubtful = dataclasses.replace(PREDICTION, share=0.6, only_drawings=True)
    yield "; ".join(doubtful.doubts)
    for objective, template in (("captioner", ""), ("pairwise_bce", "{context}")):
        labels = {"labels": "own", "template": template} if template else {}
        model = of_seed(83, objective=objective, **labels)
        z = model.z[:1]
        (report,) = uploads.upload_reports(model, IMAGES, z, ["horse"], [None], [None], [False])
        assert math.isnan(report.share)
        yield uploads.prediction_words(report)
    for share in (0.4, 0.01):
        novelty = Novelty(0.3, Estimate(share, 0.0, 0.6, 600))
        yield uploads.novelty_sentence(novelty, is_calibrated=True)
    for reliance in Reliance:
        yield uploads.reliance_sentence(RelianceReport(reliance, "*because*."), SCENES)
    grass = dataclasses.replace(PREDICTION, predicted="horse")
    for reports in ([PREDICTION] * 7, [grass, *[PREDICTION] * 6]):
        yield uploads.reliance_by_backgrounds(reports).because


def neighbours_and_failures(pair: ComparedMaps) -> Iterator[str]:
    overlap = SimpleNamespace(mean_overlap=lambda: Estimate(0.4, 0.3, 0.5, 72), k=10, chance=0.128)
    before = SimpleNamespace(mean_overlap=lambda: Estimate(0.2, 0.1, 0.3, 72))
    both: tuple[Any, ...] = (IMAGES, pair.rows, overlap)
    for untrained in (before, None):
        yield NeighbourAgreement(*both, untrained, pair.models).sentence  # type: ignore[arg-type]
    for accuracy in (Estimate(0.9, 0.8, 0.95, 1000), Estimate(0.55, 0.45, 0.6, 1000), None):
        rows = np.arange(1000)
        part = FailureDirection("camel", rows, 30, accuracy, pd.DataFrame())
        yield part.sentence


def image_sets() -> Iterator[str]:
    scenes = np.arange(100)
    for background in ((90, 90, 60), (30, 30, 60), (90, 60, 30), (63, 60, 57)):
        correct = {
            view: {"object": scenes < 60, "context": scenes < count}
            for view, count in zip(("colour", "rim", "pixels"), background, strict=True)
        }
        yield audit._compare_cues(correct, scenes.astype(str), "camel")
    for folds, split in ((5, "pool"), (0, "train")):
        yield subset.few_training_images(small_set([[1] * 30] * 4, folds, split))
    for alone in (10, 0):
        yield subset.describe_sample(large_set(alone=alone, per_group={"test": 20}, seed=3))


def sections(pair: ComparedMaps) -> dict[str, Iterable[str]]:
    return {
        "Titles": titles(),
        "Numbers": numbers(),
        "Maps": maps_in_words(pair),
        "Differences": differences(),
        "Typed captions": typed_captions(),
        "New images": new_images(),
        "Neighbours and failures": neighbours_and_failures(pair),
        "Image sets": image_sets(),
    }


@pytest.mark.usefixtures("home")
def test_sentences_are_those_of_the_file(pair: ComparedMaps) -> None:
    check_sentences(FILE, "Sentences of the core", sections(pair))
