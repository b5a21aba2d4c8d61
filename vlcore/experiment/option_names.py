"""Names of options: pages, help and tables show some by another name than conditions store.

Both are accepted wherever a condition is made. Keys and stored files have the stored name alone.
"""

from collections.abc import Mapping

from vlcore.experiment.options import ARCHITECTURES, CHOICES, LABEL_STYLES, Option

OPTIONS: dict[str, Mapping[str, Option]] = {
    "labels": LABEL_STYLES,
    "architecture": ARCHITECTURES,
    **{field: choices for field, (_, choices) in CHOICES.items()},
}


def shown_name(field: str, value: str) -> str:
    """The name that a value of a setting is shown by: ``short`` for the labels ``undescriptive``;
    its own where it has no other."""
    option = OPTIONS[field].get(value) if field in OPTIONS else None
    return option.control if option and option.control else value


def stored_name(field: str, name: str) -> str:
    """The value of a setting that a name stands for: ``undescriptive`` for the labels ``short``;
    the name itself where it stands for no other."""
    return offered_on_pages(field).get(name, name)


def offered_on_pages(field: str) -> dict[str, str]:
    """The values of a setting that Compare offers, by the names that they are shown by."""
    options = OPTIONS[field]
    return {option.control: value for value, option in options.items() if option.control}
