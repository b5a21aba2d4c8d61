"""Engines of a study: where its conditions are trained when one machine is not enough, on a Dask
cluster or by Slurm.

All machines share the home folder, and the disk says what is done. To a worker of Dask crosses a
dictionary a condition, to a task of Slurm the name of a file of them: it is a plain command, and no
pickle lies where it could be changed. A task outlives who asked for it, and nobody waits: who asks
again sees what is there, and submits the rest.
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
from concurrent.futures import Executor
from contextlib import contextmanager, redirect_stderr
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import make_folder, models_folder, write_json
from vlcore.experiment.version import __version__
from vlcore.jobs import jobs
from vlcore.jobs.jobs import State

ENGINES = ("local", "slurm", "dask")
PACK = 50  # conditions of a task of Slurm
ANSWERS_IN = 10.0  # seconds that a scheduler of Dask has to answer
SETTLED = (State.DONE, State.FAILED, State.CANCELLED)
AGAIN = 75  # exit code of a task that did not come to its end
ASKED = {"time": "60", "cpus-per-task": "4"}  # of Slurm, unless somebody says otherwise
MEMORY = "2G"  # a worker
_ON_EACH = (
    "`dask worker tcp://HOST:8786 --nworkers -1 --nthreads 1` on each, with the same VLCORE_HOME"
)
START_DASK = (
    f"start `dask scheduler` on one machine and {_ON_EACH}, and give its --address tcp://HOST:8786"
)
# A task that was killed or is about to run out of time (submitit has SIGUSR2 sent before that, to
# what srun runs alone) begins again, and skips what it has published. After `scancel` no line of
# this is reached.
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
_ADVICE = {
    "partition": "`sinfo` lists the partitions, choose one with --slurm partition=NAME",
    "array": "give a task more conditions with --pack",
    "time limit": "ask for less with --slurm time=MINUTES",
    "limit|policy|quota|temporarily": (
        "wait until jobs of yours have ended, or give a task more conditions with --pack"
    ),
    "contact|timed out|socket": "try again when the cluster answers",
    "": "change what --slurm asks for",
}


class EngineError(LabError):
    """An engine that is not there, or refuses; nothing was begun, and the message says what to
    do."""


def _extra(module: str, engine: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise EngineError(
            f"The engine {engine} needs {module}; run `pip install '.[{engine}]'`."
        ) from None


@contextmanager
def dask_pool(address: str | None) -> Iterator[Executor]:
    """The workers of a Dask cluster as a pool for
    `vlcore.api.training.train_all`; EngineError where there are none, or one of them
    has another home or version, or more than one thread."""
    distributed = _extra("distributed", "dask")
    if not address:
        raise EngineError(f"The engine dask needs a scheduler; {START_DASK}.")
    try:
        client = distributed.Client(address, timeout=ANSWERS_IN, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        raise EngineError(f"No Dask scheduler answers at {address}; {START_DASK}.") from error
    with client:
        mark = make_folder(models_folder()) / f".dask-{secrets.token_hex(6)}"
        try:
            mark.touch()
            found = client.run(_surroundings, mark.name)
        except (
            Exception
        ) as error:  # whatever a worker without this library, or with another Python, raises
            reason = f"do not know vlcore {__version__} ({type(error).__name__})"
            raise EngineError(f"The Dask workers {reason}; install the same there.") from error
        finally:
            mark.unlink(missing_ok=True)
        if not found:
            raise EngineError(f"The Dask scheduler at {address} has no workers; {START_DASK}.")
        wanted = {**_surroundings(""), "sees the home": True, "threads": 1}
        for worker, threads in client.nthreads().items():
            has = {**wanted, **found.get(worker, {}), "threads": threads}
            if other := [
                f"{name}: {has[name]}, not {value}"
                for name, value in wanted.items()
                if has[name] != value
            ]:
                raise EngineError(
                    f"The Dask worker {worker} differs ({', '.join(other)}); {START_DASK}."
                )
        yield client.get_executor(pure=False)


def _surroundings(mark: str) -> dict[str, Any]:
    dask, python = (
        sys.modules["distributed"].__version__,
        f"{sys.version_info.major}.{sys.version_info.minor}",
    )
    home = (models_folder() / mark).is_file()
    return {"vlcore": __version__, "Python": python, "distributed": dask, "sees the home": home}


def submit(
    conditions: Sequence[Condition],
    task: Sequence[str],
    pack: int,
    asked: Mapping[str, str],
    *,
    dry_run: bool,
) -> dict[str, Any]:
    """Submit conditions, the longest first, to Slurm as one array, so many in each task;
    EngineError where it takes none, and then nothing is left. `task` is the command of a task, to
    which the list is given, and `asked` are options of sbatch. Returns where the sbatch file and
    the list lie, which is all of `dry_run`, and the number of tasks."""
    submitit = _extra("submitit", "slurm")
    if not (shutil.which("sbatch") and shutil.which("srun")):
        raise EngineError(
            "There is no Slurm on this machine; log in to a cluster's, or leave --engine slurm out."
        )
    folder = make_folder(_arrays() / f"vlcore-{secrets.token_hex(4)}")
    tasks = math.ceil(len(conditions) / pack)
    listing, script = folder / "conditions.json", folder / "study.sbatch"
    write_json(
        listing,
        {str(n): {one.key: one.as_dict() for one in conditions[n::tasks]} for n in range(tasks)},
    )
    memory = {} if {"mem", "mem-per-cpu"} & {*asked} else {"mem-per-cpu": MEMORY}
    home = shlex.quote(str(models_folder().parent))
    executor = submitit.SlurmExecutor(folder)
    executor.update_parameters(
        job_name=folder.name,
        setup=[
            f"export VLCORE_HOME={home} SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK"
        ],  # which srun does not inherit
        teardown=_BEGIN_AGAIN,
        stderr_to_stdout=True,
        additional_parameters={
            **ASKED,
            **memory,
            "requeue": True,
            "chdir": str(Path(__file__).parents[2]),
            **asked,
        },
    )
    executor.parameters["map_count"] = tasks  # what makes it an array, also of one
    command = shlex.join([*task, str(listing)])
    script.write_text(executor._make_submission_file_text(command, ""))
    if not dry_run:
        for condition in conditions:
            jobs.clear_last_failure(condition.key)
        try:
            with redirect_stderr(StringIO()):  # it prints what Slurm says before it raises it
                executor._submit_command(command)
        except (RuntimeError, OSError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise _refusal(str(error)) from error
    return {"sbatch": str(script), "conditions": str(listing), "tasks": tasks}


def _arrays() -> Path:
    return models_folder() / ".slurm"


def _refusal(said: str) -> EngineError:
    lines = [
        re.sub(r"^\w+: (error: )?", "", line)
        for line in said.splitlines()
        if not line.startswith("Try ")
    ]
    reason = lines[-1].strip(" .") if lines else "it does not say why"
    advice = next(
        advice for words, advice in _ADVICE.items() if re.search(words, reason, re.IGNORECASE)
    )
    return EngineError(f"Slurm refused ({reason}); {advice}.")


def _slurm(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise _refusal(done.stderr)
    return done.stdout


def _queued() -> Iterator[tuple[str, Path]]:
    """The number of each task that is in the cluster's queue, such as ``123_4``, and the list of
    its array."""
    lists = {file.parent.name: file for file in _arrays().glob("*/conditions.json")}
    if lists and shutil.which("squeue"):
        said = _slurm(
            "squeue", "--noheader", "--array", "--format=%i %j", f"--name={','.join(lists)}"
        )
        yield from ((task, lists[name]) for task, name in map(str.split, said.splitlines()))


def tasks() -> dict[str, str]:
    """What waits or runs on the cluster: the number of the task by each key; EngineError when Slurm
    does not answer."""
    return {
        key: task
        for task, listing in _queued()
        for key in json.loads(listing.read_text())[task.rpartition("_")[2]]
        if jobs.view(key).state not in SETTLED
    }


def state_of(key: str, waiting: Mapping[str, str]) -> State:
    """The state of a job, where `tasks` say what waits: what a task was at as it died is queued
    again with it."""
    state = jobs.view(key).state
    return State.QUEUED if key in waiting and state in (State.ABSENT, State.INTERRUPTED) else state


def cancel(name: str) -> bool:
    """Cancel what waits or runs on the cluster under a key, or in a task or job by its number;
    False when nothing does. What runs stops at its next report; a task that nothing is left of
    leaves the queue."""
    waiting = tasks()
    wanted = [key for key, task in waiting.items() if name in (key, task, task.partition("_")[0])]
    for key in wanted:
        jobs.cancel(key, pending=True)
    if empty := {waiting[key] for key in wanted} - {
        task for key, task in waiting.items() if key not in wanted
    }:
        _slurm("scancel", "--state=PENDING", *sorted(empty))
    return bool(wanted)


def clean() -> list[str]:
    """Remove the lists and logs of arrays that have left the cluster's queue; returns their
    names."""
    queued = {listing.parent for _, listing in _queued()}
    left = [
        folder
        for folder in sorted(_arrays().glob("*/"))
        if folder not in queued and shutil.which("squeue")
    ]
    for folder in left:
        shutil.rmtree(folder)
    return [folder.name for folder in left]
