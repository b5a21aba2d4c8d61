"""ISO dates and times in text, as columns of users and searches have them."""

import re
from contextlib import suppress

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_PART = re.compile(r"\d{4}(-\d\d(-\d\d)?)?", re.ASCII)
_UNITS = {4: "Y", 7: "M", 10: "D"}  # of numpy, by the letters of a year, a month or a day
_INSTANT = "datetime64[us]"


def read_times(texts: pd.Series) -> NDArray[np.datetime64]:
    """Texts as times of UTC, a date as its beginning; NaT where a text is no ISO date, (n,)."""
    is_time = texts.str.fullmatch(_TIME).to_numpy(bool)
    times = pd.to_datetime(
        texts.str.upper().where(is_time), format="ISO8601", utc=True, errors="coerce"
    )
    return times.dt.tz_localize(None).to_numpy(_INSTANT)


def compare_times(times: NDArray[np.datetime64], sign: str, text: str) -> NDArray[np.bool_] | None:
    """Which times are before or after a text: a year, a month, a day or an instant, each with all
    of its length, (n,); None where the text is none of them."""
    if _PART.fullmatch(text):
        with suppress(ValueError):
            part = np.array([text]).astype(f"datetime64[{_UNITS[len(text)]}]")
            return _compared(times, sign, part.astype(_INSTANT), (part + 1).astype(_INSTANT))
        return None
    start = read_times(pd.Series([text], dtype=object))
    return None if np.isnat(start[0]) else _compared(times, sign, start, start + 1)


def _compared(
    times: NDArray[np.datetime64],
    sign: str,
    start: NDArray[np.datetime64],
    end: NDArray[np.datetime64],
) -> NDArray[np.bool_]:
    """Which times are before or after those from a start, (1,), to before an end, (1,)."""
    compared = {"<": times < start, "<=": times < end, ">": times >= end, ">=": times >= start}
    return np.asarray(compared[sign])
