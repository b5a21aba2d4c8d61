"""Compare of imported images and embeddings: whose columns and captions are shown, and what is said
where an import has none."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import publish_as
from tests.data.importers.sources import arrays, save
from vlcore.api.imports import import_embeddings, import_set
from vlcore.api.model_map import WITHOUT_CAPTIONS
from vlcore.api.training import train_condition
from vlcore.artifacts import store
from vlcore.data import subset
from vlcore.data.catalogue import open_set
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import plain
from vlcore.plots.options import PCA
from vlcore.web import cache
from vlcore.web.compare.sections import SECTIONS

from .app import (
    alts,
    models_of,
    opened,
    outside_address,
    pets,
    press,
    text_of,
    told_maps,
    with_maps,
)

pytestmark = pytest.mark.usefixtures("experiments")
start = partial(opened, "3_Compare")


@pytest.fixture(scope="module")
def encoders(home: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names of two sets of embeddings of the same pictures."""
    pictures = np.array([f"picture-{number}" for number in range(240)])
    columns = arrays((60,) * 4, name=pictures, text=None, captions=None, text_object=None)
    names = ["first-encoder", "second-encoder"]
    sharpness = np.array([("soft", "sharp")[number % 2] for number in range(240)])
    for name, width, more in zip(names, (8, 6), ({"sharpness": sharpness}, {}), strict=True):
        path = tmp_path_factory.mktemp("npz") / f"{name}.npz"
        import_embeddings(save(path, **columns | more | {"z": columns["z"][:, :width]}), name)
    return names


def test_the_bar_names_the_steps_that_all_models_had(
    quick: list[store.Artifact], encoders: list[str]
) -> None:
    saved = {"left_model": quick[0].key, "right_model": quick[1].key}
    imported = {"data": encoders[0]}
    for address, expected in (
        (saved, f"scenes, {quick[0].condition.steps} steps"),
        ({"right_model": quick[1].key}, "scenes"),
        (imported, plain(encoders[0])),
    ):
        page = with_maps(start(**address))
        assert expected in [caption.value for caption in page.caption]


@pytest.mark.parametrize("left", [0, 1])
def test_columns_are_those_of_the_left_encoders_set(encoders: list[str], left: int) -> None:
    sides = {"left_encoder_of": encoders[left], "right_encoder_of": encoders[1 - left]}
    page = with_maps(
        start(
            data=encoders[0],
            colour="Yours: sharpness",
            **{side: f"Imported embeddings “{name}”" for side, name in sides.items()},
        )
    )
    assert [told_maps(page)[0]["legendTitle"]] == [["Yours: sharpness", ""][left]]
    offered = next(box for box in page.selectbox if box.label == "Colour by").options
    assert ("Yours: sharpness" in offered) == (left == 0)
    assert "The same images by different encoders." in text_of(page)


@pytest.mark.parametrize(
    ("section", "charts", "words"),
    [
        ("Groups", 1, "Accuracy of the animal"),
        ("Agreement", 1, "neighbours changed most"),
        ("Captions", 2, "How alike"),
        ("Failures", 1, "held-out images are wrong"),
        ("Suspect labels", 1, "nearest neighbours of these images have another label"),
        ("Training animation", 2, "Training animation of 2 models"),
        ("All measures", 1, "PCA map"),
        ("Export", 1, "parquet"),
    ],
)
def test_every_section_opens_of_imports_too(
    encoders: list[str], section: str, charts: int, words: str
) -> None:
    trained = with_maps(start(closer=section))
    assert len(alts(trained)) == charts
    assert words in text_of(trained)
    assert not outside_address(trained)
    if charts > 1:
        imported = with_maps(start(data=encoders[0], closer=section))
        titles = [f"Imported embeddings “{name}”" for name in encoders]
        assert list(models_of(imported).values()) == titles
        assert told_maps(imported)
        assert not alts(imported)
        assert imported.info, "why there are none"
    if section == "Suspect labels":
        press(trained, "Select all")
        assert "neighbours in the left model contradict the label" in text_of(trained)
    if section == "All measures":
        columns = set(trained.dataframe[0].value.columns)
        assert {"Left", "Left, untrained", "Right", "Right, untrained", "Images"} <= columns


def test_a_single_encoder_has_a_single_map(encoders: list[str], tmp_path: Path) -> None:
    import_embeddings(save(tmp_path / "alone.npz", **arrays((20,) * 4)), "alone")
    held_out = open_set("alone").rows("test")[0]
    page = with_maps(start(data="alone", picture=f"p{held_out}", search="split:held"))
    assert "The image you clicked" in text_of(page)
    assert len(told_maps(page)[0]["panes"]) == 1
    assert "These are the only embeddings" in text_of(page)
    assert "pretrained" not in str(page.get("button_group")), "it has no towers to choose from"
    for section in SECTIONS:
        with_maps(start(data="alone", closer=section))


def test_images_of_the_address_are_forgotten_with_their_image_set(encoders: list[str]) -> None:
    images = {"picture", "like"}
    page = with_maps(start(data=encoders[0], **dict.fromkeys(images, "p20")))
    page.selectbox(key="data").set_value(encoders[1]).run()
    assert images <= set(with_maps(page).query_params), "the same images by another encoder"
    page.selectbox(key="data").set_value("scenes").run()
    assert not images & set(with_maps(page).query_params)


def test_captions_are_of_the_image_set_that_is_shown(encoders: list[str]) -> None:
    grouping = open_set(encoders[0]).grouping
    page = with_maps(start(closer="Captions"))
    page.selectbox(key="data").set_value(encoders[0]).run()
    assert group_words(grouping)[grouping.minority[1]] in page.text_input(key="caption").value


@pytest.mark.parametrize("section", ["Groups", "Failures", "Captions"])
def test_embeddings_without_captions_say_what_to_import(encoders: list[str], section: str) -> None:
    page = with_maps(start(data=encoders[0], closer=section, picture="p0"))
    assert WITHOUT_CAPTIONS in [info.value for info in page.info]
    assert text_of(page).count(WITHOUT_CAPTIONS) >= 3, "in both models of the clicked image too"
    assert "“”" not in text_of(page)


def test_wrong_images_of_all_folds_are_listed(empty_home: Path, tmp_path: Path) -> None:
    import_set(pets(tmp_path / "pets"), "pets")
    usual = subset.usual_condition(open_set("pets"))
    trained = usual.replace(steps=1, batch_size=8)
    train_condition(trained)
    artifact = store.read(trained.key)
    for style in ("undescriptive", "descriptive"):
        publish_as(artifact, usual.replace(labels=style))
    page = with_maps(start(data="pets", towers="scratch"))
    assert artifact.embeddings.fold_predictions is not None
    rows, predicted = artifact.embeddings.fold_predictions
    table = open_set("pets").table
    n_wrong = int((predicted != table["object"].to_numpy()[rows]).sum())
    assert len(rows) == len(table)
    assert f"**Left model**: {n_wrong} of {len(table)} wrong" in text_of(page)
    (shown,) = (part for part in page.expander if part.label.startswith("All wrong images"))
    assert len(shown.get("image")) == 2 * n_wrong
    places = trained.replace(labels="context")
    train_condition(places)
    text = text_of(with_maps(start(data="pets", towers="scratch", right_model=places.key)))
    assert "The right model predicts no object" in text
    assert "before 0.6" not in text
    keys = [usual.replace(labels=labels).key for labels in ("undescriptive", "descriptive")]
    assert len(cache.comparison(keys, PCA).rows) == len(table), "all are on the maps"
