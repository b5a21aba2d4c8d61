"""Words that pages, panels, lessons and maps do not show, because a visitor would not know them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2] / "vlcore"
ROOMS = ("web", "panels", "classroom", "plots", "api")
UNKNOWN = re.compile(
    r"(?<![.\w])(towers?|margins?(?!-|\s*[:.])|attributed|recipes?|silhouettes?|sanity checks?|"
    r"minority(?! true)|majority|supplied|seed blocks?|(left|right) model)\b",
    re.IGNORECASE,
)


def sentences(module: ast.Module) -> Iterator[tuple[int, str]]:
    """The texts of more than one word with their lines, without docstrings."""
    docstrings = {
        id(node.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(module):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in docstrings and " " in node.value.strip():
            yield node.lineno, node.value


def unknown_words(code: str) -> list[int]:
    """The lines of texts with such words."""
    return [line for line, text in sentences(ast.parse(code)) if UNKNOWN.search(text)]


def test_pages_have_no_unknown_words() -> None:
    files = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
    files.append(ROOT / "metrics" / "catalogue.py")
    lines = {file: unknown_words(file.read_text(encoding="utf-8")) for file in files}
    assert {file.name: numbers for file, numbers in lines.items() if numbers} == {}


def test_unknown_words_are_seen() -> None:
    code = '"""A tower."""\nname = f"The {x} of the image tower"\nrow = "t.towers x"\n'
    assert unknown_words(code) == [2]
