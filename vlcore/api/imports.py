"""Import jobs of image sets."""

import secrets
from pathlib import Path
from typing import Any

from vlcore.data.importers import import_set
from vlcore.experiment.files import write_json
from vlcore.jobs import jobs


def import_key(name: str) -> str:
    """A new key for the report of an import."""
    return f"{name}-{secrets.token_hex(4)}.import"


def run_import(key: str, source: Path, name: str, options: dict[str, Any]) -> str:
    """Import a set for a page, and publish the report.

    Args:
        key: from `import_key`.
        source: zip or folder.
        name: of the new set.
        options: of `vlcore.data.importers.import_set`.
    """

    def import_and_report(out: Path, report: jobs.Reporter) -> dict[str, Any]:
        progress = report.counted("reading images", 0.95)
        document = import_set(source, name, progress=progress, **options)
        write_json(out / "report.json", document)
        return {"set": name}

    return jobs.run(key, import_and_report, title=f"import of {name}")
