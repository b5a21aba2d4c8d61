"""Image sets drawn by a text-to-image model: a plan, a back end that draws, and a folder that can be resumed."""

from vlcore.generation.backend import Patience
from vlcore.generation.plan import (
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
from vlcore.generation.run import Outcome, check_backend, generate, open_backend, remaining

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
