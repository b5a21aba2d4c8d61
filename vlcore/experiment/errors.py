"""Errors that a person can act on: one sentence each, which pages and commands show as it is."""


class LabError(ValueError):
    """Something that a person can put right; the message is one sentence that says how."""


class BusyError(LabError):
    """What was asked for is being made by another process at this moment; asked again later, it is
    there."""


def first_line(error: Exception) -> str:
    """What foreign code says of an error, at most 200 characters, for a sentence of ours that goes
    on after it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".:")
