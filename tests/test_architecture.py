"""Rules for the code as a whole: directions of imports, dangerous calls, names, and what documents
list."""

from __future__ import annotations

import argparse
import ast
import graphlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from vlcore.__main__ import parser
from vlcore.experiment.version import __version__

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "vlcore").rglob("*.py"))
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]
BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))
HEAVY = {"torch", "torchvision", "timm", "transformers", "tokenizers", "wordllama", "umap", "numba"}
HEAVY |= {"vl_convert", "diffusers", "imagehash"}
TORCH = ("vlcore.model.", "vlcore.data.generate")  # where torch may be imported
SWITCHES = {"unsafe_allow_html", "unsafe_allow_javascript", "trust_remote_code", "allow_pickle"}
SWITCHES |= {"shell"}
CALLS = {"torch.load", "torch.save", "joblib.load", "joblib.dump", "os.system", "os.popen"}
CALLS |= {"subprocess.getoutput"}
# Each folder of vlcore may import those of the texts before its own, and none beside it
# (docs/architecture.md).
ORDER = (
    "scenes",
    "experiment",
    "data metrics plots",
    "artifacts",
    "model",
    "jobs",
    "api",
    "study",
    "panels",
    "classroom",
    "cli web",
)
RANK = {folder: rank for rank, folders in enumerate(ORDER) for folder in folders.split()}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name_of(path: Path) -> str:
    """``vlcore/jobs/jobs.py`` as ``vlcore.jobs.jobs``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(tree: ast.AST) -> set[str]:
    """Full names of what a module imports, at start or later."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def importers(package: str, paths: list[Path]) -> set[str]:
    return {
        name_of(path)
        for path in paths
        if any(f"{name}.".startswith(f"{package}.") for name in imports(parsed(path)))
    }


def module_graph() -> dict[str, set[str]]:
    """Every module of the product with those that it imports, at start or later."""
    paths = {name_of(path): path for path in LIBRARY + PAGES}
    graph = {}
    for name, path in paths.items():
        imported = imports(parsed(path))
        targets = {target if target in paths else target.rpartition(".")[0] for target in imported}
        graph[name] = targets & set(paths) - {name, "vlcore"}
    return graph


def folder_of(module: str) -> str:
    """``vlcore.api.training`` is in ``api``; what lies beside the folders, such as ``vlcore``, is
    in none."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "vlcore" and parts[1] != "__main__" else ""


def test_every_folder_has_a_rank_and_imports_go_one_way_and_in_no_circle() -> None:
    assert {folder_of(name_of(path)) for path in LIBRARY} - {""} == set(RANK)
    graph = module_graph()
    wrong = []
    for module, targets in graph.items():
        folder = folder_of(module)
        for target in targets:
            if folder not in ("", folder_of(target)) and RANK[folder_of(target)] >= RANK[folder]:
                wrong.append(f"{module} imports {target}")
    assert wrong == []
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_no_page_switches_how_charts_are_written_down_for_all_threads() -> None:
    """See `vlcore.web.cache`: Streamlit's charts from tables and from Altair do, its
    `vega_lite_chart` does not."""
    switching = re.compile(r"\b(altair|line|area|bar|scatter)_chart\(|data_transformers")
    for path in [*PAGES, *(ROOT / "vlcore").rglob("*.py")]:
        assert not switching.search(path.read_text()), path


def test_only_the_pages_and_what_they_share_import_streamlit() -> None:
    users = importers("streamlit", LIBRARY)
    assert users, "the rule would hold of nothing"
    assert all(name.startswith("vlcore.web.") for name in users)
    users = importers("vlcore.web", LIBRARY + PAGES)
    assert {name for name in users if not name.startswith("vlcore.web.")} <= set(
        map(name_of, PAGES)
    )


def test_only_the_model_layer_imports_torch() -> None:
    for package in ("torch", "torchvision", "transformers", "diffusers", "safetensors.torch"):
        assert all(name.startswith(TORCH) for name in importers(package, LIBRARY + PAGES))
    for package, user in (
        ("umap", "vlcore.metrics.projection"),
        ("timm", "vlcore.model.frozen_towers"),
    ):
        assert importers(package, LIBRARY + PAGES) == {user}
    # Its files are read, its code is not run.
    assert importers("wordllama", LIBRARY + PAGES) == set()


def test_pages_and_lessons_read_published_numbers_from_one_file() -> None:
    users = importers("vlcore.study.answer_file", LIBRARY + PAGES)
    assert users, "the rule would hold of nothing"
    naming = {name_of(path) for path in LIBRARY + PAGES if "answer.json" in path.read_text()}
    # Findings offers the file to download.
    assert naming == {"vlcore.study.answer_file", "vlcore.web.findings.answer"}


def loaded_by(script: str, heavy: Collection[str]) -> set[str]:
    """Which heavy modules a fresh Python has loaded after a script."""
    script += f"\nimport sys\nprint('loaded', *(set({sorted(heavy)}) & sys.modules.keys()))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_nothing_loads_what_only_work_needs() -> None:
    modules = [name for name in map(name_of, LIBRARY) if not name.startswith(TORCH)]
    assert {"vlcore.api.training", "vlcore.jobs.jobs", "vlcore.__main__"} <= set(modules)
    lines = [f"import {module}" for module in modules]
    for page in PAGES:
        nodes = [
            node for node in parsed(page).body if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        lines += [ast.unparse(node) for node in nodes if "__future__" not in ast.unparse(node)]
    assert loaded_by("\n".join(lines), HEAVY) == set()


def test_the_first_page_does_not_wait_for_scikit_learn() -> None:
    assert loaded_by("import vlcore.web.home.sections", {*HEAVY, "sklearn"}) == set()


def loads_weights_only(node: ast.AST) -> bool:
    """Whether this is a call of `torch.load` that reads tensors and runs nothing of the file."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load"):
        return False
    options = {option.arg: option.value for option in node.keywords}
    weights_only = options.get("weights_only")
    return isinstance(weights_only, ast.Constant) and weights_only.value is True


