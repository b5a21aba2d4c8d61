"""Towers of lessons that train.

The presenter chooses them when the session starts, and who trains on them before a plan is fixed.
"""

from vlcore.data.imageset import ImageSet
from vlcore.experiment.condition import STUDY_BIAS, Condition
from vlcore.model.in_browser import on_components

USUAL = "scratch"  # also of sessions that were started before there was a choice
PRETRAINED = "pretrained"
PHONES = "phones"  # pretrained, in the small recipe that a phone trains
# On a pretrained tower the study's bias costs next to nothing: minority accuracy is 98% (97 to 98,
# ten seeds of `scenes`, 400 steps), and 83% (79 to 87) at bias 95%. Small sets keep one image of
# each group.
_BIASES_ON_A_FROZEN_TOWER = (0.95, 0.9, STUDY_BIAS)


def lesson_bias(usual: Condition) -> float:
    """The share of each minority group that a lesson removes, by the towers and the size of its
    models' condition."""
    if not usual.frozen_tower:
        return STUDY_BIAS
    keeps_some = [bias for bias in _BIASES_ON_A_FROZEN_TOWER if usual.replace(bias=bias).n_minority]
    return max(keeps_some, default=STUDY_BIAS)


def on_towers(usual: Condition, towers: str) -> Condition:
    """The condition of an image set on the towers of a session: a name in
    `vlcore.experiment.options.TOWERS`, or `PHONES`."""
    return on_components(usual) if towers == PHONES else usual.with_towers(towers)


def phones_may_train(images: ImageSet, towers: str) -> bool:
    """Whether the phones of a class on some towers can train: what they read is bundled with the
    sets that come with the lab."""
    return images.is_built_in and towers in (PRETRAINED, PHONES)
