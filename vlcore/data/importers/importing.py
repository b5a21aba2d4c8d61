"""Imports: a folder or a zip becomes an image set, with a report of what was left out and why."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.data.catalogue import check_free, publish_set, staging_dir
from vlcore.data.imageset import USER, ImageSet, with_groups
from vlcore.data.importers.features import write_features
from vlcore.data.importers.layouts import list_source_apart
from vlcore.data.importers.selection import (
    DESCRIPTIVE,
    FEWEST,
    NOT_STATED,
    SHORT,
    Listing,
    checked_template,
    choose_groups,
    majority_in_words,
    need_enough,
)
from vlcore.data.importers.source import ImportSetError, Skipped, open_source, printable
from vlcore.data.importers.splits import choose_splits, clusters, quotas
from vlcore.data.importers.writing import LIST, SIZE, Draft, describe
from vlcore.data.subset import MEASURED, describe_sample, few_training_images
from vlcore.experiment import limits
from vlcore.experiment.files import data_folder
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.plain_text import safe_csv
from vlcore.experiment.progress import Progress, silent
from vlcore.experiment.templates import fill_template
from vlcore.experiment.vocabulary import MAX_WORDS, split_words
from vlcore.experiment.wording import FEW, plural

_NOT_CHOSEN = "was not among those that were chosen by chance"
_ALIKE = 0.25  # share of a group that may be near-duplicates of each other without a warning


def import_set(
    source: Path,
    name: str,
    *,
    objects: Sequence[str] = (),
    contexts: Sequence[str] = (),
    short: str | None = None,
    descriptive: str | None = None,
    licence: str | None = None,
    max_per_group: int | None = None,
    seed: int = 0,
    features: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Turn a folder or a zip into the image set ``data/<name>/``.

    Args:
        source: a folder or a zip, in a layout of `vlcore.data.importers.layouts`.
        objects, contexts: two names each; needed where the source has more. Where both are given,
            the first object in the first context and the second in the second are the majority
            groups.
        short: caption of the undescriptive label style, with the field ``{object}``, which is all
            of it unless given.
        descriptive: caption of the descriptive style and of images without their own, ``{object}
            {place}`` unless given; its other fields are ``{context}`` and ``{place}``, the context
            with its preposition ("on the grass").
        licence: of the images.
        max_per_group: how many images of a group are used at most, chosen by chance; all where
            None.
        features: an ``.npz`` with the features of each image under a frozen encoder of one's own,
            as `vlcore.data.importers.features` reads it.
        progress: told (done, of) in images.

    Returns:
        JSON-able values: `name`, `about` (a sentence on what was recognised), `own_columns` (the
        user's columns that stay with the set), `counts` (images by group), `majority` (which object
        belongs in which context), `splitting` (as in ``dataset.json``), `skipped` (names and
        reasons of files that were left out), `not_chosen` (how many images `max_per_group` left
        out), `left_out` (path of a table of both, or None), `duplicates` (``clusters`` of
        near-duplicates, ``pictures`` in them, how many were ``removed``), `warnings` (what to keep
        in mind), `folder`, and with features the `architecture` of models on them.

    Raises:
        ImportSetError: where the source or the choice cannot be used; nothing is left behind.
    """
    check_free(name)
    if seed < 0 or (max_per_group is not None and max_per_group < FEWEST):
        raise ImportSetError(f"Give at least {FEWEST} images a group and a seed of at least 0.")
    listing = list_source_apart(source, limits.LOOK_SECONDS)
    templates = {
        "undescriptive": checked_template("short", short or SHORT),
        "descriptive": checked_template("descriptive", descriptive or DESCRIPTIVE),
    }
    with open_source(source) as opened, staging_dir(name) as folder:
        grouping, table, skipped = choose_groups(listing, objects, contexts, opened.name)
        draft = Draft(folder, grouping, table, skipped)
        not_chosen = _limit(draft, max_per_group or len(table), seed)
        draft.notes += _names_in_words(listing, grouping)
        need_enough(grouping, draft.table["group"], opened.name, skipped)
        draft.write_images(opened, progress)
        _leave_out_contradictions(draft)
        need_enough(grouping, draft.table["group"], opened.name, skipped)
        folds, duplicates = _split(draft, seed)
        splitting = {"kind": "folds", "folds": folds} if folds else {"kind": "fixed"}
        _fill_captions(draft, templates["descriptive"])
        sample = {"per_group": MEASURED, "seed": seed}
        warnings = [*_warnings(draft, templates, splitting, sample), *draft.notes]
        about = {
            "name": name,
            "source": opened.name,
            "licence": printable(licence or "") or NOT_STATED,
            "sizes": [SIZE],
            "objects": list(grouping.objects),
            "contexts": list(grouping.contexts),
            "captions": templates,
            "splitting": splitting,
            "measured": sample,
            "seed": seed,
            "skipped": len(skipped),
            "notes": [listing.about, *warnings],
        }
        if features is not None:
            about["architecture"] = write_features(
                Path(features), folder, draft.table, opened.files
            )
        describe(folder, draft.table, about)
        # What has a fault comes first.
        left_out = pd.DataFrame([*skipped, *not_chosen], columns=["file", "reason"])
        if len(left_out):
            (folder / LIST).write_text(safe_csv(left_out), encoding="utf-8", newline="")
        publish_set(folder, name)
    root = data_folder() / name
    own_columns = [column.removeprefix(USER) for column in table if column.startswith(USER)]
    report = {
        "name": name,
        "about": listing.about,
        "own_columns": own_columns,
        "counts": draft.counts(),
        "majority": majority_in_words(grouping),
        "splitting": splitting,
        "skipped": skipped,
        "not_chosen": len(not_chosen),
        "left_out": str(root / LIST) if len(left_out) else None,
        "duplicates": duplicates,
        "warnings": warnings,
        "folder": str(root),
    }
    return report | {key: about[key] for key in ("architecture",) if key in about}


