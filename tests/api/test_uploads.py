"""Predictions for new images against slow references, and the sentences about them."""

import dataclasses
import math
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.api.stand_ins import BASE, image_set, publish, unit
from vlcore.api import uploads
from vlcore.api.model_map import CaptionScore, ModelMap, model_map
from vlcore.api.uploads import Phrase, RelianceReport, UploadReport, upload_reports
from vlcore.data.uploads import Twins, UploadedPicture
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.novelty import Novelty
from vlcore.metrics.projection import nearest
from vlcore.metrics.readouts import LastLayer
from vlcore.metrics.reliance import PaintedImages, Reliance

IMAGES = image_set()
TABLE = IMAGES.table
UNKNOWN, UNJUDGED = [""] * 6, [None] * 6
NEW = unit(np.random.default_rng(5).normal(size=(6, 32)))
TEMPERATURE = 3.0
FAMILIAR, STRANGE = (Novelty(0.3, Estimate(share, 0.0, 0.6, 600)) for share in (0.4, 0.01))


@pytest.fixture(scope="module")
def models(home: object) -> dict[str, ModelMap]:
    """Five kinds of models; one is calibrated, and the last has a new last layer, with the objects
    in another order."""
    base = BASE.replace(data_seed=70, init_seed=70)
    measured = {"temperature": Estimate(TEMPERATURE, 2.0, 4.0, 192).as_dict()}
    maps = {
        "short": model_map(publish(IMAGES, base)),
        "descriptive": model_map(publish(IMAGES, base.replace(labels="descriptive"), end=measured)),
        "placed": model_map(publish(IMAGES, base.replace(labels="context"))),
        "pretrained": model_map(publish(IMAGES, base.with_towers("pretrained"))),
        "captioner": model_map(publish(IMAGES, base.replace(objective="captioner"))),
    }
    layer = LastLayer(("camel", "horse"), np.linspace(-3, 3, 32), 0.25)
    return maps | {"relayered": dataclasses.replace(maps["short"], layer=layer)}


@pytest.fixture(scope="module")
def short(models: dict[str, ModelMap]) -> ModelMap:
    return models["short"]


def reports_of(model: ModelMap, truths: Sequence[str] = UNKNOWN) -> list[UploadReport]:
    return upload_reports(model, IMAGES, NEW, truths, UNJUDGED, [False] * len(NEW))


def text_of(phrases: Sequence[Phrase]) -> str:
    return "".join(phrase.text for phrase in phrases)


@pytest.mark.parametrize("name", ["descriptive", "captioner"])
def test_the_nearest_five_are_of_all_images_of_the_map(
    models: dict[str, ModelMap], name: str
) -> None:
    model = models[name]
    neighbours = np.array([report.nearest for report in reports_of(model)])
    indices, cosines = nearest(NEW, model.z, 5)
    assert np.array_equal(neighbours[..., 0], model.rows[indices])
    assert neighbours[..., 1] == pytest.approx(cosines, abs=1e-5)


@pytest.mark.parametrize("name", ["short", "descriptive", "relayered"])
def test_what_is_predicted_against_the_captions_that_name_it(
    models: dict[str, ModelMap], name: str
) -> None:
    """Or against a new last layer, which answers in place of the captions; both are log odds after
    the temperature."""
    model = models[name]
    temperature = TEMPERATURE if name == "descriptive" else 1.0
    reports = reports_of(model)
    for z, report in zip(NEW, reports, strict=True):
        worth = {"horse": 0.0, "camel": 0.0}
        for caption, vector in zip(model.captions, model.caption_z, strict=True):
            named = "camel" if "camel" in caption else "horse"
            worth[named] += math.exp(model.scale * float(z @ vector) + model.bias)
        if model.layer:
            worth = {
                "horse": math.exp(float(z.astype(float) @ np.linspace(-3, 3, 32)) + 0.25),
                "camel": 1.0,
            }
        best = max(worth, key=worth.__getitem__)
        cooled = {label: value ** (1 / temperature) for label, value in worth.items()}
        assert (report.predicted, report.why_silent) == (best, "")
        assert report.share == pytest.approx(cooled[best] / sum(cooled.values()), abs=1e-5)
        assert report.is_calibrated is (name == "descriptive")
        cosines = {
            text: float(z @ vector)
            for text, vector in zip(model.captions, model.caption_z, strict=True)
        }
        assert [score.caption for score in report.captions] == sorted(
            cosines, key=cosines.__getitem__
        )[::-1]
        odds = uploads.answer_margin(model, z[None], SCENES, report.predicted)
        assert odds / temperature == pytest.approx(
            [math.log(report.share) - math.log1p(-report.share)], abs=1e-3
        )
    assert name != "relayered" or {report.predicted for report in reports} == {"horse", "camel"}


def test_who_knows_what_an_image_shows_is_told_right_from_wrong(short: ModelMap) -> None:
    predicted = [report.predicted for report in reports_of(short)]
    truths = ["horse", "camel", "", "horse", "camel", ""]
    for truth, label, report in zip(truths, predicted, reports_of(short, truths), strict=True):
        assert report.is_right is (None if not truth else truth == label)


