"""Image sets drawn by a text-to-image model: a plan, a back end that draws, and a folder in which a
run can be resumed."""

from vlcore.data.generation.plan import context_name, plan
from vlcore.data.generation.run import find_backend, generate, remaining

__all__ = ["context_name", "find_backend", "generate", "plan", "remaining"]
