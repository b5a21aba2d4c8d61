"""Studies on real clusters of one node, whose tasks and workers are killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.api.trainings import write_small
from tests.cli.conftest import Document, Refused
from tests.cli.conftest import refused as refused
from tests.jobs import slurm
from tests.jobs.children import until
from vlcore.api import training
from vlcore.artifacts import store
from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import models_folder
from vlcore.jobs import engines, jobs
from vlcore.jobs.engines import dask
from vlcore.study import plans

SETTINGS = {"steps": 1, "batch_size": 8}
STUDY = ("study", "experiments", "--data", "small", "--set", "batch_size=8")
SLURM = ("--engine", "slurm", "--slurm", "mem-per-cpu=500", "--slurm")
SHORT = (*STUDY, "--set", "steps=1", *SLURM, "cpus-per-task=1", "--pack", 4)
Local = tuple[Path, list[Condition], dict[str, bytes]]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Local:
    """A small set, four conditions on it, and the metrics that this process gives them."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("local")
        patch.setenv("VLCORE_HOME", str(folder))
        conditions = plans.find(
            "experiments", usual_condition(write_small(folder)).replace(**SETTINGS)
        ).conditions
        for condition in conditions:
            assert training.train_condition(condition) == "trained"
        return folder, [*conditions], {one.key: metrics(one.key) for one in conditions}


@pytest.fixture
def shared(local: Local, empty_home: Path) -> list[Condition]:
    """The four, in another home that has the pictures and no model."""
    (empty_home / "data").symlink_to(local[0] / "data", target_is_directory=True)
    return local[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if not slurm.is_here():
        pytest.skip("needs slurm-wlm, munge and root")
    with (
        slurm.cluster(tmp_path_factory.mktemp("slurm")) as conf,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SLURM_CONF", str(conf))
        yield


def metrics(key: str) -> bytes:
    return (models_folder() / key / "metrics.json").read_bytes()


def queue() -> list[str]:
    return subprocess.run(
        ["squeue", "-h", "-r", "-o", "%i"], capture_output=True, text=True
    ).stdout.split()


def kill_one(conditions: list[Condition]) -> str:
    """Kill the worker that is the first to be seen at one of the conditions, whose key it gives."""
    views, seen = (lambda: [jobs.view(one.key) for one in conditions]), list[jobs.JobStatus]()
    until(lambda: seen.extend(view for view in views() if view.state is jobs.State.RUNNING) or seen)
    os.kill(seen[0].status["pid"], signal.SIGKILL)
    return seen[0].key


@pytest.mark.judge
def test_a_killed_task_loses_one_run(
    cluster: None, document: Document, local: Local, shared: list[Condition]
) -> None:
    entries = document(*SHORT)
    (task,) = {entry["job"] for entry in entries}
    assert [(entry["key"], entry["state"]) for entry in entries] == [
        (one.key, "queued") for one in shared
    ]
    until(store.published_keys)
    first = store.published_keys()
    kill_one([one for one in shared if one.key not in first])
    first, inode = store.published_keys(), (models_folder() / first[0]).stat().st_ino
    assert {entry.get("job", task) for entry in document(*SHORT)} == {task}, (
        "nothing is submitted twice"
    )
    assert queue() == [task]

    # Workers begin anew, and may have one core of a busy machine.
    until(lambda: not queue(), patience=300)
    assert {key: metrics(key) for key in store.published_keys()} == local[2]
    assert (models_folder() / first[0]).stat().st_ino == inode, "what was published stays"
    assert all(entry["state"] == "done" and "metrics" in entry for entry in document(*SHORT))
    (folder,) = (models_folder() / ".slurm").iterdir()
    assert folder.name in document("clean")["removed"]
    assert not folder.exists()


@pytest.mark.judge
def test_what_slurm_refuses_is_one_sentence_and_leaves_nothing(
    cluster: None, refused: Refused, shared: list[Condition]
) -> None:
    for options in (("partition=nowhere",), ("time=9999",), ("colour=red",)):
        assert "Slurm refused" in refused(*SHORT, "--slurm", *options)
    assert "--pack" in refused(*SHORT, "--pack", 1)
    assert list((models_folder() / ".slurm").iterdir()) == queue() == []


def test_an_engine_that_is_not_there_is_one_sentence(
    refused: Refused, shared: list[Condition], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(dask, "ANSWERS_IN", 0.3)
    for words, noun in {
        "slurm": "no Slurm on this machine",
        "dask": "dask scheduler",
        "dask --address tcp://127.0.0.1:1": "No Dask",
        "dask --address nonsense://x": "No Dask",
        "local --address x": "--address is for --engine dask",
        "dask --pack 2": "--pack is for --engine slurm",
        "slurm --jobs 2": "--jobs is for --engine local",
    }.items():
        assert noun in refused(*STUDY, "--engine", *words.split())
    for engine, module in {"slurm": "submitit", "dask": "distributed"}.items():
        monkeypatch.setitem(sys.modules, module, None)
        assert "pip install" in refused(*STUDY, "--engine", engine)


@pytest.mark.judge
def test_workers_of_dask_train_the_same_and_one_that_is_killed_loses_its_run(
    local: Local, shared: list[Condition], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import distributed

    def refuses(address: str, reason: str) -> None:
        with pytest.raises(engines.EngineError, match=reason), dask.dask_pool(address):
            pytest.fail("took it")

    with distributed.LocalCluster(
        threads_per_worker=2, n_workers=1, processes=False, dashboard_address=":0"
    ) as cluster:
        refuses(cluster.scheduler_address, "threads: 2, not 1")
    here = {"dashboard_address": ":0", "host": "127.0.0.1"}
    with distributed.LocalCluster(threads_per_worker=1, n_workers=0, **here) as cluster:
        refuses(cluster.scheduler_address, "no workers")
        cluster.scale(2)
        cluster.wait_for_workers(2)
        with monkeypatch.context() as patch:
            patch.setenv("VLCORE_HOME", str(tmp_path / "elsewhere"))
            refuses(cluster.scheduler_address, "sees the home: False, not True")
        with dask.dask_pool(cluster.scheduler_address) as pool, ThreadPoolExecutor(1) as thread:
            study = thread.submit(
                training.train_all, shared[1:], pool, lambda *_: None, shared=True
            )
            killed = kill_one(shared)
            assert set(study.result().values()) <= {"trained", "cached"}
    assert killed in store.published_keys()
    alone = {one.key: local[2][one.key] for one in shared[1:]}
    assert {key: metrics(key) for key in store.published_keys()} == alone


def test_the_longest_goes_first() -> None:
    short = Condition(steps=10)
    long = Condition(steps=30)
    twice = Condition(steps=20, recipe="classic")
    assert training.longest_first([short, long, twice]) == [twice, long, short]
