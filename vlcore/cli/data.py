"""Commands under ``data``: image sets are drawn, imported, generated, listed, checked and
removed."""

import sys
from argparse import Namespace
from concurrent.futures import wait
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vlcore.api import audit, image_sets
from vlcore.api.image_sets import make_drawn_set
from vlcore.artifacts import store
from vlcore.cli.common import CommandError, Document, add_command, comma_separated, whole_number
from vlcore.data import catalogue, drawn
from vlcore.data.decoding import MAX_SIDE
from vlcore.data.imageset import ImageSet, ImageSetError
from vlcore.data.importers import import_set
from vlcore.data.importers.selection import DESCRIPTIVE, FEWEST, SHORT
from vlcore.data.importers.writing import LIST
from vlcore.data.subset import describe_sample
from vlcore.experiment.files import make_folder
from vlcore.jobs import queue
from vlcore.jobs.progress import counted_bar, job_bar
from vlcore.scenes import CONTEXTS

SEED = whole_number(0, 2**31 - 1)
RECIPE = ("contexts", "context_contrast", "object_contrast", "object_size")
# Defaults of a folder to browse.
FOLDER = {"n_per_group": 48, "size": 128}


def add_commands(commands: Any) -> None:
    about = "image sets: render, import, generate, list, show, check, remove"
    group = commands.add_parser("data", help=about, description=about)
    group = group.add_subparsers(dest="data_command", required=True, metavar="COMMAND")
    _add_render(group)
    _add_import(group)
    _add_generate(group)
    add_command(group, list_sets, "list")
    add_command(group, show_set, "show")("name")
    add_command(group, check)("name")
    option = add_command(group, remove)
    option("name")
    option("--yes", action="store_true", help="do not ask")


def _add_render(group: Any) -> None:
    option = add_command(group, render)
    option(
        "--name",
        default="scenes",
        help="of the set; a new name makes a set with the settings below",
    )
    option(
        "--contexts",
        type=comma_separated(2),
        metavar="A,B",
        help=f"two of {', '.join(CONTEXTS)}; horses belong in the first",
    )
    option("--context-contrast", type=float, help="how well the background can be seen, 0 to 1")
    option("--object-contrast", type=float, help="how well the animal can be seen, 0 to 1")
    option(
        "--object-size", type=float, help="length of the animals, as a multiple of the usual one"
    )
    option(
        "--n-per-group",
        type=whole_number(1, 10_000),
        help="training scenes of each group, with --out: 48 unless given",
    )
    option(
        "--size", type=whole_number(32, 512), help="side in pixels, with --out: 128 unless given"
    )
    option("--seed", type=SEED, help="of the scenes: another one has other images")
    option(
        "--out",
        type=Path,
        metavar="DIR",
        help="write a browsable set here instead of filling data/",
    )


def render(options: Namespace) -> Document:
    """Draw an image set, or a browsable folder of its scenes.

    A set whose name is new is created first.
    """
    values = {name: value for name, value in vars(options).items() if value is not None}
    folder_options = {name: values[name] for name in FOLDER if name in values}
    if options.out is None and folder_options:
        raise CommandError(
            "--n-per-group and --size are for the folder that --out writes; give --out DIR too."
        )
    # A folder may have other scenes than the set whose settings it shares.
    names = RECIPE if options.out else (*RECIPE, "seed")
    changes = {name: values[name] for name in names if name in values}
    recipe = drawn.recipe_of(options.name)
    if recipe is None:
        catalogue.check_name(options.name)
        recipe = drawn.Recipe(options.name, **changes)
    elif replace(recipe, **changes) != recipe:
        settings = {**recipe.settings(), "contexts": ",".join(recipe.contexts)}
        in_words = ", ".join(
            f"{name.replace('_', '-')} {value}" for name, value in settings.items()
        )
        raise CommandError(
            f"There is an image set named {recipe.name!r} already and its settings are others"
            f" ({in_words}); leave the settings out, or give another --name."
        )
    if options.out is not None:
        seed = values.get("seed", recipe.seed)
        return _render_folder(recipe, options.out, seed=seed, **{**FOLDER, **folder_options})
    images = make_drawn_set(recipe)
    rows = list(range(len(images.table)))
    with counted_bar("images") as progress, queue.worker_pool() as pool:
        # Every worker is given all rows: `ensure_rendered` shares them out by locks, and skips
        # drawn ones.
        workers = [
            pool.submit(drawn.ensure_rendered, recipe, rows) for _ in range(queue.default_workers())
        ]
        while wait(workers, timeout=0.5).not_done:
            progress(len(rows) - len(drawn.missing_rows(recipe, rows)), len(rows))
        for worker in workers:
            worker.result()
        progress(len(rows), len(rows))
    return _summary(images)


def _render_folder(
    recipe: drawn.Recipe, root: Path, n_per_group: int, size: int, seed: int
) -> Document:
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise CommandError(f"{root} exists and is not empty; give --out a new folder.")
    name = make_folder(root).resolve().name
    table, scenes = drawn.first_scenes(recipe, "train", n_per_group, seed=seed)
    files = zip(table["file_name"], table["mask"], scenes, strict=True)
    with counted_bar("images") as progress:
        for count, (image, mask, scene) in enumerate(files, start=1):
            drawn.write_picture(scene, root / image, root / mask, size)
            progress(count, len(scenes))
    drawn.write_metadata(root, table, replace(recipe, name=name, seed=seed), size)
    return {"name": name, "images": len(scenes), "folder": str(root)}


def list_sets(_options: Namespace) -> list[Document]:
    """Image sets.

    One that cannot be read hides no other.
    """
    summaries: list[Document] = []
    for name in catalogue.set_names():
        try:
            summaries.append(_summary(catalogue.open_set(name)))
        except ImageSetError as error:
            summaries.append({"name": name, "message": str(error)})
    return summaries


