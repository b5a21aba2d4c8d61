"""Commands that write models for others to open: a comparison as one offline page, a model for
another tool."""

import shlex
from argparse import Namespace
from pathlib import Path
from typing import Any

from vlcore.api.exports import FORMATS, describe_rows, export
from vlcore.api.maps import KINDS, Projection
from vlcore.cli.common import CommandError, add_command, comma_separated, page_path, write_page
from vlcore.jobs.progress import counted_bar


def add_commands(commands: Any) -> None:
    option = add_command(
        commands, "compare", "one to four maps side by side as an offline HTML file", compare
    )
    option("keys", metavar="KEY", nargs="+")
    option("--map", choices=KINDS, default="pca")
    option("--seed", type=int, default=0, help="of UMAP and t-SNE: another one shows what is noise")
    option("--together", action="store_true", help="one UMAP for all models")
    option(
        "--prompts",
        type=comma_separated(4),
        metavar="A,B,C,D",
        help="prompt axes: from A to B along x, from C to D along y",
    )
    option("--out", required=True, type=page_path, metavar="FILE.html")
    help_text = "a model as one file: its map (parquet) or its weights (safetensors)"
    option = add_command(commands, "export", help_text, export_model)
    option("key", metavar="KEY")
    option("--format", choices=FORMATS, required=True)
    option(
        "--out",
        required=True,
        type=Path,
        metavar="PATH",
        help="a file that ends in the format's name",
    )


def compare(options: Namespace) -> dict[str, Any]:
    from vlcore.api.compared_maps import MOST_MODELS  # altair takes half a second
    from vlcore.api.comparison import Comparison
    from vlcore.api.models import load

    if len(options.keys) > MOST_MODELS:
        raise CommandError(
            f"Give the keys of at most {MOST_MODELS} models, not {len(options.keys)}."
        )
    if options.prompts and options.map != "prompts":
        raise CommandError(
            f"--prompts are the axes of --map prompts, not of {options.map}; give that map too."
        )
    if options.seed and options.map not in ("umap", "tsne"):
        raise CommandError(
            f"--seed is of --map umap and tsne; {options.map} is the same with every seed."
        )
    prompts = options.prompts or Projection().prompts
    projection = Projection(
        options.map, seed=options.seed, together=options.together, prompts=prompts
    )
    page = Comparison([load(key) for key in options.keys], projection).html()
    return {**write_page(options.out, page), "map": options.map}


def export_model(options: Namespace) -> dict[str, Any]:
    out, suffix, form = options.out, options.out.suffix.lower(), FORMATS[options.format]
    if suffix != f".{options.format}":
        raise CommandError(
            f"--out is {out}; it becomes one file, so give a name that ends in .{options.format}."
        )
    from vlcore.api.models import load

    model = load(options.key)
    with counted_bar("drawing pictures") as show:
        files = export(model, options.format, out, show)
    open_with = form.open_with.format(out=shlex.quote(str(out)), text=repr(str(out)))
    said = {"key": model.key, "format": options.format, "out": str(out), "files": files}
    return {**said, "rows": describe_rows(model.map), "open_with": open_with}
