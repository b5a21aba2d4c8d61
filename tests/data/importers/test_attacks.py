"""Sources that ask for more than anybody may have, in few bytes: refused before anything is built
of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data.importers.sources import Tree, groups, pack
from vlcore.data.importers import ImportSetError, import_set, look, look_apart
from vlcore.data.importers.source import open_source
from vlcore.experiment import limits

Refused = Callable[[dict[str, bytes]], str]


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """The sentence about a zip of some files, in this process."""

    def sentence(files: dict[str, bytes]) -> str:
        with pytest.raises(ImportSetError) as caught:
            look(pack(tmp_path / "a.zip", files))
        return str(caught.value)

    return sentence


def test_lines_of_all_tables_together_have_a_limit(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ROWS", 5)
    three = {
        f"{at}/metadata.csv": b"file_name,object,context\n" + b"a.jpg,cat,home\n" * 3
        for at in ("train", "test")
    }
    assert "5 lines" in refused(three)
    monkeypatch.setattr(limits, "ROWS", 6)
    assert "no such file" in refused(three)


def test_tables_and_captions_together_have_a_limit_in_bytes(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TABLE_BYTES", 200)
    captions = {f"cat_home/{at}.{kind}": b"a" * 60 for at in range(4) for kind in ("jpg", "txt")}
    assert "tables and captions" in refused(captions)


def test_thousands_of_objects_and_contexts_are_not_crossed(refused: Refused) -> None:
    assert "1,200 objects" in refused({f"o{at}/c{at}/x.jpg": b"" for at in range(1200)})


def test_a_name_of_many_cuts_is_left_out_and_so_is_a_deep_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = {f"{'a_' * 30_000}b/0.jpg": b"x", f"{'猫' * 86}/0.jpg": b"x", f"{'a/' * 5000}0.jpg": b"x"}
    with open_source(pack(tmp_path / "a.zip", {**odd, "cat_home/0.jpg": b"x"})) as source:
        assert source.files == ("cat_home/0.jpg",)
        assert len(source.skipped) == len(odd)
    monkeypatch.setattr(limits, "FOLDER_NAMES", 1)
    with pytest.raises(ImportSetError, match="more than 1 folders"):
        look(pack(tmp_path / "b.zip", {"a_b/0.jpg": b"x", "c_d/0.jpg": b"x"}))


def test_a_look_from_a_helper_is_that_of_this_process(tree: Tree) -> None:
    path = tree(groups(2, 2, 2, 2, pattern="{0}/{1}!/{2}.png") | {"camel/é/0.gif": b"x"})
    here, apart = look(path), look_apart(path)
    assert here.table.equals(apart.table)
    facts = [(one.format, one.about, one.skipped, one.spellings) for one in (here, apart)]
    assert facts[0] == facts[1]


def test_pictures_of_an_import_are_opened_by_the_helper(
    empty_home: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tree(groups(5, 5, 5, 5))
    monkeypatch.setattr(
        "vlcore.data.decoding.Image.open", lambda *_, **__: pytest.fail("opened here")
    )
    report = import_set(source, "pets")
    assert sum(report["counts"].values()) == 20
