"""Three journeys in Firefox, with the server of the journeys in Chromium."""

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.firefox import Firefox, needs_firefox
from vlcore.classroom.lessons import lessons
from vlcore.classroom.session import all_votes, start_session
from vlcore.experiment.condition import Condition

pytestmark = [pytest.mark.browser, pytest.mark.judge, needs_firefox]


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Firefox:
    return Firefox(tmp_path_factory.mktemp("firefox"))


def test_the_riddle(firefox: Firefox, server: str) -> None:
    seen = firefox.go("riddle", server)
    assert seen["hidden"] == [100, 0], "rare images, before and after the answer"
    assert seen["removed"] == "100% (0 of 48 rare images kept)"
    assert "map_bias=100" in seen["url"]


def test_a_vote(firefox: Firefox, server: str) -> None:
    first, *_ = lessons(Condition())["four-experiments"].steps
    code = start_session("four-experiments", "scenes", first.name).code
    firefox.go("vote", server, code=code, vote=f"A: {first.choices[0].text}")
    assert list(all_votes(code)[first.name].values()) == [1]


def test_an_upload(firefox: Firefox, server: str, tmp_path: Path) -> None:
    picture, file = Image.new("RGB", (240, 240), "tan"), tmp_path / "drawn.png"
    ImageDraw.Draw(picture).ellipse((60, 60, 180, 180), fill="saddlebrown")
    picture.save(file)
    seen = firefox.go("upload", server, file=str(file), name=file.name)
    assert len(seen["predictions"]) == 2, "of both models"
