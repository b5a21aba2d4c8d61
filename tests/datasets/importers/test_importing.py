"""A source becomes an image set that `read_set` opens, or nothing does and one sentence says why."""

from __future__ import annotations

import csv
import hashlib
import json
import multiprocessing
import os
import re
import shlex
import threading
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from PIL import Image

from vlcore.core.files import HomeError, data_folder
from vlcore.core.grouping import SCENES
from vlcore.core.vocabulary import MAX_WORDS
from vlcore.datasets import staging
from vlcore.datasets.catalogue import open_set, set_names
from vlcore.datasets.imageset import COLUMNS, ImageSetError
from vlcore.datasets.importers import ImportBusyError, ImportSetError, Report, import_set
from vlcore.datasets.importers import source as source_module
from vlcore.datasets.subset import parts

Tree = Any
Groups = Any


@pytest.fixture(autouse=True)
def _own_home(empty_home: Path) -> None:
    """Every test writes to a home of its own."""


def noise(size: tuple[int, int], seed: int = 0, mode: str = "RGB") -> Image.Image:
    bands = {"RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    field = np.random.default_rng(seed).integers(0, 256, (6, 6, bands), dtype=np.uint8)
    return Image.fromarray(field, mode if mode == "CMYK" else None).resize(size, Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def nothing_left() -> bool:
    """Whether an import that failed left nothing at all."""
    return set_names() == ["scenes", "balanced-cues"] and not list((data_folder() / ".incoming").glob("*"))


# --- what a set is


def test_a_folder_becomes_a_set(tree: Tree, groups: Groups) -> None:
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
        with Image.open(images.path(row)) as picture:
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (192, 192))
            assert "exif" not in picture.info
    assert images.pixels([0, 19]).shape == (2, 64, 64, 3)


def test_the_description_holds_what_is_needed_to_know_the_set_again(tree: Tree, groups: Groups) -> None:
    import_set(
        tree(groups(4, 4, 4, 4)), "mine", licence="CC0\n<b>", short="a {object}", descriptive="{object}, {context}"
    )
    about = json.loads((data_folder() / "mine" / "dataset.json").read_text())
    listing = (data_folder() / "mine" / "metadata.csv").read_bytes()
    notes = about.pop("notes")
    assert notes[0] == "Folders named OBJECT_CONTEXT."
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


def test_each_picture_can_be_traced_to_the_source(tree: Tree, groups: Groups) -> None:
    deep = "/".join(["a long way down"] * 25)
    files = {f"{deep}/{name}": seed for name, seed in groups(4, 4, 4, 4, pattern="{0}/{1}/=\u202e{2} é.png").items()}
    import_set(tree(files), "mine")
    table = open_set("mine").table
    assert sorted(table["source"]) == sorted(name.replace("\u202e", "") for name in files)
    for source, obj, context in zip(table["source"], table["object"], table["context"], strict=True):
        assert f"{deep}/{obj}/{context}/=" in source


def test_a_set_from_before_pictures_could_be_traced_is_read(tree: Tree, groups: Groups) -> None:
    import_set(tree(groups(4, 4, 4, 4)), "mine")
    listing = data_folder() / "mine" / "metadata.csv"
    pd.read_csv(listing, dtype=str, keep_default_na=False).drop(columns="source").to_csv(listing, index=False)
    assert list(open_set("mine").table)[:-1] == list(COLUMNS)


def test_the_same_source_is_the_same_version_and_any_change_another(tree: Tree, groups: Groups) -> None:
    source = tree(groups(4, 4, 4, 4))

    def version(name: str, **options: Any) -> str:
        import_set(source, name, **options)
        return open_set(name).version

    first = version("one")
    assert version("two", licence="CC0") == first
    assert version("three", short="a {object}") != first
    assert version("four", objects=("camel", "horse"), contexts=("grass", "desert")) != first
    (source / "horse_grass/0.png").write_bytes(encoded(noise((64, 64), 99), "PNG"))
    assert version("five") != first


def test_a_zip_becomes_the_same_set(tree: Tree, groups: Groups, tmp_path: Path) -> None:
    source = tree(groups(4, 4, 4, 4))
    with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
        for path in sorted(source.rglob("*.png"), reverse=True):
            archive.write(path, f"wrapped/{path.relative_to(source)}")
        archive.writestr("__MACOSX/wrapped/._x.png", "x")
    import_set(source, "folder")
    report = import_set(tmp_path / "source.zip", "zip")
    assert report.skipped == []
    assert open_set("zip").version == open_set("folder").version


def test_the_report_can_be_printed(tree: Tree, groups: Groups) -> None:
    report = import_set(tree(groups(4, 4, 4, 4) | {"horse_grass/x.png": b"no"}), "mine")
    document = json.loads(json.dumps(report.as_dict()))
    assert set(document) == set(Report.__annotations__)
    assert document["folder"] == str(data_folder() / "mine")
    assert document["skipped"][0][0] == "horse_grass/x.png"


# --- splits and duplicates


def test_the_source_s_train_and_test_are_kept_and_small_test_cells_are_said(tree: Tree, groups: Groups) -> None:
    train = groups(30, 10, 30, 10, pattern="train/{0}/{1}/{2}.jpg")
    test = groups(20, 20, 20, 7, pattern="test/{0}/{1}/{2}.jpg", start=1000)
    report = import_set(tree(train | test), "mine")
    images = open_set("mine")
    assert report.splitting == {"kind": "fixed"}
    assert images.folds == 0
    assert list(images.counts()["test"].values()) == [20, 20, 20, 7]
    assert list(images.counts()["train"].values()) == [27, 8, 27, 8]
    assert set(images.counts()) == {"train", "val", "probe", "test"}
    assert report.warnings[0] == "The test set has 7 pictures of camel_grass; numbers from fewer than 20 say little."
    assert len([warning for warning in report.warnings if "say little" in warning]) == 1


def test_near_duplicates_share_a_scene_and_do_not_straddle_train_and_test(tree: Tree, groups: Groups) -> None:
    train = groups(9, 9, 9, 9, pattern="train/{0}/{1}/{2}.jpg")
    test = groups(5, 5, 5, 5, pattern="test/{0}/{1}/{2}.jpg", start=1000)
    copies: dict[str, Any] = {"train/horse/grass/copy.jpg": 1000, "test/camel/grass/copy.webp": 1019}
    report = import_set(tree(train | test | copies), "mine")
    table = open_set("mine").table
    # A copy within the test set stays there; one of a test picture leaves the training set.
    assert report.duplicates == {"clusters": 2, "pictures": 4, "removed": 1}
    reason = "is nearly the same picture as test/horse/grass/0.jpg, which is in the source's test set"
    assert report.skipped == [("train/horse/grass/copy.jpg", reason)]
    assert "1 training picture was left out because of near-copies that are held out." in report.warnings
    assert (table.groupby("scene")["split"].nunique() == 1).all()
    assert sorted(table["scene"].value_counts())[-2:] == [1, 2]
    there = {str(path.relative_to(data_folder() / "mine")) for path in (data_folder() / "mine").rglob("*.jpg")}
    assert there == set(table["file_name"])


def test_what_was_left_out_is_kept_beside_the_pictures(tree: Tree, groups: Groups) -> None:
    files = groups(9, 9, 9, 9, pattern="{0}/{1}/{2}.jpg")
    assert import_set(tree(files), "all").left_out is None
    assert not (data_folder() / "all" / "left-out.csv").exists()
    odd = {'horse/grass/a, "b" ä.png': b"no picture", "horse/grass/x.gif": b"no picture either"}
    report = import_set(tree(odd), "most")
    assert report.left_out == data_folder() / "most" / "left-out.csv"
    with report.left_out.open(encoding="utf-8", newline="") as table:
        lines = [tuple(line) for line in csv.reader(table)]
    assert lines == [("file", "reason"), *report.skipped]
    assert sorted(name for name, _ in report.skipped) == sorted(odd)
    assert report.as_dict()["left_out"] == str(report.left_out)
    assert import_set(data_folder() / "most", "again").format == "imagefolder", "the list is no table of pictures"


def test_two_hundred_a_group_are_a_test_set_of_their_own(tree: Tree, groups: Groups) -> None:
    report = import_set(tree(groups(200, 200, 200, 200, pattern="{0}/{1}/{2}.jpg")), "mine")
    assert report.splitting == {"kind": "fixed"}
    assert open_set("mine").counts() == {
        split: dict.fromkeys(SCENES.names, number)
        for split, number in {"train": 100, "val": 20, "probe": 30, "test": 50}.items()
    }


def test_equal_pictures_in_two_groups_are_left_out_of_both(tree: Tree, groups: Groups) -> None:
    files = groups(5, 5, 5, 5)
    files["camel_desert/same.png"] = files["horse_grass/0.png"]
    report = import_set(tree(files), "mine")
    reason = "is the same picture as one in another group, so its labels contradict each other"
    assert sorted(report.skipped) == [("camel_desert/same.png", reason), ("horse_grass/0.png", reason)]
    assert list(report.counts.values()) == [4, 5, 5, 5]
    assert len(list((data_folder() / "mine").rglob("*.jpg"))) == 19


def test_pictures_that_are_nearly_all_the_same_are_refused_or_said(tree: Tree, groups: Groups) -> None:
    files = groups(6, 6, 6, 6, pattern="{0}/{1}/{2}.png")
    alike = {name: 999 if name.startswith("horse/grass") else seed for name, seed in files.items()}
    with pytest.raises(ImportSetError, match="The 6 pictures of horse_grass are nearly the same picture; add others"):
        import_set(tree(alike), "mine")
    assert nothing_left()
    report = import_set(tree(alike | {"horse/grass/0.png": 0}), "mine")
    assert report.splitting == {"kind": "folds", "folds": 2}
    assert "5 of 6 pictures of horse_grass look nearly the same and stay together." in report.warnings


def test_too_many_pictures_are_drawn_from_by_chance(tree: Tree, groups: Groups) -> None:
    source = tree(groups(30, 6, 5, 5))

    def pixels(name: str, seed: int) -> set[str]:
        report = import_set(source, name, max_per_group=6, seed=seed)
        assert list(report.counts.values()) == [6, 6, 5, 5]
        assert f"6 of 30 pictures of horse_grass were chosen by chance (seed {seed})." in report.warnings
        images = open_set(name)
        return {hashlib.sha256(images.image(row).tobytes()).hexdigest() for row in range(6)}

    assert pixels("one", 0) == pixels("two", 0)
    assert pixels("three", 1) != pixels("one-more", 0)


def test_forty_thousand_files_are_listed_and_few_are_opened(tree: Tree, groups: Groups) -> None:
    source = tree(groups(20, 20, 20, 20, pattern="{0}_{1}/{2}-0.png"))
    for original in sorted(source.rglob("*-0.png")):
        for copy in range(1, 500):
            os.link(original, original.with_name(f"{original.stem[:-1]}{copy}.png"))
    report = import_set(source, "mine", max_per_group=40)
    assert set(report.counts.values()) == {40}
    assert "40 of 10,000 pictures of horse_desert were chosen by chance (seed 0)." in report.warnings
    assert len(list((data_folder() / "mine").rglob("*.jpg"))) == 160


# --- masks, captions and names


def test_masks_are_cut_like_their_pictures(tree: Tree, groups: Groups) -> None:
    wide = np.zeros((40, 80), np.uint8)
    wide[10:30, 50:70] = 1  # coded as 0 and 1; the square is columns 20 to 60
    files = groups(4, 4, 4, 4, pattern="{0}/{1}/{2}.png")
    files["horse/grass/0.png"] = encoded(noise((80, 40)), "PNG")
    files["masks/horse/grass/0.png"] = encoded(Image.fromarray(wide), "PNG")
    soft = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None], 48, axis=0)
    files["masks/horse/grass/1.png"] = encoded(Image.fromarray(soft), "PNG")
    files["masks/horse/grass/2.png"] = encoded(Image.fromarray(wide.T), "PNG")
    files["masks/horse/grass/3.png"] = encoded(Image.new("L", (64, 48)), "PNG")
    files["masks/horse/desert/0.png"] = b"no mask"
    report = import_set(tree(files), "mine")
    images = open_set("mine")
    masks = images.table["mask"].tolist()
    assert [bool(mask) for mask in masks[:5]] == [True, True, False, False, False]
    with Image.open(images.root / masks[0]) as picture:
        mask = np.asarray(picture)
    assert (mask.shape, set(np.unique(mask))) == ((192, 192), {0, 255})
    expected = np.zeros((192, 192), bool)
    expected[48:144, 144:192] = True
    assert ((mask > 0) == expected).all()
    with Image.open(images.root / masks[1]) as picture:
        assert abs((np.asarray(picture) > 0).mean() - 0.5) < 0.02
    left_out = next(note for note in report.warnings if "masks" in note)
    assert left_out == "Left out 3 masks (first: masks/horse/grass/2.png has another shape than its picture)."