@pytest.mark.parametrize(
    ("share", "only_drawings", "doubts"),
    [(0.9, False, 0), (0.79, False, 1), (0.9, True, 1), (0.6, True, 2), (0.8, False, 0)],
)
def test_a_small_share_or_a_photograph_for_a_model_of_drawings_makes_a_prediction_unsure(
    share: float, only_drawings: bool, doubts: int
) -> None:
    report = report_of(share=share, novelty=STRANGE, only_drawings=only_drawings)
    assert len(report.doubts) == doubts, (
        "a new image alone is no reason: most photographs are new, and named right"
    )


@pytest.mark.parametrize(
    ("towers", "is_drawn", "expected"),
    [
        ("scratch", False, True),
        ("scratch", True, False),
        ("pretrained", False, False),
        ("pretrained", True, False),
    ],
)
def test_only_a_model_from_scratch_has_seen_drawings_alone(
    models: dict[str, ModelMap], towers: str, is_drawn: bool, expected: bool
) -> None:
    model = models["short"] if towers == "scratch" else models["pretrained"]
    drawn_set = dataclasses.replace(IMAGES, about={"recipe": "scenes"})
    reports = upload_reports(model, drawn_set, NEW, UNKNOWN, UNJUDGED, [is_drawn] * len(NEW))
    assert {report.only_drawings for report in reports} == {expected}


@pytest.mark.parametrize(
    ("name", "why", "captions"), [("placed", "no animal", 2), ("captioner", "word by word", 0)]
)
def test_a_model_that_names_no_object_says_why(
    models: dict[str, ModelMap], name: str, why: str, captions: int
) -> None:
    for report in reports_of(models[name], ["horse"] * 6):
        assert report.predicted == ""
        assert math.isnan(report.share)
        assert report.is_right is None
        assert report.doubts == ()
        assert why in text_of(uploads.prediction_phrases(report))
        assert len(report.captions) == captions


def report_of(
    predicted: str = "camel",
    share: float = 0.876,
    novelty: Novelty | None = None,
    **changes: object,
) -> UploadReport:
    captions, near = (CaptionScore("a camel", 0.5, 1.0),), ((0, 0.912), (5, 0.9))
    usual = UploadReport(predicted, share, True, "", captions, near, "", novelty)
    return dataclasses.replace(usual, **changes)


class Labelled:
    """A model that reads the predicted label off an image's first pixel: camel where it is red."""

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> np.ndarray:
        return np.array([[np.asarray(picture)[0, 0, 0] / 127.5 - 1] for picture in pictures])


