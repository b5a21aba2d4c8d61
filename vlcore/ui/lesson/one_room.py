"""The lesson of one room in its three forms: the plan and the wall on the lecturer's screen, a block on each phone."""

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.charts.theme import Palette
from vlcore.core.plain import plain
from vlcore.core.wording import difference, points
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.subset import usual_condition
from vlcore.lessons import one_room, walls
from vlcore.lessons.one_room import CLASS, DIRECTIONS, NAME, REHEARSAL, Contrast, Plan, Stand
from vlcore.lessons.room import Room, go, look, vote
from vlcore.lessons.walls import Standing
from vlcore.measures.catalogue import measure_of, words_of
from vlcore.server import cache, rooms, visitors, work
from vlcore.store import jobs as on_disk
from vlcore.store.jobs import State
from vlcore.store.queue import default_workers
from vlcore.studies.text import how_long
from vlcore.ui import jobs, shell, widgets
from vlcore.ui.lesson import classroom, steps, wall
from vlcore.ui.lesson.classroom import errors_said, voter

FIRST = f"labels/{one_room.measures()[0]}"
SLOW = 5.0  # seconds between looks where nothing of one's own is on its way
_PHONE, _PHONE_MAP, _WALL = 340, 164, (1180, 270)  # px of a chart and of a map on a phone, of the dots on the wall
_SQUARE = 84  # px of the code for cameras beside the wall


def asked_of(room: Room, images: ImageSet) -> tuple[Contrast, str]:
    """What a room is asked while nothing is fixed: the contrast and the measure that its step names."""
    known = one_room.contrasts(usual_condition(images), images.grouping)
    name, _, measure = room.step.partition("/")
    return known.get(name, known["labels"]), measure if measure in one_room.measures() else one_room.measures()[0]


