"""Records of study plans on this machine: before the first run, and at each change."""

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
# Beside a plan and not in it, for it would change the hash of plans that exist.
TEST = (
    "two-sided exact sign-flip test over seed pairs, of the measure itself at each level (Holm over"
    " levels and arms), and of its slope on phi, of a share in log odds (Holm over arms)"
)


@dataclass(frozen=True)
class Entry:
    """A recorded plan: its hash, the day (UTC), and how many of its runs were there already."""

    hash: str
    written: str
    runs: int


def plan_document(plan: StudyPlan) -> dict[str, Any]:
    """What a study decides before it runs: levels, arms, blocks, settings, measure and rule."""
    conditions = plan.conditions
    blocks = sorted({(condition.data_seed, condition.init_seed) for condition in conditions})
    varied = {plan.factor, "bias", "data_seed", "init_seed"}
    # A label style or a loss of an arm comes with settings of its own, which are not shared.
    shared = {
        name: value
        for name, value in conditions[0].settings.items()
        if name not in varied and all(getattr(condition, name) == value for condition in conditions)
    }
    document: dict[str, Any] = {
        "factor": plan.factor,
        "arms": [plan.baseline, *plan.treatments],
        "bias": sorted({condition.bias for condition in conditions}),
        "blocks": [list(block) for block in blocks],
        "settings": shared,
        "measure": plan.measure,
        "alpha": ALPHA,
        "margin": EQUIVALENCE,
    }
    if plan.arm_settings:
        document["sets"] = dict(plan.arm_settings)
    if plan.prediction:
        document["prediction"] = plan.prediction
    return document


def plan_hash(plan: StudyPlan) -> str:
    """Names a plan: equal for equal plans."""
    return _short_hash(json.dumps(plan_document(plan), sort_keys=True))


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _file(plan: StudyPlan) -> Path:
    settings = json.dumps(plan_document(plan)["settings"], sort_keys=True)
    return models_folder() / FOLDER / f"{_short_hash(f'{plan.name} {settings}')}.json"


def record_plan(plan: StudyPlan) -> None:
    """Record a plan, unless it is the latest record; OSError where the disk is full."""
    entries, now = plan_history(plan), plan_hash(plan)
    if entries and entries[-1].hash == now:
        return
    runs = sum(store.published(condition.key) for condition in plan.conditions)
    entries = (*entries, Entry(now, f"{datetime.now(UTC):%Y-%m-%d}", runs))
    file = _file(plan)
    make_folder(file.parent)
    document = {
        "study": plan.name,
        "plan": plan_document(plan),
        "test": TEST,
        "entries": [asdict(entry) for entry in entries],
    }
    write_json(file, document)


def plan_history(plan: StudyPlan) -> tuple[Entry, ...]:
    """The recorded plans of a study of this name and these settings, oldest first."""
    file = _file(plan)
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))["entries"]
        return tuple(Entry(**entry) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(
            f"{file} is broken; move it away, and say that the plan is lost."
        ) from error


def plan_words(plan: StudyPlan, entries: tuple[Entry, ...]) -> str:
    """When a study was planned, in a sentence or two."""
    now = plan_hash(plan)
    if not entries:
        return f"No record here says when plan {now} was written down."
    first, *later = entries
    when = "before its first run"
    if first.runs:
        when = f"when {first.runs} of its runs were there"
    sentences = [f"Plan {first.hash} was written down on {first.written}, {when}."]
    for entry in later:
        sentences.append(
            f"It was changed to {entry.hash} on {entry.written}, when {entry.runs} runs were there."
        )
    if entries[-1].hash != now:
        sentences.append(f"What is shown here follows another plan, {now}.")
    return " ".join(sentences)
