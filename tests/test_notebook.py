"""The front door: what `import vlcore` gives, the examples of its docstrings, and the walk of
docs/notebook.ipynb."""

import doctest
import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import vlcore as vl
from tests.conftest import QUICK_STEPS
from tests.data.importers.sources import pets
from tools.notebook import NOTEBOOK, PAGE, notebook_text
from vlcore.api.models import Model
from vlcore.artifacts.store import Artifact
from vlcore.data.decoding import UploadError
from vlcore.experiment.errors import LabError
from vlcore.study import running

ROOT = Path(__file__).parents[1]
DOCUMENTED = (
    "vlcore",
    "vlcore.api.comparison",
    "vlcore.api.models",
    "vlcore.study.running",
    "vlcore.data",
    "vlcore.api.exports",
    "vlcore.api.failures",
    "vlcore.api.grid",
    "vlcore.api.suspect_labels",
)
WALK = NOTEBOOK.read_text().replace("steps=400", f"steps={QUICK_STEPS}")
PUBLIC_NAMES = "Condition Estimate LabError Model __version__ compare data export load models train"
INSTALL, *CODE = [
    "".join(cell["source"]) for cell in json.loads(WALK)["cells"] if cell["cell_type"] == "code"
]
IMPORT = next(number for number, code in enumerate(CODE) if "data.add" in code)  # own images


@pytest.fixture
def model(quick: list[Artifact]) -> Model:
    return vl.load(quick[0].key)


