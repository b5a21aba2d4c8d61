"""Page of a comparison: its words as a list of parts, and maps and words as one offline file; its
maps alone are a frame of a notebook.

A page of the app, a file and a notebook show one component.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vlcore.api import description, map_component
from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.differences import describe_differences
from vlcore.api.model_map import ComparisonError
from vlcore.api.panel_views import MAP_WIDTH, on_paper
from vlcore.data.subset import describe_sample
from vlcore.experiment.wording import title
from vlcore.plots.blocks import Block, Heading, Text
from vlcore.plots.document import Maps, frame_html, page_html
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.theme import LIGHT

FRAME_SIDE = 360  # px of a map in a notebook, at most


def summary(comparison: ComparedMaps) -> list[Text]:
    """What the maps of a comparison show, in words, and what their numbers rest on."""
    return [Text(description.describe_comparison(comparison)), *cautions(comparison)]


def cautions(comparison: ComparedMaps) -> list[Text]:
    """What the numbers of a comparison rest on, where images are few or a sample."""
    texts = []
    grouping = comparison.images.grouping
    if few := description.small_sample_warning(comparison.models[0].artifact, grouping):
        texts.append(Text(few, icon="warning"))
    if sample := describe_sample(comparison.images):
        texts.append(Text(sample))
    return texts


def frame(comparison: ComparedMaps, options: MapOptions) -> str:
    """The maps of a comparison for a notebook, as `vlcore.plots.document.frame_html`."""
    words = description.describe_comparison(comparison)
    maps = Maps(map_component.inline(comparison, LIGHT, FRAME_SIDE, options, words))
    attribution = filter(None, [comparison.images.attribution])
    return frame_html([maps, *attribution], _heading(comparison))


def _heading(comparison: ComparedMaps) -> str:
    titles = [title(model.artifact.condition) for model in comparison.models]
    return f"{comparison.images.name}: {' | '.join(titles)}"


def page(
    comparison: ComparedMaps,
    panels: Mapping[str, Callable[[], Iterable[Block]]],
    options: MapOptions = PLAIN,
) -> str:
    """The comparison as one offline HTML page: maps, words, and panels by their titles. A panel
    that the comparison does not have says why in one sentence."""
    conditions = [model.artifact.condition for model in comparison.models]
    words = description.describe_comparison(comparison)
    content: list[Any] = [
        describe_differences(*conditions).replace("**", "") if len(conditions) == 2 else "",
        Maps(map_component.inline(comparison, LIGHT, MAP_WIDTH, options, words)),
        *on_paper(summary(comparison), comparison.images),
    ]
    for heading, blocks in panels.items():
        content.append(Heading(heading))
        try:
            content += on_paper(blocks(), comparison.images)
        except ComparisonError as error:
            content.append(str(error))
    content.append(f"Models: {', '.join(model.artifact.key for model in comparison.models)}")
    content += filter(None, [comparison.images.attribution])
    return page_html(content, _heading(comparison))
