"""Running a study: worker processes, a Dask cluster or Slurm train what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from vlcore.api import slurm_task, training
from vlcore.artifacts import store
from vlcore.data.subset import on_its_set
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import make_folder, models_folder
from vlcore.jobs import engines, queue
from vlcore.jobs.progress import trainings_bar
from vlcore.study import plans
from vlcore.study.plans import StudyPlan
from vlcore.study.results import Study


@dataclass(frozen=True)
class Engine:
    """Where the conditions of a study are trained.

    Attributes:
        name: one of `vlcore.jobs.engines.ENGINES`.
        jobs: worker processes of the local engine; one per core where None.
        address: of a Dask scheduler.
        pack: conditions of a task of Slurm.
        slurm: options of sbatch.
    """

    name: str = "local"
    jobs: int | None = None
    address: str | None = None
    pack: int = engines.PACK
    slurm: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StudyRun:
    """What became of the conditions of a study.

    Attributes:
        outcomes: by key: ``"cached"``, ``"trained"``, ``"failed: "`` with the reason, or the state
            on a cluster that is not waited for.
        tasks: number of the cluster's task by key.
    """

    outcomes: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)

    def check_any_trained(self) -> None:
        """Raise StoreError where every condition failed."""
        failed = [outcome for outcome in self.outcomes.values() if outcome.startswith("failed")]
        if failed and len(failed) == len(self.outcomes):
            raise store.StoreError(f"No condition could be trained; the first {failed[0]}")


def train_missing(plan: StudyPlan, engine: Engine = Engine()) -> StudyRun:
    """Train what is missing of a study; one condition that fails stops no other.

    Args:
        plan: the study.
        engine: where; Slurm is not waited for.

    Raises:
        LabError: when the image set lacks images, or the engine cannot be used.
    """
    training.check_trainable(plan.conditions[0])
    make_folder(models_folder())
    missing = [run for run in plan.conditions if not store.published(run.key)]
    if engine.name == "slurm":
        return _submit(plan, missing, engine)
    local = engine.name == "local"
    workers: AbstractContextManager[Executor]
    if local:
        workers = queue.worker_pool(engine.jobs or queue.all_cores())
    else:
        workers = engines.dask_pool(engine.address)
    with workers as pool, trainings_bar(len(missing), f"study {plan.name}") as ended:
        outcomes = training.train_all(missing, pool, ended, shared=not local)
    return StudyRun({condition.key: "cached" for condition in plan.conditions} | outcomes)


def _submit(plan: StudyPlan, missing: list[Condition], engine: Engine) -> StudyRun:
    waiting = engines.tasks()
    todo = [condition for condition in missing if condition.key not in waiting]
    if todo:
        engines.submit(training.longest_first(todo), slurm_task.COMMAND, engine.pack, engine.slurm)
    tasks = engines.tasks()
    keys = [condition.key for condition in plan.conditions]
    return StudyRun({key: engines.state_of(key, tasks).value for key in keys}, tasks)


def run_study(
    name: str, *, base: Condition | None = None, seeds: int = 1, jobs: int | None = None
) -> Study:
    """Train all conditions of a study that are missing, over worker processes.

    Args:
        name: one of `vlcore.study.plans.STUDIES`, or the path of a YAML file.
        base: what all conditions share, such as the image set or the steps.
        seeds: number of seed pairs; fewer than six decide nothing.
        jobs: worker processes; one per core when absent.

    Raises:
        LabError: when there is no such study, or none of its conditions could be trained.

    >>> import vlcore as vl
    >>> study = vl.run_study("experiments", base=vl.Condition(steps=12))
    >>> study.comparisons()  # doctest: +SKIP
    """
    plan = plans.find(name, base and on_its_set(base), seeds)
    train_missing(plan, Engine(jobs=jobs)).check_any_trained()
    return Study(plan)
