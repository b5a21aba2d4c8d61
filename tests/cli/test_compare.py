"""The command that writes a comparison: which maps it puts on the page, and one sentence where
something is wrong."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from tests.api.stand_ins import BASE, image_set, publish
from tests.cli.conftest import Document, Models, Patch, Refused
from vlcore.__main__ import BUSY, parser
from vlcore.api import models as api_models
from vlcore.api import offline_page
from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.maps import map_fits
from vlcore.artifacts import store
from vlcore.data.imageset import ImageSet
from vlcore.jobs import jobs
from vlcore.metrics import projection as measures
from vlcore.plots.options import MapOptions, Projection

IMAGES = image_set()


@pytest.fixture(scope="module")
def models(home: Path) -> Models:
    base = BASE.replace(data_seed=95, init_seed=95)
    conditions = [
        base,
        base.replace(bias=0.5),
        base.replace(labels="descriptive"),
        base.replace(objective="captioner"),
    ]
    return [publish(IMAGES, condition) for condition in conditions]


@pytest.fixture(autouse=True)
def shown(monkeypatch: Patch) -> None:
    """The set of the models, whose pictures are tiles with their names."""
    images = dataclasses.replace(IMAGES, about={"pictures": "none"})
    monkeypatch.setattr(api_models, "open_set", lambda *_: images)


@pytest.fixture
def compared(
    monkeypatch: Patch, document: Document, tmp_path: Path, models: Models
) -> Callable[..., ComparedMaps]:
    """Runs the command on some of the models; gives the comparison that it made a page of."""
    pages: list[ComparedMaps] = []

    def page(comparison: ComparedMaps, images: ImageSet, options: MapOptions) -> str:
        assert images.grouping == IMAGES.grouping
        assert {model.projection.kind for model in comparison.models} == {options.projection.kind}
        pages.append(comparison)
        return "<p>a page: ä</p>"

    monkeypatch.setattr(offline_page, "page", page)

    def run(count: int, *options: object) -> ComparedMaps:
        out = tmp_path / f"maps-{len(pages)}.html"
        said = document("compare", *(model.key for model in models[:count]), *options, "--out", out)
        kind = options[options.index("--map") + 1] if "--map" in options else "pca"
        assert said == {"file": str(out), "bytes": len("<p>a page: ä</p>".encode()), "map": kind}
        assert out.read_text() == "<p>a page: ä</p>"
        return pages[-1]

    return run


def test_two_to_four_models_are_put_on_a_page(
    compared: Callable[..., ComparedMaps], models: Models
) -> None:
    comparison = compared(4)
    assert [model.artifact.key for model in comparison.models] == [model.key for model in models]
    assert all(model.projection == Projection() for model in comparison.models)
    assert comparison.points["thumb"].str.fullmatch(r"data:image/webp;base64,[A-Za-z0-9+/=]+").all()
    for given, prompts in (
        ((), ("horse", "camel", "grass", "desert")),
        (
            ("--prompts", "a horse, a camel ,the grass,the desert"),
            ("a horse", "a camel", "the grass", "the desert"),
        ),
    ):
        comparison = compared(3, "--map", "prompts", *given)
        for model, info in zip(comparison.models, comparison.infos, strict=True):
            assert model.projection == Projection("prompts", prompts=prompts)
            assert info.x_title.startswith(f"“{prompts[0]}” to “{prompts[1]}”")
        assert [model.turn.rotation.tolist() for model in comparison.models] == [
            np.eye(2).tolist()
        ] * 3


def test_a_fit_of_each_model_or_of_all(
    compared: Callable[..., ComparedMaps], models: Models, monkeypatch: Patch
) -> None:
    fits: list[tuple[object, ...]] = []

    def anywhere(z: np.ndarray, *settings: object) -> np.ndarray:
        fits.append(settings)
        return np.random.default_rng(len(z)).normal(size=(len(z), 2))

    monkeypatch.setattr(measures, "tsne", anywhere)
    monkeypatch.setattr(
        measures,
        "umap_together",
        lambda spaces, _rows, *more: [anywhere(z, "together", *more) for z in spaces],
    )
    for _ in range(2):
        comparison = compared(2, "--map", "tsne", "--seed", 6)
        assert fits == [(30, 6)] * 2, "a fit that is there is not made again"
    comparison = compared(3, "--map", "umap", "--together", "--seed", 7)
    together = Projection("umap", seed=7, together=True)
    assert fits[2:] == [("together", 15, 0.1, 7)] * 3
    assert [model.projection for model in comparison.models] == [together] * 3
    (key,) = map_fits([model.key for model in models[:3]], together)
    assert store.published(key)


def test_a_map_that_cannot_be_is_one_sentence(
    refused: Refused, models: Models, tmp_path: Path
) -> None:
    out, prompts = tmp_path / "maps.html", ("--map", "prompts", "--prompts")
    for options, sentence in (
        (("--map", "umap", "--seed", -1), "The seed of a map is a whole number from 0 to 999"),
        (("--map", "tsne", "--together"), "“Fitted” is an option of UMAP, not of t-SNE"),
        (("--prompts", "a,b,c,d"), "“Prompts” is an option of Prompt axes, not of PCA"),
        (("--seed", 1), "“Seed” is an option of UMAP and t-SNE, not of PCA"),
        (
            (*prompts, "horse,horse,grass,desert"),
            "Two prompts of an axis are one point in this model",
        ),
        ((*prompts, "horse,!?,grass,desert"), "A caption needs at least one word"),
    ):
        assert sentence in refused("compare", models[0].key, models[2].key, *options, "--out", out)
    assert not out.exists()


def test_models_and_places_that_do_not_go(
    refused: Refused, models: Models, tmp_path: Path, monkeypatch: Patch
) -> None:
    first, out = models[0].key, ("--out", tmp_path / "maps.html")
    assert "word by word" in refused("compare", first, models[3].key, "--map", "prompts", *out)
    monkeypatch.setattr(offline_page, "page", lambda *_, **_options: "a page")
    nowhere = tmp_path / "nowhere" / "maps.html"
    assert refused("compare", first, models[1].key, "--out", nowhere).startswith(
        f"{nowhere} cannot be written"
    )
    # A map that another process fits is exit code 3.
    monkeypatch.setattr(jobs, "LOCK_WAIT", 0)
    (key,) = map_fits([models[0].key], Projection("tsne", seed=9))
    jobs.work_folder(key).mkdir(parents=True)
    options = ("--map", "tsne", "--seed", 9, "--out", tmp_path / "maps.html")
    with FileLock(jobs.work_folder(key) / "lock"):
        assert refused("compare", models[0].key, models[1].key, *options, code=BUSY).startswith(key)


@pytest.mark.parametrize("separator", [" ", "-"])
def test_values_of_several_words_take_hyphens_too(separator: str) -> None:
    words = [separator.join(text.split()) for text in ("right or wrong", "held out")]
    given = ("compare", "KEY", "--colour-by", words[0], "--split", words[1], "--out", "a.html")
    options = parser().parse_args(given)
    assert (options.colour_by, options.split) == ("right or wrong", "held out")
