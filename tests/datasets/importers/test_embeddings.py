"""What an ``.npz`` of embeddings must hold: clean names, finite vectors with a direction, one sentence otherwise."""

from __future__ import annotations

import tempfile
import tracemalloc
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from tests.datasets.importers.vectors import WIDTH, arrays, save
from vlcore.core.captions import Caption
from vlcore.datasets.importers.embeddings import CLIP_SCALE, Embeddings, open_npz, read_embeddings
from vlcore.datasets.importers.source import ImportSetError


def read(tmp_path: Path, **changes: Any) -> Embeddings:
    return read_embeddings(save(tmp_path / "a.npz", **arrays(**changes)))


def with_row(row: int, value: float) -> np.ndarray:
    z = arrays()["z"].copy()
    z[row] = value
    return z


def test_a_file_is_read_row_by_row(tmp_path: Path) -> None:
    made = arrays(
        split=np.array(["Training", "validation", "probe", "TEST"] * 15),
        scene=np.array([f"scene {row // 4}" for row in range(60)]),
        name=np.array([f"pictures/{row}.jpg" for row in range(60)]),
        text_context=np.array(["sea", ""]),
        scale=np.array(20),
    )
    found = read_embeddings(save(tmp_path / "birds.npz", **made))
    assert found.source == "birds.npz"
    assert np.allclose(found.z, made["z"] / np.linalg.norm(made["z"], axis=1, keepdims=True), atol=1e-6)
    assert found.z.dtype == np.float32
    for name in ("object", "context", "scene", "name"):
        assert found.table[name].tolist() == made[name].tolist()
    assert found.table["split"].tolist() == ["train", "val", "probe", "test"] * 15
    assert np.allclose(found.text, np.eye(WIDTH)[:2])
    assert found.captions == (Caption("a photo of a gull", "gull", "sea"), Caption("a photo of a crow", "crow"))
    assert found.scale == 20
    assert found.notes == ("The vectors in z were brought to length 1.",)


def test_what_may_be_left_out_has_a_usual_value(tmp_path: Path) -> None:
    made = arrays(text=None, captions=None, text_object=None, extra=np.zeros(2))
    made["z"] /= np.linalg.norm(made["z"], axis=1, keepdims=True)
    found = read_embeddings(save(tmp_path / "a.npz", **made))
    assert set(found.table["split"]) == {""}
    assert found.table["scene"].is_unique
    assert found.table["name"].tolist()[:2] == ["row 000000", "row 000001"]
    assert found.captions == ()
    assert found.text.shape == (0, WIDTH)
    assert found.scale == CLIP_SCALE
    assert found.notes == ("Not used: extra.",)


def test_names_are_cleaned_alike_in_rows_and_captions(tmp_path: Path) -> None:
    made = arrays()
    made["object"] = np.where(made["object"] == "gull", "sea_gull", "crow")
    made["text_object"] = np.array(["sea_gull", "crow"])
    found = read_embeddings(save(tmp_path / "a.npz", **made))
    assert set(found.table["object"]) == {"sea gull", "crow"}
    assert [said.object for said in found.captions] == ["sea gull", "crow"]
    assert found.altered == {"sea gull": {"sea_gull"}}


@settings(deadline=None, max_examples=60)
@given(
    arrays_of.arrays(
        st.sampled_from([np.float16, np.float32, np.float64]),
        st.tuples(st.integers(1, 5), st.integers(2, 6)),
        elements={"allow_nan": True, "allow_infinity": True},
    )
)
def test_directions_stay_whatever_the_lengths(z: np.ndarray) -> None:
    """Rows of any length, from the smallest to the largest number, become unit vectors; others are refused."""
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


CAPTIONS = "text (their vectors), captions (their words) and text_object (the object that each speaks of)."
SHAPE = "it must have one row a picture and two or more columns."


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"z": None}, "no array z (it holds object, context, text, captions, text_object)"),
        ({"context": None}, "no array context (it holds z, object, text, captions, text_object)"),
        ({"z": np.zeros(60)}, f"z in a.npz has the shape (60,); {SHAPE}"),
        ({"z": np.zeros((60, 1))}, f"z in a.npz has the shape (60, 1); {SHAPE}"),
        ({"z": np.zeros((0, 4))}, f"z in a.npz has the shape (0, 4); {SHAPE}"),
        ({"z": np.ones((60, WIDTH), dtype=int)}, "z in a.npz holds int64; it must hold floating-point numbers."),
        ({"z": with_row(7, np.nan)}, "z in a.npz has a number that is not finite (row 7)."),
        ({"z": with_row(8, -np.inf)}, "z in a.npz has a number that is not finite (row 8)."),
        ({"z": with_row(9, 0)}, "z in a.npz has a vector of zeros (row 9), which has no direction; leave it out."),
        ({"object": np.array(["gull"] * 59)}, "object in a.npz has the shape (59,); it must have (60,)."),
        ({"object": np.arange(60)}, "object in a.npz holds int64; it must hold text."),
        ({"object": np.array(["gull", None] * 30, dtype=object)}, "Python objects as object, which are never read"),
        ({"z": np.array([["a"] * WIDTH] * 60)}, "z in a.npz holds <U1; it must hold floating-point numbers."),
        ({"context": np.array(["sea", "?!"] * 30)}, "context in a.npz has no letter or digit in row 1; name it, or "),
        ({"split": np.array(["train", "dev", "later"] * 20)}, "split in a.npz is 'later' in row 2; it must be one of "),
        ({"scene": np.arange(60)}, "scene in a.npz holds int64; it must hold text."),
        ({"text": None}, f"a.npz has captions but no text; captions need {CAPTIONS}"),
        ({"text_object": None}, f"a.npz has text but no text_object; captions need {CAPTIONS}"),
        ({"text": np.ones((2, 5))}, "text in a.npz has the shape (2, 5); it must have (2, 8)."),
        ({"text": np.zeros((2, WIDTH))}, "text in a.npz has a vector of zeros (row 0), which has no direction; leave "),
        ({"captions": np.array([], dtype=str)}, "captions in a.npz are 0; give 1 to 10,000, or leave them out."),
        ({"captions": np.array(["a gull", " "])}, "captions in a.npz has no words in row 1; write them."),
        ({"text_context": np.array(["sea", "?"])}, "text_context in a.npz has no letter or digit in row 1; name it, "),
        ({"scale": np.array(0.0)}, "scale in a.npz is 0.0; it must be a number above 0, such as CLIP's 100."),
        ({"scale": np.array([1.0, 2.0])}, "scale in a.npz has the shape (2,); it must have ()."),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ImportSetError) as caught:
        read(tmp_path, **changes)
    assert sentence in str(caught.value)


