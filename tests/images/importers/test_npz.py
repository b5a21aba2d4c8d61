"""Arrays from anybody: pickles stay closed, claims are checked before room is made."""

from __future__ import annotations

import tempfile
import tracemalloc
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlcore.images.importers.embeddings import open_npz
from vlcore.images.importers.source import ImportSetError


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
    opened = []

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return opened.append, ("opened",)

    np.savez(tmp_path / "a.npz", object=np.array([Trap(), Trap()], dtype=object), allow_pickle=True)
    with open_npz(tmp_path / "a.npz") as file:
        for kind in ("U", "f"):
            with pytest.raises(ImportSetError, match="holds Python objects as object, which are never read; save "):
                file.read("object", kind, (2,))
    assert not opened


@pytest.mark.parametrize(
    ("kind", "shape", "sentence"),
    [
        ("U", (4, 3), "z in a.npz holds float64; it must hold text."),
        ("f", (4, 2), "z in a.npz has the shape (4, 3); it must have (4, 2)."),
        ("f", (4,), "z in a.npz has the shape (4, 3); it must have (4,)."),
    ],
)
def test_another_kind_or_shape_is_refused(tmp_path: Path, kind: str, shape: tuple[int, ...], sentence: str) -> None:
    np.savez(tmp_path / "a.npz", z=np.zeros((4, 3)))
    with open_npz(tmp_path / "a.npz") as file, pytest.raises(ImportSetError) as caught:
        file.read("z", kind, shape)
    assert str(caught.value) == sentence


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


def test_what_is_no_npz_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("z")
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "folder.npz").mkdir()
    for name, sentence in (
        ("text.npz", "text.npz is no .npz file, or a damaged one; save it again with np.savez."),
        ("one.npy", "one.npy is no .npz file, or a damaged one; save it again with np.savez."),
        ("folder.npz", "folder.npz cannot be read (Is a directory); give the path of an .npz file."),
        ("none.npz", f"{tmp_path}/none.npz does not exist; give the path of an .npz file."),
    ):
        with pytest.raises(ImportSetError) as caught, open_npz(tmp_path / name):
            pass
        assert str(caught.value) == sentence
