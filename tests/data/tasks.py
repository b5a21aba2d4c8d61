"""What helpers are asked for in tests."""

import os
import sys
import time
from typing import Any

from vlcore.experiment.errors import LabError


def echo(data: bytes, **options: Any) -> tuple[Any, bytes]:
    print("printed, which is no answer")
    return {
        "pid": os.getpid(),
        "environment": sorted(os.environ),
        "loaded": sorted(sys.modules),
        **options,
    }, data


def sleep(data: bytes, for_seconds: float) -> tuple[Any, bytes]:
    start = time.monotonic()
    time.sleep(for_seconds)
    return [start, time.monotonic()], data


def take(_data: bytes, number: int) -> tuple[Any, bytes]:
    return None, bytes(number)


def end(_data: bytes) -> tuple[Any, bytes]:
    os.abort()


def refuse(_data: bytes) -> tuple[Any, bytes]:
    raise LabError("It is refused; do something else.")
