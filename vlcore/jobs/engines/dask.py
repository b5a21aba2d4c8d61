"""Dask: training of conditions on a cluster of workers, each of which gets a condition."""

import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from vlcore.experiment.files import make_folder, models_folder
from vlcore.experiment.version import __version__
from vlcore.jobs.engines import EngineError, EngineOption, Options, Work, optional_library

OPTIONS = {"address": EngineOption("of a Dask scheduler, such as tcp://HOST:8786")}
ANSWERS_IN = 10.0  # seconds that a scheduler has to answer
_ON_EACH = (
    "`dask worker tcp://HOST:8786 --nworkers -1 --nthreads 1` on each, with the same VLCORE_HOME"
)
START_DASK = (
    f"start `dask scheduler` on one machine and {_ON_EACH}, and give its --address tcp://HOST:8786"
)


def train(work: Work, options: Options) -> tuple[dict[str, str], dict[str, str]]:
    """Train what is missing on the workers; returns the outcome of each key, and no tasks."""
    with dask_pool(options.get("address")) as pool:
        return work.train(pool, True), {}


@contextmanager
def dask_pool(address: str | None) -> Iterator[Executor]:
    """The workers of a Dask cluster as a pool for `vlcore.api.training.train_all`.

    EngineError where there are none, or one of them has another home or version, or more than one
    thread.
    """
    distributed = optional_library("distributed", "dask")
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
            environments = client.run(_environment, mark.name)
        except Exception as error:  # of a worker without this library, or with another Python
            raise EngineError(
                f"The Dask workers do not know vlcore {__version__} ({type(error).__name__});"
                " install the same there."
            ) from error
        finally:
            mark.unlink(missing_ok=True)
        if not environments:
            raise EngineError(f"The Dask scheduler at {address} has no workers; {START_DASK}.")
        expected = {**_environment(""), "sees the home": True, "threads": 1}
        threads = client.nthreads()
        for worker, environment in environments.items():
            actual = {**environment, "threads": threads[worker]}
            differences = [
                f"{name}: {actual[name]}, not {value}"
                for name, value in expected.items()
                if actual[name] != value
            ]
            if differences:
                raise EngineError(
                    f"The Dask worker {worker} differs ({', '.join(differences)}); {START_DASK}."
                )
        yield client.get_executor(pure=False)


def _environment(mark: str) -> dict[str, Any]:
    return {
        "vlcore": __version__,
        "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "distributed": sys.modules["distributed"].__version__,
        "sees the home": (models_folder() / mark).is_file(),
    }
