"""In what the models of a comparison differ: one knob, and what changed has one cause; more, and it has not.

The one idea: two conditions are compared field by field, so that nothing that changes a result can be overlooked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from itertools import combinations

from vlcore.conditions import Condition

_WORDS = {
    "data": "image set",
    "data_version": "version of the image set",
    "bias": "bias",
    "labels": "labels",
    "template": "caption template",
    "objective": "objective",
    "negatives": "mismatched captions",
    "logit": "score",
    "mitigation": "mitigation",
    "size_mode": "size of the biased set",
    "architecture": "image encoder",
    "n_per_group": "pictures of a group",
    "steps": "steps",
    "batch_size": "batch size",
    "data_seed": "choice of pictures",
    "init_seed": "first weights and order",
}
# Turned together by one control: the first, and what it sets as well.
_ONE_KNOB = (("data", "data_version"), ("data_seed", "init_seed"), ("labels", "template"))
_TOGETHER = {"data_seed": "seed"}  # what a control is called that has a name of its own


def differing(conditions: Sequence[Condition]) -> list[str]:
    """The knobs in which not all conditions are alike, in words; those of one control count once."""
    apart = [
        field.name
        for field in fields(Condition)
        if len({getattr(condition, field.name) for condition in conditions}) > 1
    ]
    words = {name: _WORDS[name] for name in apart}
    for first, second in _ONE_KNOB:
        if first in words and second in words:
            words[first] = _TOGETHER.get(first, words[first])
            del words[second]
    return list(words.values())


def in_words(conditions: Sequence[Condition], names: Sequence[str]) -> str:
    """What a difference between the models can be put down to, in words; `names` is what they are called."""
    apart = differing(conditions)
    if not apart:
        return "The models are one and the same condition, so their maps are the same map."
    if len(apart) == 1:
        return f"**Twins**: they differ in one thing, the {apart[0]}; what differs between the maps comes from that."
    said = f"They differ in {len(apart)} things: {', '.join(apart[:-1])} and {apart[-1]}."
    pairs = [
        f"{names[one]} and {names[other]} ({knobs[0]})"
        for one, other in combinations(range(len(conditions)), 2)
        if len(knobs := differing([conditions[one], conditions[other]])) == 1
    ]
    if not pairs:
        return f"{said} What differs between the maps cannot be put down to one of them."
    return f"{said} **Twins**, which differ in one: {', '.join(pairs)}."
