"""Rows of embeddings take the way of pictures: chosen, split by scenes, a table like any other."""

import re
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from tests.data.importers.sources import WIDTH, arrays, pack, save
from vlcore.data.imageset import COLUMNS, TILE_SIDE, ImageSet, ImageSetError, read_set
from vlcore.data.importers import embedding_sets
from vlcore.data.importers.embedding_sets import (
    Embeddings,
    choose_rows,
    fitting_caption,
    read_embeddings,
)
from vlcore.data.importers.source import ImportSetError
from vlcore.data.subset import limit, training_rows
from vlcore.experiment import limits
from vlcore.experiment.captions import Caption
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import Grouping

NAMES = np.array([str(row) for row in range(60)])
EXACT = {
    "z": np.eye(8)[:4],
    "object": np.array(["gull"] * 2 + ["crow"] * 2),
    "context": np.array(["sea", "land"] * 2),
}
ALL_GROUPS = "must each be of all four groups, in scenes of their own"
ONE_SPOKEN_OF = "birds.npz name gull; some must name crow and some gull"
FLOATS = st.sampled_from([np.float16, np.float32, np.float64])
SHAPES = st.tuples(st.integers(1, 5), st.integers(2, 6))


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    opened: list[str] = []

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return opened.append, ("opened",)

    trap = np.array([Trap(), Trap()], dtype=object)
    np.savez(tmp_path / "a.npz", object=trap, allow_pickle=True)
    with pytest.raises(ImportSetError, match="holds Python objects as object, which are never"):
        read_embeddings(tmp_path / "a.npz")
    assert not opened


@pytest.mark.parametrize("size", [0, 40, 140, 10**9])
def test_a_damaged_array_or_a_claim_of_more_than_there_is_is_a_sentence(
    tmp_path: Path, size: int
) -> None:
    out = BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**4)}
    )
    with pytest.raises(ImportSetError, match=r"z in a.npz is damaged; save it again with np.savez"):
        read_embeddings(pack(tmp_path / "a.npz", {"z.npy": out.getvalue()[:size]}))


def test_what_is_no_npz_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("z")
    (tmp_path / "empty.npz").write_bytes(b"")
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "folder.npz").mkdir()
    reasons = dict.fromkeys(("text.npz", "empty.npz", "one.npy"), "is no .npz file")
    for name, words in (reasons | {"folder.npz": "Is a directory", "x": "exist"}).items():
        with pytest.raises(ImportSetError, match=f"{name} .*{words}"):
            read_embeddings(tmp_path / name)


def test_a_helper_lists_the_rows_as_this_process_does(tmp_path: Path) -> None:
    file = save(tmp_path / "birds.npz", **arrays(split=np.array(["train", "test"] * 30)))
    listing = embedding_sets.list_embeddings_apart(file)
    here = embedding_sets.listing_of_embeddings(read_embeddings(file))
    assert listing.about == here.about == "60 embeddings of 8 numbers."
    pd.testing.assert_frame_equal(listing.counts, here.counts)
    assert listing.default_choice() == here.default_choice()
    with pytest.raises(ImportSetError, match="no array z"):
        embedding_sets.list_embeddings_apart(save(tmp_path / "empty.npz", **arrays(z=None)))


def with_row(row: int, value: float) -> np.ndarray:
    z = arrays()["z"].copy()
    z[row] = value
    return z


