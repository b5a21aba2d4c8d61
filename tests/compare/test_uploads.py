"""What models say of new pictures, against slow references; and the sentences, which keep to what was measured."""

from __future__ import annotations

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
from vlcore.measures.last_layer import LastLayer
from vlcore.measures.novelty import Novelty, ShortcutAttraction

IMAGES = image_set()
TABLE = IMAGES.table
NOTHING = ("", "")
OTHER = {"horse": "camel", "camel": "horse", "grass": "desert", "desert": "grass"}
NEW = unit(np.random.default_rng(5).normal(size=(6, 32)))


def made(**settings: object) -> ModelMap:
    return model_map(publish(IMAGES, BASE.replace(data_seed=70, **settings)))


@pytest.fixture(scope="module")
def short(home: object) -> ModelMap:
    return made(init_seed=70)


@pytest.fixture(scope="module")
def descriptive(home: object) -> ModelMap:
    return made(init_seed=70, labels="descriptive")


@pytest.fixture(scope="module")
def captioner(home: object) -> ModelMap:
    return made(init_seed=70, objective="captioner")


@pytest.fixture(scope="module")
def placed(home: object) -> ModelMap:
    """A model whose labels name the context alone."""
    return made(init_seed=70, labels="context")


@pytest.fixture(scope="module")
def relayered(short: ModelMap) -> ModelMap:
    """A model with a new last layer, whose objects stand in the other order."""
    return dataclasses.replace(short, layer=LastLayer(("camel", "horse"), np.linspace(-3, 3, 32), 0.25))


def before_of(model: ModelMap, seed: int) -> Before:
    z = space(IMAGES, seed)
    return Before(unit(np.random.default_rng(seed).normal(size=(6, 32))), z[model.rows[:32]], z[model.rows[32:]])


def row_of(report: UploadReport) -> pd.Series:
    """The row of a report in the table of all."""
    return uploads.report_table(["a"], {"model": [report]}, IMAGES).iloc[0]


def known_of(model: ModelMap) -> list[tuple[str, str, np.ndarray]]:
    """Object, context and embedding of each held-out picture of the map."""
    pairs = zip(model.rows[: model.held_out], model.z, strict=False)
    return [(TABLE["object"].iat[row], TABLE["context"].iat[row], z.astype(float)) for row, z in pairs]


def mean_cosine(z: np.ndarray, known: list[tuple[str, str, np.ndarray]], obj: str, context: str) -> float:
    return float(np.mean([z.astype(float) @ other for o, c, other in known if (o, c) == (obj, context)]))


# --- against slow references


@pytest.mark.parametrize("name", ["short", "descriptive", "placed", "captioner", "relayered"])
def test_the_nearest_five_against_sorting(request: pytest.FixtureRequest, name: str) -> None:
    model = request.getfixturevalue(name)
    for z, report in zip(NEW, upload_reports(model, IMAGES, NEW, [NOTHING] * 6), strict=True):
        cosines = sorted(((float(z @ other), int(row)) for row, other in zip(model.rows, model.z, strict=True)))[::-1]
        assert [row for row, _ in report.nearest] == [row for _, row in cosines[:5]]
        assert [similarity for _, similarity in report.nearest] == pytest.approx([s for s, _ in cosines[:5]], abs=1e-5)


def test_what_is_named_against_the_captions_that_speak_of_it(short: ModelMap, descriptive: ModelMap) -> None:
    for model in (short, descriptive):
        for z, report in zip(NEW, upload_reports(model, IMAGES, NEW, [NOTHING] * 6), strict=True):
            worth = {"horse": 0.0, "camel": 0.0}
            for caption, vector in zip(model.captions, model.caption_z, strict=True):
                spoken_of = "camel" if "camel" in caption else "horse"
                worth[spoken_of] += math.exp(model.scale * float(z @ vector) + model.bias)
            best = max(worth, key=worth.__getitem__)
            assert report.says == best
            assert report.share == pytest.approx(worth[best] / sum(worth.values()), abs=1e-5)
            assert report.why_silent == ""
            cosines = {text: float(z @ vector) for text, vector in zip(model.captions, model.caption_z, strict=True)}
            assert [score.caption for score in report.captions] == sorted(cosines, key=cosines.__getitem__)[::-1]


def test_a_new_last_layer_answers_in_place_of_the_captions(relayered: ModelMap) -> None:
    found = upload_reports(relayered, IMAGES, NEW, [NOTHING] * 6)
    for z, report in zip(NEW, found, strict=True):
        odds = float(z.astype(float) @ np.linspace(-3, 3, 32)) + 0.25
        assert report.says == ("horse" if odds > 0 else "camel")
        assert report.share == pytest.approx(1 / (1 + math.exp(-abs(odds))))
        assert len(report.captions) == 2, "captions are shown all the same"
    assert {report.says for report in found} == {"horse", "camel"}


