"""Pages put `plain` around text that strangers may have written: names of conditions, captions and
errors."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WEB = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "vlcore" / "web").rglob("*.py")]
MARKDOWN = {"markdown", "caption", "warning", "error", "info", "success", "title", "subheader"}
MARKDOWN |= {"header", "badge"}
FOREIGN = {"title", "quoted_captions", "caption", "about"}  # functions that return foreign text
SAFE = {"plain", "as_code"}


def foreign_parts(node: ast.AST) -> Iterator[str]:
    """The expressions in a node that give foreign text and stand in no call that makes it plain."""
    function = node.func if isinstance(node, ast.Call) else None
    name = getattr(function, "id", getattr(function, "attr", ""))
    if name in SAFE:
        return
    if name in FOREIGN or (isinstance(node, ast.Name) and node.id == "error"):
        yield ast.unparse(node)
    for child in ast.iter_child_nodes(node):
        yield from foreign_parts(child)


def foreign_markdown(tree: ast.AST) -> list[str]:
    """The foreign text that a module writes as Markdown."""
    texts = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr in MARKDOWN:
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                texts += foreign_parts(argument)
    return texts


@pytest.mark.parametrize(
    ("line", "is_plain"),
    [
        ("st.caption(title(condition))", False),
        ("st.error(str(error))", False),
        ("st.badge('', help=about(x))", False),
        ("st.markdown(f'{as_code(caption(x))} {plain(str(error))}')", True),
        ("title(condition)", True),
    ],
)
def test_foreign_text_is_found(line: str, is_plain: bool) -> None:
    assert (foreign_markdown(ast.parse(line)) == []) is is_plain


def test_no_page_shows_foreign_text_as_markdown() -> None:
    by_file = {
        str(path.relative_to(ROOT)): foreign_markdown(ast.parse(path.read_text())) for path in WEB
    }
    assert len(by_file) > 30
    assert {name: texts for name, texts in by_file.items() if texts} == {}
