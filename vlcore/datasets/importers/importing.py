"""A source becomes an image set.

The one idea: every step takes the table of what is left and leaves fewer rows, and whoever leaves a row out says why.
So what the set holds and what the report lists add up to what the source had.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.core.captions import filled
from vlcore.core.files import data_folder
from vlcore.core.grouping import Grouping
from vlcore.core.vocabulary import MAX_WORDS, split_words
from vlcore.datasets.catalogue import check_free, publish
from vlcore.datasets.imageset import Progress, silent
from vlcore.datasets.importers.duplicates import clusters
from vlcore.datasets.importers.formats import format_of, listed
from vlcore.datasets.importers.selection import (
    FEWEST,
    Listing,
    choose,
    infer_context_column,
    majority_in_words,
    need_enough,
)
from vlcore.datasets.importers.source import ImportSetError, Source, UnreadableError, open_source, plural, printable
from vlcore.datasets.importers.splits import choose_splits
from vlcore.datasets.importers.writing import (
    SIZE,
    Skipped,
    describe,
    make_names_unique,
    one_group_per_id,
    without_contradictions,
    without_removed,
    write_list,
    write_mask,
    write_picture,
)
from vlcore.datasets.staging import staging_dir

SAYS_LITTLE = 20  # test pictures of a group
_FIELDS = {"object", "context", "place"}  # of a caption template
_ALIKE = 0.25  # share of a group that may be near-duplicates of each other without a warning


@dataclass(frozen=True)
class Report:
    """What an import made.

    Attributes:
        name: of the image set.
        format: that the source was read as.
        counts: pictures by group.
        majority: which object belongs in which context, a sentence.
        splitting: ``{"kind": "fixed"}`` or ``{"kind": "folds", "folds": k}``.
        skipped: (name, reason) of files that were left out.
        left_out: the table that lists them; None where nothing was left out.
        duplicates: number of ``clusters`` of pictures that belong together, of ``pictures`` in them, and of near-
            duplicates that were ``removed`` because they straddled the source's train and test sets.
        warnings: sentences on what to keep in mind.
        folder: where the set lies.
    """

    name: str
    format: str
    counts: dict[str, int]
    majority: str
    splitting: dict[str, Any]
    skipped: Skipped
    left_out: Path | None
    duplicates: dict[str, int]
    warnings: list[str]
    folder: Path

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-able values."""
        paths = {"folder": str(self.folder), "left_out": str(self.left_out) if self.left_out else None}
        return {**asdict(self), **paths}


