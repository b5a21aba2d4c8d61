"""Many runs: plans, the table of runs, paired tests, claims, findings and the report."""

import sys
import warnings
from types import ModuleType
from typing import Any


class _CallableUntilOne(ModuleType):
    """The package answers to ``vl.study(...)``, the name that `vlcore.run_study` had until 0.5."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from importlib import import_module

        warnings.warn("vl.study is now vl.run_study.", DeprecationWarning, stacklevel=2)
        return import_module("vlcore").run_study(*arguments, **options)


sys.modules[__name__].__class__ = _CallableUntilOne
