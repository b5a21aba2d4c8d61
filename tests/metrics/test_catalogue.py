"""The catalogue of measures: what an entry says, also of measures that are a part of it."""

import pytest

from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.metrics import catalogue


@pytest.mark.parametrize(
    ("measure", "share"),
    [
        ("minority_accuracy", True),
        ("group_accuracy.horse_grass", True),
        ("readouts_linear_probe.balanced_accuracy", True),
        ("raw_pixels.probe_object", True),
        ("raw_pixels.silhouette_object", False),
        ("variance_object.p", False),
    ],
)
def test_which_measures_count_images(measure: str, share: bool) -> None:
    assert catalogue.measure_of(measure).is_share is share


def test_measures_of_other_sets_speak_of_no_animal() -> None:
    cups = Grouping(("cup", "jug"), ("table", "shelf"))
    assert "animal" in catalogue.words_of("probe_object", SCENES)
    assert "animal" not in catalogue.words_of("probe_object", cups)
    assert "cup, shelf" in catalogue.words_of("group_accuracy.cup_shelf", cups)


def test_entries_agree_with_each_other() -> None:
    entries = catalogue.MEASURES.values()
    words = [one.words for one in entries]
    assert len(set(words)) == len(words)
    assert set(catalogue.HEADLINE) <= set(catalogue.MEASURES)
    assert catalogue.PRIMARY not in catalogue.secondary()
