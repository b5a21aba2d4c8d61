"""Pairs of a loss: what each counts as, checked against the rule written out pair by pair."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.api import watched
from tests.api.stand_ins import made_elsewhere
from vlcore.api import loss_matrix
from vlcore.api.loss_matrix import LossPairs, loss_pairs
from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.experiment.captions import captions_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES, group_words
from vlcore.experiment.options import NEGATIVES
from vlcore.metrics.negatives import negative_shares
from vlcore.plots.matrices import (
    BOTH,
    FALSE_NEGATIVE,
    FALSE_PAIR,
    TRUE_NEGATIVE,
    TRUE_PAIR,
    UNUSED,
    pair_matrix,
)
from vlcore.plots.theme import LIGHT


def row_numbers(_images: object, rows: Sequence[int]) -> list[str]:
    """In place of small images, so that tests know which row each is."""
    return [str(row) for row in rows]


def pairs_of(model: ModelMap, count: int = 16) -> LossPairs:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loss_matrix, "MOST_IMAGES", count)
        return loss_pairs(model, watched.images(), row_numbers)


def own_caption_indices(pairs: LossPairs, model: ModelMap) -> np.ndarray:
    """Index of the own caption of each image shown."""
    stored = model.artifact.arrays("embeddings.npz")["train_own"]
    return stored[model.index(pairs.images["thumb"].astype(int)) - model.n_held_out]


def texts_of(labels: str) -> list[str]:
    return [caption.text for caption in captions_of(labels, SCENES)]


def grid(pairs: LossPairs, column: str = "kind") -> pd.DataFrame:
    return pairs.cells.pivot(index="row", columns="column", values=column)


@pytest.mark.parametrize("negatives", sorted(set(NEGATIVES) - {"shuffle_unfiltered"}))
def test_weights_and_kinds_follow_the_distribution_of_negatives(
    tmp_path: Path, negatives: str
) -> None:
    condition = Condition(labels="descriptive", negatives=negatives, bias=0.6)
    training = np.delete(watched.rows_of("train"), [5, 6, 7])  # fewer horses in the desert
    model = watched.model(tmp_path, condition, training=training)
    pairs = pairs_of(model)
    assert pairs.cells.equals(pairs_of(model).cells), "the draw follows the seeds"
    counts = pairs.images["label"].value_counts()
    assert counts.pop("horse in the desert") == 2
    assert set(counts) == {4}
    counts = np.bincount(model.artifact.arrays("embeddings.npz")["train_own"], minlength=4)
    shares = negative_shares(negatives, counts, captions_of("descriptive", SCENES))
    caption_indices = own_caption_indices(pairs, model)
    for cell in pairs.cells.itertuples():
        weight = shares[caption_indices[cell.row], cell.column]
        if cell.column == caption_indices[cell.row]:
            assert cell.kind == (BOTH if weight > 0 else TRUE_PAIR)
            assert cell.note == (f"matched, {weight:.2f}" if weight > 0 else "matched")
        else:
            assert cell.kind == (TRUE_NEGATIVE if weight > 0 else UNUSED)
            assert cell.note == (f"{weight:.2f}" if weight > 0 else "0")
            assert (f"{weight:.2f}" if weight > 0 else "never") in cell.counts


def test_images_that_jtt_weighs_up_are_drawn_more_often_as_wrong_ones(tmp_path: Path) -> None:
    model = watched.model(tmp_path, Condition(labels="descriptive", mitigation="jtt"))
    file = model.artifact.path / "embeddings.npz"
    arrays = dict(np.load(file))
    wrong = arrays["train_own"] == 1
    np.savez(file, **arrays, jtt_wrong=wrong)
    counts = np.bincount(arrays["train_own"], np.where(wrong, 6.0, 1.0), 4)
    shares = negative_shares("filtered_marginal", counts)
    pairs = pairs_of(model)
    caption_indices = own_caption_indices(pairs, model)
    for cell in pairs.cells.itertuples():
        weight = f"{shares[caption_indices[cell.row], cell.column]:.2f}"
        assert cell.note == ("matched" if cell.column == caption_indices[cell.row] else weight)


def test_a_shorter_caption_that_is_true_too_is_a_false_negative(tmp_path: Path) -> None:
    """Half the captions name the context: “horse” is true of every horse."""
    texts = texts_of("partial_50")
    table = watched.images().table.iloc[watched.rows_of("train")]
    contexts = table["context"].map({"grass": " on the grass", "desert": " in the desert"})
    assigned = table["object"] + contexts.where(np.arange(len(table)) % 2 == 0, "")
    caption_indices = np.array([texts.index(text) for text in assigned])
    model = watched.model(tmp_path, Condition(labels="partial_50"), caption_indices=caption_indices)
    pairs = pairs_of(model)
    kinds = grid(pairs)
    for row, (label, caption) in enumerate(
        zip(pairs.images["label"], own_caption_indices(pairs, model), strict=True)
    ):
        animal, context = label.split()[0], label.split()[-1]
        for column, text in enumerate(texts):
            is_true = text.startswith(animal) and (text == animal or context in text)
            expected = FALSE_NEGATIVE if is_true else TRUE_NEGATIVE
            assert kinds.loc[row, column] == (TRUE_PAIR if column == caption else expected)


def test_a_wrong_caption_taken_as_true_is_a_false_pair(tmp_path: Path) -> None:
    column = texts_of("noisy_25").index("horse on the grass")
    model = watched.model(
        tmp_path, Condition(labels="noisy_25"), caption_indices=np.full(20, column)
    )
    pairs = pairs_of(model)
    is_horse_on_grass = pairs.images["label"] == "horse on grass"
    expected = is_horse_on_grass.map({True: TRUE_PAIR, False: FALSE_PAIR})
    assert grid(pairs)[column].tolist() == expected.tolist()


@pytest.mark.parametrize("objective", ["infonce", "infonce_identity", "siglip"])
def test_losses_of_a_batch_pair_images_with_each_others_captions(
    tmp_path: Path, objective: str
) -> None:
    model = watched.model(tmp_path, Condition(objective=objective))
    pairs = pairs_of(model, 9)
    caption_indices = own_caption_indices(pairs, model)
    for cell in pairs.cells.itertuples():
        is_equal = caption_indices[cell.row] == caption_indices[cell.column]
        is_right = cell.row == cell.column if objective == "infonce_identity" else is_equal
        negative = FALSE_NEGATIVE if is_equal else TRUE_NEGATIVE
        assert cell.kind == (TRUE_PAIR if is_right else negative)
    captions = pairs.cells.drop_duplicates("column")["caption"].tolist()
    assert captions == [model.captions[index] for index in caption_indices]
    scores = pairs.cells["score"]
    assert set(np.round(scores, 6)) <= set(np.round(model.scores.ravel(), 6))
    middle = 0 if objective == "siglip" else (scores.min() + scores.max()) / 2
    assert pairs.middle == pytest.approx(middle)
    images = pairs.images.assign(thumb=watched.PICTURE)
    assert pair_matrix(pairs.cells, images, palette=LIGHT, middle=pairs.middle).to_dict()


def test_scores_are_those_of_the_images_shown(tmp_path: Path) -> None:
    model = watched.model(tmp_path, Condition(objective="ce_group", labels="descriptive"))
    pairs = pairs_of(model)
    assert pairs.cells["kind"].value_counts().to_dict() == {TRUE_NEGATIVE: 48, TRUE_PAIR: 16}
    assert set(pairs.cells["note"]) == {""}
    rows = pairs.images["thumb"].astype(int)
    assert grid(pairs, "score").to_numpy() == pytest.approx(model.scores[model.index(rows)])
    groups = watched.images().table["group"].iloc[rows]
    assert pairs.images["label"].tolist() == groups.map(group_words(SCENES)).tolist()


def test_resampling_draws_groups_alike_and_other_batches_do_not(tmp_path: Path) -> None:
    """Of 16 training images one is a camel on grass: a quarter of a resampled batch would be, if
    there were more."""
    model = watched.model(tmp_path, training=watched.rows_of("train", 16))
    shares = {}
    for mitigation in ("none", "resample"):
        contain = []
        for seed in range(30):
            vars(model.artifact)["condition"] = Condition(
                objective="infonce", init_seed=seed, mitigation=mitigation
            )
            contain.append((pairs_of(model, 2).images["label"] == "camel on grass").any())
        shares[mitigation] = np.mean(contain)
    assert shares["none"] < 0.35 < shares["resample"]


def test_pairs_of_a_pretrained_model(tmp_path: Path) -> None:
    model = watched.model(tmp_path, Condition(labels="descriptive"))
    pairs = pairs_of(replace(model, artifact=made_elsewhere(model.artifact, "pretrained")))
    assert pairs.cells["kind"].value_counts().to_dict() == {TRUE_NEGATIVE: 48, TRUE_PAIR: 16}
    assert all(count in pairs.words for count in ("16 training images", "64 cells", "48 true neg"))


@pytest.mark.parametrize("objective", ["simclr", "captioner", "imported"])
def test_losses_without_pairs(tmp_path: Path, objective: str) -> None:
    settings: dict[str, Any] = {"labels": "constant", "objective": objective}
    if objective == "captioner":
        settings["labels"] = "undescriptive"
    if objective == "imported":
        settings["steps"] = 0
    with pytest.raises(ComparisonError):
        pairs_of(watched.model(tmp_path, Condition(**settings)))
