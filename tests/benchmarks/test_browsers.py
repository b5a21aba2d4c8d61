"""What benchmarks look for on pages is there: they run too seldom to notice another word."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def looked_for(script: Path) -> Iterator[str]:
    """The texts and names of controls that a script waits for or presses."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr == "get_by_text":
            given = node.args[:1]
        elif node.func.attr == "get_by_role":
            given = [keyword.value for keyword in node.keywords if keyword.arg == "name"]
        else:
            continue
        yield from (value.value for value in given if isinstance(value, ast.Constant))


def test_pages_have_what_the_benchmarks_look_for() -> None:
    sources = [path for ending in ("py", "js") for path in (ROOT / "vlcore").rglob(f"*.{ending}")]
    product = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    texts = {
        (script.name, text)
        for script in (ROOT / "benchmarks").glob("*.py")
        for text in looked_for(script)
    }
    assert ("maps.py", "The images that were found") in texts
    assert {(name, text) for name, text in texts if text not in product} == set()
