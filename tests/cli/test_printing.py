"""What a command prints for people: tables with a head row, each thing once."""

import re

from vlcore.cli import printing


def test_text_says_everything_once_and_no_more_than_can_be_read() -> None:
    assert printing.for_people([]) == "Nothing here yet."
    assert printing.for_people({"removed": []}) == "removed: none"
    assert printing.for_people({"exploratory": True, "ok": False}).splitlines() == [
        "exploratory: yes",
        "ok: NOT OK",
    ]
    many = printing.for_people(
        {"skipped": [(f"{number}.png", "is damaged") for number in range(30)]}
    ).splitlines()
    assert (many[:2], many[-1]) == (["skipped:", "  0.png, is damaged"], "  and 10 more")
    assert len(many) == 22
    entries = [
        {"name": "a", "on_disk": 1234, "ok": None},
        {"name": "long name", "ok": False, "message": "Mend\nit."},
    ]
    assert printing.for_people(entries).splitlines() == [
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
    head, line = printing.for_people([{"key": "a", "metrics": few}]).splitlines()
    assert re.split("  +", head) == [
        "key",
        "right on minority groups",
        "fewer than 20 held-out pictures",
    ]
    assert "50 % (20 to 80) of 12 held-out pictures" in line
    assert line.endswith("horse_grass (6); numbers that rest on them say little")
