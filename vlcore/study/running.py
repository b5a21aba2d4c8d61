"""Running a study: the workers of an engine train what is missing."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, field

from vlcore.api import training
from vlcore.artifacts import store
from vlcore.data.subset import on_its_set
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import make_folder, models_folder
from vlcore.jobs import engines
from vlcore.jobs.engines import LOCAL, Options, Work
from vlcore.jobs.progress import trainings_bar
from vlcore.study import plans
from vlcore.study.plans import StudyPlan
from vlcore.study.results import Study


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


def train_missing(plan: StudyPlan, engine: str = LOCAL, options: Options | None = None) -> StudyRun:
    """Train what is missing of a study; one condition that fails stops no other.

    Args:
        plan: the study.
        engine: where, one of `vlcore.jobs.engines.engines`; not all are waited for.
        options: of the engine; the usual ones where absent.

    Raises:
        LabError: when the image set lacks images, or the engine cannot be used.
    """
    training.check_trainable(plan.conditions[0])
    make_folder(models_folder())
    missing = [run for run in plan.conditions if not store.published(run.key)]

    def train(pool: Executor, shared: bool) -> dict[str, str]:
        with trainings_bar(len(missing), f"study {plan.name}") as ended:
            return training.train_all(missing, pool, ended, shared=shared)

    keys = [condition.key for condition in plan.conditions]
    work = Work(keys, training.longest_first(missing), train)
    outcomes, tasks = engines.engine(engine).train(work, options or {})
    return StudyRun(dict.fromkeys(keys, "cached") | outcomes, tasks)


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
    train_missing(plan, options={"jobs": jobs}).check_any_trained()
    return Study(plan)
