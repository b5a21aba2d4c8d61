"""A source becomes an image set that `read_set` opens, or nothing does and one sentence says why."""

from __future__ import annotations

import csv
import hashlib
import json
import multiprocessing
import os
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from filelock import FileLock
from PIL import Image

from tests.datasets.importers.sources import groups, pack, picture
from vlcore.core.files import HomeError, data_folder
from vlcore.core.grouping import SCENES
from vlcore.core.vocabulary import MAX_WORDS
from vlcore.datasets import staging
from vlcore.datasets.catalogue import open_set, set_names
from vlcore.datasets.imageset import COLUMNS, ImageSetError
from vlcore.datasets.importers import ImportBusyError, ImportSetError, Report, import_set
from vlcore.datasets.subset import parts

Tree = Any
FOUR = groups(4, 4, 4, 4)


@pytest.fixture(autouse=True)
def _own_home(empty_home: Path) -> None:
    """Every test writes to a home of its own."""


def nothing_left() -> bool:
    """Whether an import that failed left nothing at all."""
    return set_names() == ["scenes", "balanced-cues"] and not list((data_folder() / ".incoming").glob("*"))


# --- what a set is


def test_a_folder_becomes_a_set(tree: Tree) -> None:
    progress: list[tuple[int, int]] = []
    source = tree(groups(6, 4, 6, 4) | {"horse_grass/0.txt": "my own horse"})
    report = import_set(source, "mine", licence="CC0", progress=lambda done, of: progress.append((done, of)))
    images = open_set("mine")
    assert images.grouping.objects == SCENES.objects
    assert images.grouping.contexts == SCENES.contexts
    assert images.counts() == {"pool": {"horse_grass": 6, "horse_desert": 4, "camel_desert": 6, "camel_grass": 4}}
    assert report.counts == images.counts()["pool"]
    assert (report.splitting, images.folds, len(parts(images, 0))) == ({"kind": "folds", "folds": 4}, 4, 4)
    assert report.folder == images.root == data_folder() / "mine"
    assert progress == [(done, 20) for done in range(21)]
    assert list(images.table)[:-1] == [*COLUMNS, "source"]
    assert images.table["caption"].value_counts()["horse on the grass"] == 5
    assert "my own horse" in set(images.table["caption"])
    assert len(set(images.table["scene"])) == 20
    for row in range(20):
        with Image.open(images.path(row)) as kept:
            assert (kept.format, kept.mode, kept.size) == ("JPEG", "RGB", (192, 192))
            assert "exif" not in kept.info
    assert images.pixels([0, 19]).shape == (2, 64, 64, 3)


def test_the_description_holds_what_is_needed_to_know_the_set_again(tree: Tree) -> None:
    import_set(tree(FOUR), "mine", licence="CC0\n<b>", short="a {object}", descriptive="{object}, {context}")
    about = json.loads((data_folder() / "mine" / "dataset.json").read_text())
    listing = (data_folder() / "mine" / "metadata.csv").read_bytes()
    assert about.pop("notes")[0] == "Folders named OBJECT_CONTEXT."
    assert len(about.pop("version")) == 8
    assert about == {
        "name": "mine",
        "source": "source",
        "format": "folders",
        "licence": "CC0 <b>",
        "sizes": [192],
        "objects": ["horse", "camel"],
        "contexts": ["grass", "desert"],
        "images": 16,
        "checksum": hashlib.sha256(listing).hexdigest(),
        "captions": {"undescriptive": "a {object}", "descriptive": "{object}, {context}"},
        "splitting": {"kind": "folds", "folds": 4},
        "seed": 0,
        "skipped": 0,
    }


def test_each_picture_can_be_traced_to_the_source(tree: Tree) -> None:
    deep = "/".join(["a long way down"] * 25)
    files = {f"{deep}/{name}": seed for name, seed in groups(4, 4, 4, 4, pattern="{0}/{1}/=\u202e{2} é.png").items()}
    import_set(tree(files), "mine")
    table = open_set("mine").table
    assert sorted(table["source"]) == sorted(name.replace("\u202e", "") for name in files)
    for source, obj, context in zip(table["source"], table["object"], table["context"], strict=True):
        assert f"{deep}/{obj}/{context}/=" in source
    listing = data_folder() / "mine" / "metadata.csv"
    pd.read_csv(listing, dtype=str, keep_default_na=False).drop(columns="source").to_csv(listing, index=False)
    assert list(open_set("mine").table)[:-1] == list(COLUMNS), "sets from before pictures could be traced are read"


