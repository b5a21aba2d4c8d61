"""What a lesson reveals: the votes against what was measured, the maps, the study's claims, and the hand-out.

The one idea: everything that is there is read, each reading with its own interval and n: this server's one run, its
other runs, and the runs that the lab publishes with itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import pandas as pd
import streamlit as st

from vlcore.charts.html import Pictures
from vlcore.charts.theme import Palette
from vlcore.charts.thumbnails import thumb_uri
from vlcore.charts.votes import votes_chart
from vlcore.compare import description
from vlcore.compare.metrics_table import estimate_of
from vlcore.core.grouping import Grouping, group_words
from vlcore.core.wording import describe_bias, title
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.samples import group_pictures
from vlcore.datasets.subset import usual_condition
from vlcore.lessons import answers as numbers
from vlcore.lessons.handout import Sheet, handout_html
from vlcore.lessons.script import Lesson, Step, lessons
from vlcore.runs.maps import PCA
from vlcore.store import artefacts
from vlcore.studies.evidence import ClaimResult
from vlcore.studies.runs_table import AnalysisError, runs_table
from vlcore.studies.text import claim_words, estimate_words, not_run
from vlcore.ui import cache, condition_controls, shell
from vlcore.ui.compare import film
from vlcore.ui.findings import sections
from vlcore.ui.lesson import steps

ANOTHER = "This is one run of each model; another seed gives other numbers."


def of_set(images: ImageSet) -> dict[str, Lesson]:
    """The lessons on an image set.

    Raises:
        ImageSetError: when there is too little to train on.
    """
    return lessons(usual_condition(images), images.grouping)


def this_run(step: Step) -> numbers.Reading:
    """What was measured about a question in this server's run with the usual seed.

    Raises:
        ValueError: where it is not trained yet, or the number is not defined; the message says why.
    """
    needed = step.conditions if step.quantity.beside else (step.right,)
    if not all(artefacts.published(condition.key) for condition in needed):
        raise ValueError("not trained yet")
    left, right = (cache.artefact(condition.key).metrics["end"] for condition in (needed[0], step.right))
    return numbers.reading(step, "in this run", numbers.in_one_run(step, left, right), runs=False)


def readings(lesson: Lesson, step: Step, images: ImageSet) -> list[numbers.Reading]:
    """What was measured about a question: in this run, in this server's runs, in those that the lab publishes; what is
    not there is left out."""
    found = []
    with suppress(ValueError):
        found.append(this_run(step))
    shipped = numbers.values_of(_published(images), numbers.measures_of(lesson))
    here = _values_here(lesson)
    asked_for = {step.right.replace(data_seed=seed, init_seed=seed).key for seed in numbers.SEEDS}
    # Where all runs of this server are among the published ones there is nothing to add.
    sources = {"in the runs of this server": here} if asked_for & set(here) - set(shipped) else {}
    for where, values in {**sources, "in the published runs": shipped}.items():
        with suppress(ValueError):  # fewer than two runs
            found.append(numbers.reading(step, where, numbers.over_runs(step, values, numbers.SEEDS), runs=True))
    return found


def claims(lesson: Lesson, images: ImageSet) -> dict[str, ClaimResult]:
    """The study's claims put to the published runs of the lab, or else to those of this server."""
    return _claims(lesson.name, images, _keys_here(lesson))


@st.cache_resource(max_entries=12, show_spinner="Putting the claims to the test …", hash_funcs=cache.BY_CONTENT)
def _claims(name: str, images: ImageSet, keys: Sequence[str]) -> dict[str, ClaimResult]:
    lesson = of_set(images)[name]
    for frame in (_published(images), runs_table([cache.artefact(key) for key in keys]) if keys else None):
        if frame is not None and len(frame):
            try:
                return numbers.claims(frame, lesson, images.grouping)
            except AnalysisError:  # runs that do not compare decide nothing; the Findings page says in what they differ
                continue
    return {}


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def _published(images: ImageSet) -> pd.DataFrame:
    frame = numbers.published_results(images.name)
    return frame[frame["data_version"] == images.version] if len(frame) else frame