def test_arrays_are_masks_of_imagenet9_and_no_array_runs_code(tree: Tree, picture_of: Any) -> None:
    files: dict[str, Any] = {}
    for number, (name, variant) in enumerate((n, v) for n in ("00_dog", "01_bird") for v in ("original", "only_fg")):
        for index in range(4):
            files[f"{variant}/val/{name}/{index}.JPEG"] = picture_of(number * 4 + index, "JPEG")
    mask = np.zeros((48, 64), bool)
    mask[:, 32:] = True

    def saved(array: Any, **options: Any) -> bytes:
        out = BytesIO()
        np.save(out, array, **options)
        return out.getvalue()

    claims = saved(mask).replace(b"(48, 64)", b"(9999999, 9999999)")
    for index, content in enumerate(
        (saved(mask), saved(np.array([[{}]], dtype=object), allow_pickle=True), claims, saved(np.zeros(3)))
    ):
        files[f"fg_mask/val/00_dog/{index}.npy"] = content
    report = import_set(tree(files), "mine")
    table = open_set("mine").table
    assert report.format == "imagenet-9"
    assert (table["mask"] != "").sum() == 2  # the one whole array, of both variants
    assert any(
        note.startswith("Left out 6 masks (first: fg_mask/val/00_dog/1.npy is no two") for note in report.warnings
    )
    # A picture and its variants stay together.
    assert len(set(table["scene"])) < len(table)
    with Image.open(data_folder() / "mine" / table["mask"][table["mask"] != ""].iat[0]) as picture:
        assert (np.asarray(picture)[:, 96:] == 255).all()


