"""Lesson “repair” on the page: alone, the presenter view, and a team's phone."""

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.artifacts import store
from vlcore.classroom import repair, teams
from vlcore.classroom.repair import (
    BY_CHANCE,
    EDITING,
    METHODS,
    REPAIR,
    REVEALED,
    SHORT,
    STEPS,
    UNSEEN,
    Repair,
)
from vlcore.classroom.repair_results import TeamRanking
from vlcore.classroom.session import PHASES, ClassSession, move_session
from vlcore.classroom.teams import Team
from vlcore.data.imageset import ImageSet
from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import read_edits
from vlcore.experiment.errors import LabError
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import duration_words, plural, rate_words
from vlcore.jobs.jobs import JobStatus
from vlcore.plots.theme import Palette
from vlcore.web import cache, jobs, shell, visitors, widgets, work
from vlcore.web.lesson import changes, repair_ranking, session, steps
from vlcore.web.lesson.changes import TeamList
from vlcore.web.lesson.repair_ranking import Advice
from vlcore.web.lesson.session import click_errors, presenter_click, voter

FOLLOW = 4.0  # seconds between polls of a team
TABLE = 250  # px
IN_ADDRESS = "repair"  # the state of a lone player
SIMULATED = 5  # teams at once: one of each kind
ALONE = "Your changes and tries are in this page's address: a reload or a bookmark keeps them."


