"""Foreign text as plain text: Markdown that does nothing, and tables that do not compute."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from vlcore.experiment.plain_text import plain, safe_csv

MARKDOWN = MarkdownIt("gfm-like", {"linkify": False, "html": True})
SHOWN = {"text", "softbreak", "code_inline", "inline", "text_special"}
SHOWN |= {"paragraph_open", "paragraph_close"}
ACTIVE = ("http://", "https://", "www.", "me@e", ":red", ":material", ":smile", "mailto:m")


def pieces(markdown: str) -> tuple[set[str], str]:
    """Kinds of what a reader of Markdown finds in a text, and what it shows."""
    tokens = MARKDOWN.parse(markdown)
    inner = [child for token in tokens for child in token.children or []]
    return {token.type for token in [*tokens, *inner]}, "".join(child.content for child in inner)


@pytest.mark.parametrize(
    "text",
    [
        "![x](http://evil.example/x.png)",
        "[in](javascript:alert(1))",
        "<img src=x onerror=y>",
        "http://evil.example",
        "www.evil.example",
        "me@evil.example",
        "mailto:me@evil.example",
        "$x^2$",
        ":red[x]",
        ":material/bolt:",
        ":smile:",
        "**x** _y_ ~~z~~",
        "# head",
        "> said",
        "- one",
        "1. one",
        "1) one",
        "a | b",
        "a&amp;b",
        "\\[x](y)",
        "`a` ![x](y) `",
        "``![x](y)`",
        "[x]: http://evil.example",
        "=",
        "---",
        "+ x",
        "<https://evil.example>",
        "x\n\n![x](y)",
        "\u202egnp.",
    ],
)
def test_foreign_text_is_shown_as_it_is_and_does_nothing(text: str) -> None:
    made = plain(text)
    kinds, shown = pieces(made)
    assert kinds <= SHOWN
    seen = " ".join(text.replace("\u202e", "").split())
    assert shown.replace("\u2060", "").replace("`", "").split() == seen.replace("`", "").split()
    code = made.count("`") % 2 == 0 and "\\`" not in made
    outside = "".join(made.split("`")[::2]) if code else made
    assert not any(active in outside for active in ACTIVE)


@example(" -")
@given(st.text(alphabet="`\\[]()!<>*_$:@/.#-+=|&~ awx\n1\u2060", max_size=40))
def test_no_text_makes_markup(text: str) -> None:
    kinds, _ = pieces(f"It says “{plain(text)}”.")
    assert kinds <= SHOWN
    assert pieces(plain(text))[0] <= SHOWN | {"code_block"}


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("run `vlcore data_list` on cat_home_", "run `vlcore data_list` on cat_home\\_"),
        ("95% (93 to 96), 12:30 and C7: yes", "95% (93 to 96), 12:\u206030 and C7: yes"),
    ],
)
def test_a_sentence_of_ours_stays_as_it_is(text: str, markdown: str) -> None:
    assert plain(text) == markdown


@given(st.text(alphabet="ab;\t'=+-@1 ", max_size=12))
def test_no_sign_at_which_a_spreadsheet_may_split_begins_a_formula(text: str) -> None:
    _, line = safe_csv(pd.DataFrame({"name": [f"a{text}"]})).splitlines()
    for separator in ";\t":
        parts = line.strip('"').split(separator)
        assert not any(part[:1] in "=+-@" and part for part in parts[1:])


def test_a_table_for_people_does_not_compute() -> None:
    cells = ["=1+1", "+x", "-2+3", "@SUM(A1)", "\tx", "'=x", "cat", "-0.12", "+5%", ""]
    table = pd.DataFrame({"=head": cells, "number": -1.5, "kind": pd.Categorical(cells)})
    head, *rows = csv.reader(io.StringIO(safe_csv(table)))
    assert head == ["'=head", "number", "kind"]
    assert [row[0] for row in rows] == [f"'{cell}" for cell in cells[:5]] + cells[5:]
    assert [row[2] for row in rows] == [row[0] for row in rows]
    assert {row[1] for row in rows} == {"-1.5"}
    assert table["=head"].tolist() == cells, "the table itself stays"


@pytest.mark.parametrize("cell", ["a\rb", "\rb", "a\r", "a\nb", "a\r\nb"])
def test_a_break_within_a_cell_ends_no_row(cell: str) -> None:
    table = pd.DataFrame({"note": [cell, "c"], "code": ["1", "2"]})
    again = pd.read_csv(io.StringIO(safe_csv(table)), dtype=str)
    assert again["code"].tolist() == ["1", "2"]
    assert [text.replace("'", "").split() for text in again["note"]] == [cell.split(), ["c"]]