def test_no_animal_of_imagenet9_is_in_two_folds(tree: Tree, picture_of: Any) -> None:
    files: dict[str, Any] = {}
    for at, name in enumerate(("00_dog", "01_bird")):
        for number in range(8):
            seed = 100 * at + 10 * number
            stem, other = f"n0{at}_{number}", f"n0{at}_{(number + 1) % 8}"
            files[f"original/val/{name}/{stem}.JPEG"] = picture_of(seed, "JPEG")
            files[f"mixed_rand/val/{name}/fg_{stem}_bg_{other}.JPEG"] = picture_of(seed + 1, "JPEG")
    import_set(tree(files), "mine")
    table = open_set("mine").table
    shown = [re.sub(r".*/(fg_)?(n0\d_\d).*", r"\2", source) for source in table["source"]]
    assert len(set(shown)) == 16
    assert (table.groupby(shown)["scene"].nunique() == 1).all()
    assert table["scene"].nunique() == 16


def test_names_and_captions_of_strangers_are_text_and_nothing_else(tree: Tree, groups: Groups) -> None:
    renamed = {"horse": "<script>猫</script>", "grass": "=cmd|x", "camel": "co\u0308w"}
    files = {}
    for name, seed in groups(4, 4, 4, 4).items():
        for old, new in renamed.items():
            name = name.replace(old, new.replace("/", ""))
        files[name] = seed
    first = next(iter(files))
    caption = {first.replace(".png", ".txt"): "<b>\x00my\u202e cat</b>\r\n" + "x" * 400}
    report = import_set(tree(files | caption), "mine")
    images = open_set("mine")
    assert set(images.grouping.objects) == {"script 猫 script", "cöw"}
    assert set(images.grouping.contexts) == {"cmd x", "desert"}
    for sentence in (
        "'script 猫 script' is called '<script>猫<script>' in the source.",
        "'cmd x' is called '=cmd|x' in the source.",
    ):
        assert sentence in report.warnings
    assert not any("'cöw'" in warning for warning in report.warnings), "composed, which nobody sees"
    own = [caption for caption in images.table["caption"] if caption.startswith("<b>")]
    assert own == ["<b>my cat</b> " + "x" * 286]
    assert all(images.path(row).exists() for row in range(16))
    assert all(name.isascii() for name in images.table["file_name"])


