"""A class that does one study: phones that press at once, a presenter view that follows, and a
visitor of Home.

python -m benchmarks.room [--phones 30] [--quiet 20] [--towers pretrained]

The phones are websocket clients, as in `benchmarks.load`, each a browser of its own; server, queue,
workers and trainings are real, in a home of their own with the images of this one, which are drawn
first, and with their features where a frozen tower reads these. It prints the seconds to the last
pair of models; how long a training took meanwhile, for machines slow down by the hour, and the time
to the last pair over that of the workers; how fair the queue is (the largest wait over the median);
and how soon Home answers meanwhile and before the phones press.

With `--towers phones` each phone fetches what its models read, waits `--on-phone` seconds instead
of a training, and tells predictions at random; the server counts, and repeats three pairs of
thirty. A model takes Chromium 1.3 seconds on one core of a server (`benchmarks.site`).

python -m benchmarks.room --event [--minutes 60] [--phones 30] [--seed 0]

holds two lessons while the server is killed three times, the disk fills once and each phone loses
its network three times (`benchmarks.event`). It exits with 1 where a vote or a model was lost.
"""

import asyncio
import json
import re
import statistics
import sys
import time
from dataclasses import dataclass, field

import numpy as np
from streamlit.proto.WidgetStates_pb2 import WidgetState

from benchmarks import FLAG, fresh_home, parse_options, print_aims, processor_seconds
from benchmarks.event import PRETRAINED, run_event
from benchmarks.startup import server
from benchmarks.visitors import Browser, connected
from vlcore.artifacts import store
from vlcore.classroom import one_room, tower_pairs
from vlcore.classroom.one_room import ClassPlan
from vlcore.classroom.session import Started, start_session
from vlcore.data.catalogue import open_set
from vlcore.data.subset import usual_condition
from vlcore.experiment.files import data_folder
from vlcore.experiment.progress import silent
from vlcore.jobs.queue import default_workers
from vlcore.model.image_features import feature_store
from vlcore.model.in_browser import WEIGHTS

TRAIN, TRAINED = "Train my two models", b"Your two models"
# Seconds until thirty phones on two cores have their models, by towers.
AIMS = {"scratch": 300.0, "pretrained": 60.0, "phones": 10.0}
FILES = re.compile(rb"/scripts/phone-files-[0-9a-f]+\.js")
PROBE = 2.0  # seconds between visits of Home
HELD_OUT = 2000  # images of `scenes`
HOME_VISITOR, PRESENTER = 1000, 1001  # numbers of browsers


class Student(Browser):
    """A student: presses, then looks as often as the page does, until its models are trained.

    Attributes:
        on_phone: seconds that the phone itself trains; None where the server does.
    """

    on_phone: float | None = None

    async def wait_for_models(self, code: str, start: asyncio.Event) -> float:
        """Press when all press; returns the seconds until its models are trained."""
        await self.open("Lesson", code=code)
        await start.wait()
        pressed = time.monotonic()
        await self.press(TRAIN)
        if self.on_phone is not None:
            await self._train_on_phone(self.on_phone)
        while not any(TRAINED in message for message in self.messages):
            await self.follow()
        return time.monotonic() - pressed

    async def _train_on_phone(self, seconds: float) -> None:
        """Fetch what the models read, wait, and tell a result, as the phone's script does."""
        [address] = set(FILES.findall(b"".join(self.messages)))
        self.connection.received += await asyncio.to_thread(self._fetched, address.decode())
        await asyncio.sleep(seconds)
        [name] = (name for name in self.ids if name.startswith("phone-"))
        result = json.dumps({"result": [self._some_predictions() for _ in range(2)]})
        self.states["phone"] = WidgetState(id=self.ids[name], json_value=result)
        [fragment] = self.intervals
        await self.view(fragment)

    def _some_predictions(self) -> dict[str, object]:
        digits = "".join(self.random.choice("01") for _ in range(HELD_OUT))
        return {"predicted": digits, "checksum": [self.random.random() for _ in WEIGHTS]}


