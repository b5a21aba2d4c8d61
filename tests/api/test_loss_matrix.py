"""Pairs of a loss: what each counts as, checked against the rule written out pair by pair."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.api import watched
from tests.api.stand_ins import made_elsewhere
from vlcore.api.loss_matrix import LossPairs, loss_pairs
from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.experiment.captions import captions_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES, group_words
from vlcore.experiment.options import IMPORTED, NEGATIVES
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


def matrix(
    folder: Path, condition: Condition, pictures: int = 16, **options: Any
) -> tuple[LossPairs, ModelMap]:
    model = watched.model(folder, condition, **options)
    return loss_pairs(model, watched.images(), watched.thumbs, image_count=pictures), model


def grid(found: LossPairs, column: str = "kind") -> list[list[Any]]:
    table: list[list[Any]] = (
        found.cells.pivot(index="row", columns="column", values=column).to_numpy().tolist()
    )
    return table


@pytest.mark.parametrize("negatives", sorted(set(NEGATIVES) - {"shuffle_unfiltered"}))
def test_weights_and_kinds_follow_the_distribution_of_negatives(
    tmp_path: Path, negatives: str
) -> None:
    condition = Condition(labels="descriptive", negatives=negatives, bias=0.6)
    training = np.delete(watched.rows_of("train"), [5, 6, 7])  # fewer horses in the desert
    found, model = matrix(tmp_path, condition, training=training)
    assert found.images["label"].value_counts().to_dict() == {
        "horse on grass": 4,
        "horse in the desert": 2,
        "camel in the desert": 4,
        "camel on grass": 4,
    }
    own = model.artifact.arrays("embeddings.npz")["train_own"]
    said = captions_of("descriptive", SCENES)
    q = negative_shares(negatives, np.bincount(own, minlength=4), said)
    texts = [caption.text for caption in said]
    for cell in found.cells.itertuples():
        mine = texts.index(found.images["own"][cell.row])
        weight = q[mine, cell.column]
        if cell.column == mine:
            assert cell.kind == (BOTH if weight > 0 else TRUE_PAIR)
            assert cell.note == (f"matched, {weight:.2f}" if weight > 0 else "matched")
        else:
            assert cell.kind == (TRUE_NEGATIVE if weight > 0 else UNUSED)
            assert cell.note == (f"{weight:.2f}" if weight > 0 else "0")
            assert (
                (f"{weight:.2f}" in cell.counts)
                if weight > 0
                else cell.counts.startswith("never drawn")
            )


def test_what_jtt_weighs_more_is_drawn_more_often_as_a_wrong_one(tmp_path: Path) -> None:
    model = watched.model(tmp_path, Condition(labels="descriptive", mitigation="jtt"))
    file = model.artifact.path / "embeddings.npz"
    arrays = dict(np.load(file))
    own, wrong = arrays["train_own"], arrays["train_own"] == 1
    np.savez(file, **arrays, jtt_wrong=wrong)
    q = negative_shares("filtered_marginal", np.bincount(own, np.where(wrong, 6.0, 1.0), 4))
    found = loss_pairs(model, watched.images(), watched.thumbs)
    texts = [caption.text for caption in captions_of("descriptive", SCENES)]
    for cell in found.cells.itertuples():
        mine = texts.index(found.images["own"][cell.row])
        assert cell.note == ("matched" if cell.column == mine else f"{q[mine, cell.column]:.2f}")


def test_a_shorter_caption_that_is_true_too_is_a_false_negative(tmp_path: Path) -> None:
    """Half the captions name the place: “horse” is true of every horse, and drawn against some."""
    texts = [caption.text for caption in captions_of("partial_50", SCENES)]
    table = watched.images().table.iloc[watched.rows_of("train")]
    places = table["context"].map({"grass": "on the grass", "desert": "in the desert"})
    shown = enumerate(zip(table["object"], places, strict=True))
    own = [obj if n % 2 else f"{obj} {place}" for n, (obj, place) in shown]
    own = np.array([texts.index(text) for text in own])
    found, _ = matrix(tmp_path, Condition(labels="partial_50"), own=own)
    kinds = pd.DataFrame(grid(found), columns=texts)
    for row, label in enumerate(found.images["label"]):
        obj = label.split()[0]
        own = found.images["own"][row]
        true = {
            text
            for text in texts
            if text == obj or (text.startswith(obj) and label.split()[-1] in text)
        }
        for text in texts:
            expected = (
                TRUE_PAIR if text == own else FALSE_NEGATIVE if text in true else TRUE_NEGATIVE
            )
            assert kinds.loc[row, text] == expected


def test_a_wrong_caption_taken_as_true_is_a_false_pair(tmp_path: Path) -> None:
    texts = [caption.text for caption in captions_of("noisy_25", SCENES)]
    own = np.full(20, texts.index("horse on the grass"))
    found, _ = matrix(tmp_path, Condition(labels="noisy_25"), own=own)
    kinds = pd.DataFrame(grid(found), columns=texts)
    for row, label in enumerate(found.images["label"]):
        assert kinds.loc[row, "horse on the grass"] == (
            TRUE_PAIR if label == "horse on grass" else FALSE_PAIR
        )
    coats, _ = matrix(tmp_path / "coats", Condition(labels="attribute_other"))
    assert set(coats.cells["kind"]) <= {TRUE_PAIR, TRUE_NEGATIVE, UNUSED}, (
        "a coat is true of its own picture alone"
    )


@pytest.mark.parametrize("objective", ["infonce", "infonce_identity", "siglip"])
def test_losses_of_a_batch_pair_pictures_with_each_others_captions(
    tmp_path: Path, objective: str
) -> None:
    found, model = matrix(tmp_path, Condition(objective=objective), pictures=9)
    own = found.images["own"].tolist()
    for i, kinds in enumerate(grid(found)):
        for j, kind in enumerate(kinds):
            equal = own[i] == own[j]
            wrong = FALSE_NEGATIVE if equal else TRUE_NEGATIVE
            right = i == j if objective == "infonce_identity" else equal
            assert kind == (TRUE_PAIR if right else wrong)
    captions = found.cells.drop_duplicates("column")["caption"].tolist()
    assert captions == own
    scores = found.cells["score"]
    assert set(np.round(scores, 6)) <= set(np.round(model.scores.ravel(), 6))
    middle = 0 if objective == "siglip" else (scores.min() + scores.max()) / 2
    assert found.middle == pytest.approx(middle), "scores of a softmax part in their middle"
    assert pair_matrix(found.cells, found.images, palette=LIGHT, middle=found.middle).to_dict()


def test_scores_are_those_of_the_pictures_shown(tmp_path: Path) -> None:
    """Every group has captions of its own, so a row of scores says which picture it is of."""
    found, model = matrix(tmp_path, Condition(objective="ce_group", labels="descriptive"))
    assert found.cells["kind"].value_counts().to_dict() == {TRUE_NEGATIVE: 48, TRUE_PAIR: 16}, (
        "its own and others"
    )
    assert set(found.cells["note"]) == {""}
    groups = watched.images().table["group"].to_numpy()[model.rows]
    words = group_words(SCENES)
    for row, scores in enumerate(grid(found, "score")):
        (at,) = np.flatnonzero(np.isclose(model.scores, scores).all(axis=1))
        assert at >= model.held_out
        assert words[groups[at]] == found.images["label"][row]


def test_the_draw_belongs_to_the_seeds(tmp_path: Path) -> None:
    first, again, other = (
        matrix(tmp_path / name, Condition(objective="siglip", init_seed=seed), pictures=8)[0]
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first.cells.equals(again.cells)
    assert not first.cells["score"].equals(other.cells["score"])


def test_resampling_draws_groups_alike_and_other_batches_do_not(tmp_path: Path) -> None:
    """Of 16 training pictures one is a camel on grass: a quarter of a resampled batch would be, if
    there were more."""
    model = watched.model(tmp_path, training=watched.rows_of("train", 16))
    shares = {}
    for mitigation in ("none", "resample"):
        had = []
        for seed in range(30):
            vars(model.artifact)["condition"] = Condition(
                objective="infonce", init_seed=seed, mitigation=mitigation
            )
            found = loss_pairs(model, watched.images(), watched.thumbs, image_count=2)
            had.append((found.images["label"] == "camel on grass").any())
        shares[mitigation] = np.mean(had)
    assert shares["none"] < 0.35 < shares["resample"]


def test_the_words_count_the_cells(tmp_path: Path) -> None:
    found, _ = matrix(tmp_path, Condition(labels="descriptive", negatives="counterfactual"))
    assert "16 training pictures" in found.words
    assert "Of 64 cells: 16 true pairs (score" in found.words
    assert "32 true negatives" in found.words
    assert "16 not used" in found.words
    assert "The default" not in found.words
    one, _ = matrix(tmp_path / "product", Condition(labels="descriptive", negatives="product"))
    assert "16 true pairs and false negatives" in one.words


def test_the_pairs_of_a_pretrained_model_have_its_scores(tmp_path: Path) -> None:
    model = watched.model(tmp_path, Condition(labels="descriptive"))
    elsewhere = replace(model, artifact=made_elsewhere(model.artifact, "pretrained"))
    found = loss_pairs(elsewhere, watched.images(), watched.thumbs)
    assert (len(found.images), len(found.cells)) == (16, 64)
    assert set(found.cells["kind"]) == {TRUE_PAIR, TRUE_NEGATIVE}


@pytest.mark.parametrize("objective", ["simclr", "captioner", IMPORTED])
def test_losses_without_pairs_say_so(tmp_path: Path, objective: str) -> None:
    labels = "undescriptive" if objective == "captioner" else "constant"
    with pytest.raises(ComparisonError, match=r"no pairs|nothing is known"):
        matrix(
            tmp_path,
            Condition(
                objective=objective, labels=labels, steps=0 if objective == IMPORTED else 600
            ),
        )
