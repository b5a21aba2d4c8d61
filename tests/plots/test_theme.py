"""The palettes keep what the module promises: colours apart in every vision, and off their
ground."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.plots.colouring import MOST_CATEGORIES
from vlcore.plots.theme import DARK, LIGHT, Palette

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
VISIONS = {
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / [0.95047, 1, 1.08883]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def seen(colours: tuple[str, ...], vision: str) -> list[np.ndarray]:
    return [lab(np.array(VISIONS[vision]) @ linear(colour)) for colour in colours]


def nearest(tones: list[np.ndarray], others: list[np.ndarray]) -> float:
    return min(float(np.linalg.norm(tone - other)) for tone in tones for other in others)


@pytest.mark.parametrize(("palette", "apart"), [(LIGHT, 24), (DARK, 27)], ids=["light", "dark"])
@pytest.mark.parametrize("vision", VISIONS)
def test_colours_stay_apart(palette: Palette, apart: float, vision: str) -> None:
    tones = seen((*palette.groups, palette.accent), vision)
    assert min(nearest([one], [other]) for one, other in combinations(tones, 2)) >= apart - 0.5


@pytest.mark.parametrize(("palette", "apart"), [(LIGHT, 16), (DARK, 18)], ids=["light", "dark"])
@pytest.mark.parametrize("vision", VISIONS)
def test_twelve_values_of_any_column_stay_apart(
    palette: Palette, apart: float, vision: str
) -> None:
    tones = seen(palette.categories, vision)
    assert len(tones) == MOST_CATEGORIES == 12
    least = min(nearest([tone], tones[:number]) for number, tone in enumerate(tones) if number)
    assert least >= (32 if vision == "normal" else apart)
    greys = seen((palette.other, palette.missing), vision)
    assert nearest(greys, tones) >= 14
    assert nearest(greys[:1], greys[1:]) >= 14


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("vision", VISIONS)
def test_more_is_further_from_the_ground_in_every_vision(palette: Palette, vision: str) -> None:
    tones = seen(palette.ramp, vision)
    ground, missing = seen((palette.ground, palette.missing), vision)
    away = [abs(tone[0] - ground[0]) for tone in tones]
    assert away == sorted(set(away))
    assert min(nearest([tone], [following]) for tone, following in pairwise(tones)) >= 5
    assert nearest([missing], tones) >= 11


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_stand_off_their_ground(palette: Palette) -> None:
    marks = (*palette.groups, palette.accent, *palette.categories, palette.other, palette.missing)
    assert min(contrast(colour, palette.ground) for colour in (*marks, *palette.ramp)) >= 3
    assert min(contrast(colour, palette.ground) for colour in (palette.text, palette.muted)) >= 4.5


def test_colours_follow_the_role_of_a_group() -> None:
    names = ("horse_grass", "horse_desert", "camel_desert", "camel_grass")
    assert LIGHT.colours(SCENES) == dict(zip(names, LIGHT.groups, strict=True))
    birds = Grouping(("landbird", "waterbird"), ("land", "water"))
    assert DARK.colours(birds)["waterbird_land"] == DARK.groups[3]