def test_a_file_is_read_row_by_row(tmp_path: Path) -> None:
    made = arrays(
        split=np.array(["Training", "validation", "probe", "TEST"] * 15),
        scale=np.array(20),
        scene=np.array([f"scene {row // 4}" for row in range(60)]),
        text_object=np.array(["sea_gull", "crow"]),
        name=np.array([f"pictures/{row}.jpg" for row in range(60)]),
        text_context=np.array(["sea", ""]),
    )
    made["object"] = np.where(made["object"] == "gull", "sea_gull", "crow")
    found = read_embeddings(save(tmp_path / "birds.npz", **made))
    assert found.source == "birds.npz"
    assert np.allclose(
        found.z, made["z"] / np.linalg.norm(made["z"], axis=1, keepdims=True), atol=1e-6
    )
    assert found.z.dtype == np.float32
    for name in ("context", "scene", "name"):
        assert found.table[name].tolist() == made[name].tolist()
    assert (
        found.table["object"].tolist()
        == np.where(made["object"] == "crow", "crow", "sea gull").tolist()
    )
    assert found.spellings == {"sea gull": {"sea_gull"}}
    assert found.table["split"].tolist() == ["train", "val", "probe", "test"] * 15
    assert np.allclose(found.text, np.eye(WIDTH)[:2])
    assert found.captions == (
        Caption("a photo of a gull", "sea gull", "sea"),
        Caption("a photo of a crow", "crow"),
    )
    assert found.scale == 20
    assert found.notes == ("The vectors in z were brought to length 1.",)
    # What may be left out has a usual value.
    bare = {
        "z": found.z,
        "object": made["object"],
        "context": made["context"],
        "extra": np.zeros(2),
    }
    found = read_embeddings(save(tmp_path / "a.npz", **bare))
    assert set(found.table["split"]) == {""}
    assert found.table["scene"].is_unique
    assert found.table["name"].tolist()[:2] == ["row 000000", "row 000001"]
    assert found.captions == ()
    assert found.text.shape == (0, WIDTH)
    assert found.scale == embedding_sets.CLIP_SCALE
    assert found.notes == ("Not used: extra.",)


@settings(max_examples=50)
@given(arrays_of.arrays(FLOATS, SHAPES, elements={"allow_nan": True, "allow_infinity": True}))
def test_directions_stay_whatever_the_lengths(z: np.ndarray) -> None:
    """Rows of any length, from the smallest to the largest number, become unit vectors; others are
    refused."""
    bad = ~np.isfinite(z).all(axis=1) | (z == 0).all(axis=1)
    names = np.array(["gull"] * len(z))
    with tempfile.TemporaryDirectory() as folder:
        path = save(Path(folder) / "a.npz", z=z, object=names, context=names)
        if bad.any():
            with pytest.raises(ImportSetError, match=r"not finite|a vector of zeros"):
                read_embeddings(path)
            return
        found = read_embeddings(path).z.astype(np.float64)
    exact = z.astype(np.longdouble)
    exact /= np.sqrt((exact**2).sum(axis=1, keepdims=True))
    assert np.allclose(found, exact.astype(np.float64), atol=1e-6)


def chosen(
    tmp_path: Path,
    objects: Any = (),
    contexts: Any = (),
    most: int | None = None,
    seed: int = 0,
    **changes: Any,
) -> tuple[Embeddings, Grouping]:
    found = read_embeddings(save(tmp_path / "birds.npz", **arrays(**changes)))
    return choose_rows(found, objects, contexts, most, seed)


def test_rows_keep_their_vectors(tmp_path: Path) -> None:
    made = arrays(name=NAMES)
    found = read_embeddings(save(tmp_path / "a.npz", **made))
    taken, _ = choose_rows(found, (), (), 10, seed=3)
    assert len(taken.table) == len(taken.z) == 40
    rows = taken.table["name"].astype(int).to_numpy()
    assert np.array_equal(taken.z, found.z[rows])
    assert taken.table["object"].tolist() == made["object"][rows].tolist()
    assert "40 of 60 rows were chosen by chance (seed 3), at most 10 of a group." in taken.notes


def test_all_rows_stay_with_the_names_and_columns_of_their_user(tmp_path: Path) -> None:
    # As they are, but on one line.
    names = np.array([f"a  b/{59 - row:03d}\n.jpg" for row in range(60)])
    own = {
        "code": np.array([f"{row:03d}" for row in range(60)]),
        "age": np.arange(60, dtype=np.float32) / 4,
        "count": np.arange(60),
        "source": np.array(["mine"] * 60),
        "short": np.zeros(59),
        "square": np.zeros((60, 2)),
    }
    images = written(tmp_path / "set", name=names, **own)
    assert len(images.table) == 60
    of_user = images.user_columns
    assert list(of_user) == ["source", "code", "age", "count", "source (yours)"]
    assert of_user["source"].tolist() == sorted(name.replace("\n", " ") for name in names)
    rows = of_user["code"].astype(int).to_numpy()
    assert of_user["source"].str[5:8].astype(int).tolist() == (59 - rows).tolist()
    assert (of_user["age"] == rows / 4).all()
    assert (of_user["count"] == rows).all()
    assert "Not used: square, short." in images.about["notes"]
    numbered = written(tmp_path / "numbered", name=names, source=np.arange(60)).user_columns
    sources = 59 - numbered["source"].str[5:8].astype(int)
    assert numbered["source (yours)"].tolist() == sources.tolist()
    bare = written(tmp_path / "bare", name=names)
    assert bare.version != images.version, "what a set shows of its user is of its version"


