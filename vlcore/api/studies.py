"""Running a study: the conditions that are not trained yet are trained by worker processes, a Dask
cluster or Slurm."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from vlcore.api import slurm_task, training
from vlcore.artifacts import store
from vlcore.data.subset import on_its_set
from vlcore.experiment.condition import Condition
from vlcore.jobs import engines, queue
from vlcore.jobs.progress import trainings_bar
from vlcore.study import plans, published, registry
from vlcore.study.plans import StudyPlan
from vlcore.study.results import Study


@dataclass(frozen=True)
class Engine:
    """Where the conditions of a study are trained.

    Attributes:
        name: one of `vlcore.jobs.engines.ENGINES`.
        jobs: worker processes of the local engine; one a core where None.
        address: of a Dask scheduler.
        pack: conditions of a task of Slurm.
        slurm: options of sbatch.
        dry_run: write what Slurm would be given, and submit nothing.
    """

    name: str = "local"
    jobs: int | None = None
    address: str | None = None
    pack: int = engines.PACK
    slurm: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False


@dataclass(frozen=True)
class StudyRun:
    """What became of the conditions of a study.

    Attributes:
        conditions: all of them, with the controls if these were wanted.
        outcomes: by key: ``"published"``, ``"cached"``, ``"trained"``, ``"failed: "`` with the
            reason, or the state on a cluster that is not waited for.
        tasks: number of the cluster's task by key.
        submission: files and number of tasks of a dry run of Slurm; None of anything else.
    """

    conditions: list[Condition]
    outcomes: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)
    submission: dict[str, Any] | None = None

    @property
    def missing(self) -> list[Condition]:
        """The conditions that are to be trained."""
        return [condition for condition in self.conditions if condition.key not in self.outcomes]

    def check_any_trained(self) -> None:
        """Raise StoreError where every condition that was to be trained failed."""
        tried = [outcome for outcome in self.outcomes.values() if outcome != "published"]
        failed = [outcome for outcome in tried if outcome.startswith("failed")]
        if failed and len(failed) == len(tried):
            raise store.StoreError(f"No condition could be trained; the first {failed[0]}")


def begin_study(
    plan: StudyPlan, *, controls: bool = False, count_published: bool = False, record: bool = True
) -> StudyRun:
    """Check the images of a study, record its plan, and find what is missing.

    Args:
        plan: the study.
        controls: whether to train the controls of its claims too: placebo labels, random removal.
        count_published: whether runs of ``docs/results`` count as trained.
        record: whether the plan is recorded.

    Raises:
        LabError: when the image set lacks images.
    """
    conditions = [*plan.all_conditions, *(plans.controls(plan) if controls else ())]
    training.check_trainable(conditions[0])
    if record:
        registry.record_plan(plan)
    counted = set(published.published_runs()["key"]) if count_published else set()
    outcomes = {}
    for condition in conditions:
        if condition.key in counted:
            outcomes[condition.key] = "published"
        elif store.published(condition.key):
            outcomes[condition.key] = "cached"
    return StudyRun(conditions, outcomes)


def train_missing(
    plan: StudyPlan,
    *,
    controls: bool = False,
    count_published: bool = False,
    engine: Engine = Engine(),
) -> StudyRun:
    """Begin a study, and train what is missing of it; one condition that fails stops no other.

    Args:
        plan: the study.
        controls: whether to train the controls of its claims too: placebo labels, random removal.
        count_published: whether runs of ``docs/results`` count as trained.
        engine: where; Slurm is not waited for.

    Raises:
        LabError: when the image set lacks images, or the engine cannot be used.
    """
    run = begin_study(
        plan, controls=controls, count_published=count_published, record=not engine.dry_run
    )
    if engine.name == "slurm":
        return _submit(run, engine)
    local = engine.name == "local"
    workers: AbstractContextManager[Executor]
    if local:
        workers = queue.worker_pool(engine.jobs or queue.all_cores())
    else:
        workers = engines.dask_pool(engine.address)
    missing = run.missing
    with workers as pool, trainings_bar(len(missing), f"study {plan.name}") as ended:
        outcomes = training.train_all(missing, pool, ended, shared=not local)
    return StudyRun(run.conditions, run.outcomes | outcomes)


def _submit(run: StudyRun, engine: Engine) -> StudyRun:
    waiting = engines.tasks()
    todo = [condition for condition in run.missing if condition.key not in waiting]
    if todo:
        submission = engines.submit(
            training.longest_first(todo),
            slurm_task.COMMAND,
            engine.pack,
            engine.slurm,
            dry_run=engine.dry_run,
        )
        if engine.dry_run:
            return StudyRun(run.conditions, submission=submission)
    tasks = engines.tasks()
    states = {
        condition.key: engines.state_of(condition.key, tasks).value
        for condition in run.conditions
        if run.outcomes.get(condition.key) != "published"
    }
    return StudyRun(run.conditions, run.outcomes | states, tasks)


def run_study(
    name: str,
    *,
    base: Condition | None = None,
    seeds: int = 1,
    jobs: int | None = None,
    controls: bool = False,
) -> Study:
    """Train all conditions of a study that are missing, over worker processes.

    Args:
        name: ``experiments``, ``class``, ``paper`` or another of `vlcore.study.plans.STUDIES`, or a
            YAML file.
        base: what all conditions share, such as the image set or the steps.
        seeds: number of seed pairs; fewer than six decide nothing.
        jobs: worker processes; one a core when absent.
        controls: whether to train the controls of its claims too: placebo labels, random removal.

    Raises:
        LabError: when there is no such study, or none of its conditions could be trained.

    >>> import vlcore as vl
    >>> study = vl.run_study("experiments", base=vl.Condition(steps=12))
    >>> study.findings().table()  # doctest: +SKIP
    """
    plan = plans.find(name, base and on_its_set(base), seeds)
    train_missing(plan, controls=controls, engine=Engine(jobs=jobs)).check_any_trained()
    return Study(plan)
