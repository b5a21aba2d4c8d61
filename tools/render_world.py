"""Scenes of the image set `renders`: their factors, their animals, land and light.

A scene is drawn from its split and its number, before any pixel exists. Nothing here needs the
renderer. In the world Z is up, and the camera looks along +y.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import gaussian_filter

from tools import zero_ad
from tools.zero_ad import Art, Floats

SCENES = {"train": 300, "val": 48, "probe": 100, "test": 340}
OBJECTS, CONTEXTS = ("horse", "camel"), ("grass", "desert")
SEED = 2026
SIZE = 128  # pixels
FIELD = 40  # degrees, of the camera
BORDER = 0.13  # of the image on each side, where no animal is

MESHES = ("horse", "barb", "celtic", "marwari", "persian", "tessalian")
# Names of coats that `vlcore.scenes` knows, each with horses and a camel of about its brightness.
COATS = {
    "bay": (("horse_bay_02",), "hair_brown", "animal_camel_a"),
    "brown": (("horse_tan",), "hair_brown", "animal_camel_a"),
    "chestnut": (("horse_dark_chestnut", "horse_cherrybay"), "hair_brown", "animal_camel_a"),
    "cream": (("horse_cream_spotted_01",), "hair_brown", "animal_camel_b"),
    "dun": (("horse_halflinger",), "hair_beige", "animal_camel_b"),
    "sand": (("horse_beige", "horse_palomino_02"), "hair_white", "animal_camel_c"),
}
POSES = {"standing": "idle_01", "walking": "walk", "trotting": "trot"}
GROUNDS = {
    "grass": (
        "alpine_grass_a",
        "alpine_grass_b",
        "new_alpine_grass_b",
        "new_alpine_grass_d",
        "steppe_grass_green_a",
        "temp_grass",
        "temp_grass_c",
        "temp_grass_d",
        "temp_grass_long",
        "temp_grass_mossy",
    ),
    "desert": (
        "desert_sahara",
        "desert_sand_dunes_100",
        "desert_sand_dunes_50",
        "desert_sand_smooth",
        "desert_wave",
        "sahara/sand_01",
        "sahara/sand_04",
        "sand",
        "sand_dunes",
        "sand_sahara",
    ),
}
NEUTRAL = (0.30, 0.27, 0.20)  # light that the ground reflects to an animal, on both grounds
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True)
class Sky:
    """A sky and its light; colours are linear RGB, 1 is white on the screen."""

    horizon: tuple[float, float, float]
    middle: tuple[float, float, float]  # 20 degrees above the horizon
    zenith: tuple[float, float, float]
    sun: tuple[float, float, float]
    elevation: tuple[float, float]  # of the sun in degrees, lowest and highest
    light: float  # a white plate on the ground, lit by sun and sky
    clouds: float  # contrast
    haze: float  # metres after which a third of a colour is left


SKIES = {
    "clear": Sky((0.60, 0.72, 0.86), (0.30, 0.49, 0.79), (0.12, 0.26, 0.60),
                 (1.0, 0.95, 0.86), (32, 58), 1.30, 0.45, 700),
    "morning": Sky((0.95, 0.86, 0.68), (0.62, 0.71, 0.80), (0.30, 0.44, 0.66),
                   (1.0, 0.86, 0.64), (24, 36), 1.20, 0.25, 500),
    "overcast": Sky((0.25, 0.26, 0.28), (0.22, 0.23, 0.25), (0.95, 0.98, 1.02),
                    (1.0, 0.98, 0.95), (40, 60), 0.62, 0.25, 500),
    "dusk": Sky((0.40, 0.18, 0.08), (0.20, 0.12, 0.11), (0.34, 0.31, 0.42),
                (1.0, 0.72, 0.48), (22, 34), 0.55, 0.30, 600),
}  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """The factors of a scene. Lengths in the image are shares of its side, angles are radians."""

    sky: str
    coat: str
    mesh: str
    skin: int  # which of the horses of a coat
    pose: str
    phase: float
    heading: float  # 0 faces right, pi faces left
    size: float  # square root of the area of the animal's box
    aspect: float  # width by height of the box, compared with the middle of horse and camel
    x: float
    y: float  # where the feet stand
    horizon: float
    height: float  # of the camera in metres
    sun_azimuth: float  # 0 behind the viewer, positive to the right
    sun_elevation: float
    exposure: float
    tint: tuple[float, float, float]  # of both animals
    grass: str
    desert: str
    turf: tuple[float, float, float, float]  # of the ground's texture: turn, two shifts, scale
    seed: int  # of hills, clouds and the renderer

    def factors(self, context: str) -> str:
        """Return the factors as JSON, with the ground of a context only."""
        values = {
            "sky": self.sky,
            "coat": self.coat,
            "mesh": self.mesh,
            "pose": self.pose,
            "phase": round(self.phase, 2),
            "heading": round(self.heading, 2),
            "size": round(self.size, 3),
            "sun": round(self.sun_azimuth, 2),
            "ground": getattr(self, context),
        }
        return json.dumps(values)


def scene_of(split: str, number: int) -> Scene:
    """Return a scene. Its factors depend on split and number only."""
    random = np.random.default_rng([SEED, list(SCENES).index(split), number])

    def one_of(values: Any) -> Any:
        return tuple(values)[int(random.integers(len(values)))]

    sky = one_of(SKIES)
    coat = one_of(COATS)
    turn = random.uniform(-0.5, 0.95)  # away from the viewer, towards the viewer
    size = random.uniform(0.38, 0.70)
    # A large animal stands nearer to the lower edge.
    y = min(1 - BORDER, random.uniform(0.68, 0.82) + 0.30 * (size - 0.38))
    room = 0.5 - 0.60 * size
    return Scene(
        sky=sky,
        coat=coat,
        mesh=one_of(MESHES),
        skin=int(random.integers(12)),
        pose=one_of(POSES),
        phase=random.uniform(),
        heading=turn if random.uniform() < 0.5 else math.pi - turn,
        size=size,
        aspect=math.exp(random.normal(0, 0.03)),
        x=0.5 + random.uniform(-room, room),
        y=y,
        horizon=random.uniform(0.30, 0.48),
        height=random.uniform(1.4, 2.0),
        sun_azimuth=random.uniform(-1.2, 1.2),
        sun_elevation=math.radians(random.uniform(*SKIES[sky].elevation)),
        exposure=math.exp(random.normal(0, 0.08)),
        tint=tuple(np.exp(random.normal(0, [0.07, 0.03, 0.07])).tolist()),
        grass=one_of(GROUNDS["grass"]),
        desert=one_of(GROUNDS["desert"]),
        turf=(
            random.uniform(0, 2 * math.pi),
            random.uniform(),
            random.uniform(),
            random.uniform(2.6, 4.2),
        ),
        seed=int(random.integers(2**31)),
    )


class Camera:
    """A camera above the origin that looks along +y; Z is up and x grows to the right."""

    def __init__(self, height: float, horizon: float) -> None:
        self.height = height
        self.focus = 0.5 / math.tan(math.radians(FIELD) / 2)
        self.pitch = math.atan((0.5 - horizon) / self.focus)  # downwards

    def project(self, places: Floats) -> Floats:
        """Return positions in the image, (n, 2), as shares of its side from the upper left."""
        x, y, z = places[:, 0], places[:, 1], places[:, 2] - self.height
        depth = y * math.cos(self.pitch) - z * math.sin(self.pitch)
        up = y * math.sin(self.pitch) + z * math.cos(self.pitch)
        return np.stack([0.5 + self.focus * x / depth, 0.5 - self.focus * up / depth], axis=1)

    def distance(self, row: float) -> float:
        """Return how far away the ground is that is seen at a height of the image."""
        return self.height / math.tan(self.pitch + math.atan((row - 0.5) / self.focus))


@dataclass(frozen=True, eq=False)
class Part:
    """A textured mesh in the world: the body of an animal, its mane or its tail."""

    places: Floats
    normals: Floats
    texture: Floats
    faces: NDArray[np.int64]
    skin: str
    opaque: NDArray[np.bool_]  # vertices that can be seen


Box = tuple[float, float, float, float]  # left, top, right, bottom


def box_of(parts: list[Part], camera: Camera) -> Box:
    """Return the box of an animal in the image."""
    seen = np.concatenate([camera.project(part.places[part.opaque]) for part in parts])
    return (*seen.min(axis=0).tolist(), *seen.max(axis=0).tolist())


def animal_parts(art: Art, scene: Scene, animal: str) -> list[Part]:
    """Return an animal as it stands at the origin, with its heading and its feet on the ground."""
    horses, hair, camel = COATS[scene.coat]
    if animal == "horse":
        name = "horse" if scene.mesh == "horse" else f"horse_{scene.mesh}"
        models = {
            f"skeletal/{name}": f"skins/skeletal/{horses[scene.skin % len(horses)]}",
            "props/horse/hair_mane_01": f"skins/props/horse/{hair}",
            "props/horse/hair_tail_01": f"skins/props/horse/{hair}",
        }
    else:
        models = {"skeletal/camel": f"skins/skeletal/{camel}"}
    pose = zero_ad.pose_at(art.animation(f"{animal}_{POSES[scene.pose]}"), scene.phase)
    angle = math.pi / 2 - scene.heading
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    parts = []
    for model, skin in models.items():
        mesh = art.mesh(model)
        places, normals = (
            zero_ad.upright(vectors) @ turn.T for vectors in zero_ad.skinned(mesh, pose)
        )
        opaque = np.ones(len(places), bool)
        if "hair" in model:
            alpha = art.picture(skin)[..., 3]
            rows, columns = alpha.shape
            at = (mesh.texture % 1 * [columns, rows]).astype(int)
            opaque = alpha[at[:, 1], at[:, 0]] > 100
        parts.append(Part(places, normals, mesh.texture, mesh.faces, skin, opaque))
    low = np.min([part.places[:, 2].min() for part in parts])
    body = parts[0].places
    middle = (body.min(axis=0) + body.max(axis=0)) / 2
    origin = np.array([middle[0], middle[1], low])
    return [moved(part, -origin, 1, 1) for part in parts]


def moved(part: Part, shift: Floats, across: float, up: float) -> Part:
    """Return a part that is shifted, then stretched about the origin."""
    stretch = np.array([across, across, up])
    normals = part.normals / stretch
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    places = (part.places + shift) * stretch
    return Part(places, normals, part.texture, part.faces, part.skin, part.opaque)


def framed(parts: list[Part], camera: Camera, box: Box) -> list[Part]:
    """Return an animal that is moved and stretched until it fills a box of the image."""
    # Large animals that face the viewer need small steps.
    for steps, pace in ((25, 1.0), (200, 0.3)):
        placed = _fitted(parts, camera, box, steps, pace)
        if np.abs(np.subtract(box_of(placed, camera), box)).max() < 0.002:
            break
    return placed


def _fitted(parts: list[Part], camera: Camera, box: Box, steps: int, pace: float) -> list[Part]:
    left, top, right, bottom = box
    across, up, x, y = 1.0, 1.0, 0.0, camera.distance(bottom)
    for _ in range(steps):
        placed = [moved(part, np.zeros(3), across, up) for part in parts]
        placed = [moved(part, np.array([x, y, 0.0]), 1, 1) for part in placed]
        now = box_of(placed, camera)
        across *= ((right - left) / (now[2] - now[0])) ** pace
        up *= ((bottom - top) / (now[3] - now[1])) ** (0.8 * pace)
        x += pace * ((left + right) - (now[0] + now[2])) / 2 * y / camera.focus
        y *= (camera.distance(bottom) / camera.distance(now[3])) ** pace
    return placed


def framed_animals(art: Art, scene: Scene, camera: Camera) -> dict[str, list[Part]]:
    """Return both animals of a scene, in the same box of the image."""
    animals = {animal: animal_parts(art, scene, animal) for animal in OBJECTS}
    distance = camera.distance(scene.y)
    aspects = []
    for parts in animals.values():
        size = scene.size * distance / camera.focus / np.ptp(parts[0].places[:, 2])
        far = [moved(part, np.zeros(3), size, size) for part in parts]
        far = [moved(part, np.array([0.0, distance, 0.0]), 1, 1) for part in far]
        left, top, right, bottom = box_of(far, camera)
        aspects.append((right - left) / (bottom - top))
    aspect = math.sqrt(aspects[0] * aspects[1]) * scene.aspect
    width, height = scene.size * math.sqrt(aspect), scene.size / math.sqrt(aspect)
    height, width = min(height, scene.y - BORDER), min(width, 1 - 2 * BORDER)
    x = min(max(scene.x, BORDER + width / 2), 1 - BORDER - width / 2)
    box = (x - width / 2, scene.y - height, x + width / 2, scene.y)
    return {animal: framed(parts, camera, box) for animal, parts in animals.items()}


def shadow(animals: Mapping[str, list[Part]], camera: Camera, light: Floats, blur: float) -> Floats:
    """Return the shadow of a direction of light on flat ground, 0 to 1, (SIZE, SIZE): the average
    of the shadows of both animals."""
    scale = 4
    total = np.zeros((SIZE, SIZE))
    for parts in animals.values():
        canvas = Image.new("L", (SIZE * scale, SIZE * scale))
        draw = ImageDraw.Draw(canvas)
        for part in parts:
            fallen = part.places - light * (part.places[:, 2:] / light[2])
            seen = camera.project(fallen) * SIZE * scale
            shown = part.faces[part.opaque[part.faces].all(axis=1)]
            for corners in seen[shown]:
                draw.polygon([tuple(corner) for corner in corners], fill=255)
        canvas = canvas.filter(ImageFilter.GaussianBlur(blur * scale))
        total += np.asarray(canvas.resize((SIZE, SIZE), Image.Resampling.BOX)) / 255
    return total / len(animals)


def terrain(scene: Scene, camera: Camera) -> tuple[Floats, NDArray[np.int64]]:
    """Return places and faces of a land that is flat near the viewer, with hills far away."""
    random = np.random.default_rng([SEED, scene.seed])
    azimuths, ranges = np.linspace(-0.62, 0.62, 97), np.geomspace(1.0, 400, 121)
    noise = np.zeros((len(ranges), len(azimuths)))
    for width in (3, 7, 16):
        rough = gaussian_filter(random.normal(size=noise.shape), (width * 0.8, width), mode="wrap")
        noise += rough / rough.std() * width / 16
    far = np.clip(np.log(ranges / 18) / math.log(400 / 18), 0, 1)[:, None]
    # Elevations above the horizon of the flat land; the last ring hides its edge.
    relief = random.uniform(0.010, 0.045)
    elevation = far * relief * noise + 0.012 * np.clip(far * 8 - 7, 0, 1)
    elevation = np.where(far > 0, elevation, 0)
    elevation[-1] = np.maximum(elevation[-1], 0.012 + camera.height / ranges[-1])
    heights = ranges[:, None] * elevation
    x, y = ranges[:, None] * np.sin(azimuths), ranges[:, None] * np.cos(azimuths)
    places = np.stack([x, y, heights], axis=2).reshape(-1, 3)
    columns = len(azimuths)
    first = (np.arange(len(ranges) - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    lower = np.stack([first, first + 1, first + columns], axis=1)
    upper = np.stack([first + 1, first + columns + 1, first + columns], axis=1)
    return places, np.concatenate([lower, upper])


@dataclass(frozen=True, eq=False)
class Light:
    """The light of a scene, linear RGB."""

    dome: NDArray[np.float32]  # light by elevation, the zenith first, and by azimuth
    ambient: Floats  # a white plate on the ground in the light of the sky
    sun: Floats  # towards the sun, a unit vector
    plate: Floats  # a white plate that faces the sun
    shaded: Floats  # share of the light on the ground that a shadow takes
    haze: Floats  # colour at the horizon


def light_of(scene: Scene) -> Light:
    """Return the light of a scene."""
    sky = SKIES[scene.sky]
    random = np.random.default_rng([SEED, scene.seed, 1])
    rows, columns = 128, 512
    elevation = (0.5 - (np.arange(rows) + 0.5) / rows) * math.pi
    stops = np.radians([0, 20, 90])
    colours = np.stack(
        [
            np.interp(elevation, stops, [sky.horizon[c], sky.middle[c], sky.zenith[c]])
            for c in range(3)
        ],
        axis=1,
    )
    clouds = gaussian_filter(random.normal(size=(rows, columns)), (1.2, 7), mode="wrap")
    clouds += 0.6 * gaussian_filter(random.normal(size=(rows, columns)), (0.6, 2.5), mode="wrap")
    clouds = np.clip(clouds / clouds.std() - random.uniform(-0.3, 1.2), 0, 1.5) / 1.5
    clouds *= sky.clouds * np.clip(elevation / 0.06, 0, 1)[:, None]
    white = np.maximum(colours, np.array(sky.horizon)[None] * 1.12)
    dome = colours[:, None] * (1 - clouds[..., None]) + white[:, None] * clouds[..., None]

    above = elevation > 0
    ring = np.cos(elevation) * np.sin(elevation) * (math.pi / rows) * (2 * math.pi / columns)
    sky_light = (dome[above].sum(axis=1) * ring[above, None]).sum(axis=0) / math.pi
    missing = sky.light - sky_light @ LUMINANCE
    missing = max(missing, 0.06 * sky.light)
    sun_colour = np.array(sky.sun) / (np.array(sky.sun) @ LUMINANCE)
    sun_light = missing * sun_colour
    total = sky_light + sun_light
    dome[~above] = np.array(NEUTRAL) * total
    azimuth, height = scene.sun_azimuth, scene.sun_elevation
    sun = np.array(
        [
            math.sin(azimuth) * math.cos(height),
            -math.cos(azimuth) * math.cos(height),
            math.sin(height),
        ]
    )
    plate = sun_light / math.sin(height)
    haze = dome[np.flatnonzero(above)[-1]].mean(axis=0)
    return Light(dome.astype(np.float32), sky_light, sun, plate, sun_light / total, haze)