def _keys_here(lesson: Lesson) -> list[str]:
    """Keys of the runs on this server that a lesson is about, whatever their seed."""
    conditions = dict.fromkeys(condition for step in lesson.steps for condition in step.conditions if condition.steps)
    keys = [c.replace(data_seed=seed, init_seed=seed).key for c in conditions for seed in numbers.SEEDS]
    return [key for key in keys if artefacts.published(key)]


def _values_here(lesson: Lesson) -> dict[str, dict[str, float]]:
    found = {}
    for key in _keys_here(lesson):
        end = cache.artefact(key).metrics["end"]
        there = {measure: estimate_of(end, measure) for measure in numbers.measures_of(lesson)}
        found[key] = {measure: float(one["value"]) for measure, one in there.items() if one is not None}
    return found


def reveal(
    lesson: Lesson,
    step: Step,
    images: ImageSet,
    counts: Mapping[str, int],
    own: str | None,
    palette: Palette,
    *,
    heading: str,
) -> None:
    """The answer: votes and measurement, then the maps, then what the study says."""
    found, side = readings(lesson, step, images), shell.map_side()
    left, right = st.columns(2)
    with left:
        st.subheader(heading)
        _votes(step, counts, found, palette, side)
        if own:
            st.markdown(f":material/how_to_vote: Your vote was “{step.choice(own).text}”.")
    with right:
        st.subheader("What was measured")
        for one in found:
            _measured(step, one)
        try:
            this_run(step)
        except ValueError as error:
            st.markdown(f"In this run: {error}.")
        st.caption(
            f"{ANOTHER} An interval over pictures says nothing about other seeds; that of a difference is the widest "
            "that the intervals of both models allow."
        )
    side_by_side(step, palette, side, images.grouping)
    with st.container(border=True):
        st.markdown("**Look at**")
        for place, line in enumerate(step.look):
            steps.large(f"· {line}", "answer", key=f"look_{step.name}_{place}")
    _claimed(lesson, step, images)


def _measured(step: Step, one: numbers.Reading) -> None:
    place = f"{one.where[0].upper()}{one.where[1:]}"
    over = "runs" if one.runs else "pictures"
    number, decided = numbers.number_words(step, one.estimate), numbers.decision_words(one)
    # A share of pictures says something to everybody, and so does an answer; a silhouette or a variance does not.
    first, second = (number, decided) if step.quantity.share else (one.decides.text if one.decides else decided, "")
    steps.large(f"{place}: {first}", "link", key=f"number_{one.where}")
    if second:
        steps.large(second, "answer", key=f"decides_{one.where}")
    said = step.quantity.words if step.quantity.share else f"{step.quantity.words}: {number}"
    st.caption(f"{said}; 95 % interval over {over}, {numbers.counted_words(one)}.")


def _votes(step: Step, counts: Mapping[str, int], found: list[numbers.Reading], palette: Palette, side: int) -> None:
    rows = pd.DataFrame(
        {
            "text": [choice.text for choice in step.choices],
            "votes": [int(counts.get(choice.name, 0)) for choice in step.choices],
            "measured": [" and ".join(one.where for one in found if one.decides == choice) for choice in step.choices],
        }
    )
    said = "; ".join(f"{row.text}: {row.votes}" for row in rows.itertuples())
    spec = cache.finished(votes_chart(rows, palette=palette, width=side))
    cache.show(spec, alt=f"Votes: {said}", key=f"votes_{step.name}")


def side_by_side(step: Step, palette: Palette, side: int, grouping: Grouping) -> None:
    """The two maps of a step with the group accuracies, once both models are there."""
    if not steps.is_trained(step):
        st.info("The two maps will be here when both models are trained: go back one step to train them.")
        return
    keys = [condition.key for condition in step.conditions]
    st.subheader(f"Left: {title(step.left)}. Right: {title(step.right)}.")
    said = description.summary(cache.comparison(keys, PCA), grouping)
    cache.show(cache.maps(keys, palette, side), alt=said, key=f"maps_{step.name}")
    st.markdown(said)
    trained = [condition.key for condition in step.conditions if condition.steps]
    if st.toggle("Watch the training as a film", key=f"film_{step.name}"):
        film.film_section(trained, palette, side)