def test_without_splits_every_group_is_split_by_shares(tmp_path: Path) -> None:
    found, _ = chosen(tmp_path, per_group=(40, 20, 40, 20))
    for _, rows in found.table.groupby(["object", "context"]):
        shares = rows["split"].value_counts() / len(rows)
        assert shares.to_dict() == {"train": 0.5, "val": 0.1, "probe": 0.15, "test": 0.25}
    assert (
        "The file has no splits; split by chance: train 50%, val 10%, probe 15%, test 25%."
        in found.notes
    )


def test_given_splits_are_kept_and_missing_ones_are_filled_in(tmp_path: Path) -> None:
    given = np.array(["train", "train", "val", "test"] * 15)
    kept, _ = chosen(tmp_path, split=given, name=NAMES)
    before, after = given[kept.table["name"].astype(int)], kept.table["split"].to_numpy()
    moved = before != after
    assert set(zip(before[moved], after[moved], strict=True)) == {("val", "probe")}
    (note,) = [note for note in kept.notes if "became" in note]
    assert note.startswith(f"{moved.sum()} val rows, chosen by chance (seed 0), became probe rows")


def test_rows_of_a_scene_are_never_in_two_splits(tmp_path: Path) -> None:
    scene = np.array([f"scene {row // 3}" for row in range(60)])
    given = np.array(["train" if row % 2 else "test" for row in range(20)]).repeat(3)
    given[1], given[4] = "test", "val"  # of scenes whose other rows are in test and train
    by_chance, straddling = (
        chosen(tmp_path, scene=scene, split=split)[0] for split in (None, given)
    )
    for found in (by_chance, straddling):
        assert (found.table.groupby("scene")["split"].nunique() == 1).all()
    assert (len(by_chance.table), len(straddling.table)) == (60, 58)
    assert "2 rows left out: others of their scene are in a later split." in straddling.notes


@given(st.integers(4, 12), st.integers(4, 14), st.integers(0, 3))
def test_a_limit_keeps_twins_together(scenes: int, most: int, seed: int) -> None:
    """Of scenes that are in every group once, the same ones are kept of every group."""
    group, cluster = np.repeat(np.arange(4), scenes), np.tile(np.arange(scenes), 4)
    kept = limit(group, cluster, most, seed)
    of_group = [set(cluster[kept][group[kept] == number].tolist()) for number in range(4)]
    assert all(one == of_group[0] for one in of_group)
    assert len(of_group[0]) == min(most, scenes)
    assert (np.diff(kept) > 0).all()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"z": None}, "no array z (it holds object, context, text, captions, text_object)"),
    ({"z": np.zeros((60, 1))}, "z in birds.npz has the shape (60, 1); "),
    ({"z": np.ones((60, WIDTH), dtype=int)}, "z in birds.npz holds int64; it must hold floating"),
    ({"z": with_row(7, np.nan)}, "z in birds.npz has a number that is not finite (row 7)."),
    ({"z": with_row(9, 0)}, "z in birds.npz has a vector of zeros (row 9)"),
    ({"per_group": (20, 12, 17, 12)}, "z in birds.npz has 61 rows of 8 numbers; choose some"),
    ({"object": np.array(["gull"] * 59)}, "has the shape (59,); it must have (60,)."),
    ({"object": np.array(["gull", None] * 30, dtype=object)}, "Python objects as object, which"),
    ({"context": np.array(["sea", "?!"] * 30)}, "context in birds.npz has no letter or digit in"),
    ({"split": np.array(["train", "dev", "later"] * 20)}, "is 'later' in row 2; it must be "),
    ({"text": None}, "birds.npz has captions but no text; captions need text"),
    ({"captions": np.array([], dtype=str)}, "captions in birds.npz are 0; give 1 to 10,000"),
    ({"captions": np.array(["a gull", " "])}, "captions in birds.npz has no words in row 1"),
    ({"scale": np.array(0.0)}, "scale in birds.npz is 0.0; it must be a number above 0"),
    ({"object": np.array(["gull", "crow", "owl"] * 20)}, "--contexts C,D, for example --objects "),
    ({"objects": ("gull", "owl")}, "no object named 'owl'; it has "),
    ({"per_group": (20, 3, 17, 20)}, "3 usable images of gull_land"),
    ({"split": np.array(["train"] * 60)}, ALL_GROUPS),
    ({"scene": np.array(["one"] * 60)}, ALL_GROUPS),
    ({"text_object": np.array(["gull", "gull"])}, ONE_SPOKEN_OF),
    ({"most": 3}, "at least 4 rows a group"),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED)