def test_the_same_source_is_the_same_version_and_any_change_another(tree: Tree, tmp_path: Path) -> None:
    source = tree(FOUR)
    members = {f"wrapped/{path.relative_to(source)}": path.read_bytes() for path in source.rglob("*.png")}
    zipped = pack(tmp_path / "source.zip", [*reversed(members.items()), ("__MACOSX/wrapped/._x.png", b"x")])

    def version(name: str, source: Path = source, **options: Any) -> str:
        assert import_set(source, name, **options).skipped == []
        return open_set(name).version

    first = version("one")
    assert version("two", licence="CC0") == version("zip", zipped) == first
    assert version("three", short="a {object}") != first
    assert version("four", objects=("camel", "horse"), contexts=("grass", "desert")) != first
    (source / "horse_grass/0.png").write_bytes(picture(99))
    assert version("five") != first


def test_what_was_left_out_is_reported_and_kept_beside_the_pictures(tree: Tree) -> None:
    assert import_set(tree(groups(9, 9, 9, 9, pattern="{0}/{1}/{2}.jpg")), "all").left_out is None
    assert not (data_folder() / "all" / "left-out.csv").exists()
    odd = {'horse/grass/a, "b" ä.png': b"no picture", "horse/grass/x.gif": b"no picture either"}
    report = import_set(tree(odd), "most")
    assert report.left_out == data_folder() / "most" / "left-out.csv"
    with report.left_out.open(encoding="utf-8", newline="") as table:
        assert [tuple(line) for line in csv.reader(table)] == [("file", "reason"), *report.skipped]
    assert sorted(name for name, _ in report.skipped) == sorted(odd)
    document = json.loads(json.dumps(report.as_dict()))
    assert set(document) == set(Report.__annotations__)
    assert (document["folder"], document["left_out"]) == (str(data_folder() / "most"), str(report.left_out))
    assert import_set(data_folder() / "most", "again").format == "imagefolder", "the list is no table of pictures"


# --- splits and duplicates


def test_the_source_s_train_and_test_are_kept_and_small_test_cells_are_said(tree: Tree) -> None:
    train = groups(30, 10, 30, 10, pattern="train/{0}/{1}/{2}.jpg")
    test = groups(20, 20, 20, 7, pattern="test/{0}/{1}/{2}.jpg", start=1000)
    report = import_set(tree(train | test), "mine")
    images = open_set("mine")
    assert (report.splitting, images.folds) == ({"kind": "fixed"}, 0)
    assert list(images.counts()["test"].values()) == [20, 20, 20, 7]
    assert list(images.counts()["train"].values()) == [27, 8, 27, 8]
    assert set(images.counts()) == {"train", "val", "probe", "test"}
    (small,) = [warning for warning in report.warnings if "say little" in warning]
    assert "7 pictures of camel_grass" in small


def test_near_duplicates_share_a_scene_and_do_not_straddle_train_and_test(tree: Tree) -> None:
    train = groups(9, 9, 9, 9, pattern="train/{0}/{1}/{2}.jpg")
    test = groups(5, 5, 5, 5, pattern="test/{0}/{1}/{2}.jpg", start=1000)
    copies: dict[str, Any] = {"train/horse/grass/copy.jpg": 1000, "test/camel/grass/copy.webp": 1019}
    report = import_set(tree(train | test | copies), "mine")
    table = open_set("mine").table
    # A copy within the test set stays there; one of a test picture leaves the training set.
    assert report.duplicates == {"clusters": 2, "pictures": 4, "removed": 1}
    ((name, reason),) = report.skipped
    assert name == "train/horse/grass/copy.jpg"
    assert "test/horse/grass/0.jpg, which is in the source's test set" in reason
    assert any(warning.startswith("1 training picture was left out") for warning in report.warnings)
    assert (table.groupby("scene")["split"].nunique() == 1).all()
    assert sorted(table["scene"].value_counts())[-2:] == [1, 2]
    there = {str(path.relative_to(data_folder() / "mine")) for path in (data_folder() / "mine").rglob("*.jpg")}
    assert there == set(table["file_name"])


