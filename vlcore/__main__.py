"""The command line: parse, call, print.

The one idea: with ``--json`` one document goes to standard output and nothing else does; everything for people goes to
standard error. Exit codes: 0 done, 2 bad input (one sentence), 3 busy, 130 cancelled, 141 (as for any program that
dies of a closed pipe) when nobody reads what is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Any

from vlcore.cli import compare as cli_compare
from vlcore.cli import data as cli_data
from vlcore.cli import printing, runs, studies
from vlcore.cli.compare import add_options
from vlcore.cli.data import generate, import_pictures, list_sets
from vlcore.core.errors import BusyError, LabError
from vlcore.core.options import PRESETS, style_names
from vlcore.datasets.importers import format_names
from vlcore.generation import PROMPT
from vlcore.runs.maps import KINDS
from vlcore.scenes import CONTEXTS, STYLES
from vlcore.store.jobs import JobCancelledError
from vlcore.studies.plans import STUDIES

BAD_INPUT, BUSY, CANCELLED, UNREAD = 2, 3, 130, 141
STUDY_HELP = f"one of {', '.join(STUDIES)}, or a .yaml file"


class _Parser(argparse.ArgumentParser):
    """Says in one sentence what was wrong, instead of printing the usage first."""

    def error(self, message: str) -> Any:
        self.exit(BAD_INPUT, f"{message[0].upper()}{message[1:]}; see `{self.prog} --help`.\n")


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    top = _Parser(prog="python -m vlcore", description="Train and look at small vision-language models on biased data.")
    commands_of = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    def add(name: str, help_text: str, run: Callable[[argparse.Namespace], Any], to: Any = None) -> Any:
        command = (to or commands_of).add_parser(name, help=help_text, description=help_text)
        command.add_argument("--json", action="store_true", help="print one JSON document to standard output")
        command.set_defaults(run=run)
        return command

    _data_commands(commands_of, add)

    conditions = add("conditions", "a grid, with the state of each condition", studies.conditions)
    conditions.add_argument("--grid", default="paper", help=STUDY_HELP)
    _training_options(conditions, seeds=True)

    train = add("train", "train or load one condition", runs.train)
    train.add_argument("--bias", type=float, default=0.0, help="share of each minority group removed, 0 to 1")
    train.add_argument("--labels", default="undescriptive", help=f"one of {', '.join(style_names())}")
    train.add_argument("--seed", type=int, default=0, help="of data and initialisation")
    _training_options(train)

    pretrained = add("pretrained", "measure a pretrained CLIP or SigLIP as one more model", runs.run)
    runs.add_options(pretrained)

    study = add("study", "run all conditions of a grid that are missing", studies.study)
    study.add_argument("grid", help=STUDY_HELP)
    study.add_argument("--controls", action="store_true", help="also what the claims must beat: placebo, removal")
    study.add_argument("--jobs", type=int, help="worker processes; default: one a core, four at most")
    _training_options(study, seeds=True)

    analyse = add("analyse", "compare the arms of a study, with tests and intervals", studies.analyse)
    analyse.add_argument("grid", help=STUDY_HELP)
    analyse.add_argument("--measure", default="minority_accuracy", help="the one that the study is about")
    analyse.add_argument("--moment", default="end", help="end, first_fit or untrained")
    analyse.add_argument("--out", metavar="DIR", help="write tables here, as CSV and parquet")
    _training_options(analyse, seeds=True)

    report = add("report", "a study of label styles as one offline HTML file", studies.report)
    report.add_argument("grid", help=STUDY_HELP)
    report.add_argument("--out", required=True, metavar="FILE.html")
    _training_options(report, seeds=True)

    embed = add("embed", "where pictures land in a model; exit code 2 only where none can be read", runs.embed)
    embed.add_argument("image", nargs="+", help="PNG, JPEG or WebP files; others are listed")
    embed.add_argument("--model", required=True, metavar="KEY")

    compare = add("compare", "two to four maps side by side as one offline HTML file", cli_compare.compare)
    compare.add_argument("keys", metavar="KEY", nargs="+")
    compare.add_argument("--map", default="pca", help=f"one of {', '.join(KINDS)}")
    compare.add_argument("--seed", type=int, default=0, help="of UMAP and t-SNE: another one shows what is noise")
    compare.add_argument("--together", action="store_true", help="one UMAP for all models")
    compare.add_argument("--prompts", metavar="A,B,C,D", help="prompt axes: from A to B along x, from C to D along y")
    compare.add_argument("--out", required=True, metavar="FILE.html")

    export = add("export", "a model for Embedding Atlas, the TensorFlow projector or transformers", cli_compare.run)
    add_options(export)

    status = add("status", "jobs and models", runs.status)
    status.add_argument("key", nargs="?")
    cancel = add("cancel", "stop a running training", runs.cancel)
    cancel.add_argument("key")
    add("clean", "remove what interrupted and failed jobs left, and what was set aside", runs.clean)
    add("verify", "check every published artefact against its checksums", runs.verify)
    return top


def _data_commands(commands_of: Any, add: Callable[..., Any]) -> None:
    about = "image sets: render, import, generate, list, show, check, remove"
    data = commands_of.add_parser("data", help=about, description=about).add_subparsers(
        dest="data_command", required=True, metavar="COMMAND", parser_class=_Parser
    )
    render = add("render", "draw an image set, or a browsable folder of its scenes", cli_data.render, data)
    render.add_argument("--name", default="scenes", help="of the set; a new name makes a set with the settings below")
    render.add_argument("--contexts", metavar="A,B", help=f"two of {', '.join(CONTEXTS)}; horses belong in the first")
    render.add_argument("--style", help=f"one of {', '.join(STYLES)}")
    render.add_argument("--context-contrast", type=float, help="how well the place can be seen, 0 to 1")
    render.add_argument("--object-contrast", type=float, help="how well the animal can be seen, 0 to 1")
    render.add_argument("--object-size", type=float, help="length of the animals, as a multiple of the usual one")
    render.add_argument("--n-per-group", type=int, help="training scenes of each group, with --out: 48 unless given")
    render.add_argument("--size", type=int, help="side in pixels, with --out: 128 unless given")
    render.add_argument("--seed", type=int, help="of the scenes, with --out: 0 unless given")
    render.add_argument("--out", metavar="DIR", help="write a browsable set here instead of filling data/")
    bring = add("import", "a folder, a zip or a benchmark becomes an image set", import_pictures, data)
    bring.add_argument("source", help="folder or zip, or an .npz of embeddings (README, Image sets)")
    bring.add_argument("--name", required=True, help="of the set")
    bring.add_argument("--format", default="auto", help=f"one of {', '.join(format_names())}")
    bring.add_argument("--objects", metavar="A,B", help="two objects, where the source has more")
    bring.add_argument("--contexts", metavar="C,D", help="two contexts; A belongs in C and B in D")
    bring.add_argument("--short", default="{object}", help="template of the undescriptive label")
    bring.add_argument("--descriptive", default="{object} {place}", help="template of the descriptive label")
    bring.add_argument("--licence", default="not stated", help="of the pictures")
    most = "how many are used at most, chosen by chance (%(default)s)"
    bring.add_argument("--max-per-group", type=int, default=2000, help=most)
    bring.add_argument("--seed", type=int, default=0, help="of the splits")
    draw = add("generate", "a text-to-image model draws an image set", generate, data)
    draw.add_argument("--name", required=True, help="of the set")
    draw.add_argument("--objects", required=True, metavar="A,B", help="such as horse,camel")
    draw.add_argument("--contexts", required=True, metavar="C,D", help='such as "on the grass,in the desert"')
    draw.add_argument("--per-group", type=int, default=48, help="pictures of each object in each context")
    draw.add_argument("--prompt", default=PROMPT, help="words with {object} and {context}")
    draw.add_argument("--backend", default="service", help="service (an OpenAI-compatible one) or local (diffusers)")
    draw.add_argument("--model", required=True, help="its name at the service or the hub, or a local folder")
    draw.add_argument("--base-url", help="of the service; its key is read from OPENAI_API_KEY")
    draw.add_argument("--size", type=int, default=512, help="side in pixels")
    draw.add_argument("--steps", type=int, help="denoising steps of a local model")
    draw.add_argument("--guidance", type=float, help="guidance scale of a local model")
    draw.add_argument("--batch", type=int, default=1, help="pictures that a local model draws together")
    draw.add_argument("--price", type=float, help="of one picture, to show the cost before it starts")
    draw.add_argument("--retry-refused", action="store_true", help="ask once more for what was refused")
    draw.add_argument("--licence", default="not stated", help="of the pictures")
    draw.add_argument("--seed", type=int, default=0, help="of local pictures and of the splits")
    draw.add_argument("--yes", action="store_true", help="do not ask before drawing")
    add("list", "image sets", list_sets, data)
    show = add("show", "counts of an image set", cli_data.show, data)
    show.add_argument("name")
    check = add("check", "is a set fit to study bias with; what could a model cheat with", cli_data.check, data)
    check.add_argument("name")
    remove = add("remove", "take an image set away; models that were trained on it stay", cli_data.remove, data)
    remove.add_argument("name")
    remove.add_argument("--yes", action="store_true", help="do not ask")


def _training_options(command: argparse.ArgumentParser, seeds: bool = False) -> None:
    command.add_argument("--data", default="scenes", help="image set")
    command.add_argument("--preset", choices=PRESETS, default="standard", help="training length")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="settings",
        help="any other field of a condition, such as negatives=none or steps=1000; may be repeated",
    )
    if seeds:
        command.add_argument("--seeds", type=int, default=1, help="number of paired seeds")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names in any script, on a terminal that lacks it
    try:
        document = options.run(options)
    except BusyError as error:
        print(error, file=sys.stderr)
        return BUSY
    except LabError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except (JobCancelledError, KeyboardInterrupt):
        print("Cancelled; nothing was published.", file=sys.stderr)
        return CANCELLED
    if options.json:
        print(json.dumps(document, indent=1))
    elif text := printing.for_people(document):
        print(text)
    return 1 if options.command == "verify" and any(not entry["ok"] for entry in document) else 0


def program() -> int:
    """`main` for a shell: ends quietly where nobody reads on, as in ``... | head``."""
    try:
        try:
            return main()
        finally:
            if sys.stdout is not None:  # a shell can close it before we start
                sys.stdout.flush()  # here rather than when the interpreter ends, where nothing can be caught
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):  # what is left in them is written out at the end
            os.dup2(nowhere, stream.fileno())
        return UNREAD


if __name__ == "__main__":
    sys.exit(program())
