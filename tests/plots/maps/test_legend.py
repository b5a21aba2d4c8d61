"""The legend of maps: an entry for each thing that is drawn, and the images of an entry."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from tests.plots.maps.examples import COLOURINGS, EVERYTHING, POINTS
from tests.plots.test_theme import VISIONS, contrast, seen
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.plots.colouring import GROUPS, OBJECTS, LegendEntry
from vlcore.plots.maps.legend import legend_entries, rows_of_entries
from vlcore.plots.options import OVERLAYS, PLAIN, MapOptions
from vlcore.plots.theme import DARK, LIGHT, Palette


def legend(palette: Palette = LIGHT, **changes: Any) -> dict[str, LegendEntry]:
    """The entries by their names."""
    look = {"grouping": SCENES, "options": PLAIN, "colouring": GROUPS}
    look |= {"has_captions": True, "has_uploads": False, "arrow_kinds": ()}
    entries = legend_entries(palette, **look | changes)
    names = [entry.name for entry in entries]
    assert len(set(names)) == len(names)
    return dict(zip(names, entries, strict=True))


# Those of any column are in `test_theme`.
WITH_COLOURS_OF_THEIR_OWN = [name for name, colouring in COLOURINGS.items() if not colouring.title]


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("colour_by", WITH_COLOURS_OF_THEIR_OWN)
def test_colours_of_rows_differ_from_their_ground_and_each_other(
    palette: Palette, colour_by: str
) -> None:
    colouring = COLOURINGS[colour_by]
    names = [f"{colouring.column} {one.name}" for one in colouring.entries(palette, SCENES)]
    entries = legend(palette, colouring=colouring)
    colours = [entries[name].colour for name in names]
    assert min(contrast(colour, palette.ground) for colour in colours) >= 3
    for vision in VISIONS:
        pairs = combinations(seen(tuple(colours), vision), 2)
        assert min(np.linalg.norm(first - second) for first, second in pairs) >= 23.5


@pytest.mark.parametrize("name", COLOURINGS)
def test_every_value_of_a_row_has_an_entry(name: str) -> None:
    colouring = COLOURINGS[name]
    entries = legend(colouring=colouring)
    for pane in (0, 1):
        values = POINTS.loc[POINTS[f"x{pane}"].notna(), colouring.column_of(pane)]
        assert {f"{colouring.column} {value}" for value in values} <= set(entries)


def test_shapes_and_fillings_mean_what_the_legend_says() -> None:
    plain = legend()
    groups = [plain[f"group {name}"] for name in SCENES.names]
    assert [entry.shape for entry in groups] == ["circle"] * 2 + ["triangle-up"] * 2
    assert [entry.colour for entry in groups] == list(LIGHT.groups)
    assert plain["kind training"].filled
    assert not plain["kind test"].filled
    # Where shapes are of no colour, they have entries of their own.
    assert {"object horse", "object camel"} <= set(legend(colouring=COLOURINGS["weather"]))
    # In frames, no circle stands for a horse.
    pictures = legend(options=PLAIN.replace(images=True))
    assert {pictures[f"group {name}"].shape for name in SCENES.names} == {"square"}
    assert "object horse" not in pictures


def test_each_thing_that_is_drawn_is_explained_and_nothing_else() -> None:
    everything = legend(
        options=EVERYTHING, has_uploads=True, arrow_kinds=("other background", "other animal")
    )
    more = {"upload", "arrow: other background", "arrow: other animal"}
    more |= set(OVERLAYS) - {"images", "twins"}
    assert more <= set(everything)
    assert not more & set(legend())
    assert "caption" not in legend(has_captions=False)
    odd = Grouping(('a "b"', "c'd"), ("e", "f"))
    assert 'object a "b"' in legend(grouping=odd, colouring=OBJECTS)
    filtered = legend(options=MapOptions(groups=("horse_desert",), split="training"))
    assert {name for name in filtered if name.startswith(("group", "kind"))} == {
        "group horse_desert",
        "kind training",
    }


@pytest.mark.parametrize(
    ("names", "condition"),
    [
        ([], "id == id"),
        (["group horse_desert"], "group == 'horse_desert'"),
        (["object camel"], "object == 'camel'"),
        (["minority true"], "minority"),
        (["says horse", "says none"], "says_1 != 'camel'"),
        (["object camel", "caption"], "id == id"),
    ],
)
def test_an_entry_finds_its_images(names: list[str], condition: str) -> None:
    found = POINTS[rows_of_entries(POINTS, names, "1")]
    assert found["id"].tolist() == POINTS.query(condition)["id"].tolist()
