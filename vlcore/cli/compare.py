"""Commands that write models for others to open: a comparison as one offline page, a model for another tool."""

from __future__ import annotations

import shlex
from argparse import Namespace
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from vlcore.cli.common import CommandError, add_command, model_of, names, page_path, write_page
from vlcore.compare import comparison as comparing
from vlcore.compare.model_map import model_map
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.imageset import ImageSet
from vlcore.exports.export import FORMATS, write_model
from vlcore.exports.table import rows_in_words
from vlcore.runs import maps
from vlcore.runs.maps import KINDS, Projection
from vlcore.store.progress import counted_bar


def add_compare(commands: Any) -> None:
    option = add_command(
        commands, "compare", "two to four maps side by side as an offline HTML file", compare
    ).add_argument
    option("keys", metavar="KEY", nargs="+")
    option("--map", choices=KINDS, default="pca")
    option("--seed", type=int, default=0, help="of UMAP and t-SNE: another one shows what is noise")
    option("--together", action="store_true", help="one UMAP for all models")
    option("--prompts", type=names(4), metavar="A,B,C,D", help="prompt axes: from A to B along x, from C to D along y")
    option("--out", required=True, type=page_path, metavar="FILE.html")


def compare(options: Namespace) -> dict[str, Any]:
    """Write the page that the Compare page offers for download."""
    from vlcore.compare import page as compare_page

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
    size = write_page(options.out, compare_page.page(found, images))
    return {"file": str(options.out), "bytes": size, "map": options.map}


def _projection(options: Namespace, images: ImageSet) -> Projection:
    if options.prompts and options.map != "prompts":
        raise CommandError(f"--prompts are the axes of --map prompts, not of {options.map}; give that map too.")
    if options.seed and options.map not in ("umap", "tsne"):
        raise CommandError(f"--seed is of --map umap and tsne; {options.map} is the same with every seed.")
    found = Projection(options.map, seed=options.seed, together=options.together)
    prompts = options.prompts or maps.prompt_axes(images.grouping)
    return replace(found, prompts=prompts) if options.map == "prompts" else found


_OPEN = {
    "parquet": "embedding-atlas {out} --x x --y y --image image --neighbors neighbors",
    "projector": "tensorboard --logdir {out}",
    "hf": "import vlcore.learning.transformers_export, transformers; transformers.AutoModel.from_pretrained({quoted})",
}


def add_export(commands: Any) -> None:
    help_text = "a model for Embedding Atlas, the TensorFlow projector or transformers"
    option = add_command(commands, "export", help_text, export_model).add_argument
    option("key", metavar="KEY")
    option("--format", choices=FORMATS, required=True)
    option("--out", required=True, type=Path, metavar="PATH", help="a .parquet file, or a new folder")


def export_model(options: Namespace) -> dict[str, Any]:
    """Write one model in the format of another tool."""
    out, suffix = options.out, options.out.suffix.lower()
    if options.format == "parquet" and suffix != ".parquet":
        raise CommandError(f"--out is {out}; it becomes one file, so give a name that ends in .parquet.")
    if options.format != "parquet" and suffix in (".parquet", ".zip", ".tsv", ".json", ".safetensors", ".html"):
        raise CommandError(f"--out is {out}; it becomes a folder, so give a name without {out.suffix}.")
    artefact = model_of(options.key)
    images = open_set(artefact.condition.data, artefact.condition.data_version)
    with counted_bar("drawing pictures") as show:
        files = write_model(artefact, images, options.format, out, show)
    return {
        "key": artefact.key,
        "format": options.format,
        "out": str(out),
        "files": files,
        "rows": rows_in_words(artefact, model_map(artefact)),
        "open_with": _OPEN[options.format].format(out=shlex.quote(str(out)), quoted=repr(str(out))),
    }
