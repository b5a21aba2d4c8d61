"""What a command prints for people: tables with a head row, each thing once."""

import re

from vlcore.cli import printing


def test_text_says_everything_once_and_no_more_than_can_be_read() -> None:
    assert printing.document_text([]) == "Nothing here yet."
    assert printing.document_text({"removed": []}) == "removed: none"
    assert printing.document_text({"exploratory": True, "ok": False}).splitlines() == [
        "exploratory: yes",
        "ok: NOT OK",
    ]
    many = printing.document_text(
        {"skipped": [(f"{number}.png", "is damaged") for number in range(30)]}
    ).splitlines()
    assert (many[:2], many[-1]) == (["skipped:", "  0.png, is damaged"], "  and 10 more")
    assert len(many) == 22
    entries = [
        {"name": "a", "on_disk": 1234, "ok": None},
        {"name": "long name", "ok": False, "message": "Mend\nit."},
    ]
    assert printing.document_text(entries).splitlines() == [
        "name       on disk  ok      message",
        "a          1,234    -",
        "long name           NOT OK  Mend it.",
    ]
    few = {
        "train_caption_accuracy": 1.0,
        "minority_accuracy": 0.5,
        "intervals": {"minority_accuracy": [0.2, 0.8, 12]},
        "absent": {},
        "group_accuracy": {},
        "few_pictures": {"horse_grass": 6},
    }
    head, line = printing.document_text([{"key": "a", "metrics": few}]).splitlines()
    assert re.split("  +", head) == [
        "key",
        "right on minority groups",
        "fewer than 20 held-out images",
    ]
    assert "50 % (20 to 80) of 12 held-out images" in line
    assert line.endswith("horse_grass (6); numbers that rest on them say little")
