"""The command that explains a prediction by training images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.api.stand_ins import published_trials
from tests.cli.conftest import Document, Models, Refused
from vlcore.api.models import load


def test_it_prints_the_strongest_images_and_the_outcome_of_a_test(
    document: Document, quick: Models
) -> None:
    key = quick[2].key
    model = load(key)
    row = int(model.embeddings.map_rows[0])
    explanation = model.explain(row, top=3)
    with published_trials(quick[2], explanation):
        printed = document("explain", key, "--image", row, "--top", 3, "--test")
    asked = explanation.question
    against = [image["row"] for image in printed[f"most_towards_{asked.other}"]]
    assert against == explanation.strongest_against["row"].tolist()
    assert len(printed[f"most_towards_{asked.object}"]) == 3
    assert [arm["n"] for arm in printed["test"]] == [5, 5, 5]
    assert printed["confirmed"] is False
    assert printed["margin"].startswith(f"Score of {asked.object} less {asked.other}")


def test_a_file_is_asked_for_an_object(document: Document, quick: Models, tmp_path: Path) -> None:
    file = tmp_path / "noise.png"
    pixels = np.random.default_rng(0).integers(0, 255, (90, 140, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)
    printed = document("explain", quick[2].key, "--image", file, "--shows", "horse")
    assert 0 < len(printed["most_towards_horse"]) <= 12


@pytest.mark.parametrize(
    ("image", "words"),
    [("9999999", "9999999"), ("nothing.png", "nothing.png"), ("", "give the path")],
)
def test_what_cannot_be_explained_is_refused(
    refused: Refused, quick: Models, image: str, words: str
) -> None:
    assert words in refused("explain", quick[2].key, "--image", image)
