"""A whole class on a server that is killed, a disk that fills and phones that lose their network.

`benchmarks.room` calls it. Phones arrive one by one, vote in the lesson of four experiments, and
then predict and train in the lesson of one room, each with the names that its browser keeps. Votes
that a page showed as the phone's own, and pairs that it showed as trained, are compared in the end
with the file of sessions and the models on the disk. The disk is full as in `tests.faults.disks`,
by a limit of the server's process, which needs Linux and no right. Phones are students: the secret
of a teacher is set.

The answer to a press takes until the page is complete. A press that a kill or a lost network cuts
off has no answer and does not count: the phone comes back, looks, and presses again, and that press
counts, however busy the server is after its start. So the seconds without a server count nowhere
but in the start after a kill."""

import asyncio
import os
import random
import re
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from http.client import HTTPException

import numpy as np
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import WebSocketException

from benchmarks import fresh_home, print_aims
from benchmarks.startup import server
from benchmarks.visitors import Browser, CountingConnection, dial, sleep_until
from tests.faults import disks
from tests.faults.kills import Tally, look
from vlcore.artifacts import store
from vlcore.classroom import one_room, one_room_results
from vlcore.classroom.lessons import lessons
from vlcore.classroom.session import Started, query_rows, start_session
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.experiment.files import data_folder

QUESTIONS, PRETRAINED = "four-experiments", "pretrained"
TRAIN, LOCK, END, ENDED = "Train my two models", "Lock the plan", "End: what did it show?", "Go on"
TRAIN_AGAIN = "Train two models"  # the button of a pair that failed
TRAINED = re.compile(rb"Your two models: seed pair (\d+)")
VOTE, PREDICTION = "vote_", "expect"  # what keys of the buttons begin with
MINE = "(my answer)"
VOTER = "vl-bias-lab-voter"  # the cookie with the name of a phone
ARRIVAL, VOTING, REVEAL, LAST_REVEAL = 0.1, 0.1, 0.02, 0.95  # shares of the time
PRESSING = 60.0  # seconds in which all phones ask for their models, at most
CHANGED_MINDS = 1 / 3  # share of the votes
LOSSES, AWAY = 3, (1.0, 15.0)  # of a phone's network, and seconds without it
FULL = 30.0  # seconds for which the disk is full
PRESS_AGAIN = 2.0, 8.0  # seconds after a press was refused
PATIENCE = 600.0  # seconds beyond the time, after which something hangs
GONE = (OSError, WebSocketException, HTTPException)  # the server, or the network
AIM = 1.0  # seconds to the answer of a press
Fault = Callable[[], Coroutine[None, None, None]]


class Event:
    """The clock of a class, its server, and what happened to all."""

    def __init__(self, stack: ExitStack, phones: int, seconds: float, seed: int) -> None:
        self.stack = stack
        self.size, self.seconds = phones, seconds
        self.random = random.Random(seed)  # noqa: S311  # no secret
        self.ended = False
        self.invitation: dict[str, str] = {}  # the address of the lesson
        self.phones: list[Phone] = []
        self.answers: list[float] = []  # seconds of presses
        self.returns: list[float] = []  # seconds until the page of a phone that returns is complete
        self.starts: list[float] = []  # seconds from a kill to a healthy server
        self.refused = self.cut_off = self.losses = 0
        self.models = Tally()
        _, self.port, self.process = stack.enter_context(server())
        self.began = time.monotonic()

    async def kill(self) -> None:
        """Kill the server, and start it again."""
        await asyncio.to_thread(look, self.models)
        killed = time.monotonic()
        os.kill(self.process, signal.SIGKILL)
        start = server(port=self.port)
        _, _, self.process = await asyncio.to_thread(self.stack.enter_context, start)
        self.starts.append(time.monotonic() - killed)

    async def fill_disk(self) -> None:
        with disks.full(self.process):
            await asyncio.sleep(FULL)

    async def reach(self, cookies: dict[str, str], page: str = "") -> CountingConnection:
        """Connect to the server as soon as it is up."""
        while True:
            with suppress(*GONE):
                return await dial(self.port, cookies, page)
            await asyncio.sleep(0.5)

    async def wait_until(self, share: float) -> None:
        await sleep_until(self.began + share * self.seconds)

    async def all_did(self, stage: str, fault: Fault | None = None) -> None:
        """Wait until all phones did what a stage asks for; a fault comes when some of them did."""
        first = self.random.uniform(0.2, 0.7) * self.size
        faults: list[asyncio.Task[None]] = []
        while (done := sum(stage in phone.done for phone in self.phones)) < self.size:
            if fault and not faults and done >= first:
                faults.append(asyncio.create_task(fault()))
            await asyncio.sleep(0.2)
        await asyncio.gather(*faults)