def _claimed(lesson: Lesson, step: Step, images: ImageSet) -> None:
    """What the study says here, and what became of it."""
    if step.says:
        st.markdown(f"**The study's text says:** “{step.says}”.")
    there = claims(lesson, images) if step.claims else {}
    for name in step.claims:
        if result := there.get(name):
            with st.container(border=True):
                st.markdown(f"**{name} · The study says:** {result.claim.says} {sections.badge(result)}")
                st.markdown(
                    f"{result.claim.what}: **{estimate_words(result.estimate)}**, n = {result.n} blocks of seeds. "
                    f"To be supported it must also beat: {result.claim.null}. {not_run(result)}"
                )


def summary(lesson: Lesson, images: ImageSet, votes: Mapping[str, Mapping[str, int]]) -> None:
    """The whole lesson in a table, at its end."""
    rows = []
    for step in lesson.steps:
        counts = votes.get(step.name, {})
        most = max(counts.values(), default=0)
        first = [choice.text for choice in step.choices if most and counts.get(choice.name, 0) == most]
        rows.append(
            {
                "Question": step.question,
                "Most votes": f"{' and '.join(first)} ({most} of {sum(counts.values())}{' each' * (len(first) > 1)})"
                if first
                else "–",
                **{f"Measured {one.where}": _briefly(step, one) for one in readings(lesson, step, images)},
            }
        )
    st.subheader("The whole lesson")
    st.table(pd.DataFrame(rows).fillna("–").set_index("Question"))
    st.markdown("**Go on**")
    with st.container(horizontal=True):
        for page, label, icon in (
            ("pages/3_Compare.py", "Compare these models yourself", ":material/compare:"),
            ("pages/4_Upload.py", "Give them a picture of your own", ":material/upload:"),
            ("pages/5_Findings.py", "What many runs found", ":material/experiment:"),
        ):
            st.page_link(page, label=label, icon=icon, query_params=shell.persistent_query_params(), width="content")


def _briefly(step: Step, one: numbers.Reading) -> str:
    decided = one.decides.text if one.decides else "not decided"
    return f"{numbers.number_words(step, one.estimate)}, {numbers.counted_words(one)}: {decided}"


def handout(lesson: Lesson, images: ImageSet, *, lecturer: bool) -> str:
    """The lesson on paper; a lecturer's copy has what was measured."""
    conditions = dict.fromkeys(condition for step in lesson.steps for condition in step.conditions if condition.steps)
    models = pd.DataFrame(
        [
            {
                "Model": number,
                "Training pictures of minority groups": describe_bias(condition) if condition.bias else "all kept",
                "Labels": condition_controls.said_as(condition.labels, images.grouping),
                "Pairs in the loss": "matched only" if condition.negatives == "none" else "matched and mismatched",
                "Steps": condition.steps,
            }
            for number, condition in enumerate(conditions, start=1)
        ]
    )
    sheets = [
        Sheet(
            title=step.title,
            text=step.text,
            question=step.question,
            choices=[choice.text for choice in step.choices],
            look=step.look,
            measured=_on_paper(lesson, step, images) if lecturer else (),
        )
        for step in lesson.steps
    ]
    shown = Pictures(
        [thumb_uri(picture, 224) for picture in group_pictures(images)], list(group_words(images.grouping).values())
    )
    heading = f"{lesson.title}{': with the numbers' if lecturer else ''}"
    return handout_html(heading, lesson.text, shown, models, sheets)


def _on_paper(lesson: Lesson, step: Step, images: ImageSet) -> list[str]:
    sentences = [numbers.reading_words(step, one) for one in readings(lesson, step, images)]
    there = claims(lesson, images) if step.claims else {}
    sentences += [
        f"{name}, the study says: {there[name].claim.says} {there[name].claim.what}: "
        f"{estimate_words(there[name].estimate)}, n = {there[name].n}. {claim_words(there[name])}. "
        f"{not_run(there[name])}".rstrip()
        for name in step.claims
        if name in there
    ]
    return [*(sentences or ["Nothing was measured yet: train the models of this question."]), ANOTHER]
