"""Render the image set `renders`: horses and camels on grass and in deserts, in three dimensions.

How to run, from the root of the repository::

    pip install mitsuba
    python -m tools.renders --art FOLDER --work FOLDER

Mitsuba is the only package that `requirements.txt` lacks. Two folders outside the repository are
needed. The first one gets the Debian package ``0ad-data``, which apt downloads: 5 GB in all. The
second one gets the rendered files. A scene whose files exist is not rendered again, so the script
can be stopped and started. At the end the set is packed into ``vlcore/data/renders``. On one core
788 scenes take 20 minutes, 1.5 seconds each. ``--scenes 30`` renders the first 30 scenes of each
split and packs nothing.

How an image is made:

- A scene is drawn from its split and number. It is shown in four versions, called twins: two
  animals on two backgrounds.
- A background is rendered without an animal, and an animal without a background. An image is one
  laid over the other. So two twins with the same background differ only where an animal is, and
  two twins with the same animal show the same pixels of the animal.
- Both animals of a scene fill the same box: each is stretched to the middle of their two shapes.
- Both animals of a scene have the same mean colour.
- Both animals of a scene share one shadow, the average of their two shadows.
- The ground is brighter in deserts than on grass. Hills, light and sky are the same.
"""

import argparse
import hashlib
import io
import json
import math
import os
import time
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import map_coordinates

from tools.render_world import (
    CONTEXTS,
    FIELD,
    LUMINANCE,
    OBJECTS,
    SCENES,
    SIZE,
    SKIES,
    Box,
    Camera,
    Light,
    Part,
    Scene,
    box_of,
    framed_animals,
    light_of,
    scene_of,
    shadow,
    terrain,
)
from tools.zero_ad import Art, Floats
from vlcore.data.imageset import COLUMNS
from vlcore.experiment.captions import caption
from vlcore.experiment.grouping import group_name

NAME, VERSION = "renders", "1"
PAIRS = (("horse", "grass"), ("horse", "desert"), ("camel", "desert"), ("camel", "grass"))
SAMPLES = 16  # per pixel of a background; an animal gets twice as many
QUALITY = 90  # of WebP
ALBEDO = {"grass": 0.21, "desert": 0.34}  # mean luminance, linear
TARGET = Path(__file__).parents[1] / "vlcore" / "data" / NAME


