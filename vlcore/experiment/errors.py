"""Errors that a person can act on: one sentence each, which pages and commands show unchanged."""


class LabError(ValueError):
    """Something that a person can put right; the message is one sentence that says how."""


class BusyError(LabError):
    """Another process makes the thing at this moment; a later request succeeds."""


def first_line(error: Exception) -> str:
    """First line of an error of foreign code, at most 200 characters, without its full stop: for
    use inside a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(".:")
