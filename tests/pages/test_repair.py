"""Repair on the page: alone, as the presenter with a wall, as a team's phone; in each phase."""

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from unittest.mock import Mock

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from tests.api.published import publish
from vlcore.classroom import repair, teams
from vlcore.classroom.repair import DESCRIPTIVE, EDITING, REPAIR, REVEALED, SHORT, UNSEEN, Repair
from vlcore.classroom.session import Started, find_session, move_session, start_session
from vlcore.data.catalogue import open_set
from vlcore.data.importers import import_set
from vlcore.experiment import limits
from vlcore.experiment.captions import quoted_captions
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import (
    MOST,
    Add,
    Draw,
    Edit,
    Fade,
    Relabel,
    Remove,
    Weigh,
    canonical_edits,
)
from vlcore.experiment.wording import TOWERS_SEEN
from vlcore.jobs.jobs import State
from vlcore.metrics.estimate import Estimate
from vlcore.web import work
from vlcore.web.lesson import repair_ranking

from .app import (
    FakeQueue,
    alts,
    choose,
    code_of,
    labels,
    look,
    opened,
    pets,
    press,
    press_in_part,
    text_of,
)

IMAGES = open_set("scenes")
BASE = repair.repair_base(IMAGES, SHORT)
POOL = repair.addable_rows(IMAGES, BASE)
lesson = partial(opened, "6_Lesson")


@cache
def baselines_of(base: Condition) -> dict[str, list[Condition]]:
    return repair.repair_baselines(open_set(base.data), base)


HELD = baselines_of(BASE)


