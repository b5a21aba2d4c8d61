"""Page of a comparison: its words as a list of parts, and maps and words as one offline file; its
maps alone are a frame of a notebook.

A page of the app, a file and a notebook show one component.
"""

from contextlib import suppress

from vlcore.api import description, map_component
from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.differences import describe_differences
from vlcore.api.metrics_table import group_accuracy_table
from vlcore.api.model_map import ComparisonError
from vlcore.api.training_animation import animate_training
from vlcore.data.subset import describe_sample
from vlcore.experiment.wording import title
from vlcore.plots.document import Heading, Maps, Part, Table, Text, frame_html, on_paper, page_html
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.theme import LIGHT, Palette

PAGE_SIDE = 440  # px of a map on a page that is written
FRAME_SIDE = 360  # px of a map in a notebook, at most


def summary(comparison: ComparedMaps) -> Part:
    """What the maps of a comparison show, in words, and what their numbers rest on."""
    texts = [Text(description.describe_comparison(comparison))]
    grouping = comparison.images.grouping
    if few := description.small_sample_warning(comparison.models[0].artifact, grouping):
        texts.append(Text(few, icon="warning"))
    if sample := describe_sample(comparison.images):
        texts.append(Text(sample))
    return Part("summary", "", tuple(texts))


def frame(comparison: ComparedMaps, options: MapOptions) -> str:
    """The maps of a comparison for a notebook, as `vlcore.plots.document.frame_html`."""
    words = description.describe_comparison(comparison)
    maps = Maps(map_component.inline(comparison, LIGHT, FRAME_SIDE, options, words))
    attribution = filter(None, [comparison.images.attribution])
    return frame_html([maps, *attribution], _heading(comparison))


def _heading(comparison: ComparedMaps) -> str:
    titles = [title(model.artifact.condition) for model in comparison.models]
    return f"{comparison.images.name}: {' | '.join(titles)}"


def page(comparison: ComparedMaps, palette: Palette = LIGHT, options: MapOptions = PLAIN) -> str:
    """The comparison as one offline HTML page: maps, words and numbers, and the training animation,
    if there is one."""
    conditions = [model.artifact.condition for model in comparison.models]
    words = description.describe_comparison(comparison)
    groups = Part("groups", "Accuracy by group", (Table(group_accuracy_table(comparison)),))
    content = [
        describe_differences(*conditions).replace("**", "") if len(conditions) == 2 else "",
        Maps(map_component.inline(comparison, palette, PAGE_SIDE, options, words)),
        *on_paper([summary(comparison), groups], palette, PAGE_SIDE),
    ]
    # A model may have one checkpoint only, and a map need not be a principal one.
    with suppress(ComparisonError):
        animation = animate_training(comparison)
        maps = Maps(animation.inline(palette, PAGE_SIDE))
        content += [Heading("The training as an animation"), maps, *animation.notes]
    content.append(f"Models: {', '.join(model.artifact.key for model in comparison.models)}")
    content += filter(None, [comparison.images.attribution])
    return page_html(content, _heading(comparison), palette=palette)
