"""The command that gives a model away: into Embedding Atlas, the TensorFlow projector, or the layout of transformers.

The one idea: it checks where to, calls `vlcore.runs.exporting`, and says how to open what came out.
"""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from vlcore.commands import CommandError, model_of, progress_bar
from vlcore.images.catalogue import open_set
from vlcore.runs.exporting import FORMATS, export
from vlcore.runs.model_maps import model_map
from vlcore.runs.shown import rows_in_words

_OPEN = {
    "parquet": "embedding-atlas {out} --x x --y y --image image --neighbors neighbors",
    "projector": "tensorboard --logdir {out}",
    "hf": "import vlcore.learning.hub_layout, transformers; transformers.AutoModel.from_pretrained({quoted})",
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
    with progress_bar(0, "drawing pictures") as bar:

        def progress(done: int, of: int) -> None:
            bar.total = of
            bar.update(done - bar.n)

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