def test_what_pulls_against_a_loop(short: ModelMap) -> None:
    before, known = before_of(short, 71), known_of(short)
    said = [("horse", "grass"), ("horse", "desert"), ("camel", "desert"), ("camel", "grass")]
    for place, report in enumerate(
        upload_reports(short, IMAGES, NEW[:4], said, dataclasses.replace(before, z=before.z[:4]))
    ):
        (obj, context), found = said[place], report.pull
        assert found is not None
        assert report.pull_before is not None
        other_object, other_context = OTHER[obj], OTHER[context]
        assert (
            (found.object, found.context) == (report.pull_before.object, report.pull_before.context) == (obj, context)
        )
        assert found.by_object == pytest.approx(mean_cosine(NEW[place], known, obj, other_context))
        assert found.by_context == pytest.approx(mean_cosine(NEW[place], known, other_object, context))
        assert found.balance.value == pytest.approx(found.by_object - found.by_context)
        first = [(o, c, z.astype(float)) for (o, c, _), z in zip(known, before.held_out, strict=True)]
        assert report.pull_before.by_object == pytest.approx(mean_cosine(before.z[place], first, obj, other_context))
        assert report.pull_before.by_context == pytest.approx(
            mean_cosine(before.z[place], first, other_object, context)
        )


def test_novelty_against_a_loop(short: ModelMap) -> None:
    before = before_of(short, 72)
    found = upload_reports(short, IMAGES, NEW, [NOTHING] * 6, before)
    spaces = [
        (NEW, short.z[:32], short.z[32:], [report.novelty for report in found]),
        (before.z, before.held_out, before.train, [report.novelty_before for report in found]),
    ]
    for new, held_out, train, judged in spaces:
        own = [max(float(z @ other) for other in train) for z in held_out]
        for z, novelty in zip(new, judged, strict=True):
            assert novelty is not None
            similarity = max(float(z @ other) for other in train)
            assert novelty.similarity == pytest.approx(similarity, abs=1e-5)
            assert novelty.share.value == pytest.approx(np.mean([farther <= similarity + 1e-6 for farther in own]))
            assert novelty.unlike_anything == (similarity < min(own))


@given(
    said=st.lists(
        st.tuples(st.sampled_from(["", *SCENES.objects]), st.sampled_from(["", *SCENES.contexts])), max_size=6
    )
)
@settings(max_examples=20, deadline=None)
def test_what_nobody_says_is_what_the_model_takes_it_for(short: ModelMap, said: list[tuple[str, str]]) -> None:
    known = known_of(short)
    for z, (obj, context), report in zip(
        NEW, said, upload_reports(short, IMAGES, NEW[: len(said)], said), strict=False
    ):
        means = {pair: mean_cosine(z, known, *pair) for pair in SCENES.pairs}
        nearest = max(means, key=means.__getitem__)
        assert report.pull is not None
        assert (report.pull.object, report.pull.context) == (obj or nearest[0], context or nearest[1])


@given(order=st.permutations(range(6)))
@settings(max_examples=10, deadline=None)
def test_each_picture_is_judged_by_itself(short: ModelMap, order: list[int]) -> None:
    before = before_of(short, 73)
    together = upload_reports(short, IMAGES, NEW, [NOTHING] * 6, before)
    turned = upload_reports(short, IMAGES, NEW[order], [NOTHING] * 6, dataclasses.replace(before, z=before.z[order]))
    texts = [row_of(report).to_csv() for report in together]
    assert [row_of(report).to_csv() for report in turned] == [texts[place] for place in order]


def test_a_picture_of_the_set_is_its_own_neighbour_and_is_not_new(short: ModelMap) -> None:
    place = short.where(int(IMAGES.rows("train")[0]))
    assert place >= 32
    report = upload_reports(short, IMAGES, short.z[place][None], [NOTHING])[0]
    assert report.nearest[0] == (short.rows[place], pytest.approx(1, abs=1e-6))
    assert not report.novelty.unlike_anything
    assert not report.novelty.rare


def test_no_pictures_have_no_reports(short: ModelMap) -> None:
    assert upload_reports(short, IMAGES, NEW[:0], []) == []


# --- what is not defined


@pytest.mark.parametrize(
    ("name", "why", "captions"), [("placed", "Its labels name no animal.", 2), ("captioner", "word by word", 0)]
)
def test_a_model_that_names_no_object_says_why(
    request: pytest.FixtureRequest, name: str, why: str, captions: int
) -> None:
    for report in upload_reports(request.getfixturevalue(name), IMAGES, NEW, [NOTHING] * 6):
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
    report = upload_reports(
        lacking, IMAGES, NEW, [("horse", "grass")] * 6, dataclasses.replace(before, held_out=before.held_out[kept[:32]])
    )[0]
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
    with_it = upload_reports(short, IMAGES, NEW, [NOTHING] * 6, before_of(short, 75))[0]
    assert with_it.judged is with_it.novelty_before