def alone(images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """The lesson without a class: change, train and look."""
    step = SHORT
    with bar:
        towers = session.chosen_towers()
        if not session.is_hidden():
            step = widgets.choose_one(
                "Labels", STEPS, "repair_labels", SHORT, label_visibility="collapsed"
            )
    if not session.is_hidden():
        session.class_controls(bar, REPAIR, images.name, step, towers)
    session.show_click_error()
    base = repair.repair_base(images, step, towers)
    repairs: dict[str, Repair] = st.session_state.setdefault("lesson_repair", {})
    if base.key not in repairs:
        repairs[base.key] = _repair_in_address(images, base)
    state = repairs[base.key]
    if packed := state.packed(base):
        st.query_params[IN_ADDRESS] = packed
    else:
        st.query_params.pop(IN_ADDRESS, None)
    phase = session.phase_in_address()

    def move(phase: str) -> None:
        st.query_params.update(phase=phase)

    _navigation(phase, move, images, bar, ready=any(_trained([state], base)))
    if phase == EDITING:
        _intro(images, base)
        st.caption(ALONE)
        _prepare(images, base)

        def store_change(how: Callable[[Repair], Repair]) -> None:
            repairs[base.key] = how(repairs[base.key])

        _editor(TeamList(images, base, state, store_change))
    else:
        advice = repair_ranking.ask_advice(images, base, bar)
        last = phase == UNSEEN
        ranking = repair_ranking.team_ranking(
            {"You": state.counts}, images, base, advice, last=last
        )
        repair_ranking.show_ranking(ranking, images, base, palette, bar)
        st.markdown(plain(ranking.before_and_after("You")))
        _link_to_maps(base, state)
        repair_ranking.show_advice(advice, images)


def _repair_in_address(images: ImageSet, base: Condition) -> Repair:
    """The state that the address has for a model; a new one where it cannot be trained."""
    try:
        state = Repair.unpacked(st.query_params.get(IN_ADDRESS, ""), base)
        for edits in (state.edits, *state.tries):
            repair.training_set(images, base.replace(edits=edits))
    except LabError as error:
        st.warning(plain(str(error)))
        return Repair()
    return state


def presenter(room: ClassSession, images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """The presenter view: the teams, and then their ranking."""
    base = repair.repair_base(images, room.step, room.towers)
    ready = any(_trained([team.repair for team in teams.teams(room.code)], base))
    move = presenter_click(move_session, room, room.step)
    _navigation(room.phase, move, images, bar, ready=ready)
    steps.join_banner(room.code, large_type=room.phase == EDITING)
    if room.phase != EDITING:
        advice = repair_ranking.ask_advice(images, base, bar)
        ranking = _class_ranking(room, images, base, advice)
        repair_ranking.show_ranking(ranking, images, base, palette, bar)
        repair_ranking.show_advice(advice, images)
        return
    left, right = st.columns([3, 2])
    with left:
        _intro(images, base)
        if not session.is_hidden():
            _prepare(images, base)
            _rehearsal_controls(room, images, base, bar)
    with right:
        _team_table(room.code, base, ready)


def student(room: ClassSession, images: ImageSet, palette: Palette) -> None:
    """A team's phone: its list while lists are open, then the ranking."""
    base = repair.repair_base(images, room.step, room.towers)
    team = teams.team_of(room.code, voter())
    chooses = room.phase == EDITING and team is None
    session.show_click_error()
    if chooses:
        _intro(images, base)

    @shell.follows(FOLLOW)
    def follow() -> None:
        session.current(room)
        session.rerun_on_click_error()
        if teams.team_of(room.code, voter()) != team:
            st.rerun()
        if chooses:
            _choose_team(room)

    follow()
    if room.phase != EDITING:
        _revealed(room, images, base, team, palette)
    elif team is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(team.name, anchor=False, width="content")
            with st.popover("Phones", icon=":material/group:"):
                st.caption(f"{team.phones} in this team.")
                welcome = click_errors()(partial(teams.welcome_phones, room.code, voter()))
                st.button("Let another phone in", on_click=welcome, help="For three minutes.")
                leave = click_errors()(partial(teams.leave_team, room.code, voter()))
                st.button("Leave the team", on_click=leave)
        store_change = partial(teams.change_repair, room.code, voter())
        _editor(TeamList(images, base, team.repair, store_change))


def _revealed(
    room: ClassSession, images: ImageSet, base: Condition, team: Team | None, palette: Palette
) -> None:
    ranking = _class_ranking(room, images, base)
    bar = st.container(horizontal=True)
    if team and (place := ranking.place(team.name)):
        st.markdown(f"**{plain(place)}**  \n{plain(ranking.before_and_after(team.name))}")
    repair_ranking.show_ranking(ranking, images, base, palette, bar)
    if team:
        _link_to_maps(base, team.repair)
        if team.repair.edits and not team.repair.counts:
            st.caption("Not trained: this list has no place in the ranking.")
        counted = Repair((team.repair.counts or team.repair.edits,))
        changes.changes_list(TeamList(images, base, counted, lambda _: None), closed=True)


def _link_to_maps(base: Condition, state: Repair) -> None:
    """A link to the maps of a repair that is trained."""
    keys = base.key, base.replace(edits=state.counts).key
    if state.counts and all(map(store.published, keys)):
        widgets.link_to_models("See your model beside the one as it was", base.data, keys)


def _class_ranking(
    room: ClassSession, images: ImageSet, base: Condition, advice: Advice | None = None
) -> TeamRanking:
    lists = {team.name: team.repair.counts for team in teams.teams(room.code)}
    return repair_ranking.team_ranking(lists, images, base, advice, last=room.phase == UNSEEN)


def _choose_team(room: ClassSession) -> None:
    @click_errors()
    def join(number: int | None) -> None:
        teams.join_team(room.code, voter(), number, visitors.address())

    st.button("New team", type="primary", icon=":material/add:", on_click=join, args=(None,))
    with st.container(horizontal=True):
        for team in teams.teams(room.code):
            if team.welcomes:
                label = f"Join {team.name}"
                st.button(label, key=f"join_{team.number}", on_click=join, args=(team.number,))


def _intro(images: ImageSet, base: Condition) -> None:
    st.markdown(plain(repair.task_text(images, base)))
    if store.published(base.key):
        end = cache.artifact(base.key).metrics["end"]
        majority, minority = (
            rate_words(end[f"{role}_accuracy"]) for role in ("majority", "minority")
        )
        st.markdown(
            f"As it is: accuracy **{majority}** on the majority and **{minority}** on the minority."
        )


def _editor(team: TeamList) -> None:
    """A list, the button that trains it, and its tries, without numbers before the reveal."""
    changes.editor(team)
    conditions = {text: team.base.replace(edits=text) for text in team.repair.tries}

    def trained(before: Repair) -> Repair:
        # As it is stored: another phone of the team may have changed it.
        after = before.tried()
        work.train(team.base.replace(edits=after.edits))
        return after

    left = limits.REPAIR_TRIES - len(conditions)
    st.button(
        f"Train our repair ({left} of {limits.REPAIR_TRIES} tries left)",
        type="primary",
        icon=":material/model_training:",
        on_click=partial(team.change, trained),
        disabled=not team.repair.edits,
    )
    if not conditions:
        return

    def show(views: Sequence[JobStatus]) -> None:
        for number, (text, view) in enumerate(zip(conditions, views, strict=True), start=1):
            _try(team, number, text, view)

    jobs.watch([condition.key for condition in conditions.values()], show, each_done=True)


def _try(team: TeamList, number: int, text: str, view: JobStatus) -> None:
    """A try of a team: trained, or its progress."""
    counts = text == team.repair.counts
    st.markdown(f"**Try {number}**: {repair.changes_words(text)}{' · **counts**' * counts}")
    if view.done:
        st.caption("Trained. Its accuracy is shown at the reveal.")
        if not counts and st.button("Let this one count", key=f"count_{number}"):
            team.change(partial(Repair.choose, text=text))
            st.rerun()
        return
    train = partial(click_errors()(work.train), team.base.replace(edits=text))
    jobs.progress_or_start(view, "Train it again", train, key=f"again_{number}")
    if view.position:
        seconds = steps.seconds_left(view.position, 0.0, _seconds(team.images, team.base))
        st.caption(f"{steps.time_words(seconds).capitalize()} left.")


def _baseline_conditions(images: ImageSet, base: Condition) -> list[Condition]:
    baselines = repair_ranking.cached_baselines(images, base).values()
    return [condition for conditions in baselines for condition in conditions]


def _baseline_words(images: ImageSet, base: Condition) -> str:
    """What the ranking compares teams with, as far as the set allows it."""
    baselines = repair_ranking.cached_baselines(images, base)
    words = ["the model as it is"]
    if chance := len(baselines.get(BY_CHANCE, [])):
        words.append(f"the budget spent by chance {chance} times")
    if methods := len(baselines.keys() & set(METHODS)):
        words.append(plural(methods, "usual method"))
    return ", ".join(words)


def _prepare(images: ImageSet, base: Condition) -> None:
    """One button that trains the baselines of the ranking."""
    conditions = _baseline_conditions(images, base)

    def show(views: Sequence[JobStatus]) -> None:
        session.rerun_on_click_error()
        missing = jobs.untrained(conditions, views)
        until = partial(work.until_done, _seconds(images, base))
        if active := sum(view.state.is_active for view in views):
            done, left = sum(view.done for view in views), duration_words(until(0, active))
            text = f"Preparing: {done} of {len(views)} models are there, {left} left"
            st.progress(done / len(views), text=text)
        if missing:
            time = duration_words(until(len(missing), active))
            start = partial(click_errors()(work.train), *missing)
            st.button("Prepare", icon=":material/bolt:", on_click=start, key="repair_prepare")
            st.caption(
                f"Trains {plural(len(missing), 'model')}, {time}. Teams are compared with"
                f" {_baseline_words(images, base)}."
            )

    jobs.watch([condition.key for condition in conditions], show, each_done=True)


def _seconds(images: ImageSet, base: Condition) -> float:
    """How long a training probably takes here."""
    keys = [condition.key for condition in _baseline_conditions(images, base)]
    return work.expected_seconds(base, keys)


def _rehearsal_controls(
    room: ClassSession, images: ImageSet, base: Condition, bar: DeltaGenerator
) -> None:
    @click_errors()
    def begin() -> None:
        lists = [repair.simulated_list(images, base, number) for number in range(SIMULATED)]
        work.train(*(base.replace(edits=text) for text in lists))
        teams.add_simulated(room.code, session.own_token(), lists)

    with bar.popover("Rehearse", icon=":material/smart_toy:"):
        st.caption("Simulated teams, each with a list of its own kind; they are marked.")
        st.button(f"Add {SIMULATED} simulated teams", on_click=begin)
        delete = presenter_click(teams.delete_simulated, room)
        st.button("Delete the simulated teams", on_click=delete)
        st.button(
            "Delete teams without a change",
            on_click=presenter_click(teams.delete_idle, room),
            help="Those of phones that are gone, or never were.",
        )
        st.button(
            "Let phones into all teams",
            on_click=presenter_click(teams.welcome_phones_to_all, room),
            help="For three minutes, as for one that was lost.",
        )


def _trained(repairs: Sequence[Repair], base: Condition) -> list[int]:
    """How many of its lists each team has trained."""
    counts = []
    for state in repairs:
        views = work.views([base.replace(edits=text) for text in state.tries])
        counts.append(sum(view.done for view in views))
    return counts


def _team_table(code: str, base: Condition, ready: bool) -> None:
    """The progress of the teams; the page is run anew when there is something to reveal."""

    @shell.follows(jobs.POLL)
    def follow() -> None:
        now = teams.teams(code)
        trained = _trained([team.repair for team in now], base)
        if any(trained) != ready:
            st.rerun()
        st.markdown(f"**Teams: {len(now)}**")
        rows = [
            {
                "Team": team.name,
                "Phones": team.phones,
                "Changes": len(read_edits(team.repair.edits)),
                "Tries": len(team.repair.tries),
                "Trained": count,
            }
            for team, count in zip(now, trained, strict=True)
        ]
        table = pd.DataFrame(rows, columns=["Team", "Phones", "Changes", "Tries", "Trained"])
        wide = {"Team": st.column_config.TextColumn(width="medium")}  # room for “simulated”
        st.dataframe(table, hide_index=True, height=TABLE, column_config=wide)

    follow()


def _navigation(
    phase: str, move: Callable[[str], None], images: ImageSet, bar: DeltaGenerator, *, ready: bool
) -> None:
    """The buttons on and back beside the title; each answer begins with its ranking.

    Args:
        phase: of the lesson.
        move: goes to a phase.
        images: the image set.
        bar: beside the title.
        ready: whether a repair is trained; before, the reveal does not stand out.
    """

    def go(phase: str) -> None:
        st.session_state[repair_ranking.CHOICE] = repair_ranking.VIEWS[0]
        move(phase)

    if phase != EDITING:
        back = PHASES[PHASES.index(phase) - 1]
        bar.button("Back", icon=":material/arrow_back:", on_click=go, args=(back,))
    if phase == EDITING:
        bar.button(
            "Reveal",
            type="primary" if ready else "secondary",
            icon=":material/visibility:",
            on_click=go,
            args=(REVEALED,),
        )
    elif phase == REVEALED and repair.can_draw(images):
        bar.button(
            "Last: scenes that nobody drew",
            type="primary",
            icon=":material/public:",
            on_click=go,
            args=(UNSEEN,),
        )
