"""Train and look at small vision-language models on biased data.

What a notebook needs, in a dozen names; docs/notebook.md walks through them:

>>> import vlcore as vl
>>> short = vl.train(vl.Condition(bias=0.75, steps=12))
>>> long = vl.train(short.condition.replace(labels="descriptive"))
>>> short.metrics["minority_accuracy"].n
1000
>>> vl.compare(short, long).chart()  # doctest: +SKIP

Each name is imported when it is first used: ``import vlcore`` costs a few milliseconds and brings neither torch nor
pandas. Nothing else of the library is public.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vlcore.core.version import __version__

if TYPE_CHECKING:
    from vlcore import compare, datasets
    from vlcore.compare.notebook import Model, load, models, study, train
    from vlcore.core.condition import Condition
    from vlcore.core.errors import LabError
    from vlcore.exports.export import export
    from vlcore.measures.estimate import Estimate

__all__ = [
    "Condition", "Estimate", "LabError", "Model", "__version__", "compare", "datasets", "export", "load", "models",
    "study", "train",
]  # fmt: skip
_PLACES = {
    **dict.fromkeys(("Model", "load", "models", "study", "train"), "vlcore.compare.notebook"),
    "Condition": "vlcore.core.condition",
    "Estimate": "vlcore.measures.estimate",
    "LabError": "vlcore.core.errors",
    "export": "vlcore.exports.export",
}


def __getattr__(name: str) -> Any:
    if name in ("compare", "datasets"):
        return import_module(f"vlcore.{name}")
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'vlcore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
