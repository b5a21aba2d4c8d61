"""Text-to-image generation with a diffusion model on this machine.

An image's noise comes from a seed of its own, drawn on the processor. It is then the same image on
every device and in every batch, up to rounding, and a resumed run draws what it would have drawn at
once.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoPipelineForText2Image
from PIL import Image

from vlcore.data.generation.plan import GenerateError, GenerationPlan, PlannedImage, Refused
from vlcore.experiment.errors import first_line


class TextToImage:
    """Draws with a diffusers pipeline on a device, so many images together."""

    def __init__(self, plan: GenerationPlan, device: str, batch: int = 1) -> None:
        self.batch = batch
        self._model = plan.model
        options = {
            "height": plan.size,
            "width": plan.size,
            "num_inference_steps": plan.steps,
            "guidance_scale": plan.guidance,
        }
        self._options = {name: value for name, value in options.items() if value is not None}
        self._pipeline = _load(plan.model).to(device)
        self._pipeline.set_progress_bar_config(disable=True)

    def draw(self, images: Sequence[PlannedImage]) -> list[Image.Image | Refused]:
        """Draw some images together; see `vlcore.data.generation.plan.Backend`."""
        prompts = [image.prompt for image in images]
        try:
            noise = [torch.Generator(device="cpu").manual_seed(image.seed or 0) for image in images]
            drawn = self._pipeline(prompt=prompts, generator=noise, **self._options)
        except torch.OutOfMemoryError as error:
            raise GenerateError(
                "The device's memory is full; choose a smaller batch, size or model."
            ) from error
        except Exception as error:  # a pipeline is foreign code that raises anything
            raise GenerateError(
                f"The model {self._model!r} cannot draw this: {first_line(error)}."
            ) from error
        flags = getattr(drawn, "nsfw_content_detected", None) or [False] * len(images)
        refused = Refused("The model's safety checker blanked the image.")
        return [
            refused if flag else image.convert("RGB")
            for image, flag in zip(drawn.images, flags, strict=True)
        ]


def _load(model: str) -> Any:
    """A text-to-image pipeline, from safetensors alone and without code of its own."""
    folder = Path(model).expanduser()
    is_folder = folder.is_dir()
    if is_folder and not (folder / "model_index.json").exists():
        raise GenerateError(
            f"{model} is no text-to-image pipeline: it has no model_index.json; name its folder."
        )
    if not is_folder and not re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        raise GenerateError(
            f"There is no folder {model}; give that of a pipeline or a hub name like owner/model."
        )
    try:
        return AutoPipelineForText2Image.from_pretrained(
            str(folder) if is_folder else model, use_safetensors=True
        )
    except Exception as error:  # diffusers, the hub's client and json each have their own
        reason = first_line(error)
        if re.search(r"(no file named|necessary).*safetensors", reason):
            what = "lacks weights in safetensors"
            reason = "no other format is safe; choose one that has them"
        elif is_folder:
            what = "cannot be used as a text-to-image pipeline"
        else:
            what = (
                "cannot be downloaded from the hub; check its name, the connection and whether it"
                " asks for a login"
            )
        raise GenerateError(f"The model {model!r} {what}: {reason}.") from error
