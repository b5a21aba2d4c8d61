"""Captions are the study's, to the letter; each knows of what it speaks."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from vlcore.experiment.captions import caption, caption_index, captions_of, distinct_captions
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.experiment.options import LABEL_STYLES, style_names
from vlcore.experiment.templates import CaptionError, fixed_fields, template_fields, wordings_of
from vlcore.experiment.vocabulary import Vocabulary, check_captions
from vlcore.scenes import COATS, SKIES, sample

PETS = Grouping(("cat", "Sheep-dog"), ("sea side", "snow"))
FIXED = [style for style in style_names() if style != "own"]
PLAIN = ("horse on the grass", "horse in the desert", "camel in the desert", "camel on the grass")
COUNT = 800
ROWS = np.arange(COUNT)
FACTORS = pd.DataFrame({"coat": np.resize(COATS, COUNT // 4), "sky": np.resize(SKIES, COUNT // 4)})
TABLE = pd.DataFrame(
    [
        (*pair, json.dumps(factors))
        for pair in SCENES.pairs
        for factors in FACTORS.to_dict("records")
    ],
    columns=["object", "context", "factors"],
)


def texts_of(style: str, seed: int = 0) -> list[str]:
    """The caption that each image of `TABLE` gets."""
    texts = distinct_captions(style, SCENES)
    return [texts[k] for k in caption_index(style, TABLE, ROWS, SCENES, seed)]


# Of each style in drawn scenes, to the letter.
CAPTIONS = {
    "undescriptive": ("horse", "camel"),
    "descriptive": (*PLAIN[:2], "a camel in the desert", PLAIN[3]),
    "descriptive-plain": PLAIN,
    "constant": ("a photo",),
    "shuffled_context": (*PLAIN[:2], PLAIN[3], PLAIN[2]),
    "sky": (
        "horse under bright skies",
        "horse under dim skies",
        "camel under bright skies",
        "camel under dim skies",
    ),
    "synonym": ("one horse", "single horse", "one camel", "single camel"),
}


@pytest.mark.parametrize("style", [style for style in LABEL_STYLES if style != "own"])
def test_the_captions_of_a_style_to_the_letter(style: str) -> None:
    assert distinct_captions(style, SCENES) == CAPTIONS[style]


@pytest.mark.parametrize("style", FIXED)
@pytest.mark.parametrize("grouping", [SCENES, PETS])
def test_every_caption_knows_of_what_it_speaks(style: str, grouping: Grouping) -> None:
    captions = captions_of(style, grouping)
    texts = {one.text for one in captions}
    assert len(texts) == len(captions)
    hiding = LABEL_STYLES[style].random_context
    for one in captions:
        assert one.object in grouping.objects
        assert one.context in ("", *grouping.contexts)
        for name in (*grouping.objects, *grouping.contexts):
            assert hiding or name not in one.text or name in (one.object, one.context)
    for pair in grouping.pairs:
        assert caption(style, *pair, grouping) in texts


@pytest.mark.parametrize("style", FIXED)
def test_every_picture_gets_a_caption_that_is_true_of_it(style: str) -> None:
    texts = texts_of(style)
    meaning = {one.text: one for one in captions_of(style, SCENES)}
    for obj, context, text in zip(TABLE["object"], TABLE["context"], texts, strict=True):
        assert meaning[text].object in ("", obj)
        assert meaning[text].context in ("", context)
    assert set(texts) == set(meaning)  # none is there for nothing


def test_the_placebo_names_each_background_equally_often() -> None:
    contexts = TABLE["context"]
    placebo = texts_of("shuffled_context")
    counts = Counter(zip(contexts, [text.split()[-1] for text in placebo], strict=True))
    assert len(counts) == 4
    assert all(count / COUNT == pytest.approx(0.25, abs=0.05) for count in counts.values())


def test_the_sky_is_that_of_the_image_and_a_synonym_is_nobodys() -> None:
    skies = [json.loads(factors)["sky"] for factors in TABLE["factors"]]
    named = {(sky, text.split()[2]) for sky, text in zip(skies, texts_of("sky"), strict=True)}
    assert dict(named) == dict(
        clear="bright", deep="bright", pale="bright", dawn="dim", dusk="dim", overcast="dim"
    )
    assert len(named) == len(SKIES)
    with pytest.raises(CaptionError, match="no known sky"):
        caption_index("sky", TABLE.assign(factors="{}"), ROWS, SCENES, 0)
    columns = (TABLE["object"], TABLE["context"], texts_of("synonym"))
    counts = Counter(zip(*columns, strict=True))
    assert len(counts) == 8
    assert all(count == pytest.approx(100, abs=30) for count in counts.values())


def test_a_picture_keeps_its_caption_whatever_stands_beside_it() -> None:
    everything = caption_index("synonym", TABLE, ROWS, SCENES, 3)
    some = np.array([700, 3, 99])
    np.testing.assert_array_equal(
        caption_index("synonym", TABLE, some, SCENES, 3), everything[some]
    )
    assert (everything != caption_index("synonym", TABLE, ROWS, SCENES, 4)).any()


@pytest.mark.parametrize(
    "template",
    [
        "",
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
        "[{object}",
        "[[a|b]] {object}",
        "[<b>|a] {object}",
    ],
)
def test_templates_that_are_refused(template: str) -> None:
    with pytest.raises(CaptionError, match="cannot be used"):
        template_fields(template)


RICH = "[a|the] {size} {tone} {object} {pose} {heading} under {sky} skies {place}"


def test_a_template_names_what_each_image_shows() -> None:
    scenes = [sample(*pair, split="train", index=n) for pair in SCENES.pairs for n in range(40)]
    rows = [(one.object, one.context, json.dumps(one.factors())) for one in scenes]
    table = pd.DataFrame(rows, columns=["object", "context", "factors"])
    texts = distinct_captions("own", SCENES, RICH)
    check_captions(texts, Vocabulary.from_grouping(SCENES, texts))
    assert len(texts) == 4 * 2**5 * 2
    index = caption_index("own", table, np.arange(len(table)), SCENES, 0, RICH)
    assert {texts[number].split()[0] for number in index} == {"a", "the"}
    for number, scene in zip(index, scenes, strict=True):
        _, size, tone, obj, pose, heading, _, sky, *_ = texts[number].split()
        assert obj == scene.object
        assert (size == "large") == (scene.size > 0.67)
        assert (tone == "pale") == (scene.coat in ("cream", "dun", "sand"))
        assert (pose == "moving") == (scene.pose in ("walking", "trotting"))
        assert (heading == "left") == (np.cos(scene.heading) < 0)
        assert (sky == "dim") == (scene.sky in ("dawn", "dusk", "overcast"))
    with pytest.raises(CaptionError, match="no known sky"):
        caption_index("own", table.assign(factors="{}"), np.arange(4), SCENES, 0, RICH)


def test_choices_of_words_are_captions_of_their_own() -> None:
    assert wordings_of("[a|one] {object}[ {place}|]") == [
        "a {object} {place}",
        "a {object}",
        "one {object} {place}",
        "one {object}",
    ]
    captions = captions_of("own", SCENES, "[a|one] {object}[ {place}|]")
    assert len(captions) == 2 * (4 + 2)
    assert {one.context for one in captions if " the " in one.text} == set(SCENES.contexts)
    assert {one.context for one in captions if " the " not in one.text} == {""}


def test_a_template_that_makes_too_many_captions_is_refused() -> None:
    choices = " ".join(["[a|b|c|d|e|f|g|h]"] * 4)
    with pytest.raises(CaptionError, match="makes 8,192 captions"):
        template_fields(f"{choices} {{object}}")
    with pytest.raises(CaptionError, match="differs between images"):
        fixed_fields("{object} under {sky} skies")
    assert fixed_fields("a {object} {place}") == {"object", "place"}
