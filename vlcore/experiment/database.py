"""Small SQLite files beside the models: of lessons, and of the selections that visitors keep."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlcore.experiment.files import HomeError, make_folder, models_folder

_WAIT = 20.0  # seconds for another writer to finish


@dataclass(frozen=True)
class Database:
    """One file of the models folder, which several processes read and write.

    Attributes:
        name: of the file.
        schema: statements that create what is missing.
        content: what it holds, in words.
        remedy: what to do where it is damaged.
    """

    name: str
    schema: str
    content: str
    remedy: str = "delete it"

    @property
    def file(self) -> Path:
        return models_folder() / self.name

    @contextmanager
    def open(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """The file, which commits in the end or rolls back; with `write` in an exclusive
        transaction. HomeError where it cannot be written or is damaged."""
        if write:
            make_folder(models_folder())
        try:
            connection = sqlite3.connect(self.file, timeout=_WAIT, isolation_level=None)
            with closing(connection) as file, file:
                if write:
                    file.executescript(f"BEGIN IMMEDIATE; {self.schema}")
                yield file
        except sqlite3.OperationalError as error:
            raise HomeError(
                f"The {self.content} in {self.file} cannot be kept ({error}); make the folder"
                " writable."
            ) from error
        except sqlite3.DatabaseError as error:
            raise HomeError(f"{self.file} is damaged ({error}); {self.remedy}.") from error

    def rows(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """Rows of a query; a missing file or table has none, and nothing is written."""
        if not self.file.exists() or not self.file.stat().st_size:
            return []
        with self.open() as file:
            try:
                return file.execute(query, values).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise
