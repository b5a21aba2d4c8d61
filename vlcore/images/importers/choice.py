"""Two objects and two contexts out of all that a source has.

The one idea: what was found is never guessed at. Where there are exactly two of each they are taken; where there are
more, the message lists them with their counts and suggests two, and whoever imports decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import Formatter

import numpy as np
import pandas as pd

from vlcore.images.groups import Grouping
from vlcore.images.importers.listing import Listing, clean_name
from vlcore.images.importers.source import ImportSetError, plural, printable

FEWEST = 4  # pictures of a group
_SHOWN = 20  # names in a message
_FIELDS = {"object", "context", "place"}


def choose(
    listing: Listing, objects: Sequence[str], contexts: Sequence[str], source: str
) -> tuple[Grouping, pd.DataFrame, list[tuple[str, str]]]:
    """The grouping, the rows of its four groups, and what was skipped to get them.

    Args:
        listing: of the source.
        objects: two names, or none where the source has only two; given with `contexts`, their order says which
            groups are the majority, else the larger groups are.
        contexts: likewise.
        source: its name, for messages.

    Returns:
        The grouping; the rows of `Listing.table` in it, with ``group``, 0 to 3 in the order of `Grouping.pairs`; all
        (name, reason).

    Raises:
        ImportSetError: when names are missing, unknown or one too few, or a group has too few pictures.
    """
    counts = listing.counts()
    unnamed = bool(((listing.table["object"] == "") | (listing.table["context"] == "")).any())
    if counts.empty and not (objects and contexts):
        raise ImportSetError(
            f"The captions in {source} do not say what are objects and what are contexts; name two of each that stand "
            "in them as whole words, with --objects A,B --contexts C,D, or give --format folders if the folders say it."
        )
    suggested = None if objects and contexts else listing.usual_choice()
    one, other = _two("object", objects, counts.sum(axis=1), unnamed, source, suggested)
    here, there = _two("context", contexts, counts.sum(axis=0), unnamed, source, suggested)
    named = listing.by_words((one, other), (here, there)) if unnamed else listing
    if not (objects and contexts) and named.majority_order((one, other), (here, there)) != (here, there):
        if contexts:
            one, other = other, one
        else:
            here, there = there, here
    grouping = Grouping((one, other), (here, there))
    numbers = {pair: number for number, pair in enumerate(grouping.pairs)}
    group = [numbers.get(pair, -1) for pair in zip(named.table["object"], named.table["context"], strict=True)]
    table = named.table.assign(group=np.array(group, dtype=np.int64))
    table = table[table["group"] >= 0].reset_index(drop=True)
    need_enough(grouping, table["group"], source, named.skipped)
    return grouping, table, named.skipped


def need_enough(grouping: Grouping, group: pd.Series, source: str, skipped: Sequence[tuple[str, str]]) -> None:
    """Make sure that each group has enough pictures.

    Raises:
        ImportSetError: when one has too few; it says how many each has and what was left out last.
    """
    sizes = [int((group == number).sum()) for number in range(4)]
    smallest = min(sizes)
    if smallest >= FEWEST:
        return
    all_sizes = ", ".join(f"{name} {size}" for name, size in zip(grouping.names, sizes, strict=True))
    left_out = ""
    if skipped:
        name, reason = skipped[-1]
        such = f", such as {name}: it" if len(skipped) > 1 else f": {name}"
        were = "were" if len(skipped) > 1 else "was"
        left_out = f" ({plural(len(skipped), 'file')} {were} left out{such} {reason})"
    raise ImportSetError(
        f"{source} has {plural(smallest, 'usable picture')} of {grouping.names[sizes.index(smallest)]} and a group "
        f"needs at least {FEWEST} ({all_sizes}); add pictures or choose others with --objects and --contexts{left_out}."
    )


def _two(
    kind: str,
    given: Sequence[str],
    found: pd.Series,
    unnamed: bool,
    source: str,
    suggested: tuple[tuple[str, str], tuple[str, str]] | None,
) -> tuple[str, str]:
    """Two names of objects or contexts, as given or because there are no others."""
    counted = _counted(found)
    if not given:
        if len(found) == 1:
            raise ImportSetError(
                f"{source} has only one {kind} ({counted}); a set needs two objects, each in two contexts."
            )
        if len(found) > 2:
            example = f"{','.join(suggested[0])} --contexts {','.join(suggested[1])}" if suggested else ""
            raise ImportSetError(
                f"{source} has {len(found)} {kind}s ({counted}); choose two of each with --objects A,B --contexts C,D"
                f"{f', for example --objects {example}' if example else ''}."
            )
        return str(found.index[0]), str(found.index[1])
    names = {str(name).casefold(): str(name) for name in reversed(found.index)}
    cleaned = [clean_name(name) for name in given]
    chosen = [name if name in found.index else names.get(name.casefold(), name) for name in cleaned]
    if len(chosen) != 2 or len(set(chosen)) != 2 or not all(chosen):
        raise ImportSetError(f"Give two different {kind}s with --{kind}s A,B, not {printable(','.join(given))!r}.")
    for name in chosen:
        if name not in found.index and not unnamed:
            raise ImportSetError(f"{source} has no {kind} named {name!r}; it has {counted}.")
    return chosen[0], chosen[1]


def _counted(found: pd.Series) -> str:
    largest = found.sort_values(ascending=False, kind="stable")
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(f"{name} {count}" for name, count in largest[:_SHOWN].items()) + more


def check_template(label: str, template: str) -> str:
    """A caption template that can be filled in.

    Raises:
        ImportSetError: when it does not name the object, or has other fields than object, context and place.
    """
    text = printable(template)
    try:
        fields = [part[1:] for part in Formatter().parse(text) if part[1] is not None]
    except ValueError as error:
        raise ImportSetError(f"The {label} caption {text!r} has a brace too many or too few; correct it.") from error
    if not {name for name, _, _ in fields} <= _FIELDS or any(spec or conversion for _, spec, conversion in fields):
        raise ImportSetError(
            f"The {label} caption {text!r} has unknown fields; use {{object}}, {{context}} and {{place}} only."
        )
    if "object" not in {name for name, _, _ in fields}:
        raise ImportSetError(f"The {label} caption {text!r} does not name the object; write {{object}} in it.")
    return text