class Renderer:
    """Mitsuba on one thread, with materials that are made once."""

    def __init__(self, art: Art, samples: int) -> None:
        import drjit
        import mitsuba

        mitsuba.set_variant("scalar_rgb")
        mitsuba.set_log_level(mitsuba.LogLevel.Error)
        drjit.set_thread_count(1)
        self.mitsuba, self.art, self.samples = mitsuba, art, samples

    @lru_cache(maxsize=32)  # noqa: B019 - one renderer lives as long as the program
    def ground(self, name: str, albedo: float) -> Any:
        """Return the material of a ground: its texture twice, the second time larger and turned, so
        that it does not repeat visibly."""
        pixels = linear(self.art.picture(f"terrain/types/{name}")[..., :3])
        while pixels.shape[0] > 512:
            pixels = (
                pixels[::2, ::2] + pixels[1::2, ::2] + pixels[::2, 1::2] + pixels[1::2, 1::2]
            ) / 4
        pixels *= albedo / (pixels @ LUMINANCE).mean()
        turned = self.mitsuba.ScalarTransform4f().rotate([0, 0, 1], 37).scale(1 / 2.7)
        layers = [self._texture(pixels), self._texture(pixels, to_uv=turned)]
        return self.mitsuba.load_dict(
            {
                "type": "blendbsdf",
                "weight": 0.45,
                "first": {"type": "diffuse", "reflectance": layers[0]},
                "second": {"type": "diffuse", "reflectance": layers[1]},
            }
        )

    def _texture(self, pixels: Floats, **settings: Any) -> dict[str, Any]:
        bitmap = self.mitsuba.Bitmap(np.ascontiguousarray(pixels, np.float32))
        return {"type": "bitmap", "bitmap": bitmap, "raw": True, **settings}

    @lru_cache(maxsize=64)  # noqa: B019
    def skin(self, name: str) -> Any:
        """Return the material of a coat, or of hair, which is transparent in places."""
        picture = self.art.picture(name)
        coat = {
            "type": "twosided",
            "coat": {"type": "diffuse", "reflectance": self._texture(linear(picture[..., :3]))},
        }
        if "hair" not in name:
            return self.mitsuba.load_dict(coat)
        opacity = self._texture(picture[..., 3:] / 255)
        return self.mitsuba.load_dict({"type": "mask", "opacity": opacity, "nested": coat})

    def mesh(
        self,
        places: Floats,
        faces: NDArray[np.int64],
        texture: Floats,
        material: Any,
        normals: Floats | None = None,
    ) -> Any:
        """Return a mesh of the renderer."""
        properties = self.mitsuba.Properties()
        properties["mesh_bsdf"] = material
        mesh = self.mitsuba.Mesh(
            "mesh",
            len(places),
            len(faces),
            has_vertex_normals=normals is not None,
            has_vertex_texcoords=True,
            props=properties,
        )
        parameters = self.mitsuba.traverse(mesh)
        parameters["vertex_positions"] = np.ravel(places).astype(np.float32)
        parameters["faces"] = np.ravel(faces).astype(np.uint32)
        parameters["vertex_texcoords"] = np.ravel(texture).astype(np.float32)
        if normals is not None:
            parameters["vertex_normals"] = np.ravel(normals).astype(np.float32)
        parameters.update()
        return mesh

    def animal(
        self, meshes: list[Any], box: Box, camera: Camera, light: Light, seed: int
    ) -> Floats:
        """Return an animal without a background, linear (SIZE, SIZE, 4) with its opacity; only its
        box is rendered."""
        lamps = {
            "sky": {
                "type": "envmap",
                "bitmap": self.mitsuba.Bitmap(light.dome),
                "to_world": self.mitsuba.ScalarTransform4f().rotate([1, 0, 0], 90),
            },
            "sun": {
                "type": "directional",
                "direction": (-light.sun).tolist(),
                "irradiance": {"type": "rgb", "value": (light.plate * math.pi).tolist()},
            },
        }
        # Each layer of transparent hair counts as a bounce.
        path = {"type": "path", "max_depth": 4, "hide_emitters": True}
        left, top = (max(0, math.floor(edge * SIZE) - 2) for edge in box[:2])
        right, bottom = (min(SIZE, math.ceil(edge * SIZE) + 2) for edge in box[2:])
        crop = {
            "crop_offset_x": left,
            "crop_offset_y": top,
            "crop_width": right - left,
            "crop_height": bottom - top,
        }
        image = np.zeros((SIZE, SIZE, 4))
        image[top:bottom, left:right] = self._rendered(
            meshes, camera, seed, path, lamps, 2 * self.samples, crop
        )
        return image

    def land(self, mesh: Any, camera: Camera, seed: int) -> dict[str, Floats]:
        """Return what is seen of a land, each (SIZE, SIZE, n): ``cover`` is the share of a pixel
        that is land; ``albedo``, ``normal`` and ``distance`` in metres are averages over it."""
        layers = {
            "type": "aov",
            "aovs": "albedo:albedo,normal:sh_normal",
            "image": {"type": "depth"},
        }
        image = self._rendered([mesh], camera, seed, layers, {}, self.samples, {})
        cover = image[..., 3:4]
        averages = image / np.maximum(cover, 1e-6)
        return {
            "cover": cover,
            "albedo": averages[..., 4:7],
            "normal": averages[..., 7:],
            "distance": averages[..., :1],
        }

    def _rendered(
        self,
        meshes: list[Any],
        camera: Camera,
        seed: int,
        integrator: dict[str, Any],
        lamps: dict[str, Any],
        samples: int,
        crop: dict[str, int],
    ) -> Floats:
        mitsuba = self.mitsuba
        towards = [0, math.cos(camera.pitch), camera.height - math.sin(camera.pitch)]
        view = mitsuba.ScalarTransform4f().look_at([0, 0, camera.height], towards, [0, 0, 1])
        film = {
            "type": "hdrfilm",
            "width": SIZE,
            "height": SIZE,
            "pixel_format": "rgba",
            "rfilter": {"type": "box"},
            **crop,
        }
        sensor = {
            "type": "perspective",
            "fov": FIELD,
            "to_world": view,
            "film": film,
            "sampler": {"type": "multijitter", "sample_count": samples},
        }
        scene = {"type": "scene", "integrator": integrator, "sensor": sensor, **lamps}
        scene |= {f"mesh{number}": mesh for number, mesh in enumerate(meshes)}
        return np.array(mitsuba.render(mitsuba.load_dict(scene), seed=seed), float)


