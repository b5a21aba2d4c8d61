"""Image sets drawn by a text-to-image model: a plan, a back end that draws, and a folder that can be resumed."""

from vlcore.images.generate.backends import check_backend, open_backend
from vlcore.images.generate.planning import (
    BACKENDS,
    PROMPT,
    Estimate,
    GenerateBusyError,
    GenerateError,
    Plan,
    Wanted,
    context_name,
    estimate,
    plan,
)
from vlcore.images.generate.running import Outcome, Patience, generate, remaining

__all__ = [
    "BACKENDS",
    "PROMPT",
    "Estimate",
    "GenerateBusyError",
    "GenerateError",
    "Outcome",
    "Patience",
    "Plan",
    "Wanted",
    "check_backend",
    "context_name",
    "estimate",
    "generate",
    "open_backend",
    "plan",
    "remaining",
]