def alone(images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """What it is, for one who is in no class, and how it begins."""
    classroom.with_a_class(bar, NAME, images.name, FIRST)
    st.header("One room, one study", anchor=False)
    steps.large(
        "A class plans one comparison. Each phone trains two models that differ in one thing, with a seed of its own. "
        "Each pair is a dot on the wall, and all dots together decide, as planned."
    )
    st.caption("Alone it is the same: one person with simulated phones, or with a few friends.")
    begin = partial(classroom.begin, NAME, images.name, FIRST)
    st.button("Start it", type="primary", icon=":material/play_arrow:", on_click=begin)
    classroom.say()


def presenter(room: Room, images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """The plan, then the wall; a rehearsal goes before both."""
    now = rooms.standing(room.code, images)
    if now is None:
        _planning(room, images)
    else:
        _wall(room, now, images, palette, bar)


def _planning(room: Room, images: ImageSet) -> None:
    steps.join_banner(room.code, large_type=True)
    token, (asked, measure) = classroom.own_token(), asked_of(room, images)
    known = one_room.contrasts(usual_condition(images), images.grouping)
    words = {words_of(one, images.grouping): one for one in one_room.measures()}

    @errors_said()
    def choose() -> None:
        titles = {one.title: name for name, one in known.items()}
        step = f"{titles[st.session_state['room_contrast']]}/{words[st.session_state['room_measure']]}"
        go(room.code, token, step, "predict")

    with st.container(horizontal=True, vertical_alignment="bottom"):
        titles, measures = [one.title for one in known.values()], list(words)
        st.selectbox(
            "The comparison", titles, titles.index(asked.title), key="room_contrast", on_change=choose, width=330
        )
        usual = list(words.values()).index(measure)
        st.selectbox("What decides", measures, usual, key="room_measure", on_change=choose, width=330)
        bounds = (float(one_room.FEWEST), float(one_room.MOST), float(one_room.USUAL))
        planned = round(st.number_input("Blocks", *bounds, step=1.0, format="%.0f", width=130))
        about = "Block 1 has this seed, the next ones the next. Another one where a class before had these."
        seed = round(st.number_input("First seed", 0.0, 99_000.0, 0.0, step=1.0, format="%.0f", help=about, width=130))
    st.header(plain(asked.question), anchor=False)
    expected = st.radio("The class expects", DIRECTIONS, None, key="room_expected", horizontal=True)
    _count(room, asked, measure, images)
    plan = Plan(asked.name, planned, measure, seed, expected or "")
    st.caption(plain(walls.rule(plan)))

    @errors_said()
    def fix() -> None:
        one_room.fix(room.code, token, plan, usual_condition(images), images.grouping)
        go(room.code, token, room.step, "run")

    with st.container(horizontal=True, vertical_alignment="center"):
        about = "Writes the plan down before the first run. It cannot be changed then."
        icon = ":material/lock:"
        st.button("Fix the plan", type="primary", icon=icon, help=about, disabled=not expected, on_click=fix)
        _prepare(plan, images)
        with st.popover("Rehearse", icon=":material/smart_toy:"):
            phones = round(st.number_input("Simulated phones", 1.0, 30.0, 3.0, step=1.0, format="%.0f"))
            time = how_long(phones * rooms.seconds(plan, images) / default_workers())
            apart = "They take blocks with other seeds, so nobody sees what the class will find"
            st.caption(f"{apart}. Phones of the class see nothing of it. It takes {time}.")
            start = partial(_rehearse, room, images, Plan(asked.name, phones, measure, prediction=expected or ""))
            st.button("Begin the rehearsal", on_click=start)


def _count(room: Room, asked: Contrast, measure: str, images: ImageSet) -> None:
    @st.fragment(run_every=jobs.POLL)
    def count() -> None:
        now = look(room.code)
        said = " · ".join(f"{one}: {now.counts.get(one, 0) if now else 0}" for one in DIRECTIONS)
        st.markdown(plain(f"{_expectation(asked, measure, images)} On the phones: {said}"))

    count()


def _expectation(asked: Contrast, measure: str, images: ImageSet) -> str:
    baseline, treatment = asked.arms
    return f"“{words_of(measure, images.grouping)}” with {treatment}, compared with {baseline}?"


def _prepare(plan: Plan, images: ImageSet) -> None:
    """The button that trains all planned blocks before a class comes."""
    with st.popover("Prepare", icon=":material/inventory:"):
        keys = [one.key for place in range(plan.planned) for one in rooms.pair(plan, images, place)]
        missing = sum(not work.view(key).done for key in keys)
        time = how_long(missing / 2 * rooms.seconds(plan, images) / default_workers())
        st.caption(f"{len(keys) - missing} of {len(keys)} models are there; the others take {time} here.")
        st.caption("A dot appears only when a phone takes its block. The plan will say how many models were there.")

        @errors_said()
        def train() -> None:
            for place in range(plan.planned):
                work.train_pair(rooms.pair(plan, images, place))

        st.button("Train all of them now", disabled=not missing, on_click=train)


@errors_said()
def _rehearse(room: Room, images: ImageSet, plan: Plan) -> None:
    usual = usual_condition(images)
    for block in one_room.rehearse(room.code, classroom.own_token(), plan, usual, images.grouping):
        kept = one_room.plan_of(room.code, REHEARSAL)
        work.train_pair(rooms.pair(kept or plan, images, block.place))


def _wall(room: Room, now: Standing, images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    ended, token, rehearsal = room.phase == "reveal", classroom.own_token(), now.kind == REHEARSAL
    bar.markdown(f"Join at {steps.address(room.code)}", width="content")
    if rehearsal:
        st.warning("Rehearsal: simulated phones, other seeds. Nothing of it counts.", icon=":material/smart_toy:")

    @st.fragment(run_every=jobs.POLL if rehearsal or not ended else None)
    def follow() -> None:
        with shell.errors_as_sentences():
            seen = rooms.standing(room.code, images)
            if seen is None or seen.kind != now.kind:
                st.rerun()
            with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
                steps.square(room.code, _SQUARE)
                wall.numbers(seen)
            wall.show(seen, images, palette, *_WALL, ended=ended)
            with st.container(horizontal=True, vertical_alignment="center"):
                if not rehearsal and not ended and seen.free:
                    train = partial(_train_open, room, images)
                    label = f"Train the {seen.free} blocks that nobody trains"
                    st.button(label, icon=":material/model_training:", on_click=train)
                if left := rooms.all_left(seen, images):
                    st.caption(f"The last one on its way is there in {left}.")

    with st.container(gap="xsmall"):
        follow()
    st.caption(plain(wall.planned_words(now)))
    with st.container(horizontal=True):
        if rehearsal:
            end = errors_said()(partial(one_room.forget_rehearsal, room.code, token))
            st.button("End the rehearsal and delete it", type="primary", icon=":material/delete:", on_click=end)
        else:
            move = errors_said()(partial(go, room.code, token, room.step))
            label, phase = ("Go on", "run") if ended else ("End: what did it show?", "reveal")
            st.button(label, type="secondary" if ended else "primary", on_click=move, args=(phase,))
        name, asker = f"wall-{room.code}", visitors.visitor()
        picture = partial(rooms.slide, room.code, images, asker, ended)
        widgets.download("The wall as a slide", picture, f"{name}.png", "image/png", "image")
        widgets.download("Its dots, CSV", partial(rooms.table, room.code, images), f"{name}.csv", "text/csv", "table")


@errors_said()
def _train_open(room: Room, images: ImageSet) -> None:
    now = rooms.standing(room.code, images, CLASS)
    if now is not None:
        ask = partial(rooms.stand, now.plan, images)
        for block in one_room.take_open(room.code, classroom.own_token(), ask):
            work.train_pair(rooms.pair(now.plan, images, block.place))


def student(room: Room, images: ImageSet, palette: Palette) -> None:
    """One of the class: says what to expect, then trains a block and sees what came of it."""
    plan = one_room.plan_of(room.code)
    if plan is None:
        _expect(room, images)
    else:
        _phone(room, plan, images, palette)


def _expect(room: Room, images: ImageSet) -> None:
    asked, measure = asked_of(room, images)
    st.header(plain(asked.question), anchor=False)
    steps.large(_expectation(asked, measure, images))

    @st.fragment(run_every=SLOW)
    def follow() -> None:
        now = look(room.code, voter())
        if now is None or (now.step, now.phase) != (room.step, room.phase):
            st.rerun()
        for one in DIRECTIONS:
            cast = errors_said()(partial(vote, room.code, room.step, voter(), one, DIRECTIONS, visitors.address()))
            mine = now.own == one
            st.button(
                one, key=f"expect_{one}", type="primary" if mine else "secondary",
                icon=":material/check:" if mine else None, width="stretch", on_click=cast,
            )  # fmt: skip
        if not classroom.say():
            st.caption("Nobody sees who said what. Next, the lecturer fixes the plan.")

    follow()


def _phone(room: Room, plan: Plan, images: ImageSet, palette: Palette) -> None:
    known = one_room.contrasts(usual_condition(images), images.grouping)
    st.header(plain(known[plan.contrast].title), anchor=False)
    place, every = _own(room, plan, images), jobs.POLL
    if place is not None:
        waits = work.view(rooms.pair(plan, images, place)[1].key).position
        every = min(10.0, jobs.POLL + waits / 4)  # who waits long need not ask often

    @st.fragment(run_every=every if place is None or room.open else SLOW)
    def follow() -> None:
        with shell.errors_as_sentences():
            now = look(room.code, voter())
            if now is None or now.phase != room.phase:
                st.rerun()
            _block(room, plan, images, palette)
            classroom.say()

    follow()


def _own(room: Room, plan: Plan, images: ImageSet) -> int | None:
    """The place of this phone's block, if it has one."""
    return next((one.place for one in one_room.blocks_of(room.code) if one.owner == voter()), None)


def _block(room: Room, plan: Plan, images: ImageSet, palette: Palette) -> None:
    take = partial(_take, room, plan, images)
    blocks = one_room.blocks_of(room.code)
    own = next((one for one in blocks if one.owner == voter()), None)
    if own is None:
        if room.open:
            steps.large("Your phone gets a pair of models that nobody else has: a seed of its own.")
            st.button("Train my two models", type="primary", icon=":material/play_arrow:", on_click=take)
        else:
            st.caption("The study has ended; the lecturer's screen shows what it found.")
            _dots(room, images, palette, -1)
        return
    pair, stands = rooms.pair(plan, images, own.place), rooms.stand(plan, images, own)
    views = [work.view(one.key) for one in pair]
    if stands is Stand.DONE:
        _two_models(room, plan, images, palette, own.place)
    elif stands is Stand.ACTIVE and any(view.state.is_active for view in views):
        one_room.still_waits(room.code, own)
        position = max(view.position for view in views)
        fractions = [1.0 if view.done else view.fraction for view in views]
        left = walls.time_left(position, fractions, rooms.seconds(plan, images, blocks), default_workers())
        where = f"Place {position} in the queue" if position else "Your models are in training"
        st.progress(sum(fractions) / 2, text=f"{where}, {left} left. You may lock your phone.")
        st.button("Give them up", icon=":material/stop:", on_click=partial(_give_up, room, [one.key for one in pair]))
    elif {view.state for view in views} <= {State.ABSENT, State.INTERRUPTED, State.DONE}:
        work.train_pair(pair)  # they were asked for, and the server has started anew since
        st.progress(0.0, text="Your models are asked for again.")
    else:
        for sentence in filter(None, map(jobs.ended_badly, views)):
            st.warning(sentence)
        st.button("Train two models", type="primary", icon=":material/refresh:", on_click=take)


@errors_said()
def _take(room: Room, plan: Plan, images: ImageSet) -> None:
    block = one_room.take(room.code, voter(), partial(rooms.stand, plan, images), visitors.address())
    try:
        work.train_pair(rooms.pair(plan, images, block.place))
    except Exception:
        one_room.give_up(room.code, voter())
        raise


@errors_said()
def _give_up(room: Room, keys: list[str]) -> None:
    one_room.give_up(room.code, voter())
    for key in keys:
        if work.view(key).state.is_active:
            work.queue().cancel_pending(key, visitors.visitor())


def _two_models(room: Room, plan: Plan, images: ImageSet, palette: Palette, place: int) -> None:
    pair = rooms.pair(plan, images, place)
    asked = one_room.study_of(plan, usual_condition(images), images.grouping)
    steps.large(f"Your two models: block {place + 1}, seed {pair[0].data_seed}", "answer")
    with st.container(horizontal=True, gap="small"):
        for one in pair:
            with st.container(width=_PHONE_MAP + 6):
                st.caption(str(asked.arm_of(one)))
                drawn = cache.card_map(one.key, palette, _PHONE_MAP)
                cache.show(drawn, alt=f"Map of the model with {asked.arm_of(one)}", key=f"map_{one.key}")
    try:
        found = walls.in_one_pair(plan.measure, [cache.artefact(one.key).metrics["end"] for one in pair])
    except ValueError as error:
        st.markdown(plain(f"Their difference is not defined: {error}."))
    else:
        write = points if measure_of(plan.measure).is_share else difference
        st.markdown(f"{plain(f'{asked.treatments[0]} less {asked.baseline}')}: **{plain(write(found.as_dict()))}**")
        st.caption("One pair; the interval is over pictures. Another seed gives another difference: look at the wall.")
    _dots(room, images, palette, place)


def _dots(room: Room, images: ImageSet, palette: Palette, place: int) -> None:
    now = rooms.standing(room.code, images, CLASS, on_disk.view)
    if now is None or (drawn := now.chart(palette, _PHONE, 210, own=place)) is None:
        return
    if place >= 0 and place not in now.counted:
        st.caption("Your block is beyond the plan: it is shown, and decides nothing.")
    st.markdown("**Your dot on the wall**" if place >= 0 else "**The wall**")
    cache.show_described(drawn, "phone_wall")
    if not room.open:
        st.markdown(plain(walls.verdict(now.found, now.plan)))
