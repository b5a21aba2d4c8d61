"""docs/notebook.ipynb, made from docs/notebook.md.

python -m tools.notebook

Text becomes cells of text. Python becomes cells that end with an expression, because a notebook
shows the last expression of each cell. A shell command becomes a cell that runs it, as `%pip`.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "notebook.md"
NOTEBOOK = PAGE.with_suffix(".ipynb")
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook_text(page: str) -> str:
    """Return the page as a notebook of format 4."""
    notebook = {"cells": [*_cells(page)], "metadata": METADATA, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _cells(page: str) -> Iterator[dict[str, Any]]:
    text, *blocks = BLOCK.split(page)
    yield _text_cell(text)
    for language, code, following in zip(*[iter(blocks)] * 3, strict=True):
        sources = [f"%{code}"] if language == "sh" else _expressions(code)
        yield from map(_code_cell, sources)
        if following.strip():
            yield _text_cell(following)


def _expressions(code: str) -> Iterator[str]:
    """Split code after each expression."""
    lines = code.splitlines(keepends=True)
    start = 0
    for statement in ast.parse(code).body:
        if isinstance(statement, ast.Expr):
            yield "".join(lines[start : statement.end_lineno])
            start = statement.end_lineno or start
    if start < len(lines):
        yield "".join(lines[start:])


def _text_cell(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": _lines(text)}


def _code_cell(code: str) -> dict[str, Any]:
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    return {**cell, "source": _lines(code)}


def _lines(text: str) -> list[str]:
    return text.strip().splitlines(keepends=True)


if __name__ == "__main__":
    NOTEBOOK.write_text(notebook_text(PAGE.read_text()))
