"""Many runs: plans, the table of runs, paired tests, claims, findings and the report."""

import sys
import warnings
from types import ModuleType
from typing import Any


class _FormerFunction(ModuleType):
    """The package answers to ``vl.study(...)``, which `vlcore.run_study` was named until 0.5."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from importlib import import_module

        warnings.warn("vl.study is now vl.run_study.", DeprecationWarning, stacklevel=2)
        return import_module("vlcore").run_study(*arguments, **options)


sys.modules[__name__].__class__ = _FormerFunction
