"""The commands under ``data``: image sets are drawn, imported, generated, listed, checked and removed.

The one idea: as in `vlcore.cli.runs`, a command returns a value that can be printed as JSON.
"""

from __future__ import annotations

import re
import sys
import time
from argparse import Namespace
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from vlcore.cli.runs import CommandError, within
from vlcore.core.errors import BusyError
from vlcore.core.files import data_folder, make_folder
from vlcore.datasets.catalogue import check_name, new_recipe, open_set, set_names
from vlcore.datasets.drawn import Recipe, recipe_of
from vlcore.datasets.imageset import ImageSet, ImageSetError
from vlcore.datasets.importers.writing import LIST
from vlcore.store import artefacts, jobs, queue
from vlcore.store.progress import counted_bar, progress_bar, with_bar

FOLDER_SETTINGS = {"n_per_group": 48, "size": 128, "seed": 0}  # of a folder to browse, where they are not given


def render(options: Namespace) -> dict[str, Any]:
    """Fill a drawn set, made first where its name is new; or write a browsable folder of it."""
    from vlcore.datasets import drawn

    if options.out is None and any(getattr(options, name) is not None for name in FOLDER_SETTINGS):
        raise CommandError(
            "--n-per-group, --size and --seed are for the folder that --out writes; give --out DIR, or leave them out: "
            "an image set always has the same pictures."
        )
    recipe = _recipe(options)
    if options.out is not None:
        return _render_folder(recipe, options)
    images = drawn.make_set(recipe)
    rows = list(range(len(images.table)))
    with progress_bar(len(rows), "pictures") as bar, queue.worker_pool() as pool:
        # Every worker is given all rows: `ensure_rendered` shares them out by locks, and skips what is there.
        workers = [pool.submit(drawn.ensure_rendered, recipe, rows) for _ in range(queue.default_workers())]
        while not all(worker.done() for worker in workers):
            bar.n = len(rows) - len(drawn.missing_rows(recipe, rows))
            bar.refresh()
            time.sleep(0.5)
        for worker in workers:
            worker.result()
        bar.n = len(rows)
    return _describe(images)


def _recipe(options: Namespace) -> Recipe:
    """The recipe of a name, or a new one from the options."""
    given = {
        name: getattr(options, name)
        for name in ("style", "context_contrast", "object_contrast", "object_size")
        if getattr(options, name) is not None
    }
    if options.contexts is not None:
        given["contexts"] = _pair("--contexts", options.contexts)
    known = recipe_of(options.name)
    if known is None:
        return new_recipe(options.name, **given)
    if replace(known, **given) != known:
        settings = {**known.settings(), "contexts": ",".join(known.contexts)}
        others = ", ".join(f"{name.replace('_', '-')} {value}" for name, value in settings.items())
        raise CommandError(
            f"There is an image set named {known.name!r} already and its settings are others ({others}); leave the "
            "settings out, or give another --name."
        )
    return known


