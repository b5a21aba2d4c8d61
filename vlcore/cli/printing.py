"""Text of a document for people: a list as a table with a head row, everything else as indented
lines with names."""

from typing import Any

from vlcore.experiment.wording import FEW, percent, rate
from vlcore.metrics.catalogue import HEADLINE, MEASURES, PRIMARY

SHOWN = 20  # entries of a list that people are shown
MINORITY = MEASURES[PRIMARY].words.lower()
FEW_HELD_OUT = f"fewer than {FEW} held-out pictures"
LONG = (MINORITY, FEW_HELD_OUT, "groups", "message", "sentence")  # the last columns of a table


def for_people(document: Any) -> str:
    """A document as text: entries as a table, everything else as lines that begin with a name."""
    if isinstance(document, list) and not document:
        return "Nothing here yet."
    return "\n".join(_outline(document)).replace("\u00a0", " ")  # a terminal breaks no line here


def _outline(value: Any) -> list[str]:
    """Lines of something that does not fit on one."""
    if isinstance(value, dict):
        lines = []
        for name, inner in value.items():
            words = str(name).replace("_", " ")
            if name == "metrics":
                lines += [f"{measure}: {said}" for measure, said in _rates(inner).items()]
            elif _is_flat(inner):
                lines.append(f"{words}: {_value(inner, name)}")
            else:
                splits = (
                    [{"split": split, **counts} for split, counts in inner.items()]
                    if name == "splits"
                    else []
                )
                within = _table(splits) if splits else _outline(inner)
                lines += [f"{words}:", *(f"  {line}".rstrip() for line in within)]
        return lines
    if not all(isinstance(entry, dict) for entry in value):
        more = [f"and {len(value) - SHOWN:,} more"] if len(value) > SHOWN else []
        return [*map(_value, value[:SHOWN]), *more]
    rows = [_cells(entry) for entry in value]
    if not all(_is_flat(cell) for row in rows for cell in row.values()):
        return [line for entry in value for line in ("", *_outline(entry))][1:]
    return _table(rows)


def _is_flat(value: Any) -> bool:
    """Whether something reads well on one line: a value, or nothing but numbers."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(isinstance(entry, int | float) for entry in inner)


def _cells(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry as a row; of the metrics, the share that studies are about."""
    rates = _rates(entry["metrics"]) if "metrics" in entry else {}
    shown = {name.replace("_", " "): value for name, value in entry.items()}
    shown |= {name: rates[name] for name in (MINORITY, FEW_HELD_OUT) if name in rates}
    return {
        name: value for name, value in shown.items() if name not in ("metrics", "splits", "number")
    }


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """Rows under a head; what is long comes last."""
    names = sorted({name: None for row in rows for name in row}, key=LONG.__contains__)
    lines = [
        names,
        *([_value(row[name], name) if name in row else "" for name in names] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]


def _rates(metrics: dict[str, Any]) -> dict[str, str]:
    fitted = "train_caption_accuracy"
    said = {MEASURES[fitted].words.lower(): percent(metrics[fitted])}
    for name in HEADLINE:
        words = f"not defined: {metrics['absent'].get(name, 'not measured')}"
        if name in metrics["intervals"]:
            low, high, n = metrics["intervals"][name]
            words = (
                f"{rate({'value': metrics[name], 'low': low, 'high': high})} of {n:,} held-out"
                " pictures"
            )
        said[MEASURES[name].words.lower()] = words
    if groups := metrics["group_accuracy"]:
        said["each group right"] = ", ".join(
            f"{group} {percent(value)}" for group, value in groups.items()
        )
    if few := ", ".join(f"{group} ({n})" for group, n in metrics["few_pictures"].items()):
        said[FEW_HELD_OUT] = f"{few}; numbers that rest on them say little"
    return said


def _value(value: Any, name: str = "") -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        yes, no = ("ok", "NOT OK") if name == "ok" else ("yes", "no")
        return yes if value else no
    if isinstance(value, float):
        return f"{value * 100:g} %" if name == "bias" else f"{value:.3g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{inner} {_value(count)}" for inner, count in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value)) or "none"
    return " ".join(str(value).split())
