"""Image sets drawn by a text-to-image model: a plan, a back end that draws, and a folder that can be resumed."""

from vlcore.images.generate.backends import Patience
from vlcore.images.generate.planning import (
    BACKENDS,
    PROMPT,
    GenerateBusyError,
    GenerateError,
    Plan,
    Wanted,
    context_name,
    cost_of,
    plan,
)
from vlcore.images.generate.running import Outcome, check_backend, generate, open_backend, remaining

__all__ = [
    "BACKENDS",
    "PROMPT",
    "GenerateBusyError",
    "GenerateError",
    "Outcome",
    "Patience",
    "Plan",
    "Wanted",
    "check_backend",
    "context_name",
    "cost_of",
    "generate",
    "open_backend",
    "plan",
    "remaining",
]