def _pair(option: str, text: str) -> tuple[str, str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if len(names) != 2:
        raise CommandError(f"{option} is {text!r}; give two names with a comma between them.")
    return names[0], names[1]


def _render_folder(recipe: Recipe, options: Namespace) -> dict[str, Any]:
    from vlcore.datasets import drawn

    given = {name: getattr(options, name) for name in FOLDER_SETTINGS if getattr(options, name) is not None}
    per_group, size, seed = {**FOLDER_SETTINGS, **given}.values()
    within("--n-per-group", per_group, 1, 10_000)
    within("--size", size, 32, 512)
    within("--seed", seed, 0, 2**31 - 1)
    root = Path(options.out)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise CommandError(f"{root} exists and is not empty; give --out a new folder.")
    name = make_folder(root).resolve().name
    table, scenes = drawn.browsable(per_group, seed, recipe)
    for row, scene in enumerate(tqdm(scenes, "pictures", unit="", file=sys.stderr, disable=None)):
        drawn.write_picture(scene, root / table["file_name"].iat[row], root / table["mask"].iat[row], size)
    drawn.write_metadata(root, table, replace(recipe, name=name), size)
    return {"name": name, "images": len(scenes), "folder": str(root)}


def list_sets(_options: Namespace) -> list[dict[str, Any]]:
    """All sets; one that cannot be read hides no other."""
    return [_described(name) for name in set_names()]


def _described(name: str) -> dict[str, Any]:
    try:
        return _describe(open_set(name))
    except ImageSetError as error:
        return {"name": name, "message": str(error)}


def show(options: Namespace) -> dict[str, Any]:
    images = open_set(options.name)
    facts = ("source", "licence", "recipe", "captions", "splitting", "notes")
    shown = _describe(images) | {name: images.about[name] for name in facts if name in images.about}
    if left_out := images.about.get("skipped"):
        listed = images.root / LIST
        shown["left_out"] = {"files": left_out} | ({"list": str(listed)} if listed.exists() else {})
    return shown


def _describe(images: ImageSet) -> dict[str, Any]:
    counts = images.counts()
    groups = {name: sum(by_group[name] for by_group in counts.values()) for name in images.grouping.names}
    there = sum((images.root / name).exists() for name in images.table["file_name"] if name)  # embeddings have none
    return {"name": images.name, "images": len(images.table), "groups": groups, "splits": counts, "on_disk": there}


def check(options: Namespace) -> list[dict[str, Any]]:
    """Put a set to the questions of `vlcore.runs.audit`; the answers are kept."""
    from vlcore.runs import audit
    from vlcore.store import artefacts

    images = open_set(options.name)
    key = audit.checks_key(images.name, images.version)
    with_bar(key, lambda: audit.make_checks(images.name, images.version))
    return [asdict(entry) for entry in audit.read_checks(artefacts.read(key))]


def import_pictures(options: Namespace) -> dict[str, Any]:
    """A folder, a zip or a published benchmark becomes an image set; so do embeddings that were computed elsewhere."""
    from vlcore.datasets.importers import import_set

    source, given = Path(options.source), vars(options)
    chosen: dict[str, Any] = {name: _names(given[name]) for name in ("objects", "contexts")}
    chosen |= {name: given[name] for name in ("licence", "max_per_group", "seed")}
    if options.format == "auto" and source.suffix.lower() == ".npz":
        from vlcore.runs.imported import import_embeddings

        return import_embeddings(source, options.name, **chosen, around=with_bar)
    chosen |= {name: given[name] for name in ("format", "short", "descriptive")}
    with counted_bar("pictures") as progress:
        return import_set(source, options.name, **chosen, progress=progress).as_dict()


def generate(options: Namespace) -> dict[str, Any]:
    """Have a text-to-image model draw a set: the plan, what it costs, the pictures, the import."""
    from vlcore import generation as making
    from vlcore.datasets.importers import import_set
    from vlcore.datasets.importers.selection import FEWEST

    check_name(options.name)
    objects, contexts = _pair("--objects", options.objects), _pair("--contexts", options.contexts)
    within("--per-group", options.per_group, FEWEST, 10_000)
    within("--seed", options.seed, 0, 2**31 - 1)
    wanted = making.plan(
        objects,
        contexts,
        options.per_group,
        backend=options.backend,
        model=options.model,
        prompt=options.prompt,
        size=options.size,
        seed=options.seed,
        steps=options.steps,
        guidance=options.guidance,
    )
    folder = data_folder() / ".generated" / options.name
    left = making.remaining(wanted, folder, retry_refused=options.retry_refused)
    if left:
        making.check_backend(wanted, base_url=options.base_url, batch=options.batch)
        cost = making.cost_of(left, options.price)
        price = "their price was not given (--price)" if cost is None else f"they cost {cost:,.2f} in all"
        total = len(wanted.pictures)
        print(f"{len(left):,} of {total:,} pictures are to be drawn by {options.model}; {price}.", file=sys.stderr)
        _confirm(options.yes, "Draw them? [y/N] ", "give --yes to draw these pictures.", "Nothing was drawn.")
        backend = making.open_backend(wanted, base_url=options.base_url, batch=options.batch)
        try:
            with counted_bar("pictures") as progress:
                making.generate(wanted, backend, folder, progress, retry_refused=options.retry_refused)
        except KeyboardInterrupt:
            print("What is drawn is kept; the same command goes on.", file=sys.stderr)
            raise
    refused = len(making.remaining(wanted, folder, retry_refused=True))
    places = [making.context_name(phrase) for phrase in contexts]
    report = import_set(
        folder, options.name, objects=objects, contexts=places, licence=options.licence, seed=options.seed
    )
    return {**report.as_dict(), "refused": refused, "kept_in": str(folder)}


def remove(options: Namespace) -> dict[str, Any]:
    """Take a set away; models that were trained on it stay."""
    from vlcore.datasets import catalogue

    folders = catalogue.folders_of(options.name)
    running = [seen.key for seen in jobs.active_and_ended() if seen.state.is_active and _is_of(seen.key, options.name)]
    if running:
        raise BusyError(f"{options.name} is in use by {running[0]}; wait for it or cancel it.")
    models = [key for key in artefacts.model_keys() if _is_of(key, options.name)]
    where = " and ".join(map(str, folders))
    stay = f"; {len(models):,} of its models stay, but cannot show its pictures any more" if models else ""
    print(f"{where} will be removed with all pictures in it{stay}.", file=sys.stderr)
    _confirm(options.yes, "Remove it? [y/N] ", "give --yes to remove it.", "Nothing was removed.")
    catalogue.remove(options.name)
    return {"name": options.name, "removed": [str(folder) for folder in folders], "models_that_stay": models}


def _is_of(key: str, name: str) -> bool:
    """Whether a key is that of a model, a map, a check or an import of a set."""
    kinds = r"b[\d.e+-]+-.+|[0-9a-z]+-q\d+\.checks|[0-9a-f]{8}\.import"
    return re.fullmatch(rf"{re.escape(name)}-({kinds})", key) is not None


def _confirm(yes: bool, question: str, otherwise: str, nothing: str) -> None:
    """Ask before something is done.

    Raises:
        CommandError: when the answer is no, or nobody can be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"Nobody can be asked here; {otherwise}")
    print(question, end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError(nothing)


def _names(text: str | None) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
