"""The command that writes a comparison as one offline file.

The one idea: it writes the page that the Compare page offers for download, from the same value.
"""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import Any

from vlcore.cli.runs import CommandError, model_of, page_path, write_page
from vlcore.compare import comparison as comparing
from vlcore.compare.model_map import model_map
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.imageset import ImageSet
from vlcore.exports.export import FORMATS, export
from vlcore.exports.table import rows_in_words
from vlcore.runs import maps
from vlcore.runs.maps import KINDS, Projection
from vlcore.store.progress import counted_bar


def compare(options: Namespace) -> dict[str, Any]:
    """Write two to four maps side by side as one offline file."""
    from vlcore.compare import page as compare_page

    out = page_path(options.out)
    if options.map not in KINDS:
        raise CommandError(f"No map is named {options.map!r}; choose one of {', '.join(KINDS)}.")
    if not 2 <= len(options.keys) <= comparing.MOST_MODELS:
        raise CommandError(f"Give the keys of 2 to {comparing.MOST_MODELS} models, not {len(options.keys)}.")
    artefacts = {key: model_of(key) for key in options.keys}
    first = artefacts[options.keys[0]].condition
    images = open_set(first.data, first.data_version)
    projection = _projection(options, images)
    if projection.fitted:
        for models in [options.keys] if projection.together else [[key] for key in options.keys]:
            maps.make_map(models, projection)
    load = partial(comparing.load_map, read=artefacts.__getitem__)
    found = comparing.open(options.keys, projection, load=load, images=lambda _model: images)
    page = compare_page.page(found, images)
    write_page(out, page)
    return {"file": str(out), "bytes": len(page.encode()), "map": options.map}


def _projection(options: Namespace, images: ImageSet) -> Projection:
    prompts = maps.prompt_axes(images.grouping)
    if options.prompts is not None:
        if options.map != "prompts":
            raise CommandError(f"--prompts are the axes of --map prompts, not of {options.map}; give that map too.")
        given = [text.strip() for text in options.prompts.split(",")]
        if len(given) != 4 or not all(given):
            usual = ",".join(prompts)
            raise CommandError(f"--prompts is {options.prompts!r}; give four captions with commas, as in {usual}.")
        prompts = (given[0], given[1], given[2], given[3])
    if options.seed and options.map not in ("umap", "tsne"):
        raise CommandError(f"--seed is of --map umap and tsne; {options.map} is the same with every seed.")
    return Projection(
        options.map,
        seed=options.seed,
        together=options.together,
        prompts=prompts if options.map == "prompts" else Projection().prompts,
    )


_OPEN = {
    "parquet": "embedding-atlas {out} --x x --y y --image image --neighbors neighbors",
    "projector": "tensorboard --logdir {out}",
    "hf": "import vlcore.learning.transformers_export, transformers; transformers.AutoModel.from_pretrained({quoted})",
}


def add_options(command: ArgumentParser) -> None:
    command.add_argument("key", metavar="KEY")
    command.add_argument("--format", required=True, help=f"one of {', '.join(FORMATS)}")
    command.add_argument("--out", required=True, metavar="PATH", help="a .parquet file, or a new folder")


def run(options: Namespace) -> dict[str, Any]:
    """Write one model in the format of another tool."""
    out = _place(options.format, options.out)
    artefact = model_of(options.key)
    images = open_set(artefact.condition.data, artefact.condition.data_version)
    with counted_bar("drawing pictures") as progress:
        files = export(artefact, images, options.format, out, progress)
    return {
        "key": artefact.key,
        "format": options.format,
        "out": str(out),
        "files": files,
        "rows": rows_in_words(artefact, model_map(artefact)),
        "open_with": _OPEN[options.format].format(out=shlex.quote(str(out)), quoted=repr(str(out))),
    }


def _place(form: str, given: str) -> Path:
    """Where to write.

    Raises:
        CommandError: when the format is unknown, or the name does not fit it.
    """
    if form not in FORMATS:
        raise CommandError(f"No format is named {form!r}; choose one of {', '.join(FORMATS)}.")
    out = Path(given)
    if form == "parquet" and out.suffix.lower() != ".parquet":
        raise CommandError(f"--out is {given}; it becomes one file, so give a name that ends in .parquet.")
    if form != "parquet" and out.suffix.lower() in (".parquet", ".zip", ".tsv", ".json", ".safetensors", ".html"):
        raise CommandError(f"--out is {given}; it becomes a folder, so give a name without {out.suffix}.")
    return out