def test_captions_alone_are_read_by_the_words_that_are_given(tree: Tree, groups: Groups) -> None:
    lines = ["filepath\ttitle"]
    files = groups(5, 5, 5, 5, pattern="{0} {1} {2}.png")
    for name in files:
        obj, context, _ = name.split(" ")
        lines.append(f"{name}\tA {obj} somewhere in {context}!")
    source = tree(files | {"list.tsv": "\n".join(lines), "odd.png": 99})
    with pytest.raises(ImportSetError, match=r"captions in source do not say .* --objects A,B --contexts C,D, or"):
        import_set(source, "mine")
    report = import_set(source, "mine", objects=("Horse", "camel"), contexts=("desert", "grass"))
    images = open_set("mine")
    assert report.format == "captions-csv"
    assert images.grouping.contexts == ("desert", "grass")
    assert "A horse somewhere in grass!" in set(images.table["caption"])
    with pytest.raises(ImportSetError, match="0 usable pictures of zebra_grass"):
        import_set(source, "zebras", objects=("zebra", "camel"), contexts=("grass", "desert"))


# --- choosing


def many(tree: Tree) -> Path:
    sizes = {("cat", "sofa"): 5, ("cat", "snow"): 4, ("dog", "sofa"): 4, ("dog", "snow"): 6, ("cow", "snow"): 1}
    names = [f"{obj}/{context}/{number}.png" for (obj, context), size in sizes.items() for number in range(size)]
    return tree({name: seed for seed, name in enumerate(names)})