def import_set(
    source: Path,
    name: str,
    *,
    format: str = "auto",
    objects: Sequence[str] = (),
    contexts: Sequence[str] = (),
    short: str = "{object}",
    descriptive: str = "{object} {place}",
    licence: str = "not stated",
    max_per_group: int = 2000,
    seed: int = 0,
    progress: Progress = silent,
) -> Report:
    """Turn a folder or a zip into the image set ``data/<name>/``.

    Args:
        source: a folder or a zip.
        name: of the set that it becomes.
        format: one of `format_names`.
        objects: two names; needed where the source has more, or only captions. With `contexts` given too, the first
            object in the first context and the second in the second are the majority groups.
        contexts: two names, likewise.
        short: caption of the undescriptive label style, with the field ``{object}``.
        descriptive: caption of the descriptive style and of pictures without their own; its other fields are
            ``{context}`` and ``{place}``, the context with its preposition ("on the grass").
        licence: of the pictures, as text.
        max_per_group: how many pictures of a group are used at most, chosen by chance.
        seed: of that choice and of the splits.
        progress: told (done, of) in pictures.

    Raises:
        ImportSetError: when the source, the choice or a setting cannot be used; an `ImportBusyError` when somebody
            else imports to this name.
        ImageSetError: when the name cannot be used.
        HomeError: when the set cannot be written.
    """
    check_free(name)
    if max_per_group < FEWEST or seed < 0:
        raise ImportSetError(f"Give at least {FEWEST} pictures a group and a seed of at least 0.")
    templates = {
        "undescriptive": check_template("short", short),
        "descriptive": check_template("descriptive", descriptive),
    }
    with open_source(source) as opened:
        listing = listed(opened, format)
        grouping, table, skipped = choose(listing, objects, contexts, opened.name)
        if format_of(listing.format).one_group_per_id:
            table = one_group_per_id(make_names_unique(opened, table), skipped)
        table, notes = _limit(table, grouping, max_per_group, seed)
        notes += names_in_words(listing, grouping)
        need_enough(grouping, table["group"], opened.name, skipped)
        captions = [filled(templates["descriptive"], *pair) for pair in grouping.pairs]
        with staging_dir(name) as work:
            written = _write_all(opened, table, grouping, work, progress, skipped, notes)
            written = without_contradictions(written, work, skipped)
            need_enough(grouping, written["group"], opened.name, skipped)
            written, splitting, duplicates = _split(written, grouping, work, seed, skipped, notes)
            own = written["caption"].to_numpy(dtype=object)
            by_template = np.array(captions, dtype=object)[written["group"].to_numpy()]
            written = written.assign(caption=np.where(own == "", by_template, own))
            warnings = _warnings(written, grouping, templates, bool(splitting.get("folds"))) + notes
            about = {
                "name": name,
                "source": opened.name,
                "format": listing.format,
                "licence": printable(licence) or "not stated",
                "sizes": [SIZE],
                "objects": list(grouping.objects),
                "contexts": list(grouping.contexts),
                "captions": templates,
                "splitting": splitting,
                "seed": seed,
                "skipped": len(skipped),
                "notes": [listing.about, *warnings],
            }
            describe(work, written, about)
            left_out = write_list(work, skipped)
            publish(work, name)
    folder = data_folder() / name
    counts = {group: int((written["group"] == number).sum()) for number, group in enumerate(grouping.names)}
    return Report(
        name,
        listing.format,
        counts,
        majority_in_words(grouping),
        splitting,
        skipped,
        folder / left_out if left_out else None,
        duplicates,
        warnings,
        folder,
    )


def names_in_words(listing: Listing, grouping: Grouping) -> list[str]:
    """Sentences on names that are not the source's, or may not be what they seem."""
    notes = []
    for name in (*grouping.objects, *grouping.contexts):
        if called := sorted(listing.altered.get(name, ())):
            notes.append(f"{name!r} is called {' and '.join(map(repr, called))} in the source.")
    return notes + list(filter(None, [infer_context_column(listing)]))


def _limit(table: pd.DataFrame, grouping: Grouping, most: int, seed: int) -> tuple[pd.DataFrame, list[str]]:
    """At most so many pictures of each group, chosen by chance, and a sentence where some were left out."""
    chosen, notes = [], []
    for number, group in enumerate(grouping.names):
        members = np.flatnonzero(table["group"].to_numpy() == number)
        if len(members) > most:
            notes.append(f"{most:,} of {len(members):,} pictures of {group} were chosen by chance (seed {seed}).")
            members = np.sort(np.random.default_rng([seed, number]).choice(members, most, replace=False))
        chosen.append(members)
    return table.iloc[np.concatenate(chosen)].reset_index(drop=True), notes


