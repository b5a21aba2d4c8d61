"""Ranking of the lesson “repair”: the teams, all groups, gains by kind of change, and downloads."""

from collections.abc import Mapping, Sequence
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
from vlcore.jobs.jobs import JobStatus
from vlcore.metrics.estimate import Estimate
from vlcore.plots.options import PCA
from vlcore.plots.rendering import chart_slide
from vlcore.plots.theme import LIGHT, Palette
from vlcore.web import cache, jobs, shell, visitors, widgets, work
from vlcore.web.lesson.repair_advice import Advice

ABOVE = 190  # px of the page over the chart, and under it
SLIDE = (1200, 620)  # px of the chart as a slide
VIEWS = ("ranking", "four groups", "what helped")
CHOICE = "wall"  # key of the chosen view


@st.cache_data(
    max_entries=16, show_spinner="Spending twelve changes by chance …", hash_funcs=cache.BY_CONTENT
)
def cached_baselines(images: ImageSet, base: Condition) -> dict[str, list[Condition]]:
    """The baselines of teams, see `vlcore.classroom.repair.baselines`."""
    return repair.baselines(images, base)


@st.cache_resource(
    max_entries=200,
    show_spinner="Testing the models in unseen scenes …",
    hash_funcs=cache.BY_CONTENT,
)
def _unseen(key: str, images: ImageSet) -> Estimate | None:
    """A model's accuracy in unseen scenes; None where the set has none."""
    try:
        return unseen_accuracy(cache.model_map(key, PCA, ()), cache.model(key), images)["all"]
    except ComparisonError:
        return None


def team_ranking(
    lists: Mapping[str, str],
    images: ImageSet,
    base: Condition,
    advice: Advice | None = None,
    *,
    last: bool = False,
) -> Ranking:
    """The ranking of the lists that count, by team, with what was advised where that was asked for;
    in unseen scenes too at the `last` reveal."""

    def end(key: str) -> Mapping[str, Any] | None:
        return cache.artifact(key).metrics["end"] if store.published(key) else None

    conditions = {name: base.replace(edits=text) for name, text in lists.items() if text}
    unseen = (lambda key: _unseen(key, images)) if last else None
    compared = cached_baselines(images, base) | (advice.arms if advice else {})
    return repair_results.ranking(conditions, compared, images.grouping, end, unseen)


def show_ranking(
    ranking: Ranking, images: ImageSet, base: Condition, palette: Palette, bar: DeltaGenerator
) -> None:
    """Show a ranking; the bar has the choice of a view."""
    if ranking.waiting:
        jobs.watch(ranking.waiting, _show_waiting, each_done=True)
    if not ranking.results:
        st.info("Nothing is trained yet: go back and train a repair.")
        return
    with bar:
        view = widgets.choose_one(
            "Show",
            VIEWS if ranking.last else VIEWS[:2],
            CHOICE,
            VIEWS[0],
            label_visibility="collapsed",
        )
    if view == VIEWS[0]:
        width, height = shell.window()
        margin = 100 if width > 700 else 40
        chart = ranking.chart(palette, min(width - margin, 1400), height - ABOVE)
        cache.show_chart(chart, alt=ranking.words, key="wall_chart")
        st.caption(plain(ranking.about))
    elif view == VIEWS[1]:
        table = repair_results.group_table(ranking.results, images.grouping)
        st.dataframe(table, height=min(520, 36 * (len(table) + 1) + 3))
    elif ranking.before is None:
        st.info(
            "The model as it was is not trained, so no gain is known; “Prepare” trains it, before"
            " the reveal."
        )
    elif ranking.teams:
        gains = repair_results.gains_by_kind(ranking.teams, ranking.before)
        st.markdown("Gain in accuracy over the model as it was, in points:")
        st.table(repair_results.gains_words(gains))
        st.markdown(plain(repair_results.gains_caveat(gains)))
    with bar.popover("Export", icon=":material/download:"):
        _downloads(ranking, images, base)


def _show_waiting(views: Sequence[JobStatus]) -> None:
    """How many models that count are in training, and how many have none."""
    active = sum(view.state.is_active for view in views)
    counts = {
        "Still in training": active,
        "Failed, cancelled or not started": sum(not view.done for view in views) - active,
    }
    st.caption(" ".join(f"{words}: {count}." for words, count in counts.items() if count))


def _downloads(ranking: Ranking, images: ImageSet, base: Condition) -> None:
    asker = visitors.visitor()

    def slide() -> bytes:
        spec = ranking.chart(LIGHT, *SLIDE).to_dict(validate=False)
        return work.run_in_worker(asker, chart_slide, spec)

    widgets.download("Slide (PNG)", slide, "repair.png", "image/png", "image")
    task = repair.task_text(images, base)
    paper = partial(work.run_in_worker, asker, repair_html, ranking, task, images.grouping)
    widgets.download("Handout", paper, "repair.html", "text/html", "print")
    towers = tower_pairs.tower_pair_of(base)
    table = repair_results.export_table(ranking, images.grouping, towers)
    widgets.download("Table (CSV)", safe_csv(table), "repair.csv", "text/csv")
