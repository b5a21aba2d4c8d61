"""The lecturer's plan of a lesson: its part of docs/teaching.md."""

import re
from pathlib import Path

PLANS = Path(__file__).parents[2] / "docs" / "teaching.md"
_SECTION = re.compile(r"^## \d+ minutes.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")  # leads to another file of docs/


def lesson_plan(lesson: str) -> str:
    """Return the plans that name a lesson, as Markdown without links.

    Empty where the package stands alone, without docs/.
    """
    if not PLANS.exists():
        return ""
    sections = _SECTION.findall(PLANS.read_text(encoding="utf-8"))
    return _LINK.sub(r"\1", "\n".join(plan for plan in sections if f"`{lesson}`" in plan))
