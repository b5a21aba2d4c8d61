"""The lesson “repair” on the page: alone, on the wall, on a team's phone."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.artifacts import store
from vlcore.classroom import repair, teams
from vlcore.classroom.one_room_results import time_left
from vlcore.classroom.repair import EDITING, ELSEWHERE, REPAIR, REVEALED, SHORT, STEPS, Repair
from vlcore.classroom.repair_results import Ranking
from vlcore.classroom.session import PHASES, ClassSession, find_session, move_session
from vlcore.data.imageset import ImageSet
from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import read_edits
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import rate
from vlcore.jobs.jobs import JobStatus
from vlcore.jobs.queue import default_workers
from vlcore.plots.theme import Palette
from vlcore.study.text import duration_words
from vlcore.web import jobs, shell, visitors, widgets, work
from vlcore.web.lesson import changes, ranking, session, steps
from vlcore.web.lesson.changes import TeamList
from vlcore.web.lesson.session import click_errors, voter

FOLLOW = 4.0  # seconds between looks of a team at the room
BOARD = 250  # px
REHEARSED = 5  # simulated teams at once: one of each kind
ALONE = (
    "Alone, your changes last as long as this page is open: a reload begins anew. To keep them for"
    " a day, start the lesson for a class, and open its link in another tab."
)


def alone(images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """Change, train and look, for one."""
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
    kept: dict[str, Repair] = st.session_state.setdefault("lesson_repair", {})
    own, phase = kept.get(base.key, Repair()), st.query_params.get("phase")
    ready, move = any(_trained([own], base)), lambda to: st.query_params.update(phase=to)
    _forward(phase if phase in PHASES else EDITING, move, images, bar, ready=ready)
    if phase in (REVEALED, ELSEWHERE):
        found = ranking.team_ranking({"You": own.counts}, images, base, last=phase == ELSEWHERE)
        ranking.show_ranking(found, images, base, palette, bar)
        _maps(base, own)
    else:
        _intro(images, base)
        st.caption(ALONE)
        _prepare(images, base)
        _desk(TeamList(images, base, own, lambda how: kept.update({base.key: how(own)})))


def presenter(room: ClassSession, images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """The wall: who is at what, and then what it came to."""
    base, token = repair.repair_base(images, room.step, room.towers), session.own_token()
    ready = any(_trained([team.repair for team in teams.teams(room.code)], base))
    _forward(
        room.phase,
        click_errors()(partial(move_session, room.code, token, room.step)),
        images,
        bar,
        ready=ready,
    )
    steps.join_banner(room.code, large_type=room.phase == EDITING)
    if room.phase != EDITING:
        ranking.show_ranking(_wall(room, images, base), images, base, palette, bar)
        return
    left, right = st.columns([3, 2])
    with left:
        _intro(images, base)
        if not session.is_hidden():
            _prepare(images, base)
            _rehearse(room, token, images, base, bar)
    with right:
        _board(room.code, base, ready)


def student(room: ClassSession, images: ImageSet, palette: Palette) -> None:
    """A team's phone: its list while lists are open, then what it came to."""
    base, team = (
        repair.repair_base(images, room.step, room.towers),
        teams.team_of(room.code, voter()),
    )
    session.show_click_error()

    @shell.follows(FOLLOW)
    def follow() -> None:
        now = find_session(room.code)
        if now is None or now.phase != room.phase or teams.team_of(room.code, voter()) != team:
            st.rerun()

    follow()
    if room.phase != EDITING:
        found, bar = _wall(room, images, base), st.container(horizontal=True)
        if team and (place := found.place(team.name)):
            st.markdown(f"**{plain(place)}**")
        ranking.show_ranking(found, images, base, palette, bar)
        if team:
            _maps(base, team.repair)
            changes.changes_list(
                TeamList(images, base, Repair((team.repair.counts,)), lambda _: None), closed=True
            )
    elif team is None:
        _intro(images, base)
        _choose_team(room)
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(team.name, anchor=False, width="content")
            with st.popover("Phones", icon=":material/group:"):
                st.caption(f"{team.phones} in this team.")
                let = click_errors()(partial(teams.welcome_phones, room.code, voter()))
                st.button("Let another phone in", on_click=let, help="For three minutes.")
                st.button(
                    "Leave the team",
                    on_click=click_errors()(partial(teams.leave_team, room.code, voter())),
                )
        _desk(TeamList(images, base, team.repair, partial(teams.change_repair, room.code, voter())))


