"""What a back end is: something that draws the pictures of a plan, one batch a call.

The one idea: a back end makes one attempt and says how it ended: a picture, a refusal, something that may work in a
while, or something that will not. Waiting, counting attempts and writing files are left to `generate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

from PIL import Image

from vlcore.images.generate.planning import GenerateError, Plan, Wanted


@dataclass(frozen=True)
class Refused:
    """A model would not show a picture, and why."""

    reason: str


class TryAgainError(Exception):
    """An attempt that failed and may work later.

    Attributes:
        after: seconds that the service asks to wait, where it does.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Backend(Protocol):
    """Draws pictures."""

    @property
    def batch(self) -> int:
        """How many pictures one call of `draw` takes at most."""

    def draw(self, pictures: Sequence[Wanted]) -> list[Image.Image | Refused]:
        """One attempt at some pictures: an RGB image or a refusal for each, in their order.

        Raises:
            TryAgainError: when the same attempt may work later.
            GenerateError: when it will not.
        """


NEEDS_DIFFUSERS = 'Drawing on this machine needs the package diffusers: pip install "diffusers".'


def check_backend(plan: Plan, *, base_url: str | None = None, batch: int = 1) -> None:
    """Make sure that `open_backend` will do, as far as can be known without loading a model.

    Raises:
        GenerateError: when a package or the key is missing, or an option cannot be used.
    """
    if plan.backend == "service":
        open_backend(plan, base_url=base_url, batch=batch)
        return
    if base_url is not None:
        raise GenerateError("A base URL is for a service; leave it out for the local back end.")
    if batch < 1:
        raise GenerateError(f"A batch of {batch} pictures cannot be drawn; give at least 1.")
    if find_spec("diffusers") is None:
        raise GenerateError(NEEDS_DIFFUSERS)


def open_backend(plan: Plan, *, base_url: str | None = None, batch: int = 1) -> Backend:
    """The back end of a plan, ready to draw.

    Args:
        plan: what it will draw.
        base_url: address of an OpenAI-compatible service, such as ``http://localhost:8080/v1``; None for the one in
            ``OPENAI_BASE_URL``, or OpenAI's own. Its key is read from ``OPENAI_API_KEY``.
        batch: pictures that a local model draws together.

    Raises:
        GenerateError: when a package, the key or the model is missing, or an option cannot be used.
    """
    if plan.backend == "service":
        if batch != 1:
            raise GenerateError("A batch is for the local back end; a service is asked for one picture at a time.")
        from vlcore.images.generate.service import Service

        return Service(plan, base_url)
    check_backend(plan, base_url=base_url, batch=batch)
    from vlcore.learning.text_to_image import TextToImage

    return TextToImage(plan, batch)
