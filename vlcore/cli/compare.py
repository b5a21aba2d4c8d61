"""Commands that write models for others to open: a comparison as one offline page, a model for
another tool."""

from __future__ import annotations

import shlex
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlcore.api.exports import describe_rows, export
from vlcore.cli.common import (
    CommandError,
    Document,
    add_command,
    base_condition,
    comma_separated,
    figure_path,
    setting,
    training_options,
    write_out,
)
from vlcore.experiment.files import write_errors, write_file
from vlcore.experiment.plain_text import safe_csv
from vlcore.jobs.progress import counted_bar
from vlcore.plots.options import (
    KINDS,
    OVERLAYS,
    PCA,
    PLAIN,
    SPLITS,
    MapOptions,
    Projection,
    option_infos,
)

if TYPE_CHECKING:
    from vlcore.api.comparison import Comparison
    from vlcore.api.grid import Grid


def add_commands(commands: Any) -> None:
    option = add_command(commands, compare)
    option("keys", metavar="KEY", nargs="*", help="one or two models; none with --grid")
    about = "one row per caption style, one column per bias level; an untrained model is empty"
    option("--grid", action="store_true", help=about)
    about = "with --grid: two or more caption styles"
    option("--labels", type=comma_separated(), metavar="A,B", help=about)
    about = "with --grid: shares of the rare images removed, 0 to 1"
    option("--bias", type=_levels, metavar="X,Y", help=about)
    training_options(option)
    _add_map_options(option)
    about = (
        "a panel in the page, or printed without --out, such as shared-neighbours or"
        " shared-neighbours,neighbours=5; may be repeated"
    )
    metavar = "NAME[,INPUT=VALUE]"
    option("--panel", action="append", default=[], type=_panel, metavar=metavar, help=about)
    about = "a page, or a still figure that ends in .svg or .png"
    option("--out", type=figure_path, metavar="FILE", help=about)
    option("--csv", type=Path, metavar="FILE", help="a table of images, as the filters let through")
    option = add_command(commands, export_model, "export")
    option("key", metavar="KEY")
    option("--out", required=True, type=Path, metavar="PATH", help="a file that ends in .parquet")


def _add_map_options(option: Callable[..., Any]) -> None:
    """Add the options that `_map_options` reads, one for each field of `MapOptions`."""

    def add(flag: str, about: str, **more: Any) -> None:
        option(flag, help=about.replace("%", "%%"), **more)  # which argparse would fill in

    infos = option_infos(Projection)
    add("--map", infos["kind"].help, choices=KINDS, default=PCA.kind)
    for axis in ("x", "y"):
        add(f"--{axis}", f"{axis} axis of PCA: {infos['components'].help}", type=int, metavar="N")
    for name in ("seed", "neighbours", "min_dist", "perplexity"):
        kinds = " and ".join(KINDS[kind] for kind in infos[name].kinds)
        read = type(getattr(PCA, name))
        flag = f"--{name.replace('_', '-')}"
        add(flag, f"of {kinds}: {infos[name].help}", type=read, metavar="N")
    infos = option_infos(MapOptions)
    add("--colour-by", infos["colour_by"].help, default=PLAIN.colour_by, metavar="NAME")
    overlays = "; ".join(f"{name}: {infos[name].help.rstrip('.')}" for name in OVERLAYS)
    about = f"one or several with commas between them, may be repeated. {overlays}."
    add("--show", about, type=_overlays, action="extend", default=[], metavar="NAME")
    add("--groups", infos["groups"].help, type=comma_separated(), default=(), metavar="A,B")
    add("--split", infos["split"].help, type=_spaced, choices=SPLITS, default="all")


def _spaced(text: str) -> str:
    """The type of a value whose words may have hyphens between them, as ``held-out``."""
    return text.replace("-", " ")


def _levels(text: str) -> tuple[float, ...]:
    """The type of bias levels with commas between them."""
    try:
        return tuple(float(level) for level in comma_separated()(text))
    except ValueError:
        raise ArgumentTypeError(f"give numbers with commas between them, not {text!r}") from None


def _panel(text: str) -> tuple[str, dict[str, str]]:
    """The type of a panel with its inputs: its name, and each input by name."""
    name, *inputs = comma_separated()(text)
    return name, dict(setting(each) for each in inputs)


