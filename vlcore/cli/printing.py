"""Format a command's document as text: entries as a table, everything else as indented lines."""

from typing import Any

from vlcore.cli.common import Document
from vlcore.experiment.options import shown_name
from vlcore.experiment.wording import FEW, percent, rate_words
from vlcore.metrics.catalogue import HEADLINE, MEASURES, PRIMARY

MOST_LINES = 20  # entries of a list of plain values that are printed
MINORITY = MEASURES[PRIMARY].words.lower()
FEW_HELD_OUT = f"fewer than {FEW} held-out images"
LAST_COLUMNS = (MINORITY, FEW_HELD_OUT, "groups", "message", "sentence")  # long texts
# Fields whose whole numbers name something and count nothing; they are typed again, without commas.
IDENTIFIERS = {"row", "picture", "seed", "data_seed", "init_seed"}
# Words for fields of stored reports, which call images pictures.
STORED_FIELDS = {"pictures": "images"}
# What a value that is not there means, by its field.
ABSENT = {"most": "no limit; VLCORE_HOME_MAX sets one, in GB"}


def document_text(document: Any) -> str:
    """Format a document as text."""
    if isinstance(document, list) and not document:
        return "Nothing here yet."
    return "\n".join(_lines(document))


def _lines(value: Any) -> list[str]:
    """Lines of a value that does not fit on one."""
    if isinstance(value, dict):
        return [line for name, inner in value.items() for line in _field_lines(name, inner)]
    if not all(isinstance(entry, dict) for entry in value):
        hidden = len(value) - MOST_LINES
        return [*map(_cell, value[:MOST_LINES]), *([f"and {hidden:,} more"] if hidden > 0 else [])]
    rows = [_table_row(entry) for entry in value]
    if all(_is_flat(cell) for row in rows for cell in row.values()):
        return _table(rows)
    return [line for entry in value for line in ("", *_lines(entry))][1:]


def _field_lines(name: str, value: Any) -> list[str]:
    if name == "metrics":
        return [f"{measure}: {words}" for measure, words in _rates(value).items()]
    words = str(name).replace("_", " ")
    if _is_flat(value):
        return [f"{words}: {_cell(value, name)}"]
    if name == "splits" and value:
        inner_lines = _table([{"split": split, **counts} for split, counts in value.items()])
    else:
        inner_lines = _lines(value)
    return [f"{words}:", *(f"  {line}".rstrip() for line in inner_lines)]


def _is_flat(value: Any) -> bool:
    """Whether a value reads well on one line: a single value, or only numbers."""
    entries = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return True
    return all(isinstance(entry, int | float) for entry in entries)


def _table_row(entry: Document) -> Document:
    """An entry as a table row; of its metrics, only minority-group accuracy."""
    hidden = ("metrics", "splits", "number")
    row = {name.replace("_", " "): value for name, value in entry.items() if name not in hidden}
    if "metrics" in entry:
        rates = _rates(entry["metrics"])
        row |= {name: rates[name] for name in (MINORITY, FEW_HELD_OUT) if name in rates}
    return row


def _table(rows: list[Document]) -> list[str]:
    """Rows under a head; columns of long texts come last."""
    columns = sorted({name: None for row in rows for name in row}, key=LAST_COLUMNS.__contains__)
    lines = [columns]
    for row in rows:
        lines.append([_cell(row[name], name) if name in row else "" for name in columns])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]


def _rates(metrics: Document) -> dict[str, str]:
    """The rates of a model in words, by name."""
    fitted = "train_caption_accuracy"
    rates = {MEASURES[fitted].words.lower(): percent(metrics[fitted])}
    for name in HEADLINE:
        words = f"not defined: {metrics['absent'].get(name, 'not measured')}"
        if name in metrics["intervals"]:
            low, high, n = metrics["intervals"][name]
            interval = rate_words({"value": metrics[name], "low": low, "high": high})
            words = f"{interval} of {n:,} held-out images"
        rates[MEASURES[name].words.lower()] = words
    if accuracies := metrics["group_accuracy"]:
        groups = [f"{group} {percent(accuracy)}" for group, accuracy in accuracies.items()]
        rates["accuracy by group"] = ", ".join(groups)
    if few := ", ".join(f"{group} ({n})" for group, n in metrics["few_pictures"].items()):
        rates[FEW_HELD_OUT] = f"{few}; numbers that rest on them say little"
    return rates


def _cell(value: Any, name: str = "") -> str:
    if value is None:
        return ABSENT.get(name, "-")
    if isinstance(value, bool):
        yes, no = ("ok", "NOT OK") if name == "ok" else ("yes", "no")
        return yes if value else no
    if isinstance(value, float):
        return f"{value * 100:g}%" if name == "bias" else f"{value:.3g}"
    if isinstance(value, int):
        return str(value) if name.replace(" ", "_") in IDENTIFIERS else f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(
            f"{STORED_FIELDS.get(inner, inner)} {_cell(count, str(inner))}"
            for inner, count in value.items()
        )
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value)) or "none"
    return " ".join(shown_name(name.replace(" ", "_"), str(value)).split())
