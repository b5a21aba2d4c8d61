"""Pictures, masks and names of strangers: what is kept of them, and what is left out and why."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.datasets.importers.sources import encoded, groups, mask_of, picture, table
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.importers import import_set

Tree = Any
DEEP = groups(4, 4, 4, 4, pattern="{0}/{1}/{2}.png")


@pytest.fixture(autouse=True)
def _own_home(empty_home: Path) -> None:
    """Every test writes to a home of its own."""


def test_every_kind_of_picture_is_taken(tree: Tree) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    rng = np.random.default_rng(3)
    frames = [Image.open(BytesIO(picture(seed))) for seed in (5, 6)]
    kinds = {
        "cmyk.jpg": picture(101, "JPEG", mode="CMYK"),
        "alpha.png": picture(102, mode="RGBA"),
        "sixteen.png": encoded(rng.integers(0, 65536, (40, 40)).astype(np.uint16)),
        "turned.jpg": encoded(Image.open(BytesIO(picture(104, size=(90, 40)))), "JPEG", exif=turned),
        "moving.webp": encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "CAPITALS.JPEG": picture(107, "JPEG"),
        "large.png": encoded(rng.integers(0, 256, (1500, 1500, 3), np.uint8)),
    }
    assert len(kinds["large.png"]) > 5 * 2**20
    report = import_set(tree(DEEP | {f"horse/grass/{name}": data for name, data in kinds.items()}), "mine")
    assert report.skipped == []
    assert report.counts["horse_grass"] == 4 + len(kinds)


def test_broken_files_are_listed_and_the_rest_is_used(tree: Tree) -> None:
    bad = {
        "a-text.png": (b"text", "not a PNG"),
        "b-empty.png": (b"", "empty"),
        "c-cut.jpg": (picture(99, "JPEG", (300, 300))[:2000], "damaged"),
        "d-tiny.png": (picture(99, size=(4, 4)), "only 4 x 4"),
        "e-moving.gif": (picture(99, "GIF"), "not a PNG"),
    }
    report = import_set(tree(DEEP | {f"horse/grass/{name}": data for name, (data, _) in bad.items()}), "mine")
    assert report.counts["horse_grass"] == 4
    for (name, reason), (expected, (_, word)) in zip(sorted(report.skipped), bad.items(), strict=True):
        assert name == f"horse/grass/{expected}"
        assert word in reason
    assert json.loads((report.folder / "dataset.json").read_text())["skipped"] == len(bad)


def test_one_name_in_two_folders_is_two_pictures(tree: Tree) -> None:
    files = {f"a/{name}": seed for name, seed in DEEP.items()} | {f"b/{name}": 100 + s for name, s in DEEP.items()}
    named = table(("file_name", "object", "context"), *((name, *name.split("/")[1:3]) for name in files))
    report = import_set(tree(files | {"metadata.csv": named}), "mine")
    assert list(report.counts.values()) == [8, 8, 8, 8]
    assert len(set(open_set("mine").table["scene"])) == 32


def test_masks_are_cut_like_their_pictures(tree: Tree) -> None:
    wide = np.zeros((40, 80), np.uint8)
    wide[10:30, 50:70] = 1  # coded as 0 and 1; the square is columns 20 to 60
    soft = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None], 48, axis=0)
    masks = {"grass/0": encoded(wide), "grass/1": encoded(soft), "grass/2": encoded(wide.T), "desert/0": b"no mask"}
    masks["grass/3"] = encoded(np.zeros((48, 64), np.uint8))
    files = DEEP | {"horse/grass/0.png": picture(0, size=(80, 40))}
    report = import_set(tree(files | {f"masks/horse/{name}.png": data for name, data in masks.items()}), "mine")
    images = open_set("mine")
    assert [bool(mask) for mask in images.table["mask"][:5]] == [True, True, False, False, False]
    expected = np.zeros((192, 192), np.uint8)
    expected[48:144, 144:192] = 255
    assert np.array_equal(mask_of(images, 0), expected)
    assert abs((mask_of(images, 1) > 0).mean() - 0.5) < 0.02
    (left_out,) = [note for note in report.warnings if "masks" in note]
    assert left_out == "Left out 3 masks (first: masks/horse/grass/2.png has another shape than its picture)."


def test_arrays_are_masks_of_imagenet9_and_no_array_runs_code(tree: Tree) -> None:
    groups_of = [(name, variant) for name in ("00_dog", "01_bird") for variant in ("original", "only_fg")]
    files: dict[str, Any] = {
        f"{variant}/val/{name}/{index}.JPEG": picture(number * 4 + index, "JPEG")
        for number, (name, variant) in enumerate(groups_of)
        for index in range(4)
    }
    mask = np.zeros((48, 64), bool)
    mask[:, 32:] = True

    def saved(array: Any, **options: Any) -> bytes:
        out = BytesIO()
        np.save(out, array, **options)
        return out.getvalue()

    claims = saved(mask).replace(b"(48, 64)", b"(9999999, 9999999)")
    arrays = (saved(mask), saved(np.array([[{}]], dtype=object), allow_pickle=True), claims, saved(np.zeros(3)))
    files |= {f"fg_mask/val/00_dog/{index}.npy": content for index, content in enumerate(arrays)}
    report = import_set(tree(files), "mine")
    images = open_set("mine")
    assert report.format == "imagenet-9"
    masked = np.flatnonzero(images.table["mask"] != "")
    assert len(masked) == 2  # the one whole array, of both variants
    assert (mask_of(images, masked[0])[:, 96:] == 255).all()
    assert any("Left out 6 masks (first: fg_mask/val/00_dog/1.npy is no two" in note for note in report.warnings)
    assert images.table["scene"].nunique() < len(images.table), "a picture and its variants stay together"


def test_no_animal_of_imagenet9_is_in_two_folds(tree: Tree) -> None:
    files: dict[str, Any] = {}
    for at, name in enumerate(("00_dog", "01_bird")):
        for number in range(8):
            seed = 100 * at + 10 * number
            stem, other = f"n0{at}_{number}", f"n0{at}_{(number + 1) % 8}"
            files[f"original/val/{name}/{stem}.JPEG"] = picture(seed, "JPEG")
            files[f"mixed_rand/val/{name}/fg_{stem}_bg_{other}.JPEG"] = picture(seed + 1, "JPEG")
    import_set(tree(files), "mine")
    scenes = open_set("mine").table
    shown = [re.sub(r".*/(fg_)?(n0\d_\d).*", r"\2", source) for source in scenes["source"]]
    assert len(set(shown)) == scenes["scene"].nunique() == 16
    assert (scenes.groupby(shown)["scene"].nunique() == 1).all()


def test_names_and_captions_of_strangers_are_text_and_nothing_else(tree: Tree) -> None:
    renamed = {"horse": "<script>猫<script>", "grass": "=cmd|x", "camel": "co\u0308w"}
    files = {}
    for name, seed in groups(4, 4, 4, 4).items():
        for old, new in renamed.items():
            name = name.replace(old, new)
        files[name] = seed
    caption = {next(iter(files)).replace(".png", ".txt"): "<b>\x00my\u202e cat</b>\r\n" + "x" * 400}
    report = import_set(tree(files | caption), "mine")
    images = open_set("mine")
    assert set(images.grouping.objects) == {"script 猫 script", "cöw"}
    assert set(images.grouping.contexts) == {"cmd x", "desert"}
    assert "'script 猫 script' is called '<script>猫<script>' in the source." in report.warnings
    assert "'cmd x' is called '=cmd|x' in the source." in report.warnings
    assert not any("'cöw'" in warning for warning in report.warnings), "composed, which nobody sees"
    assert [text for text in images.table["caption"] if text.startswith("<b>")] == ["<b>my cat</b> " + "x" * 286]
    assert all(images.path(row).exists() for row in range(16))
    assert all(name.isascii() for name in images.table["file_name"])