class Participant(Browser):
    """A browser that returns with its cookies whenever its connection ends."""

    def __init__(self, connection: CountingConnection, number: int, event: Event) -> None:
        super().__init__(connection, number)
        self.event = event
        self.random = random.Random(event.random.random())  # noqa: S311  # no secret
        self.accepted: dict[str, str] = {}  # the address of the lesson that it opened

    @property
    def invitation(self) -> dict[str, str]:
        return self.event.invitation

    async def take_part(self) -> None:
        while not self.event.ended:
            with suppress(*GONE):
                await self._follow_lesson()
                break
            await asyncio.sleep(self.random.uniform(*AWAY))
            with suppress(*GONE):
                await self._return()
        await self.connection.close()

    async def _follow_lesson(self) -> None:
        while not self.event.ended:
            if self.accepted != self.invitation:
                if self.page:
                    self.address = dict(self.invitation)
                    await self.view()
                else:
                    await self.open("Lesson", **self.invitation)
                self.accepted = dict(self.invitation)
            await self.act()
            await (self.follow() if self.intervals else asyncio.sleep(1))

    async def _return(self) -> None:
        """Open the page again: reloaded, or as the page that it was, which the server may know."""
        is_reloaded = self.random.random() < 0.5
        self.connection = await self.event.reach(self.cookies, "" if is_reloaded else self.session)
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while True:  # what the server still had to say to the page
                    await self.connection.recv()
        if self.page:
            self.event.returns.append(await self.view())

    async def act(self) -> None:
        """Press what is due."""

    async def press(self, name: str) -> float:
        try:
            seconds = await super().press(name)
        except GONE:
            self.event.cut_off += 1
            raise
        self.event.answers.append(seconds)
        return seconds


class Presenter(Participant):
    """The presenter, who presses a button until the page shows the one that comes after it."""

    token = ""
    move: tuple[str, str] | None = None  # names of both buttons

    @property
    def invitation(self) -> dict[str, str]:
        return {**self.event.invitation, "presenter": self.token}

    async def act(self) -> None:
        if self.move is None:
            return
        name, following = self.move
        if self.button(following):
            self.move = None
        elif self.button(name):
            if name == LOCK:
                key = f"{self.event.invitation['code']}.expected_{one_room.FIRST}"
                expected = one_room.DIRECTIONS[0]
                self.states[key] = WidgetState(id=self.ids[key], string_value=expected)
                await self.view()
            await self.press(name)

    async def go_on(self, name: str, following: str) -> None:
        self.move = name, following
        while self.move:
            await asyncio.sleep(0.1)


