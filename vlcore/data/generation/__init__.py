"""Image sets drawn by a text-to-image model: a plan, a back end that draws, and a folder in which a
run can be resumed."""

from vlcore.data.generation.plan import named_contexts, plan
from vlcore.data.generation.run import find_backend, finish, generate_images, remaining

__all__ = ["find_backend", "finish", "generate_images", "named_contexts", "plan", "remaining"]
