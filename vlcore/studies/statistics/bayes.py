"""The Bayes line: the minority accuracy of an ideal observer of a biased training set.

Where the context is fully visible and the object is not, the best guess leans towards what the context
suggests, the more so the more biased the data. That much loss is rational; what lies below the line is a shortcut, too
few images or a failure to optimise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri


@dataclass(frozen=True)
class BayesLine:
    """Accuracy of the best classifier for a biased training set, 0 to 1."""

    minority: float
    majority: float


def bayes_line(unbiased: float, bias: float) -> BayesLine:
    """Accuracies at a bias of the Bayes-optimal classifier that is `unbiased` accurate without one.

    Evidence of the object is normal with mean +m or -m and variance 1, ``m = Phi^-1(unbiased)``; its log odds are
    shifted by the prior's ``L = -log(1 - bias)``, so that minority accuracy is ``Phi(m - L / 2m)`` and majority
    accuracy ``Phi(m + L / 2m)``.

    Args:
        unbiased: balanced accuracy at bias 0, above 0.5 and below 1.
        bias: share of each minority group that is removed, 0 to below 1.

    Raises:
        ValueError: when one of them is outside its range. At bias 1 nothing tells object from context.
    """
    if not 0.5 < unbiased < 1:
        raise ValueError(
            f"The Bayes line needs a balanced accuracy without bias between 0.5 and 1, not {unbiased:g}: at 0.5 there "
            "is no evidence, at 1 the prior does not matter."
        )
    if not 0 <= bias < 1:
        raise ValueError(f"The Bayes line is defined for a bias from 0 to below 1, not {bias:g}.")
    evidence = float(ndtri(unbiased))
    shift = -float(np.log1p(-bias)) / (2 * evidence)
    return BayesLine(float(ndtr(evidence - shift)), float(ndtr(evidence + shift)))