# --- what is explained


@pytest.mark.parametrize("name", ["short", "descriptive", "relayered"])
def test_the_margin_is_the_log_odds_of_the_answer(request: pytest.FixtureRequest, name: str) -> None:
    model = request.getfixturevalue(name)
    for z, report in zip(NEW, upload_reports(model, IMAGES, NEW, [NOTHING] * 6), strict=True):
        odds = uploads.margin(model, z[None], SCENES, report.says)
        assert odds.shape == (1,)
        assert odds[0] == pytest.approx(math.log(report.share) - math.log1p(-report.share), abs=1e-3)
        assert uploads.margin(model, z[None], SCENES, OTHER[report.says]) == pytest.approx(-odds)


# --- the table and the sentences


def report_of(
    balance: Estimate | None = None, *, share: float = 0.5, similarity: float = 0.8, seen: float = 0.5
) -> UploadReport:
    pull = None if balance is None else ShortcutAttraction("camel", "grass", 0.5, 0.25, balance)
    new = Novelty(0, similarity, Estimate(share, 0.2, 0.6, 32), seen)
    return UploadReport(
        "camel", 0.876, "", (CaptionScore("a camel", 0.5, 1.0),), ((0, 0.912), (5, 0.9)), pull, None, new, None
    )


@pytest.mark.parametrize(
    ("low", "high", "pulled", "opening"),
    [
        (0.1, 0.4, "animal", "Pulled by the **animal**, taken as camel with grass"),
        (-0.4, -0.1, "background", "Pulled by the **background**, taken as camel with grass"),
        (-0.1, 0.6, "not decided", "Neither pulls harder, taken as camel with grass"),
        (0.0, 0.6, "not decided", "Neither pulls harder"),
    ],
)
def test_the_interval_decides_what_pulls(low: float, high: float, pulled: str, opening: str) -> None:
    balance = Estimate((low + high) / 2, low, high, 40)
    report = report_of(balance)
    row = row_of(report)
    assert row["Pulled by"] == pulled
    words = uploads.pull_in_words(report, SCENES)
    assert words.startswith(opening)
    assert "cosine 0.50 to camel with desert, 0.25 to horse with grass" in words
    assert f"{balance.value:.2g} ({low:.2g} to {high:.2g})" in words


def test_the_balance_before_training_stands_beside() -> None:
    report = report_of(Estimate(0.25, 0.1, 0.4, 40))
    first = ShortcutAttraction("camel", "grass", 0.1, 0.2, Estimate(-0.1, -0.3, 0.1, 40))
    report = dataclasses.replace(report, pull_before=first)
    assert uploads.pull_in_words(report, SCENES).endswith("0.25 (0.1 to 0.4); before training -0.1 (-0.3 to 0.1).")
    row = row_of(report)
    assert (row["Balance"], row["Balance, untrained"]) == ("0.25 (0.1 to 0.4)", "-0.1 (-0.3 to 0.1)")


@pytest.mark.parametrize(
    ("share", "similarity", "cell", "opening"),
    [
        (0.0, 0.3, "unlike anything", "**Unlike anything it has seen**: cosine 0.30"),
        (0.001, 0.5, "hardly", "**Hardly like anything it has seen**: cosine 0.50"),
        (0.01, 0.5, "as held-out ones", "As near to what it has seen as held-out pictures are: cosine 0.50"),
        (0.9, 0.9, "as held-out ones", "As near to what it has seen as held-out pictures are: cosine 0.90"),
    ],
)  # fmt: skip
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
    assert words.startswith(
        "**Unlike anything it has seen**: cosine 0.30 to the nearest training picture before training"
    )
    assert then == "cosine 0.95, and 90\u00a0% (20 to 60) are at least as far."
    assert row_of(both)["Like what was seen"] == "unlike anything"


def test_the_table_has_a_row_for_each_picture_and_model(short: ModelMap, captioner: ModelMap) -> None:
    models = {"Left": short, "Right": captioner}
    found = {name: upload_reports(model, IMAGES, NEW[:3], [NOTHING] * 3) for name, model in models.items()}
    table = uploads.report_table(["1. a", "2. b", "3. c"], found, IMAGES)
    assert table["Picture"].tolist() == ["1. a", "1. a", "2. b", "2. b", "3. c", "3. c"]
    assert table["Model"].tolist() == ["Left", "Right"] * 3
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
