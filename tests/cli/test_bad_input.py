"""Bad input is one sentence that says what to give, exit code 2, and nothing on the disk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Refused, program
from tests.conftest import Cli
from tests.test_architecture import COMMANDS
from vlcore.__main__ import BAD_INPUT

NO_NAME = "There is no usable image set named '{}'; there are: scenes, balanced-cues"
SENTENCES = {
    "": "arguments are required: COMMAND; see `python -m vlcore --help`",
    "nonsense": "invalid choice: 'nonsense'",
    "conditions --grid nowhere": "No grid is named 'nowhere'; choose one of experiments, paper, class, full",
    "conditions --grid nowhere.yaml": r"nowhere\.yaml cannot be read \(No such file or directory\)",
    "conditions --seeds 0": "number of seeds is 0; give a whole number from 1 to 1000",
    "conditions --seeds many": "Argument --seeds: invalid int value: 'many'",
    "study nowhere": "No grid is named 'nowhere'",
    "study nowhere.yml": r"nowhere\.yml cannot be read",
    "study paper --jobs 0": "--jobs: 0 is not a whole number from 1 to 256",
    "study paper --jobs 1000": "--jobs: 1000 is not a whole number from 1 to 256",
    "study paper --jobs two": "--jobs: two is not a whole number",
    "study paper --seeds -1": "number of seeds is -1",
    "study paper --preset eternal": "invalid choice: 'eternal' .*untrained.*live.*standard",
    "study paper --data nowhere": NO_NAME.format("nowhere"),
    "study paper --set n_per_group=481": "has 480 training images of horse_grass; choose at most that many",
    "analyse huge": "No grid is named 'huge'; choose one of experiments",
    "analyse nowhere.yaml": r"nowhere\.yaml cannot be read",
    "analyse class": "No run of the study 'class' is there; run `python -m vlcore study class`",
    "report experiments --out x.pdf": r"--out: x\.pdf becomes a web page, so give a name that ends in \.html",
    "report mitigation --out x.html": "The study 'mitigation' does not compare short and descriptive labels",
    "train --bias 2": "The bias is 2.0; give the removed share as a number from 0 to 1",
    "train --bias nan": "The bias is nan; give the removed share",
    "train --bias much": "Argument --bias: invalid float value: 'much'; see `python -m vlcore train --help`",
    "train --labels flowery": "No label style is named 'flowery'; choose one of undescriptive, descriptive",
    "train --seed -1": "data_seed is -1; give a whole number from 0 to 2147483647",
    "train --preset eternal": "invalid choice: 'eternal'",
    "train --data ../scenes": NO_NAME.format(r"\.\./scenes"),
    "train --data /tmp": NO_NAME.format("/tmp"),
    "train --set steps": "'steps' is not of the form KEY=VALUE",
    "train --set =5": "No setting is named ''; settings are architecture, batch_size",
    "train --set colour=red": "No setting is named 'colour'; settings are architecture, batch_size",
    "train --set steps=some": "steps='some' is not a whole number",
    "train --set bias=7": "The bias is 7.0",
    "train --set objective=magic": "No objective is named 'magic'; choose one of pairwise_bce",
    "train --set architecture=large": "No architecture is named 'large'; choose one of conv_stem, seed_faithful",
    "train --set data=Ä": "The image set name 'Ä' is not usable; use lower-case letters",
    "train --set data_version=0": "is version '.*' now, not '0'; train on it again",
    "status ../x": r"'\.\./x' is not a model key; `python -m vlcore status` lists the keys there are",
    "cancel A": "'A' is not a model key",
    "cancel nowhere": "nowhere is not running; `python -m vlcore status` shows what is",
    "embed x.png": "arguments are required: --model",
    "embed x.png --model nowhere": "No model 'nowhere' is on disk; train it first",
    "embed x.png --model ../nowhere": r"'\.\./nowhere' is not a model key",
    "embed x.png --model a-key.umap": "a-key.umap is a map, not a model; `python -m vlcore status`",
    "embed x.png --model zoo-1a2b.import": "zoo-1a2b.import is the report of an import, not a model",
    "compare nowhere other --out x.html": "No model 'nowhere' is on disk; train it first",
    "compare a.umap-n15-d10-s0.map b --out x.html": "is a map, not a model; `python -m vlcore status`",
    "compare a.checks b --out x.html": "a.checks is the check of an image set, not a model; `python -m vlcore",
    "compare ../a b --out x.html": r"'\.\./a' is not a model key",
    "compare nowhere other": "arguments are required: --out",
    "compare --out x.html": "arguments are required: KEY",
    "compare a b --out maps.png": r"--out: maps\.png becomes a web page, so give a name that ends in \.html",
    "compare a b --out html": "--out: html becomes a web page",
    "compare a b --map globe --out x.html": "invalid choice: 'globe' .*pca.*umap.*tsne.*prompts",
    "compare a b --map prompts --prompts a,b,c --out x.html": "--prompts: give 4 names with commas between them",
    "compare a b --map prompts --prompts a,,b,c --out x.html": "--prompts: give 4 names with commas between them",
    "compare a --out x.html": "Give the keys of 2 to 4 models, not 1",
    "compare a b c d e --out x.html": "Give the keys of 2 to 4 models, not 5",
    "compare a b --seed one --out x.html": "Argument --seed: invalid int value: 'one'",
    "export": "arguments are required: KEY, --format, --out",
    "export a-key --format csv --out x": "invalid choice: 'csv' .*parquet.*projector.*hf",
    "export a-key --format parquet --out x": r"give a name that ends in \.parquet",
    "export a-key --format hf --out x.zip": r"it becomes a folder, so give a name without \.zip",
    "export a-key --format hf --out x": "No model 'a-key' is on disk; train it first",
    "export ../etc --format hf --out x": "is not a model key",
    "export a-key.umap --format hf --out x": "is a map, not a model",
    "pretrained nowhere": "There is no folder 'nowhere'",
    "pretrained .": "is no checkpoint: it has no config.json",
    "pretrained a/b --readout guess": "invalid choice: 'guess' .*zero-shot.*probe.*dfr",
    "pretrained a/b --bias 2": "The bias is 2.0",
    "pretrained a/b --labels loud": "No label style is named 'loud'",
    "pretrained a/b --labels descriptive --template {object}": "set labels=own too",
    "pretrained a/b --template {import}": "cannot be used",
    "pretrained a/b --data none-such": NO_NAME.format("none-such"),
    "data": "arguments are required: COMMAND; see `python -m vlcore data --help`",
    "data list extra": "Unrecognized arguments: extra",
    "data show": "arguments are required: name",
    "data show ../data/scenes": NO_NAME.format(r"\.\./data/scenes"),
    "data show **": NO_NAME.format(r"\*\*"),
    "data check nowhere": NO_NAME.format("nowhere"),
    "data render --name /tmp/x": "An image set cannot be named '/tmp/x'; use lower-case letters",
    "data render --name ../snowy --out new": r"cannot be named '\.\./snowy'; use lower-case letters",
    "data render --out new --n-per-group 0": "--n-per-group: 0 is not a whole number from 1 to 10000",
    "data render --out new --size 31": "--size: 31 is not a whole number from 32 to 512",
    "data render --out new --seed -1": "--seed: -1 is not a whole number from 0 to 2147483647",
    "data render --size big": "--size: big is not a whole number",
    "data render --name x --n-per-group 12": "--size and --seed are for the folder that --out writes",
    "data render --seed 0": "give --out DIR, or leave them out",
    "data render --name x --contexts snow": "--contexts: give 2 names with commas between them, not 'snow'",
    "data render --name x --contexts snow,mars": "snow and mars; choose two different ones of grass, desert",
    "data render --name x --style oil": "invalid choice: 'oil'",
    "data render --name x --object-size 9": "object_size is 9; give a number from 0.3 to 1.1",
    "data render --style pencil": "There is an image set named 'scenes' already and its settings are others",
    "data import": "arguments are required: source, --name",
    "data import nowhere --name x": "nowhere does not exist; give the path of a folder or a zip",
    "data import nowhere --name scenes": "There is an image set named 'scenes' already; choose another name",
    "data import . --name x --format pickle": "invalid choice: 'pickle' .*auto.*imagefolder",
    "data remove": "arguments are required: name",
    "data remove scenes --yes": "scenes is built in and is drawn again when it is needed; it cannot be removed",
    "data remove nowhere --yes": "There is no image set named 'nowhere'; there are: scenes, balanced-cues",
    "data generate --name x": "arguments are required: --objects, --contexts, --model",
}


@pytest.mark.parametrize(("arguments", "sentence"), SENTENCES.items(), ids=SENTENCES)
def test_bad_input_is_one_sentence(
    refused: Refused, empty_home: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, sentence: str
) -> None:
    monkeypatch.chdir(empty_home)
    said = refused(*arguments.split())
    assert re.search(sentence, said), said
    assert list(empty_home.iterdir()) == [], "nothing is half-written"


@pytest.mark.parametrize("command", ["", "data", *sorted(COMMANDS)])
def test_every_command_has_help_and_refuses_what_it_does_not_know(cli: Cli, refused: Refused, command: str) -> None:
    code, out, err = cli(*command.split(), "--help")
    assert (code, err) == (0, "")
    assert f"usage: python -m vlcore {command}".strip() in out
    assert command not in COMMANDS or "--json" in out
    assert "--help`." in refused(*command.split(), "--nonsense")


def test_the_program_ends_with_a_sentence_and_its_exit_code(empty_home: Path) -> None:
    done = program(empty_home, "train", "--bias", "2", "--json")
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    assert done.stderr == "The bias is 2.0; give the removed share as a number from 0 to 1.\n"
