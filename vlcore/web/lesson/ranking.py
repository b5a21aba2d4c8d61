"""The wall of the lesson “repair”: the ranking, all groups, what helped; and the wall as a slide
and a table."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api.model_map import ComparisonError
from vlcore.api.unseen_scenes import unseen_accuracy
from vlcore.artifacts import store
from vlcore.classroom import repair, repair_results, tower_pairs
from vlcore.classroom.handout import repair_html
from vlcore.classroom.repair_results import Ranking
from vlcore.data.imageset import ImageSet
from vlcore.experiment.condition import Condition
from vlcore.experiment.plain_text import plain, safe_csv
from vlcore.metrics.estimate import Estimate
from vlcore.plots.options import PCA
from vlcore.plots.rendering import chart_slide
from vlcore.plots.theme import LIGHT, Palette
from vlcore.web import cache, jobs, shell, visitors, widgets, work

ABOVE = 190  # px of the page over the wall's chart, and under it
SLIDE = (1200, 620)  # px of the wall as a picture that a slide is filled with
VIEWS, CHOICE = (
    ("ranking", "four groups", "what helped"),
    "wall",
)  # what of it is shown, and where that is kept


@st.cache_data(
    max_entries=16, show_spinner="Spending twelve changes by chance …", hash_funcs=cache.BY_CONTENT
)
def baselines(images: ImageSet, base: Condition) -> dict[str, list[Condition]]:
    """What teams are held against, see `vlcore.classroom.repair.baselines`."""
    return repair.baselines(images, base)


@st.cache_resource(
    max_entries=200, show_spinner="Asking the models elsewhere …", hash_funcs=cache.BY_CONTENT
)
def _elsewhere(key: str, images: ImageSet) -> Estimate | None:
    """How often a model is right in hidden places; None where the set has none."""
    try:
        return unseen_accuracy(cache.model_map(key, PCA, ()), cache.model(key), images)["all"]
    except ComparisonError:
        return None


def team_ranking(
    lists: Mapping[str, str], images: ImageSet, base: Condition, *, last: bool = False
) -> Ranking:
    """The wall of the lists that count, by team."""

    def end(key: str) -> Mapping[str, Any] | None:
        return cache.artifact(key).metrics["end"] if store.published(key) else None

    conditions = {name: base.replace(edits=text) for name, text in lists.items() if text}
    hidden = (lambda key: _elsewhere(key, images)) if last else None
    return repair_results.ranking(conditions, baselines(images, base), images.grouping, end, hidden)


def show_ranking(
    found: Ranking, images: ImageSet, base: Condition, palette: Palette, bar: DeltaGenerator
) -> None:
    """A wall; the bar has the choice of what is shown of it."""
    if found.waiting:
        st.caption(f"Still in training: {len(found.waiting)}.")
        jobs.watch(found.waiting, lambda _: None, each_done=True)
    if not found.teams and not found.others:
        st.info("Nothing is trained yet: go back and train a repair.")
        return
    with bar:
        shown = widgets.choose_one(
            "Show",
            VIEWS if found.last else VIEWS[:2],
            CHOICE,
            VIEWS[0],
            label_visibility="collapsed",
        )
    if shown == VIEWS[0]:
        width, height = shell.window()
        chart = found.chart(
            palette, min(width - (100 if width > 700 else 40), 1400), height - ABOVE
        )
        cache.show_chart(chart, alt=found.words, key="wall_chart")
        st.caption(plain(found.about))
    elif shown == VIEWS[1]:
        table = repair_results.group_table([*found.teams, *found.others], images.grouping)
        st.dataframe(table, height=min(520, 36 * (len(table) + 1) + 3))
    elif found.teams and found.others:
        helped = repair_results.gains_by_kind(found.teams, found.others[0])
        st.markdown("More pictures right than the model as it was, in points:")
        st.table(repair_results.gains_words(helped))
        st.markdown(plain(repair_results.gains_caveat(helped)))
    asker = visitors.visitor()

    def png() -> bytes:
        return work.run_in_worker(
            asker, chart_slide, found.chart(LIGHT, *SLIDE).to_dict(validate=False)
        )

    with bar.popover("Take along", icon=":material/download:"):
        widgets.download("Slide (PNG)", png, "repair.png", "image/png", "image")
        paper = partial(
            work.run_in_worker,
            asker,
            repair_html,
            found,
            repair.task_text(images, base),
            images.grouping,
        )
        widgets.download("Hand-out", paper, "repair.html", "text/html", "print")
        towers = tower_pairs.tower_pair_of(base)
        csv = safe_csv(
            repair_results.export_table(found.teams, found.others, images.grouping, towers)
        )
        widgets.download("Table (CSV)", csv, "repair.csv", "text/csv")
