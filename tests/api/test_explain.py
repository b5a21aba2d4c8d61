"""Explanations by training images: who is blamed, what is trained as a test, what is confirmed."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import vlcore as vl
from tests.api.stand_ins import published_trials
from vlcore.api.explain import (
    ARMS,
    ATTRIBUTED,
    CHANCE,
    NEAREST,
    SEEDS,
    UNCHANGED,
    ExplainError,
    Explanation,
    TrialOutcome,
    check_explainable,
)
from vlcore.api.models import Model
from vlcore.artifacts.store import Artifact
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import Remove


@pytest.fixture(scope="module")
def model(quick: list[Artifact]) -> Model:
    return vl.load(quick[2].key)


@pytest.fixture(scope="module")
def why(model: Model) -> Explanation:
    return model.explain(held_out(model)[0])


def held_out(model: Model, shows: str = "camel") -> list[int]:
    rows = model.embeddings.map_rows
    return rows[model.images.table["object"].to_numpy()[rows] == shows].tolist()


def test_all_training_images_are_ranked_with_what_they_show(model: Model, why: Explanation) -> None:
    images = why.images
    assert set(images["row"]) == set(model.embeddings.rows("train").tolist())
    assert images["influence"].is_monotonic_decreasing
    about = model.images.table.loc[images["row"]]
    for name in ("object", "context", "group"):
        assert images[name].tolist() == about[name].tolist()
    texts = np.array(model.embeddings.caption_texts)[model.embeddings.caption_index]
    by_row = dict(zip(model.embeddings.rows("train").tolist(), texts, strict=True))
    assert images["caption"].tolist() == [by_row[row] for row in images["row"]]
    assert why.replay_error < 1e-3
    assert not why.warning
    assert "0.50" in replace(why, replay_error=0.5).warning
    assert (why.strongest_for["influence"] > 0).all()
    assert (why.strongest_against["influence"] < 0).all()


def test_the_margin_is_that_of_the_model(model: Model, why: Explanation) -> None:
    assert why.question.object == "camel"
    rows = np.array(held_out(model)[:3])  # numbers of numpy, which any row may be
    index = model.map.index(rows)
    objects = ["camel", "horse"]
    scores = model.map.object_scores(objects, model.map.z[index])
    assert scores is not None
    several = model.explain(rows)  # type: ignore[arg-type]
    assert several.margins == pytest.approx(scores[:, 0] - scores[:, 1], abs=1e-3)
    assert several.wrong == (scores[:, 0] < scores[:, 1]).sum()


def test_a_test_trains_each_arm_with_the_same_seeds(model: Model, why: Explanation) -> None:
    trials = why.trials()
    assert len(trials) == (1 + len(ARMS)) * SEEDS
    assert trials[0].condition == model.condition, "the model itself is one of them"
    chances = set()
    for trial in trials:
        rows = {edit.picture for edit in trial.condition.changes if isinstance(edit, Remove)}
        assert trial.condition.replace(edits="") == model.condition.replace(init_seed=trial.seed)
        assert len(rows) == (0 if trial.arm == UNCHANGED else why.top)
        shown = sorted(model.images.table["object"].loc[sorted(rows)])
        if trial.arm == ATTRIBUTED:
            assert rows == set(why.images.tail(why.top)["row"])
            of_attributed = shown
        elif trial.arm == NEAREST:
            assert set(shown) == {"horse"}
            farther = why.images[(why.images["object"] == "horse") & ~why.images["row"].isin(rows)]
            nearest = why.images[why.images["row"].isin(rows)]["similarity"]
            assert nearest.min() >= farther["similarity"].max()
        elif trial.arm == CHANCE:
            assert shown == of_attributed
            chances.add(frozenset(rows))
    assert len(chances) == SEEDS


def test_a_new_image_is_asked_for_what_it_shows_or_what_is_not_predicted(model: Model) -> None:
    image = Image.fromarray(model.images.image(held_out(model)[0]))
    assert model.explain(image, shows="horse").question.object == "horse"
    unknown = model.explain(image)
    assert unknown.wrong == 1


@pytest.mark.parametrize(
    "condition",
    [
        Condition(steps=0),
        Condition(mitigation="reweight"),
        Condition(mitigation="dfr"),
        Condition(objective="simclr", labels="constant"),
        Condition(objective="captioner"),
    ],
)
def test_models_that_captions_do_not_explain_are_refused(condition: Condition) -> None:
    with pytest.raises(ExplainError):
        check_explainable(condition)


def test_images_that_cannot_be_asked_are_refused(model: Model) -> None:
    trained = int(model.embeddings.rows("train")[0])
    pair = [held_out(model)[0], held_out(model, "horse")[0]]
    for image in (trained, 10**6, pair):
        with pytest.raises(ExplainError):
            model.explain(image)


def test_arms_have_one_size_that_the_training_set_allows(model: Model, why: Explanation) -> None:
    trained = why.images["row"].tolist()
    edited = replace(why, condition=model.condition.replace(edits=[Remove(trained[0])]))
    with pytest.raises(ExplainError, match="11 more changes"):
        edited.trials()
    full = replace(why, condition=model.condition.replace(edits=list(map(Remove, trained[:12]))))
    with pytest.raises(ExplainError, match="0 more changes"):
        full.trials()
    is_horse = why.images["object"] == "horse"
    few = replace(why, images=why.images[~is_horse | (is_horse.cumsum() <= 5)])
    assert [len(few.removed_rows(arm)) for arm in ARMS] == [few.removed] * 3 == [5] * 3
    with pytest.raises(ExplainError, match="No horse is left"):
        replace(why, images=why.images[~is_horse]).trials()


def outcome(why: Explanation, **moves: float) -> TrialOutcome:
    """Two images, -1 before; each arm moves both by so much, but for a spread over seeds."""
    spread = np.linspace(-0.1, 0.1, SEEDS)
    rows = [
        (arm, seed, image, -1 + move + image + by)
        for number, (arm, move) in enumerate({UNCHANGED: 0.0, **moves}.items())
        for seed, by in enumerate(np.roll(spread, number))
        for image in (0, -1)
    ]
    return TrialOutcome(why, pd.DataFrame(rows, columns=["arm", "seed", "image", "margin"]))


@pytest.mark.parametrize(
    ("moves", "is_confirmed"),
    [
        ((2.5, 0.5, 0.0), True),
        ((1.4, 2.8, -1.0), False),
        ((1.0, 0.0, 1.0), False),
        ((0.05, -0.5, -0.5), False),
    ],
)
def test_only_what_beats_the_nearest_and_chance_is_confirmed(
    why: Explanation, moves: tuple[float, float, float], is_confirmed: bool
) -> None:
    tested = outcome(why, **dict(zip(ARMS, moves, strict=True)))
    assert tested.is_confirmed == is_confirmed
    table = tested.changes().set_index("arm")
    assert table["value"].to_dict() == pytest.approx(dict(zip(ARMS, moves, strict=True)))
    assert (table["low"] < table["value"]).all()
    assert set(table["n"]) == {SEEDS}


def test_flips_are_counted_over_images_and_seeds(why: Explanation) -> None:
    tested = outcome(why, attributed=1.5, nearest=2.5, chance=0.0)
    assert [tested.flips(arm) for arm in ARMS] == [
        (SEEDS, 2 * SEEDS),
        (2 * SEEDS, 2 * SEEDS),
        (0, 2 * SEEDS),
    ]


@pytest.fixture
def trained(why: Explanation, quick: list[Artifact]) -> Iterator[Explanation]:
    with published_trials(quick[2], why):
        yield why


def test_trained_models_are_measured(trained: Explanation) -> None:
    tested = trained.test()
    assert len(tested.table) == (1 + len(ARMS)) * SEEDS
    assert set(tested.table["margin"].round(4)) == {round(float(trained.margins[0]), 4)}
    assert not tested.is_confirmed, "all are one model"
