"""Bad input is one sentence that says what to give, exit code 2, and nothing on the disk."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Patch, Refused, program
from tests.conftest import Cli
from tests.test_architecture import COMMANDS
from vlcore.__main__ import BAD_INPUT

NO_NAME = "There is no usable image set named '{}'; there are: scenes, balanced-cues"
SENTENCES = {
    "": "arguments are required: COMMAND; see `python -m vlcore --help`",
    "nonsense": "invalid choice: 'nonsense'",
    "conditions --grid nowhere": (
        "No grid is named 'nowhere'; choose one of experiments, paper, class, full"
    ),
    "conditions --seeds 0": "number of seeds is 0; give a whole number from 1 to 1000",
    "study paper --jobs 0": "--jobs: 0 is not a whole number from 1 to 256",
    "study paper --set n_per_group=481": (
        "has 480 training images of horse_grass; choose at most that many"
    ),
    "analyse class": "No run of the study 'class' is there; run `python -m vlcore study class`",
    "report mitigation --out x.html": (
        "The study 'mitigation' does not compare short and descriptive labels"
    ),
    "train --bias 2": "The bias is 2.0; give the removed share as a number from 0 to 1",
    "train --labels flowery": (
        "No label style is named 'flowery'; choose one of undescriptive, descriptive"
    ),
    "train --seed -1": "data_seed is -1; give a whole number from 0 to 2147483647",
    "train --set steps": "'steps' is not of the form KEY=VALUE",
    "train --set colour=red": "No setting is named 'colour'; settings are architecture, batch_size",
    "train --set data=Ä": "The image set name 'Ä' is not usable; use lower-case letters",
    "train --set data_version=0": "is version '.*' now, not '0'; train on it again",
    "train --edits nowhere.json": r"nowhere\.json cannot be read; give --edits a JSON file",
    "train --set edits=[3]": (
        "No kind of edit is 3; choose one of add, draw, remove, caption, weight, fade"
    ),
    "train --edits-by-chance -1": "--edits-by-chance: -1 is not a whole number from 0",
    'train --edits-by-chance 1 --set edits=[{"kind":"add","picture":1}]': (
        "the budget is spent once"
    ),
    "cancel A": "'A' is not a model key",
    "cancel nowhere": "nowhere is not running; `python -m vlcore status` shows what is",
    "embed x.png": "arguments are required: --model",
    "embed x.png --model nowhere": "No model 'nowhere' is on disk; train it first",
    "embed x.png --model zoo-1a2b.import": (
        "zoo-1a2b.import is the report of an import, not a model"
    ),
    "compare a.umap-n15-d10-s0.map b --out x.html": (
        "is a map, not a model; `python -m vlcore status`"
    ),
    "compare a b --out maps.png": (
        r"--out: maps\.png becomes a web page, so give a name that ends in \.html"
    ),
    "compare a b --map prompts --prompts a,b,c --out x.html": (
        "--prompts: give 4 names with commas between them"
    ),
    "compare a b c d e --out x.html": "Give the keys of at most 4 models, not 5",
    "export": "arguments are required: KEY, --format, --out",
    "export a-key --format parquet --out x": r"give a name that ends in \.parquet",
    "export a-key --format safetensors --out x.zip": r"give a name that ends in \.safetensors",
    "pretrained nowhere": "There is no folder 'nowhere'",
    "pretrained .": "is no checkpoint: it has no config.json",
    "pretrained a/b --labels descriptive --template {object}": "set labels=own too",
    "pretrained a/b --template {import}": "cannot be used",
    "data": "arguments are required: COMMAND; see `python -m vlcore data --help`",
    "data show ../data/scenes": NO_NAME.format(r"\.\./data/scenes"),
    "data render --name /tmp/x": "An image set cannot be named '/tmp/x'; use lower-case letters",
    "data render --name x --n-per-group 12": (
        "--size and --seed are for the folder that --out writes"
    ),
    "data render --name x --contexts snow,mars": (
        "snow and mars; choose two different ones of grass, desert"
    ),
    "data render --name x --style oil": "invalid choice: 'oil'",
    "data render --style pencil": (
        "There is an image set named 'scenes' already and its settings are others"
    ),
    "data import nowhere --name x": "nowhere does not exist; give the path of a folder or a zip",
    "data remove scenes --yes": (
        "scenes is built in and is drawn again when it is needed; it cannot be removed"
    ),
    "data remove nowhere --yes": (
        "There is no image set named 'nowhere'; there are: scenes, balanced-cues"
    ),
    "data generate --name x": "arguments are required: --objects, --contexts, --model",
}


@pytest.mark.parametrize(("arguments", "sentence"), SENTENCES.items(), ids=SENTENCES)
def test_bad_input(
    refused: Refused, empty_home: Path, monkeypatch: Patch, arguments: str, sentence: str
) -> None:
    monkeypatch.chdir(empty_home)
    said = refused(*arguments.split())
    assert re.search(sentence, said), said
    assert list(empty_home.iterdir()) == [], "nothing is half-written"


@pytest.mark.parametrize("command", ["", "data", *sorted(COMMANDS)])
def test_every_command_has_help_and_refuses_what_it_does_not_know(
    cli: Cli, refused: Refused, command: str
) -> None:
    code, out, err = cli(*command.split(), "--help")
    assert (code, err) == (0, "")
    assert f"usage: python -m vlcore {command}".strip() in out
    assert command not in COMMANDS or "--json" in out
    assert "--help`." in refused(*command.split(), "--nonsense")


def test_the_program_ends_with_a_sentence_and_its_exit_code(empty_home: Path) -> None:
    done = program(empty_home, "train", "--bias", "2", "--json")
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    assert done.stderr == "The bias is 2.0; give the removed share as a number from 0 to 1.\n"