def test_two_hundred_a_group_are_a_test_set_of_their_own(tree: Tree) -> None:
    report = import_set(tree(groups(200, 200, 200, 200, pattern="{0}/{1}/{2}.jpg")), "mine")
    assert report.splitting == {"kind": "fixed"}
    shares = {"train": 100, "val": 20, "probe": 30, "test": 50}
    assert open_set("mine").counts() == {split: dict.fromkeys(SCENES.names, size) for split, size in shares.items()}


def test_equal_pictures_in_two_groups_are_left_out_of_both(tree: Tree) -> None:
    files = groups(5, 5, 5, 5)
    report = import_set(tree(files | {"camel_desert/same.png": files["horse_grass/0.png"]}), "mine")
    assert sorted(name for name, _ in report.skipped) == ["camel_desert/same.png", "horse_grass/0.png"]
    assert all("contradict" in reason for _, reason in report.skipped)
    assert list(report.counts.values()) == [4, 5, 5, 5]
    assert len(list((data_folder() / "mine").rglob("*.jpg"))) == 19


def test_pictures_that_are_nearly_all_the_same_are_refused_or_said(tree: Tree) -> None:
    files = groups(6, 6, 6, 6, pattern="{0}/{1}/{2}.png")
    alike = {name: 999 if name.startswith("horse/grass") else seed for name, seed in files.items()}
    with pytest.raises(ImportSetError, match="The 6 pictures of horse_grass are nearly the same"):
        import_set(tree(alike), "mine")
    assert nothing_left()
    report = import_set(tree(alike | {"horse/grass/0.png": 0}), "mine")
    assert report.splitting == {"kind": "folds", "folds": 2}
    assert any(warning.startswith("5 of 6 pictures of horse_grass") for warning in report.warnings)


def test_too_many_pictures_are_drawn_from_by_chance(tree: Tree) -> None:
    source = tree(groups(30, 6, 5, 5))

    def pixels(name: str, seed: int) -> set[str]:
        report = import_set(source, name, max_per_group=6, seed=seed)
        assert list(report.counts.values()) == [6, 6, 5, 5]
        assert f"6 of 30 pictures of horse_grass were chosen by chance (seed {seed})." in report.warnings
        images = open_set(name)
        return {hashlib.sha256(images.image(row).tobytes()).hexdigest() for row in range(6)}

    assert pixels("one", 0) == pixels("two", 0) != pixels("three", 1)


def test_forty_thousand_files_are_listed_and_few_are_opened(tree: Tree) -> None:
    source = tree(groups(20, 20, 20, 20, pattern="{0}_{1}/{2}-0.png"))
    for original in sorted(source.rglob("*-0.png")):
        for copy in range(1, 500):
            os.link(original, original.with_name(f"{original.stem[:-1]}{copy}.png"))
    report = import_set(source, "mine", max_per_group=40)
    assert set(report.counts.values()) == {40}
    assert "40 of 10,000 pictures of horse_desert were chosen by chance (seed 0)." in report.warnings
    assert len(list((data_folder() / "mine").rglob("*.jpg"))) == 160


def test_an_image_in_several_groups_of_metashift_is_used_in_none(tree: Tree) -> None:
    files = groups(6, 5, 5, 5, pattern="MetaShift/{0}/{0}({1})/{1}{0}{2}.jpg")
    odd = {f"MetaShift/horse/horse({context})/7.jpg": 500 for context in ("desert", "grass")}
    odd["more/horse/horse(grass)/grasshorse1.jpg"] = files["MetaShift/horse/horse(grass)/grasshorse1.jpg"]
    elsewhere = {"MetaShift/horse/horse(moon)/grasshorse0.jpg": files["MetaShift/horse/horse(grass)/grasshorse0.jpg"]}
    chosen = {"objects": ("horse", "camel"), "contexts": ("grass", "desert")}
    report = import_set(tree(files | odd | elsewhere), "mine", **chosen)
    assert list(report.counts.values()) == [6, 5, 5, 5]
    reasons = ["belongs to several of the chosen groups"] * 2 + ["is there more than once; used once"]
    assert sorted(report.skipped) == list(zip(odd, reasons, strict=True))


