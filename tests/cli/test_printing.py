"""What a command prints for people: tables with a head row, each thing once."""

from vlcore.cli import printing


def test_text_says_everything_once_and_no_more_than_can_be_read() -> None:
    assert printing.for_people([]) == "Nothing here yet."
    assert printing.for_people({"removed": []}) == "removed: none"
    many = printing.for_people({"skipped": [(f"{number}.png", "is damaged") for number in range(30)]}).splitlines()
    assert many[:2] == ["skipped:", "  0.png, is damaged"]
    assert many[-1] == "  and 10 more"
    assert len(many) == 22
    entries = [{"name": "a", "on_disk": 1234, "ok": None}, {"name": "long name", "ok": False, "message": "Mend\nit."}]
    assert printing.for_people(entries).splitlines() == [
        "name       on disk  ok      message",
        "a          1,234    -",
        "long name           NOT OK  Mend it.",
    ]
