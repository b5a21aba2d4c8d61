"""A source becomes an image set, or nothing does and one sentence says why."""

import csv
import hashlib
import json
import multiprocessing
import os
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from tests.data.importers.sources import Tree, encoded, groups, pack, picture, table, write
from vlcore.data import catalogue
from vlcore.data.catalogue import open_set, set_names
from vlcore.data.imageset import COLUMNS, ImageSetError
from vlcore.data.importers import ImportBusyError, ImportSetError, import_set
from vlcore.data.subset import MEASURED
from vlcore.experiment import limits
from vlcore.experiment.files import HomeError, data_folder
from vlcore.experiment.vocabulary import MAX_WORDS

FOUR = groups(4, 4, 4, 4)


def nothing_left() -> bool:
    """Whether an import that failed left nothing at all."""
    return set_names() == ["scenes", "balanced-cues", "renders"] and not list(
        (data_folder() / ".incoming").glob("*")
    )


def pictures_of(name: str) -> set[str]:
    root = data_folder() / name
    return {str(path.relative_to(root)) for path in root.rglob("*.jpg")}


def test_a_folder_becomes_a_set(tree: Tree) -> None:
    progress: list[tuple[int, int]] = []
    long = " ".join(["a", "photo", *["of"] * MAX_WORDS, "{object}"])
    how: dict[str, Any] = {"licence": "CC0\n<b>", "short": long}
    source = tree(groups(6, 4, 6, 4))
    report = import_set(source, "mine", **how, progress=lambda *done: progress.append(done))
    images = open_set("mine")
    counts = {"horse_grass": 6, "horse_desert": 4, "camel_desert": 6, "camel_grass": 4}
    assert (images.counts(), report["counts"]) == ({"pool": counts}, counts)
    assert (report["splitting"], images.folds) == ({"kind": "folds", "folds": 4}, 4)
    assert report["folder"] == str(images.root) == str(data_folder() / "mine")
    assert progress == [(done, 20) for done in range(21)]
    assert list(images.table)[:-1] == [*COLUMNS, "source"]
    assert images.table["caption"].value_counts()["horse on the grass"] == 6
    assert images.table["scene"].is_unique
    for row in range(20):
        with Image.open(images.path(row)) as kept:
            assert (kept.format, kept.mode, kept.size) == ("JPEG", "RGB", (192, 192))
            assert "exif" not in kept.info
    about = json.loads((images.root / "dataset.json").read_text())
    notes = about.pop("notes")
    assert notes == ["Folders named OBJECT/CONTEXT.", *report["warnings"]]
    assert f"models read its first {MAX_WORDS} words" in " ".join(notes)
    assert len(about.pop("version")) == 8
    assert about == {
        "name": "mine",
        "source": "source",
        "licence": "CC0 <b>",
        "sizes": [192],
        "images": 20,
        "objects": ["horse", "camel"],
        "contexts": ["grass", "desert"],
        "seed": 0,
        "skipped": 0,
        "checksum": hashlib.sha256((images.root / "metadata.csv").read_bytes()).hexdigest(),
        "captions": {"undescriptive": long, "descriptive": "{object} {place}"},
        "splitting": {"kind": "folds", "folds": 4},
        "measured": {"per_group": MEASURED, "seed": 0},
    }


def test_each_picture_can_be_traced_to_the_source(tree: Tree) -> None:
    deep = "/".join(["a long way down"] * 25)
    files = groups(4, 4, 4, 4, pattern=f"{deep}/{{0}}/{{1}}/=\u202e{{2}} é.png")
    import_set(tree(files), "mine")
    table = open_set("mine").table
    assert sorted(table["source"]) == sorted(name.replace("\u202e", "") for name in files)
    assert all(f"{deep}/{row.object}/{row.context}/=" in row.source for row in table.itertuples())


def test_the_same_source_is_the_same_version_and_any_change_another(
    tree: Tree, tmp_path: Path
) -> None:
    source = tree(FOUR)
    members = {
        f"wrapped/{path.relative_to(source)}": path.read_bytes() for path in source.rglob("*.png")
    }
    zipped = pack(
        tmp_path / "source.zip", [*reversed(members.items()), ("__MACOSX/wrapped/._x.png", b"x")]
    )

    def version(name: str, source: Path = source, **options: Any) -> str:
        assert import_set(source, name, **options)["left_out"] is None
        return open_set(name).version

    first = version("one")
    assert version("zip", zipped, licence="CC0") == first
    assert version("other", short="a {object}") != first
    (source / "horse/grass/0.png").write_bytes(picture(99))
    assert version("changed") != first