def _maps(base: Condition, own: Repair) -> None:
    """The way to the map of a repair that is trained."""
    keys = base.key, base.replace(edits=own.counts).key
    if own.counts and all(map(store.published, keys)):
        address = dict(zip(("left_model", "right_model"), keys, strict=True))
        widgets.link(
            "pages/3_Compare.py", "See your model beside the one as it was", "compare", **address
        )


def _wall(room: ClassSession, images: ImageSet, base: Condition) -> Ranking:
    lists = {team.name: team.repair.counts for team in teams.teams(room.code)}
    return ranking.team_ranking(lists, images, base, last=room.phase == ELSEWHERE)


def _choose_team(room: ClassSession) -> None:
    @click_errors()
    def join(number: int | None) -> None:
        teams.join_team(room.code, voter(), number, visitors.address())

    st.button("New team", type="primary", icon=":material/add:", on_click=join, args=(None,))
    with st.container(horizontal=True):
        for team in teams.teams(room.code):
            if team.welcomes:
                st.button(
                    f"Join {team.name}",
                    key=f"join_{team.number}",
                    on_click=join,
                    args=(team.number,),
                )


def _intro(images: ImageSet, base: Condition) -> None:
    st.markdown(plain(repair.task_text(images, base)))
    for one in ranking.team_ranking({}, images, base).others[:1]:
        if one.name == repair.AS_IT_WAS:
            majority, minority = (
                rate(one.measured[side].as_dict()) for side in ("majority", "minority")
            )
            st.markdown(
                f"As it is: right on **{majority}** of the majority and **{minority}** of the"
                " minority."
            )


def _desk(seat: TeamList) -> None:
    """A list, the button that trains it, and what was trained, without a number: that is for the
    reveal."""
    changes.editor(seat)
    conditions = {text: seat.base.replace(edits=text) for text in seat.repair.tries}

    def train() -> None:
        with click_errors():
            tried = repair.checked_change(Repair.tried, seat.images, seat.base)(seat.repair)
            work.train(seat.base.replace(edits=tried.edits))
            seat.change(Repair.tried)

    left = limits.REPAIR_TRIES - len(conditions)
    label = f"Train our repair ({left} of {limits.REPAIR_TRIES} tries left)"
    st.button(
        label,
        type="primary",
        icon=":material/model_training:",
        on_click=train,
        disabled=not seat.repair.edits,
    )
    if not conditions:
        return

    def show(views: Sequence[JobStatus]) -> None:
        for number, (text, view) in enumerate(zip(conditions, views, strict=True), start=1):
            counts = text == seat.repair.counts
            st.markdown(f"**Try {number}**: {repair.changes_words(text)}{' · **counts**' * counts}")
            if view.done:
                st.caption("Trained. What it is right on is shown at the reveal.")
                if not counts and st.button("Let this one count", key=f"count_{number}"):
                    seat.change(partial(Repair.choose, text=text))
                    st.rerun()
                continue
            again = partial(click_errors()(work.train), conditions[text])
            jobs.progress_or_start(view, "Train it again", again, key=f"again_{number}")
            if view.position:
                left = time_left(
                    view.position, [0.0], _seconds(seat.images, seat.base), default_workers()
                )
                st.caption(f"{left.capitalize()} left.")

    jobs.watch([condition.key for condition in conditions.values()], show, each_done=True)