@pytest.fixture(autouse=True)
def no_drawing(queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test tests no model in unseen scenes, and has what chance drew before."""
    monkeypatch.setattr(
        repair_ranking, "cached_baselines", lambda _images, base: baselines_of(base)
    )
    monkeypatch.setattr(
        repair_ranking, "_unseen", lambda key, images: Estimate(0.7, 0.64, 0.76, 200)
    )


def began() -> Started:
    return start_session(REPAIR, "scenes", SHORT)


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


def tool(page: AppTest, name: str) -> AppTest:
    return choose(page, "Change", name)


def train(page: AppTest) -> AppTest:
    return press(page, next(label for label in labels(page) if label.startswith("Train our")))


def stands_out(page: AppTest) -> bool:
    """Whether the button that reveals is the primary one."""
    return (
        next(button for button in page.button if button.label == "Reveal").proto.type == "primary"
    )


def counted(page: AppTest) -> str:
    return str(page.get("progress")[0].proto.text)


def test_alone_one_changes_takes_back_and_trains(empty_home: Path, queue: FakeQueue) -> None:
    page = lesson(lesson="repair")
    assert counted(page) == f"0 of {MOST} changes"
    assert next(one for one in page.button if one.label.startswith("Train our")).disabled
    offered = pictures(page)
    assert (
        offered
        == [row for row in POOL if IMAGES.table["group"].iat[row] == "horse_desert"][: len(offered)]
    )
    tap(tap(page, offered[0]), offered[1])
    assert counted(page) == f"2 of {MOST} changes"
    assert "horse in the desert: 14 (was 12)" in text_of(page)
    assert not set(offered[:2]) & set(pictures(page)), "what has joined is offered no more"
    press(tool(page, "Draw"), "Add this image")
    removed = pictures(tool(page, "Remove"))[0]
    tap(page, removed)
    relabelled = pictures(tool(page, "Caption"))[0]
    tap(page, relabelled)
    press(tool(page, "Weigh"), "Weigh")
    press(tool(page, "Fade"), "Fade")
    press(page, "Fade")
    expected = [
        Add(offered[0]),
        Add(offered[1]),
        Draw("camel", "snow"),
        Remove(removed),
        Relabel(relabelled, "descriptive"),
        Weigh("horse_desert", 3),
        Fade(0.5),
    ]
    assert counted(page) == f"7 of {MOST} changes"
    next(button for button in page.button if button.key == "back_0").click().run()
    train(press(page, "Undo"))
    assert queue.asked == [edited(*expected).key]
    assert "**Try 1**: 7 changes · **counts**" in text_of(page)
    assert [bar.proto.text for bar in page.get("progress")][1:] == ["starting"]
    assert "accuracy **" not in text_of(page), "no number before the reveal"


def test_a_reload_keeps_changes_and_tries_of_who_is_alone(
    empty_home: Path, queue: FakeQueue
) -> None:
    page = lesson(lesson="repair")
    first, second = pictures(page)[:2]
    train(tap(page, first))
    tap(page, second)
    packed = page.query_params["repair"]
    again = lesson(lesson="repair", repair=packed[0] if isinstance(packed, list) else packed)
    assert counted(again) == f"2 of {MOST} changes"
    assert "**Try 1**: 1 change · **counts**" in text_of(again)
    assert f"({limits.REPAIR_TRIES - 1} of {limits.REPAIR_TRIES} tries left)" in "".join(
        labels(again)
    )
    taken = Repair().put(Remove(POOL[0])).packed(BASE)
    for hostile in ("nonsense", taken):
        refused = lesson(lesson="repair", repair=hostile)
        assert counted(refused) == f"0 of {MOST} changes"
        assert refused.warning


def test_after_the_reveal_an_advisor_is_put_to_the_test(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "run_in_worker", lambda _who, task, *given: task(*given))
    monkeypatch.setattr(repair_ranking, "advise", lambda _key, _rows: POOL[:MOST])
    publish([condition for of in HELD.values() for condition in of])
    queue.disk = True
    page = lesson(lesson="repair")
    assert not page.toggle, "nothing is advised before the reveal"
    page = lesson(lesson="repair", phase=REVEALED)
    page.toggle(key="advice").set_value(True).run()
    arms = repair.advice_conditions(IMAGES, BASE, POOL[:MOST])
    press(page, "Add them and train again")
    assert set(queue.asked) == {one.key for of in arms.values() for one in of}
    assert "0 of 15 models" in page.get("progress")[0].proto.text
    publish([one for of in arms.values() for one in of])
    repair_ranking._advised.clear()
    page = lesson(lesson="repair", phase=REVEALED, advice="true")
    assert "Add them and train again" not in labels(page), "a link asks no advisor"
    press(page, "Ask the advisor")
    assert "n = 5 seeds" in text_of(page)
    assert [one.split(":")[0] for one in alts(page)[0].split("; ")] == [*HELD, *arms]


def test_who_is_alone_sees_the_wall_of_one(empty_home: Path, queue: FakeQueue) -> None:
    publish([condition for of in HELD.values() for condition in of])
    queue.disk = True
    page = lesson(lesson="repair")
    assert "As it is: accuracy" in text_of(page), "the model as it was is revealed"
    assert not stands_out(page), "there is no repair to reveal"
    assert "Prepare" not in labels(page)
    row = pictures(page)[3]
    tap(page, row)
    publish([edited(Add(row))])
    train(page)
    assert "Trained." in text_of(page)
    assert stands_out(page)
    press(page, "Reveal")
    assert [one.split(":")[0] for one in alts(page)[0].split("; ")] == ["You", *HELD]
    assert text_of(page).count("as it was") >= 2, "both groups have a number before and after"
    link = next(one for one in page.get("page_link") if "as it was" in one.proto.label)
    assert edited(Add(row)).key in link.proto.query_string
    assert "data=scenes" in link.proto.query_string
    press(page, "Last: scenes that nobody drew")
    assert "200 images a model" in text_of(page)
    press(press(page, "Back"), "Back")
    assert counted(page) == f"1 of {MOST} changes"


def test_on_a_pretrained_tower_one_alone_and_a_class_prepare_and_repair_its_model(
    empty_home: Path, queue: FakeQueue
) -> None:
    base = repair.repair_base(IMAGES, DESCRIPTIVE, "pretrained")
    page = lesson(lesson="repair", towers="pretrained", repair_labels=DESCRIPTIVE)
    for words in (
        TOWERS_SEEN["pretrained"],
        quoted_captions("descriptive", IMAGES.grouping),
        "Trains 9 models, about",
    ):
        assert words in text_of(page)
    press(page, "Prepare")
    assert queue.asked == [
        one.key for of in repair.repair_baselines(IMAGES, base).values() for one in of
    ]
    assert "Preparing: 0 of 9 models are there, about " in page.get("progress")[0].proto.text
    press(page, "Start a lesson for a class")
    room = find_session(code_of(page))
    assert room is not None
    assert (room.towers, room.step) == ("pretrained", DESCRIPTIVE)
    student = press(lesson(code=room.code), "New team")
    assert "horse in the desert: 2" in text_of(student)
    tap(student, row := pictures(student)[0])
    queue.asked.clear()
    train(student)
    assert queue.asked == [base.replace(edits=canonical_edits([Add(row)])).key]
    queue.asked.clear()
    press(page.run(), "Add 5 simulated teams")
    simulated = [team for team in teams.teams(room.code) if team.simulated]
    assert queue.asked == [base.replace(edits=team.repair.counts).key for team in simulated]


def test_a_team_is_founded_joined_and_kept_on_the_server(
    empty_home: Path, queue: FakeQueue
) -> None:
    code = began().code
    page = press(lesson(code=code), "New team")
    tap(page, row := pictures(page)[0])
    assert [team.repair.edits for team in teams.teams(code)] == [canonical_edits([Add(row)])]
    other = press(lesson(code=code), "Join Team 1")
    assert counted(other) == f"1 of {MOST} changes"
    tap(other, pictures(other)[0])
    assert counted(page.run()) == f"2 of {MOST} changes", "both phones see one list"
    third = press(lesson(code=code), "New team")
    assert counted(third) == f"0 of {MOST} changes"
    press(third, "Leave the team")
    assert [team.number for team in teams.teams(code)] == [1]
    assert "New team" in labels(third)


def test_a_thirteenth_tap_and_a_fourth_try_are_sentences(
    empty_home: Path, queue: FakeQueue
) -> None:
    code = began().code
    page = press(lesson(code=code), "New team")
    me = page.session_state["lesson_me"]
    for row in POOL[:MOST]:
        teams.change_repair(code, me, lambda now, row=row: now.put(Add(row)))
    tap(page.run(), pictures(page)[0])
    assert f"{MOST + 1} changes" in page.warning[0].value
    for row in POOL[: limits.REPAIR_TRIES]:
        teams.change_repair(code, me, lambda now, row=row: now.take_back(Add(row)).tried())
    before = list(queue.asked)
    teams.change_repair(code, me, lambda now: now.take_back(Add(POOL[MOST - 1])))
    press(page.run(), f"Train our repair (0 of {limits.REPAIR_TRIES} tries left)")
    assert "the most" in page.warning[0].value
    assert queue.asked == before
    queue.state = queue.state.DONE
    press(page.run(), "Let this one count")
    assert teams.teams(code)[0].repair.counts == teams.teams(code)[0].repair.tries[0]


def test_a_phone_trains_the_list_that_its_team_has_now(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = began().code
    page = press(lesson(code=code), "New team")
    me = page.session_state["lesson_me"]
    teams.change_repair(code, me, lambda now: now.put(Fade(0.5)))
    page.run()
    teams.change_repair(code, me, lambda now: now.put(Fade(1.0)))
    train(page)
    assert queue.asked == [edited(Fade(1.0)).key]
    teams.change_repair(code, me, lambda now: now.put(Fade(0.5)))
    monkeypatch.setattr(work, "train", Mock(side_effect=work.QuotaError("You have 12 trainings.")))
    assert "12 trainings" in train(page).warning[0].value
    assert teams.teams(code)[0].repair.tries == (canonical_edits([Fade(1.0)]),), "refused: no try"


def test_parts_of_a_page_follow_others_and_tell_what_is_refused(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Mock(side_effect=work.QuotaError("You have 12 trainings."))
    started = began()
    late = lesson(code=started.code)
    teams.join_team(started.code, "student-1")
    assert "Join Team 1" in labels(look(late))
    with monkeypatch.context() as patch:
        patch.setattr(work, "train", refused)
        wall = lesson(code=started.code, presenter=started.token)
        for page in (wall, lesson(lesson="repair")):
            assert "12 trainings" in press_in_part(page, "Prepare").warning[0].value
    move_session(started.code, started.token, SHORT, REVEALED)
    assert "Nothing is trained yet" in look(wall).info[0].value


def test_the_presenter_rehearses_reveals_and_takes_the_wall_along(
    empty_home: Path, queue: FakeQueue
) -> None:
    started = began()
    page = lesson(code=started.code, presenter=started.token)
    press(page, "Add 5 simulated teams")
    made = teams.teams(started.code)
    assert queue.asked == [BASE.replace(edits=team.repair.counts).key for team in made]
    assert page.dataframe[0].value[["Tries", "Trained"]].to_numpy().tolist() == [[1, 0]] * 5
    teams.join_team(started.code, "student-1")
    row = POOL[0]
    teams.change_repair(started.code, "student-1", lambda now: now.put(Add(row)).tried())
    publish([*(one for of in HELD.values() for one in of), edited(Add(row))])
    assert not stands_out(page)
    publish([BASE.replace(edits=team.repair.counts) for team in made[:3]])
    queue.disk = True
    assert stands_out(page.run())
    press(page.run(), "Reveal")
    names = [one.split(":")[0] for one in alts(page)[0].split("; ")]
    assert sorted(names[:4]) == [
        "Team 1 (simulated)",
        "Team 2 (simulated)",
        "Team 3 (simulated)",
        "Team 6",
    ]
    assert names[4:] == list(HELD)
    assert "Still in training: 2." in text_of(page)
    queue.asked.remove(BASE.replace(edits=made[3].repair.counts).key)
    queue.state = State.FAILED
    assert "Still in training: 1. Failed, cancelled or not started: 1." in text_of(page.run())
    assert [one.proto.label for one in page.get("download_button")] == [
        "Slide (PNG)",
        "Handout",
        "Table (CSV)",
    ]
    choose(page, "Show", "four groups")
    assert len(page.dataframe[0].value) == 9
    press(page, "Last: scenes that nobody drew")
    assert len(alts(page)) == 1, "each answer begins with its ranking"
    choose(page, "Show", "what helped")
    assert "added images" in page.table[0].value.index
    assert "say little about" in text_of(page)
    press(press(page, "Back"), "Back")
    press(page, "Delete the simulated teams")
    assert [team.number for team in teams.teams(started.code)] == [6]
    assert not page.warning


def test_a_phone_follows_and_sees_its_place_only_when_it_is_revealed(
    empty_home: Path, queue: FakeQueue
) -> None:
    started = began()
    publish([*(one for of in HELD.values() for one in of)])
    queue.disk = True
    page = press(lesson(code=started.code), "New team")
    row = pictures(page)[0]
    publish([edited(Add(row))])
    tap(page, row)
    train(page)
    assert "place 1" not in text_of(page)
    for phase in (REVEALED, UNSEEN):
        move_session(started.code, started.token, SHORT, phase)
        page.run()
        assert "**Team 1: place 1 of 1, " in text_of(page)
        assert not pictures(page), "the list is closed"
        assert "added: horse in the desert" in text_of(page)
        assert ": place " not in text_of(lesson(code=started.code))
    move_session(started.code, started.token, SHORT, EDITING)
    assert pictures(page.run())


def test_a_list_that_was_not_trained_is_shown_at_the_reveal_and_what_helped_needs_a_baseline(
    empty_home: Path, queue: FakeQueue
) -> None:
    queue.disk = True
    started = began()
    first, second = (press(lesson(code=started.code), "New team") for _ in range(2))
    row = pictures(first)[0]
    publish([edited(Add(row)), *HELD["reweight"]])
    train(tap(first, row))
    press(tool(second, "Fade"), "Fade")
    move_session(started.code, started.token, SHORT, UNSEEN)
    assert "majority backgrounds 50 % faded" in text_of(second.run())
    assert "Not trained" in text_of(second)
    choose(first.run(), "Show", "what helped")
    assert not first.table
    assert "as it was is not trained" in first.info[0].value


def test_without_anything_trained_the_reveal_says_so(empty_home: Path) -> None:
    assert "Nothing is trained yet" in lesson(lesson="repair", phase=UNSEEN).info[0].value


def test_factors_that_some_images_lack_filter_the_others(
    queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def some(_images: object, rows: Sequence[int], _group: str) -> pd.DataFrame:
        return pd.DataFrame({"coat": ["white", "bay", None]}, index=list(rows[:3]))

    monkeypatch.setattr(repair, "factors_of_group", some)
    page = lesson(lesson="repair")
    assert page.selectbox(key="add_coat").options == ["any", "bay", "white"]
    assert len(pictures(page)) == 3


def test_a_set_of_photos_is_repaired_with_what_it_allows(
    empty_home: Path, tmp_path: Path, queue: FakeQueue
) -> None:
    import_set(pets(tmp_path / "pets"), "pets")
    page = lesson(lesson="repair", data="pets")
    assert not page.error
    tools = next(group for group in page.get("button_group") if group.proto.label == "Change")
    assert "Draw" not in [one.content for one in tools.proto.options]
    press(tool(page, "Fade"), "Fade")
    assert "masks" in page.warning[0].value
    tap(tool(page, "Remove"), pictures(page)[0])
    assert counted(page) == f"1 of {MOST} changes"
    images = open_set("pets")
    assert "dfr" not in repair.repair_baselines(images, repair.repair_base(images, SHORT))
    assert "2 usual methods" in text_of(page)
    press(page, "Prepare")
    assert queue.asked
    press(page, "Reveal")
    assert not [button.label for button in page.button if button.label.startswith("Last")]
