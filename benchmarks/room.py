"""How a class does one study: phones that press at once, a wall that follows, and somebody else who
looks at Home.

python -m benchmarks.room [--phones 30] [--quiet 20] [--towers pretrained]

The phones are websocket clients, as in `benchmarks.load`, each a browser of its own; server, queue,
workers and trainings are real, in a home of their own with the images of this one, which are drawn
first, and with their features where a frozen tower reads these. It prints the time to the last dot;
how long a training took meanwhile, for machines slow down by the hour, and what is lost beside the
time that the workers were at them; how fair the queue is (the largest wait over the median), how
soon Home answers meanwhile against the same server before the phones press, and whether mean,
interval and p on the wall are those of `analyse` of the same runs.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import head, options, processor_seconds, row
from benchmarks.startup import server
from benchmarks.visitors import Browser, connected
from vlcore.artifacts import artifact
from vlcore.classroom import one_room, tower_pairs
from vlcore.classroom.one_room import Plan
from vlcore.classroom.session import Started, go, start
from vlcore.data.catalogue import open_set
from vlcore.data.subset import usual_condition
from vlcore.experiment.files import data_folder
from vlcore.experiment.options import TOWERS
from vlcore.experiment.wording import signed
from vlcore.jobs.queue import default_workers
from vlcore.model.image_features import feature_store
from vlcore.study.results import Study

TAKE, THERE = "Train my two models", b"Your two models"
AIMS = {
    "scratch": 300.0,
    "pretrained": 60.0,
}  # seconds to the last of thirty dots on two cores, by towers
PROBE = 2.0  # seconds between looks of whoever looks at Home


class Phone(Browser):
    """One of the class: presses, then looks as often as its page does, until its models are
    there."""

    async def wait_for_models(self, code: str, presses: asyncio.Event) -> float:
        """The seconds from the press, which is made when all press, to its models."""
        await self.open("Lesson", code=code)
        await presses.wait()
        pressed = time.monotonic()
        await self.press(TAKE)
        while not any(THERE in one for one in self.said):
            await self.follow()
        return time.monotonic() - pressed


async def room(
    port: int, started: Started, phones: int, quiet: float
) -> tuple[list[float], list[list[float]], dict[str, str]]:
    """How long each phone waited, how soon Home answered before and meanwhile, and the wall at the
    end."""
    presses, ended, ready = asyncio.Event(), asyncio.Event(), asyncio.Event()
    answers: list[list[float]] = [[], []]

    async def probe() -> None:
        async with connected(Browser, port, 1000) as browser:
            await browser.view()  # the first of a server is the slowest
            while not ended.is_set():
                answers[presses.is_set()].append(await browser.view())
                await asyncio.sleep(PROBE)

    async def wall() -> dict[str, str]:
        async with connected(Browser, port, 1001) as browser:
            await browser.open("Lesson", code=started.code, presenter=started.token)
            ready.set()
            while True:
                last = ended.is_set()
                await browser.follow()
                if last:
                    return browser.numbers

    async def phone(number: int) -> float:
        async with connected(Phone, port, number) as browser:
            return await browser.wait_for_models(started.code, presses)

    probing, showing = asyncio.create_task(probe()), asyncio.create_task(wall())
    await ready.wait()
    waiting = [asyncio.create_task(phone(number)) for number in range(phones)]
    await asyncio.sleep(quiet)
    presses.set()
    waits = await asyncio.gather(*waiting)
    ended.set()
    await probing
    return waits, answers, await showing


def main() -> None:
    choice = {"choices": sorted(TOWERS), "default": tower_pairs.USUAL}
    asked = options(__doc__, phones=30, quiet=20.0, towers=choice)
    images = open_set("scenes")
    usual, grouping = usual_condition(images), images.grouping
    every = np.arange(len(images.table))
    images.ensure_rendered(every.tolist(), lambda _done, _of: None)
    if tower := usual.with_towers(asked.towers).frozen_tower:
        feature_store(images, tower).rows(every)
    with tempfile.TemporaryDirectory() as home:
        Path(home, "data").symlink_to(data_folder())
        os.environ["VLCORE_HOME"] = home
        started = start(one_room.NAME, "scenes", "labels", towers=asked.towers)
        plan = Plan(
            "labels", max(asked.phones, one_room.FEWEST), prediction="lower", towers=asked.towers
        )
        one_room.fix(started.code, started.token, plan, usual, grouping)
        go(started.code, started.token, "labels", "run")
        with server() as (_, port, process):
            waits, answers, shown = asyncio.run(room(port, started, asked.phones, asked.quiet))
            busy = processor_seconds(process)
        study = one_room.study_of(plan, usual, grouping, blocks=asked.phones)
        analysis = Study(study, grouping, artifact.read).analyses()[study.treatments[0]]
        took = [float(artifact.read(one.key).manifest["seconds"]) for one in study.conditions]
        difference = analysis.primary.levels[0].difference  # type: ignore[union-attr]
    mean, low, high = (
        signed(100 * end, 1)
        for end in (difference.mean.value, difference.mean.low, difference.mean.high)
    )
    expected = {
        "Mean difference, points": mean,
        "95 % interval": f"{low} to {high}",
        "Exact p": f"{difference.p:.2g}",
    }
    equal = all(shown.get(name) == value for name, value in expected.items())
    quiet, meanwhile = (statistics.quantiles(one, n=20, method="inclusive") for one in answers)
    print(head("what", "found", "aim", "ratio"))
    for what, found, aim in (
        (
            f"{asked.phones} pairs, to the last dot, s",
            max(waits),
            AIMS[asked.towers] * asked.phones / 30,
        ),
        ("a training meanwhile, median, s", statistics.median(took), None),
        ("the last dot over the workers' time", max(waits) * default_workers() / sum(took), None),
        ("largest over median wait", max(waits) / statistics.median(waits), None),
        ("Home before they press, p50, s", quiet[9], None),
        ("Home meanwhile, p50, s", meanwhile[9], None),
        ("Home before they press, p95, s", quiet[18], None),
        ("Home meanwhile, p95, s", meanwhile[18], None),
        ("processor time of the server without its workers, s", busy, None),
    ):
        print(row(what, f"{found:.2f}", aim or "", f"{found / aim:.2f}" if aim else ""))
    print(f"Wall: {', '.join(f'{name} {shown.get(name)}' for name in expected)}")
    print(f"Those of analyse: {', '.join(expected.values())}: {'equal' if equal else 'DIFFERENT'}")
    sys.exit(not equal)


if __name__ == "__main__":
    main()