class Phone(Participant):
    """A student's phone, with what its page acknowledged."""

    def __init__(self, connection: CountingConnection, number: int, event: Event) -> None:
        super().__init__(connection, number, event)
        self.votes: dict[tuple[str, str], str] = {}  # choices by code and step
        self.places: set[int] = set()  # of its pairs: one
        self.wishes: dict[str, list[tuple[float, str]]] = {}  # moments and buttons by stage
        self.done: set[str] = set()  # stages

    async def act(self) -> None:
        self._look()
        keys = [key for button in self.buttons for key in button.names if self._stage_of(key)]
        if not keys:
            return
        stage = self._stage_of(keys[0])
        if stage not in self.wishes:
            self.wishes[stage] = self._plan(stage, keys)
        wishes = self.wishes[stage]
        if wishes and wishes[0][0] <= time.monotonic():
            name = keys[0] if stage == TRAIN else wishes[0][1]
            await self.press(name)
            self._look()
            button = self.button(name)
            if button and not button.label.endswith(MINE):
                self.event.refused += 1
                wishes[0] = time.monotonic() + self.random.uniform(*PRESS_AGAIN), name
        if not wishes:
            self.done.add(stage)

    def _stage_of(self, name: str) -> str:
        """The stage that a button belongs to; empty for others."""
        if name in (TRAIN, TRAIN_AGAIN):
            return TRAIN
        return name.rpartition("_")[0] if name.startswith((VOTE, PREDICTION)) else ""

    def _plan(self, stage: str, keys: list[str]) -> list[tuple[float, str]]:
        """When this phone presses what."""
        seconds = VOTING * self.event.seconds
        if stage == TRAIN:
            seconds = min(PRESSING, seconds)
        votes = 1 + (stage != TRAIN and self.random.random() < CHANGED_MINDS)
        moments = sorted(self.random.uniform(0, seconds) for _ in range(votes))
        now = time.monotonic()
        buttons = self.random.sample(sorted(keys), votes)
        return [(now + moment, key) for moment, key in zip(moments, buttons, strict=True)]

    def _look(self) -> None:
        """Note what the page acknowledges."""
        self.done.add("arrival")
        for button in self.buttons:
            label, key = button.names
            if label.endswith(MINE):
                stage, _, choice = key.rpartition("_")
                self.votes[self.accepted["code"], stage] = choice
                wishes = self.wishes.get(stage, [])
                if wishes and wishes[0][1] == key:
                    wishes.pop(0)
        if match := TRAINED.search(b"".join(self.messages)):
            self.places.add(int(match[1]) - 1)
            self.done.add(TRAIN)

    async def lose_network(self) -> None:
        for share in sorted(self.random.random() for _ in range(LOSSES)):
            await self.event.wait_until(share)
            self.event.losses += 1
            self.connection.transport.abort()


async def hold_event(event: Event, questions: Started, room: Started, steps: list[str]) -> None:
    """Lead the class through both lessons, from fault to fault."""
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(event.seconds + PATIENCE):

        async def arrive(number: int) -> None:
            await event.wait_until(event.random.uniform(0, ARRIVAL))
            phone = Phone(await event.reach({}), number, event)
            event.phones.append(phone)
            tasks.create_task(phone.lose_network())
            await phone.take_part()

        event.invitation = {"code": questions.code}
        presenter = Presenter(await event.reach({}), event.size, event)
        presenter.token = questions.token
        tasks.create_task(presenter.take_part())
        for number in range(event.size):
            tasks.create_task(arrive(number))
        stages = [f"{VOTE}{step}" for step in steps]
        killed, full, *others = event.random.sample(stages, len(stages))
        random_stage = event.random.choice(["arrival", *others, PREDICTION])
        faults: dict[str, Fault] = {stage: event.kill for stage in (killed, random_stage, TRAIN)}
        faults[full] = event.fill_disk
        await event.all_did("arrival", faults.get("arrival"))
        for number, stage in enumerate(stages):
            await event.all_did(stage, faults.get(stage))
            await presenter.go_on("on_predict", "back_reveal")
            await asyncio.sleep(REVEAL * event.seconds)
            if number + 1 < len(stages):
                await presenter.go_on("on_reveal", "on_predict")
        event.invitation, presenter.token = {"code": room.code}, room.token
        await event.all_did(PREDICTION, faults.get(PREDICTION))
        await presenter.go_on(LOCK, END)
        await event.all_did(TRAIN, faults[TRAIN])
        await event.wait_until(LAST_REVEAL)
        await presenter.go_on(END, ENDED)
        await event.wait_until(1.0)
        event.ended = True


