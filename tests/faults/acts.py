"""Everything that is done with a home, each in one call: it works, or is one sentence."""

from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from itertools import count
from typing import Any

import numpy as np

from tests.jobs.children import claim, make
from vlcore.__main__ import BAD_INPUT, main
from vlcore.artifacts import store
from vlcore.classroom import session
from vlcore.data import catalogue, drawn
from vlcore.data.feature_store import FeatureStore, TowerSpec
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import system_errors
from vlcore.jobs import jobs

KEY = "kept-key"
_number = count()


class Home:
    """A home with a model, a lesson, a failed job and a few pictures; `acts` are tried on it."""

    def __init__(self) -> None:
        jobs.run(KEY, make)
        self.digest = store.read(KEY).digest
        self.lesson = session.start_session("four-experiments", "scenes", "first")
        session.vote(self.lesson.code, "first", "somebody-1", "a", ["a", "b"])
        drawn.make_set(drawn.Recipe("dim", context_contrast=0.5))
        claim("failed", state="failed")

    def acts(self) -> dict[str, Callable[[], Any]]:
        new = f"new-{next(_number)}"
        code, token = self.lesson
        return {
            "read a model": lambda: store.read(KEY),
            "list models": lambda: [store.condition_of(key) for key in store.model_keys()],
            "make a model": lambda: jobs.run(new, make),
            "look at jobs": jobs.active_and_ended,
            "ask again": lambda: jobs.clear_last_failure("failed"),
            "cancel": lambda: jobs.cancel("failed", pending=True),
            "clean": jobs.clean_leftovers,
            "start a lesson": lambda: session.start_session("four-experiments", "scenes", "first"),
            "look at a lesson": lambda: session.find_session(code, "somebody-1", token),
            "vote": lambda: session.vote(code, "first", "somebody-2", "b", ["a", "b"]),
            "go on": lambda: session.move_session(code, token, "first", "run"),
            "list sets": lambda: [catalogue.open_set(name) for name in catalogue.set_names()],
            "make a set": lambda: drawn.make_set(drawn.Recipe(new, context_contrast=0.5)),
            "draw a picture": (
                lambda: catalogue.open_set("dim").ensure_rendered([next(_number)], lambda *_: None)
            ),
            "compute features": lambda: _features(next(_number)),
            **{
                f"command {line}": lambda line=line: _command(line)
                for line in ("status", "verify", "data list", "clean")
            },
        }

    def is_whole(self) -> bool:
        """Whether nothing of it was lost."""
        lesson = session.find_session(self.lesson.code, "somebody-1")
        return store.read(KEY).digest == self.digest and lesson is not None and lesson.vote == "a"


def _features(row: int) -> None:
    """The mean colour of an image, as features of a network."""
    images = catalogue.open_set("dim")
    feature_cache = FeatureStore(images, TowerSpec("mean", "none", 3), lambda: _mean_colours)
    colour = images.image(row).mean(axis=(0, 1))
    assert np.abs(feature_cache.rows(np.array([row])) - colour).max() < 0.1


def _mean_colours(images: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([image.mean(axis=(0, 1)) for image in images], np.float32)


def _command(line: str) -> None:
    # In memory: a file does not grow on a full disk.
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()) as errors:
        if main(line.split()) == BAD_INPUT:
            raise LabError(errors.getvalue())


def trouble(home: Home) -> tuple[int, dict[str, Exception]]:
    """How many acts end in a sentence, and unexpected errors by act."""
    sentences, unexpected = 0, {}
    for name, act in home.acts().items():
        try:
            with system_errors():  # as pages and commands do
                act()
        except LabError:
            sentences += 1
        except Exception as error:
            unexpected[name] = error
    return sentences, unexpected