def test_more_than_two_must_be_chosen_from(tree: Tree) -> None:
    source = many(tree)
    there = r"3 objects \(dog 10, cat 9, cow 1\) and 2 contexts \(snow 11, sofa 9\)"
    with pytest.raises(ImportSetError, match=rf"{there}; .*, for example --objects cat,dog --contexts sofa,snow\.$"):
        import_set(source, "pets")
    import_set(source, "pets", objects=("dog", "cat"))
    assert open_set("pets").grouping.contexts == ("snow", "sofa")
    import_set(source, "by-order", objects=("cat", "dog"), contexts=("snow", "sofa"))
    assert open_set("by-order").grouping.contexts == ("snow", "sofa")


def test_the_example_can_be_typed_and_works(tree: Tree, cli: Any) -> None:
    objects = {"hot air balloon": (5, 4, 1), "dog's": (4, 4, 9), "cow": (0, 9, 9)}
    contexts = ("at (my) home", "grass", "snow")
    files = {
        f"{obj}/{context}/{number}.png": seed * 100 + at * 20 + number
        for seed, (obj, sizes) in enumerate(objects.items())
        for at, (context, size) in enumerate(zip(contexts, sizes, strict=True))
        for number in range(size)
    }
    source = tree(files)
    with pytest.raises(ImportSetError, match=r"3 objects .* and 3 contexts ") as caught:
        import_set(source, "all")
    for name in ("hot air balloon 10", "dog s 17", "cow 18", "at (my) home 9", "grass 17", "snow 19"):
        assert name in str(caught.value)
    for number, given in enumerate(([], ["--objects", "dog s,hot air balloon"], ["--contexts", "grass,at (my) home"])):
        _, _, err = cli("data", "import", source, "--name", f"set-{number}", *given)
        typed = shlex.split(err.partition("for example ")[2].strip().removesuffix("."))
        code, _, err = cli("data", "import", source, "--name", f"set-{number}", *typed)
        assert code == 0, err
        grouping = open_set(f"set-{number}").grouping
        assert set(grouping.objects) == {"hot air balloon", "dog s"} or not given
        assert min(open_set(f"set-{number}").counts()["pool"].values()) >= 4


def test_where_no_two_objects_share_two_contexts_no_example_is_made_up(tree: Tree) -> None:
    names = ("cat/sofa", "cat/snow", "dog/snow", "dog/sea", "cow/sea", "cow/sofa")
    source = tree({f"{name}/{number}.png": 1 for name in names for number in range(4)})
    with pytest.raises(ImportSetError, match="no two objects with pictures in the same two contexts; add pictures"):
        import_set(source, "pets")
    with pytest.raises(ImportSetError, match="in the same two contexts among cat and dog; add pictures or choose"):
        import_set(source, "pets", objects=("cat", "dog"))


def test_the_report_says_what_belongs_where_and_how_to_swap_it(tree: Tree) -> None:
    sizes = {("a cat", "in snow"): 4, ("a cat", "sofa"): 6, ("dog", "in snow"): 6, ("dog", "sofa"): 4}
    names = [f"{obj}/{context}/{number}.png" for (obj, context), size in sizes.items() for number in range(size)]
    source = tree({name: seed for seed, name in enumerate(names)})
    report = import_set(source, "pets")
    grouping = open_set("pets").grouping
    assert grouping.majority == ("a cat_sofa", "dog_in snow")
    assert "--objects 'a cat,dog' --contexts 'in snow,sofa'" in report.majority
    import_set(source, "swapped", objects=("a cat", "dog"), contexts=("in snow", "sofa"))
    assert open_set("swapped").grouping.majority == grouping.minority


