"""Predictions for new images against slow references, and what is said about them."""

import dataclasses
import math
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.api.stand_ins import BASE, image_set, publish, unit
from vlcore.api import uploads
from vlcore.api.model_map import CaptionScore, ModelMap, model_map
from vlcore.api.uploads import RelianceReport, UploadReport, upload_reports
from vlcore.data.uploads import Twins, UploadedPicture
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.neighbours import nearest
from vlcore.metrics.novelty import Novelty
from vlcore.metrics.readouts import LastLayer, ObjectReadout
from vlcore.metrics.reliance import PaintedImages, Reliance
from vlcore.model.recognition import Recognition

IMAGES = image_set()
TABLE = IMAGES.table
UNKNOWN, UNJUDGED = [""] * 6, [None] * 6
NEW = unit(np.random.default_rng(5).normal(size=(6, 32)))
DIRECTION, SHIFT = np.linspace(-3, 3, 32), 0.25
TEMPERATURE = 3.0
FROM_SCRATCH = UploadReport(
    "camel", 0.876, True, "", (CaptionScore("a camel", 0.5, 1.0),), ((0, 0.912), (5, 0.9))
)


@pytest.fixture(scope="module")
def models(home: object) -> dict[str, ModelMap]:
    """One is calibrated, and one has a new last layer, with the objects in another order."""
    base = BASE.replace(data_seed=70, init_seed=70)
    calibrated = {"temperature": Estimate(TEMPERATURE, 2.0, 4.0, 192).as_dict()}
    artifacts = {
        "short": publish(IMAGES, base),
        "descriptive": publish(IMAGES, base.replace(labels="descriptive"), end=calibrated),
        "context": publish(IMAGES, base.replace(labels="own", template="{context}")),
        "pretrained": publish(IMAGES, base.with_towers("pretrained")),
        "captioner": publish(IMAGES, base.replace(objective="captioner")),
    }
    maps = {name: model_map(artifact) for name, artifact in artifacts.items()}
    layer = LastLayer(("camel", "horse"), DIRECTION, SHIFT)
    readout = ObjectReadout(maps["short"].readout.caption_objects, layer)
    return maps | {"relayered": dataclasses.replace(maps["short"], readout=readout)}


def reports_of(model: ModelMap, truths: Sequence[str] = UNKNOWN) -> list[UploadReport]:
    return upload_reports(model, IMAGES, NEW, truths, UNJUDGED, UNJUDGED, [False] * len(NEW))


STRANGE = Novelty(0.3, Estimate(0.01, 0.0, 0.6, 600))


def report_of(predicted: str = "camel", **changes: object) -> UploadReport:
    return dataclasses.replace(FROM_SCRATCH, predicted=predicted, **changes)


def log_odds(model: ModelMap, z: np.ndarray) -> float:
    """Of camel against horse, by the last layer or else by the captions."""
    if model.readout.layer:
        return -float(z.astype(float) @ DIRECTION) - SHIFT
    sums = {"horse": 0.0, "camel": 0.0}
    for caption, vector in zip(model.captions, model.caption_z, strict=True):
        animal = "camel" if "camel" in caption else "horse"
        sums[animal] += math.exp(model.scale * float(z @ vector) + model.bias)
    return math.log(sums["camel"] / sums["horse"])


@pytest.mark.parametrize("name", ["descriptive", "captioner"])
def test_the_nearest_are_of_all_images_of_the_map(models: dict[str, ModelMap], name: str) -> None:
    model = models[name]
    neighbours = np.array([report.neighbours for report in reports_of(model)])
    indices, cosines = nearest(NEW, model.z, 5)
    assert np.array_equal(neighbours[..., 0], model.rows[indices])
    assert neighbours[..., 1] == pytest.approx(cosines, abs=1e-5)


@pytest.mark.parametrize("name", ["short", "descriptive", "relayered"])
def test_predictions_against_a_slow_reference(models: dict[str, ModelMap], name: str) -> None:
    model = models[name]
    temperature = TEMPERATURE if name == "descriptive" else 1.0
    for z, report in zip(NEW, reports_of(model), strict=True):
        odds = log_odds(model, z)
        assert (report.predicted, report.why_silent) == ("camel" if odds > 0 else "horse", "")
        share = 1 / (1 + math.exp(-abs(odds) / temperature))
        assert report.share == pytest.approx(share, abs=1e-5)
        assert report.is_calibrated is (name == "descriptive")
        order = np.argsort(-(model.caption_z @ z), kind="stable")
        expected = [model.captions[index] for index in order]
        assert [score.caption for score in report.captions] == expected
        margin = uploads.answer_margin(model, z[None], SCENES, report.predicted)
        assert margin == pytest.approx([abs(odds)], abs=1e-3)


