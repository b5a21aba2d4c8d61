"""Edits change the training set and nothing else; what they cannot change is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.data.test_subset import small_set
from tests.experiment.test_edits import EDITS, canonical_or_none
from vlcore.data import training_set as made_of
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import split_parts, training_rows
from vlcore.data.training_set import TrainingSet, by_chance, training_sets
from vlcore.experiment.captions import CaptionError
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import (
    MOST,
    Add,
    Draw,
    Edit,
    EditError,
    Fade,
    Relabel,
    Remove,
    Weigh,
    canonical_edits,
    read_edits,
)
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import SCENES
from vlcore.scenes import draw_scene

BIASED = Condition(bias=0.75, n_per_group=8)
SNOW, ROOM = Draw("camel", "snow"), Draw("camel", "room", 4)
IMAGES = open_set("scenes")  # its table: no test draws into the home that it was opened in
CHOSEN = training_rows(IMAGES, BIASED)
POOL = np.setdiff1d(IMAGES.rows("train"), CHOSEN)


def edited(*edits: Edit, images: ImageSet | None = None, **changes: Any) -> TrainingSet:
    return training_sets(
        [images or open_set("scenes")], BIASED.replace(edits=canonical_edits(edits), **changes)
    )[0]


def groups_of(training: TrainingSet) -> dict[str, int]:
    return {name: int((training.table["group"] == name).sum()) for name in SCENES.names}


def texts_of(training: TrainingSet) -> list[str]:
    return [training.captions[number].text for number in training.caption_index]


def test_rows_leave_and_join_and_nothing_else_moves() -> None:
    joins, leaves = POOL[[5, 900]].tolist(), CHOSEN[[2, 12]].tolist()
    training = edited(*map(Add, joins), *map(Remove, leaves))
    assert training.rows.tolist() == [
        *(row for row in CHOSEN.tolist() if row not in leaves),
        *joins,
    ]
    assert edited().rows.tolist() == CHOSEN.tolist()
    assert (edited().weights, edited().fade, edited().drawn) == (None, 0, ())
    assert [one.text for one in training.captions] == ["horse", "camel"]


def test_drawn_pictures_come_last_in_the_group_that_their_place_makes_them() -> None:
    training = edited(
        SNOW, ROOM, Draw("horse", "grass"), Draw("horse", "desert"), labels="descriptive"
    )
    last = training.table.iloc[-4:]
    assert last["context"].tolist() == ["room", "snow", "desert", "grass"]
    assert last["group"].tolist() == ["camel_grass", "camel_grass", "horse_desert", "horse_grass"]
    assert groups_of(training) == {
        "horse_grass": 9,
        "horse_desert": 3,
        "camel_desert": 8,
        "camel_grass": 4,
    }
    assert texts_of(training)[-4:] == [
        "camel in the room",
        "camel in the snow",
        "horse in the desert",
        "horse on the grass",
    ]
    assert len(training.rows) == len(training.table) - 4 == len(CHOSEN)
    assert edited(SNOW).table["scene"].iat[-1] == last["scene"].iat[1], "whatever else was drawn"
    assert not set(last["scene"]) & set(IMAGES.table["scene"])


def test_a_caption_is_that_pictures_alone_and_one_more_to_learn() -> None:
    first, second, third = CHOSEN[[0, 9, 12]].tolist()
    training = edited(
        Relabel(first, "descriptive"),
        Relabel(second, "own", "a lone {object}"),
        Relabel(third, "clip_template"),
    )
    plain, said = texts_of(edited()), texts_of(training)
    assert [place for place in range(len(said)) if said[place] != plain[place]] == [0, 9, 12]
    assert [said[place] for place in (0, 9, 12)] == [
        "horse on the grass",
        "a lone horse",
        "a photo of a camel",
    ]
    assert [one.text for one in training.captions[:2]] == ["horse", "camel"]
    assert len(training.captions) == 5
    assert training.rows.tolist() == CHOSEN.tolist()
    with pytest.raises(CaptionError):
        edited(Relabel(first, "own", "{object}."))  # which models read as they read the short one
    for same in (Relabel(first, "short"), Relabel(first, "own", "{object}")):
        with pytest.raises(EditError, match="has the caption 'horse' already"):
            edited(same)
        condition = BIASED.replace(edits=canonical_edits([same]))
        assert texts_of(training_sets([IMAGES], condition, stored=True)[0]) == plain
    greek = "σε αυτή τη φωτογραφία βλέπουμε ένα ζώο, το {object}"
    with pytest.raises(CaptionError, match="word pieces"):
        edited(labels="own", template=greek, text="words")
    assert len(edited(labels="own", template=greek).captions) == 2


def test_weights_are_those_of_the_group_with_what_was_drawn() -> None:
    training = edited(Weigh("camel_grass", 3), Weigh("horse_grass", 0.5), SNOW)
    assert training.weights is not None
    expected = training.table["group"].map({"camel_grass": 3, "horse_grass": 0.5}).fillna(1)
    assert training.weights.tolist() == expected.tolist()


def test_pixels_fade_behind_the_majority_alone_and_drawn_ones_are_their_scenes() -> None:
    plain = edited(SNOW, n_per_group=2, bias=0.5)
    training = edited(SNOW, Fade(0.5), n_per_group=2, bias=0.5)
    before, after = plain.pixels(), training.pixels()
    assert before.shape == after.shape == (7, 64, 64, 3)
    majority = training.table["group"].isin(SCENES.majority).to_numpy()
    assert [
        (one != other).any() for one, other in zip(before, after, strict=True)
    ] == majority.tolist()
    assert np.array_equal(before[:6], plain.images.pixels(plain.rows)), (
        "what is not faded is the set's own"
    )
    masks = plain.images.masks(plain.rows)
    assert masks is not None
    wholly = (masks == 255) & majority[:6, None, None]
    assert np.array_equal(before[:6][wholly], after[:6][wholly]), "the animal stays"
    scene = made_of.scene_of_edit(SNOW, IMAGES)
    assert (scene.object, scene.context) == ("camel", "snow")
    assert np.abs(after[-1].astype(float).mean() - draw_scene(scene, 64).image.mean()) < 2


def test_factors_that_are_chosen_are_shown_and_the_number_decides_the_rest() -> None:
    scenes = [
        made_of.scene_of_edit(one, IMAGES)
        for one in (SNOW, Draw("camel", "snow", 0, (("coat", "black"),)), Draw("camel", "snow", 1))
    ]
    assert scenes[1] == scenes[0].replace(coat="black")
    assert scenes[2].fur_seed != scenes[0].fur_seed


def test_a_set_with_masks_fades_to_the_colour_of_all_places(tmp_path: Path) -> None:
    images = small_set([[1] * 2] * 4, 0, "train")
    colours = {"grass": (0, 200, 0), "desert": (200, 100, 0)}
    for row, (name, context) in enumerate(
        zip(images.table["file_name"], images.table["context"], strict=True)
    ):
        pixels = np.full((64, 64, 3), colours[context], np.uint8)
        pixels[20:40, 20:40] = 250
        mask = np.zeros((64, 64), np.uint8)
        mask[20:40, 20:40] = 255
        Image.fromarray(pixels).save(tmp_path / f"{row}.png")
        Image.fromarray(mask).save(tmp_path / f"mask{row}.png")
        images.table.loc[row, ["file_name", "mask"]] = [f"{row}.png", f"mask{row}.png"]
        assert name.endswith(".jpg")
    masked = ImageSet(**{**vars(images), "root": tmp_path})
    pixels = edited(Fade(1), images=masked, n_per_group=2, bias=0).pixels()
    majority = masked.table["group"].isin(SCENES.majority).to_numpy()
    assert (pixels[:, 20:40, 20:40] == 250).all()
    assert (pixels[majority][:, 0, 0] == (100, 150, 0)).all()
    assert {tuple(one) for one in pixels[~majority][:, 0, 0].tolist()} == set(colours.values())
    for edit, without in ((Fade(0.5), small_set([[1] * 2] * 4, 0, "train")), (SNOW, masked)):
        with pytest.raises(EditError):
            edited(edit, images=without, n_per_group=2, bias=0)


HELD_OUT = {split: int(IMAGES.rows(split)[3]) for split in ("val", "probe", "test")}


@pytest.mark.parametrize(
    ("edits", "changes"),
    [
        *(([Add(row)], {}) for row in HELD_OUT.values()),
        ([Remove(HELD_OUT["test"])], {}),
        ([Relabel(HELD_OUT["test"], "descriptive")], {}),
        ([Add(10**6)], {}),
        ([Add(int(CHOSEN[0]))], {}),
        ([Remove(int(POOL[0]))], {}),
        ([Relabel(int(POOL[0]), "context")], {}),
        ([Weigh("dog_sofa", 2)], {}),
        ([Weigh("camel_grass", 2)], {"bias": 1.0}),
        ([Remove(int(row)) for row in CHOSEN[[8, 9]]], {"mitigation": "groupdro"}),
        (
            [
                Remove(int(row))
                for row in training_rows(IMAGES, BIASED.replace(n_per_group=2, bias=1.0))
            ],
            {"n_per_group": 2, "bias": 1.0},
        ),
        ([Draw("camel", "beach")], {}),
        ([SNOW], {"objective": "ce_group", "labels": "descriptive"}),
        ([SNOW], {"objective": "two_part"}),
        (
            [Relabel(int(CHOSEN[0]), "undescriptive")],
            {"negatives": "counterfactual", "labels": "descriptive"},
        ),
    ],
)
def test_what_changes_nothing_or_does_not_fit_is_refused(
    edits: list[Edit], changes: dict[str, Any]
) -> None:
    edited(**changes)
    with pytest.raises(EditError):
        edited(*edits, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"objective": "two_part"},
        {"objective": "ce_group", "labels": "descriptive"},
        {"labels": "noisy_25"},
        {"negatives": "counterfactual", "labels": "descriptive"},
    ],
    ids=str,
)
def test_pictures_drawn_in_the_places_of_the_set_go_with_everything(
    changes: dict[str, Any],
) -> None:
    plain, training = edited(**changes), edited(Draw("camel", "grass"), **changes)
    assert training.captions == plain.captions
    assert training.caption_index[:-1].tolist() == plain.caption_index.tolist()
    assert training.captions[training.caption_index[-1]].object in ("camel", "")


@pytest.mark.parametrize("mitigation", ["subsample", "dfr"])
def test_a_mitigation_acts_on_what_edits_leave(mitigation: str) -> None:
    training = edited(SNOW, ROOM, Add(int(POOL[0])), Remove(int(CHOSEN[8])), mitigation=mitigation)
    counts = list(groups_of(training).values())
    assert counts == ([1] * 4 if mitigation == "subsample" else [9, 1, 8, 4])
    assert len(training.caption_index) == len(training.table) == sum(counts)


def test_edits_change_a_subsample_and_draw_no_other() -> None:
    before = edited(mitigation="subsample", n_per_group=40).rows
    assert edited(
        Weigh("horse_grass", 2), mitigation="subsample", n_per_group=40
    ).rows.tolist() == (before.tolist())
    majority, minority = int(before[0]), int(before[10])
    fewer = edited(Remove(majority), mitigation="subsample", n_per_group=40)
    assert set(before) - set(fewer.rows) == {majority}
    assert len(fewer.rows) == len(before)
    fewer = edited(Remove(minority), mitigation="subsample", n_per_group=40)
    assert set(fewer.rows) < set(before)
    assert set(groups_of(fewer).values()) == {9}
    joined = edited(SNOW, Add(int(POOL[0])), mitigation="subsample", n_per_group=40)
    assert joined.drawn == (SNOW,)
    assert set(joined.rows) - set(before) == {POOL[0]}
    assert set(groups_of(joined).values()) == {10}
    whole = edited(n_per_group=40).rows
    left_out = int(np.setdiff1d(whole, before)[0])
    for edit in (Remove(left_out), Relabel(left_out, "descriptive")):
        with pytest.raises(EditError, match="subsample"):
            edited(edit, mitigation="subsample", n_per_group=40)


def test_in_a_set_in_folds_an_edit_holds_where_its_picture_is_trained_on() -> None:
    images = small_set([[1] * 20] * 4, 4)
    folds = split_parts(images, 0)
    condition = BIASED.replace(n_per_group=6, bias=0.5)
    plain = training_sets(folds, condition)
    picture = int(plain[0].rows[0])
    for edit in (Remove(picture), Relabel(picture, "descriptive")):
        changed = training_sets(folds, condition.replace(edits=canonical_edits([edit])))
        for fold, one, other in zip(folds, plain, changed, strict=True):
            there = picture in one.rows
            assert not there or fold.table["split"].iat[picture] == "train"
            if isinstance(edit, Remove):
                assert len(one.rows) - len(other.rows) == int(there)
                assert picture not in other.rows
            else:
                assert (texts_of(one) != texts_of(other)) == there
    joins = next(row for row in range(80) if not any(row in one.rows for one in plain))
    added = training_sets(folds, condition.replace(edits=canonical_edits([Add(joins)])))
    assert [joins in one.rows for one in added] == [
        fold.table["split"].iat[joins] == "train" for fold in folds
    ]
    assert sum(joins in one.rows for one in added) == 3
    with pytest.raises(EditError):
        training_sets(folds, condition.replace(edits=canonical_edits([Remove(joins)])))


NEAR = {
    **EDITS,
    Add: st.builds(
        Add, st.sampled_from([*POOL[:9].tolist(), *CHOSEN[:2].tolist(), *HELD_OUT.values()])
    ),
}
NEAR[Remove] = st.builds(Remove, st.sampled_from([*CHOSEN[:9].tolist(), int(POOL[3])]))
NEAR[Relabel] = st.builds(
    Relabel,
    st.sampled_from([*CHOSEN[:9].tolist(), *POOL[:9].tolist()]),
    st.sampled_from(["descriptive", "context"]),
)


@settings(max_examples=25)
@given(
    st.lists(st.one_of(*NEAR.values()), max_size=MOST),
    st.sampled_from(["undescriptive", "descriptive", "partial_50"]),
    st.sampled_from(["none", "subsample", "groupdro", "dfr"]),
)
def test_every_list_can_be_trained_on_or_is_refused(
    edits: list[Edit], labels: str, mitigation: str
) -> None:
    text = canonical_or_none(edits)
    if text is None:
        return
    try:
        condition = BIASED.replace(edits=text, labels=labels, mitigation=mitigation)
        training = training_sets([IMAGES], condition)[0]
    except LabError:  # anything else is a fault
        return
    assert (
        len(training.caption_index)
        == len(training.table)
        == len(training.rows) + len(training.drawn)
        >= 2
    )
    assert (
        0 <= training.caption_index.min() <= training.caption_index.max() < len(training.captions)
    )
    assert training.table["group"].isin(SCENES.names).all()
    assert set(training.rows) <= set(IMAGES.rows("train"))
    assert len(set(training.rows)) == len(training.rows)
    assert training.weights is None or len(training.weights) == len(training.caption_index)


def test_a_budget_spent_by_chance_is_of_that_size_and_its_seeds_own() -> None:
    found = [by_chance(IMAGES, BIASED, seed) for seed in (0, 1, 1)]
    assert [len(read_edits(text)) for text in found] == [MOST] * 3
    assert found[0] != found[1] == found[2]
    assert {type(one) for text in found for one in read_edits(text)} == {Add, Draw, Remove, Relabel}
    for text in found:
        training_sets([IMAGES], BIASED.replace(edits=text))
    plain = BIASED.replace(objective="ce_object")
    with pytest.raises(EditError):
        by_chance(small_set([[1] * 2] * 4, 0, "train"), plain.replace(n_per_group=2, bias=0), 0)