def test_what_was_left_out_is_reported_and_kept_beside_the_pictures(tree: Tree) -> None:
    odd = {
        'horse/grass/a, "b" ä.png': b"no picture",
        "horse/grass/x.gif": b"none",
        "horse/grass/y.png": b"",
    }
    odd |= {"horse/desert/cut.jpg": picture(99, "JPEG", (300, 300))[:2000]}
    large = encoded(np.random.default_rng(3).integers(0, 256, (2700, 2700, 3), np.uint8))
    usable = groups(5, 5, 5, 5, pattern="{0}/{1}/{2}.jpg") | {"horse/grass/large.PNG": large}
    assert len(large) > limits.UPLOAD_BYTES
    report = import_set(tree(usable | odd), "most")
    assert Path(report["left_out"]) == data_folder() / "most" / "left-out.csv"
    with Path(report["left_out"]).open(encoding="utf-8", newline="") as table:
        lines = [tuple(line) for line in csv.reader(table)]
    assert lines == [("file", "reason"), *report["skipped"]]
    assert sorted(name for name, _ in report["skipped"]) == sorted(odd)
    assert open_set("most").about["skipped"] == len(odd)


def test_given_splits_are_kept_small_test_cells_are_said_and_no_copy_straddles_them(
    tree: Tree,
) -> None:
    train = groups(30, 10, 30, 10, pattern="train/{0}/{1}/{2}.jpg")
    test = groups(20, 20, 20, 7, pattern="test/{0}/{1}/{2}.jpg", start=1000)
    copies: dict[str, Any] = {
        "train/horse/grass/copy.jpg": 1000,
        "test/camel/grass/copy.webp": 1019,
    }
    report = import_set(tree(train | test | copies), "mine")
    images = open_set("mine")
    assert (report["splitting"], images.folds) == ({"kind": "fixed"}, 0)
    assert list(images.counts()["train"].values()) == [27, 8, 27, 8]
    assert list(images.counts()["test"].values()) == [20, 20, 20, 8]
    assert set(images.counts()) == {"train", "val", "probe", "test"}
    (small,) = [warning for warning in report["warnings"] if "say little" in warning]
    assert "8 images of camel_grass" in small
    # A copy within the test set stays there; one of a test picture leaves the training set.
    assert report["duplicates"] == {"clusters": 2, "pictures": 4, "removed": 1}
    ((name, reason),) = report["skipped"]
    assert name == "train/horse/grass/copy.jpg"
    assert "test/horse/grass/0.jpg, which is in the source's test set" in reason
    assert any(warning.startswith("1 training image left out") for warning in report["warnings"])
    assert (images.table.groupby("scene")["split"].nunique() == 1).all()
    assert pictures_of("mine") == set(images.table["file_name"])


def test_equal_pictures_contradict_each_other_or_leave_nothing_to_hold_out(
    tree: Tree, tmp_path: Path
) -> None:
    files = groups(6, 6, 6, 6)
    twice = write(tmp_path / "twice", files | {"camel/desert/same.png": files["horse/grass/0.png"]})
    report = import_set(twice, "twice")
    assert sorted(name for name, _ in report["skipped"]) == [
        "camel/desert/same.png",
        "horse/grass/0.png",
    ]
    assert all("contradict" in reason for _, reason in report["skipped"])
    assert list(report["counts"].values()) == [5, 6, 6, 6]
    assert len(pictures_of("twice")) == 23
    catalogue.discard_set("twice")
    alike = {name: 999 if name.startswith("horse/grass") else seed for name, seed in files.items()}
    with pytest.raises(ImportSetError, match="The 6 images of horse_grass are nearly the same"):
        import_set(tree(alike), "mine")
    assert nothing_left()


def test_too_many_pictures_are_drawn_from_by_chance(tree: Tree) -> None:
    source = tree(groups(12, 5, 4, 4) | {"camel/grass/broken.png": b"x"})
    chosen = []
    for seed in (0, 1):
        report = import_set(source, f"set-{seed}", max_per_group=5, seed=seed)
        assert list(report["counts"].values()) == [5, 5, 4, 4]
        words = f"5 of 12 images of horse_grass were chosen by chance (seed {seed})."
        assert words in report["warnings"]
        chosen.append(open_set(f"set-{seed}").table["source"].tolist())
        assert [name for name, _ in report["skipped"]] == ["camel/grass/broken.png"]
        assert (report["not_chosen"], open_set(f"set-{seed}").about["skipped"]) == (7, 1)
        with Path(report["left_out"]).open(encoding="utf-8", newline="") as listed:
            _, (broken, _), *others = csv.reader(listed)
        assert broken == "camel/grass/broken.png", "what has a fault comes first"
        not_chosen = [name for name, reason in others if reason.startswith("was not among")]
        assert sorted(not_chosen + chosen[-1]) == sorted(groups(12, 5, 4, 4))
    assert chosen[0] != chosen[1]


def test_what_is_chosen_of_a_group_is_chosen_of_each_split(tree: Tree) -> None:
    files = groups(40, 40, 40, 40, pattern="train/{0}/{1}/{2}.jpg")
    files |= groups(20, 20, 20, 2, pattern="test/{0}/{1}/{2}.jpg", start=1000)
    report = import_set(tree(files), "mine", max_per_group=12)
    assert report["splitting"] == {"kind": "fixed"}
    assert list(report["counts"].values()) == [12] * 4
    assert list(open_set("mine").counts()["test"].values()) == [4, 4, 4, 1]


