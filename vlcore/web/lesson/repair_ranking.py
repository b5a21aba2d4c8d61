"""The lesson “repair” after its reveal: the ranking of teams, all groups, gains by kind of change,
downloads; and advice, unused images that should mend the model, added and compared with images by
chance."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api.explain import advise
from vlcore.api.model_map import ComparisonError
from vlcore.api.unseen_scenes import unseen_accuracy
from vlcore.artifacts import store
from vlcore.classroom import answers, repair, repair_results, tower_pairs
from vlcore.classroom.handout import repair_html
from vlcore.classroom.repair_results import TeamRanking
from vlcore.data.imageset import ImageSet
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import plain, safe_csv
from vlcore.jobs.jobs import JobStatus
from vlcore.metrics.estimate import Estimate
from vlcore.plots.rendering import chart_slide
from vlcore.plots.theme import LIGHT, Palette
from vlcore.study.answer_file import AnswerError
from vlcore.web import cache, image_addresses, jobs, shell, visitors, widgets, work
from vlcore.web.lesson import steps

ABOVE = 190  # px of the page over the chart, and under it
SLIDE = (1200, 620)  # px of the chart as a slide
VIEWS = ("ranking", "four groups", "what helped")
CHOICE = "wall"  # key of the chosen view
LABEL = "What would mend it?"  # of the advice


@dataclass(frozen=True)
class Advice:
    """Rows of the advised images, and the conditions that compare them with others, by arm."""

    rows: Sequence[int]
    arms: dict[str, list[Condition]]

    @property
    def conditions(self) -> list[Condition]:
        return [condition for arm in self.arms.values() for condition in arm]


@st.cache_data(
    max_entries=16, show_spinner="Spending twelve changes by chance …", hash_funcs=cache.BY_CONTENT
)
def cached_baselines(images: ImageSet, base: Condition) -> dict[str, list[Condition]]:
    """The baselines of teams, see `vlcore.classroom.repair.repair_baselines`."""
    return repair.repair_baselines(images, base)


@cache.by_content(200, "Testing the models in unseen scenes …")
def _unseen(key: str, images: ImageSet) -> Estimate | None:
    """A model's accuracy in unseen scenes; None where the set has none."""
    try:
        return unseen_accuracy(cache.map_of_model(key), cache.model(key), images)["all"]
    except ComparisonError:
        return None


def team_ranking(
    lists: Mapping[str, str],
    images: ImageSet,
    base: Condition,
    advice: Advice | None = None,
    *,
    last: bool = False,
) -> TeamRanking:
    """The ranking of the lists that count, by team, with what was advised where that was asked for;
    in unseen scenes too at the `last` reveal."""

    def end(key: str) -> Mapping[str, Any] | None:
        return cache.artifact(key).metrics["end"] if store.published(key) else None

    conditions = {name: base.replace(edits=text) for name, text in lists.items() if text}
    unseen = (lambda key: _unseen(key, images)) if last else None
    compared = cached_baselines(images, base) | (advice.arms if advice else {})
    return repair_results.ranking(conditions, compared, images.grouping, end, unseen)


def show_ranking(
    ranking: TeamRanking, images: ImageSet, base: Condition, palette: Palette, bar: DeltaGenerator
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
    if ranking.last:
        steps.show_take_home(repair.REPAIR, images.name)
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


def _downloads(ranking: TeamRanking, images: ImageSet, base: Condition) -> None:
    asker = visitors.visitor()

    def slide() -> bytes:
        spec = ranking.chart(LIGHT, *SLIDE).to_dict(validate=False)
        return work.run_in_worker(asker, chart_slide, spec)

    widgets.download("Slide (PNG)", slide, "repair.png", "image/png", "image")
    task = repair.task_text(images, base)
    sentence = ""
    if ranking.last:
        with suppress(AnswerError):  # which the page has
            sentence = answers.take_home(repair.REPAIR, images.name)
    paper = partial(
        work.run_in_worker, asker, repair_html, ranking, task, images.grouping, sentence
    )
    widgets.download("Handout", paper, "repair.html", "text/html", "print")
    towers = tower_pairs.tower_pair_of(base)
    table = repair_results.export_table(ranking, images.grouping, towers)
    widgets.download("Table (CSV)", safe_csv(table), "repair.csv", "text/csv")


def ask_advice(images: ImageSet, base: Condition, bar: DeltaGenerator) -> Advice | None:
    """The advice for a model, where it is trained and a visitor asks for it."""
    if not store.published(base.key):
        return None
    about = "Unused images whose addition is predicted to help the minority most, put to the test."
    if not bar.toggle(LABEL, **widgets.in_address("advice", about)):
        return None
    try:
        advise_now = partial(_advised, base.key, images)
        rows = jobs.ready_or_offered(advise_now, f"advice_{base.key}", "Ask the advisor")
        if rows is None:
            return None
        return Advice(rows, repair.advice_conditions(images, base, rows))
    except LabError as error:
        st.warning(plain(str(error)))
        return None


@cache.by_content(20, "Asking what each unused image would change …")
def _advised(key: str, images: ImageSet, _may_start: bool) -> list[int]:
    if not _may_start:
        raise jobs.NotStartedError("The advisor was not asked yet; press its button.")
    rows = repair.advice_rows(images, cache.artifact(key).condition)
    return work.run_in_worker(visitors.visitor(), advise, key, rows)


def show_advice(advice: Advice | None, images: ImageSet) -> None:
    """Show the advised images, and what their addition changed or the button that tries it."""
    if advice is None:
        return
    words, groups = group_words(images.grouping), images.table["group"]
    st.markdown(
        f"**{LABEL}** These {len(advice.rows)} unused images, by TracIn on validation images"
    )
    st.markdown(" ".join(image_addresses.markdown_images(images, advice.rows).values()))
    counts = groups.iloc[list(advice.rows)].value_counts()
    st.caption(plain(", ".join(f"{words[name]}: {count}" for name, count in counts.items())))
    about = (
        "With these, with as many unused images by chance, and with as many by chance of the same"
        f" groups; {len(repair.CHANCE)} seeds each. They join the ranking."
    )
    if jobs.train_several(advice.conditions, "Add them and train again", about, key="advice"):
        minority = {
            arm: [_minority_accuracy(condition) for condition in conditions]
            for arm, conditions in advice.arms.items()
        }
        st.markdown(plain(repair_results.advice_sentence(minority)))


def _minority_accuracy(condition: Condition) -> float:
    end = cache.artifact(condition.key).metrics["end"]
    return float(end["minority_accuracy"]["value"])
