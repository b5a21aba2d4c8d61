"""Selections that visitors of a server keep: rows of images under short names, in one small SQLite
file beside the models.

Two processes and a shared link see the same. A name follows from the rows, so what many keep is
found by anybody who has its name; a visitor's list has the names that the visitor gave. Where a
visitor or the server has too many, those go that were kept longest ago, without a title first.
"""

import base64
import hashlib
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from vlcore.experiment import limits
from vlcore.experiment.files import HomeError, make_folder, models_folder

LONGEST_TITLE = 60  # characters
_NAME = re.compile(r"[A-Za-z0-9_-]{12}", re.ASCII)
_WAIT = 20.0  # seconds for another writer to finish
_SCHEMA = """
CREATE TABLE IF NOT EXISTS selections (
  owner TEXT NOT NULL, name TEXT NOT NULL, images TEXT NOT NULL, rows BLOB NOT NULL,
  title TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (owner, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS selections_by_name ON selections (name);
"""


@dataclass(frozen=True)
class KeptSelection:
    """Rows of images, packed by `vlcore.api.selections.encode_rows`, under a name.

    Attributes:
        images: the name of the images, as `vlcore.api.selections.images_key` gives it.
        title: what its visitor calls it; empty where it has none.
    """

    name: str
    images: str
    rows: bytes
    title: str


def name_of(images: str, rows: bytes) -> str:
    """The name under which rows are kept."""
    digest = hashlib.sha256(images.encode() + b" " + rows).digest()
    return base64.urlsafe_b64encode(digest[:9]).decode("ascii")


def keep(visitor: str, images: str, rows: bytes, title: str = "") -> str:
    """Keep rows for a visitor, and return their name; a title replaces an older one.

    Raises:
        HomeError: when the file cannot be written.
    """
    name, owner = name_of(images, rows), _hidden(visitor)
    title = " ".join(title.split())[:LONGEST_TITLE]
    with _open(write=True) as file:
        query = """
            INSERT INTO selections VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (owner, name)
            DO UPDATE SET at = excluded.at, title = COALESCE(NULLIF(excluded.title, ''), title)
        """
        file.execute(query, (owner, name, images, rows, title, time.time()))
        _drop(file, "owner = ?", (owner,), limits.SELECTIONS)
        _drop(file, "TRUE", (), limits.ALL_SELECTIONS)
    return name


def find(name: str) -> KeptSelection | None:
    """What anybody kept under a name; None where it is gone or never was."""
    if not _NAME.fullmatch(name) or not _file().exists():
        return None
    with _open() as file:
        query = "SELECT name, images, rows, '' FROM selections WHERE name = ? LIMIT 1"
        row = file.execute(query, (name,)).fetchone()
    return None if row is None else KeptSelection(*row)


def titled(visitor: str, images: str) -> list[KeptSelection]:
    """What a visitor kept of some images under titles, the latest first."""
    if not _file().exists():
        return []
    with _open() as file:
        query = """
            SELECT name, images, rows, title FROM selections
            WHERE owner = ? AND images = ? AND title != '' ORDER BY at DESC
        """
        rows = file.execute(query, (_hidden(visitor), images)).fetchall()
    return [KeptSelection(*row) for row in rows]


def forget(visitor: str, name: str) -> None:
    """Remove a selection from a visitor's list."""
    with _open(write=True) as file:
        query = "DELETE FROM selections WHERE owner = ? AND name = ?"
        file.execute(query, (_hidden(visitor), name))


def _drop(file: sqlite3.Connection, which: str, values: tuple[str, ...], most: int) -> None:
    """Delete the oldest of those that an SQL condition names, but for so many."""
    query = f"""
        DELETE FROM selections WHERE (owner, name) IN (
          SELECT owner, name FROM selections WHERE {which}
          ORDER BY title != '' DESC, at DESC LIMIT -1 OFFSET ?
        )
    """  # noqa: S608  # the conditions stand in this module
    file.execute(query, (*values, most))


def _hidden(visitor: str) -> str:
    """What is stored of a visitor's name, with which a reader of the file cannot pass for them."""
    return hashlib.sha256(visitor.encode()).hexdigest()[:16]


def _file() -> Path:
    return models_folder() / ".selections.sqlite"


@contextmanager
def _open(*, write: bool = False) -> Iterator[sqlite3.Connection]:
    """The file, which commits in the end or rolls back; with `write` in an exclusive
    transaction."""
    if write:
        make_folder(models_folder())
    try:
        with closing(sqlite3.connect(_file(), timeout=_WAIT, isolation_level=None)) as file, file:
            if write:
                file.executescript(f"BEGIN IMMEDIATE; {_SCHEMA}")
            yield file
    except sqlite3.OperationalError as error:
        raise HomeError(
            f"The selections in {_file()} cannot be kept ({error}); make the folder writable."
        ) from error
    except sqlite3.DatabaseError as error:
        raise HomeError(f"{_file()} is damaged ({error}); delete it.") from error
