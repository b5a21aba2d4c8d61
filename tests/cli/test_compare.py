"""The command that writes a comparison: which maps it puts on the page, and one sentence where something is wrong."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Cli
from tests.runs.stand_ins import BASE, image_set, publish
from vlcore.__main__ import BAD_INPUT, BUSY
from vlcore.cli import compare
from vlcore.compare import page as compare_page
from vlcore.compare.comparison import Comparison
from vlcore.datasets.imageset import ImageSet
from vlcore.measures import projection as measures
from vlcore.runs.maps import Projection, map_keys
from vlcore.store import artefacts, jobs

Document = Callable[..., Any]
IMAGES = image_set()


@pytest.fixture(scope="module")
def models(home: Path) -> list[artefacts.Artefact]:
    base = BASE.replace(data_seed=95, init_seed=95)
    conditions = [base, base.replace(bias=0.5), base.replace(labels="descriptive"), base.replace(objective="captioner")]
    return [publish(IMAGES, condition) for condition in conditions]


@pytest.fixture
def compared(
    monkeypatch: pytest.MonkeyPatch, document: Document, tmp_path: Path, models: list[artefacts.Artefact]
) -> Callable[..., Comparison]:
    """Runs the command on some of the models; gives the comparison that it made a page of."""
    shown = dataclasses.replace(IMAGES, about={"pictures": "none"})  # whose pictures are tiles with their names
    monkeypatch.setattr(compare, "open_set", lambda *_: shown)
    pages: list[Comparison] = []

    def page(comparison: Comparison, images: ImageSet) -> str:
        assert images.grouping == IMAGES.grouping
        pages.append(comparison)
        return "<p>a page: ä</p>"

    monkeypatch.setattr(compare_page, "page", page)

    def run(count: int, *options: object) -> Comparison:
        out = tmp_path / f"maps-{len(pages)}.html"
        said = document("compare", *(model.key for model in models[:count]), *options, "--out", out)
        kind = options[options.index("--map") + 1] if "--map" in options else "pca"
        assert said == {"file": str(out), "bytes": len("<p>a page: ä</p>".encode()), "map": kind}
        assert out.read_text() == "<p>a page: ä</p>"
        return pages[-1]

    return run


@pytest.mark.parametrize("count", [2, 3, 4])
def test_two_to_four_models_are_put_on_a_page(
    compared: Callable[..., Comparison], models: list[artefacts.Artefact], count: int
) -> None:
    comparison = compared(count)
    assert [model.artefact.key for model in comparison.models] == [model.key for model in models[:count]]
    assert all(model.projection == Projection() for model in comparison.models)
    assert comparison.points["thumb"].str.fullmatch(r"data:image/webp;base64,[A-Za-z0-9+/=]+").all()


def test_prompt_axes_are_the_usual_ones_or_those_that_are_given(compared: Callable[..., Comparison]) -> None:
    for given, prompts in (
        ((), ("horse", "camel", "grass", "desert")),
        (("--prompts", "a horse, a camel ,the grass,the desert"), ("a horse", "a camel", "the grass", "the desert")),
    ):
        comparison = compared(3, "--map", "prompts", *given)
        for model, info in zip(comparison.models, comparison.infos, strict=True):
            assert model.projection == Projection("prompts", prompts=prompts)
            assert info.x_title.startswith(f"“{prompts[0]}” to “{prompts[1]}”")
        assert [model.turn.rotation.tolist() for model in comparison.models] == [np.eye(2).tolist()] * 3


def test_what_must_be_fitted_is_fitted_of_each_model_or_of_all(
    compared: Callable[..., Comparison], models: list[artefacts.Artefact], monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[tuple[object, ...]] = []

    def anywhere(z: np.ndarray, *settings: object) -> np.ndarray:
        fits.append(settings)
        return np.random.default_rng(len(z)).normal(size=(len(z), 2))

    monkeypatch.setattr(measures, "tsne", anywhere)
    monkeypatch.setattr(
        measures, "umap_together", lambda spaces, _rows, *more: [anywhere(z, "together", *more) for z in spaces]
    )
    comparison = compared(2, "--map", "tsne", "--seed", 6)
    assert fits == [(30, 6)] * 2
    assert all(model.projection == Projection("tsne", seed=6) for model in comparison.models)
    compared(2, "--map", "tsne", "--seed", 6)
    assert len(fits) == 2, "a fit that is there is not made again"
    comparison = compared(3, "--map", "umap", "--together", "--seed", 7)
    together = Projection("umap", seed=7, together=True)
    assert fits[2:] == [("together", 15, 0.1, 7)] * 3
    assert [model.projection for model in comparison.models] == [together] * 3
    assert artefacts.published(map_keys([model.key for model in models[:3]], together)[0])


def test_compare_writes_one_file_that_asks_nobody(
    document: Document, quick: list[artefacts.Artefact], tmp_path: Path
) -> None:
    out = tmp_path / "maps.html"
    said = document("compare", quick[0].key, quick[2].key, "--out", out)
    assert said == {"file": str(out), "bytes": out.stat().st_size, "map": "pca"}
    page = out.read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert quick[0].key in page
    assert quick[2].key in page
    assert "held-out pictures sort" in page
    assert page.count("data:image/webp;base64,") >= 392
    assert """Content-Security-Policy" content="default-src 'none'""" in page
    assert [path.name for path in tmp_path.iterdir()] == ["maps.html"]


# --- bad input


def refused(cli: Cli, *arguments: object) -> str:
    """The one sentence that is said of bad input."""
    code, out, err = cli("compare", *arguments)
    assert (code, out) == (BAD_INPUT, "")
    assert err.endswith(".\n")
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return err.strip()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("nowhere other --out x.html", "No model 'nowhere' is on disk; train it first"),
        ("a-key.umap nowhere --out x.html", "a-key.umap is a map, not a model; `python -m vlcore status`"),
        ("a.umap-n15-d10-s0.map b --out x.html", r"a\.umap-n15-d10-s0\.map is a map, not a model"),
        ("a.checks b --out x.html", "a.checks is the check of an image set, not a model; `python -m vlcore"),
        ("../a b --out x.html", r"'\.\./a' is not a model key"),
        ("nowhere other", "The following arguments are required: --out"),
        ("--out x.html", "The following arguments are required: KEY"),
        ("a b --out maps.png", "--out is maps.png; it becomes a web page, so give a name that ends in .html"),
        ("a b --out html", "--out is html; it becomes a web page"),
        ("a b --map globe --out x.html", "No map is named 'globe'; choose one of pca, umap, tsne, prompts"),
        ("a --out x.html", "Give the keys of 2 to 4 models, not 1"),
        ("a b c d e --out x.html", "Give the keys of 2 to 4 models, not 5"),
        ("a b --seed one --out x.html", "Argument --seed: invalid int value: 'one'"),
    ],
)
def test_bad_input_is_one_sentence(
    cli: Cli, empty_home: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, sentence: str
) -> None:
    monkeypatch.chdir(empty_home)
    assert re.search(sentence, refused(cli, *arguments.split()))
    assert list(empty_home.iterdir()) == [], "nothing is half-written"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--map", "umap", "--seed", -1), "The seed of a map is a whole number from 0 to 999"),
        (("--map", "tsne", "--seed", 1000), "The seed of a map is a whole number from 0 to 999"),
        (("--map", "tsne", "--together"), "Only UMAP is fitted on several models together"),
        (("--together",), "Only UMAP is fitted on several models together"),
        (("--prompts", "a,b,c,d"), "--prompts are the axes of --map prompts, not of pca; give that map too"),
        (
            ("--map", "prompts", "--prompts", "a,b,c"),
            "--prompts is 'a,b,c'; give four captions with commas, as in horse,camel,grass,desert",
        ),
        (("--map", "prompts", "--prompts", "a,,b,c"), "give four captions with commas"),
        (("--map", "prompts", "--prompts", "a,b,c,d,e"), "give four captions with commas"),
        (
            ("--map", "prompts", "--prompts", "horse,horse,grass,desert"),
            "Two prompts of an axis are one point in this model: they are the same",
        ),
        (("--map", "prompts", "--prompts", "horse,!?,grass,desert"), "A caption needs at least one word"),
    ],
)
def test_a_map_that_cannot_be_is_one_sentence(
    cli: Cli, models: list[artefacts.Artefact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    options: tuple[object, ...], sentence: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(compare, "open_set", lambda *_: IMAGES)
    out = tmp_path / "maps.html"
    assert sentence in refused(cli, models[0].key, models[2].key, *options, "--out", out)
    assert not out.exists()


def test_a_model_without_captions_has_no_prompt_axes(
    cli: Cli, models: list[artefacts.Artefact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "open_set", lambda *_: IMAGES)
    said = refused(cli, models[0].key, models[3].key, "--map", "prompts", "--out", tmp_path / "maps.html")
    assert said == "This model says captions word by word: a caption has no place in its space."


def test_models_of_different_sets_are_one_sentence(
    cli: Cli, models: list[artefacts.Artefact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = publish(IMAGES, BASE.replace(data_seed=95, data_version="0"))
    monkeypatch.setattr(compare, "open_set", lambda *_: IMAGES)
    said = refused(cli, models[0].key, other.key, "--out", tmp_path / "maps.html")
    assert said == "The models were trained on different image sets; choose models of one set."


def test_a_place_that_cannot_be_written_is_one_sentence(
    cli: Cli, models: list[artefacts.Artefact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = dataclasses.replace(IMAGES, about={"pictures": "none"})
    monkeypatch.setattr(compare, "open_set", lambda *_: shown)
    monkeypatch.setattr(compare_page, "page", lambda *_: "a page")
    out = tmp_path / "nowhere" / "maps.html"
    assert refused(cli, models[0].key, models[1].key, "--out", out) == (
        f"{out} cannot be written (No such file or directory); give --out another place."
    )


def test_a_map_that_another_process_fits_is_exit_code_3(
    cli: Cli, models: list[artefacts.Artefact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    monkeypatch.setattr(compare, "open_set", lambda *_: IMAGES)
    monkeypatch.setattr(jobs, "LOCK_WAIT", 0)
    (key,) = map_keys([models[0].key], Projection("tsne", seed=9))
    jobs.work_folder(key).mkdir(parents=True)
    options = ("--map", "tsne", "--seed", 9, "--out", tmp_path / "maps.html")
    with FileLock(jobs.work_folder(key) / "lock"):
        code, out, err = cli("compare", models[0].key, models[1].key, *options)
    assert (code, out) == (BUSY, "")
    assert err.splitlines()[-1].startswith(key)
    assert "Traceback" not in err