def _overlays(text: str) -> tuple[str, ...]:
    """The type of names of overlays with commas between them."""
    overlays = comma_separated()(text)
    for name in overlays:
        if name not in OVERLAYS:
            raise ArgumentTypeError(
                f"nothing is named {name!r}; choose among {', '.join(OVERLAYS)}"
            )
    return overlays


def _map_options(options: Namespace) -> MapOptions:
    """The map options of a command."""
    x = PCA.components[0] if options.x is None else options.x
    y = PCA.components[1] if options.y is None else options.y
    settings = {
        name: getattr(options, name)
        for name in ("seed", "neighbours", "min_dist", "perplexity")
        if getattr(options, name) is not None
    }
    return MapOptions(
        Projection(options.map, components=(x, y), **settings),
        colour_by=options.colour_by,
        groups=options.groups,
        split=options.split,
        **dict.fromkeys(options.show, True),
    )


def compare(options: Namespace) -> Document:
    """One or two maps side by side, or a grid of small ones, as an offline HTML file."""
    if not (options.out or options.csv or options.panel):
        raise CommandError(
            "Give --out for a page, --csv for a table of images, or --panel to print a panel."
        )
    if options.grid:
        return _grid(options)
    from vlcore.api.compared_maps import MOST_MODELS  # altair takes half a second
    from vlcore.api.comparison import Comparison
    from vlcore.api.panel_views import as_document

    if not 1 <= len(options.keys) <= MOST_MODELS:
        raise CommandError(
            f"Give the keys of one or two models, not {len(options.keys)}, or --grid."
        )
    for name in ("labels", "bias", "data", "preset", "settings"):
        if getattr(options, name) not in (None, []):
            option = "--set" if name == "settings" else f"--{name}"
            raise CommandError(f"{option} says which models a --grid shows; give --grid too.")
    comparison = Comparison(options.keys, _map_options(options))
    document: Document = {}
    if options.csv:
        table = comparison.image_table()
        with write_errors(options.csv, "give --csv another place"):
            write_file(options.csv, safe_csv(table))
        document = {"csv": str(options.csv), "images": len(table)}
    panels = dict(options.panel)
    if options.out:
        page = partial(comparison.html, panels=panels or None)
        document |= {**_write(comparison, options.out, page), "map": options.map}
    else:
        for name, inputs in panels.items():
            document[name] = as_document(comparison.panel(name, **inputs), comparison.images)
    return document


def _grid(options: Namespace) -> Document:
    """Write the grid of ``compare --grid``."""
    from vlcore.api import grid as grids  # altair takes half a second

    if options.panel:
        raise CommandError("A grid has no panels; give the keys of models to --panel.")
    if options.keys:
        raise CommandError("A grid names its models by --labels and --bias; leave the keys out.")
    if options.csv:
        raise CommandError("A grid has no table of images; give the keys of models to --csv.")
    axes = {name: getattr(options, name) for name in ("labels", "bias")}
    for name in axes.keys() & dict(options.settings):
        raise CommandError(f"A grid has several values of {name}; give --{name} and not --set.")
    chosen = {name: values for name, values in axes.items() if values is not None}
    grid = grids.grid(base_condition(options), options=_map_options(options), **chosen)
    table = grid.table()
    return {
        **_write(grid, options.out, grid.html),
        "models": table.astype(object).where(table.notna(), None).to_dict("records"),
        "missing": [grids.missing_sentence(condition) for condition in grid.missing],
    }


def _write(figure: Comparison | Grid, out: Path, page: Callable[[], str]) -> Document:
    """Write a comparison or a grid as the kind of file that the name says: a page, or a figure."""
    kinds: dict[str, Callable[[], str | bytes]] = {".svg": figure.svg, ".png": figure.png}
    return write_out(out, kinds.get(out.suffix.lower(), page)())


def export_model(options: Namespace) -> Document:
    """A model as one parquet file: its map, embeddings and images."""
    out: Path = options.out
    if out.suffix.lower() != ".parquet":
        raise CommandError(f"--out is {out}; give a name that ends in .parquet.")
    from vlcore.api.models import load

    model = load(options.key)
    with counted_bar("drawing images") as show:
        size = export(model, out, show)
    columns = "--x x --y y --image image --neighbors neighbors"
    return {
        "key": model.key,
        "file": str(out),
        "bytes": size,
        "rows": describe_rows(model.map),
        "open_with": f"embedding-atlas {shlex.quote(str(out))} {columns}",
    }
