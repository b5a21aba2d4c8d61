"""Two objects and two contexts out of all that a source has.

The one idea: what was found is never guessed at. Where there are exactly two of each they are taken; where there are
more, the message lists them all with their counts and suggests two of each, and whoever imports decides.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from string import Formatter

import numpy as np
import pandas as pd

from vlcore.images.groups import Grouping
from vlcore.images.importers.listing import Listing, clean_name
from vlcore.images.importers.source import ImportSetError, plural, printable

FEWEST = 4  # pictures of a group
_SHOWN = 100  # names in a message
_FIELDS = {"object", "context", "place"}
_PLACES = {
    "autumn", "beach", "bed", "bush", "city", "couch", "desert", "dim", "dirt", "farm", "field", "forest", "garden",
    "grass", "hill", "home", "ice", "indoor", "jungle", "kitchen", "lake", "land", "meadow", "mountain", "night",
    "ocean", "office", "outdoor", "park", "plain", "river", "road", "rock", "room", "sand", "sea", "sky", "snow",
    "sofa", "street", "tree", "water", "wood",
}  # fmt: skip


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
    found = {"object": counts.sum(axis=1), "context": counts.sum(axis=0)}
    given = {"object": tuple(objects), "context": tuple(contexts)}
    for kind, names in given.items():
        if names:
            given[kind] = _named(kind, names, found[kind], unnamed, source)
        elif len(found[kind]) == 1:
            raise ImportSetError(
                f"{source} has only one {kind} ({_counted(found[kind])}); a set needs two objects, each in two "
                "contexts."
            )
    if any(not given[kind] and len(found[kind]) > 2 for kind in given):
        raise ImportSetError(_question(listing, given, source))
    one, other = given["object"] or tuple(map(str, counts.index))
    here, there = given["context"] or tuple(map(str, counts.columns))
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


def majority_in_words(grouping: Grouping) -> str:
    """Which object belongs where, and how to have it the other way round."""
    (one, other), (here, there) = grouping.objects, grouping.contexts
    swap = f"--objects {shlex.quote(f'{one},{other}')} --contexts {shlex.quote(f'{there},{here}')}"
    return f"{one} belongs in {here} and {other} in {there}: those are the majority groups; swap them with {swap}."


def contexts_first(listing: Listing) -> str:
    """A hint where folders that were taken for objects have names of places, and their subfolders have not."""
    counts = listing.counts()
    if listing.format != "folders" or not all(map(_is_place, counts.index)) or all(map(_is_place, counts.columns)):
        return ""
    places = " and ".join(map(str, counts.index[:2]))
    return f"{places} were read as objects; if they are contexts, give --format context-first."


def _is_place(name: str) -> bool:
    words = name.casefold().split()
    return any({word, word.removesuffix("s"), word.removesuffix("es")} & _PLACES for word in words)


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


def _named(kind: str, given: Sequence[str], found: pd.Series, unnamed: bool, source: str) -> tuple[str, str]:
    """Two names of objects or contexts that were given, as the source writes them."""
    names = {str(name).casefold(): str(name) for name in reversed(found.index)}
    cleaned = [clean_name(name) for name in given]
    chosen = [name if name in found.index else names.get(name.casefold(), name) for name in cleaned]
    if len(chosen) != 2 or len(set(chosen)) != 2 or not all(chosen):
        raise ImportSetError(f"Give two different {kind}s with --{kind}s A,B, not {printable(','.join(given))!r}.")
    for name in chosen:
        if name not in found.index and not unnamed:
            raise ImportSetError(f"{source} has no {kind} named {name!r}; it has {_counted(found)}.")
    return chosen[0], chosen[1]


def _question(listing: Listing, given: dict[str, tuple[str, ...]], source: str) -> str:
    """What there is to choose from, and a choice that works, as a shell reads it."""
    counts = listing.counts()
    there = (
        f"{source} has {plural(len(counts), 'object')} ({_counted(counts.sum(axis=1))}) and "
        f"{plural(len(counts.columns), 'context')} ({_counted(counts.sum(axis=0))})"
    )
    suggested = listing.usual_choice(given["object"], given["context"])
    if suggested is None:
        chosen = given["object"] or given["context"]
        among = f" among {' and '.join(chosen)}" if chosen else ""
        return (
            f"{there}, but there are no two objects with pictures in the same two contexts{among}; add pictures or "
            "choose others."
        )
    options = " ".join(
        f"--{kind}s {shlex.quote(','.join(names))}" for kind, names in zip(given, suggested, strict=True)
    )
    hint = contexts_first(listing)
    choose_two = f"{there}; choose two of each with --objects A,B --contexts C,D, for example {options}"
    return f"{choose_two} ({hint.removesuffix('.')})." if hint else f"{choose_two}."


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
