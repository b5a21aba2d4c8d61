"""How a class is served: browsers that arrive within five seconds, open Home, go on to Compare and change a setting
there every eight seconds, while nothing trains.

python -m benchmarks.load [--browsers 30] [--seconds 60]

The browsers are websocket clients that speak Streamlit's protocol and keep large messages by hash, as its page does;
what they would get by HTTP, such as Streamlit's own scripts, is left out. The models are those of VLCORE_HOME; of the
usual image set it needs those that `CHANGES` can ask for, of seed 0. Figures are also given as ratios to their aims.
"""

import asyncio
import json
import random
import statistics
import subprocess
import time
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

from benchmarks import head, options, row
from benchmarks.startup import server

ARRIVAL, PAUSE = 5.0, 8.0  # seconds in which all arrive, and between what one of them does
CHANGES = {
    **dict.fromkeys(("left_bias", "right_bias"), ("0 %", "25 %", "50 %", "75 %", "90 %")),
    "colour": ("group", "right or wrong", "prediction"),
}
AIMS = {
    "start to healthy, s": 2.0,
    "first view of Home, p50, s": None,
    "first view of Home, p95, s": 3.0,
    "first view of Compare, p50, s": None,
    "first view of Compare, p95, s": 3.0,
    "change, p50, s": 0.25,
    "change, p95, s": 0.8,
    "sent in all, MB": 25.0,
    "resident memory, MB": 450.0,
    "changes": None,
    "processor time of the server, s": None,
}


class Counted(ClientConnection):
    """A connection that knows how many bytes came over it, compressed as they are."""

    received = 0

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        super().data_received(data)


class Browser:
    """One visitor: the connection, and what a page of Streamlit keeps: hashes, widgets, pages, the address."""

    def __init__(self, connection: Counted, number: int) -> None:
        self.connection, self.random = connection, random.Random(number)  # noqa: S311  # no secret
        self.kept: dict[str, int] = {}  # large messages by hash, with the run that last showed them
        self.run = self.oldest = 0
        self.pages: dict[str, str] = {}
        self.page = ""
        self.ids: dict[str, str] = {}  # of widgets, by their names in the address
        self.states: dict[str, WidgetState] = {}
        self.address: dict[str, str] = {}

    async def view(self) -> float:
        """Ask for the page as it is set, and take what comes until it is whole; the seconds that took."""
        asked = BackMsg()
        state = asked.rerun_script
        state.page_script_hash, state.query_string = self.page, urlencode(self.address)
        state.cached_message_hashes.extend(self.kept)
        state.widget_states.widgets.extend(self.states.values())
        started = time.perf_counter()
        await self.connection.send(asked.SerializeToString())
        while True:
            message = ForwardMsg.FromString(await self.connection.recv())
            kind = message.WhichOneof("type")
            if message.metadata.cacheable or kind == "ref_hash":
                self.kept[message.ref_hash or message.hash] = self.run
            if kind == "new_session":
                self.oldest = message.new_session.config.max_cached_message_age
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                self._note(message.delta.new_element)
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                self.run += 1
                self.kept = {one: run for one, run in self.kept.items() if self.run - run <= self.oldest}
                return time.perf_counter() - started

    def _note(self, element: object) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            raise SystemExit(f"The page failed: {element.exception.message}")
        one = getattr(element, kind)
        if kind == "page_link":
            self.pages[one.label] = one.page_script_hash
        if name := getattr(one, "query_param_key", ""):
            self.ids[name] = one.id
        elif kind == "bidi_component" and "viewport" in one.component_name:
            self.ids["viewport"] = one.id

    def set(self, name: str, value: str) -> None:
        """Set a widget, as somebody who clicks it does."""
        state = self.states[name] = WidgetState(id=self.ids[name])
        if name == "viewport":
            state.json_value = value
            return
        self.address[name] = value
        if name == "colour":
            state.string_value = value
        else:
            state.string_array_value.data.append(value)

    async def visit(self, ends: float) -> dict[str, list[float]]:
        """Open Home, go to Compare, change something now and then; the seconds that each view took."""
        acts = time.monotonic() + PAUSE
        taken = {"Home": [await self.view()]}
        self.set("viewport", json.dumps({"size": [1280, 720]}))  # the page says how large it is, and is drawn again
        await self.view()
        await until(acts)
        self.page = self.pages["Compare"]
        taken["Compare"] = [await self.view()]
        if "left_bias" not in self.ids:
            raise SystemExit("Compare has no maps to show: train the models of the usual image set first.")
        taken["change"] = []
        while (acts := acts + PAUSE) < ends:
            await until(acts)
            name = self.random.choice(list(CHANGES))
            self.set(name, self.random.choice([one for one in CHANGES[name] if one != self.address.get(name)]))
            taken["change"].append(await self.view())
        return taken


async def until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))


async def arrive(port: int, number: int, after: float, ends: float) -> tuple[dict[str, list[float]], int]:
    """What one browser saw, and the bytes that it got."""
    await asyncio.sleep(after)
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    settings = {"subprotocols": ["streamlit"], "max_size": None, "create_connection": Counted}
    async with connect(address, origin=f"http://127.0.0.1:{port}", **settings) as connection:
        return await Browser(connection, number).visit(ends), connection.received


async def crowd(port: int, browsers: int, seconds: float) -> list[tuple[dict[str, list[float]], int]]:
    ends = time.monotonic() + seconds
    return await asyncio.gather(*(arrive(port, n, n * ARRIVAL / browsers, ends) for n in range(browsers)))


def main() -> None:
    asked = options(__doc__, browsers=30, seconds=60.0)
    with server() as (healthy, port, process):
        visits = asyncio.run(crowd(port, asked.browsers, asked.seconds))
        used = subprocess.check_output(["ps", "-o", "rss=,cputimes=", "-p", str(process)])
    resident, busy = map(int, used.split())
    found = {"start to healthy, s": healthy}
    for what, name in (("Home", "first view of Home"), ("Compare", "first view of Compare"), ("change", "change")):
        ways = statistics.quantiles([one for taken, _ in visits for one in taken[what]], n=20, method="inclusive")
        found |= {f"{name}, p50, s": ways[9], f"{name}, p95, s": ways[18]}
    found |= {"sent in all, MB": sum(size for _, size in visits) / 1e6, "resident memory, MB": resident * 1024 / 1e6}
    found |= {"changes": sum(len(taken["change"]) for taken, _ in visits), "processor time of the server, s": busy}
    print(head("what", "found", "aim", "ratio"))
    for what, aim in AIMS.items():
        print(row(what, f"{found[what]:.2f}", aim or "", f"{found[what] / aim:.2f}" if aim else ""))


if __name__ == "__main__":
    main()