def _write_all(
    source: Source,
    table: pd.DataFrame,
    grouping: Grouping,
    work: Path,
    progress: Progress,
    skipped: Skipped,
    notes: list[str],
) -> pd.DataFrame:
    """Write what can be decoded; returns its rows with ``file_name``, ``mask``, ``digest`` and ``hash``."""
    slugs = _slugs(grouping)
    rows: list[dict[str, Any]] = []
    bad_masks: list[str] = []
    progress(0, len(table))
    for number, row in enumerate(table.to_dict("records")):
        stem = f"{slugs[row['group']]}/{number:05d}"
        picture, mask = f"images/{stem}.jpg", f"masks/{stem}.png"
        try:
            written = write_picture(source.read(row["file"]), work / picture)
        except UnreadableError as error:
            skipped.append((printable(row["file"]), str(error)))
        else:
            named, row["mask"] = row["mask"], ""
            if named:
                try:
                    write_mask(source.read(named), named.endswith(".npy"), written.aspect, work / mask)
                    row["mask"] = mask
                except UnreadableError as error:
                    bad_masks.append(f"{printable(named)} {error}")
            rows.append({**row, "file_name": picture, "digest": written.digest, "hash": written.hash})
        progress(number + 1, len(table))
    if bad_masks:
        notes.append(f"Left out {plural(len(bad_masks), 'mask')} (first: {bad_masks[0]}).")
    return pd.DataFrame(rows, columns=[*table.columns, "file_name", "digest", "hash"])


def _slugs(grouping: Grouping) -> list[str]:
    """Names of the groups' folders: plain letters, whatever the names are made of."""
    slugs = [re.sub(r"[^a-z0-9]+", "-", f"{obj} {context}".casefold()).strip("-") for obj, context in grouping.pairs]
    return slugs if len({*slugs, ""}) == 5 else [f"group-{number}" for number in range(1, 5)]


def _split(
    written: pd.DataFrame, grouping: Grouping, work: Path, seed: int, skipped: Skipped, notes: list[str]
) -> tuple[pd.DataFrame, dict[str, Any], dict[str, int]]:
    """Find what belongs together and split; returns the rows that stay, how they are split, and counts."""
    group = written["group"].to_numpy(dtype=np.int64)
    cluster = clusters(written["hash"].tolist(), written["id"].tolist())
    for number, name in enumerate(grouping.names):
        of_group = cluster[group == number]
        if len(np.unique(of_group)) == 1:
            raise ImportSetError(
                f"The {len(of_group)} pictures of {name} are nearly the same picture; add others, so that some can be "
                "held out."
            )
        largest = int(np.bincount(of_group).max())
        if largest > max(2, _ALIKE * len(of_group)):
            notes.append(f"{largest} of {len(of_group)} pictures of {name} look nearly the same and stay together.")
    splitting = choose_splits(written["split"].to_numpy(dtype=np.str_), group, cluster, seed)
    sizes = np.bincount(cluster)
    duplicates = {
        "clusters": int((sizes > 1).sum()),
        "pictures": int(sizes[sizes > 1].sum()),
        "removed": int(splitting.removed.sum()),
    }
    notes.append(splitting.note)
    scene = [f"s{number:05d}" for number in cluster]
    kept, said = without_removed(written.assign(scene=scene), splitting.removed, cluster, work, skipped)
    kept = kept.assign(split=splitting.split[~splitting.removed])
    notes += said
    kind = {"kind": "folds", "folds": splitting.folds} if splitting.folds else {"kind": "fixed"}
    return kept, kind, duplicates


def _warnings(written: pd.DataFrame, grouping: Grouping, templates: dict[str, str], in_folds: bool) -> list[str]:
    """Sentences on what limits the numbers that this set can give."""
    tested = written if in_folds else written[written["split"] == "test"]
    warnings = few_tested(tested["group"].to_numpy(), grouping, "set" if in_folds else "test set", "picture")
    for template in templates.values():
        longest = max((filled(template, *pair) for pair in grouping.pairs), key=lambda t: len(t.split()))
        if len(split_words(longest)) > MAX_WORDS:
            warnings.append(f"The caption {longest!r} is long; models read its first {MAX_WORDS} words.")
    return warnings


def few_tested(group: NDArray[np.int64], grouping: Grouping, called: str, noun: str) -> list[str]:
    """A sentence for each group of which few are tested, by the numbers of the groups of all that are."""
    return [
        f"The {called} has {plural(int(there), noun)} of {name}; numbers from fewer than {SAYS_LITTLE} say little."
        for name, there in zip(grouping.names, np.bincount(group, minlength=4), strict=True)
        if there < SAYS_LITTLE
    ]


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