def _names_in_words(listing: Listing, grouping: Grouping) -> list[str]:
    """Sentences on names that are not the source's."""
    notes = []
    for name in (*grouping.objects, *grouping.contexts):
        if spellings := sorted(listing.spellings.get(name, ())):
            notes.append(f"{name!r} is called {' and '.join(map(repr, spellings))} in the source.")
    return notes


def _limit(draft: Draft, most: int, seed: int) -> Skipped:
    """Keep at most so many images of each group, chosen by chance, one group after the other: of
    each split of the source its share, and one at least. Returns the others, with the reason."""
    order = np.argsort(draft.table["group"], kind="stable")
    draft.table = draft.table.iloc[order].reset_index(drop=True)
    split = draft.table["split"].to_numpy()
    chosen = np.ones(len(split), dtype=bool)
    for number, group in enumerate(draft.grouping.names):
        is_member = (draft.table["group"] == number).to_numpy()
        names, sizes = np.unique(split[is_member], return_counts=True)
        size = int(sizes.sum())
        if size <= most:
            continue
        draft.notes.append(
            f"{most:,} of {size:,} images of {group} were chosen by chance (seed {seed})."
        )
        counts = quotas(np.array([most]), (sizes / size).tolist())[:, 0]
        for empty in np.flatnonzero(counts == 0):
            counts[counts.argmax()] -= 1
            counts[empty] = 1
        random = np.random.default_rng([seed, number])
        chosen[is_member] = False
        for name, count in zip(names, counts, strict=True):
            members = np.flatnonzero(is_member & (split == name))
            chosen[random.choice(members, count, replace=False)] = True
    others = [(printable(file), _NOT_CHOSEN) for file in draft.table["file"][~chosen]]
    draft.table = draft.table[chosen].reset_index(drop=True)
    return others


def _leave_out_contradictions(draft: Draft) -> None:
    """Leave out equal images of several groups: nobody can say which label is right."""
    contradicting = draft.table.groupby("digest")["group"].transform("nunique") > 1
    reason = "is the same image as one in another group, so its labels contradict each other"
    draft.leave_out(contradicting, reason)


