"""Results that are made once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from vlcore.experiment.memo import made_once


def test_threads_that_ask_together_have_one_result_made() -> None:
    made, together = [], Barrier(8)

    @made_once(maxsize=2)
    def squared(number: int) -> int:
        made.append(number)
        return number * number

    def ask(number: int) -> int:
        together.wait()
        return squared(number)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, [3, 4] * 4)) == [9, 16] * 4
    assert sorted(made) == [3, 4]
    for number in (3, 4, 5, 3):
        squared(number)
    assert made[2:] == [5, 3], "the latest two are kept"
    squared.cache_clear()  # type: ignore[attr-defined]
    squared(3)
    assert made[4:] == [3]
