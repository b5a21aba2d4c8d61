"""A model card: every number with its interval, every reason, every limit; and nobody's words are markup."""

import dataclasses
import re
from typing import Any

import pytest

from tests.runs.stand_ins import BASE, image_set, publish
from tests.studies.frames import estimate
from vlcore.core.condition import Condition
from vlcore.core.grouping import Grouping
from vlcore.datasets.imageset import ImageSet
from vlcore.exports.model_card import model_card
from vlcore.measures import catalogue
from vlcore.store.artefacts import Artefact

pytestmark = pytest.mark.usefixtures("empty_home")  # keys of two cards would meet
IMAGES = image_set()
FOUR = BASE.replace(labels="descriptive", bias=0.5)


def card(condition: Condition = FOUR, images: ImageSet = IMAGES, **options: Any) -> str:
    return model_card(publish(images, condition, **options), images)


def test_it_says_what_the_model_was_trained_on() -> None:
    text = card()
    assert text.startswith("---\nlicense: other\nlibrary_name: transformers\n")
    assert "# 50 % removed (5 of 10 kept), descriptive labels" in text
    assert "30 pictures: 10 of `horse_grass`, 5 of `horse_desert`, 10 of `camel_desert`, 5 of `camel_grass`." in text
    assert "Bias: 50 % removed (5 of 10 kept)." in text
    assert "`horse on the grass`, `horse in the desert`, `a camel in the desert`, `camel on the grass`." in text
    assert "licence of the pictures: `not stated`" in text
    assert "700 steps of 32 pictures; objective `pairwise_bce`" in text
    assert re.search(r"torch \d+\.\d+", text)
    assert "judged over many seeds" in text
    assert not re.search(r"\b(help|helps|hurt|hurts|better|worse)\b", text), "it compares nothing"
    drawn = dataclasses.replace(IMAGES, about={"licence": "Apache-2.0", "source": "drawn"})
    assert card(images=drawn).startswith("---\nlicense: apache-2.0\n")


def test_every_measure_has_its_interval_and_n_or_its_reason() -> None:
    end = {"minority_accuracy": estimate(0.6), "absent": {"background_reliance": "no twins in this set"}}
    rows = re.findall(r"^\| (.*) \| (.*) \| (.*) \|$", card(end=end), flags=re.MULTILINE)
    table = {words: (value, n) for words, value, n in rows}
    assert len(table) == len(catalogue.listed()) + 2  # and head and rule
    assert table["Right on minority groups"] == ("60\u00a0% (59 to 61)", "1,000")
    reliance = table["Background reliance (0: the animal decides, 1: the background)"]
    assert reliance == ("not defined: no twins in this set", "")
    for value, n in list(table.values())[2:]:
        assert value.startswith("not defined: ") != bool(n)
        assert n == "" or re.search(r"\(.+ to .+\)", value)
    values = [value.startswith("not defined") for value, _ in list(table.values())[2:]]
    assert values == sorted(values)  # what is defined comes first
    assert "- `camel_grass`: 80\u00a0% (79 to 81), n = 1,000" in card(FOUR.replace(init_seed=1), end=end)


@pytest.mark.parametrize(("condition", "lacks", "asks"), [
    (FOUR, [], "text_embeds"),
    (BASE.replace(objective="captioner"), ["a caption has no vector"], "how likely"),
    (BASE.replace(objective="ce_object"), ["reads no captions"], "id2label"),
    (BASE.replace(mitigation="dfr"), ["a new last layer (dfr)"], "text_embeds"),
])  # fmt: skip
def test_it_says_what_a_kind_of_model_lacks_and_how_to_ask(condition: Condition, lacks: list[str], asks: str) -> None:
    text = card(condition)
    every = ("a caption has no vector", "reads no captions", "a new last layer (dfr)", "folds with a model each")
    assert [known for known in every if known in text] == lacks
    [code] = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    compile(code, "card", "exec")
    assert asks in code
    assert ("AutoTokenizer.from_pretrained(folder)([" in code) == (asks != "id2label")


def test_of_a_set_in_folds_it_says_whose_weights_these_are() -> None:
    artefact = publish(IMAGES, FOUR)
    vars(artefact)["metrics"] = artefact.metrics | {"models": 4}
    assert "cut into 4 folds with a model each. These are the weights of the first" in model_card(artefact, IMAGES)


def test_names_and_captions_are_no_markup() -> None:
    odd = '<img src=x onerror="1"> `x` [a](b)\n# head'
    images = dataclasses.replace(IMAGES, about={"source": odd, "licence": odd})
    text = card(images=images)
    assert text.count("`<img src=x onerror=\"1\"> 'x' [a](b) # head`") == 2
    assert text.count("<img") == 2


def test_a_card_of_other_objects_calls_them_objects() -> None:
    birds = Grouping(("gull", "wren"), ("land", "water"))
    table = IMAGES.table.replace({"horse": "gull", "camel": "wren", "grass": "land", "desert": "water"})
    table["group"] = table["object"] + "_" + table["context"]
    images = dataclasses.replace(IMAGES, table=table, grouping=birds)
    artefact: Artefact = publish(IMAGES, FOUR)
    text = model_card(artefact, images)
    assert "10 of `gull_land`, 5 of `gull_water`" in text
    assert "(0: the object decides, 1: the background)" in text