def show_set(options: Namespace) -> Document:
    """Counts of an image set."""
    images = catalogue.open_set(options.name)
    facts = _summary(images)
    for name in ("source", "licence", "architecture", "recipe", "captions", "splitting", "notes"):
        if name in images.about:
            facts[name] = images.about[name]
    if sample := describe_sample(images):
        facts["measured"] = sample
    left_out: Document = {}
    if files := images.about.get("skipped"):
        left_out["files"] = files
    if (images.root / LIST).exists():
        left_out["list"] = str(images.root / LIST)
    if left_out:
        facts["left_out"] = left_out
    return facts


def _summary(images: ImageSet) -> Document:
    counts = images.counts()
    groups = {
        name: sum(by_group[name] for by_group in counts.values()) for name in images.grouping.names
    }
    files = images.table["file_name"]
    return {
        "name": images.name,
        "images": len(images.table),
        "groups": groups,
        "splits": counts,
        "on_disk": sum((images.root / file).exists() for file in files),
    }


def check(options: Namespace) -> list[Document]:
    """Is a set fit to study bias with; which shortcuts does it hold."""
    images = catalogue.open_set(options.name)
    key = audit.checks_key(images.name, images.version)
    with job_bar(key):
        audit.make_checks(images.name, images.version)
    checks = audit.read_checks(store.read(key))
    if options.json:
        return [asdict(entry) for entry in checks]
    return [asdict(entry) | {"name": entry.words} for entry in checks]


def _add_import(group: Any) -> None:
    option = add_command(group, import_images, "import")
    option("source", type=Path, help="folder or zip (docs/images.md)")
    option("--name", required=True, help="of the set")
    option(
        "--objects",
        type=comma_separated(),
        default=(),
        metavar="A,B",
        help="two objects, where the source has more",
    )
    option(
        "--contexts",
        type=comma_separated(),
        default=(),
        metavar="C,D",
        help="two contexts; A belongs in C and B in D",
    )
    option("--short", help=f"template of the short label; {SHORT} unless given")
    option("--descriptive", help=f"template of the descriptive label; {DESCRIPTIVE} unless given")
    option("--licence", help="of the images")
    option(
        "--max-per-group",
        type=int,
        help="how many are used at most, chosen by chance; all unless given",
    )
    option("--seed", type=int, default=0, help="of the splits")
    option(
        "--features",
        type=Path,
        metavar="NPZ",
        help="features of the images under a frozen encoder of yours (docs/images.md)",
    )


def import_images(options: Namespace) -> Document:
    """A folder or zip becomes an image set."""
    names = ("objects", "contexts", "short", "descriptive", "licence", "max_per_group", "seed")
    settings = {name: getattr(options, name) for name in (*names, "features")}
    with counted_bar("images") as progress:
        return import_set(options.source, options.name, **settings, progress=progress)


def _add_generate(group: Any) -> None:
    option = add_command(group, generate)
    option("folder", type=Path, help="new folder of the images, or an unfinished one")
    option(
        "--objects",
        required=True,
        type=comma_separated(2),
        metavar="A,B",
        help="such as horse,camel",
    )
    option(
        "--contexts",
        required=True,
        type=comma_separated(2),
        metavar="C,D",
        help="such as grass,desert",
    )
    option("--model", required=True, help="diffusers pipeline: a name on the hub or a folder")
    option(
        "--per-group",
        type=whole_number(FEWEST, 10_000),
        default=48,
        help="images of each object in each context",
    )
    option("--prompt", help="words with {object} and {place}")
    option("--size", type=whole_number(32, MAX_SIDE), default=512, help="side in pixels")
    option("--steps", type=whole_number(1, 1000), help="denoising steps")
    option("--guidance", type=float, help="guidance scale")
    option("--seed", type=SEED, default=0, help="of the images")


def generate(options: Namespace) -> Document:
    """A text-to-image model draws a folder of images.

    Run `data import FOLDER` afterwards. An interrupted run goes on where it stopped.
    """
    if not find_spec("diffusers"):
        raise CommandError("Drawing images needs a package: pip install diffusers.")
    from vlcore.data.generate import PROMPT, generate_images  # torch and diffusers take seconds
    from vlcore.model.device import choose_device

    settings = {
        "height": options.size,
        "width": options.size,
        "num_inference_steps": options.steps,
        "guidance_scale": options.guidance,
    }
    with counted_bar("images") as progress:
        count = generate_images(
            options.folder,
            options.objects,
            options.contexts,
            options.model,
            per_group=options.per_group,
            device=choose_device(),
            prompt=options.prompt or PROMPT,
            seed=options.seed,
            progress=progress,
            **{name: value for name, value in settings.items() if value is not None},
        )
    return {"images": count, "folder": str(options.folder)}


def remove(options: Namespace) -> Document:
    """Remove an image set, for a week to be put back; its models stay."""
    folders = catalogue.folders_of(options.name)
    image_sets.check_unused(options.name)
    models = image_sets.models_of(options.name)
    facts = f"{' and '.join(map(str, folders))} will be removed with all images in it"
    if models:
        facts += f"; {len(models):,} of its models stay, but cannot show its images any more"
    _confirm(options.yes, f"{facts}.", "Remove it?")
    image_sets.remove_set(options.name)
    return {
        "name": options.name,
        "removed": [str(folder) for folder in folders],
        "models_that_stay": models,
    }


def _confirm(yes: bool, facts: str, question: str) -> None:
    """Say what is going to be done, and ask; CommandError when the answer is no, or nobody can be
    asked."""
    print(facts, file=sys.stderr)
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError("Nobody can be asked here; give --yes to do it.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError("Nothing was done.")
