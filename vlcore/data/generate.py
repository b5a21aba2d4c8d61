"""Images drawn by a text-to-image model, as a folder that `vlcore.data.importers` reads."""

import hashlib
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from diffusers import AutoPipelineForText2Image

from vlcore.data.imageset import ImageSetError
from vlcore.data.importers.selection import clean_name
from vlcore.experiment.errors import first_line
from vlcore.experiment.files import atomic, make_folder, write_errors
from vlcore.experiment.grouping import context_phrase
from vlcore.experiment.progress import Progress, silent

PROMPT = "a photo of a {object} {place}"
LABELS = "labels.csv"


class GenerateError(ImageSetError):
    """Images that cannot be generated; the message says what to do."""


def generate_images(
    folder: Path,
    objects: Sequence[str],
    contexts: Sequence[str],
    model: str,
    *,
    per_group: int,
    device: str = "cpu",
    prompt: str = PROMPT,
    seed: int = 0,
    progress: Progress = silent,
    **options: Any,
) -> int:
    """Draw images of every object in every context, and list them in a ``labels.csv``.

    Images that the folder has already stay, so the same call resumes a run that was interrupted.
    Each image has a seed of its own.

    Args:
        model: name on the hub or local folder of a diffusers pipeline with safetensors.
        prompt: words with the fields ``{object}`` and ``{place}`` ("on the grass").
        options: passed to the pipeline, such as ``height`` and ``num_inference_steps``.

    Returns:
        The number of images in the folder. The model's safety checker may have withheld others.

    Raises:
        GenerateError: The prompt, a name, or the model cannot be used.
    """
    for field in ("{object}", "{place}"):
        if field not in prompt:
            raise GenerateError(f"The prompt {prompt!r} lacks {field}; write it in.")
    for name in (*objects, *contexts):
        if clean_name(name) != name:
            raise GenerateError(f"{name!r} cannot name a folder; use letters, digits and spaces.")
    pipeline = _load(model).to(device)
    pipeline.set_progress_bar_config(disable=True)
    rows = []
    planned = list(product(range(per_group), objects, contexts))
    for number, (index, obj, context) in enumerate(planned):
        progress(number, len(planned))
        file = f"{obj}_{context}/{index:04d}.png"
        place = context_phrase(context)
        caption = prompt.replace("{object}", obj).replace("{place}", place)
        if not (folder / file).exists():
            digest = hashlib.sha256(f"{seed} {file}".encode()).digest()
            _draw(pipeline, caption, int.from_bytes(digest[:4]), folder / file, options)
        if (folder / file).exists():
            rows.append((file, obj, context, caption, model))
    progress(len(planned), len(planned))
    columns = ["file", "object", "context", "caption", "model"]
    table = pd.DataFrame(rows, columns=columns)
    make_folder(folder)
    with write_errors(folder, "make room, then run the same again"), atomic(folder / LABELS) as new:
        table.to_csv(new, index=False)
    return len(rows)


def _draw(pipeline: Any, caption: str, seed: int, path: Path, options: dict[str, Any]) -> None:
    """Write one image, unless the model's safety checker withholds it."""
    # The noise comes from the processor: it is equal on every device.
    noise = torch.Generator(device="cpu").manual_seed(seed)
    try:
        drawn = pipeline(prompt=caption, generator=noise, **options)
    except torch.OutOfMemoryError as error:
        raise GenerateError(
            "The device's memory is full; choose a smaller size or model."
        ) from error
    except Exception as error:  # a pipeline is foreign code that raises anything
        raise GenerateError(f"The model cannot draw this: {first_line(error)}.") from error
    if any(getattr(drawn, "nsfw_content_detected", None) or ()):
        return
    make_folder(path.parent)
    with write_errors(path, "make room, then run the same again"), atomic(path) as new:
        drawn.images[0].convert("RGB").save(new, "PNG")


def _load(model: str) -> Any:
    """A text-to-image pipeline, from safetensors alone and without code of its own."""
    try:
        return AutoPipelineForText2Image.from_pretrained(model, use_safetensors=True)
    except Exception as error:  # diffusers, the hub's client and json each have their own
        raise GenerateError(
            f"The model {model!r} cannot be opened as a text-to-image pipeline with safetensors:"
            f" {first_line(error)}."
        ) from error
