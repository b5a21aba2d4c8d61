"""Image sets drawn by a text-to-image model: a plan, a back end that draws, and a folder that can be resumed."""

from vlcore.generation.plan import PROMPT, context_name, cost_of, plan
from vlcore.generation.run import check_backend, generate, open_backend, remaining

__all__ = ["PROMPT", "check_backend", "context_name", "cost_of", "generate", "open_backend", "plan", "remaining"]
