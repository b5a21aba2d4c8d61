"""Lesson “repair” on the page: alone, the presenter view, and a team's phone."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.artifacts import store
from vlcore.classroom import answers, repair, repair_results
from vlcore.classroom.handout import Question, handout_html
from vlcore.classroom.lessons import LessonCard
from vlcore.classroom.repair import EDITING, REPAIR, REVEALED, STEP, Repair
from vlcore.classroom.session import ClassSession, move_session
from vlcore.data.imageset import ImageSet
from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import MOST, Add, Edit, Remove, read_edits
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import plain, safe_csv
from vlcore.experiment.wording import TOWERS_SEEN, percent, plural
from vlcore.jobs.jobs import JobStatus
from vlcore.plots.rendering import chart_slide
from vlcore.plots.theme import LIGHT, Palette
from vlcore.study.answer_file import AnswerError
from vlcore.web import cache, image_addresses, jobs, shell, visitors, widgets, work
from vlcore.web.lesson import session, steps
from vlcore.web.lesson.session import click_errors, presenter_click, voter

FOLLOW = 4.0  # seconds between polls of a team
NAME = REPAIR
LESSON = LessonCard(
    "Repair a biased training set",
    40,
    "45 minutes",
    "one phone per team",
    "Which images are worth adding, and what mending the rare ones costs the common ones.",
)
IN_ADDRESS = "repair"  # the changes of a lone player
PAGE = 20  # images of a grid at once
TABLE = 250  # px
ABOVE = 190  # px of the page over the chart, and under it
SLIDE = (1200, 620)  # px of the chart as a slide
ABOUT = (
    "Intervals are 95% over the images of one model. By chance: the mean and the range of"
    f" {len(repair.CHANCE)} models with {MOST} random changes."
)
HEADINGS = {"minority": "rare images", "majority": "common images"}  # of columns of the table
Change = Callable[[Callable[[Repair], Repair]], None]  # changes a state that is stored


@dataclass(frozen=True)
class Task:
    """What is repaired: an image set, and a model of it on a pair of towers."""

    images: ImageSet
    towers: str

    @property
    def base(self) -> Condition:
        return repair.repair_base(self.images, self.towers)

    def baselines(self) -> dict[str, list[Condition]]:
        return _baselines(self.images, self.base)

    def ranking(self, lists: Mapping[str, str]) -> repair_results.TeamRanking:
        """Rank the lists that count, by team."""
        conditions = {
            name: self.base.replace(edits=edits) for name, edits in lists.items() if edits
        }
        return repair_results.rank_teams(
            conditions, self.baselines(), self.images.grouping, _metrics_at_end
        )


@st.cache_data(
    max_entries=16, show_spinner="Spending the changes by chance …", hash_funcs=cache.BY_CONTENT
)
def _baselines(images: ImageSet, base: Condition) -> dict[str, list[Condition]]:
    return repair.repair_baselines(images, base)


def _metrics_at_end(key: str) -> Mapping[str, Any] | None:
    return cache.artifact(key).metrics["end"] if store.published(key) else None


def alone(images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """The lesson without a class: change, train and look."""
    with bar:
        task = Task(images, shell.towers_choice())
    session.class_controls(bar, REPAIR, images.name, STEP, task.towers)
    session.show_click_error()
    states: dict[str, Repair] = st.session_state.setdefault("lesson_repair", {})
    key = task.base.key
    if key not in states:
        states[key] = Repair() if states else _state_in_address(task)
    state = states[key]
    st.query_params.pop(IN_ADDRESS, None)
    if state != Repair():
        st.query_params[IN_ADDRESS] = state.text
    phase = session.phase_in_address()

    def move(phase: str) -> None:
        st.query_params.update(phase=phase)

    def change(how: Callable[[Repair], Repair]) -> None:
        states[key] = how(states[key])

    _navigation(phase, move, bar)
    if phase == EDITING:
        _show_task(task)
        st.caption("Your changes are in the address of this page; a bookmark keeps them.")
        _prepare(task)
        _editor(task, state, change)
    else:
        _show_ranking(task, {"You": state.counts}, palette, bar=bar)
        _link_to_maps(task, state)


def _state_in_address(task: Task) -> Repair:
    """Return the changes that the address has, or none if they cannot be trained."""
    try:
        state = Repair.from_text(st.query_params.get(IN_ADDRESS, ""))
        for edits in (state.edits, *state.tries):
            repair.training_set(task.images, task.base, Repair(edits))
    except LabError as error:
        st.warning(plain(str(error)))
        return Repair()
    return state


def presenter(room: ClassSession, images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """The presenter view: the teams, and then their ranking."""
    task = Task(images, room.towers)
    _navigation(room.phase, presenter_click(move_session, room, STEP), bar)
    steps.join_banner(room.code, large_type=room.phase == EDITING)
    if room.phase != EDITING:
        _show_ranking(task, _counted(room), palette, bar=bar)
        return
    left, right = st.columns([3, 2])
    with left:
        _show_task(task)
        _prepare(task)
    with right:
        _team_table(room.code, task)
        st.button(
            "Delete teams without a change",
            on_click=presenter_click(repair.delete_idle, room),
            help="Teams of phones that are gone.",
        )


def _counted(room: ClassSession) -> dict[str, str]:
    """Return the list that counts, by team."""
    return {team.name: team.repair.counts for team in repair.teams(room.code)}


def student(room: ClassSession, images: ImageSet, palette: Palette) -> None:
    """A team's phone: its list while lists are open, then the ranking."""
    task = Task(images, room.towers)
    team = next(iter(repair.teams(room.code, voter())), None)
    session.show_click_error()

    @shell.follows(FOLLOW)
    def follow() -> None:
        session.current(room)
        session.rerun_on_click_error()

    follow()
    if room.phase != EDITING:
        _show_ranking(task, _counted(room), palette, own_team=team.name if team else "")
        if team:
            _link_to_maps(task, team.repair)
    elif team is None:
        st.markdown(plain(repair.task_text(task.images, task.base)))
        steps.show_groups(task.images, task.images.grouping.minority)
        start = click_errors()(partial(repair.join, room.code, voter(), visitors.address()))
        st.button("Start a team", type="primary", icon=":material/add:", on_click=start)
    else:
        st.subheader(team.name, anchor=False)
        _editor(task, team.repair, partial(repair.change, room.code, voter()))