def test_names_of_places_in_the_place_of_objects_are_pointed_at(tree: Tree, groups: Groups) -> None:
    hint = "desert and grass were read as objects; if they are contexts, the format context-first reads them so."
    source = tree(groups(4, 4, 4, 4, pattern="{1}/{0}/{2}.png"))
    assert hint in import_set(source, "wrong").warnings
    assert not any("context-first" in said for said in import_set(source, "right", format="context-first").warnings)
    files = {f"more/{place}/{obj}/1.png": 1 for place in ("deep snow", "Beaches", "rocks") for obj in ("cat", "dog")}
    words = r"\(.* and .* were read as objects; if .*, the format context-first reads them so\)\.$"
    with pytest.raises(ImportSetError, match=words):
        import_set(tree(files) / "more", "more")


def test_given_contexts_keep_their_order_where_the_objects_are_found(tree: Tree, groups: Groups) -> None:
    import_set(tree(groups(9, 4, 9, 4)), "mine", contexts=("desert", "grass"))
    grouping = open_set("mine").grouping
    assert (grouping.objects, grouping.contexts) == (("camel", "horse"), ("desert", "grass"))


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"objects": ("cat", "zebra")}, r"no object named 'zebra'; it has dog 10, cat 9, cow 1\."),
        ({"objects": ("cat", "cat")}, "Give two different objects"),
        ({"objects": ("cat", "CAT")}, "Give two different objects"),
        ({"objects": ("cat", "dog", "cow")}, "Give two different objects"),
        ({"objects": ("cat",)}, "Give two different objects"),
        ({"objects": ("cat", "?")}, "Give two different objects"),
        ({"objects": ("cat", "dog"), "contexts": ("snow", "sea")}, "source has no context named 'sea'"),
        ({"objects": ("cat", "cow")}, r"source has 0 usable pictures of cow_sofa and a group needs at least 4 \("),
        ({"objects": ("cat", "dog"), "max_per_group": 3}, "Give at least 4 pictures a group"),
        ({"objects": ("cat", "dog"), "seed": -1}, "a seed of at least 0"),
        ({"objects": ("cat", "dog"), "short": "{context}"}, "does not name the object; write {object} in it"),
        ({"objects": ("cat", "dog"), "short": "thing"}, "does not name the object"),
        ({"objects": ("cat", "dog"), "descriptive": "{object} {colour}"}, "has unknown fields; use {object}, "),
        ({"objects": ("cat", "dog"), "descriptive": "{object.__class__}"}, "has unknown fields"),
        ({"objects": ("cat", "dog"), "descriptive": "{object!r}"}, "has unknown fields"),
        ({"objects": ("cat", "dog"), "descriptive": "{object:>999999999}"}, "has unknown fields"),
        ({"objects": ("cat", "dog"), "descriptive": "{object} {"}, "has a brace too many or too few"),
    ],
)
def test_a_choice_that_cannot_be_used_is_refused(choice: dict[str, Any], words: str, tree: Tree) -> None:
    with pytest.raises(ImportSetError, match=words):
        import_set(many(tree), "pets", **choice)
    assert nothing_left()


@pytest.mark.parametrize(
    ("other", "words"), [("cat/grass", r"one object \(cat 2"), ("dog/snow", r"one context \(snow")]
)
def test_one_object_or_one_context_is_not_enough(other: str, words: str, tree: Tree) -> None:
    with pytest.raises(ImportSetError, match=words):
        import_set(tree({"cat/snow/1.png": 1, f"{other}/2.png": 2}), "cats")
    assert nothing_left()


def test_every_group_needs_four_readable_pictures(tree: Tree, groups: Groups) -> None:
    with pytest.raises(ImportSetError, match=r"3 usable pictures of camel_grass .* needs at least 4 \(horse_grass 5, "):
        import_set(tree(groups(5, 4, 5, 3)), "mine")
    broken = groups(5, 4, 5, 4) | {"horse_desert/0.png": b"broken"}
    with pytest.raises(ImportSetError, match=r"3 usable .* \(1 file was left out: horse_desert/0\.png is not"):
        import_set(tree(broken), "mine")
    assert nothing_left()