def test_predictions_are_right_or_wrong_where_the_truth_is_known(
    models: dict[str, ModelMap],
) -> None:
    truths = ["horse", "camel", "", "horse", "camel", ""]
    for truth, report in zip(truths, reports_of(models["short"], truths), strict=True):
        assert report.is_right is (report.predicted == truth if truth else None)


@pytest.mark.parametrize(
    ("seen", "knows_objects", "novelty", "expected"),
    [
        (Recognition(0.009, "web site", 0.4), True, None, True),
        (Recognition(0.011, "web site", 0.4), True, STRANGE, False),
        (None, True, STRANGE, False),
        (None, False, STRANGE, True),
        (None, False, None, False),
    ],
)
def test_neither_is_of_the_classifier_or_else_of_the_distance(
    seen: Recognition | None, knows_objects: bool, novelty: Novelty | None, expected: bool
) -> None:
    report = dataclasses.replace(
        FROM_SCRATCH, recognition=seen, knows_objects=knows_objects, novelty=novelty
    )
    assert report.is_neither is expected
    assert (report.neither_words in report.doubts) is expected


@pytest.mark.parametrize(
    ("share", "only_drawings", "doubts"),
    [
        (0.9, False, 0),
        (0.79, False, 1),
        (0.9, True, 1),
        (0.6, True, 2),
        (0.8, False, 0),
        (0.797, False, 0),
    ],
)
def test_doubts_are_a_small_share_and_a_model_of_drawings_alone(
    share: float, only_drawings: bool, doubts: int
) -> None:
    """A new image alone is none."""
    report = report_of(share=share, novelty=STRANGE, only_drawings=only_drawings)
    assert len(report.doubts) == doubts


@pytest.mark.parametrize("is_drawn", [False, True])
@pytest.mark.parametrize("name", ["short", "pretrained"])
def test_only_models_from_scratch_have_seen_drawings_alone(
    models: dict[str, ModelMap], name: str, is_drawn: bool
) -> None:
    drawn_set = dataclasses.replace(IMAGES, about={"recipe": "scenes"})
    reports = upload_reports(
        models[name], drawn_set, NEW, UNKNOWN, UNJUDGED, UNJUDGED, [is_drawn] * 6
    )
    expected = name == "short" and not is_drawn
    assert {report.only_drawings for report in reports} == {expected}


@pytest.mark.parametrize(
    ("name", "reason", "captions"), [("context", "no animal", 2), ("captioner", "word by word", 0)]
)
def test_models_that_name_no_object_say_why(
    models: dict[str, ModelMap], name: str, reason: str, captions: int
) -> None:
    for report in reports_of(models[name], ["horse"] * 6):
        assert (report.predicted, report.is_right, report.doubts) == ("", None, ())
        assert math.isnan(report.share)
        assert reason in uploads.prediction_words(report)
        assert len(report.captions) == captions


class RednessModel:
    """Embeds an image as its redness, from -1 to 1."""

    def embed_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        return np.array([[np.asarray(image)[0, 0, 0] / 127.5 - 1] for image in images])


@pytest.fixture
def red_is_camel(monkeypatch: pytest.MonkeyPatch) -> None:
    def margins(_model: object, z: np.ndarray, _grouping: object, label: str) -> np.ndarray:
        return z[:, 0] if label == "camel" else -z[:, 0]

    monkeypatch.setattr(uploads, "answer_margin", margins)


def coloured(red: int, **facts: str) -> UploadedPicture:
    return UploadedPicture("it", Image.new("RGB", (8, 8), (red, 0, 0)), **facts)


