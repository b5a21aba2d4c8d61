"""Selections that visitors of a server keep: rows of images under short names, in one small SQLite
file beside the models.

Two processes and a shared link see the same. A name follows from the rows, so what many keep is
found by anybody who has its name; a visitor's list has the names that the visitor gave. Where a
visitor has too many, those go that were kept longest ago, without a title first; where the server
has, the oldest of all, so that the titles of some do not shut others out.
"""

import base64
import hashlib
import re
import sqlite3
import time
from dataclasses import dataclass

from vlcore.experiment import limits
from vlcore.experiment.database import Database

LONGEST_TITLE = 60  # characters
_NAME = re.compile(r"[A-Za-z0-9_-]{12}", re.ASCII)
_DATABASE = Database(
    ".selections.sqlite",
    """
CREATE TABLE IF NOT EXISTS selections (
  owner TEXT NOT NULL, name TEXT NOT NULL, images TEXT NOT NULL, rows BLOB NOT NULL,
  title TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (owner, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS selections_by_name ON selections (name);
""",
    "selections",
)


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


def selection_name(images: str, rows: bytes) -> str:
    """The name under which rows are kept."""
    digest = hashlib.sha256(images.encode() + b" " + rows).digest()
    return base64.urlsafe_b64encode(digest[:9]).decode("ascii")


def keep(visitor: str, images: str, rows: bytes, title: str = "") -> str:
    """Keep rows for a visitor, and return their name; a title replaces an older one.

    Raises:
        HomeError: when the file cannot be written.
    """
    name, owner = selection_name(images, rows), _hidden(visitor)
    title = " ".join(title.split())[:LONGEST_TITLE]
    with _DATABASE.open(write=True) as file:
        query = """
            INSERT INTO selections VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (owner, name)
            DO UPDATE SET at = excluded.at, title = COALESCE(NULLIF(excluded.title, ''), title)
        """
        file.execute(query, (owner, name, images, rows, title, time.time()))
        _drop(file, "owner = ?", (owner,), "title != '' DESC, at DESC", limits.SELECTIONS)
        _drop(file, "TRUE", (), "at DESC", limits.ALL_SELECTIONS)
    return name


def find_selection(name: str) -> KeptSelection | None:
    """What anybody kept under a name; None where it is gone or never was."""
    if not _NAME.fullmatch(name):
        return None
    query = "SELECT name, images, rows, '' FROM selections WHERE name = ? LIMIT 1"
    rows = _DATABASE.rows(query, (name,))
    return KeptSelection(*rows[0]) if rows else None


def titled(visitor: str, images: str) -> list[KeptSelection]:
    """What a visitor kept of some images under titles, the latest first."""
    query = """
        SELECT name, images, rows, title FROM selections
        WHERE owner = ? AND images = ? AND title != '' ORDER BY at DESC
    """
    return [KeptSelection(*row) for row in _DATABASE.rows(query, (_hidden(visitor), images))]


def forget(visitor: str, name: str) -> None:
    """Remove a selection from a visitor's list."""
    with _DATABASE.open(write=True) as file:
        query = "DELETE FROM selections WHERE owner = ? AND name = ?"
        file.execute(query, (_hidden(visitor), name))


def _drop(
    file: sqlite3.Connection, which: str, values: tuple[str, ...], order: str, most: int
) -> None:
    """Delete those that an SQL condition names, but for the first in an order. The latest is among
    these: a link that was just made leads somewhere."""
    query = f"""
        DELETE FROM selections WHERE (owner, name) IN (
          SELECT owner, name FROM selections WHERE {which}
          ORDER BY at = MAX(at) OVER () DESC, {order} LIMIT -1 OFFSET ?
        )
    """  # noqa: S608  # conditions and orders stand in this module
    file.execute(query, (*values, most))


def _hidden(visitor: str) -> str:
    """What is stored of a visitor's name, with which a reader of the file cannot pass for them."""
    return hashlib.sha256(visitor.encode()).hexdigest()[:16]
