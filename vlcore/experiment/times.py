"""ISO dates and times in text, as columns of users have them."""

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)


def read_times(texts: pd.Series) -> NDArray[np.datetime64]:
    """Texts as times of UTC, a date as its beginning; NaT where a text is no ISO date, (n,)."""
    is_time = texts.str.fullmatch(_TIME).to_numpy(bool)
    times = pd.to_datetime(
        texts.str.upper().where(is_time), format="ISO8601", utc=True, errors="coerce"
    )
    return times.dt.tz_localize(None).to_numpy("datetime64[us]")
