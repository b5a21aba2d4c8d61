"""Of two processes on one store of features one computes; one that is killed leaves nothing that
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
from vlcore.data.row_store import FileStamp, read_rows, write_rows
from vlcore.experiment.files import data_folder

pytestmark = pytest.mark.judge
COUNT, CHUNK = 120, 4  # images
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


def test_one_of_two_processes_computes_and_both_agree(images: ImageSet, tmp_path: Path) -> None:
    targets = [tmp_path / f"{number}.npz" for number in range(2)]
    first, second = map(started, targets)
    go(first)
    assert hear(first) == str(CHUNK)  # it is in the middle of a chunk
    go(second)
    computed = 0
    for process, target in zip((first, second), targets, strict=True):
        values, count = result(process, target)
        assert (values == expected(images, range(COUNT))).all()
        computed += count
    assert computed == COUNT


def test_killed_while_features_are_computed(images: ImageSet, tmp_path: Path) -> None:
    right = expected(images, range(COUNT))
    FeatureStore(images, SPEC, Tower().opened).rows(np.arange(5))
    process = started(tmp_path / "killed.npz")
    go(process, 3)
    hear(process)
    with process:
        process.kill()
    store = FeatureStore(images, SPEC, Tower().opened)
    assert store.missing(range(COUNT)) == list(range(5, COUNT))
    last = tmp_path / "last.npz"
    values, count = result(started(last), last)  # no lock is left behind
    assert (values == right).all()
    assert count == COUNT - 5


LONG = 200_000  # numbers of a record
WRITER = f"""
import numpy as np
from vlcore.data.row_store import FileStamp, write_rows
values = [np.full({LONG}, value, "<f2") for value in (1, 2)]
stamps = {{row: FileStamp(f"image {{row}}", 5, 6) for row in range(3)}}
say("ready")
while True:
    for value in values:
        write_rows(scratch, dict.fromkeys(stamps, value), stamps)
"""


def test_a_reader_sees_one_writing_or_the_other(tmp_path: Path) -> None:
    file, chance = tmp_path / "rows", random.Random(3)
    stamps = {row: FileStamp(f"image {row}", 5, 6) for row in range(3)}
    with child(WRITER, file) as process:
        assert hear(process) == "ready"

        def check_records() -> None:
            for values in read_rows(file, stamps).values():
                assert values[0] in (1, 2)
                assert (values == values[0]).all(), "all of it is of one writing"

        for _ in range(chance.randint(20, 40)):
            check_records()
        process.kill()
        process.wait()
        check_records()
    write_rows(file, dict.fromkeys(stamps, np.full(LONG, 7, "<f2")), stamps)
    values = np.stack(list(read_rows(file, stamps).values()))
    assert (len(values), values.min(), values.max()) == (3, 7, 7)