def _show_task(task: Task) -> None:
    """Show the task, and what the encoders have seen before."""
    steps.large_text(repair.task_text(task.images, task.base), "answer")
    st.caption(TOWERS_SEEN[task.towers])


def _prepare(task: Task) -> None:
    """Offer a handout, and the training of the baselines."""
    conditions = [condition for arm in task.baselines().values() for condition in arm]
    paper = partial(_handout, task)
    widgets.download("Handout", paper, "repair.html", "text/html", "print")
    about = f"The ranking compares teams with {', '.join(task.baselines())}."
    jobs.need_models(conditions, "Prepare", about=about, key="repair_prepare")


def _handout(task: Task, ranks: Sequence[str] = ()) -> str:
    """The lesson on paper; a lecturer's copy has the ranking and the sentence to take home."""
    question = Question("Which images would you add or remove, and why?", answers=ranks)
    sentence = ""
    if ranks:
        with suppress(AnswerError):  # which the page shows
            sentence = answers.take_home(REPAIR, task.images.name)
    text = repair.task_text(task.images, task.base)
    return handout_html("Repair a training set", text, [question], take_home=sentence)


def _editor(task: Task, state: Repair, change: Change) -> None:
    """A list: possible changes, what it leaves to train on, and the button that trains it."""

    def turn(edit: Edit) -> None:
        def checked(before: Repair) -> Repair:
            after = before.turned(edit)
            repair.training_set(task.images, task.base, after)
            return after

        with click_errors():
            change(checked)

    used = len(read_edits(state.edits))
    st.progress(used / MOST, text=f"{used} of {MOST} changes")
    training = repair.training_set(task.images, task.base, state)
    sizes = repair.group_sizes(task.images, training)
    before = repair.group_sizes(task.images, repair.training_set(task.images, task.base, Repair()))
    grouping = task.images.grouping
    words = group_words(grouping)
    tool = st.segmented_control(
        "Change", ["Add", "Remove"], default="Add", required=True, label_visibility="collapsed"
    )
    group = st.selectbox(
        "Group",
        [*grouping.minority, *grouping.majority],
        format_func=lambda name: f"{words[name]}: {sizes[name]} (was {before[name]})",
    )
    rows = training.rows.tolist()
    if tool == "Add":
        rows = repair.unused_rows(task.images, training)
    groups = task.images.table["group"]
    _grid(task.images, [row for row in rows if groups.iat[row] == group], tool, turn)
    _tries(task, state, change)
    _changes(task.images, state, turn)


