"""Towers of lessons that train: the presenter chooses a pair when the session starts."""

from vlcore.experiment.condition import STUDY_BIAS, Condition

USUAL = "scratch"  # also of sessions that were started before there was a choice
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
