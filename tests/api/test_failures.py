"""Where a model fails: what is searched and what is measured, and what every sentence says."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from vlcore.api.failures import (
    COMPONENTS,
    OTHERS,
    OWN,
    TOWER,
    WORST,
    Failures,
    find_failures,
    labelled_images,
    names_table,
    slices_table,
    tower_features,
)
from vlcore.api.model_map import ComparisonError, ModelMap, model_map
from vlcore.artifacts.embeddings import StoredEmbeddings
from vlcore.artifacts.store import Artifact
from vlcore.data.attributes import attributes_of
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSet
from vlcore.metrics.finders import FOLDS
from vlcore.metrics.slices import LEAST


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return open_set("scenes")


@pytest.fixture(scope="module")
def biased(quick: list[Artifact], images: ImageSet) -> Iterator[ModelMap]:
    """A model that errs on minority groups by chance: its predictions are made up."""
    model = model_map(quick[3])
    groups = images.table["group"].to_numpy()[model.artifact.embeddings.rows("test")]
    is_minority = np.isin(groups, images.grouping.minority)
    errs = np.random.default_rng(0).random(len(groups)) < np.where(is_minority, 0.6, 0.05)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StoredEmbeddings, "test_correct", property(lambda _: ~errs))
        yield model


@pytest.fixture(scope="module")
def failures(biased: ModelMap, images: ImageSet) -> Failures:
    return find_failures(biased, images)


def test_what_is_measured_was_not_searched(
    failures: Failures, biased: ModelMap, images: ImageSet
) -> None:
    right = biased.artifact.embeddings.test_correct
    assert right is not None
    assert failures.searched + failures.accuracy.n == len(right) == 2000
    assert failures.accuracy.value == pytest.approx(right.mean(), abs=0.05)
    for part in failures.objects.values():
        assert part.direction.n == 500, "half of the object's images"
    tables = {WORST: failures.worst, **failures.others}
    assert set(tables) == set(failures.rows)
    for finder, table in tables.items():
        assert (table["n"] >= LEAST).all()
        assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
        for offer, rows in zip(table.to_dict("records"), failures.rows[finder], strict=True):
            assert len(np.unique(rows)) == offer["n"]
            assert 1 - np.isin(rows, failures.wrong).mean() == pytest.approx(offer["value"])
    assert failures.wrong.tolist() == biased.artifact.embeddings.rows("test")[~right].tolist()
    for name, rows in zip(failures.worst["slice"], failures.rows[WORST], strict=True):
        words = attributes_of(images, rows).assign(object=images.table["object"].to_numpy()[rows])
        assert all((words == word).any(axis=1).all() for word in name.split(", "))


def test_all_images_of_an_object_are_ranked_along_its_direction(
    failures: Failures, images: ImageSet
) -> None:
    directions = [part for part in failures.objects.values() if part.direction.exists]
    assert len(directions) == 2
    for part in directions:
        minority = {"horse": "desert", "camel": "grass"}[part.direction.object]
        assert part.names["name"].iloc[0] == minority
        assert part.words == f"{part.direction.object}, {minority}"
        objects = images.table["object"].to_numpy()[part.rows]
        assert len(np.unique(part.rows)) == 1000
        assert set(objects) == {part.direction.object}
        assert (part.names["n"] == 500).all()


def test_wrong_images_are_at_the_wrong_end(failures: Failures, biased: ModelMap) -> None:
    right = biased.artifact.embeddings.test_correct
    assert right is not None
    by_row = dict(zip(biased.artifact.embeddings.rows("test").tolist(), right, strict=True))
    for part in failures.objects.values():
        ends = [part.rows[:200].tolist(), part.rows[-200:].tolist()]
        first, last = (np.mean([by_row[row] for row in end]) for end in ends)
        assert first > last + 0.3


def test_the_worst_slice_is_that_in_which_the_model_errs(failures: Failures) -> None:
    worst = failures.worst.iloc[0]
    assert {"horse, desert", "camel, grass"} & {
        ", ".join(name.split(", ")[:2]) for name in failures.worst["slice"]
    }
    assert worst["high"] < worst["usual"]
    assert worst["slice"] in failures.sentence
    assert failures.others["words"]["slice"].isin(["horse, desert", "camel, grass"]).sum() == 2


def test_every_sentence_says_what_was_measured_with_n(failures: Failures) -> None:
    assert "1,000" in failures.sentence
    assert failures.method.count("1,000") == 2
    for part in failures.objects.values():
        assert f"of {part.direction.n:,} images" in part.sentence
    assert failures.sentence in failures._repr_html_()
    assert len(slices_table(failures.worst)) == len(failures.worst)
    assert set(failures.others) == set(OTHERS)


def test_captions_are_in_quotes_and_those_of_the_model(
    failures: Failures, biased: ModelMap
) -> None:
    for part in failures.objects.values():
        captions = part.names[part.names["kind"] == "caption"]["name"]
        assert set(captions) <= set(biased.captions)
        written = names_table(part.names)["Goes with errors"]
        assert {f"“{caption}”" for caption in captions} <= set(written)


def test_features_are_the_towers_where_they_are_stored(biased: ModelMap, images: ImageSet) -> None:
    rows, embeddings, _ = labelled_images(biased, images)
    features, space = tower_features(images, rows, embeddings)
    assert (features.shape, space) == ((2000, COMPONENTS), TOWER)
    elsewhere = replace(images, name="others", root=images.root / "nothing")
    assert tower_features(elsewhere, rows, embeddings) == (embeddings, OWN)


def test_few_scenes_leave_slices_and_say_why_there_is_no_direction(
    biased: ModelMap, images: ImageSet
) -> None:
    scenes = np.resize([f"video {number}" for number in range(8)], len(images.table))
    found = find_failures(biased, replace(images, table=images.table.assign(scene=scenes)))
    for part in found.objects.values():
        assert part.direction.accuracy is None
        assert f"of {FOLDS} scenes" in part.sentence
    assert len(found.worst) > 0
    assert set(found.others) == set(OTHERS)


def test_a_model_that_predicts_no_object_has_no_failures(
    biased: ModelMap, images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoredEmbeddings, "test_correct", None)
    with pytest.raises(ComparisonError, match="name no object"):
        find_failures(biased, images)
