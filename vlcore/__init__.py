"""Train and look at small vision-language models on biased data.

What a notebook needs, in a dozen names; docs/notebook.md walks through them:

>>> import vlcore as vl
>>> short = vl.train(vl.Condition(bias=0.75, steps=12))
>>> long = vl.train(short.condition.replace(labels="descriptive"))
>>> short.metrics["minority_accuracy"].n
1000
>>> vl.compare(short, long).chart()  # doctest: +SKIP

Each name is imported when it is first used: ``import vlcore`` costs a few milliseconds and brings
neither torch nor pandas. Nothing else of the library is public.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlcore.experiment.modules import hanging_packages
from vlcore.experiment.version import __version__

if TYPE_CHECKING:
    from vlcore import data
    from vlcore.api.comparison import Comparison, compare
    from vlcore.api.exports import export
    from vlcore.api.failures import failures
    from vlcore.api.grid import Grid, grid
    from vlcore.api.models import Model, embed, explain, load, models, train
    from vlcore.api.selections import Selection
    from vlcore.api.suspect_labels import suspect_labels
    from vlcore.experiment.condition import Condition
    from vlcore.experiment.errors import LabError
    from vlcore.metrics.estimate import Estimate
    from vlcore.plots.options import MapOptions, Projection
    from vlcore.study.results import Study
    from vlcore.study.running import run_study

__all__ = [
    "Comparison",
    "Condition",
    "Estimate",
    "Grid",
    "LabError",
    "MapOptions",
    "Model",
    "Projection",
    "Selection",
    "Study",
    "__version__",
    "compare",
    "data",
    "embed",
    "explain",
    "export",
    "failures",
    "grid",
    "load",
    "models",
    "run_study",
    "suspect_labels",
    "train",
]
_MODULES = {
    "Comparison": "vlcore.api.comparison",
    "Condition": "vlcore.experiment.condition",
    "Estimate": "vlcore.metrics.estimate",
    "Grid": "vlcore.api.grid",
    "LabError": "vlcore.experiment.errors",
    "MapOptions": "vlcore.plots.options",
    "Model": "vlcore.api.models",
    "Projection": "vlcore.plots.options",
    "Selection": "vlcore.api.selections",
    "Study": "vlcore.study.results",
    "compare": "vlcore.api.comparison",
    "embed": "vlcore.api.models",
    "explain": "vlcore.api.models",
    "export": "vlcore.api.exports",
    "failures": "vlcore.api.failures",
    "grid": "vlcore.api.grid",
    "load": "vlcore.api.models",
    "models": "vlcore.api.models",
    "run_study": "vlcore.study.running",
    "suspect_labels": "vlcore.api.suspect_labels",
    "train": "vlcore.api.models",
}
_FOLDER = Path(__file__).parent
_ABSENT = {
    name for name, module in _MODULES.items() if not (_FOLDER / module.split(".")[1]).is_dir()
}
for _name in _ABSENT:  # the core may stand alone, without the folder that a name is from
    __all__.remove(_name)
if (_FOLDER / "panels").is_dir():
    hanging_packages.append("vlcore.panels")


def __getattr__(name: str) -> Any:
    if name == "data":
        return import_module("vlcore.data")
    if name in _MODULES and name not in _ABSENT:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'vlcore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
