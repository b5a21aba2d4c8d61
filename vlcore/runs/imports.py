"""An import as a job, for a page: a worker does it, and the page watches.

The one idea: the image set is published by the importer; what the job publishes is its report. Its key is of this one
attempt, so that a set that was deleted can be imported again.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from vlcore.home import write_json
from vlcore.images.importers import import_set
from vlcore.runs import jobs


def import_key(name: str) -> str:
    """A key for one attempt to import a set."""
    return f"{name}-{secrets.token_hex(4)}.import"


def run_import(key: str, source: Path, name: str, options: dict[str, Any]) -> str:
    """Import a set and publish the report; `options` are those of `vlcore.images.importers.import_set`, and what
    `vlcore.runs.jobs.run` returns and raises is returned and raised."""

    def make(out: Path, report: jobs.Reporter) -> dict[str, Any]:
        def read(done: int, of: int) -> None:
            report(stage="reading pictures", done=done, of=of, fraction=0.95 * done / max(of, 1))

        made = import_set(source, name, progress=read, **options)
        write_json(out / "report.json", made.as_dict())
        return {"set": name}

    return jobs.run(key, make)
