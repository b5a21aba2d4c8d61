"""Text-to-image generation with a diffusion model on this machine.

A picture's noise comes from a seed of its own, drawn on the processor. It is then the same picture
on every device and in every batch, up to rounding, and a run that goes on later draws what it would
have drawn at once.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoPipelineForText2Image
from PIL import Image

from vlcore.data.generation.plan import GenerateError, Plan, Refused, Wanted
from vlcore.experiment.errors import first_line


class TextToImage:
    """Draws with a diffusers pipeline on a device, so many pictures together; more need more
    memory."""

    def __init__(self, plan: Plan, device: str, batch: int = 1) -> None:
        self.batch = batch
        self._plan = plan
        self._pipeline = _load(plan.model).to(device)
        self._pipeline.set_progress_bar_config(disable=True)

    def draw(self, pictures: Sequence[Wanted]) -> list[Image.Image | Refused]:
        """Draw some pictures together; see `vlcore.data.generation.plan.Backend`."""
        plan = self._plan
        seeds = [
            one.seed for one in pictures if one.seed is not None
        ]  # a plan of this back end has one for each
        chosen = {"num_inference_steps": plan.steps, "guidance_scale": plan.guidance}
        try:
            given = {name: value for name, value in chosen.items() if value is not None}
            random = [torch.Generator(device="cpu").manual_seed(seed) for seed in seeds]
            prompts, sides = (
                [one.prompt for one in pictures],
                {"height": plan.size, "width": plan.size},
            )
            drawn = self._pipeline(prompt=prompts, generator=random, **sides, **given)
        except torch.OutOfMemoryError as error:
            raise GenerateError(
                "The device's memory is full; choose a smaller batch, size or model."
            ) from error
        except (
            Exception
        ) as error:  # a pipeline is foreign code around foreign files and raises anything
            raise GenerateError(
                f"The model {plan.model!r} cannot draw this: {first_line(error)}."
            ) from error
        blank = getattr(drawn, "nsfw_content_detected", None) or [False] * len(pictures)
        no, both = (
            Refused("The model's safety checker blanked the picture."),
            zip(drawn.images, blank, strict=True),
        )
        return [no if flagged else image.convert("RGB") for image, flagged in both]


def _load(model: str) -> Any:
    """A text-to-image pipeline, from safetensors alone and without code of its own."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "model_index.json").exists():
            raise GenerateError(
                f"{model} is no text-to-image pipeline: it has no model_index.json; name its"
                " folder."
            )
    elif not re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        raise GenerateError(
            f"There is no folder {model}; give that of a pipeline or a hub name like owner/model."
        )
    place = str(folder) if folder.is_dir() else model
    try:
        return AutoPipelineForText2Image.from_pretrained(place, use_safetensors=True)
    except Exception as error:  # diffusers, the hub's client and json each have their own
        reason = first_line(error)
        message = (
            "cannot be had from the hub; check its name, the connection and whether it asks for a"
            " login"
        )
        if re.search(r"(no file named|necessary).*safetensors", reason):
            message, reason = (
                "lacks weights in safetensors",
                "no other format is safe; choose one that has them",
            )
        elif folder.is_dir():
            message = "cannot be used as a text-to-image pipeline"
        raise GenerateError(f"The model {model!r} {message}: {reason}.") from error
