"""The command that writes a comparison as one offline file.

The one idea: it writes the page that the Compare page offers for download, from the same value.
"""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from typing import Any

from vlcore.commands import CommandError, model_of, page_path, write_page
from vlcore.images.catalogue import open_set
from vlcore.images.imagesets import ImageSet
from vlcore.runs import compare as comparing
from vlcore.runs import projections
from vlcore.runs.projections import KINDS, Projection


def compare(options: Namespace) -> dict[str, Any]:
    """Write two to four maps side by side as one offline file."""
    from vlcore.runs import comparison_figure

    out = page_path(options.out)
    if options.map not in KINDS:
        raise CommandError(f"No map is named {options.map!r}; choose one of {', '.join(KINDS)}.")
    if not 2 <= len(options.keys) <= comparing.MOST_MODELS:
        raise CommandError(f"Give the keys of 2 to {comparing.MOST_MODELS} models, not {len(options.keys)}.")
    artefacts = {key: model_of(key) for key in options.keys}
    first = artefacts[options.keys[0]].condition
    images = open_set(first.data, first.data_version)
    projection = _projection(options, images)
    if projection.fitted:
        for models in [options.keys] if projection.together else [[key] for key in options.keys]:
            projections.make_map(models, projection)
    load = partial(comparing.load_map, read=artefacts.__getitem__)
    found = comparing.open(options.keys, projection, load=load, images=lambda _model: images)
    page = comparison_figure.page(found, images)
    write_page(out, page)
    return {"file": str(out), "bytes": len(page.encode()), "map": options.map}


def _projection(options: Namespace, images: ImageSet) -> Projection:
    prompts = projections.prompt_axes(images.grouping)
    if options.prompts is not None:
        if options.map != "prompts":
            raise CommandError(f"--prompts are the axes of --map prompts, not of {options.map}; give that map too.")
        given = [text.strip() for text in options.prompts.split(",")]
        if len(given) != 4 or not all(given):
            usual = ",".join(prompts)
            raise CommandError(f"--prompts is {options.prompts!r}; give four captions with commas, as in {usual}.")
        prompts = (given[0], given[1], given[2], given[3])
    if options.seed and options.map not in ("umap", "tsne"):
        raise CommandError(f"--seed is of --map umap and tsne; {options.map} is the same with every seed.")
    return Projection(
        options.map,
        seed=options.seed,
        together=options.together,
        prompts=prompts if options.map == "prompts" else Projection().prompts,
    )
