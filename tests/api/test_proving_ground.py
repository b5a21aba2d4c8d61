"""A finder from outside is judged by its scores, on the same sets as ours."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.conftest import Cli
from vlcore.api import proving_ground
from vlcore.api.proving_ground import JUDGED, PLANTED, judge_scores
from vlcore.data.attributes import attributes_of
from vlcore.data.catalogue import open_set
from vlcore.study.proving_ground import PLANTS, Judgement

SET, PLANT, SEED = "place-95-s7", "place", 7


@pytest.fixture(autouse=True)
def judged_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set with one plant that took, and one with nothing planted."""
    folder = tmp_path / "finders"
    folder.mkdir()
    plants = pd.DataFrame({"set": [SET], "plant": [PLANT], "took": [True]})
    plants.to_csv(folder / PLANTED, index=False)
    sets = pd.DataFrame({"set": [SET, "none-s7"], "planted": [1, 0], "seed": [SEED, SEED]})
    missed = Judgement(1, 0, 1, 1, 0.0, 0, 1, 0)
    sets.assign(finder="ours", **vars(missed)).to_csv(folder / JUDGED, index=False)
    monkeypatch.setattr(proving_ground, "FOLDER", tmp_path)


def fresh_images() -> pd.DataFrame:
    """Fresh images of the seed: number, and whether each is in the planted cell."""
    images = open_set("scenes")
    test = images.rows("test")
    table = images.table.iloc[test]
    scenes, index = np.unique(table["scene"].to_numpy(str), return_inverse=True)
    order = np.random.default_rng([SEED, len(scenes)]).permutation(len(scenes))
    fresh = (order >= len(scenes) // 2)[index]
    cell = PLANTS[PLANT].contains(table["object"].to_numpy(str), attributes_of(images, test))
    return pd.DataFrame({"image": test[fresh], "inside": cell[fresh]})


def written(path: Path, **columns: Any) -> Path:
    file = path / "theirs.csv"
    pd.DataFrame(columns).to_csv(file, index=False)
    return file


def test_a_finder_that_finds_the_plant_has_discovered_it(tmp_path: Path) -> None:
    fresh = fresh_images()
    scores = fresh["inside"].astype(float)
    file = written(tmp_path, set=SET, image=fresh["image"], slice=1, score=scores)
    (row,) = judge_scores(file).to_dict("records")
    assert row["finder"] == "theirs"
    assert (row["discovery"].value, row["false"].value, row["precision"].value) == (1, 0, 1)
    assert (row["alarm"].value, row["alarm"].n) == (0, 1)
    assert row["named"] is None, "a score has no name"


def test_a_finder_that_misses_it_has_not(tmp_path: Path) -> None:
    fresh = fresh_images()
    file = written(tmp_path, set=SET, image=fresh["image"], slice=1, score=1 - fresh["inside"])
    (row,) = judge_scores(file).to_dict("records")
    assert (row["discovery"].value, row["false"].value) == (0, 1)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"set": [SET], "image": [0]}, "lacks columns"),
        ({"set": ["else"], "image": [0], "slice": [1], "score": [1]}, "else"),
        ({"set": [SET], "image": [0], "slice": [1], "score": [1]}, "no fresh image"),
        ({"set": [SET], "image": ["x"], "slice": [1], "score": [1]}, "no number"),
        ({"set": [SET], "image": ["inf"], "slice": [1], "score": [1]}, "no number"),
    ],
)
def test_scores_that_cannot_be_judged_are_refused_in_a_sentence(
    cli: Cli, tmp_path: Path, columns: dict[str, Any], sentence: str
) -> None:
    code, out, error = cli("finders", "--scores", written(tmp_path, **columns))
    assert (code, out) == (2, "")
    assert sentence in error
    assert error.count("\n") == 1


def test_the_command_prints_the_judgement_above_ours(
    document: Callable[..., Any], cli: Cli, tmp_path: Path
) -> None:
    fresh = fresh_images()
    scores = fresh["inside"].astype(float)
    file = written(tmp_path, set=SET, image=fresh["image"], slice=1, score=scores)
    entry, ours = document("finders", "--scores", file)
    assert (ours["finder"], ours["named"]["value"]) == ("ours", 0)
    assert entry["named"] is None
    assert entry["discovery"] == {
        "value": 1.0,
        "low": pytest.approx(0.2, abs=0.1),
        "high": 1.0,
        "n": 1,
    }
    head, first, second = cli("finders", "--scores", file)[1].splitlines()
    assert head.split() == list(entry)
    assert first.split("  ")[:2] == ["theirs", "100 % (21 to 100) of only 1"]
    assert second.startswith("ours")
    assert cli("finders", "--scores", tmp_path / "nothing.csv")[0] == 2
