"""The Bayes line: the minority accuracy of the best possible model of a biased training set, under
its own loss.

Where the context is fully visible and the object is not, the best prediction relies on the context,
the more so with more bias. That much loss is rational; what lies below is a shortcut, too few
images or bad optimisation. How far it goes depends on the captions and on how mismatched ones are
drawn, which can take the prior out.
"""

import math

import numpy as np
from scipy.special import expit, ndtr, ndtri

from vlcore.experiment.captions import caption_shares, captions_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.options import OBJECTIVES
from vlcore.metrics.negatives import negative_shares

_MOST = 30.0  # log odds; where no evidence of that size changes the model's mind it has none


def prior_shift(condition: Condition, grouping: Grouping, bias: float) -> float:
    """Log odds of evidence that the best model needs to predict a context's rare object.

    It is the log of how many more images a majority group has than a minority group where the prior
    counts once, 0 where the loss takes it out. The
    best score of the pairwise loss is ``log P(k | x) / q(k | x)`` of caption k, with q from the
    captions that are drawn as mismatched, that of a classifier ``log P(k | x)``; the readout sums
    over an object's captions.

    Raises:
        ValueError: for a loss with another best score, captions that name no object, or a bias that
            is not from 0 to below 1: at bias 1 nothing tells object from context.
    """
    from scipy.optimize import brentq

    if not 0 <= bias < 1:
        raise ValueError(f"The Bayes line is defined for a bias from 0 to below 1, not {bias:g}.")
    biased = condition.replace(bias=bias)
    if biased.n_minority == 0:
        raise ValueError(f"The Bayes line needs images of every group; at {bias:g} none is left.")
    prior = math.log(biased.n_majority / biased.n_minority)
    objective = OBJECTIVES[condition.objective]
    captions = captions_of(condition.labels, grouping, condition.template)
    objects = np.array([caption.object for caption in captions])  # (captions,)
    drawn = objective.draws_negatives and condition.negatives != "none"
    if not (drawn or objective.language == "classes") or not set(grouping.objects) <= set(objects):
        raise ValueError(
            f"The Bayes line is not defined for {condition.objective} with these captions."
        )
    shares = caption_shares(condition.labels, grouping, condition.template)  # (groups, captions)
    rare = np.isin(grouping.names, grouping.minority)
    sizes = np.where(rare, biased.n_minority, biased.n_majority)
    mismatched = negative_shares(condition.negatives, sizes @ shares, captions).astype(float)
    # The group that is frequent in a context, and the one that is rare there.
    usual = int(np.argmin(rare))
    odd = next(
        n
        for n, pair in enumerate(grouping.pairs)
        if n != usual and pair[1] == grouping.pairs[usual][1]
    )

    def log_odds(evidence: float) -> float:
        """Log odds that the best model gives the frequent object, for an image with evidence of the
        rare one."""
        frequent = float(expit(prior - evidence))
        likely = frequent * shares[usual] + (1 - frequent) * shares[odd]  # P(k | x)
        odds = likely / (likely @ mismatched if drawn else 1.0)
        first, second = (odds[objects == grouping.pairs[group][0]].sum() for group in (usual, odd))
        return math.log(first / second)

    return float(brentq(log_odds, -_MOST, _MOST))


def bayes_line(unbiased: float, shift: float) -> float:
    """Minority accuracy at a `prior_shift`, from the balanced accuracy without bias.

    Evidence of the object is normal with mean +m or -m and variance 1, ``m = Phi^-1(unbiased)``, so
    that minority accuracy is ``Phi(m - shift / 2m)``. ValueError unless the accuracy is above 0.5
    and below 1.
    """
    if not 0.5 < unbiased < 1:
        raise ValueError(
            "The Bayes line needs a balanced accuracy without bias between 0.5 and 1, not"
            f" {unbiased:g}: at 0.5 there is no evidence, at 1 the prior does not matter."
        )
    evidence = float(ndtri(unbiased))
    return float(ndtr(evidence - shift / (2 * evidence)))