def labelled(files: dict[str, Any], column: str, values: list[str]) -> dict[str, Any]:
    """Files with a table of their labels and one more column."""
    pairs = [name.split("/")[-3:-1] for name in files]
    lines = [(name, *pair, value) for name, pair, value in zip(files, pairs, values, strict=True)]
    return {**files, "labels.csv": table(("file", "object", "context", column), *lines)}


def test_an_image_without_a_split_does_not_cost_the_test_set(tree: Tree) -> None:
    files = groups(12, 12, 12, 12)
    splits = ["test" if number % 3 == 0 else "train" for number in range(48)]
    splits[1] = splits[2] = ""
    report = import_set(tree(labelled(files, "split", splits)), "mine")
    assert report["splitting"] == {"kind": "fixed"}
    assert set(open_set("mine").counts()["test"].values()) == {4}
    reason = "has no split in the source, and others have one"
    assert report["skipped"] == [(name, reason) for name in list(files)[1:3]]
    assert "2 images left out because the source has no split of theirs." in report["warnings"]
    assert report["duplicates"]["removed"] == 0


@pytest.mark.parametrize("unmarked", [30, 2])
def test_the_few_images_with_a_split_do_not_cost_the_others(tree: Tree, unmarked: int) -> None:
    files = groups(*[unmarked] * 4)
    files |= groups(1, 1, 1, 1, pattern="train/{0}/{1}/{2}.png", start=500)
    files |= groups(1, 1, 1, 1, pattern="test/{0}/{1}/{2}.png", start=600)
    report = import_set(tree(files), "mine")
    assert set(report["counts"].values()) == {unmarked + 2}
    assert (report["splitting"]["kind"], report["skipped"]) == ("folds", [])
    assert any(f"too few images (8 of {len(files)})" in words for words in report["warnings"])


def test_a_name_that_cannot_be_used_or_is_taken_is_refused(tree: Tree, tmp_path: Path) -> None:
    with pytest.raises(ImageSetError, match="named"):  # before anything is read
        import_set(tmp_path / "nothing", "my set")
    source = tree(FOUR)

    def take(done: int, of: int) -> None:
        if done == of:
            (data_folder() / "meanwhile").mkdir()
            (data_folder() / "meanwhile" / "x").touch()

    with pytest.raises(ImageSetError, match="There is a folder meanwhile"):
        import_set(source, "meanwhile", progress=take)
    assert nothing_left()
    import_set(source, "mine")
    for name, words in (("mine", "'mine' already"), ("meanwhile", "There is a folder meanwhile")):
        with pytest.raises(ImageSetError, match=words):
            import_set(source, name)


def stop(done: int, _of: int) -> None:
    if done == 7:
        assert any((data_folder() / ".incoming").rglob("*.jpg"))
        raise KeyboardInterrupt


def test_an_import_that_is_stopped_or_has_no_room_leaves_nothing(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tree(FOUR)
    with pytest.raises(KeyboardInterrupt):
        import_set(source, "mine", progress=stop)
    assert nothing_left()
    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", Mock(side_effect=OSError(28, "No space left on device")))
        with pytest.raises(HomeError, match=r"data cannot be written \(No space left on device\)"):
            import_set(source, "mine")
    assert nothing_left()
    import_set(source, "mine")


def _import_and_die(source: Path, home: str) -> None:
    os.environ["VLCORE_HOME"] = home
    import_set(source, "dies", progress=lambda done, _of: os._exit(9) if done == 7 else None)


def test_what_a_killed_import_left_is_removed_by_the_next(tree: Tree, tmp_path: Path) -> None:
    source = tree(FOUR)
    process = multiprocessing.get_context("spawn").Process(
        target=_import_and_die, args=(source, str(tmp_path))
    )
    process.start()
    process.join(60)
    assert process.exitcode == 9
    assert set_names() == ["scenes", "balanced-cues", "renders"]
    assert list((data_folder() / ".incoming").glob("dies-*/images"))
    import_set(source, "mine")
    assert not list((data_folder() / ".incoming").glob("dies-*"))


def test_what_a_living_import_writes_is_left_and_its_name_is_busy(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "LOCK_WAIT", 0)
    source, incoming = tree(FOUR), data_folder() / ".incoming"
    (incoming / "busy-1").mkdir(parents=True)
    with FileLock(incoming / "busy.lock"):
        import_set(source, "mine")
        assert (incoming / "busy-1").exists()
        with pytest.raises(ImportBusyError, match="busy is being imported"):
            import_set(source, "busy")
    import_set(source, "busy")
    assert [path.name for path in incoming.iterdir()] == [], "no locks either"
