"""Repair on the page: alone, as the presenter with a wall, and as a team's phone."""

from functools import cache, partial
from pathlib import Path
from unittest.mock import Mock

import pytest
from streamlit.testing.v1 import AppTest

from tests.api.published import publish
from tests.data.importers.sources import pets
from vlcore.classroom import repair
from vlcore.classroom.repair import REPAIR, REVEALED, STEP
from vlcore.classroom.session import Started, move_session, start_session
from vlcore.data.catalogue import open_set
from vlcore.data.importers import import_set
from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import MOST, Add, Edit, Remove, canonical_edits
from vlcore.web import work
from vlcore.web.lesson.live import repair as page_of_repair

from .app import FakeQueue, alts, choose, labels, opened, press, setting, text_of

IMAGES = open_set("scenes")
BASE = repair.repair_base(IMAGES)
POOL = repair.unused_rows(IMAGES, repair.training_set(IMAGES, BASE, repair.Repair()))
lesson = partial(opened, "6_Lesson")


@cache
def baselines_of(base: Condition) -> dict[str, list[Condition]]:
    return repair.repair_baselines(open_set(base.data), base)


HELD = [condition for of in baselines_of(BASE).values() for condition in of]


@pytest.fixture(autouse=True)
def known_baselines(queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_of_repair, "_baselines", lambda _images, base: baselines_of(base))


def began() -> Started:
    return start_session(REPAIR, "scenes", STEP)


def edited(*edits: Edit) -> Condition:
    return BASE.replace(edits=canonical_edits(edits))


def pictures(page: AppTest) -> list[int]:
    """The rows whose pictures can be tapped."""
    labels = [button.label for button in page.button if button.label.startswith("![")]
    return [int(label.rpartition("/")[2].removesuffix(")")) for label in labels]


def tap(page: AppTest, row: int) -> AppTest:
    next(button for button in page.button if button.label.endswith(f"/{row})")).click().run()
    assert not page.exception
    return page


def train(page: AppTest) -> AppTest:
    return press(page, next(label for label in labels(page) if label.startswith("Train our")))


def counted(page: AppTest) -> str:
    return str(page.get("progress")[0].proto.text)


def test_alone_one_changes_takes_back_trains_and_sees_the_ranking(
    empty_home: Path, queue: FakeQueue
) -> None:
    publish(HELD)
    queue.disk = True
    page = lesson(lesson="repair")
    assert counted(page) == f"0 of {MOST} changes"
    assert "Prepare" not in labels(page), "the baselines are trained"
    first, second = pictures(page)[:2]
    assert IMAGES.table["group"].iat[first] == IMAGES.grouping.minority[0]
    tap(tap(page, first), second)
    assert not {first, second} & {*pictures(page)}, "what has joined is offered no more"
    removed = pictures(choose(page, "Change", "Remove"))[0]
    tap(page, removed)
    assert counted(page) == f"3 of {MOST} changes"
    page.button(key=f"back_add_{second}").click().run()
    train(page)
    condition = edited(Add(first), Remove(removed))
    assert queue.asked == [condition.key]
    again = lesson(lesson="repair", repair=setting(page, "repair"))
    assert counted(again) == f"2 of {MOST} changes", "the address keeps it"
    publish([condition])
    press(page, "Reveal")
    assert [one.split(":")[0] for one in alts(page)[0].split("; ")] == ["You", *baselines_of(BASE)]
    assert len(page.get("download_button")) == 3
    assert counted(press(page, "Back")) == f"2 of {MOST} changes"


@pytest.mark.parametrize("hostile", ["nonsense", f"r{POOL[0]}"])
def test_changes_of_an_address_that_cannot_be_trained_are_a_sentence(
    empty_home: Path, hostile: str
) -> None:
    page = lesson(lesson="repair", repair=hostile)
    assert counted(page) == f"0 of {MOST} changes"
    assert page.warning


def test_teams_on_phones_are_ranked_on_the_wall(empty_home: Path, queue: FakeQueue) -> None:
    started = start_session(REPAIR, "scenes", STEP, towers="pretrained")
    base = repair.repair_base(IMAGES, "pretrained")
    wall = lesson(code=started.code, presenter=started.token)
    press(wall, "Prepare")
    assert queue.asked == [one.key for of in baselines_of(base).values() for one in of]
    queue.asked.clear()
    phone = press(lesson(code=started.code), "Start a team")
    tap(phone, row := pictures(phone)[0])
    condition = base.replace(edits=canonical_edits([Add(row)]))
    train(phone)
    assert queue.asked == [condition.key]
    assert "accuracy" not in text_of(phone).replace("Its accuracy is shown", ""), "no number yet"
    publish([condition])
    queue.disk = True
    assert wall.run().dataframe[0].value.to_numpy().tolist() == [["Team 1", 1, 1, 1]]
    press(wall, "Reveal")
    for page in (wall, phone.run()):
        assert alts(page)[0].startswith("Team 1: ")
        assert len(page.dataframe[0].value) == 1
    assert wall.get("download_button")
    assert not phone.get("download_button"), "files are the lecturer's"


def test_what_is_refused_is_a_sentence_and_no_try(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = began().code
    page = press(lesson(code=code), "Start a team")
    me = page.session_state["lesson_me"]
    for row in POOL[:MOST]:
        repair.change(code, me, lambda now, row=row: now.turned(Add(row)))
    tap(page.run(), pictures(page)[0])
    assert page.warning
    with monkeypatch.context() as patch:
        patch.setattr(work, "train", Mock(side_effect=work.QuotaError("You have 12 trainings.")))
        assert train(page).warning
    assert repair.teams(code)[0].repair.tries == ()
    for row in POOL[: limits.REPAIR_TRIES]:
        repair.change(code, me, lambda now, row=row: now.turned(Add(row)).tried())
    repair.change(code, me, lambda now: now.turned(Add(POOL[MOST - 1])))
    assert train(page.run()).warning
    assert queue.asked == []


def test_without_anything_trained_the_reveal_says_so(empty_home: Path) -> None:
    assert lesson(lesson="repair", phase=REVEALED).info
    started = began()
    phone = lesson(code=started.code)
    move_session(started.code, started.token, STEP, REVEALED)
    assert phone.run().info


def test_a_set_of_photos_is_repaired_with_the_methods_that_it_allows(
    empty_home: Path, tmp_path: Path, queue: FakeQueue
) -> None:
    import_set(pets(tmp_path / "pets"), "pets")
    page = lesson(lesson="repair", data="pets")
    tap(choose(page, "Change", "Remove"), pictures(page)[0])
    assert counted(page) == f"1 of {MOST} changes"
    images = open_set("pets")
    assert "dfr" not in repair.repair_baselines(images, repair.repair_base(images))