def _prepare(images: ImageSet, base: Condition) -> None:
    """One button that trains what the wall shows beside the teams."""
    every = [condition for of in ranking.baselines(images, base).values() for condition in of]

    def show(views: Sequence[JobStatus]) -> None:
        missing = [
            c
            for c, view in zip(every, views, strict=True)
            if not (view.done or view.state.is_active)
        ]
        until = partial(work.until_done, _seconds(images, base))
        if active := sum(view.state.is_active for view in views):
            done, left = sum(view.done for view in views), duration_words(until(0, active))
            st.progress(
                done / len(views),
                text=f"Preparing: {done} of {len(views)} models are there, {left} left",
            )
        if missing:
            time = duration_words(until(len(missing), active))
            start = partial(click_errors()(work.train), *missing)
            st.button("Prepare", icon=":material/bolt:", on_click=start, key="repair_prepare")
            what = (
                "the model as it is, the budget spent by chance five times, and three usual methods"
            )
            st.caption(f"Trains {len(missing)} models, {time}: {what}.")

    jobs.watch([condition.key for condition in every], show, each_done=True)


def _seconds(images: ImageSet, base: Condition) -> float:
    """What a training probably takes here."""
    return work.expected_seconds(
        base, [one.key for of in ranking.baselines(images, base).values() for one in of]
    )


def _rehearse(
    room: ClassSession, token: str, images: ImageSet, base: Condition, bar: DeltaGenerator
) -> None:
    def begin() -> None:
        with click_errors():
            lists = [repair.simulated_list(images, base, number) for number in range(REHEARSED)]
            work.train(*(base.replace(edits=text) for text in lists))
            teams.add_simulated(room.code, token, lists)

    with bar.popover("Rehearse", icon=":material/smart_toy:"):
        st.caption("Teams that nobody is in, each with a list of its own kind; they are marked.")
        st.button(f"Add {REHEARSED} simulated teams", on_click=begin)
        forget = click_errors()(partial(teams.delete_simulated, room.code, token))
        st.button("Delete the simulated teams", on_click=forget)
        idle = click_errors()(partial(teams.delete_idle, room.code, token))
        st.button(
            "Delete teams without a change",
            on_click=idle,
            help="Those of phones that are gone, or never were.",
        )
        let = click_errors()(partial(teams.welcome_phones_to_all, room.code, token))
        st.button(
            "Let phones into all teams",
            on_click=let,
            help="For three minutes, as for one that was lost.",
        )


def _trained(repairs: Sequence[Repair], base: Condition) -> list[int]:
    """How many of its lists each has trained."""
    return [
        sum(view.done for view in work.views([base.replace(edits=text) for text in of.tries]))
        for of in repairs
    ]


def _board(code: str, base: Condition, ready: bool) -> None:
    """Who is at what; the page is run anew when there is something to reveal."""

    @shell.follows(jobs.POLL)
    def board() -> None:
        now = teams.teams(code)
        done = _trained([team.repair for team in now], base)
        if any(done) != ready:
            st.rerun()
        st.markdown(f"**Teams: {len(now)}**")
        rows = [
            (one.name, one.phones, len(read_edits(one.repair.edits)), len(one.repair.tries))
            for one in now
        ]
        table = pd.DataFrame(rows, columns=["Team", "Phones", "Changes", "Tries"]).assign(
            Trained=done
        )
        wide = {"Team": st.column_config.TextColumn(width="medium")}  # a simulated one says so
        st.dataframe(table, hide_index=True, height=BOARD, column_config=wide)

    board()


def _forward(
    phase: str, move: Callable[[str], None], images: ImageSet, bar: DeltaGenerator, *, ready: bool
) -> None:
    """The buttons that lead on and back, beside the title; each answer begins with its ranking.
    Before somebody is `ready`, with a repair that is trained, the first of them does not stand
    out."""

    def lead(to: str) -> None:
        st.session_state[ranking.CHOICE] = ranking.VIEWS[0]
        move(to)

    back = {REVEALED: EDITING, ELSEWHERE: REVEALED}.get(phase)
    on = {
        EDITING: ("Reveal", "visibility", REVEALED),
        REVEALED: ("Last: places that nobody drew", "public", ELSEWHERE),
    }
    if back:
        bar.button("Back", icon=":material/arrow_back:", on_click=lead, args=(back,))
    if phase in on and (phase == EDITING or repair.can_draw(images)):
        label, icon, to = on[phase]
        kind: Literal["primary", "secondary"] = (
            "primary" if ready or phase != EDITING else "secondary"
        )
        bar.button(label, type=kind, icon=f":material/{icon}:", on_click=lead, args=(to,))
