"""How many take part in a lesson, and from how many browsers and addresses the votes on its
question came.

A class may share one address, and a browser is a name that anybody can invent: so these are numbers
for whoever sees the room, and accuse nobody. Of an address there is only what
`vlcore.classroom.session` keeps, which tells nobody more.
"""

from collections.abc import Sequence
from statistics import fmean

from vlcore.classroom.session import query_rows, tidy_code

FEW = 4  # votes of an address that never stand out
STANDS_OUT = 3  # times as many as others have


def count_participants(code: str) -> int:
    """How many take part in a lesson."""
    found = query_rows("SELECT COUNT(*) FROM voters WHERE code = ?", (tidy_code(code),))
    return int(found[0][0]) if found else 0


def votes_by_address(code: str) -> list[int]:
    """How many votes on the question where a lesson is came from each address, the most first."""
    query = (
        "SELECT COUNT(*) FROM lessons l JOIN votes v ON v.code = l.code AND v.step = l.step JOIN"
        " voters r ON r.code = v.code AND r.voter = v.voter WHERE l.code = ? GROUP BY r.address"
        " ORDER BY 1 DESC"
    )
    return [number for (number,) in query_rows(query, (tidy_code(code),))]


def turnout_sentence(of: Sequence[int]) -> str:
    """Where votes came from, by their numbers as of `by_address`, where one address has far more
    than the others; empty where none stands out."""
    most, others = max(of, default=0), sorted(of)[:-1]
    if most < FEW or (others and most < STANDS_OUT * fmean(others)):
        return ""
    there = (
        f"{most} of them at one address, the others at {len(others)}"
        if others
        else "all at one address"
    )
    return f"{sum(of)} votes from {sum(of)} browsers, {there}."