def test_what_cannot_be_used_or_leaves_a_choice_is_said_in_one_sentence(
    tmp_path: Path, changes: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "EMBEDDING_ROWS", 60)
    with pytest.raises(ImportSetError, match=re.escape(sentence)):
        chosen(tmp_path, **changes)


def test_captions_of_something_else_are_left_out(tmp_path: Path) -> None:
    said = np.array(["gull", "owl", "crow", "crow in the air"])
    of = np.array(["gull", "owl", "crow", "crow"])
    place = np.array(["", "", "", "air"])
    kept, _ = chosen(
        tmp_path, text=np.eye(8)[:4], captions=said, text_object=of, text_context=place
    )
    assert [said.text for said in kept.captions] == ["gull", "crow"]
    assert np.allclose(kept.text, np.eye(8)[[0, 2]])
    assert "2 captions of something else left out." in kept.notes


def test_a_picture_has_the_first_caption_that_fits() -> None:
    said = [Caption("a", "gull"), *[Caption("a", "gull", "sea")] * 2, Caption("a", "crow", "land")]
    pairs = [("gull", "sea"), ("gull", "land"), ("crow", "land"), ("crow", "sea")]
    assert [fitting_caption(said, *pair) for pair in pairs] == [1, 0, 3, None]


def written(work: Path, **changes: Any) -> ImageSet:
    work.mkdir()
    embedding_sets.write_set(work, "birds", *chosen(work, **changes), "free", seed=0)
    return read_set(work)


def test_a_set_without_pictures_is_a_table_like_any_other(tmp_path: Path) -> None:
    images = written(tmp_path / "set", text_context=np.array(["sea", ""]))
    assert (images.name, images.has_pictures, images.folds) == ("birds", False, 0)
    assert set(COLUMNS) <= set(images.table)
    assert images.table["caption"].tolist() == [
        {"crow": "a photo of a crow", "gull": "a photo of a gull" if context == "sea" else ""}[obj]
        for obj, context in zip(images.table["object"], images.table["context"], strict=True)
    ]
    assert images.image(0).shape == (TILE_SIDE, TILE_SIDE, 3)
    assert images.masks(images.rows("test")) is None
    with pytest.raises(ImageSetError, match="'birds' holds embeddings only"):
        training_rows(images, Condition())


def test_the_version_is_of_everything_that_a_measure_depends_on(tmp_path: Path) -> None:
    def version(**changes: Any) -> str:
        return written(tmp_path / f"set {len(list(tmp_path.iterdir()))}", **changes).version

    made = arrays(scale=np.array(100.0))  # the seed of the vectors is the number of changes
    same = {name: made[name] for name in ("z", "object", "context")}
    z, text = same["z"].copy(), made["text"] + 0.1
    z[0, 0] += 0.1
    versions = [
        version(**same),
        version(**{**same, "z": z}),
        version(**same, text=text),
        version(**same, scale=np.array(5.0)),
        version(**same, captions=np.array(["gull", "crow"])),
    ]
    assert len(set(versions)) == len(versions)
    assert version(**same) == versions[0]
    exact = {name: np.repeat(array, 20, axis=0) for name, array in EXACT.items()}
    assert version(**exact, text=np.eye(8)[:2]) == "45d3993d", (
        "a version stays, whatever our classes are called"
    )
