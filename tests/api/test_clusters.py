"""Names of clusters: of maps that are sorted by what is known, on pages, in files, and large."""

from dataclasses import replace

import numpy as np
import pytest

from tests.api.stand_ins import BASE, image_set, publish, thumbs, unit
from tests.api.test_colourings import with_columns
from vlcore.api import clusters, models
from vlcore.api.clusters import (
    cluster_numbers,
    cluster_words,
    clusters_in_words,
    clusters_table,
    named_clusters,
)
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.comparison import compare
from vlcore.api.map_component import colours, drawing
from vlcore.api.model_map import model_map
from vlcore.artifacts import store
from vlcore.artifacts.store import Artifact
from vlcore.experiment.grouping import SCENES, group_words
from vlcore.jobs import jobs
from vlcore.plots.options import PCA, MapOptions, Projection
from vlcore.plots.theme import LIGHT

COATS = np.random.default_rng(1).choice(["bay", "pale"], len(image_set().table))
IMAGES = with_columns({"coat": COATS})
BEGUN = BASE.replace(data_seed=150, init_seed=150)


def sorted_by(*columns: str, seed: int = 0) -> np.ndarray:
    """Embeddings of all images that lie in one place for each value of some columns."""
    random = np.random.default_rng(seed)
    z = 0.02 * random.normal(size=(len(IMAGES.table), 8))
    for axis, name in enumerate(columns):
        values = IMAGES.table[name]
        z[:, axis] += np.where(values == values.iat[0], 1, -1)
    return unit(z + np.eye(8)[7])


@pytest.fixture(scope="module")
def published(home: object) -> list[Artifact]:
    return [
        publish(image_set(), BEGUN, sorted_by("object", "context")),
        publish(image_set(), BEGUN.replace(bias=0.5), sorted_by("user:coat", seed=1)),
    ]


@pytest.fixture
def maps(published: list[Artifact]) -> ComparedMaps:
    return compare_maps([model_map(artifact) for artifact in published], IMAGES, thumbs)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("", "3"),
        ("coat: bay", "3 coat: bay"),
        ("two words " * 9, "3 two words two words two words two …"),
        ("x" * 60, f"3 {'x' * 36} …"),
    ],
)
def test_a_label_has_the_beginning_of_a_name(name: str, label: str) -> None:
    cluster = clusters.Cluster(3, np.arange(2), np.zeros(2), name, None, np.nan)
    assert cluster.label == label


def test_clusters_have_the_name_of_what_a_map_is_sorted_by(maps: ComparedMaps) -> None:
    by_group, by_coat = named_clusters(maps)
    assert {cluster.name for cluster in by_group} == set(group_words(SCENES).values())
    assert {cluster.name for cluster in by_coat} == {"coat: bay", "coat: pale"}
    for model, found in zip(maps.models, (by_group, by_coat), strict=True):
        assert [cluster.number for cluster in found] == list(range(1, len(found) + 1))
        sizes = [len(cluster.rows) for cluster in found]
        assert sizes == sorted(sizes, reverse=True)
        for cluster in found:
            assert cluster.purity is not None
            assert (cluster.purity.value, cluster.purity.n) == (1, len(cluster.rows))
            assert cluster.purity.low < 1
            index = model.index(cluster.rows)
            np.testing.assert_allclose(cluster.middle, np.median(model.points[index], axis=0))
            names = [group_words(SCENES)[name] for name in IMAGES.table["group"][cluster.rows]]
            if found is by_group:
                assert set(names) == {cluster.name}
    total = sum(len(cluster.rows) for cluster in by_group)
    (camels,) = [cluster for cluster in by_group if cluster.name == "camel in the desert"]
    has = (maps.points["group"] == "camel_desert") & maps.points["x0"].notna()
    others = len(maps.models[0].rows) - len(camels.rows)
    assert camels.elsewhere == pytest.approx((has.sum() - len(camels.rows)) / others)
    assert total <= len(maps.models[0].rows)