def linear(pixels: NDArray[np.uint8]) -> Floats:
    """Return linear light of sRGB pixels, 0 to 1."""
    values = pixels / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def shown(light: Floats) -> NDArray[np.uint8]:
    """Return sRGB pixels of linear light; above 0.8 it is compressed, so that little is burnt."""
    light = np.maximum(light, 0)
    soft = 0.8 + 0.2 * np.tanh((light - 0.8) / 0.2)
    light = np.where(light > 0.8, soft, light)
    values = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(values * 255).clip(0, 255).astype(np.uint8)


def background(
    renderer: Renderer, scene: Scene, context: str, camera: Camera, light: Light, lit: Floats
) -> Floats:
    """Return a ground with hills and sky, linear (SIZE, SIZE, 3), without an animal; `lit` is the
    share of light that shadows leave."""
    places, faces = terrain(scene, camera)
    turn, first, second, scale = scene.turf
    cos, sin = math.cos(turn), math.sin(turn)
    texture = places[:, :2] @ np.array([[cos, -sin], [sin, cos]]) / scale + [first, second]
    material = renderer.ground(getattr(scene, context), ALBEDO[context])
    land = renderer.land(renderer.mesh(places, faces, texture, material), camera, scene.seed)
    facing = np.clip(land["normal"] @ light.sun, 0, None)[..., None]
    colour = land["albedo"] * (light.ambient + light.plate * facing) * lit
    clear = np.exp(-land["distance"] / SKIES[scene.sky].haze)
    colour = colour * clear + light.haze * (1 - clear)
    return land["cover"] * colour + (1 - land["cover"]) * sky_behind(camera, light)


