"""The commands for failures and suspect labels print what notebooks have."""

from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Document, Models, Refused
from vlcore.api.failures import failures
from vlcore.api.suspect_labels import suspect_labels


def test_failures_are_those_of_the_library(document: Document, quick: Models) -> None:
    printed, expected = document("failures", quick[2].key), failures(quick[2].key)
    assert printed["sentence"] == expected.sentence
    assert [part["object"] for part in printed["objects"]] == list(expected.objects)
    assert pd.DataFrame(printed["worst"]).equals(expected.worst)
    assert set(printed["others"]) == set(expected.others)


def test_suspects_are_a_document_and_a_table(
    document: Document, quick: Models, tmp_path: Path
) -> None:
    expected = suspect_labels(quick[2].key).table
    file = tmp_path / "suspects.csv"
    printed = document("suspects", quick[2].key, "--csv", file)
    assert printed["suspects"] == len(expected) > len(printed["first"]) == 20
    assert [image["row"] for image in printed["first"]] == expected["row"].head(20).tolist()
    assert pd.read_csv(file)["row"].tolist() == expected["row"].tolist()


@pytest.mark.parametrize("command", ["failures", "suspects"])
def test_a_key_that_no_model_has_is_refused(refused: Refused, command: str) -> None:
    assert "nowhere" in refused(command, "nowhere")