def test_an_image_in_several_groups_of_metashift_is_used_in_none(tree: Tree, groups: Groups) -> None:
    files = groups(6, 5, 5, 5, pattern="MetaShift/{0}/{0}({1})/{1}{0}{2}.jpg")
    both = {f"MetaShift/horse/horse({context})/7.jpg": 500 for context in ("grass", "desert")}
    elsewhere = {"MetaShift/horse/horse(moon)/grasshorse0.jpg": files["MetaShift/horse/horse(grass)/grasshorse0.jpg"]}
    again = {"more/horse/horse(grass)/grasshorse1.jpg": files["MetaShift/horse/horse(grass)/grasshorse1.jpg"]}
    report = import_set(
        tree(files | both | elsewhere | again), "mine", objects=("horse", "camel"), contexts=("grass", "desert")
    )
    assert list(report.counts.values()) == [6, 5, 5, 5]
    assert sorted(report.skipped) == [
        ("MetaShift/horse/horse(desert)/7.jpg", "belongs to several of the chosen groups"),
        ("MetaShift/horse/horse(grass)/7.jpg", "belongs to several of the chosen groups"),
        ("more/horse/horse(grass)/grasshorse1.jpg", "is there more than once; used once"),
    ]


def test_files_of_metashift_that_only_share_a_name_are_different_pictures(
    tree: Tree, groups: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "MAX_FILE_BYTES", 100_000)
    bad = {f"{obj}(desert)/0.jpg": bytes(100_001) for obj in ("camel", "horse")}
    report = import_set(tree(groups(5, 5, 5, 5, pattern="{0}({1})/{2}.jpg") | bad), "mine")
    assert report.format == "metashift"
    assert list(report.counts.values()) == [5, 4, 4, 5]
    assert sorted(name for name, _ in report.skipped) == list(bad)
    assert all(reason.startswith("has more than") for _, reason in report.skipped)
    assert len(set(open_set("mine").table["scene"])) == 18


# --- pictures


def test_every_kind_of_picture_is_taken(tree: Tree, groups: Groups) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    sixteen = np.random.default_rng(3).integers(0, 65536, (40, 40)).astype(np.uint16)
    grain = np.random.default_rng(8).integers(0, 256, (1500, 1500, 3), np.uint8)
    files = groups(6, 4, 4, 4, pattern="{0}/{1}/{2}.png")
    kinds = {
        "cmyk.jpg": encoded(noise((40, 40), 1, "CMYK"), "JPEG"),
        "alpha.png": encoded(noise((40, 40), 2, "RGBA"), "PNG"),
        "sixteen.png": encoded(Image.fromarray(sixteen), "PNG"),
        "turned.jpg": encoded(noise((90, 40), 4), "JPEG", exif=turned),
        "moving.webp": encoded(noise((40, 40), 5), "WEBP", save_all=True, append_images=[noise((40, 40), 6)]),
        "CAPITALS.JPEG": encoded(noise((40, 40), 7), "JPEG"),
        "large.png": encoded(Image.fromarray(grain), "PNG"),
    }
    assert len(kinds["large.png"]) > 5 * 2**20
    report = import_set(tree(files | {f"horse/grass/{name}": data for name, data in kinds.items()}), "mine")
    assert report.skipped == []
    assert report.counts["horse_grass"] == 13


def test_broken_files_are_listed_and_the_rest_is_used(tree: Tree, groups: Groups, picture_of: Any) -> None:
    bad = {
        "horse/grass/a-text.png": b"text",
        "horse/grass/b-empty.png": b"",
        "horse/grass/c-cut.jpg": picture_of(99, "JPEG", (300, 300))[:2000],
        "horse/grass/d-tiny.png": encoded(noise((4, 4)), "PNG"),
        "horse/grass/e-moving.gif": encoded(noise((40, 40)), "GIF"),
    }
    report = import_set(tree(groups(4, 4, 4, 4, pattern="{0}/{1}/{2}.png") | bad), "mine")
    assert report.counts["horse_grass"] == 4
    reasons = ("not a PNG", "empty", "damaged", "only 4 x 4", "not a PNG")
    for (name, reason), expected, word in zip(sorted(report.skipped), sorted(bad), reasons, strict=True):
        assert (name, word in reason) == (expected, True)
    assert json.loads((report.folder / "dataset.json").read_text())["skipped"] == 5


