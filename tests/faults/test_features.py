"""Two processes on one store of features share the work; one that is killed leaves nothing that
counts."""

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.data.test_feature_store import SPEC, Tower, expected, write_set
from tests.faults.feature_child import CHUNK
from tests.jobs.children import PATIENCE, ROOT
from vlcore.data.feature_store import FeatureStore
from vlcore.data.imageset import ImageSet
from vlcore.data.row_store import Origin, RowStore
from vlcore.experiment.files import data_folder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="kills processes")
COUNT = 120  # images
KILLS = 4


@pytest.fixture
def images(empty_home: Path) -> ImageSet:
    return write_set(data_folder() / "noise", COUNT)


class Child:
    """`tests.faults.feature_child` on the home of this process."""

    def __init__(self, target: Path) -> None:
        self.target = target
        command = [sys.executable, "-m", "tests.faults.feature_child", str(target)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

        assert self.hear() == "ready"

    def hear(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def go(self, times: int = 1) -> None:
        assert self.process.stdin
        self.process.stdin.write("go\n" * times)
        self.process.stdin.flush()

    def go_to_the_end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()

    def result(self) -> tuple[np.ndarray, int]:
        with self.process:
            self.process.wait(timeout=PATIENCE)
        assert self.process.returncode == 0
        with np.load(self.target) as stored:
            return stored["values"], int(stored["count"])

    def kill(self) -> None:
        with self.process:
            self.process.kill()


def test_two_processes_share_the_work_and_agree(images: ImageSet, tmp_path: Path) -> None:
    first, second = (Child(tmp_path / f"{number}.npz") for number in range(2))
    first.go()
    assert first.hear() == str(CHUNK)  # it is in the middle of a chunk
    second.go_to_the_end()
    while second.hear() != str(COUNT - CHUNK):
        assert second.process.poll() is None
    first.go_to_the_end()
    results = [child.result() for child in (first, second)]
    right = expected(images, range(COUNT))
    assert all((values == right).all() for values, _ in results)
    assert [count for _, count in results] == [CHUNK, COUNT - CHUNK]


def test_killed_while_features_are_written(images: ImageSet, tmp_path: Path) -> None:
    chance, right, begun = random.Random(7), expected(images, range(COUNT)), 0
    for number in range(KILLS):
        child, chunks = Child(tmp_path / f"{number}.npz"), chance.randint(1, 6)
        child.go(1 + chunks)
        for _ in range(chance.randint(1, chunks)):
            child.hear()
        child.kill()
        tower = Tower()
        store = FeatureStore(images, SPEC, tower.opened)
        missing = store.missing(range(COUNT))
        stored = np.setdiff1d(np.arange(COUNT), missing)
        assert (store.rows(stored) == right[stored]).all()
        assert tower.asked == 0
        assert missing, "it was at work"
        begun += len(stored) > 0
    assert begun > 0
    last = Child(tmp_path / "last.npz")
    last.go_to_the_end()
    values, count = last.result()  # no lock is left behind
    assert (values == right).all()
    assert count == len(missing)


LONG = 200_000  # numbers of a record
WRITER = f"""
import sys
from pathlib import Path
import numpy as np
from vlcore.data.row_store import Origin, RowStore
store = RowStore(Path(sys.argv[1]), 3, ({LONG},), "<f2")
values = [np.full({LONG}, value, "<f2") for value in (1, 2)]
origins = {{row: Origin(f"image {{row}}", 5, 6) for row in range(3)}}
print("ready", flush=True)
while True:
    for value in values:
        store.write(dict.fromkeys(origins, value), origins)
"""


def test_a_record_that_was_cut_in_two_counts_as_missing(tmp_path: Path) -> None:
    file, chance = tmp_path / "rows", random.Random(3)
    store = RowStore(file, 3, (LONG,), "<f2")
    origins = {row: Origin(f"image {row}", 5, 6) for row in range(3)}
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"

        def check_records() -> None:
            for values in store.read(origins).values():
                assert values[0] in (1, 2)
                assert (values == values[0]).all(), "the whole record is of one writing"

        for _ in range(chance.randint(20, 40)):
            check_records()
        process.kill()
        process.wait()
        check_records()
    store.write(dict.fromkeys(origins, np.full(LONG, 7, "<f2")), origins)
    values = np.stack(list(store.read(origins).values()))
    assert (len(values), values.min(), values.max()) == (3, 7, 7)
