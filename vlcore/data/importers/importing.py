"""Imports: a folder or a zip becomes an image set, with a report of what was left out and why."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.data.catalogue import check_free, publish, staging_dir
from vlcore.data.importers import selection
from vlcore.data.importers.formats import format_of, look_apart
from vlcore.data.importers.selection import FEWEST, Listing, choose, need_enough
from vlcore.data.importers.source import (
    ImportSetError,
    Source,
    UnreadableError,
    open_source,
    plural,
    printable,
)
from vlcore.data.importers.splits import choose_splits, clusters
from vlcore.data.importers.writing import LIST, SIZE, Draft, describe
from vlcore.experiment import limits
from vlcore.experiment.captions import CaptionError, fill_template, template_fields
from vlcore.experiment.files import data_folder
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.plain_text import safe_csv
from vlcore.experiment.progress import Progress, silent
from vlcore.experiment.vocabulary import MAX_WORDS, split_words
from vlcore.experiment.wording import FEW

_ALIKE = 0.25  # share of a group that may be near-duplicates of each other without a warning


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
) -> dict[str, Any]:
    """Turn a folder or a zip into the image set ``data/<name>/``; an ImportSetError leaves nothing
    behind.

    Args:
        source: a folder or a zip.
        format: one of `format_names`.
        objects, contexts: two names each; needed where the source has more, or only captions. Where
            both are given, the first object in the first context and the second in the second are
            the majority groups.
        short: caption of the undescriptive label style, with the field ``{object}``.
        descriptive: caption of the descriptive style and of pictures without their own; its other
            fields are ``{context}`` and ``{place}``, the context with its preposition ("on the
            grass").
        max_per_group: how many pictures of a group are used at most, chosen by chance.
        progress: told (done, of) in pictures.

    Returns JSON-able values: `name`, `format`, `counts` (pictures by group), `majority` (which
    object belongs in which context), `splitting` (as in ``dataset.json``), `skipped` (names and
    reasons of files that were left out), `left_out` (path of a table of them, or None),
    `duplicates` (``clusters`` of near-duplicates, ``pictures`` in them, how many were ``removed``),
    `warnings` (what to keep in mind) and `folder`."""
    check_free(name)
    if max_per_group < FEWEST or seed < 0:
        raise ImportSetError(f"Give at least {FEWEST} pictures a group and a seed of at least 0.")
    templates = {
        "undescriptive": _template("short", short),
        "descriptive": _template("descriptive", descriptive),
    }
    listing = look_apart(source, format, limits.LOOK_SECONDS)
    with open_source(source) as opened:
        grouping, table, skipped = choose(listing, objects, contexts, opened.name)
        with staging_dir(name) as folder:
            draft = Draft(folder, grouping, table, skipped)
            if format_of(listing.format).one_group_per_id:
                _keep_one_group_per_id(draft, opened)
            _limit(draft, max_per_group, seed)
            draft.notes += names_in_words(listing, grouping)
            need_enough(grouping, draft.table["group"], opened.name, skipped)
            draft.write_pictures(opened, progress)
            # Nobody can say which label of equal pictures is right.
            contradicting = draft.table.groupby("digest")["group"].transform("nunique") > 1
            reason = (
                "is the same picture as one in another group, so its labels contradict each other"
            )
            draft.leave_out(contradicting, reason)
            need_enough(grouping, draft.table["group"], opened.name, skipped)
            folds, duplicates = _split(draft, seed)
            splitting = {"kind": "folds", "folds": folds} if folds else {"kind": "fixed"}
            own = draft.table["caption"]
            templated = [
                fill_template(templates["descriptive"], *grouping.pairs[group])
                for group in draft.table["group"]
            ]
            draft.table["caption"] = np.where(own == "", templated, own)
            warnings = _warnings(draft, templates, folds) + draft.notes
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
            describe(folder, draft.table, about)
            if skipped:
                left_out = pd.DataFrame(skipped, columns=["file", "reason"])
                (folder / LIST).write_text(safe_csv(left_out), encoding="utf-8", newline="")
            publish(folder, name)
    counts = dict(
        zip(grouping.names, np.bincount(draft.table["group"], minlength=4).tolist(), strict=True)
    )
    home = data_folder() / name
    return {
        "name": name,
        "format": listing.format,
        "counts": counts,
        "majority": selection.majority_in_words(grouping),
        "splitting": splitting,
        "skipped": skipped,
        "left_out": str(home / LIST) if skipped else None,
        "duplicates": duplicates,
        "warnings": warnings,
        "folder": str(home),
    }


def names_in_words(listing: Listing, grouping: Grouping) -> list[str]:
    """Sentences on names that are not the source's, or may not be what they seem."""
    notes = []
    for name in (*grouping.objects, *grouping.contexts):
        if called := sorted(listing.altered.get(name, ())):
            notes.append(f"{name!r} is called {' and '.join(map(repr, called))} in the source.")
    hint = selection.infer_context_column(listing)
    return [*notes, f"{hint}."] if hint else notes


def _keep_one_group_per_id(draft: Draft, source: Source) -> None:
    """Each picture once, and none of several groups; an id of several files is made to tell what
    they hold."""
    ids = draft.table["id"].to_numpy(dtype=object, copy=True)
    for row in np.flatnonzero(draft.table.duplicated("id", keep=False)):
        file = draft.table["file"].iat[row]
        try:
            ids[row] = f"{ids[row]} {hashlib.sha256(source.read(file)).hexdigest()}"
        except UnreadableError:
            ids[row] = file  # whoever decodes it says what is wrong with it
    draft.table = draft.table.assign(id=ids)
    several = draft.table.groupby("id")["group"].transform("nunique") > 1
    draft.leave_out(several, "belongs to several of the chosen groups")
    draft.leave_out(draft.table.duplicated("id"), "is there more than once; used once")


def _limit(draft: Draft, most: int, seed: int) -> None:
    """Keep at most so many pictures of each group, chosen by chance."""
    chosen = []
    for number, group in enumerate(draft.grouping.names):
        members = np.flatnonzero(draft.table["group"].to_numpy() == number)
        if len(members) > most:
            draft.notes.append(
                f"{most:,} of {len(members):,} pictures of {group} were chosen by chance (seed"
                f" {seed})."
            )
            members = np.sort(
                np.random.default_rng([seed, number]).choice(members, most, replace=False)
            )
        chosen.append(members)
    draft.table = draft.table.iloc[np.concatenate(chosen)].reset_index(drop=True)


def _split(draft: Draft, seed: int) -> tuple[int, dict[str, int]]:
    """Split a set, and leave out what has a near-duplicate in a later split of the source; returns
    the number of folds, 0 where the splits are fixed, and what a report says of duplicates."""
    written = draft.table
    group = written["group"].to_numpy(dtype=np.int64)
    cluster = clusters(written["hash"].tolist(), written["id"].tolist())
    for number, name in enumerate(draft.grouping.names):
        size, largest = (
            int((group == number).sum()),
            int(np.bincount(cluster[group == number]).max()),
        )
        there = f"{size} pictures of {name}"
        if largest == size:
            raise ImportSetError(
                f"The {there} are nearly the same picture; add others, so that some can be held"
                " out."
            )
        if largest > max(2, _ALIKE * size):
            draft.notes.append(f"{largest} of {there} look nearly the same and stay together.")
    split, folds, note = choose_splits(
        written["split"].to_numpy(dtype=np.str_), group, cluster, seed
    )
    draft.notes.append(note)
    removed = split == ""
    kept = (
        written[~removed]
        .assign(cluster=cluster[~removed])
        .drop_duplicates("cluster")
        .set_index("cluster")
    )
    reason = "is nearly the same picture as {}, which is in the source's {} set"
    reasons = [
        reason.format(printable(kept.at[at, "file"]), kept.at[at, "split"])
        for at in cluster[removed]
    ]
    for given, number in written["split"][removed].value_counts(sort=False).items():
        called = {"train": "training", "val": "validation"}.get(str(given), given)
        lost = plural(int(number), f"{called} picture")
        draft.notes.append(f"{lost} left out because of near-copies that are held out.")
    draft.table = written.assign(scene=[f"s{number:05d}" for number in cluster], split=split)
    draft.leave_out(removed, reasons)
    several = np.bincount(cluster)[np.bincount(cluster) > 1]
    return folds, {
        "clusters": len(several),
        "pictures": int(several.sum()),
        "removed": int(removed.sum()),
    }


def _warnings(draft: Draft, templates: dict[str, str], folds: int) -> list[str]:
    """Sentences on what limits the numbers that this set can give."""
    tested = draft.table if folds else draft.table[draft.table["split"] == "test"]
    warnings = few_tested(
        tested["group"].to_numpy(), draft.grouping, "set" if folds else "test set", "picture"
    )
    for template in templates.values():
        longest = max(
            (fill_template(template, *pair) for pair in draft.grouping.pairs),
            key=lambda t: len(t.split()),
        )
        if len(split_words(longest)) > MAX_WORDS:
            warnings.append(
                f"The caption {longest!r} is long; models read its first {MAX_WORDS} words."
            )
    return warnings


def few_tested(group: NDArray[np.int64], grouping: Grouping, called: str, noun: str) -> list[str]:
    """A sentence for each group of which few are tested, by the numbers of the groups of all that
    are."""
    counts = zip(grouping.names, np.bincount(group, minlength=4).tolist(), strict=True)
    little = f"numbers from fewer than {FEW} say little"
    return [
        f"The {called} has {plural(n, noun)} of {name}; {little}." for name, n in counts if n < FEW
    ]


def _template(label: str, template: str) -> str:
    """A caption template that can be filled in, else an `ImportSetError` that says what is wrong
    with it."""
    text = printable(template)
    try:
        parts = [part[1:] for part in Formatter().parse(text) if part[1] is not None]
    except ValueError as error:
        raise ImportSetError(
            f"The {label} caption {text!r} has a brace too many or too few; correct it."
        ) from error
    if not set(parts) <= {(name, "", None) for name in ("object", "context", "place")}:
        ask = "use {object}, {context} and {place} only"
        raise ImportSetError(f"The {label} caption {text!r} has unknown fields; {ask}.")
    if ("object", "", None) not in parts:
        raise ImportSetError(
            f"The {label} caption {text!r} does not name the object; write {{object}} in it."
        )
    try:
        template_fields(text)
    except CaptionError as error:  # what is shown to everybody who chooses the set
        raise ImportSetError(f"The {label} caption has more than words. {error}") from error
    return text
