"""The pure parts of `tools.renders`: file readers, skinning, factors, framing and packing."""

import json
import struct
import zipfile

import numpy as np
import pytest

from tools import render_world, renders, zero_ad
from tools.render_world import Camera, Part, scene_of

PLACES = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 1, 3]], np.float32)
TURN = (0.0, 0.0, np.sin(0.3), np.cos(0.3))
BONES = [((0.5, 1.0, -0.5), TURN), ((0.0, 2.0, 0.0), (0.0, 0.0, 0.0, 1.0))]


def _with_header(magic: bytes, version: int, content: bytes) -> bytes:
    return magic + struct.pack("<II", version, len(content)) + content


def _bones(bones: list) -> bytes:
    return b"".join(struct.pack("<7f", *place, *turn) for place, turn in bones)


def _mesh_file() -> bytes:
    content = struct.pack("<II", len(PLACES), 1)
    for number, place in enumerate(PLACES):
        content += struct.pack("<3f3f2f", *place, 0, 1, 0, 0.25, 0.125)
        bones = (0, 1, 255, 255) if number else (255, 255, 255, 255)
        content += struct.pack("<4B4f", *bones, 0.75, 0.25, 0, 0)
    content += struct.pack("<I6H", 2, 0, 1, 2, 0, 2, 3)
    content += struct.pack("<I", len(BONES)) + _bones(BONES)
    content += struct.pack("<I", 1) + struct.pack("<I", 4) + b"root" + bytes(28) + b"\xff"
    return _with_header(b"PSMD", 4, content)


def _animation_file() -> bytes:
    other = [((1.5, 1.0, -0.5), BONES[0][1]), (BONES[1][0], tuple(-c for c in BONES[1][1]))]
    content = struct.pack("<I", 4) + b"walk" + struct.pack("<fII", 33.3, len(BONES), 2)
    return _with_header(b"PSSA", 1, content + _bones(BONES) + _bones(other))


def test_a_mesh_is_read_back() -> None:
    mesh = zero_ad.read_mesh(_mesh_file())
    np.testing.assert_array_equal(mesh.places, PLACES)
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [0, 2, 3]])
    np.testing.assert_array_equal(mesh.texture[0], [0.25, 0.875])
    np.testing.assert_array_equal(mesh.bones[1], [0, 1, 2, 2])
    np.testing.assert_array_equal(mesh.weights[:2], [[0, 0, 0, 0], [0.75, 0.25, 0, 0]])


@pytest.mark.parametrize("content", [_mesh_file()[:-1], b"PSSA" + _mesh_file()[4:]])
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(zero_ad.FormatError):
        zero_ad.read_mesh(content)


def test_the_bind_pose_moves_nothing() -> None:
    mesh = zero_ad.read_mesh(_mesh_file())
    places, normals = zero_ad.skinned(mesh, mesh.bind)
    np.testing.assert_allclose(places, PLACES, atol=1e-6)
    np.testing.assert_allclose(normals, mesh.normals, atol=1e-6)


def test_a_pose_lies_between_two_frames_and_the_last_leads_to_the_first() -> None:
    frames = zero_ad.read_animation(_animation_file())
    for phase in (0.25, 0.75):
        pose = zero_ad.pose_at(frames, phase)
        np.testing.assert_allclose(pose["place"][0], [1, 1, -0.5])
        np.testing.assert_allclose(np.abs(pose["turn"]), np.abs(frames["turn"][0]), atol=1e-6)


def test_a_scene_depends_on_its_split_and_number_only() -> None:
    assert scene_of("test", 7) == scene_of("test", 7)
    seeds = {scene_of(split, n).seed for split in render_world.SCENES for n in range(40)}
    assert len(seeds) == 160


def test_the_table_has_one_row_per_image() -> None:
    table = renders.table()
    assert len(table) == 3152
    assert table["file_name"].is_unique
    assert table["mask"].nunique() == 1576
    assert (table.groupby("scene").size() == 4).all()
    skies = {json.loads(text)["sky"] for text in table["factors"]}
    assert skies == set(render_world.SKIES)


@pytest.mark.parametrize("shape", [(2.0, 0.6, 1.5), (1.2, 0.8, 2.2)])
def test_an_animal_fills_its_box(shape: tuple[float, float, float]) -> None:
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0, 1)])
    faces = np.zeros((1, 3), int)
    seen = np.ones(len(corners), bool)
    part = Part(corners * shape, corners, corners[:, :2], faces, "skin", seen)
    camera = Camera(1.7, 0.4)
    box = (0.2, 0.35, 0.7, 0.85)
    fitted = render_world.framed([part], camera, box)
    assert render_world.box_of(fitted, camera) == pytest.approx(box, abs=0.004)


def test_an_archive_depends_on_its_members_only(tmp_path) -> None:
    members = {"b": b"2", "a/c": b"1"}
    renders.write_archive(tmp_path / "one.zip", members)
    renders.write_archive(tmp_path / "two.zip", dict(reversed(members.items())))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.namelist() == ["a/c", "b"]
