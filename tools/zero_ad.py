"""Readers of the models, animations and pictures of 0 A.D., and skinning of a mesh by its bones.

The files come from the Debian package ``0ad-data``. Its art is under CC BY-SA 3.0, its authors are
Wildfire Games. This code is our own: it knows the two file formats, and nothing of the game.

Coordinates in the files have Y up, and heads face towards -z. `read_mesh` keeps them. `upright`
swaps y and z, which gives Z up and heads towards -y.
"""

import io
import struct
import subprocess
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PACKAGE = "0ad-data"
PUBLIC = "usr/share/games/0ad/mods/public/public.zip"
NO_BONE = 255  # in the list of a vertex's bones
BONE = np.dtype([("place", "<f4", 3), ("turn", "<f4", 4)])  # a quaternion, xyzw
Floats = NDArray[np.float64]


class FormatError(ValueError):
    """A file that is not what its name says."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """A mesh in its bind pose, with the bones that move it."""

    places: Floats  # (n, 3)
    normals: Floats  # (n, 3)
    texture: Floats  # (n, 2), row 0 of the picture is at 0
    bones: NDArray[np.int64]  # (n, 4); the number of bones itself stands for none
    weights: Floats  # (n, 4)
    faces: NDArray[np.int64]  # (m, 3)
    bind: NDArray[np.void]  # (bones,) of type `BONE`, in model space


class _Reader:
    """The bytes of a file, read from front to back."""

    def __init__(self, content: bytes, magic: bytes) -> None:
        self.content, self.at = content, 12
        if content[:4] != magic or len(content) != 12 + self._number(8):
            raise FormatError(f"These bytes are not a complete {magic.decode()} file.")
        self.version = self._number(4)

    def _number(self, at: int) -> int:
        return int(struct.unpack_from("<I", self.content, at)[0])

    def number(self) -> int:
        """Return the next unsigned number of four bytes."""
        self.at += 4
        return self._number(self.at - 4)

    def array(self, kind: Any, count: int) -> NDArray[Any]:
        """Return the next `count` values of a type."""
        values = np.frombuffer(self.content, kind, count, self.at)
        self.at += values.nbytes
        return values

    def text(self) -> str:
        """Return the next text, whose length comes first."""
        return self.array("u1", self.number()).tobytes().decode()


def read_mesh(content: bytes) -> Mesh:
    """Return the mesh of a PMD file, versions 3 and 4.

    Raises:
        FormatError: The bytes are no such file.
    """
    reader = _Reader(content, b"PSMD")
    if reader.version not in (3, 4):
        raise FormatError(f"PMD version {reader.version} is not supported; use version 3 or 4.")
    count = reader.number()
    layers = reader.number() if reader.version == 4 else 1
    vertex = np.dtype(
        [
            ("place", "<f4", 3),
            ("normal", "<f4", 3),
            ("texture", "<f4", (layers, 2)),
            ("bones", "u1", 4),
            ("weights", "<f4", 4),
        ]
    )
    vertices = reader.array(vertex, count)
    faces = reader.array("<u2", 3 * reader.number()).reshape(-1, 3)
    bind = reader.array(BONE, reader.number())
    bones = vertices["bones"].astype(np.int64)
    first = vertices["texture"][:, 0].astype(float)
    return Mesh(
        vertices["place"].astype(float),
        vertices["normal"].astype(float),
        np.stack([first[:, 0], 1 - first[:, 1]], axis=1),
        np.where(bones == NO_BONE, len(bind), bones),
        np.where(bones == NO_BONE, 0.0, vertices["weights"]),
        faces.astype(np.int64),
        bind,
    )


def read_animation(content: bytes) -> NDArray[np.void]:
    """Return the bones of a PSA file, (frames, bones) of type `BONE`.

    Raises:
        FormatError: The bytes are no such file.
    """
    reader = _Reader(content, b"PSSA")
    reader.text()  # its name
    reader.array("<f4", 1)  # milliseconds per frame
    bones, frames = reader.number(), reader.number()
    return reader.array(BONE, bones * frames).reshape(frames, bones)


def pose_at(frames: NDArray[np.void], phase: float) -> NDArray[np.void]:
    """Return the bones at a phase of an animation, 0 to 1; the last frame leads to the first."""
    exact = phase % 1 * len(frames)
    before = int(exact)
    share = exact - before
    first, second = frames[before % len(frames)], frames[(before + 1) % len(frames)]
    pose = np.empty_like(first)
    pose["place"] = (1 - share) * first["place"] + share * second["place"]
    # A quaternion and its negative are the same turn: take the nearer one.
    sign = np.sign((first["turn"] * second["turn"]).sum(axis=1, keepdims=True))
    turn = (1 - share) * first["turn"] + share * np.where(sign < 0, -1, 1) * second["turn"]
    pose["turn"] = turn / np.linalg.norm(turn, axis=1, keepdims=True)
    return pose


def bone_matrices(bones: NDArray[np.void]) -> Floats:
    """Return the matrices of bones, (n, 4, 4)."""
    x, y, z, w = bones["turn"].astype(float).T
    matrices = np.zeros((len(bones), 4, 4))
    matrices[:, 0, :3] = np.stack(
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)], 1
    )
    matrices[:, 1, :3] = np.stack(
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)], 1
    )
    matrices[:, 2, :3] = np.stack(
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)], 1
    )
    matrices[:, :3, 3] = bones["place"]
    matrices[:, 3, 3] = 1
    return matrices


def skinned(mesh: Mesh, pose: NDArray[np.void]) -> tuple[Floats, Floats]:
    """Return places and normals of a mesh whose bones take a pose, (n, 3) each."""
    moves = bone_matrices(pose) @ np.linalg.inv(bone_matrices(mesh.bind))
    moves = np.concatenate([moves, np.eye(4)[None]])  # of a vertex without a bone
    total = mesh.weights.sum(axis=1, keepdims=True)
    weights = mesh.weights / np.where(total > 0, total, 1)
    blended = np.einsum("nk,nkij->nij", weights, moves[mesh.bones])
    blended[total[:, 0] <= 0] = np.eye(4)
    places = np.einsum("nij,nj->ni", blended[:, :3, :3], mesh.places) + blended[:, :3, 3]
    normals = np.einsum("nij,nj->ni", blended[:, :3, :3], mesh.normals)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return places, normals / np.maximum(length, 1e-9)


def upright(vectors: Floats) -> Floats:
    """Return vectors with Z up, (n, 3)."""
    return vectors[:, [0, 2, 1]]


class Art:
    """The art in the package, fetched with apt where the folder lacks it."""

    def __init__(self, folder: Path) -> None:
        self.archive = zipfile.ZipFile(fetched(folder))
        self.names = set(self.archive.namelist())

    @lru_cache(maxsize=64)  # noqa: B019 - one object lives as long as the program
    def mesh(self, name: str) -> Mesh:
        """Return a mesh, such as ``skeletal/horse``."""
        return read_mesh(self.archive.read(f"art/meshes/{name}.dae.cached.pmd"))

    @lru_cache(maxsize=64)  # noqa: B019
    def animation(self, name: str) -> NDArray[np.void]:
        """Return an animation, such as ``horse_walk``."""
        return read_animation(self.archive.read(f"art/animation/quadraped/{name}.dae.cached.psa"))

    def picture(self, name: str) -> NDArray[np.uint8]:
        """Return a texture, such as ``skins/skeletal/horse_tan``, uint8 (height, width, 4)."""
        paths = [f"art/textures/{name}.{kind}.cached.dds" for kind in ("png", "dds")]
        path = next(path for path in paths if path in self.names)
        with Image.open(io.BytesIO(self.archive.read(path))) as picture:
            return np.asarray(picture.convert("RGBA"))


def fetched(folder: Path) -> Path:
    """Return the archive of the art in a folder, downloaded (1.4 GB) and unpacked (3.4 GB) first
    where it is missing."""
    public = folder / PUBLIC
    if not public.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if not list(folder.glob(f"{PACKAGE}_*.deb")):
            subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True)
        package = sorted(folder.glob(f"{PACKAGE}_*.deb"))[-1]
        subprocess.run(["dpkg-deb", "--extract", package.name, "."], cwd=folder, check=True)
    return public
