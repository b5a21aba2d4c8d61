"""A whole class on a server that is killed, with a disk that fills and networks that are lost.

`benchmarks.room` calls it. Phones arrive one by one, vote in the lesson of four experiments, and
predict and train in the lesson of one room. The votes that a page showed as the phone's, and the
pairs that it showed as trained, are compared in the end with the file of sessions and the models on
the disk. The disk is full as in `tests.faults.disks`, by a limit of the server's process: that
needs Linux, and no right. Phones are students, because the secret of a teacher is set.

The answer to a press takes until the page is complete. A press that a kill or a lost network cuts
off has no answer: the phone comes back, looks, and presses again. That press counts, however busy
the server is after its start. So the seconds without a server count only as those from a kill to a
healthy server.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack

import numpy as np

from benchmarks import fresh_home, print_aims
from benchmarks.participants import (
    ARRIVAL,
    ARRIVED,
    END,
    ENDED,
    LOCK,
    PREDICTION,
    TRAIN,
    VOTE,
    VOTER,
    Phone,
    Presenter,
    Room,
)
from benchmarks.startup import server
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
REVEAL, LAST_REVEAL = 0.02, 0.95  # shares of the time
FULL = 30.0  # seconds for which the disk is full
PATIENCE = 600.0  # seconds beyond the time, after which something hangs
AIM = 1.0  # seconds to the answer of a press
Fault = Callable[[], Coroutine[None, None, None]]


class Event(Room):
    """A room with its server, its phones, and the faults."""

    def __init__(self, stack: ExitStack, size: int, seconds: float, seed: int) -> None:
        _, port, self.process = stack.enter_context(server())
        super().__init__(port, seconds, seed)
        self.stack, self.size = stack, size
        self.phones: list[Phone] = []
        self.starts: list[float] = []  # seconds from a kill to a healthy server
        self.models = Tally()

    async def kill(self) -> None:
        """Kill the server, and start it again."""
        await asyncio.to_thread(look, self.models)
        killed = time.monotonic()
        os.kill(self.process, signal.SIGKILL)
        start = server(port=self.port)
        _, _, self.process = await asyncio.to_thread(self.stack.enter_context, start)
        self.starts.append(time.monotonic() - killed)

    async def fill_disk(self) -> None:
        """Fill the disk of the server, and free it again."""
        with disks.full(self.process):
            await asyncio.sleep(FULL)

    async def all_did(self, stage: str, fault: Fault | None = None) -> None:
        """Wait until all phones did what a stage is for; a fault comes when some of them did."""
        print(f"{time.monotonic() - self.began:.0f} s: {stage}", file=sys.stderr, flush=True)
        enough = self.random.uniform(0.2, 0.7) * self.size
        async with asyncio.TaskGroup() as tasks:
            while (
                finished := sum(stage in phone.done for phone in self.phones)
            ) < self.size or fault:
                if fault and finished >= enough:
                    tasks.create_task(fault())
                    fault = None
                await asyncio.sleep(0.2)


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
        random_stage = event.random.choice([ARRIVED, *others, PREDICTION])
        faults: dict[str, Fault] = {stage: event.kill for stage in (killed, random_stage, TRAIN)}
        faults[full] = event.fill_disk
        await event.all_did(ARRIVED, faults.get(ARRIVED))
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
        "pages that hung": event.hung,
        "networks that were lost": event.losses,
        "kill to a healthy server, the slowest of three, s": max(event.starts),
        "page of a phone that returns, p95, s": np.percentile(event.returns, 95),
    }
    aims = {"answer to a press, p95, s": AIM}
    print_aims((name, value, aims.get(name)) for name, value in figures.items())
    return not any(damage.values())
