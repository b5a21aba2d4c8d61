"""Pages put `plain` around what strangers may have written: names of conditions, captions and
errors."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "vlcore" / "ui").rglob("*.py")]
MARKDOWN = {
    "markdown",
    "caption",
    "warning",
    "error",
    "info",
    "success",
    "title",
    "header",
    "subheader",
    "badge",
}
FOREIGN = {
    "title",
    "quoted_captions",
    "caption",
    "about",
}  # functions that give text with foreign parts
SAFE = {"plain", "as_code"}


def bare(node: ast.AST) -> Iterator[str]:
    """What gives foreign text in an expression and stands in none that makes it plain."""
    called = node.func if isinstance(node, ast.Call) else None
    name = getattr(called, "id", getattr(called, "attr", ""))
    if name in SAFE:
        return
    if name in FOREIGN or (isinstance(node, ast.Name) and node.id == "error"):
        yield ast.unparse(node)
    for inner in ast.iter_child_nodes(node):
        yield from bare(inner)


def shown(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in MARKDOWN
        ):
            for given in (*node.args, *(keyword.value for keyword in node.keywords)):
                yield from bare(given)


def test_what_is_not_plain_is_found() -> None:
    wrong = (
        "st.caption(title(one))",
        "st.error(str(error))",
        "left.markdown(f'**{error}** {x}')",
        "st.badge('', help=about(x))",
    )
    assert all(list(shown(ast.parse(line))) for line in wrong)
    right = (
        "st.caption(plain(title(one)))",
        "st.markdown(f'{as_code(caption(x))} {plain(str(error))}')",
        "title(one)",
    )
    assert not any(list(shown(ast.parse(line))) for line in right)


def test_no_page_shows_foreign_text_that_is_not_plain() -> None:
    found = {
        str(path.relative_to(ROOT)): list(shown(ast.parse(path.read_text()))) for path in PAGES
    }
    assert len(found) > 30
    assert {name: texts for name, texts in found.items() if texts} == {}