def sky_behind(camera: Camera, light: Light) -> Floats:
    """Return the sky that a camera sees, linear (SIZE, SIZE, 3); the horizon below it."""
    steps = ((np.arange(SIZE) + 0.5) / SIZE - 0.5) / camera.focus
    across, down = np.meshgrid(steps, steps)
    forward = math.cos(camera.pitch) - down * math.sin(camera.pitch)
    upward = -math.sin(camera.pitch) - down * math.cos(camera.pitch)
    elevation = np.maximum(np.arctan2(upward, np.hypot(across, forward)), 0)
    azimuth = np.arctan2(across, forward)
    rows, columns = light.dome.shape[:2]
    at = [
        np.minimum((0.5 - elevation / math.pi) * rows - 0.5, rows // 2 - 1),
        (0.5 + azimuth / (2 * math.pi)) * columns - 0.5,
    ]
    return np.stack([map_coordinates(light.dome[..., c], at, order=1) for c in range(3)], axis=2)


def animal_layers(
    renderer: Renderer,
    scene: Scene,
    animals: Mapping[str, list[Part]],
    camera: Camera,
    light: Light,
) -> dict[str, Floats]:
    """Return both animals, linear (SIZE, SIZE, 4) with their opacity, of one mean colour."""
    layers = {}
    for animal, parts in animals.items():
        meshes = [
            renderer.mesh(
                part.places, part.faces, part.texture, renderer.skin(part.skin), part.normals
            )
            for part in parts
        ]
        # Between a visible and an invisible vertex a hair can be seen.
        whole = [replace(part, opaque=np.ones_like(part.opaque)) for part in parts]
        box = box_of(whole, camera)
        layers[animal] = renderer.animal(meshes, box, camera, light, scene.seed)
    means = {
        animal: layer[..., :3].sum(axis=(0, 1)) / layer[..., 3].sum()
        for animal, layer in layers.items()
    }
    middle = np.sqrt(means["horse"] * means["camel"]) * scene.tint * 1.2
    for animal, layer in layers.items():
        layer[..., :3] *= middle / means[animal]
    return layers


def pictures(renderer: Renderer, scene: Scene) -> dict[tuple[str, ...], NDArray[np.uint8]]:
    """Return the four images of a scene by animal and context, and two masks by animal."""
    camera = Camera(scene.height, scene.horizon)
    light = light_of(scene)
    animals = framed_animals(renderer.art, scene, camera)
    layers = animal_layers(renderer, scene, animals, camera, light)
    dark = shadow(animals, camera, light.sun, 0.6)[..., None] * light.shaded
    contact = shadow(animals, camera, np.array([0.0, 0.0, 1.0]), 1.6)[..., None]
    lit = (1 - 0.95 * dark) * (1 - 0.45 * contact)
    images: dict[tuple[str, ...], NDArray[np.uint8]] = {}
    for context in CONTEXTS:
        ground = background(renderer, scene, context, camera, light, lit)
        for animal, layer in layers.items():
            whole = layer[..., :3] + (1 - layer[..., 3:]) * ground
            images[animal, context] = shown(whole * scene.exposure)
    for animal, layer in layers.items():
        images[(animal,)] = np.round(layer[..., 3] * 255).clip(0, 255).astype(np.uint8)
    return images


def image_file(split: str, animal: str, context: str, number: int) -> str:
    """Return the name of an image inside the set."""
    return f"images/{split}/{group_name(animal, context)}/{number:04d}.webp"


def mask_file(split: str, animal: str, number: int) -> str:
    """Return the name of a mask inside the set."""
    return f"masks/{split}/{animal}/{number:04d}.webp"


def render_scene(renderer: Renderer, split: str, number: int, work: Path) -> bool:
    """Render a scene into a folder; False where all its files exist."""
    names: dict[tuple[str, ...], Path] = {
        (animal, context): work / image_file(split, animal, context, number)
        for animal, context in PAIRS
    }
    names |= {(animal,): work / mask_file(split, animal, number) for animal in OBJECTS}
    if all(path.exists() for path in names.values()):
        return False
    for key, pixels in pictures(renderer, scene_of(split, number)).items():
        path = names[key]
        path.parent.mkdir(parents=True, exist_ok=True)
        settings = {"lossless": True} if len(key) == 1 else {"quality": QUALITY}
        temporary = path.with_suffix(".part")
        Image.fromarray(pixels).save(temporary, "WEBP", method=6, **settings)
        os.replace(temporary, path)
    return True


def table() -> pd.DataFrame:
    """Return one row per image, by split, group and number."""
    rows = [
        {
            "file_name": image_file(split, animal, context, number),
            "object": animal,
            "context": context,
            "split": split,
            "caption": caption("descriptive", animal, context),
            "mask": mask_file(split, animal, number),
            "scene": f"{split}-{number:04d}",
            "factors": scene_of(split, number).factors(context),
        }
        for split, count in SCENES.items()
        for animal, context in PAIRS
        for number in range(count)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def description(listing: str, images: int) -> dict[str, Any]:
    """Return what ``dataset.json`` says."""
    return {
        "name": NAME,
        "version": VERSION,
        "source": "3-D models of the game 0 A.D., rendered with Mitsuba by tools/renders.py",
        "licence": "CC BY-SA 3.0",
        "attribution": "Images: 0 A.D. art by Wildfire Games, CC BY-SA 3.0, rendered for this lab",
        "sizes": [SIZE],
        "objects": list(OBJECTS),
        "contexts": list(CONTEXTS),
        "images": images,
        "checksum": hashlib.sha256(listing.encode()).hexdigest(),
    }


def write_archive(path: Path, members: Mapping[str, bytes]) -> None:
    """Write a zip file whose bytes depend on its members only."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.create_system = 3
            member.external_attr = 0o644 << 16
            archive.writestr(member, members[name])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written.getvalue())


def pack(work: Path, target: Path) -> None:
    """Pack the rendered set into ``images.zip`` of a folder."""
    rows = table()
    listing = rows.to_csv(index=False)
    about = json.dumps(description(listing, len(rows)), indent=2) + "\n"
    files = sorted({*rows["file_name"], *rows["mask"]})
    members = {name: (work / name).read_bytes() for name in files}
    members |= {"metadata.csv": listing.encode(), "dataset.json": about.encode()}
    write_archive(target / "images.zip", members)


def main() -> None:
    """Render what is missing, then pack the set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--art", type=Path, required=True, help="folder of the package 0ad-data")
    parser.add_argument("--work", type=Path, required=True, help="folder of the rendered files")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="samples per pixel")
    parser.add_argument("--scenes", type=int, help="scenes per split; packs nothing")
    options = parser.parse_args()
    renderer = Renderer(Art(options.art), options.samples)
    began, done = time.monotonic(), 0
    most = options.scenes or max(SCENES.values())
    scenes = [(split, n) for n in range(most) for split, count in SCENES.items() if n < count]
    for at, (split, number) in enumerate(scenes, 1):
        done += render_scene(renderer, split, number, options.work)
        if done and at % 20 == 0:
            pace = (time.monotonic() - began) / done
            print(f"{at} of {len(scenes)} scenes, {pace:.2f} s per scene", flush=True)
    if options.scenes is None:
        pack(options.work, TARGET)
        print(f"Packed into {TARGET}.", flush=True)


if __name__ == "__main__":
    main()