def test_public_names_are_there_and_nothing_heavy_comes_with_the_library() -> None:
    script = (
        "import sys, vlcore; assert not {'torch', 'pandas', 'numpy'} & set(sys.modules);"
        f" print(*dir(vlcore)); [getattr(vlcore, name) for name in {PUBLIC_NAMES.split()}]"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == set(vl.__all__)
    assert set(vl.__all__) - {"data", "__version__"} == {
        name for name in vl.__all__ if callable(getattr(vl, name))
    }
    with pytest.raises(AttributeError):
        vl.nothing  # noqa: B018


@pytest.mark.parametrize("module", DOCUMENTED)
def test_examples_of_docstrings_run(module: str, quick: list[Artifact]) -> None:
    results = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert results.failed == 0


def test_every_public_function_has_an_example() -> None:
    sets = [vl.data.load, vl.data.add, vl.data.names]
    shown = [vl.train, vl.load, vl.models, vl.run_study, vl.export, vl.compare, vl.embed, vl.grid]
    shown += [vl.explain, *sets]
    assert all(">>>" in (function.__doc__ or "") for function in shown)


def test_the_notebook_is_made_from_the_page() -> None:
    """After a change of docs/notebook.md: python -m tools.notebook."""
    assert NOTEBOOK.read_text() == notebook_text(PAGE.read_text())


def test_a_cell_ends_with_an_expression_and_loses_nothing() -> None:
    code = "x = 1\nx  # shown\nf(\n    2,\n)\ny = 3\n"
    page = f"# A\n\n```python\n{code}```\n\n```sh\npip list\n```\nend"
    cells = json.loads(notebook_text(page))["cells"]
    assert ["".join(cell["source"]) for cell in cells] == [
        "# A",
        "x = 1\nx  # shown",
        "f(\n    2,\n)",
        "y = 3",
        "%pip list",
        "end",
    ]


def test_the_walk_through_it_runs(
    quick: list[Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code in CODE[:IMPORT]:
        exec(code, names)  # the document is ours
    assert INSTALL == "%pip install ."
    assert len(CODE) > 30
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "grid.svg",
        "maps.html",
        "maps.svg",
        "model.parquet",
        "some.csv",
    ]


def test_the_walk_goes_on_with_images_of_ones_own(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(empty_home)
    pets(empty_home / "images")
    for code in CODE[IMPORT:]:
        exec(code, {"vl": vl})
    trained, version = vl.models().iloc[0], vl.data.load("mine").version
    assert (trained["data"], trained["data_version"], trained["bias"]) == ("mine", version, 0.5)
    # Others train a study; here it is asked what would be trained.
    monkeypatch.setattr(running, "train_missing", lambda _plan, **_: running.StudyRun())
    moved = vl.Condition().replace(data="mine")
    arms = vl.run_study("experiments", base=moved).plan.conditions
    assert {(arm.data_version, arm.n_per_group) for arm in arms} == {
        (version, trained["n_per_group"])
    }


def test_a_number_is_an_estimate_or_says_why_it_is_not_there(model: Model) -> None:
    accuracy = model.metrics["minority_accuracy"]
    stored = model.artifact.metrics["end"]["minority_accuracy"]
    assert accuracy == vl.Estimate(**stored)
    assert model.metrics["group_accuracy.horse_desert"].n == 500
    assert set(model.metrics) == set(model.metrics.table().index)
    assert model.at("untrained")["silhouette_context"] != model.metrics["silhouette_context"]
    with pytest.raises(KeyError, match="not defined"):
        model.metrics["calibration"]
    for moment in ("noon", "first_fit"):  # twelve steps fit no captions
        with pytest.raises(KeyError, match="choose untrained or end"):
            model.at(moment)


def test_a_picture_of_the_map_is_its_own_nearest_neighbour(model: Model, tmp_path: Path) -> None:
    row = int(model.map.rows[0])
    picture = Image.fromarray(model.images.pixels(np.array([row]))[0])
    picture.save(tmp_path / "own.png")
    answers = model.embed([tmp_path / "own.png", picture])
    reports = [upload.reports["Model"] for upload in answers.uploads]
    assert [report.neighbours[0][0] for report in reports] == [row, row]
    assert answers.embeddings["Model"].shape == (2, model.map.z.shape[1])
    np.testing.assert_allclose(answers.places("Model"), model.map.points[[0, 0]], atol=1e-4)
    for report in reports:
        assert sum(caption.probability for caption in report.captions) == pytest.approx(1)
    assert len(answers.table()) == 2


def test_an_image_is_the_same_by_its_path_and_as_it_is(model: Model, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 120, 4), np.uint8)
    pixels[:, :60, 3] = 0
    turned = Image.Exif()
    turned[0x112] = 6  # to the right
    Image.fromarray(pixels).save(tmp_path / "cutout.png")
    Image.fromarray(pixels[..., :3]).save(tmp_path / "turned.jpg", exif=turned)
    paths = [tmp_path / "cutout.png", tmp_path / "turned.jpg"]
    opened = list(map(Image.open, paths))
    as_they_are, by_path = (model.embed(images).embeddings["Model"] for images in (opened, paths))
    np.testing.assert_allclose(as_they_are, by_path, atol=1e-6)
    assert [image.size for image in opened] == [(120, 60)] * 2, "the caller's stay as they are"


def test_what_cannot_be_opened_is_one_sentence(model: Model, tmp_path: Path) -> None:
    (tmp_path / "note.png").write_text("no picture")
    for path in (tmp_path / "nowhere.png", tmp_path / "note.png"):
        with pytest.raises(UploadError):
            model.embed(path)
    with pytest.raises(UploadError):
        model.embed([])
    for key in ("nothing-there", f"{model.key}.pca.map"):
        with pytest.raises(LabError):
            vl.load(key)


def test_a_comparison_takes_options_of_maps_by_name(model: Model) -> None:
    options = vl.compare(model, colour_by="prediction", components=(2, 3)).options
    assert options == vl.MapOptions(vl.Projection(components=(2, 3)), colour_by="prediction")
    with pytest.raises(LabError, match="colours"):
        vl.compare(model, colours="prediction")
    with pytest.raises(LabError, match="one or two"):
        vl.compare()


def test_models_show_themselves(model: Model, quick: list[Artifact]) -> None:
    both = vl.compare(model, quick[1].key)
    assert model.key in repr(model)
    assert "Accuracy on rare images" in model._repr_html_()
    assert {"x0", "x1"} <= set(both.points)
    assert isinstance(both.table(), pd.DataFrame)
    assert "vconcat" in both.chart().to_dict()
    shown = both._repr_mimebundle_()
    assert shown["text/plain"] == repr(both)
    assert shown["text/html"].startswith("<iframe")
    assert set(vl.models().index) >= {artifact.key for artifact in quick}
    assert set(vl.models()["labels"]) >= {"short", "descriptive"}
