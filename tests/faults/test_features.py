"""Two processes on one store of features share the work; one that is killed leaves nothing that
counts."""

import random
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.data.test_feature_store import SPEC, Tower, expected, write_set
from tests.jobs.children import child, ended
from vlcore.data.feature_store import FeatureStore
from vlcore.data.imageset import ImageSet
from vlcore.data.row_store import FileStamp, RowStore
from vlcore.experiment.files import data_folder

pytestmark = pytest.mark.judge
COUNT, CHUNK = 120, 4  # images
KILLS = 4
# Waits for a line before each chunk that it computes, while it holds the lock; not once its input
# is closed. In the end it writes all features and the number of images that it computed.
FEATURES = f"""
import numpy as np
from tests.data.test_feature_store import SPEC, computed
from vlcore.data import feature_store
from vlcore.data.catalogue import open_set
feature_store.CHUNK = {CHUNK}
images, count = open_set("noise"), 0
def embed(chunk):
    global count
    count += len(chunk)
    say(count)
    hear()
    return computed(chunk)
say("ready")
hear()
values = feature_store.FeatureStore(images, SPEC, lambda: embed).rows(np.arange({COUNT}))
np.savez(scratch, values=values, count=count)
"""
Process = subprocess.Popen[str]


@pytest.fixture
def images(empty_home: Path) -> ImageSet:
    return write_set(data_folder() / "noise", COUNT)


def started(target: Path) -> Process:
    process = child(FEATURES, target)
    assert hear(process) == "ready"
    return process


def hear(process: Process) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def go(process: Process, times: int = 1) -> None:
    assert process.stdin
    process.stdin.write("go\n" * times)
    process.stdin.flush()


def result(process: Process, target: Path) -> tuple[np.ndarray, int]:
    assert ended(process)[0] == 0
    with np.load(target) as stored:
        return stored["values"], int(stored["count"])


def test_two_processes_share_the_work_and_agree(images: ImageSet, tmp_path: Path) -> None:
    targets = [tmp_path / f"{number}.npz" for number in range(2)]
    first, second = map(started, targets)
    go(first)
    assert hear(first) == str(CHUNK)  # it is in the middle of a chunk
    go(second, COUNT)
    while hear(second) != str(COUNT - CHUNK):
        assert second.poll() is None
    for process, target, count in zip(
        (first, second), targets, (CHUNK, COUNT - CHUNK), strict=True
    ):
        values, computed = result(process, target)
        assert (values == expected(images, range(COUNT))).all()
        assert computed == count


def test_killed_while_features_are_written(images: ImageSet, tmp_path: Path) -> None:
    chance, right, begun = random.Random(7), expected(images, range(COUNT)), 0
    for number in range(KILLS):
        process, chunks = started(tmp_path / f"{number}.npz"), chance.randint(1, 6)
        go(process, 1 + chunks)
        for _ in range(chance.randint(1, chunks)):
            hear(process)
        with process:
            process.kill()
        tower = Tower()
        store = FeatureStore(images, SPEC, tower.opened)
        missing = store.missing(range(COUNT))
        stored = np.setdiff1d(np.arange(COUNT), missing)
        assert (store.rows(stored) == right[stored]).all()
        assert tower.asked == 0
        assert missing, "it was at work"
        begun += len(stored) > 0
    assert begun > 0
    last = tmp_path / "last.npz"
    values, count = result(started(last), last)  # no lock is left behind
    assert (values == right).all()
    assert count == len(missing)


LONG = 200_000  # numbers of a record
WRITER = f"""
import numpy as np
from vlcore.data.row_store import FileStamp, RowStore
store = RowStore(scratch, 3, ({LONG},), "<f2")
values = [np.full({LONG}, value, "<f2") for value in (1, 2)]
stamps = {{row: FileStamp(f"image {{row}}", 5, 6) for row in range(3)}}
say("ready")
while True:
    for value in values:
        store.write(dict.fromkeys(stamps, value), stamps)
"""


def test_a_record_that_was_cut_in_two_counts_as_missing(tmp_path: Path) -> None:
    file, chance = tmp_path / "rows", random.Random(3)
    store = RowStore(file, 3, (LONG,), "<f2")
    stamps = {row: FileStamp(f"image {row}", 5, 6) for row in range(3)}
    with child(WRITER, file) as process:
        assert hear(process) == "ready"

        def check_records() -> None:
            for values in store.read(stamps).values():
                assert values[0] in (1, 2)
                assert (values == values[0]).all(), "the whole record is of one writing"

        for _ in range(chance.randint(20, 40)):
            check_records()
        process.kill()
        process.wait()
        check_records()
    store.write(dict.fromkeys(stamps, np.full(LONG, 7, "<f2")), stamps)
    values = np.stack(list(store.read(stamps).values()))
    assert (len(values), values.min(), values.max()) == (3, 7, 7)
