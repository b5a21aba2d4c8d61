"""Plans of studies as they were written down on this machine: before the first run, and each time
one changed."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vlcore.artifacts import store
from vlcore.experiment.files import make_folder, models_folder, write_json
from vlcore.study.plans import StudyError, StudyPlan
from vlcore.study.statistics.paired import ALPHA, EQUIVALENCE

FOLDER = ".plans"  # in the folder of models


@dataclass(frozen=True)
class Entry:
    """A plan, by its hash, as it was written down."""

    hash: str
    written: str  # the day, UTC
    runs: int  # how many of its runs were there already


def plan_of(study: StudyPlan) -> dict[str, Any]:
    """What a study decides before it runs: levels, arms, blocks, settings, the primary measure, and
    the rule."""
    conditions = study.conditions
    blocks = sorted({(one.data_seed, one.init_seed) for one in conditions})
    varied = {study.factor, "bias", "data_seed", "init_seed"}
    settings = {name: value for name, value in conditions[0].settings.items() if name not in varied}
    # A label style or a loss of an arm comes with settings of its own.
    shared = {
        name: value
        for name, value in settings.items()
        if all(getattr(one, name) == value for one in conditions)
    }
    said: dict[str, Any] = {"sets": dict(study.sets)} if study.sets else {}
    said |= {"prediction": study.prediction} if study.prediction else {}
    return {
        **said,
        "factor": study.factor,
        "arms": [study.baseline, *study.treatments],
        "bias": sorted({one.bias for one in conditions}),
        "blocks": [list(block) for block in blocks],
        "settings": shared,
        "measure": study.measure,
        "alpha": ALPHA,
        "margin": EQUIVALENCE,
    }


def plan_hash(study: StudyPlan) -> str:
    """Names a plan: equal for equal plans."""
    return hashlib.sha256(json.dumps(plan_of(study), sort_keys=True).encode()).hexdigest()[:12]


def _file(study: StudyPlan) -> Path:
    settings = json.dumps(plan_of(study)["settings"], sort_keys=True)
    name = hashlib.sha256(f"{study.name} {settings}".encode()).hexdigest()[:12]
    return models_folder() / FOLDER / f"{name}.json"


def write_down(study: StudyPlan) -> None:
    """Write a study's plan down before it runs, unless it stands there already; OSError where the
    disk is full."""
    entries, now = history(study), plan_hash(study)
    if not entries or entries[-1].hash != now:
        there = sum(store.published(one.key) for one in study.conditions)
        entries = (*entries, Entry(now, f"{datetime.now(UTC):%Y-%m-%d}", there))
        file = _file(study)
        make_folder(file.parent)
        write_json(
            file,
            {
                "study": study.name,
                "plan": plan_of(study),
                "entries": [asdict(one) for one in entries],
            },
        )


def history(study: StudyPlan) -> tuple[Entry, ...]:
    """The plans that were written down for a study of this name and these settings, oldest
    first."""
    try:
        return tuple(
            Entry(**one) for one in json.loads(_file(study).read_text(encoding="utf-8"))["entries"]
        )
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(
            f"{_file(study)} is broken; move it away, and say that the plan is lost."
        ) from error


def said(study: StudyPlan, entries: tuple[Entry, ...]) -> str:
    """When a study was planned, in a sentence or two."""
    now = plan_hash(study)
    if not entries:
        return f"Plan {now} was not written down before its runs."
    first, *later = entries
    when = (
        "before its first run" if first.runs == 0 else f"when {first.runs} of its runs were there"
    )
    words = [f"Plan {first.hash} was written down on {first.written}, {when}."]
    words += [
        f"It was changed to {one.hash} on {one.written}, when {one.runs} runs were there."
        for one in later
    ]
    if entries[-1].hash != now:
        words.append(f"What is shown here follows another plan, {now}.")
    return " ".join(words)
