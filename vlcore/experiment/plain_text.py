"""Foreign text as plain text: in Markdown, on a page of ours, and in a table that a spreadsheet
opens.

Text of a link, an import, a label template, a licence, a file name or a checkpoint is shown as it
is and does nothing: it makes no link, no image, no formula. Code that puts such text into Markdown
puts `plain` around it, and code that serves a table as CSV writes it by `safe_csv`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Inside code nothing is a link, an image, a formula or a colour.
_CODE = re.compile(r"(?<!`)(`[^`]+`)(?!`)")
# Of Markdown, formulas, HTML and tables; an underscore between letters is nothing.
_MARKS = re.compile(r"([\\`*~\[\]<>|$&^#]|(?<![^\W_])_|_(?![^\W_]))")
_LIST = re.compile(r"^(?= *(?:[-+=]|\d+[.)]))")  # what would make a list or a heading of a line
_JOINER = "\u2060"  # is not seen and does not break a line
# Addresses become links, and `:names:` icons, colours and emojis, wherever they stand and whatever
# is escaped before.
_NAMED = re.compile(r"(?<=:)(?=\S)|(?<=@)(?=\S)|(?<=www)(?=\.)", re.IGNORECASE)
_FORMULA = re.compile(r"[=+\-@\t\r\n]")
# Where a spreadsheet that splits cells by another sign begins one, and what we put there.
_CELL_BEFORE, _CELL = re.compile(r"([;\t])(?='*[=+\-@])"), re.compile(r"([;\t])'(?='*[=+\-@])")
_LONE_RETURN = re.compile(r"\r(?!\n)")
_NUMBER = re.compile(r"[+-]?[\d.,]+(e[+-]?\d+)?\s?%?", re.IGNORECASE)


def plain(text: str) -> str:
    """Markdown that shows a foreign text, or a sentence of ours with foreign parts, as one line of
    plain text; code in backticks stays code."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    parts = _CODE.split(line)
    parts[::2] = [_MARKS.sub(r"\\\1", _NAMED.sub(_JOINER, part)) for part in parts[::2]]
    return _LIST.sub(_JOINER, "".join(parts))


def as_code(text: str) -> str:
    """Markdown that shows a foreign text as code on one line, in which nothing is a link, a
    formula, a colour or a tag."""
    return f"`{' '.join(text.replace('`', chr(39)).split())}`"


def safe_csv(table: pd.DataFrame) -> str:
    """A table as CSV for people: text that a spreadsheet would compute has an apostrophe before it,
    as a user of a spreadsheet would type it."""
    safe = table.rename(columns=_cell)
    for column, dtype in enumerate(safe.dtypes):
        if dtype.kind not in "biufmM":  # neither numbers nor times
            safe.isetitem(column, safe.iloc[:, column].astype(object).map(_cell))
    return safe.to_csv(index=False, lineterminator="\n")


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    # Python's csv leaves a lone carriage return without quotation marks: it would end the row.
    text = _CELL_BEFORE.sub(r"\1'", _LONE_RETURN.sub("\n", value))
    return f"'{text}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else text
