"""Turnout of a class: participants, and the addresses from which votes came.

A class may share one address, and anybody can invent browser names: the numbers are for the
presenter and accuse nobody. Addresses are stored as keyed hashes (`vlcore.classroom.session`).
"""

from collections.abc import Sequence
from statistics import fmean

from vlcore.classroom.session import query_rows, tidy_code

FEW = 4  # votes of an address that never stand out
STANDS_OUT = 3  # times as many as others have


def count_participants(code: str) -> int:
    """How many take part in a session."""
    counts = query_rows("SELECT COUNT(*) FROM voters WHERE code = ?", (tidy_code(code),))
    return int(counts[0][0]) if counts else 0


def votes_by_address(code: str) -> list[int]:
    """The number of votes on the current question by address, the highest first."""
    query = (
        "SELECT COUNT(*) FROM lessons l JOIN votes v ON v.code = l.code AND v.step = l.step JOIN"
        " voters r ON r.code = v.code AND r.voter = v.voter WHERE l.code = ? GROUP BY r.address"
        " ORDER BY 1 DESC"
    )
    return [number for (number,) in query_rows(query, (tidy_code(code),))]


def turnout_sentence(votes: Sequence[int]) -> str:
    """Say where votes came from, if one address has far more than the others; else empty.

    Args:
        votes: of `votes_by_address`.
    """
    most, others = max(votes, default=0), sorted(votes)[:-1]
    if most < FEW or (others and most < STANDS_OUT * fmean(others)):
        return ""
    addresses = "all at one address"
    if others:
        addresses = f"{most} of them at one address, the others at {len(others)}"
    return f"{sum(votes)} votes from {sum(votes)} browsers, {addresses}."