@pytest.mark.parametrize(
    ("other_object", "other_background", "on"),
    [(0, 255, Reliance.OBJECT), (255, 0, Reliance.BACKGROUND)],
)
@pytest.mark.usefixtures("red_is_camel")
def test_reliance_by_twins(other_object: int, other_background: int, on: Reliance) -> None:
    twins = Twins(
        coloured(other_object, object="horse"), (coloured(other_background, background="grass"),)
    )
    reliance = uploads.reliance_by_twins(SimpleNamespace(), RednessModel(), "camel", twins, SCENES)
    assert reliance.on == on
    labels = ["stays camel" if red else "becomes horse" for red in (other_object, other_background)]
    assert f"other animal it {labels[0]}, on grass it {labels[1]}." in reliance.because


@pytest.mark.parametrize(
    ("object_alone", "background_alone", "on", "words"),
    [
        ([255, 200], [0, 100], Reliance.OBJECT, "2 of 2"),
        ([0, 100], [255, 200], Reliance.BACKGROUND, "2 of 2"),
        ([255, 100], [0, 200], Reliance.UNSTABLE, "1 of 2"),
        ([200, 200], [255, 255], Reliance.UNSTABLE, "all 2"),
        ([200, 200], [200, 200], Reliance.UNSTABLE, "the 2 paint-over tests find no difference"),
        ([200, 200], [200, 255], Reliance.UNSTABLE, "0 of 2"),
    ],
)
@pytest.mark.usefixtures("red_is_camel")
def test_reliance_by_painting(
    object_alone: list[int], background_alone: list[int], on: Reliance, words: str
) -> None:
    painted = PaintedImages(
        *(
            np.stack([np.full((8, 8, 3), red, np.uint8) for red in reds])
            for reds in (object_alone, background_alone)
        )
    )
    reliance = uploads.reliance_by_painting(
        SimpleNamespace(), RednessModel(), "camel", painted, SCENES
    )
    assert reliance.on == on
    assert reliance.because.startswith(words)


def test_the_table_has_a_row_for_each_image_and_model(models: dict[str, ModelMap]) -> None:
    reports = {
        name: reports_of(models[model], ["horse"] * 6)[:3]
        for name, model in (("Model A", "short"), ("Model B", "captioner"))
    }
    reliances = {("Model A", 1): RelianceReport(Reliance.OBJECT, "")}
    names = ["1. a", "2. b", "3. c"]
    table = uploads.report_table(names, reports, IMAGES, reliances)
    assert table["Image"].tolist() == [name for name in names for _ in reports]
    assert table["Relies on"].tolist() == ["", "", "animal", "", "", ""]
    for number, report in enumerate(reports["Model A"]):
        row, similarity = report.neighbours[0]
        assert table.iloc[2 * number].drop(["Image", "Relies on"]).to_dict() == {
            "Model": "Model A",
            "Prediction": report.predicted,
            "Share, %": round(100 * report.share),
            "Calibrated": "no",
            "Correct or wrong": "correct" if report.predicted == "horse" else "wrong",
            "Not sure": ", ".join(report.doubts),
            "Neither": "no",
            "New": "",
            "Images of the set as far, %": None,
            "Best caption": report.captions[0].caption,
            "Nearest image": f"{TABLE['object'][row]}, {TABLE['context'][row]} ({similarity:.2f})",
        }
        silent = table.iloc[2 * number + 1]
        assert "word by word" in silent["Prediction"]
        assert np.isnan(silent["Share, %"])
        assert silent["Best caption"] == ""


def test_typed_captions_are_ranked_by_the_first_model() -> None:
    z = {"Model A": NEW[0], "Model B": NEW[1]}
    typed = {name: unit(np.random.default_rng(1).normal(size=(3, 32))) for name in z}
    table = uploads.typed_captions_table(["a", "b", "c"], typed, z)
    assert list(table) == ["Caption", "Model A", "Model B"]
    order = np.argsort(-(typed["Model A"] @ NEW[0]))
    assert table["Caption"].tolist() == ["abc"[index] for index in order]
    assert table["Model B"].to_numpy() == pytest.approx((typed["Model B"] @ NEW[1])[order])


def test_models_that_have_seen_photographs() -> None:
    clip = {"objective": "pretrained", "architecture": "clip:openai/clip"}
    seen = [
        Condition().with_towers("pretrained"),
        Condition(architecture="timm:resnet18.a1_in1k"),
        Condition(**clip, labels="descriptive", steps=0),
    ]
    assert all(map(uploads.knows_photographs, seen))
    for condition in (Condition(), Condition(architecture="pretrained@random")):
        assert not uploads.knows_photographs(condition)
