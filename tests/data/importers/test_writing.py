"""Pictures, masks and names of strangers: what is kept of them, and what is left out and why."""

from io import BytesIO
from itertools import product
from typing import Any

import numpy as np

from tests.data.importers.sources import Tree, encoded, groups, mask_of, picture
from vlcore.data.catalogue import open_set
from vlcore.data.importers import import_set

DEEP = groups(4, 4, 4, 4, pattern="{0}/{1}/{2}.png")


def test_masks_are_cut_like_their_pictures(tree: Tree) -> None:
    wide = np.zeros((40, 80), np.uint8)
    wide[10:30, 50:70] = 1  # coded as 0 and 1; the square is columns 20 to 60
    soft = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None], 48, axis=0)
    masks = {
        "grass/0": encoded(wide),
        "grass/1": encoded(soft),
        "grass/2": encoded(wide.T),
        "desert/0": b"no mask",
    }
    masks["grass/3"] = encoded(np.zeros((48, 64), np.uint8))
    files = DEEP | {"horse/grass/0.png": picture(0, size=(80, 40))}
    report = import_set(
        tree(files | {f"masks/horse/{name}.png": data for name, data in masks.items()}), "mine"
    )
    images = open_set("mine")
    assert [bool(mask) for mask in images.table["mask"][:5]] == [True, True, False, False, False]
    expected = np.zeros((192, 192), np.uint8)
    expected[48:144, 144:192] = 255
    assert np.array_equal(mask_of(images, 0), expected)
    assert abs((mask_of(images, 1) > 0).mean() - 0.5) < 0.02
    (left_out,) = [note for note in report["warnings"] if "masks" in note]
    assert (
        left_out
        == "Left out 3 masks (first: masks/horse/grass/2.png has another shape than its image)."
    )


def test_what_can_be_seen_of_a_cutout_is_its_mask(tree: Tree) -> None:
    shape = np.zeros((48, 64), np.uint8)
    shape[12:36, 16:48] = 255
    image = np.full((48, 64, 3), 255, np.uint8)
    alphas = {"0": shape, "1": np.full_like(shape, 255), "2": np.zeros_like(shape)}
    for ground in (0, 90, 255):
        cutouts = {
            name: encoded(np.dstack([np.where(alpha[..., None] > 0, ground, image), alpha]))
            for name, alpha in alphas.items()
        }
        name = f"mine-{ground}"
        masks = {f"masks/horse/grass/{number}.png": data for number, data in cutouts.items()}
        report = import_set(tree(DEEP | masks), name)
        images = open_set(name)
        expected = np.zeros((192, 192), np.uint8)
        expected[48:144, 32:160] = 255
        assert np.array_equal(mask_of(images, 0), expected)
        assert [bool(mask) for mask in images.table["mask"][:4]] == [True, False, False, False]
        assert ("masks/horse/grass/2.png", "shows no object") in report["skipped"]


def test_a_mask_of_an_object_that_fills_the_square_has_no_background(tree: Tree) -> None:
    mask = np.zeros((48, 64), np.uint8)
    mask[:, 2:] = 255  # the square begins at column 8
    report = import_set(tree(DEEP | {"masks/horse/grass/0.png": encoded(mask)}), "mine")
    assert report["skipped"] == [("masks/horse/grass/0.png", "shows no background")]
    assert not any(open_set("mine").table["mask"])


def test_arrays_are_masks_of_imagenet9_and_no_array_runs_code(tree: Tree) -> None:
    groups_of = product(("00_dog", "01_bird"), ("original", "only_fg"), range(4))
    files: dict[str, Any] = {
        f"{variant}/val/{name}/{index}.JPEG": picture(seed, "JPEG")
        for seed, (name, variant, index) in enumerate(groups_of)
    }
    mask = np.zeros((48, 64), bool)
    mask[:, 32:] = True

    def saved(array: Any, **options: Any) -> bytes:
        out = BytesIO()
        np.save(out, array, **options)
        return out.getvalue()

    claims = saved(mask).replace(b"(48, 64)", b"(9999999, 9999999)")
    arrays = (
        saved(mask),
        saved(np.array([[{}]], dtype=object), allow_pickle=True),
        claims,
        saved(np.zeros(3)),
    )
    files |= {f"fg_mask/val/00_dog/{index}.npy": content for index, content in enumerate(arrays)}
    report = import_set(tree(files), "mine")
    images = open_set("mine")
    assert report["format"] == "imagenet-9"
    masked = np.flatnonzero(images.table["mask"] != "")
    assert len(masked) == 2  # the one whole array, of both variants
    assert (mask_of(images, masked[0])[:, 96:] == 255).all()
    assert any(
        "Left out 6 masks (first: fg_mask/val/00_dog/1.npy is no two" in note
        for note in report["warnings"]
    )
    assert images.table["scene"].nunique() == 8, "a picture and its variants stay together"


def test_names_and_captions_of_strangers_are_text_and_nothing_else(tree: Tree) -> None:
    files = {}
    for name, seed in groups(4, 4, 4, 4).items():
        obj = name.replace("horse", "<script>猫<script>").replace("camel", "co\u0308w")
        files[obj.replace("grass", "=cmd|x")] = seed
    caption = {"<script>猫<script>_=cmd|x/0.txt": "<b>\x00my\u202e cat</b>\r\n" + "x" * 400}
    report = import_set(tree(files | caption), "mine")
    images = open_set("mine")
    assert set(images.grouping.objects) == {"script 猫 script", "cöw"}
    assert set(images.grouping.contexts) == {"cmd x", "desert"}
    assert "'script 猫 script' is called '<script>猫<script>' in the source." in report["warnings"]
    assert "'cmd x' is called '=cmd|x' in the source." in report["warnings"]
    assert not any("'cöw'" in warning for warning in report["warnings"]), (
        "composed, which nobody sees"
    )
    assert [text for text in images.table["caption"] if text.startswith("<b>")] == [
        "<b>my cat</b> " + "x" * 286
    ]
    assert all(images.path(row).exists() for row in range(16))
    assert all(name.isascii() for name in images.table["file_name"])
