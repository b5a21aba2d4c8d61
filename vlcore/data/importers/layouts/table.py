"""A table ``labels.csv`` that says what images show."""

import warnings
from io import StringIO
from pathlib import PurePosixPath

import pandas as pd

from vlcore.data.imageset import USER
from vlcore.data.importers.layouts import LABELS, NEEDED, OPTIONAL
from vlcore.data.importers.selection import clean_split
from vlcore.data.importers.source import (
    ImportSetError,
    Skipped,
    Source,
    UnreadableError,
    joinable,
    path_inside,
    printable,
)
from vlcore.experiment import limits

ORDER = 10
ABOUT = f"A table {LABELS} with objects and contexts."


def fits(source: Source) -> bool:
    """Whether a source has such a table."""
    return bool(_tables(source))


def _tables(source: Source) -> list[str]:
    return [file for file in source.files if PurePosixPath(file).name == LABELS]


def read(source: Source) -> tuple[pd.DataFrame, Skipped]:
    """One row per image that the outermost table names, and the lines that cannot be used."""
    file = min(_tables(source), key=lambda name: name.count("/"))
    table = _read_csv(source, file)
    folder = PurePosixPath(file).parent
    places = [path_inside(folder, name, source.by_name) for name in table["file"]]
    reasons = pd.Series([reason for _, reason in places], table.index, dtype=object)
    lacks_label = (table["object"] == "") | (table["context"] == "")
    reasons = reasons.mask(lacks_label & (reasons == ""), "lacks an object or a context")
    for name in table["split"][table["split"].map(clean_split) != table["split"]].unique():
        if not clean_split(name):
            raise ImportSetError(
                f"{file} has a split {printable(name)!r}; write train, val, probe or test, or"
                " leave it empty."
            )
    is_bad = reasons != ""
    named = table["file"].where(table["file"] != "", file)
    skipped = list(zip(named[is_bad], reasons[is_bad], strict=True))
    return table.assign(file=[path for path, _ in places])[~is_bad], skipped


def _read_csv(source: Source, file: str) -> pd.DataFrame:
    """A table of labels as text; the user's own columns have `USER` before their names."""
    called = f"The table {file}"
    try:
        text = source.read(file).decode("utf-8-sig").replace("\0", "")
    except UnicodeDecodeError as error:
        raise ImportSetError(f"{called} is not written in UTF-8; save it as UTF-8.") from error
    except UnreadableError as error:
        raise ImportSetError(f"{called} {error}; put one there that can be read.") from error
    head = text.partition("\n")[0]
    separator = ";" if ";" in head and "," not in head else ","
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                StringIO(text), sep=separator, dtype=str, keep_default_na=False, index_col=False
            )
    except (ValueError, pd.errors.ParserWarning) as error:  # of pandas, also of an empty file
        raise ImportSetError(
            f"{called} cannot be read as CSV ({printable(str(error))}); save it again."
        ) from error
    if len(table) > limits.ROWS:
        raise ImportSetError(f"{called} has more than {limits.ROWS:,} lines; import a part of it.")
    table = table.fillna("").map(str.strip)
    names = [printable(str(name), most=60) for name in table]
    folded = [name.casefold() for name in names]
    if not set(NEEDED) <= set(folded):
        raise ImportSetError(
            f"{called} has the columns {', '.join(names)}; it needs file, object and context."
        )
    ours = {*NEEDED, *OPTIONAL}
    table.columns = [
        lower if lower in ours else f"{USER}{name}"
        for lower, name in zip(folded, names, strict=True)
    ]
    table = table.loc[:, ~table.columns.duplicated() & (table.columns != USER)]
    of_user = [name for name in table if name.startswith(USER)][: limits.USER_COLUMNS]
    table[of_user] = table[of_user].map(joinable)
    return table.reindex(columns=[*NEEDED, *OPTIONAL, *of_user], fill_value="")