def _split(draft: Draft, seed: int) -> tuple[int, dict[str, int]]:
    """Split a set, and leave out what has a near-duplicate in a later split of the source; returns
    the number of folds, 0 where the splits are fixed, and what a report says of duplicates."""
    table = draft.table
    group = table["group"].to_numpy(dtype=np.int64)
    cluster = clusters(table["hash"].tolist())
    _check_variety(draft, cluster)
    source_split = table["split"].to_numpy(dtype=np.str_)
    split, folds, note = choose_splits(source_split, group, cluster, seed)
    draft.notes.append(note)
    left_out = split == ""
    removed = left_out & (source_split != "")
    retained = table[~left_out].assign(cluster=cluster[~left_out]).drop_duplicates("cluster")
    retained = retained.set_index("cluster")
    reasons = np.full(len(table), "has no split in the source, and others have one", dtype=object)
    for row in np.flatnonzero(removed):
        other = retained.loc[cluster[row]]
        reasons[row] = (
            f"is nearly the same image as {printable(other['file'])}, which is in the source's"
            f" {other['split']} set"
        )
    if unmarked := int((left_out & ~removed).sum()):
        lost = plural(unmarked, "image")
        draft.notes.append(f"{lost} left out because the source has no split of theirs.")
    for name, count in table["split"][removed].value_counts(sort=False).items():
        kind = {"train": "training", "val": "validation"}.get(str(name), name)
        lost = plural(int(count), f"{kind} image")
        draft.notes.append(f"{lost} left out because of near-copies that are held out.")
    draft.table = table.assign(scene=[f"s{number:05d}" for number in cluster], split=split)
    draft.leave_out(left_out, reasons[left_out].tolist())
    sizes = np.bincount(cluster)
    duplicates = {
        "clusters": int((sizes > 1).sum()),
        "pictures": int(sizes[sizes > 1].sum()),
        "removed": int(removed.sum()),
    }
    return folds, duplicates


def _check_variety(draft: Draft, cluster: NDArray[np.int64]) -> None:
    """Refuse a group of near-duplicates alone, and note one with many of them."""
    for number, name in enumerate(draft.grouping.names):
        is_member = (draft.table["group"] == number).to_numpy()
        sizes = np.bincount(cluster[is_member])
        size, largest = int(is_member.sum()), int(sizes.max())
        if largest == size:
            raise ImportSetError(
                f"The {size} images of {name} are nearly the same image; add others, so that some"
                " can be held out."
            )
        if largest > max(2, _ALIKE * size):
            draft.notes.append(
                f"{largest} of {size} images of {name} look nearly the same and stay together."
            )


def _fill_captions(draft: Draft, template: str) -> None:
    """Give images without a caption of their own that of the template."""
    captions = draft.table["caption"]
    pairs = [draft.grouping.pairs[group] for group in draft.table["group"]]
    by_template = [fill_template(template, *pair) for pair in pairs]
    draft.table["caption"] = captions.where(captions != "", by_template)


def _warnings(
    draft: Draft, templates: dict[str, str], splitting: dict[str, Any], sample: dict[str, Any]
) -> list[str]:
    """Sentences on what limits the numbers that this set can give."""
    is_fixed = splitting["kind"] == "fixed"
    tested = draft.table[draft.table["split"] == "test"] if is_fixed else draft.table
    tested_name = "test set" if is_fixed else "set"
    counts = np.bincount(tested["group"], minlength=4).tolist()
    warnings = [
        f"The {tested_name} has {plural(count, 'image')} of {name}; numbers from fewer than {FEW}"
        " say little."
        for name, count in zip(draft.grouping.names, counts, strict=True)
        if count < FEW
    ]
    table = with_groups(draft.table)
    about = {"splitting": splitting, "measured": sample}
    images = ImageSet("", "", draft.folder, draft.grouping, table, about=about)
    if too_few := few_training_images(images):
        warnings.append(too_few)
    if measured := describe_sample(images):
        warnings.append(measured)
    for template in templates.values():
        captions = [fill_template(template, *pair) for pair in draft.grouping.pairs]
        longest = max(captions, key=lambda caption: len(caption.split()))
        if len(split_words(longest)) > MAX_WORDS:
            warnings.append(
                f"The caption {longest!r} is long; models read its first {MAX_WORDS} words."
            )
    return warnings
