"""Selections that visitors keep: found by anybody by name, listed for one, within a quota."""

from pathlib import Path

import pytest

from vlcore.experiment import limits
from vlcore.experiment.files import HomeError, models_folder
from vlcore.web import kept_selections as kept

pytestmark = pytest.mark.usefixtures("empty_home")


def titles(visitor: str, images: str = "AAAA") -> list[str]:
    return [selection.title for selection in kept.titled(visitor, images)]


def test_what_one_visitor_keeps_is_found_by_its_name_and_listed_for_that_one() -> None:
    assert kept.find_selection("abcdefghijkl") is None
    assert titles("me") == []
    name = kept.keep("me", "AAAA", b"rows", "My  camels")
    again = kept.keep("me", "AAAA", b"rows")
    other = kept.keep("me", "BBBB", b"rows")
    assert name == again != other
    found = kept.find_selection(name)
    assert found is not None
    assert (found.images, found.rows) == ("AAAA", b"rows")
    assert titles("me") == ["My camels"], "a title stays when the same is kept without one"
    assert titles("you") == titles("me", "BBBB") == []
    for nonsense in ("", "x", "../../../etc", "é" * 12, name + "x"):
        assert kept.find_selection(nonsense) is None


def test_two_visitors_keep_the_same_apart() -> None:
    name = kept.keep("me", "AAAA", b"rows", "mine")
    assert kept.keep("you", "AAAA", b"rows", "yours") == name
    kept.forget("me", name)
    assert (titles("me"), titles("you")) == ([], ["yours"])
    assert kept.find_selection(name) is not None
    kept.forget("you", name)
    assert kept.find_selection(name) is None


def test_of_a_visitor_titles_stay_before_others_and_of_a_server_the_latest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "SELECTIONS", 3)
    monkeypatch.setattr(limits, "ALL_SELECTIONS", 4)
    oldest = kept.keep("me", "AAAA", b"0", "first")
    names = [kept.keep("me", "AAAA", bytes([number])) for number in range(1, 5)]
    assert kept.find_selection(oldest) is not None
    assert [kept.find_selection(name) is not None for name in names] == [False, False, True, True]
    yours = [kept.keep("you", "AAAA", bytes([number]), str(number)) for number in range(5, 7)]
    assert kept.find_selection(oldest) is None, "the titles of some do not shut others out"
    assert all(kept.find_selection(name) for name in yours)
    assert [kept.find_selection(name) is not None for name in names] == [False, False, True, True]


def test_what_was_just_kept_stays_where_titles_fill_the_quota(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "SELECTIONS", 2)
    named = [kept.keep("me", "AAAA", bytes([number]), str(number)) for number in range(2)]
    link = kept.keep("me", "AAAA", b"a link")
    assert [kept.find_selection(name) is not None for name in (*named, link)] == [False, True, True]


def test_an_empty_file_has_nothing(empty_home: Path) -> None:
    models_folder().mkdir()
    (models_folder() / ".selections.sqlite").touch()
    assert kept.find_selection("abcdefghijkl") is None
    assert titles("me") == []


def test_a_file_that_is_damaged_or_cannot_be_written_is_a_sentence(empty_home: Path) -> None:
    kept.keep("me", "AAAA", b"rows")
    file = models_folder() / ".selections.sqlite"
    file.write_bytes(b"no database" * 99)
    with pytest.raises(HomeError, match="damaged"):
        kept.titled("me", "AAAA")
    file.unlink()
    file.mkdir()
    with pytest.raises(HomeError):
        kept.keep("me", "AAAA", b"rows")