@dataclass
class ClassResult:
    """Seconds that phones waited and that Home took."""

    waits: list[float] = field(default_factory=list)
    home_before: list[float] = field(default_factory=list)
    home_meanwhile: list[float] = field(default_factory=list)


async def hold_class(
    port: int, started: Started, phones: int, quiet: float, on_phone: float | None
) -> ClassResult:
    """Let phones train their models, `quiet` seconds after they are on the page."""
    presenting, pressed, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    result = ClassResult()

    async def visit_home() -> None:
        async with connected(Browser, port, HOME_VISITOR) as browser:
            await browser.view()  # the first of a server is the slowest
            while not ended.is_set():
                answers = result.home_meanwhile if pressed.is_set() else result.home_before
                answers.append(await browser.view())
                await asyncio.sleep(PROBE)

    async def present() -> None:
        async with connected(Browser, port, PRESENTER) as browser:
            await browser.open("Lesson", code=started.code, presenter=started.token)
            presenting.set()
            while not ended.is_set():
                await browser.follow()

    async def wait_for_models(number: int) -> float:
        async with connected(Student, port, number) as browser:
            browser.on_phone = on_phone
            return await browser.wait_for_models(started.code, pressed)

    watchers = [asyncio.create_task(visit_home()), asyncio.create_task(present())]
    await presenting.wait()
    waiting = [asyncio.create_task(wait_for_models(number)) for number in range(phones)]
    await asyncio.sleep(quiet)
    pressed.set()
    result.waits = await asyncio.gather(*waiting)
    ended.set()
    await asyncio.gather(*watchers)
    return result


def main() -> None:
    choice = {"choices": sorted(AIMS), "default": tower_pairs.USUAL}
    event = {"event": FLAG, "minutes": 60.0, "seed": 0}
    options = parse_options(__doc__, phones=30, quiet=20.0, towers=choice, on_phone=4.0, **event)
    if options.event:
        options.towers = PRETRAINED
    images = open_set("scenes")
    usual, grouping = usual_condition(images), images.grouping
    rows = np.arange(len(images.table))
    images.ensure_rendered(rows.tolist(), silent)
    if tower := tower_pairs.on_towers(usual, options.towers).frozen_tower:
        feature_store(images, tower).rows(rows)
    by_phones = options.towers == tower_pairs.PHONES
    if options.event:
        sys.exit(not run_event(images, options.phones, options.minutes, options.seed))
    with fresh_home(data_folder()):
        started = start_session(one_room.NAME, "scenes", "labels", towers=options.towers)
        blocks = max(options.phones, one_room.FEWEST)
        plan = ClassPlan("labels", blocks, prediction="lower", towers=options.towers)
        one_room.fix_plan(started.code, started.token, plan, usual, grouping)
        with server() as (_, port, process):
            on_phone = options.on_phone if by_phones else None
            holding = hold_class(port, started, options.phones, options.quiet, on_phone)
            result = asyncio.run(holding)
            busy = processor_seconds(process)
        study = one_room.study_of(plan, usual, grouping, blocks=options.phones)
        conditions = [] if by_phones else study.conditions
        trainings = [
            float(store.read(condition.key).manifest["seconds"]) for condition in conditions
        ]
    before, meanwhile = (
        np.percentile(times, [50, 95]) for times in (result.home_before, result.home_meanwhile)
    )
    last = max(result.waits)
    aim = AIMS[options.towers] * options.phones / 30
    of_server = []
    if trainings:
        worker_time = sum(trainings) / default_workers()
        of_server = [
            ("a training meanwhile, median, s", statistics.median(trainings), None),
            ("the last dot over the workers' time", last / worker_time, None),
        ]
    print_aims(
        [
            (f"{options.phones} pairs, to the last dot, s", last, aim),
            *of_server,
            ("largest over median wait", last / statistics.median(result.waits), None),
            ("Home before they press, p50, s", before[0], None),
            ("Home meanwhile, p50, s", meanwhile[0], None),
            ("Home before they press, p95, s", before[1], None),
            ("Home meanwhile, p95, s", meanwhile[1], None),
            ("processor time of the server without its workers, s", busy, None),
        ]
    )


if __name__ == "__main__":
    main()