@pytest.fixture
def by_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Margins are how red an image is, or how little for a horse."""

    def margins(_model: object, z: np.ndarray, _grouping: object, label: str) -> np.ndarray:
        return z[:, 0] if label == "camel" else -z[:, 0]

    monkeypatch.setattr(uploads, "answer_margin", margins)


def coloured(red: int, **facts: str) -> UploadedPicture:
    return UploadedPicture("it", Image.new("RGB", (8, 8), (red, 0, 0)), **facts)


@pytest.mark.parametrize(
    ("other_object", "elsewhere", "on", "words"),
    [
        (0, 255, Reliance.OBJECT, ("becomes horse", "stays camel")),
        (255, 0, Reliance.BACKGROUND, ("stays camel", "becomes horse")),
        (0, 0, Reliance.BOTH, ("becomes horse", "becomes horse")),
        (255, 255, Reliance.NEITHER, ("stays camel", "stays camel")),
    ],
)
@pytest.mark.usefixtures("by_colour")
def test_twins_say_what_a_prediction_relies_on(
    other_object: int, elsewhere: int, on: Reliance, words: tuple[str, str]
) -> None:
    twins = Twins(
        coloured(other_object, object="horse"), (coloured(elsewhere, background="grass"),)
    )
    reliance = uploads.reliance_by_twins(SimpleNamespace(), Labelled(), report_of(), twins, SCENES)
    assert reliance.on == on
    assert reliance.because == f"with the other animal it {words[0]}, on grass it {words[1]}."


@pytest.mark.parametrize(
    ("object_alone", "background_alone", "on", "words"),
    [
        ([255, 200], [0, 100], Reliance.OBJECT, "2 of 2"),
        ([0, 100], [255, 200], Reliance.BACKGROUND, "2 of 2"),
        ([255, 100], [0, 200], Reliance.UNSTABLE, "1 of 2"),
    ],
)
@pytest.mark.usefixtures("by_colour")
def test_painting_says_what_a_prediction_relies_on_where_all_ways_agree(
    object_alone: list[int], background_alone: list[int], on: Reliance, words: str
) -> None:
    versions = [
        np.stack([np.full((8, 8, 3), red, np.uint8) for red in reds])
        for reds in (object_alone, background_alone)
    ]
    reliance = uploads.reliance_by_painting(
        SimpleNamespace(), Labelled(), report_of(), PaintedImages(*versions), SCENES
    )
    assert reliance.on == on
    assert reliance.because.startswith(words)
    sentence = text_of(uploads.reliance_phrases(reliance, SCENES))
    assert ("cannot tell" in sentence) is (on is Reliance.UNSTABLE)


def test_a_cut_out_on_several_backgrounds() -> None:
    same = uploads.reliance_by_backgrounds([report_of()] * 7)
    assert (same.on, same.because) == (Reliance.OBJECT, "camel on all 7 backgrounds.")
    mixed = uploads.reliance_by_backgrounds([report_of("horse"), *[report_of()] * 6])
    assert (mixed.on, mixed.because) == (
        Reliance.BACKGROUND,
        "camel on 6 and horse on 1 of 7 backgrounds.",
    )


@pytest.mark.parametrize("on", list(Reliance))
def test_what_is_relied_on_is_emphasised_and_no_phrase_holds_markup(on: Reliance) -> None:
    phrases = uploads.reliance_phrases(RelianceReport(on, "because."), SCENES)
    assert sum(phrase.strong for phrase in phrases) == 1
    assert not set("*_`") & set(text_of(phrases))
    assert text_of(phrases).endswith("because.")
    assert uploads.reliance_word(RelianceReport(on, ""), SCENES)
    assert uploads.reliance_word(None, SCENES) == ""


@pytest.mark.parametrize(
    ("novelty", "name"), [(FAMILIAR, "Not new to the set"), (STRANGE, "New to the set")]
)
def test_how_new_an_image_is_in_words(novelty: Novelty, name: str) -> None:
    first, then = uploads.novelty_phrases(novelty)
    assert first == Phrase(name, strong=True)
    assert f"{100 * novelty.share.value:.0f}\u00a0% (0 to 60) of its 600 images" in then.text


def test_a_share_that_is_not_calibrated_is_called_so() -> None:
    assert text_of(uploads.prediction_phrases(report_of())) == "Prediction: camel 88\u00a0%"
    assert text_of(uploads.prediction_phrases(report_of(is_calibrated=False))).endswith(
        "(uncalibrated softmax)"
    )


def test_the_table_has_a_row_for_each_image_and_model(models: dict[str, ModelMap]) -> None:
    reports = {
        name: reports_of(models[model], ["horse"] * 6)[:3]
        for name, model in (("Left", "short"), ("Right", "captioner"))
    }
    reliances = {("Left", 1): RelianceReport(Reliance.OBJECT, "")}
    table = uploads.report_table(["1. a", "2. b", "3. c"], reports, IMAGES, reliances)
    assert table["Image"].tolist() == ["1. a", "1. a", "2. b", "2. b", "3. c", "3. c"]
    assert table["Relies on"].tolist() == ["", "", "animal", "", "", ""]
    for place in range(3):
        left, right = table.iloc[2 * place], table.iloc[2 * place + 1]
        report = reports["Left"][place]
        assert (left["Prediction"], left["Share, %"]) == (
            report.predicted,
            round(100 * report.share),
        )
        assert left["Right or wrong"] == ("right" if report.predicted == "horse" else "wrong")
        assert left["Best caption"] == report.captions[0].caption
        row, similarity = report.nearest[0]
        facts = TABLE.iloc[row]
        assert left["Nearest image"] == f"{facts['object']}, {facts['context']} ({similarity:.2f})"
        assert "word by word" in right["Prediction"]
        assert np.isnan(right["Share, %"])
        assert right["Best caption"] == ""


def test_typed_captions_are_ranked_by_the_first_model_that_reads_them(
    models: dict[str, ModelMap],
) -> None:
    z = {"Left": NEW[0], "Right": NEW[1]}
    typed = unit(np.random.default_rng(1).normal(size=(3, 32)))
    compared = {"Left": models["captioner"], "Right": models["short"]}
    table = uploads.typed_captions_table(compared, {"Right": typed}, ["a", "b", "c"], z)
    assert list(table) == ["Caption", "Right"]
    expected = dict(zip("abc", (typed @ NEW[1]).tolist(), strict=True))
    assert table["Caption"].tolist() == sorted(expected, key=expected.__getitem__)[::-1]
    assert table["Right"].tolist() == pytest.approx(sorted(expected.values())[::-1])
    assert pd.DataFrame({"Caption": ["a"]}).equals(
        uploads.typed_captions_table(compared, {}, ["a"], z)
    )


@pytest.mark.parametrize(
    ("condition", "knows"),
    [
        (Condition(), False),
        (Condition().with_towers("pretrained"), True),
        (Condition(architecture="pretrained@random"), False),
        (Condition(architecture="timm:resnet18.a1_in1k"), True),
        (
            Condition(
                objective="pretrained",
                architecture="clip:openai/clip",
                labels="descriptive",
                steps=0,
            ),
            True,
        ),
    ],
)
def test_models_that_have_seen_photographs(condition: Condition, *, knows: bool) -> None:
    assert uploads.knows_photographs(condition) is knows