def test_one_name_in_two_folders_is_two_pictures(tree: Tree, groups: Groups) -> None:
    files = groups(4, 4, 4, 4, pattern="a/{0}/{1}/{2}.png")
    more = groups(4, 4, 4, 4, pattern="b/{0}/{1}/{2}.png", start=100)
    named = [("file_name", "object", "context"), *((name, *name.split("/")[1:3]) for name in files | more)]
    report = import_set(tree(files | more | {"metadata.csv": "\n".join(map(",".join, named))}), "mine")
    assert list(report.counts.values()) == [8, 8, 8, 8]
    assert len(set(open_set("mine").table["scene"])) == 32


# --- names and the disk


@pytest.mark.parametrize("name", ["scenes", "balanced-cues", "Mine", "my set", ".x", "../x", "", "x" * 90, "a-v3"])
def test_a_name_that_cannot_be_used_is_refused_before_anything_is_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(ImageSetError, match="named"):
        import_set(tmp_path / "nothing", name)


def test_a_name_that_is_taken_is_refused(tree: Tree, groups: Groups) -> None:
    source = tree(groups(4, 4, 4, 4))
    import_set(source, "mine")
    with pytest.raises(ImageSetError, match="There is an image set named 'mine' already; choose another name"):
        import_set(source, "mine")
    (data_folder() / "other").mkdir()
    with pytest.raises(ImageSetError, match=r"There is a folder other in .* already; choose another name"):
        import_set(source, "other")


def test_a_name_that_is_taken_meanwhile_is_refused(tree: Tree, groups: Groups) -> None:
    def take(done: int, of: int) -> None:
        if done == of:
            (data_folder() / "mine").mkdir()
            (data_folder() / "mine" / "x").touch()

    with pytest.raises(ImageSetError, match="There is a folder mine"):
        import_set(tree(groups(4, 4, 4, 4)), "mine", progress=take)
    assert nothing_left()


class _Interrupt(BaseException):
    pass


def test_an_interrupted_import_leaves_nothing(tree: Tree, groups: Groups) -> None:
    def stop(done: int, _of: int) -> None:
        if done == 7:
            assert any((data_folder() / ".incoming").rglob("*.jpg"))
            raise _Interrupt

    source = tree(groups(4, 4, 4, 4))
    with pytest.raises(_Interrupt):
        import_set(source, "mine", progress=stop)
    assert nothing_left()
    import_set(source, "mine")


def _import_and_die(source: Path, home: str) -> None:
    os.environ["VLCORE_HOME"] = home

    def die(done: int, _of: int) -> None:
        if done == 7:
            os._exit(9)

    import_set(source, "dies", progress=die)


def test_what_a_killed_import_left_is_removed_by_the_next(tree: Tree, groups: Groups, tmp_path: Path) -> None:
    source = tree(groups(4, 4, 4, 4))
    process = multiprocessing.get_context("spawn").Process(target=_import_and_die, args=(source, str(tmp_path)))
    process.start()
    process.join(60)
    assert process.exitcode == 9
    assert set_names() == ["scenes", "balanced-cues"]
    assert list((data_folder() / ".incoming").glob("dies-*/images"))
    import_set(source, "mine")
    assert not list((data_folder() / ".incoming").glob("dies-*"))


def test_what_a_living_import_writes_is_left_alone_and_its_name_is_busy(
    tree: Tree, groups: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "LOCK_WAIT", 0.1)
    source = tree(groups(4, 4, 4, 4))
    incoming = data_folder() / ".incoming"
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
        with pytest.raises(ImportBusyError, match="busy is being imported by another process; wait, or choose another"):
            import_set(source, "busy")
    finally:
        done.set()
        thread.join()
    import_set(source, "busy")
    assert [path.name for path in incoming.iterdir()] == [], "no locks either"


def test_a_disk_that_cannot_be_written_is_said(tree: Tree, groups: Groups, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    source = tree(groups(4, 4, 4, 4))
    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(HomeError, match=r"data cannot be written \(No space left on device\); make room"):
        import_set(source, "mine")
    assert nothing_left()


def test_captions_that_are_too_long_for_a_model_are_said(tree: Tree, groups: Groups) -> None:
    template = " ".join(["a", "photo", *["of"] * MAX_WORDS, "{object}"])
    report = import_set(tree(groups(4, 4, 4, 4)), "mine", descriptive=template)
    assert any(f"is long; models read its first {MAX_WORDS} words." in warning for warning in report.warnings)
