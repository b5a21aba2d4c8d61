"""Pairs of towers in lessons: each is offered, has a sentence, and a bias that leaves something to
repair."""

import pytest

from vlcore.classroom import tower_pairs
from vlcore.experiment.condition import STUDY_BIAS, Condition
from vlcore.experiment.options import TOWERS
from vlcore.experiment.wording import TOWERS_SEEN

PRETRAINED = Condition().with_towers("pretrained")


def test_each_pair_that_pages_offer_has_a_sentence_of_its_own() -> None:
    assert TOWERS_SEEN.keys() == {*TOWERS, tower_pairs.PHONES}
    assert tower_pairs.USUAL in TOWERS


def test_from_scratch_and_on_the_smallest_set_the_bias_is_the_studys() -> None:
    for usual in (Condition(), Condition(n_per_group=4), PRETRAINED.replace(n_per_group=2)):
        assert tower_pairs.lesson_bias(usual) == STUDY_BIAS


@pytest.mark.parametrize("n", [3, 4, 5, 8, 12, 24, 48, 200])
def test_on_a_frozen_tower_the_bias_is_higher_and_every_group_keeps_an_image(n: int) -> None:
    usual = PRETRAINED.replace(n_per_group=n)
    biased = usual.replace(bias=tower_pairs.lesson_bias(usual))
    assert biased.bias >= STUDY_BIAS
    assert biased.n_minority >= 1
    assert biased.n_minority <= usual.replace(bias=STUDY_BIAS).n_minority
    assert n < 48 or biased.bias == 0.95