def lost_votes(event: Event) -> tuple[int, int]:
    """How many acknowledged votes the file of sessions has not, and how many others it has."""
    rows = query_rows("SELECT code, step, voter, choice FROM votes", ())
    stored = {(code, step, voter): choice for code, step, voter, choice in rows}
    acknowledged = {}
    for phone in event.phones:
        for (code, stage), choice in phone.votes.items():
            step = one_room.FIRST if stage == PREDICTION else stage.removeprefix(VOTE)
            acknowledged[code, step, phone.cookies[VOTER]] = choice
    return len(acknowledged.items() - stored.items()), len(stored.items() - acknowledged.items())


def lost_pairs(event: Event, code: str, images: ImageSet) -> tuple[int, int]:
    """How many pairs that a phone showed as trained are no dot of it, and how many others are."""
    plan = one_room.class_plan(code)
    usual, grouping = usual_condition(images), images.grouping
    owners = {block.place: block.owner for block in one_room.blocks_of(code) if block.owner}
    pairs = {place: one_room.pair_of(plan, usual, grouping, place) for place in owners}
    pairs = {
        place: (first, second)
        for place, (first, second) in pairs.items()
        if store.published(first.key) and store.published(second.key)
    }
    study = one_room.study_of(plan, usual, grouping)
    dots = one_room_results.class_results(study, pairs, set(pairs), store.read).dots
    dotted = {(dot.place, owners[dot.place]) for dot in dots}
    acknowledged = {
        (place, phone.cookies[VOTER]) for phone in event.phones for place in phone.places
    }
    return len(acknowledged - dotted), len(dotted - acknowledged)


def run_event(images: ImageSet, phones: int, minutes: float, seed: int) -> bool:
    """Hold a class, and print what was lost and how soon it was answered; whether all is right."""
    lesson = lessons(usual_condition(images), images.grouping)[QUESTIONS]
    steps = [step.name for step in lesson.steps]
    with fresh_home(data_folder(), VLCORE_TEACHER="a secret of the event"), ExitStack() as stack:
        questions = start_session(QUESTIONS, images.name, steps[0])
        room = start_session(one_room.NAME, images.name, one_room.FIRST, towers=PRETRAINED)
        event = Event(stack, phones, 60 * minutes, seed)
        asyncio.run(hold_event(event, questions, room, steps))
        look(event.models)
        votes, other_votes = lost_votes(event)
        pairs, other_pairs = lost_pairs(event, room.code, images)
    damage = {
        "acknowledged votes that are lost": votes,
        "votes that no phone cast, or that count twice": other_votes,
        "pairs of models that are lost": pairs,
        "pairs that count twice": other_pairs,
        "models that are gone or changed": event.models.lost + event.models.half,
    }
    p50, p95 = np.percentile(event.answers, [50, 95])
    figures = {
        "phones": phones,
        "acknowledged votes": sum(len(phone.votes) for phone in event.phones),
        "pairs of models": sum(len(phone.places) for phone in event.phones),
        **damage,
        "answer to a press, p50, s": p50,
        "answer to a press, p95, s": p95,
        "answer to a press, the slowest, s": max(event.answers),
        "presses that were answered": len(event.answers),
        "presses that were refused with a sentence": event.refused,
        "presses that were cut off": event.cut_off,
        "networks that were lost": event.losses,
        "kill to a healthy server, the slowest of three, s": max(event.starts),
        "page of a phone that returns, p95, s": np.percentile(event.returns, 95),
    }
    aims = {"answer to a press, p95, s": AIM}
    print_aims((name, value, aims.get(name)) for name, value in figures.items())
    return not any(damage.values())
