"""Names and captions of strangers: what is kept of them."""

from tests.data.importers.sources import Tree, groups, table
from vlcore.data.catalogue import open_set
from vlcore.data.importers import import_set


def test_names_and_captions_of_strangers_are_text_and_nothing_else(tree: Tree) -> None:
    files = {}
    for name, seed in groups(4, 4, 4, 4).items():
        obj = name.replace("horse", "<script>猫<script>").replace("camel", "co\u0308w")
        files[obj.replace("grass", "=cmd|x")] = seed
    lines = [(name, *name.split("/")[:2], "") for name in files]
    lines[0] = (*lines[0][:3], "<b>\x00my\u202e cat</b>\r\n" + "x" * 400)
    labels = table(("file", "object", "context", "caption"), *lines)
    report = import_set(tree(files | {"labels.csv": labels}), "mine")
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
