"""Documents as text: tables with a head row, each value once."""

from vlcore.cli.printing import MOST_LINES, document_text


def test_values_and_lists() -> None:
    assert document_text([]) == "Nothing here yet."
    assert document_text({"removed": []}) == "removed: none"
    document = {"exploratory": True, "ok": False}
    assert document_text(document).splitlines() == ["exploratory: yes", "ok: NOT OK"]
    skipped = [(f"{number}.png", "is damaged") for number in range(30)]
    lines = document_text({"skipped": skipped}).splitlines()
    assert lines[:2] == ["skipped:", "  0.png, is damaged"]
    assert len(lines) == MOST_LINES + 2


def test_fields_have_words_of_their_own() -> None:
    assert document_text({"most": None}) == "most: no limit; VLCORE_HOME_MAX sets one, in GB"
    rows = [{"key": "scenes-undescriptive-s0", "labels": "undescriptive", "negatives": "none"}]
    duplicates = {"duplicates": {"clusters": 2, "pictures": 4}}
    assert document_text(duplicates) == "duplicates: clusters 2, images 4"
    _, values = document_text(rows).splitlines()
    assert values.split() == ["scenes-undescriptive-s0", "short", "matched-only"]


def test_numbers_that_are_typed_again_have_no_commas() -> None:
    entries = [{"row": 1472, "init_seed": 2026, "n": 1472}]
    assert document_text(entries).splitlines()[1].split() == ["1472", "2026", "1,472"]
    facts = {"sample": {"seed": 1234, "images": 1234}}
    assert document_text(facts) == "sample: seed 1234, images 1,234"


def test_entries_are_a_table_with_long_texts_last() -> None:
    entries = [
        {"name": "a", "on_disk": 1234, "ok": None},
        {"message": "Mend\nit.", "name": "long name", "ok": False},
    ]
    assert document_text(entries).splitlines() == [
        "name       on disk  ok      message",
        "a          1,234    -",
        "long name           NOT OK  Mend it.",
    ]


def test_metrics_are_rates_with_intervals_and_small_groups() -> None:
    metrics = {
        "train_caption_accuracy": 1.0,
        "minority_accuracy": 0.5,
        "intervals": {"minority_accuracy": [0.2, 0.8, 12]},
        "absent": {},
        "group_accuracy": {},
        "few_pictures": {"horse_grass": 6},
    }
    line = document_text([{"key": "a", "metrics": metrics}]).splitlines()[1]
    assert "50% (20 to 80) of 12" in line
    assert "horse_grass (6)" in line
