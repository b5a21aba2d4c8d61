"""Rows of embeddings take the way of pictures: two objects in two contexts, split by scenes, a table like any other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.datasets.importers.vectors import arrays, save
from vlcore.core.captions import Caption
from vlcore.datasets.imageset import COLUMNS, TILE_SIDE, ImageSetError, read_set
from vlcore.datasets.importers.embedded import Chosen, choose_rows, fitting_caption, limit, write_set
from vlcore.datasets.importers.embeddings import read_embeddings
from vlcore.datasets.importers.source import ImportSetError
from vlcore.datasets.subset import training_rows, usual_condition

EXACT = {"z": np.eye(8)[:4], "object": np.array(["gull"] * 2 + ["crow"] * 2), "context": np.array(["sea", "land"] * 2)}


def chosen(
    tmp_path: Path,
    objects: tuple[str, ...] = (),
    contexts: tuple[str, ...] = (),
    most: int = 2000,
    seed: int = 0,
    **changes: Any,
) -> Chosen:
    found = read_embeddings(save(tmp_path / "birds.npz", **arrays(**changes)))
    return choose_rows(found, objects, contexts, most, seed)


def test_the_larger_groups_are_the_majority_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    usual = chosen(tmp_path)
    assert (usual.grouping.objects, usual.grouping.contexts) == (("crow", "gull"), ("land", "sea"))
    assert np.bincount(usual.group).tolist() == [16, 12, 20, 12]
    other = chosen(tmp_path, ("gull", "crow"), ("land", "sea"))
    assert other.grouping.majority == ("gull_land", "crow_sea")


def test_rows_keep_their_vectors(tmp_path: Path) -> None:
    made = arrays(name=np.array([str(row) for row in range(60)]))
    found = read_embeddings(save(tmp_path / "a.npz", **made))
    taken = choose_rows(found, (), (), 10, seed=3).embeddings
    assert len(taken.table) == len(taken.z) == 40
    rows = taken.table["name"].astype(int).to_numpy()
    assert np.array_equal(taken.z, found.z[rows])
    assert taken.table["object"].tolist() == made["object"][rows].tolist()
    assert "40 of 60 rows were chosen by chance (seed 3), at most 10 of a group." in taken.notes


def test_without_splits_every_group_is_split_by_shares(tmp_path: Path) -> None:
    split = chosen(tmp_path, per_group=(40, 20, 40, 20))
    table = split.embeddings.table
    for group, size in enumerate(np.bincount(split.group)):
        counts = table["split"][split.group == group].value_counts()
        assert counts.to_dict() == {
            "train": size // 2, "val": size // 10, "probe": 3 * size // 20, "test": size // 4,
        }  # fmt: skip
    assert "The file has no splits; split by chance: train 50%, val 10%, probe 15%, test 25%." in split.embeddings.notes


def test_given_splits_are_kept_and_missing_ones_are_filled_in(tmp_path: Path) -> None:
    given = np.array(["train", "train", "val", "test"] * 15)
    kept = chosen(tmp_path, split=given, name=np.array([str(row) for row in range(60)]))
    table = kept.embeddings.table
    before = given[table["name"].astype(int)]
    after = table["split"].to_numpy()
    moved = before != after
    assert moved.any()
    assert set(zip(before[moved], after[moved], strict=True)) <= {("val", "probe")}
    (note,) = [note for note in kept.embeddings.notes if "became" in note]
    assert note == (
        f"{moved.sum()} val rows, chosen by chance (seed 0), became probe rows: there was a group without any."
    )


def test_rows_of_a_scene_are_never_in_two_splits(tmp_path: Path) -> None:
    scene = np.array([f"scene {row // 3}" for row in range(60)])
    given = np.array(["train" if row % 2 else "test" for row in range(20)]).repeat(3)
    given[1], given[4] = "test", "val"  # of scenes whose other rows are in test and train
    by_chance, straddling = (chosen(tmp_path, scene=scene, split=split).embeddings for split in (None, given))
    for found in (by_chance, straddling):
        assert (found.table.groupby("scene")["split"].nunique() == 1).all()
    assert len(by_chance.table) == 60
    assert "2 rows left out: others of their scene are in a later split." in straddling.notes
    assert len(straddling.table) == 58


@settings(deadline=None, max_examples=40)
@given(st.integers(4, 12), st.integers(4, 14), st.integers(0, 3))
def test_a_limit_keeps_twins_together(scenes: int, most: int, seed: int) -> None:
    """Of scenes that are in every group once, the same ones are kept of every group."""
    group, cluster = np.repeat(np.arange(4), scenes), np.tile(np.arange(scenes), 4)
    kept = limit(group, cluster, most, seed)
    of_group = [set(cluster[kept][group[kept] == number].tolist()) for number in range(4)]
    assert all(one == of_group[0] for one in of_group)
    assert len(of_group[0]) == min(most, scenes)
    assert (np.diff(kept) > 0).all()


ALL_GROUPS = "must each be of all four groups, in scenes of their own"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"object": np.array(["gull", "crow", "owl"] * 20)}, "--contexts C,D, for example --objects "),
        ({"object": np.array(["gull"] * 60)}, "only one object (gull 60)"),
        ({"objects": ("gull", "owl")}, "no object named 'owl'; it has "),
        ({"per_group": (20, 3, 20, 20)}, "3 usable pictures of gull_land"),
        ({"split": np.array(["train"] * 60)}, ALL_GROUPS),
        ({"scene": np.array(["one"] * 60)}, ALL_GROUPS),
        (
            {"text_object": np.array(["gull", "gull"])},
            "birds.npz speak of gull; some must speak of crow and some of gull",
        ),
        ({"most": 3}, "at least 4 rows a group"),
        ({"seed": -1}, "a seed of at least 0"),
    ],
)
def test_what_leaves_a_choice_is_said_in_one_sentence(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ImportSetError, match=re.escape(words)):
        chosen(tmp_path, **changes)


def test_captions_of_something_else_are_left_out(tmp_path: Path) -> None:
    kept = chosen(
        tmp_path,
        text=np.eye(8)[:4],
        captions=np.array(["gull", "owl", "crow", "crow in the air"]),
        text_object=np.array(["gull", "owl", "crow", "crow"]),
        text_context=np.array(["", "", "", "air"]),
    ).embeddings
    assert [said.text for said in kept.captions] == ["gull", "crow"]
    assert np.allclose(kept.text, np.eye(8)[[0, 2]])
    assert "2 captions of something else left out." in kept.notes


def test_a_picture_has_the_first_caption_that_fits() -> None:
    said = (
        Caption("a", "gull"),
        Caption("b", "gull", "sea"),
        Caption("c", "gull", "sea"),
        Caption("d", "crow", "land"),
    )
    assert fitting_caption(said, "gull", "sea") == 1
    assert fitting_caption(said, "gull", "land") == 0
    assert fitting_caption(said, "crow", "land") == 3
    assert fitting_caption(said, "crow", "sea") is None


def test_a_set_without_pictures_is_a_table_like_any_other(tmp_path: Path) -> None:
    made = chosen(tmp_path, text_context=np.array(["sea", ""]))
    work = tmp_path / "set"
    work.mkdir()
    write_set(work, "birds", made, "free", seed=0)
    images = read_set(work)
    assert (images.name, images.has_pictures, images.folds) == ("birds", False, 0)
    assert set(COLUMNS) <= set(images.table)
    assert images.table["caption"].tolist() == [
        {"crow": "a photo of a crow", "gull": "a photo of a gull" if context == "sea" else ""}[obj]
        for obj, context in zip(images.table["object"], images.table["context"], strict=True)
    ]
    assert images.image(0).shape == (TILE_SIDE, TILE_SIDE, 3)
    assert images.masks(images.rows("test")) is None
    for ask in (
        lambda: usual_condition(images),
        lambda: images.pixels([0]),
        lambda: training_rows(images, usual_condition(images)),
    ):
        with pytest.raises(ImageSetError, match="'birds' holds embeddings only"):
            ask()


def test_the_version_is_of_everything_that_a_measure_depends_on(tmp_path: Path) -> None:
    def version(**changes: Any) -> str:
        work = tmp_path / f"set {len(list(tmp_path.iterdir()))}"
        work.mkdir()
        write_set(work, "birds", chosen(tmp_path, **changes), "free", seed=0)
        return read_set(work).version

    made = arrays(scale=np.array(100.0))  # the seed of the vectors is the number of changes
    same = {name: made[name] for name in ("z", "object", "context")}
    z, text = same["z"].copy(), made["text"] + 0.1
    z[0, 0] += 0.1
    versions = [
        version(**same), version(**{**same, "z": z}), version(**same, text=text), version(**same, scale=np.array(5.0)),
        version(**same, captions=np.array(["gull", "crow"])),
    ]  # fmt: skip
    assert len(set(versions)) == len(versions)
    assert version(**same) == versions[0]
    exact = {name: np.repeat(array, 20, axis=0) for name, array in EXACT.items()}
    assert version(**exact, text=np.eye(8)[:2]) == "45d3993d", (
        "the version of a set stays, whatever our classes are called"
    )
