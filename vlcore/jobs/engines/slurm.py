"""Slurm: training of conditions on a cluster, which is not waited for.

All machines share the home folder, and the disk tells what is done. A task gets the name of a file
of conditions: it is a plain command, and no pickle lies where it could be changed. A task outlives
the command that submitted it; the same command later shows what is done, and submits what is
missing.
"""

import json
import math
import re
import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

from vlcore.experiment.condition import Condition
from vlcore.experiment.files import make_folder, models_folder, write_json
from vlcore.jobs import jobs
from vlcore.jobs.engines import EngineError, EngineOption, Options, Work, optional_library
from vlcore.jobs.jobs import State

PACK = 50  # conditions of a task
OPTIONS = {
    "pack": EngineOption("conditions of a task of Slurm", bounds=(1, 10_000)),
    "slurm": EngineOption(
        "any option of sbatch, such as partition=NAME, time=60, cpus-per-task=8, mem=16G; may be"
        " repeated",
        is_settings=True,
    ),
}
TASK = (sys.executable, "-m", "vlcore.api.slurm_task")
SETTLED = (State.DONE, State.FAILED, State.CANCELLED)
AGAIN = 75  # exit code of a task that did not come to its end
DEFAULTS = {"time": "60", "cpus-per-task": "4"}  # of sbatch
MEMORY = "2G"  # a worker
# A task that was killed or runs out of time (submitit has SIGUSR2 sent before that, only to what
# srun runs) begins again, and skips what it has published. `scancel` ends the script before this.
_BEGIN_AGAIN = [
    "code=$?",
    (
        f'if [ $code -eq {AGAIN} ] || [ $code -gt 128 ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt 5 ];'
        " then"
    ),
    '  scontrol requeue "$SLURM_JOB_ID"',
    "fi",
    "exit $code",
]


def train(work: Work, options: Options) -> tuple[dict[str, str], dict[str, str]]:
    """Submit what is missing, and wait for nothing; returns the state of each key, and the
    tasks."""
    waiting = tasks()
    todo = [condition for condition in work.missing if condition.key not in waiting]
    if todo:
        submit(todo, TASK, options.get("pack", PACK), options.get("slurm", {}))
    numbers = tasks()
    return {key: state_of(key, numbers).value for key in work.keys}, numbers


def submit(
    conditions: Sequence[Condition], task: Sequence[str], pack: int, options: Mapping[str, str]
) -> None:
    """Submit conditions to Slurm as one array.

    Args:
        conditions: the longest first.
        task: command of a task, to which the path of the list of conditions is appended.
        pack: conditions per task.
        options: of sbatch.

    Raises:
        EngineError: Slurm is absent or refuses; then nothing is left.
    """
    submitit = optional_library("submitit", "slurm")
    if not (shutil.which("sbatch") and shutil.which("srun")):
        raise EngineError(
            "There is no Slurm on this machine; log in to a cluster's, or leave --engine slurm out."
        )
    folder = make_folder(_arrays() / f"vlcore-{secrets.token_hex(4)}")
    tasks = math.ceil(len(conditions) / pack)
    listing = folder / "conditions.json"
    packs = {
        str(number): {condition.key: condition.as_dict() for condition in conditions[number::tasks]}
        for number in range(tasks)
    }
    write_json(listing, packs)
    memory = {} if {"mem", "mem-per-cpu"} & {*options} else {"mem-per-cpu": MEMORY}
    home = shlex.quote(str(models_folder().parent))
    executor = submitit.SlurmExecutor(folder)
    executor.update_parameters(
        job_name=folder.name,
        # srun does not inherit the number of cores.
        setup=[f"export VLCORE_HOME={home} SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK"],
        teardown=_BEGIN_AGAIN,
        stderr_to_stdout=True,
        additional_parameters={
            **DEFAULTS,
            **memory,
            "requeue": True,
            "chdir": str(Path(__file__).parents[3]),
            **options,
        },
    )
    executor.parameters["map_count"] = tasks  # what makes it an array, also of one
    for condition in conditions:
        jobs.clear_last_failure(condition.key)
    try:
        with redirect_stderr(StringIO()):  # it prints the message of Slurm before it raises
            executor._submit_command(shlex.join([*task, str(listing)]))
    except (RuntimeError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise _refusal(str(error)) from error


def _arrays() -> Path:
    return models_folder() / ".slurm"


def _refusal(message: str) -> EngineError:
    lines = [line for line in message.splitlines() if not line.startswith("Try ")]
    reason = re.sub(r"^\w+: (error: )?", "", lines[-1]).strip(" .") if lines else "no reason given"
    return EngineError(
        f"Slurm refused ({reason}); change what --slurm and --pack ask for, or try again later."
    )


def _queued() -> Iterator[tuple[str, Path]]:
    """Number of each task in the cluster's queue, such as ``123_4``, and the list of its array."""
    lists = {file.parent.name: file for file in _arrays().glob("*/conditions.json")}
    if lists and shutil.which("squeue"):
        names = f"--name={','.join(lists)}"
        command = ["squeue", "--noheader", "--array", "--format=%i %j", names]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise _refusal(done.stderr)
        for line in done.stdout.splitlines():
            task, name = line.split()
            yield task, lists[name]


def tasks() -> dict[str, str]:
    """Number of the task by each key that waits or runs on the cluster.

    EngineError when Slurm does not answer.
    """
    numbers = {}
    for task, listing in _queued():
        for key in json.loads(listing.read_text())[task.rpartition("_")[2]]:
            if jobs.view(key).state not in SETTLED:
                numbers[key] = task
    return numbers


def state_of(key: str, waiting: Mapping[str, str]) -> State:
    """The state of a job, given `tasks`: a job whose task died is queued again with it."""
    state = jobs.view(key).state
    if key in waiting and state in (State.ABSENT, State.INTERRUPTED):
        return State.QUEUED
    return state


def remove_leftovers() -> list[str]:
    """Remove lists and logs of arrays that have left the cluster's queue; returns their names."""
    if not shutil.which("squeue"):
        return []
    queued = {listing.parent for _, listing in _queued()}
    ended = [folder for folder in sorted(_arrays().glob("*/")) if folder not in queued]
    for folder in ended:
        shutil.rmtree(folder)
    return [folder.name for folder in ended]
