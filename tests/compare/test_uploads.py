"""What models say of new pictures, against slow references; and the sentences, which keep to what was measured."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compare.measured import only
from tests.runs.stand_ins import BASE, image_set, publish, space, unit
from vlcore.compare import uploads
from vlcore.compare.model_map import CaptionScore, ModelMap, model_map
from vlcore.compare.uploads import Before, UploadReport, upload_reports
from vlcore.core.grouping import SCENES
from vlcore.measures.estimate import Estimate
from vlcore.measures.novelty import Novelty, ShortcutAttraction, nearest_group, novelty, shortcut_attraction
from vlcore.measures.projection import nearest
from vlcore.measures.readouts import LastLayer

IMAGES = image_set()
TABLE = IMAGES.table
NOTHING = ("", "")
OTHER = {"horse": "camel", "camel": "horse", "grass": "desert", "desert": "grass"}
NEW = unit(np.random.default_rng(5).normal(size=(6, 32)))


@pytest.fixture(scope="module")
def models(home: object) -> dict[str, ModelMap]:
    """Five kinds of models; the last has a new last layer, whose objects stand in the other order."""
    base = BASE.replace(data_seed=70, init_seed=70)
    conditions = {
        "short": base, "descriptive": base.replace(labels="descriptive"), "placed": base.replace(labels="context"),
        "captioner": base.replace(objective="captioner"),
    }  # fmt: skip
    found = {name: model_map(publish(IMAGES, condition)) for name, condition in conditions.items()}
    layer = LastLayer(("camel", "horse"), np.linspace(-3, 3, 32), 0.25)
    return found | {"relayered": dataclasses.replace(found["short"], layer=layer)}


@pytest.fixture(scope="module")
def short(models: dict[str, ModelMap]) -> ModelMap:
    return models["short"]


def before_of(model: ModelMap, seed: int) -> Before:
    z = space(IMAGES, seed)
    return Before(unit(np.random.default_rng(seed).normal(size=(6, 32))), z[model.rows[:32]], z[model.rows[32:]])


def row_of(report: UploadReport) -> pd.Series:
    return uploads.report_table(["a"], {"model": [report]}, IMAGES).iloc[0]


def labels_of(model: ModelMap) -> list[np.ndarray]:
    """Object, context and scene of the held-out pictures of the map."""
    rows = TABLE.iloc[model.rows[: model.held_out]]
    return [rows[name].to_numpy(str) for name in ("object", "context", "scene")]


@pytest.mark.parametrize("name", ["descriptive", "captioner"])
def test_the_nearest_five_are_of_all_pictures_of_the_map(models: dict[str, ModelMap], name: str) -> None:
    model = models[name]
    found = [report.nearest for report in upload_reports(model, IMAGES, NEW, [NOTHING] * 6)]
    places, cosines = nearest(NEW, model.z, 5)
    assert [[row for row, _ in one] for one in found] == model.rows[places].tolist()
    assert [[similarity for _, similarity in one] for one in found] == [pytest.approx(of, abs=1e-5) for of in cosines]


@pytest.mark.parametrize("name", ["short", "descriptive", "relayered"])
def test_what_is_named_against_the_captions_that_speak_of_it(models: dict[str, ModelMap], name: str) -> None:
    """Or against a new last layer, which answers in place of the captions; both are log odds."""
    model = models[name]
    reports = upload_reports(model, IMAGES, NEW, [NOTHING] * 6)
    for z, report in zip(NEW, reports, strict=True):
        worth = {"horse": 0.0, "camel": 0.0}
        for caption, vector in zip(model.captions, model.caption_z, strict=True):
            spoken_of = "camel" if "camel" in caption else "horse"
            worth[spoken_of] += math.exp(model.scale * float(z @ vector) + model.bias)
        if model.layer:
            worth = {"horse": math.exp(float(z.astype(float) @ np.linspace(-3, 3, 32)) + 0.25), "camel": 1.0}
        best = max(worth, key=worth.__getitem__)
        assert (report.says, report.why_silent) == (best, "")
        assert report.share == pytest.approx(worth[best] / sum(worth.values()), abs=1e-5)
        cosines = {text: float(z @ vector) for text, vector in zip(model.captions, model.caption_z, strict=True)}
        assert [score.caption for score in report.captions] == sorted(cosines, key=cosines.__getitem__)[::-1]
        odds = uploads.answer_margin(model, z[None], SCENES, report.says)
        assert odds == pytest.approx([math.log(report.share) - math.log1p(-report.share)], abs=1e-3)
        assert uploads.answer_margin(model, z[None], SCENES, OTHER[report.says]) == pytest.approx(-odds)
    assert name != "relayered" or {report.says for report in reports} == {"horse", "camel"}


def test_what_pulls_and_what_is_new_are_those_of_the_space_now_and_before(short: ModelMap) -> None:
    before, labels = before_of(short, 71), labels_of(short)
    said = [*SCENES.pairs, *SCENES.pairs[:2]]
    reports = upload_reports(short, IMAGES, NEW, said, before)
    assert [one.pull for one in reports] == shortcut_attraction(NEW, said, short.z[:32], *labels, SCENES)
    earlier = shortcut_attraction(before.z, said, before.held_out, *labels, SCENES)
    assert [one.pull_before for one in reports] == earlier
    assert [one.novelty for one in reports] == novelty(NEW, short.z[32:], short.z[:32], labels[2])
    assert [one.novelty_before for one in reports] == novelty(before.z, before.train, before.held_out, labels[2])


@given(st.lists(st.tuples(*(st.sampled_from(["", *names]) for names in (SCENES.objects, SCENES.contexts))), max_size=6))
@settings(max_examples=20)
def test_what_nobody_says_is_what_the_model_takes_it_for(short: ModelMap, said: list[tuple[str, str]]) -> None:
    reports = upload_reports(short, IMAGES, NEW[: len(said)], said)
    taken = zip(*nearest_group(NEW, short.z[:32], *labels_of(short)[:2], SCENES), strict=True)
    for (obj, context), pair, report in zip(said, taken, reports, strict=False):
        assert (report.pull.object, report.pull.context) == (obj or pair[0], context or pair[1])


@given(order=st.permutations(range(6)))
@settings(max_examples=10)
def test_each_picture_is_judged_by_itself(short: ModelMap, order: list[int]) -> None:
    before = before_of(short, 73)
    together = upload_reports(short, IMAGES, NEW, [NOTHING] * 6, before)
    turned = upload_reports(short, IMAGES, NEW[order], [NOTHING] * 6, before._replace(z=before.z[order]))
    texts = [row_of(report).to_csv() for report in together]
    assert [row_of(report).to_csv() for report in turned] == [texts[place] for place in order]


@pytest.mark.parametrize(("name", "why", "captions"), [("placed", "no animal", 2), ("captioner", "word by word", 0)])
def test_a_model_that_names_no_object_says_why(models: dict[str, ModelMap], name: str, why: str, captions: int) -> None:
    for report in upload_reports(models[name], IMAGES, NEW, [NOTHING] * 6):
        assert report.says == ""
        assert math.isnan(report.share)
        assert why in report.why_silent
        assert len(report.captions) == captions
        assert report.pull is not None, "what pulls it does not need its words"


def test_without_a_group_nothing_pulls(short: ModelMap) -> None:
    """A small set can hold no picture of a group out."""
    rows = [row for row in short.rows[:32] if TABLE["group"].iat[row] != "camel_grass"]
    kept = np.isin(short.rows, rows) | (np.arange(len(short.rows)) >= 32)
    lacking = only(short, kept)
    before = before_of(short, 74)
    before = before._replace(held_out=before.held_out[kept[:32]])
    report = upload_reports(lacking, IMAGES, NEW, [("horse", "grass")] * 6, before)[0]
    assert report.pull is None
    assert report.pull_before is None
    assert report.novelty_before is not None
    assert uploads.pull_in_words(report, SCENES) == "What pulls it is not defined: a group has no held-out picture."
    row = row_of(report)
    assert (row["Pulled by"], row["Balance"], row["Balance, untrained"]) == ("not defined", "", "")


def test_where_nothing_is_known_of_before_the_first_step_nothing_is_said_of_it(short: ModelMap) -> None:
    report = upload_reports(short, IMAGES, NEW, [NOTHING] * 6)[0]
    assert report.pull_before is None
    assert report.judged is report.novelty
    assert "training" not in uploads.pull_in_words(report, SCENES)
    words = uploads.novelty_in_words(report)
    assert "before training" not in words
    assert "After training" not in words


def report_of(
    balance: Estimate | None = None, *, share: float = 0.5, similarity: float = 0.8, seen: float = 0.5
) -> UploadReport:
    pull = None if balance is None else ShortcutAttraction("camel", "grass", 0.5, 0.25, balance)
    new = Novelty(0, similarity, Estimate(share, 0.2, 0.6, 32), seen)
    said, near = (CaptionScore("a camel", 0.5, 1.0),), ((0, 0.912), (5, 0.9))
    return UploadReport("camel", 0.876, "", said, near, pull, None, new, None)


@pytest.mark.parametrize(("low", "high", "pulled", "opening"), [
    (0.1, 0.4, "animal", "Pulled by the **animal**, taken as camel with grass"),
    (-0.4, -0.1, "background", "Pulled by the **background**, taken as camel with grass"),
    (0.0, 0.6, "not decided", "Neither pulls harder, taken as camel with grass"),
])  # fmt: skip
def test_the_interval_decides_what_pulls(low: float, high: float, pulled: str, opening: str) -> None:
    balance = Estimate((low + high) / 2, low, high, 40)
    first = ShortcutAttraction("camel", "grass", 0.1, 0.2, Estimate(-0.1, -0.3, 0.1, 40))
    report = dataclasses.replace(report_of(balance), pull_before=first)
    row, said = row_of(report), f"{balance.value:.2g} ({low:.2g} to {high:.2g})"
    assert row["Pulled by"] == pulled
    assert (row["Balance"], row["Balance, untrained"]) == (said, "-0.1 (-0.3 to 0.1)")
    words = uploads.pull_in_words(report, SCENES)
    assert words.startswith(opening)
    assert "cosine 0.50 to camel with desert, 0.25 to horse with grass" in words
    assert words.endswith(f"{said}; before training -0.1 (-0.3 to 0.1).")


@pytest.mark.parametrize(("share", "similarity", "cell", "opening"), [
    (0.0, 0.3, "unlike anything", "**Unlike anything it has seen**: cosine 0.30"),
    (0.001, 0.5, "hardly", "**Hardly like anything it has seen**: cosine 0.50"),
    (0.01, 0.5, "as held-out ones", "As near to what it has seen as held-out pictures are: cosine 0.50"),
])  # fmt: skip
def test_how_new_a_picture_is_in_words(share: float, similarity: float, cell: str, opening: str) -> None:
    report = report_of(share=share, similarity=similarity)
    assert row_of(report)["Like what was seen"] == cell
    words = uploads.novelty_in_words(report)
    assert words.startswith(opening)
    assert f"{100 * share:.0f}\u00a0% (20 to 60) of 32 held-out pictures are at least as far from theirs." in words


def test_the_space_before_training_judges_and_the_one_after_is_told() -> None:
    after = report_of(share=0.9, similarity=0.95)
    both = dataclasses.replace(after, novelty_before=report_of(share=0.0, similarity=0.3).novelty)
    words, then = uploads.novelty_in_words(both).split(" After training: ")
    assert words.startswith("**Unlike anything it has seen**: cosine 0.30 to the nearest training picture before")
    assert then == "cosine 0.95, and 90\u00a0% (20 to 60) are at least as far."
    assert row_of(both)["Like what was seen"] == "unlike anything"


def test_the_table_has_a_row_for_each_picture_and_model(models: dict[str, ModelMap]) -> None:
    shown = {"Left": models["short"], "Right": models["captioner"]}
    found = {name: upload_reports(model, IMAGES, NEW[:3], [NOTHING] * 3) for name, model in shown.items()}
    table = uploads.report_table(["1. a", "2. b", "3. c"], found, IMAGES)
    assert table["Picture"].tolist() == ["1. a", "1. a", "2. b", "2. b", "3. c", "3. c"]
    for place in range(3):
        left, right = table.iloc[2 * place], table.iloc[2 * place + 1]
        report = found["Left"][place]
        assert (left["Says"], left["Share, %"]) == (report.says, round(100 * report.share))
        assert left["Best caption"] == report.captions[0].caption
        row, similarity = report.nearest[0]
        facts = TABLE.iloc[row]
        assert left["Nearest picture"] == f"{facts['object']}, {facts['context']} ({similarity:.2f})"
        assert "word by word" in right["Says"]
        assert np.isnan(right["Share, %"])
        assert right["Best caption"] == ""