def dangers(tree: ast.AST) -> Iterator[str]:
    """What must never be written: ways for a file, a caption or a visitor to run code."""
    harmless = {call.func for call in ast.walk(tree) if loads_weights_only(call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and not (
            isinstance(node.value, ast.Constant) and node.value.value is False
        ):
            if node.arg in SWITCHES:
                yield node.arg
        elif isinstance(node, ast.Attribute):
            if ast.unparse(node) in CALLS and node not in harmless:
                yield ast.unparse(node)
        elif isinstance(node, ast.Name) and node.id in ("eval", "exec", "__import__"):
            yield node.id
    for name in imports(tree):
        if name.split(".")[0] in ("pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"):
            yield name
        if name in CALLS:
            yield name


def test_each_danger_is_found() -> None:
    for source, danger in {
        "st.markdown(text, unsafe_allow_html=True)": "unsafe_allow_html",
        "st.html(text, unsafe_allow_javascript=yes)": "unsafe_allow_javascript",
        "torch.load(path)": "torch.load",
        "torch.load(path, weights_only=safe)": "torch.load",
        "load = torch.load": "torch.load",
        "from torch import load": "torch.load",
        "def f():\n    import pickle": "pickle",
        "eval(text)": "eval",
    }.items():
        assert list(dangers(ast.parse(source))) == [danger]
    harmless = (
        "np.load(path, allow_pickle=False)\nmodel.eval()\ntorch.load(path, weights_only=True)"
    )
    assert list(dangers(ast.parse(harmless))) == []


def test_nothing_dangerous_is_written() -> None:
    assert len(LIBRARY) > 30
    for path in LIBRARY + PAGES:
        assert list(dangers(parsed(path))) == [], path


# Function words that say nothing of a value.
EMPTY = {"one", "found", "said", "there", "here", "of", "own", "shown", "kept", "made", "taken"}
EMPTY |= {"given", "asked", "rest", "whole", "these", "those", "some", "away", "beside", "again"}
MOST_EMPTY = 1


def bound_names(tree: ast.AST) -> Iterator[str]:
    """Names of variables, parameters, functions and classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def test_names_are_no_function_words() -> None:
    """None may be added. Lower MOST_EMPTY when some go."""
    places = [
        f"{name_of(path)}: {name}"
        for path in LIBRARY + PAGES + BENCHMARKS
        for name in bound_names(parsed(path))
        if name in EMPTY
    ]
    assert len(places) <= MOST_EMPTY, places


def test_what_lies_beside_the_code_is_shipped_with_it() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        patterns = tomllib.load(file)["tool"]["setuptools"]["package-data"]["vlcore"]
    shipped = {path for pattern in patterns for path in (ROOT / "vlcore").glob(pattern)}
    beside = {path for path in (ROOT / "vlcore").rglob("*.*") if path.is_file()}
    missing = {
        path for path in beside - shipped if path.suffix not in (".py", ".pyc", ".nbi", ".nbc")
    }
    assert missing == set()


def test_every_module_has_a_docstring() -> None:
    for path in LIBRARY + PAGES + BENCHMARKS:
        tree = parsed(path)
        assert not tree.body or ast.get_docstring(tree), f"{name_of(path)} has no docstring"


def test_code_names_what_is_there() -> None:
    code = "".join(path.read_text() for path in LIBRARY + PAGES + BENCHMARKS)
    named = set(re.findall(r"`((?:vlcore|benchmarks)(?:\.\w+)+)", code))
    assert named
    for name in named:
        pkgutil.resolve_name(name)


def test_the_architecture_is_one_page_about_every_folder() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert len(text.split()) <= 900
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", text, flags=re.MULTILINE)
    folders = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    in_order = [folder for folders_of_rank in ORDER for folder in folders_of_rank.split()]
    assert sorted(folders) == sorted(in_order)
    assert [RANK[folder] for folder in folders] == sorted(RANK.values())
    values = re.findall(r"^\| `([A-Z]\w+)` \(`([\w/]+\.py)`\)", text, flags=re.MULTILINE)
    assert len(values) == 5
    for name, file in values:
        assert re.search(rf"^class {name}\b", (ROOT / "vlcore" / file).read_text(), re.MULTILINE)


def test_a_recipe_has_at_most_sixty_words() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    recipes = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", text, flags=re.MULTILINE)
    assert {"panel", "metric", "caption style", "lesson", "engine"} <= {
        kind for kind, *_ in recipes
    }
    assert [kind for kind, recipe, _ in recipes if len(recipe.split()) > 60] == []


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_documents_name_files_that_are_there(document: str) -> None:
    named = set(re.findall(r"`((?:[\w-]+/)*\w+\.py)`", (ROOT / document).read_text()))
    roots = (ROOT, ROOT / "vlcore")
    assert named
    assert {name for name in named if not any((root / name).is_file() for root in roots)} == set()


def test_links_between_documents_lead_to_files() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/R*.md")]
    broken = [
        (document.name, target)
        for document in documents
        for target in re.findall(r"\]\(([^)#\s:]+)[)#]", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert broken == []


def commands_of(
    parent: argparse.ArgumentParser, words: str = ""
) -> dict[str, argparse.ArgumentParser]:
    """Every command that can be run, by its words."""
    commands: dict[str, argparse.ArgumentParser] = {}
    for action in parent._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                commands |= commands_of(command, f"{words} {name}".strip())
    return commands or {words: parent}


COMMANDS = commands_of(parser())


def test_the_docs_list_all_commands() -> None:
    document = (ROOT / "docs" / "commands.md").read_text()
    listed = re.findall(r"python3? -m vlcore ((?:data )?[a-z]+)", document)
    assert set(listed) == set(COMMANDS)


def test_tests_install_what_the_package_names() -> None:
    """`pip install .[test]` and the README's command bring the same tools."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needs = {need for extra in extras for need in extras[extra]}
    needs = {need for need in needs if not need.startswith("vl-bias-lab")}
    listed = (ROOT / "tests" / "requirements.txt").read_text().splitlines()
    assert {line for line in listed if line and not line.startswith("-r")} == needs


def settings_of(code: list[Path]) -> set[str]:
    """Names of environment variables that code reads, without those of Slurm and of the system."""
    names = set()
    for node in (node for path in code for node in ast.walk(parsed(path))):
        if isinstance(node, ast.Constant) and re.fullmatch(r"VLCORE_[A-Z_]+", str(node.value)):
            names.add(node.value)
        elif isinstance(node, ast.Call):
            if ast.unparse(node.func) in ("os.environ.get", "os.getenv"):
                names.add(str(ast.literal_eval(node.args[0])))
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            names.add(ast.unparse(node.slice).strip("'"))
    names -= {"PATH", "PYTHONPATH"}
    return {name for name in names if name.isupper() and not name.startswith("SLURM_")}


def test_the_table_of_settings_is_what_is_read() -> None:
    """A new one needs a line in docs/classroom.md."""
    rows = re.findall(r"^\| (`.+?) \|", (ROOT / "docs" / "classroom.md").read_text(), re.MULTILINE)
    listed = {name for row in rows for name in re.findall("`([^`]+)`", row)}
    compose, dockerfile = (ROOT / "compose.yaml").read_text(), (ROOT / "Dockerfile").read_text()
    read = settings_of(LIBRARY + PAGES)
    read |= set(re.findall(r"\$\{(\w+):-", compose))
    read |= set(re.findall(r"^ARG (\w+)=", dockerfile, re.MULTILINE))
    server = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["server"]
    assert listed == read | {f"server.{name}" for name in server}


def test_constraints_satisfy_requirements_and_have_hashes() -> None:
    builds = (ROOT / "constraints-torch.txt").read_text().splitlines()
    hashed = (ROOT / "constraints.txt").read_text().splitlines()
    lines = [line for line in builds + hashed if not line.startswith("#")]
    pins = dict(line.split(" ")[0].split("==") for line in lines)
    requirements = (ROOT / "requirements.txt").read_text().splitlines()
    for requirement in map(Requirement, requirements):
        assert requirement.specifier.contains(pins[requirement.name])
    pattern = re.compile(r"#.*|[a-z0-9_.-]+==\S+ --hash=sha256:[0-9a-f]{64}")
    assert len(hashed) > len(requirements)
    assert all(pattern.fullmatch(line) for line in hashed)


def test_the_citation_names_the_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == __version__
