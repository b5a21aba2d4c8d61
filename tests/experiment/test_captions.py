"""Captions are the study's, to the letter; a style is a distribution over captions that know of
what they speak."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlcore.experiment import captions as wordings
from vlcore.experiment.captions import (
    CaptionError,
    caption,
    caption_index,
    captions_of,
    distinct_captions,
    template_fields,
)
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.experiment.options import style_names
from vlcore.scenes import COATS, SKIES

PETS = Grouping(("cat", "Sheep-dog"), ("sea side", "snow"))
FIXED = [style for style in style_names() if style != "own"]
PLAIN = ("horse in the desert", "camel in the desert", "camel on the grass")
SILENT = {"context", "constant"}  # styles that name no object


def pictures(per_group: int = 200) -> pd.DataFrame:
    rows = [
        (obj, context, json.dumps({"coat": COATS[i % len(COATS)], "sky": SKIES[i % len(SKIES)]}))
        for obj, context in SCENES.pairs
        for i in range(per_group)
    ]
    return pd.DataFrame(rows, columns=["object", "context", "factors"])


def said(style: str, seed: int = 0, template: str = "") -> tuple[pd.DataFrame, list[str]]:
    """Pictures and the caption that each one gets."""
    table = pictures()
    texts = distinct_captions(style, SCENES, template)
    return table, [
        texts[k] for k in caption_index(style, table, np.arange(len(table)), SCENES, seed, template)
    ]


@pytest.mark.parametrize(
    ("style", "captions"),
    [
        ("undescriptive", ("horse", "camel")),
        (
            "descriptive",
            (
                "horse on the grass",
                "horse in the desert",
                "a camel in the desert",
                "camel on the grass",
            ),
        ),
        ("descriptive-plain", ("horse on the grass", *PLAIN)),
        ("context", ("grass", "desert")),
        ("constant", ("a photo",)),
        ("clip_template", ("a photo of a horse", "a photo of a camel")),
        ("partial_minority", ("horse", "horse in the desert", "camel", "camel on the grass")),
        ("partial_0", ("horse", "camel")),
    ],
)
def test_the_captions_of_a_style_to_the_letter(style: str, captions: tuple[str, ...]) -> None:
    assert distinct_captions(style, SCENES) == captions


def test_other_objects_and_contexts_have_a_caption() -> None:
    for obj, place in (("cat", "in the snow"), ("cat", "on the beach"), ("horse", "in the attic")):
        context = place.split()[-1]
        grouping = Grouping((obj, "dog"), (context, "sky"))
        assert caption("descriptive", obj, context, grouping) == f"{obj} {place}"
        assert caption("undescriptive", obj, context, grouping) == obj


@pytest.mark.parametrize("style", FIXED)
@pytest.mark.parametrize("grouping", [SCENES, PETS])
def test_every_caption_knows_of_what_it_speaks(style: str, grouping: Grouping) -> None:
    captions = captions_of(style, grouping)
    assert len({one.text for one in captions}) == len(captions)
    assert wordings.about_style(style).endswith(".")
    for one in captions:
        assert (one.object in grouping.objects) == (style not in SILENT)
        assert one.context in ("", *grouping.contexts)
        for name in (*grouping.objects, *grouping.contexts):
            if (
                style not in ("opaque_group", "shuffled_context", "paraphrase_5", "paraphrase_20")
                and name in one.text
            ):
                assert name in (one.object, one.context)
    for obj, context in grouping.pairs:
        assert caption(style, obj, context, grouping) in {one.text for one in captions}


@pytest.mark.parametrize("style", FIXED)
def test_every_picture_gets_a_caption_that_is_true_of_it(style: str) -> None:
    table, texts = said(style)
    meaning = {one.text: one for one in captions_of(style, SCENES)}
    for (obj, context), text in zip(
        table[["object", "context"]].itertuples(index=False), texts, strict=True
    ):
        assert meaning[text].object in ("", obj)
        if not style.startswith("noisy"):
            assert meaning[text].context in ("", context)
    assert set(texts) == set(meaning)  # none is there for nothing


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 50))
def test_a_dose_is_part_of_every_higher_dose(low: int, high: int, seed: int) -> None:
    low, high = sorted((low, high))
    named = [
        {i for i, text in enumerate(said(f"partial_{dose}", seed)[1]) if " " in text}
        for dose in (low, high)
    ]
    assert named[0] <= named[1]
    assert len(named[1]) / 800 == pytest.approx(high / 100, abs=0.08)


def test_noise_placebo_and_doses_name_the_place_so_often() -> None:
    table, texts = said("noisy_25")
    wrong = [context not in text for context, text in zip(table["context"], texts, strict=True)]
    assert np.mean(wrong) == pytest.approx(0.25, abs=0.05)
    texts = said("shuffled_context")[1]
    counts = Counter(
        zip(
            table["context"],
            ["grass" if "grass" in text else "desert" for text in texts],
            strict=True,
        )
    )
    assert all(abs(count / 800 - 0.25) < 0.05 for count in counts.values()), (
        "the placebo knows nothing of the place"
    )
    assert set(texts) == {"horse on the grass", *PLAIN}
    for group, text in zip(
        table["object"] + "_" + table["context"], said("partial_minority")[1], strict=True
    ):
        assert (" " in text) == (group in SCENES.minority)


def test_an_attribute_is_that_of_the_picture() -> None:
    table, texts = said("attribute_other")
    assert all(
        f'"{text.split()[0]}"' in factors
        for text, factors in zip(texts, table["factors"], strict=True)
    )
    with pytest.raises(CaptionError, match="no known coat"):
        caption_index("attribute_other", table.assign(factors=""), np.arange(3), SCENES, 0)


def test_the_sky_is_that_of_the_image_and_a_synonym_is_nobodys() -> None:
    table, texts = said("sky")
    skies = [json.loads(factors)["sky"] for factors in table["factors"]]
    named = {(sky, text.split()[2]) for sky, text in zip(skies, texts, strict=True)}
    assert {sky: light for sky, light in named} == dict(
        clear="bright", deep="bright", pale="bright", dawn="dim", dusk="dim", overcast="dim"
    )
    assert len(named) == len(SKIES)
    with pytest.raises(CaptionError, match="no known sky"):
        caption_index("sky", table.assign(factors="{}"), np.arange(3), SCENES, 0)
    table, texts = said("synonym")
    counts = Counter(zip(table["object"], table["context"], texts, strict=True))
    assert all(count == pytest.approx(100, abs=30) for count in counts.values())
    assert len(counts) == 8


def test_a_picture_keeps_its_caption_whatever_stands_beside_it() -> None:
    table = pictures()
    everything = caption_index("paraphrase_5", table, np.arange(800), SCENES, 3)
    some = np.array([700, 3, 99])
    assert (
        caption_index("paraphrase_5", table, some, SCENES, 3).tolist() == everything[some].tolist()
    )
    assert not np.array_equal(
        everything, caption_index("paraphrase_5", table, np.arange(800), SCENES, 4)
    )
    shares = np.bincount(everything, minlength=20) / 800
    assert shares == pytest.approx(np.full(20, 1 / 20), abs=0.03)


def test_own_templates() -> None:
    captions = captions_of("own", SCENES, "one {object} seen {place}")
    assert captions[1].text == "one horse seen in the desert"
    assert (captions[1].object, captions[1].context) == ("horse", "desert")
    assert [one.object for one in captions_of("own", SCENES, "the {context}")] == ["", ""]
    assert template_fields("{object}, {place}") == {"object", "place"}


@pytest.mark.parametrize(
    "template",
    [
        "",
        "  ",
        "the same for all",
        "{animal}",
        "{object!r}",
        "{object:>9}",
        "{",
        "a {} b",
        "{0}",
        "<b>{object}</b>",
        "![x](http://y) {object}",
        "{object} " * 20,
        "{object.__class__}",
    ],
)
def test_templates_that_are_refused(template: str) -> None:
    with pytest.raises(CaptionError, match="cannot be used"):
        template_fields(template)


def test_styles_that_do_not_exist() -> None:
    wrong = (
        "poetic partial partial_x partial_² partial_101 partial_05 noisy_0 paraphrase_21 constant_3"
    )
    for name in wrong.split():
        with pytest.raises(CaptionError, match="abel style"):
            wordings.find_style(name)
