"""A title says the bias, the labels, and whatever else is not the usual choice."""

from __future__ import annotations

import pytest

from vlcore.conditions import Condition
from vlcore.runs.titles import title


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Condition(), "No bias, short labels"),
        (Condition(bias=0.75, labels="descriptive"), "75 % removed (12 of 48 kept), descriptive labels"),
        (Condition(negatives="none"), "No bias, short labels, positives only"),
        (Condition(architecture="seed_faithful", bias=1), "100 % removed (0 of 48 kept), short labels, linear patches"),
        (Condition(steps=0, bias=0.75), "Untrained encoder, short labels"),
        (Condition(labels="partial_25"), "No bias, labels partial_25"),
        (Condition(labels="own", template="one {object}"), "No bias, labels “one {object}”"),
        (Condition(objective="ce_object"), "No bias, short labels, classifier of objects"),
        (Condition(objective="infonce", mitigation="dfr"), "No bias, short labels, infonce, dfr"),
        (Condition(negatives="product", logit="affine"), "No bias, short labels, product, affine"),
        (
            Condition(bias=0.75, objective="pretrained_probe", architecture="clip:tiny@01234567", steps=0),
            "Pretrained tiny, linear probe, 75 % removed (12 of 48 kept), short labels",
        ),
        (
            Condition(objective="pretrained", mitigation="dfr", architecture="clip:openai/clip-vit", steps=0),
            "Pretrained clip-vit, dfr, no bias, short labels",
        ),
        (Condition(architecture="torchvision:resnet18"), "No bias, short labels, frozen resnet18"),
        (Condition(architecture="torchvision:resnet18@random"), "No bias, short labels, frozen random resnet18"),
        (
            Condition(bias=0.75, size_mode="fixed_total"),
            "as biased as 75 % removed, total kept (77 and 19 a group), short labels",
        ),
    ],
)
def test_titles_say_what_differs(condition: Condition, words: str) -> None:
    assert title(condition) == words
