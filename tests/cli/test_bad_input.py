"""Bad input is one sentence that tells what to give, exit code 2, and nothing on the disk."""

import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Patch, Refused, program
from tests.conftest import Cli
from tests.test_architecture import COMMANDS
from vlcore.__main__ import BAD_INPUT

BAD_INPUTS = {  # with a word of the sentence
    "": "COMMAND",
    "nonsense": "'nonsense'",
    "conditions nowhere": "No study is named 'nowhere'",
    "conditions paper --seeds 0": "from 1 to 1000",
    "study paper --jobs 0": "from 1 to 256",
    "study paper --set n_per_group=481": "480",
    "analyse class": "study class",
    "report mitigation --out x.html": "'mitigation'",
    "train --data ''": "named ''",
    "train --bias 2": "from 0 to 1",
    "train --labels flowery": "'flowery'",
    "train --seed -1": "from 0 to 2147483647",
    "train --set steps": "KEY=VALUE",
    "train --set colour=red": "'colour'",
    "train --set data=Ä": "'Ä'",
    "train --set data_version=0": "train on it again",
    "train --edits nowhere.json": "nowhere.json",
    "train --set edits=[3]": "kind of edit",
    "train --edits-by-chance -1": "--edits-by-chance",
    """train --edits-by-chance 1 --set 'edits=[{"kind":"add","picture":1}]'""": "budget",
    "cancel A": "model key",
    "cancel nowhere": "not running",
    "embed x.png": "--model",
    "embed x.png --model nowhere": "'nowhere'",
    "embed x.png --model zoo-1a2b.import": "report of an import",
    "compare a.umap-n15-d10-s0.map b --out x.html": "a map",
    "compare a b --out maps.pdf": ".html",
    "compare a b c --out x.html": "one or two models",
    "compare a --data '' --out x.html": "--grid",
    "compare --grid --set labels=sky --out x.html": "--labels",
    "compare --grid --set bias=0.5 --out x.html": "--bias",
    "compare --grid --labels '' --out x.html": "caption styles, not 0",
    "compare --grid --bias '' --out x.html": "bias levels, not 0",
    "export": "KEY, --out",
    "export a-key --out x": ".parquet",
    "pretrained nowhere": "'nowhere'",
    "pretrained .": "config.json",
    "pretrained a/b --labels descriptive --template {object}": "labels=own",
    "pretrained a/b --template {import}": "cannot be used",
    "data": "COMMAND",
    "data import x --name y --objets a,b": "did you mean --objects; see `python -m vlcore data",
    "data show ../data/scenes": "'../data/scenes'",
    "data render --name /tmp/x": "'/tmp/x'",
    "data render --name x --n-per-group 12": "--out",
    "data render --name x --contexts snow,mars": "mars",
    "data render --object-size 0.5": "'scenes'",
    "data import nowhere --name x": "nowhere",
    "data remove scenes --yes": "built in",
    "data remove nowhere --yes": "'nowhere'",
    "data generate x": "--objects, --contexts, --model",
}


@pytest.mark.parametrize(("arguments", "words"), BAD_INPUTS.items(), ids=BAD_INPUTS)
def test_bad_input(
    refused: Refused, empty_home: Path, monkeypatch: Patch, arguments: str, words: str
) -> None:
    monkeypatch.chdir(empty_home)
    assert words in refused(*shlex.split(arguments))
    assert list(empty_home.iterdir()) == [], "nothing is half-written"


@pytest.mark.parametrize("command", ["", "data", *sorted(COMMANDS)])
def test_every_command_has_help_and_refuses_unknown_options(
    cli: Cli, refused: Refused, command: str
) -> None:
    code, out, err = cli(*command.split(), "--help")
    assert (code, err) == (0, "")
    assert f"usage: python -m vlcore {command}".strip() in out
    assert command not in COMMANDS or "--json" in out
    assert "--help`." in refused(*command.split(), "--nonsense")


def test_the_program_ends_with_a_sentence_and_its_exit_code(empty_home: Path) -> None:
    ended = program(empty_home, "train", "--bias", "2", "--json")
    assert (ended.returncode, ended.stdout) == (BAD_INPUT, "")
    assert ended.stderr.count("\n") == 1
