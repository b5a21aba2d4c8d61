"""Imports: a folder or a zip becomes an image set, with a report of what was left out and why."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
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
from vlcore.datasets.importers.source import (
    ImportSetError,
    Skipped,
    Source,
    UnreadableError,
    open_source,
    plural,
    printable,
)
from vlcore.datasets.importers.splits import Splitting, choose_splits
from vlcore.datasets.importers.writing import SIZE, Draft, describe
from vlcore.datasets.staging import staging_dir

SAYS_LITTLE = 20  # test pictures of a group
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
        with staging_dir(name) as folder:
            draft = Draft(folder, grouping, table, skipped)
            if format_of(listing.format).one_group_per_id:
                _keep_one_group_per_id(draft, opened)
            _limit(draft, max_per_group, seed)
            draft.notes += names_in_words(listing, grouping)
            need_enough(grouping, draft.table["group"], opened.name, skipped)
            draft.write_pictures(opened, progress)
            # Nobody can say which label of equal pictures is right.
            draft.leave_out(
                draft.table.groupby("digest")["group"].transform("nunique") > 1,
                "is the same picture as one in another group, so its labels contradict each other",
            )
            need_enough(grouping, draft.table["group"], opened.name, skipped)
            splitting, duplicates = _split(draft, seed)
            own = draft.table["caption"]
            templated = [filled(templates["descriptive"], *grouping.pairs[group]) for group in draft.table["group"]]
            draft.table = draft.table.assign(caption=np.where(own == "", templated, own))
            warnings = _warnings(draft, templates, splitting) + draft.notes
            about = {
                "name": name,
                "source": opened.name,
                "format": listing.format,
                "licence": printable(licence) or "not stated",
                "sizes": [SIZE],
                "objects": list(grouping.objects),
                "contexts": list(grouping.contexts),
                "captions": templates,
                "splitting": splitting.kind,
                "seed": seed,
                "skipped": len(skipped),
                "notes": [listing.about, *warnings],
            }
            describe(folder, draft.table, about)
            left_out = draft.write_list()
            publish(folder, name)
    home = data_folder() / name
    counts = np.bincount(draft.table["group"], minlength=4).tolist()
    return Report(
        name,
        listing.format,
        dict(zip(grouping.names, counts, strict=True)),
        majority_in_words(grouping),
        splitting.kind,
        skipped,
        home / left_out if left_out else None,
        duplicates,
        warnings,
        home,
    )


def names_in_words(listing: Listing, grouping: Grouping) -> list[str]:
    """Sentences on names that are not the source's, or may not be what they seem."""
    notes = []
    for name in (*grouping.objects, *grouping.contexts):
        if called := sorted(listing.altered.get(name, ())):
            notes.append(f"{name!r} is called {' and '.join(map(repr, called))} in the source.")
    hint = infer_context_column(listing)
    return [*notes, f"{hint}."] if hint else notes


def _keep_one_group_per_id(draft: Draft, source: Source) -> None:
    """Each picture once, and none that belongs to several groups.

    One name in two folders may be two pictures, so an id that several files have is made to tell what they hold.
    """
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
    """Keep at most so many pictures of each group, chosen by chance, and note where some were left out."""
    chosen = []
    for number, group in enumerate(draft.grouping.names):
        members = np.flatnonzero(draft.table["group"].to_numpy() == number)
        if len(members) > most:
            draft.notes.append(f"{most:,} of {len(members):,} pictures of {group} were chosen by chance (seed {seed}).")
            members = np.sort(np.random.default_rng([seed, number]).choice(members, most, replace=False))
        chosen.append(members)
    draft.table = draft.table.iloc[np.concatenate(chosen)].reset_index(drop=True)


def _split(draft: Draft, seed: int) -> tuple[Splitting, dict[str, int]]:
    """Find what belongs together and split it; leaves out what has a near-duplicate in a later split of the source.

    Returns:
        How the set is split, and the counts of `Report.duplicates`.
    """
    written = draft.table
    group = written["group"].to_numpy(dtype=np.int64)
    cluster = clusters(written["hash"].tolist(), written["id"].tolist())
    for number, name in enumerate(draft.grouping.names):
        of_group = cluster[group == number]
        largest = int(np.bincount(of_group).max())
        if largest == len(of_group):
            raise ImportSetError(
                f"The {len(of_group)} pictures of {name} are nearly the same picture; add others, so that some can be "
                "held out."
            )
        if largest > max(2, _ALIKE * len(of_group)):
            draft.notes.append(
                f"{largest} of {len(of_group)} pictures of {name} look nearly the same and stay together."
            )
    splitting = choose_splits(written["split"].to_numpy(dtype=np.str_), group, cluster, seed)
    draft.notes.append(splitting.note)
    removed = splitting.removed
    kept = written[~removed].assign(cluster=cluster[~removed]).drop_duplicates("cluster").set_index("cluster")
    reasons = [
        f"is nearly the same picture as {printable(kept.at[number, 'file'])}, which is in the source's "
        f"{kept.at[number, 'split']} set"
        for number in cluster[removed]
    ]
    for split, number in written["split"][removed].value_counts(sort=False).items():
        called = {"train": "training", "val": "validation"}.get(str(split), split)
        were = f"{plural(int(number), f'{called} picture')} {'was' if number == 1 else 'were'}"
        draft.notes.append(f"{were} left out because of near-copies that are held out.")
    draft.table = written.assign(scene=[f"s{number:05d}" for number in cluster], split=splitting.split)
    draft.leave_out(removed, reasons)
    sizes = np.bincount(cluster)
    together = {"clusters": int((sizes > 1).sum()), "pictures": int(sizes[sizes > 1].sum())}
    return splitting, {**together, "removed": int(removed.sum())}


def _warnings(draft: Draft, templates: dict[str, str], splitting: Splitting) -> list[str]:
    """Sentences on what limits the numbers that this set can give."""
    tested = draft.table if splitting.folds else draft.table[draft.table["split"] == "test"]
    called = "set" if splitting.folds else "test set"
    warnings = few_tested(tested["group"].to_numpy(), draft.grouping, called, "picture")
    for template in templates.values():
        longest = max((filled(template, *pair) for pair in draft.grouping.pairs), key=lambda t: len(t.split()))
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
        parts = [part for part in Formatter().parse(text) if part[1] is not None]
    except ValueError as error:
        raise ImportSetError(f"The {label} caption {text!r} has a brace too many or too few; correct it.") from error
    fields = {name for _, name, _, _ in parts}
    if not fields <= {"object", "context", "place"} or any(spec or conversion for _, _, spec, conversion in parts):
        raise ImportSetError(
            f"The {label} caption {text!r} has unknown fields; use {{object}}, {{context}} and {{place}} only."
        )
    if "object" not in fields:
        raise ImportSetError(f"The {label} caption {text!r} does not name the object; write {{object}} in it.")
    return text