def _grid(images: ImageSet, rows: Sequence[int], tool: str, turn: Callable[[Edit], None]) -> None:
    """Small images of rows; a tap on one adds or removes it."""
    kind = Add if tool == "Add" else Remove
    number = st.session_state.get("repair_page", 0) % max(1, -(-len(rows) // PAGE))
    page_rows = rows[number * PAGE : (number + 1) * PAGE]
    with st.container(horizontal=True, gap="xxsmall", key="pictures-repair"):
        for row, label in image_addresses.markdown_images(images, page_rows).items():
            key, tap = f"{tool}_{row}", partial(turn, kind(row))
            st.button(label, key=key, type="tertiary", on_click=tap)
    with st.container(horizontal=True, vertical_alignment="center"):
        following = partial(st.session_state.__setitem__, "repair_page", number + 1)
        st.button("More images", icon=":material/refresh:", on_click=following)
        st.caption(f"{len(page_rows)} of {len(rows)}", width="content")


def _changes(images: ImageSet, state: Repair, turn: Callable[[Edit], None]) -> None:
    """The changes of a list, each with its image and a button that takes it back."""
    edits = read_edits(state.edits)
    small = image_addresses.addresses(images, [edit.picture for edit in edits])
    with st.container(gap="xxsmall", key="changes"):
        for edit, address in zip(edits, small, strict=True):
            words = plain(repair.edit_words(edit, images))
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"![]({address})", width="content")
                st.markdown(words, width="stretch")
                st.button(
                    "",
                    f"back_{edit.kind}_{edit.picture}",
                    f"Take back: {words}",
                    turn,
                    (edit,),
                    type="tertiary",
                    icon=":material/close:",
                )


def _tries(task: Task, state: Repair, change: Change) -> None:
    """The button that trains a list, and the tries, without numbers before the reveal."""
    conditions = {edits: task.base.replace(edits=edits) for edits in state.tries}

    def tried(before: Repair) -> Repair:
        after = before.tried()
        work.train(task.base.replace(edits=after.counts))
        return after

    left = limits.REPAIR_TRIES - len(conditions)
    st.button(
        f"Train our repair ({left} of {limits.REPAIR_TRIES} tries left)",
        type="primary",
        icon=":material/model_training:",
        on_click=click_errors()(partial(change, tried)),
        disabled=not state.edits,
    )

    def show(views: Sequence[JobStatus]) -> None:
        for number, (edits, view) in enumerate(zip(conditions, views, strict=True), start=1):
            mark = " · **counts**" if edits == state.counts else ""
            st.markdown(f"**Try {number}**: {repair.changes_words(edits)}{mark}")
            if view.done:
                st.caption("Trained. Its accuracy is shown at the reveal.")

    wanted = list(conditions.values())
    if jobs.need_models(wanted, key="again", each_done=True, draw=show):
        show(work.views(wanted))


def _team_table(code: str, task: Task) -> None:
    """The progress of the teams."""

    @shell.follows(jobs.POLL)
    def follow() -> None:
        now = repair.teams(code)
        st.markdown(f"**Teams: {len(now)}**")
        rows = [
            {
                "Team": team.name,
                "Changes": len(read_edits(team.repair.edits)),
                "Tries": len(team.repair.tries),
                "Trained": sum(
                    store.published(task.base.replace(edits=edits).key)
                    for edits in team.repair.tries
                ),
            }
            for team in now
        ]
        table = pd.DataFrame(rows, columns=["Team", "Changes", "Tries", "Trained"])
        st.dataframe(table, hide_index=True, height=TABLE)

    follow()


def _navigation(phase: str, move: Callable[[str], None], bar: DeltaGenerator) -> None:
    """The button on or back, beside the title."""
    if phase == EDITING:
        label, icon, following = "Reveal", "visibility", REVEALED
    else:
        label, icon, following = "Back", "arrow_back", EDITING
    bar.button(label, icon=f":material/{icon}:", on_click=move, args=(following,))


def _show_ranking(
    task: Task,
    lists: Mapping[str, str],
    palette: Palette,
    *,
    bar: DeltaGenerator | None = None,
    own_team: str = "",
) -> None:
    """Show the ranking of the lists that count.

    Args:
        task: what is repaired.
        lists: those that count, by team.
        palette: light or dark.
        bar: gets the files to save; a student's phone has none.
        own_team: of the visitor; its place stands first.
    """
    ranking = task.ranking(lists)
    baselines = (condition.key for arm in task.baselines().values() for condition in arm)
    active = [key for key in baselines if work.view(key).state.is_active]
    if waiting := [*ranking.waiting, *active]:
        _wait_for(waiting)
    if not ranking.results:
        st.info("Nothing is trained yet: go back and train a repair.")
        return
    if place := ranking.place_words(own_team):
        st.markdown(f"**{plain(place)}**")
    width, height = shell.window()
    margin = 100 if width > 700 else 40
    chart = ranking.chart(palette, min(width - margin, 1400), height - ABOVE)
    cache.show_chart(chart, alt=ranking.words, key="wall_chart")
    if ranking.sentence:
        steps.large_text(ranking.sentence, "answer")
    steps.show_take_home(REPAIR, task.images.name)
    table = ranking.table(task.images.grouping)
    with st.expander("How sure?"):
        st.caption(ABOUT)
        numbers = table.drop(columns="edits").rename(columns=HEADINGS)
        shares = numbers.columns.drop(["place", "who"])
        in_percent = numbers.style.format(percent, subset=shares).format(na_rep="–", subset="place")
        st.dataframe(in_percent, hide_index=True)
    if bar is not None:
        with bar.popover("Export", icon=":material/download:"):
            _exports(task, ranking, table)


def _exports(task: Task, ranking: repair_results.TeamRanking, table: pd.DataFrame) -> None:
    asker = visitors.visitor()

    def slide() -> bytes:
        spec = ranking.chart(LIGHT, *SLIDE).to_dict(validate=False)
        return work.run_in_worker(asker, chart_slide, spec)

    widgets.download("Slide (PNG)", slide, "repair.png", "image/png", "image")
    paper = partial(_handout, task, [f"{line}." for line in ranking.words.split("; ")])
    widgets.download("Handout with answers", paper, "repair.html", "text/html", "print")
    widgets.download("Table (CSV)", safe_csv(table), "repair.csv", "text/csv")


def _wait_for(keys: Sequence[str]) -> None:
    """Say how many models of the ranking are not trained yet, and show each when it is."""

    def show(views: Sequence[JobStatus]) -> None:
        missing = sum(not view.done for view in views)
        st.caption(f"Not trained yet: {plural(missing, 'model')} of the ranking.")

    jobs.watch(keys, show, each_done=True)


def _link_to_maps(task: Task, state: Repair) -> None:
    """A link to the maps of a repair that is trained."""
    keys = task.base.key, task.base.replace(edits=state.counts).key
    if state.counts and all(map(store.published, keys)):
        widgets.link_to_models("See your model beside the one as it was", task.base.data, keys)