def test_maps_tables_and_the_browser_have_the_same_clusters(maps: ComparedMaps) -> None:
    words, numbers = cluster_words(maps), cluster_numbers(maps)
    for pane, found in enumerate(named_clusters(maps)):
        for cluster in found:
            rows = maps.rows[numbers[pane] == cluster.number]
            assert rows.tolist() == cluster.rows.tolist()
        labels = words[words["pane"] == pane]["words"].tolist()
        assert labels == [f"{cluster.number} {cluster.name}" for cluster in found]
    options = MapOptions(clusters=True)
    sent = drawing(maps, LIGHT, 300, options)
    assert [len(pane["clusters"]) for pane in sent["panes"]] == list(map(len, named_clusters(maps)))
    columns = colours(maps, options)
    for pane in (0, 1):
        assert columns[f"cluster{pane}"].tolist() == numbers[pane].tolist()
    assert colours(maps).empty, "off unless chosen"
    table, shown = clusters_table(maps), clusters_in_words(maps)
    assert len(table) == len(words)
    assert table["purity"].between(table["low"], table["high"]).all()
    of_clusters = shown[shown["Cluster"] != "none"]
    assert of_clusters["Images"].tolist() == table["images"].tolist()
    assert shown.groupby("Map", sort=False)["Images"].sum().tolist() == [
        len(model.rows) for model in maps.models
    ]


def test_what_nothing_tells_apart_has_no_name(
    maps: ComparedMaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "_columns", lambda *_: [])
    assert {cluster.name for found in named_clusters(maps) for cluster in found} == {""}
    table = clusters_table(maps)
    assert table["purity"].isna().all()
    assert "nothing tells it apart" in clusters_in_words(maps)["Name"].tolist()


def test_a_common_fit_has_clusters_of_its_own_for_each_order_of_the_models() -> None:
    together = Projection("umap", together=True)
    keys = [
        clusters.fit_key("a", together, among) for among in (["a", "b"], ["b", "a"], ["a", "b"])
    ]
    assert keys[0] == keys[2] != keys[1]
    alone = [clusters.fit_key("a", PCA, among) for among in (["a", "b"], ["b", "a"])]
    assert alone[0] == alone[1]


def test_clusters_of_a_large_map_are_found_once_and_published(
    published: list[Artifact], maps: ComparedMaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [artifact.key for artifact in published]
    small = clusters_table(maps)
    monkeypatch.setattr(clusters, "AT_ONCE", 10)
    again = replace(maps, models=tuple(model_map(artifact) for artifact in published))
    assert not store.published(clusters.fit_key(keys[0], PCA, keys))
    large = clusters_table(again)
    assert large["name"].tolist() == small["name"].tolist()
    assert store.kind_of_key(clusters.fit_key(keys[0], PCA, keys)) is not None
    assert jobs.view(clusters.fit_key(keys[0], PCA, keys)).done
    monkeypatch.setattr(clusters, "find_clusters", None)  # nobody looks again
    assert clusters.fit_clusters(keys[0], PCA, keys) == "cached"
    third = replace(maps, models=tuple(model_map(artifact) for artifact in published))
    assert clusters_table(third).equals(large)


def test_clusters_are_found_again_where_a_model_of_a_common_fit_was_replaced(
    home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    conditions = [BEGUN.replace(init_seed=seed) for seed in (151, 152)]
    first, second = [publish(image_set(), condition) for condition in conditions]
    keys = [first.key, second.key]
    monkeypatch.setattr(clusters, "model_map", lambda artifact, *_: model_map(artifact))
    common = Projection("umap", together=True)
    assert clusters.fit_clusters(first.key, common, keys) == "trained"
    assert clusters.fit_clusters(first.key, PCA, keys) == "trained"
    publish(image_set(), conditions[1], sorted_by("object"))
    assert clusters.fit_clusters(first.key, PCA, keys) == "cached"
    assert clusters.fit_clusters(first.key, common, keys) == "trained"


def test_a_notebook_and_its_page_have_clusters(
    published: list[Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "open_set", lambda *_: IMAGES)
    both = compare(*(artifact.key for artifact in published))
    names = both.clusters()["name"].tolist()
    assert "coat: bay" in names
    assert all(f">{name}</td>" in both.html(MapOptions(clusters=True)) for name in names)
    assert "coat: bay" not in both.html()
