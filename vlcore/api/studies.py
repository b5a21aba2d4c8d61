"""Running a study: what is missing of it is trained here, by worker processes, a Dask cluster or
Slurm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vlcore.api import slurm_task, training
from vlcore.artifacts import store
from vlcore.data.subset import on_its_set
from vlcore.experiment.condition import Condition
from vlcore.jobs import engines, queue
from vlcore.jobs.progress import progress_bar
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
        plan: the study.
        conditions: those that were wanted, with the controls if these were asked for.
        outcomes: by the key of each that was to be trained: ``"trained"``, ``"cached"``, ``"failed:
            "`` with the reason, or its state on a cluster that is not waited for.
        tasks: number of the cluster's task by key.
        submission: files and number of tasks of a dry run of Slurm; None of anything else.
    """

    plan: StudyPlan
    conditions: list[Condition]
    outcomes: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)
    submission: dict[str, Any] | None = None

    def check_any_trained(self) -> None:
        """Raise StoreError where every condition that was to be trained failed."""
        failed = [words for words in self.outcomes.values() if words.startswith("failed")]
        if failed and len(failed) == len(self.outcomes):
            raise store.StoreError(f"No condition could be trained; the first {failed[0]}")


def train_missing(
    plan: StudyPlan,
    *,
    controls: bool = False,
    count_published: bool = False,
    engine: Engine = Engine(),
) -> StudyRun:
    """Write a plan down, and train what is missing of it; one condition that fails stops no other.

    Args:
        plan: the study.
        controls: whether to run what the claims must exceed too: placebo labels, removal at random.
        count_published: whether runs of ``docs/results`` count as there.
        engine: where; Slurm is not waited for.

    Raises:
        LabError: when the image set lacks images, or the engine cannot be used.
    """
    wanted = [*plan.everything, *(plans.controls(plan) if controls else ())]
    known = set(published.published_runs()["key"]) if count_published else set()
    missing = [condition for condition in wanted if condition.key not in known]
    training.check_trainable(wanted[0])
    if not engine.dry_run:
        registry.write_down(plan)
    if engine.name == "slurm":
        return _submitted(plan, wanted, missing, engine)
    local = engine.name == "local"
    workers = (
        queue.worker_pool(engine.jobs or queue.all_cores())
        if local
        else engines.dask_pool(engine.address)
    )
    with workers as pool, progress_bar(len(missing), f"study {plan.name}", unit="model") as bar:
        outcomes = training.train_all(
            missing, pool, lambda _key, _outcome: bar.update(), shared=not local
        )
    return StudyRun(plan, wanted, outcomes)


def _submitted(
    plan: StudyPlan, wanted: list[Condition], missing: list[Condition], engine: Engine
) -> StudyRun:
    waiting = engines.tasks()
    todo = [
        condition
        for condition in missing
        if condition.key not in waiting and not store.published(condition.key)
    ]
    if todo:
        ordered = training.longest_first(todo)
        submission = engines.submit(
            ordered, slurm_task.COMMAND, engine.pack, engine.slurm, dry_run=engine.dry_run
        )
        if engine.dry_run:
            return StudyRun(plan, wanted, submission=submission)
    tasks = engines.tasks()
    states = {condition.key: engines.state_of(condition.key, tasks).value for condition in missing}
    return StudyRun(plan, wanted, states, tasks)


def run_study(
    name: str,
    *,
    base: Condition | None = None,
    seeds: int = 1,
    jobs: int | None = None,
    controls: bool = False,
) -> Study:
    """Run all conditions of a study that are missing, over worker processes.

    Args:
        name: ``experiments``, ``class``, ``paper`` or another of `vlcore.study.plans.STUDIES`, or a
        YAML file.
        base: what all conditions share, such as the image set or the steps.
        seeds: number of seed pairs; fewer than six decide nothing.
        jobs: worker processes; one a core when absent.
        controls: whether to run what the claims must exceed too: placebo labels, removal at random.

    Raises:
        LabError: when there is no such study, or none of its conditions could be trained.

    >>> import vlcore as vl
    >>> study = vl.run_study("experiments", base=vl.Condition(steps=12))
    >>> study.findings().table()  # doctest: +SKIP
    """
    plan = plans.find(name, base and on_its_set(base), seeds)
    train_missing(plan, controls=controls, engine=Engine(jobs=jobs)).check_any_trained()
    return Study(plan)