def test_files_of_metashift_that_only_share_a_name_are_different_pictures(tree: Tree) -> None:
    large = {f"{obj}(desert)/0.jpg": bytes(50 * 2**20 + 1) for obj in ("camel", "horse")}
    report = import_set(tree(groups(5, 5, 5, 5, pattern="{0}({1})/{2}.jpg") | large), "mine")
    assert report.format == "metashift"
    assert list(report.counts.values()) == [5, 4, 4, 5]
    assert sorted(name for name, _ in report.skipped) == list(large)
    assert all(reason.startswith("has more than") for _, reason in report.skipped)
    assert len(set(open_set("mine").table["scene"])) == 18


# --- names and the disk


@pytest.mark.parametrize("name", ["scenes", "balanced-cues", "Mine", "my set", ".x", "../x", "", "x" * 90, "a-v3"])
def test_a_name_that_cannot_be_used_is_refused_before_anything_is_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(ImageSetError, match="named"):
        import_set(tmp_path / "nothing", name)


def test_a_name_that_is_taken_is_refused(tree: Tree) -> None:
    source = tree(FOUR)

    def take(done: int, of: int) -> None:
        if done == of:
            (data_folder() / "meanwhile").mkdir()
            (data_folder() / "meanwhile" / "x").touch()

    with pytest.raises(ImageSetError, match="There is a folder meanwhile"):
        import_set(source, "meanwhile", progress=take)
    assert nothing_left()
    import_set(source, "mine")
    with pytest.raises(ImageSetError, match="'mine' already"):
        import_set(source, "mine")
    with pytest.raises(ImageSetError, match="There is a folder meanwhile"):
        import_set(source, "meanwhile")


def test_an_interrupted_import_leaves_nothing(tree: Tree) -> None:
    def stop(done: int, _of: int) -> None:
        if done == 7:
            assert any((data_folder() / ".incoming").rglob("*.jpg"))
            raise KeyboardInterrupt

    source = tree(FOUR)
    with pytest.raises(KeyboardInterrupt):
        import_set(source, "mine", progress=stop)
    assert nothing_left()
    import_set(source, "mine")


def _import_and_die(source: Path, home: str) -> None:
    os.environ["VLCORE_HOME"] = home
    import_set(source, "dies", progress=lambda done, _of: os._exit(9) if done == 7 else None)


def test_what_a_killed_import_left_is_removed_by_the_next(tree: Tree, tmp_path: Path) -> None:
    source = tree(FOUR)
    process = multiprocessing.get_context("spawn").Process(target=_import_and_die, args=(source, str(tmp_path)))
    process.start()
    process.join(60)
    assert process.exitcode == 9
    assert set_names() == ["scenes", "balanced-cues"]
    assert list((data_folder() / ".incoming").glob("dies-*/images"))
    import_set(source, "mine")
    assert not list((data_folder() / ".incoming").glob("dies-*"))


def test_what_a_living_import_writes_is_left_alone_and_its_name_is_busy(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "LOCK_WAIT", 0.1)
    source, incoming = tree(FOUR), data_folder() / ".incoming"
    (incoming / "busy-1").mkdir(parents=True)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with FileLock(incoming / "busy.lock"):
            held.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(60)
        import_set(source, "mine")
        assert (incoming / "busy-1").exists()
        with pytest.raises(ImportBusyError, match="busy is being imported"):
            import_set(source, "busy")
    finally:
        done.set()
        thread.join()
    import_set(source, "busy")
    assert [path.name for path in incoming.iterdir()] == [], "no locks either"


def test_a_disk_that_cannot_be_written_is_said(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    source = tree(FOUR)
    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(HomeError, match=r"data cannot be written \(No space left on device\)"):
        import_set(source, "mine")
    assert nothing_left()


def test_captions_that_are_too_long_for_a_model_are_said(tree: Tree) -> None:
    template = " ".join(["a", "photo", *["of"] * MAX_WORDS, "{object}"])
    report = import_set(tree(FOUR), "mine", descriptive=template)
    assert any(f"models read its first {MAX_WORDS} words" in warning for warning in report.warnings)