def test_a_file_of_too_many_rows_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(ImportSetError, match=r"z in a\.npz has 60 rows of 8 numbers; .* at most 59 of 16,384"):
        read_embeddings(save(tmp_path / "a.npz", **arrays()), max_rows=59)


def head(shape: tuple[int, ...], kind: str) -> bytes:
    """An array file that ends after its head."""
    out = BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": kind, "fortran_order": False, "shape": shape})
    return out.getvalue()


def packed(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, data in members.items():
            pack.writestr(f"{name}.npy", data)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("kind", ["<f2", "<f4", ">f4", "<f8"])
def test_arrays_are_read_as_numpy_reads_them(tmp_path: Path, save: object, kind: str) -> None:
    z = np.asfortranarray(np.random.default_rng(0).normal(size=(4, 3)).astype(kind))
    save(tmp_path / "a.npz", z=z, names=np.array(["ä", "b", "c"]))  # type: ignore[operator]
    with open_npz(tmp_path / "a.npz") as file:
        assert set(file.arrays) == {"z", "names"}
        assert file.shape("z") == (4, 3)
        assert np.array_equal(file.read("z", "f", (4, 3)), z)
        assert file.read("names", "U", (3,)).tolist() == ["ä", "b", "c"]


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    opened: list[str] = []

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return opened.append, ("opened",)

    np.savez(tmp_path / "a.npz", object=np.array([Trap(), Trap()], dtype=object), allow_pickle=True)
    with open_npz(tmp_path / "a.npz") as file:
        for kind in ("U", "f"):
            with pytest.raises(ImportSetError, match="holds Python objects as object, which are never read; save "):
                file.read("object", kind, (2,))
    assert not opened


def test_a_claim_alone_makes_no_room(tmp_path: Path) -> None:
    shapes = {"huge": (200_000, 16_384), "short": (10_000, 1_000)}
    path = packed(tmp_path / "a.npz", **{name: head(shape, "<f4") for name, shape in shapes.items()})
    tracemalloc.start()
    with open_npz(path) as file:
        with pytest.raises(ImportSetError, match=r"huge in a.npz needs more than 1 GB; save fewer rows, or float32"):
            file.read("huge", "f", shapes["huge"])
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
        with pytest.raises(ImportSetError, match=r"short in a.npz is damaged; save it again with np.savez"):
            file.read("short", "f", shapes["short"])
    tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [b"", b"no array", head((3,), "<f8")[:40], head((3,), "<f8") + b"\0" * 5, b"\x93NUMPY\x09\x09" + b"\0" * 64],
)
def test_a_damaged_array_is_said_in_a_sentence(tmp_path: Path, data: bytes) -> None:
    with open_npz(packed(tmp_path / "a.npz", z=data)) as file, pytest.raises(ImportSetError) as caught:
        file.read("z", "f", (3,))
    assert str(caught.value) == "z in a.npz is damaged; save it again with np.savez."


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(1, 255))
def test_whatever_is_damaged_is_a_sentence_or_an_array(at: int, change: int) -> None:
    out = BytesIO()
    np.savez_compressed(out, z=np.arange(12.0).reshape(4, 3))
    data = bytearray(out.getvalue())
    data[at % len(data)] ^= change
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.npz"
        path.write_bytes(bytes(data))
        said = ""
        try:
            with open_npz(path) as file:
                for name in file.arrays:
                    assert file.read(name, "f", (4, 3)).shape == (4, 3)
        except ImportSetError as error:
            said = str(error)
        assert not said or ("a.npz" in said and said.endswith("."))


@pytest.mark.parametrize(
    ("name", "words"),
    [("text.npz", "is no .npz file"), ("one.npy", "is no .npz file"), ("folder.npz", "Is a directory"), ("x", "exist")],
)
def test_what_is_no_npz_is_said_in_a_sentence(name: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("z")
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(ImportSetError, match=f"{name} .*{words}"), open_npz(tmp_path / name):
        pass
