"""Limits of foreign bytes: the page for people has every one, with its number."""

import re
from pathlib import Path

from vlcore.experiment import limits

PAGE = Path(__file__).parents[2] / "docs" / "security.md"


def test_the_table_of_the_documentation_has_each_limit_with_its_number() -> None:
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| ([\d,]+) \| .+ \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    said = {name: int(number.replace(",", "")) for name, number in rows}
    kept = {
        name: value
        for name, value in vars(limits).items()
        if name.isupper() and name not in ("MB", "GB")
    }
    assert len(said) == len(rows)
    assert said == kept
