"""A visitor of the app without a browser: a websocket client that speaks Streamlit's protocol."""

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

TABLE = re.compile(rb"/tables/[0-9a-f]+\.json")  # of maps, which a browser asks for once
PAUSE = 8.0  # seconds between the actions of a visitor
BIASES = ("0%", "25%", "50%", "75%", "90%")
CHANGES = {
    "left_bias": BIASES,
    "right_bias": BIASES,
    "colour": ("group", "correct or wrong", "prediction"),
}


class CountingConnection(ClientConnection):
    """A connection that counts the bytes that it receives, compressed as they are."""

    received = 0

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        super().data_received(data)


@dataclass(frozen=True)
class Button:
    """A button of a page; `fragment` is the part of the page that runs when it is pressed."""

    id: str
    label: str
    fragment: str

    @property
    def names(self) -> tuple[str, str]:
        """Its label, and the key that the page gave it."""
        return self.label, self.id.split("-", 2)[2]


class Browser:
    """One visitor: the connection, and what a page of Streamlit remembers: cached messages,
    widgets, pages, cookies, the address."""

    def __init__(self, connection: CountingConnection, number: int) -> None:
        self.connection = connection
        self.number = number
        self.random = random.Random(number)  # noqa: S311  # no secret
        self.session = ""  # as the server names it
        self.script_run = ""  # the last that began since the page was asked for
        self.messages: list[bytes] = []  # of the last view
        self.cached: dict[str, int] = {}  # hashes of large messages, and their last run
        self.tables: set[bytes] = set()  # addresses of those that came
        self.run = 0
        self.max_age = 0  # runs after which a cached message is forgotten
        self.pages: dict[str, str] = {}
        self.page = ""
        self.ids: dict[str, str] = {}  # of widgets by their keys
        self.buttons: list[Button] = []  # that the page shows
        self.cookies: dict[str, str] = {}  # that the page set
        self.in_address: set[str] = set()  # widgets whose value the browser puts into the address
        self.states: dict[str, WidgetState] = {}
        self.chosen: dict[str, str] = {}  # by the keys of widgets
        self.address: dict[str, str] = {}
        self.intervals: dict[str, float] = {}  # seconds between runs of fragments, by id

    async def view(self, fragment: str = "", *, by_itself: bool = False) -> float:
        """Run the page, or a fragment of it, until it and its tables are there; returns the
        seconds."""
        message = BackMsg()
        rerun = message.rerun_script
        rerun.fragment_id = fragment
        rerun.is_auto_rerun = by_itself
        rerun.page_script_hash = self.page
        rerun.query_string = urlencode(self.address)
        rerun.cached_message_hashes.extend(self.cached)
        rerun.widget_states.widgets.extend(self.states.values())
        started = time.perf_counter()
        await self.connection.send(message.SerializeToString())
        self.messages, self.script_run = [], ""
        while True:
            self.messages.append(await self.connection.recv(decode=False))
            if self._is_last(ForwardMsg.FromString(self.messages[-1])):
                await self._fetch_tables()
                return time.perf_counter() - started

    async def _fetch_tables(self) -> None:
        for address in set(TABLE.findall(b"".join(self.messages))) - self.tables:
            self.connection.received += await asyncio.to_thread(self._fetched, address.decode())
            self.tables.add(address)

    def _fetched(self, address: str) -> int:
        """Ask for a table as a browser does; returns its bytes, compressed as they are."""
        connection = HTTPConnection(*self.connection.remote_address[:2], timeout=60)
        connection.request("GET", address, headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        if response.status != 200:
            raise SystemExit(f"{address} was answered with {response.status}.")
        content = response.read()
        connection.close()
        return len(content)

    def _is_last(self, message: ForwardMsg) -> bool:
        """Take note of a message; whether it ends a run."""
        kind = message.WhichOneof("type")
        if message.metadata.cacheable or kind == "ref_hash":
            self.cached[message.ref_hash or message.hash] = self.run
        if kind == "new_session":
            self.session = message.new_session.initialize.session_id
            self.max_age = message.new_session.config.max_cached_message_age
            self.script_run = message.metadata.run.script_run_id
            self._forget(set(message.metadata.run.fragment_ids))
        elif kind == "auto_rerun":
            self.intervals[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "page_info_changed":
            self.address = dict(parse_qsl(message.page_info_changed.query_string))
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._note(message.delta.new_element, message.delta.fragment_id)
        elif kind == "script_finished":
            is_former = message.metadata.run.script_run_id != self.script_run
            if is_former or message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return False
            self.run += 1
            oldest = self.run - self.max_age
            self.cached = {hash_: run for hash_, run in self.cached.items() if run >= oldest}
            return True
        return False

    def _forget(self, fragments: set[str]) -> None:
        """Forget what a run of some fragments, or else of the page, draws again."""
        if not fragments:
            self.intervals = {}
        self.buttons = [
            button for button in self.buttons if fragments and button.fragment not in fragments
        ]

    async def follow(self) -> None:
        """Run the fragments of a page again after their interval, as the page does by itself."""
        await asyncio.sleep(min(self.intervals.values()))
        messages = []
        for fragment in list(self.intervals):
            await self.view(fragment, by_itself=True)
            messages += self.messages
        self.messages = messages

    def _note(self, element: object, fragment: str) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            raise SystemExit(f"The page failed: {element.exception.message}")
        content = getattr(element, kind)
        if kind == "page_link":
            self.pages[content.label] = content.page_script_hash
        elif kind == "button":
            self.buttons.append(Button(content.id, content.label, fragment))
        elif kind == "file_uploader":
            self.ids["files"] = content.id
        elif kind == "bidi_component" and "viewport" in content.component_name:
            self.ids["viewport"] = content.id
        elif kind == "bidi_component" and "remember" in content.component_name:
            cookie = json.loads(content.json)
            self.cookies[cookie["name"]] = cookie["value"]
        identity = str(getattr(content, "id", ""))
        if identity.startswith("$$ID-"):  # a hash, and the name that the page gave
            self.ids[identity.split("-", 2)[2]] = identity
        if name := getattr(content, "query_param_key", ""):
            self.in_address.add(name)

    def set(self, name: str, value: str) -> None:
        """Set a widget, as a click does."""
        state = self.states[name] = WidgetState(id=self.ids[name])
        if name in self.in_address:
            self.address[name] = value
        if name == "colour":
            state.string_value = value
        else:
            state.string_array_value.data.append(value)

    def button(self, name: str) -> Button | None:
        """The button with a label or key that the page shows; None without it."""
        return next((button for button in self.buttons if name in button.names), None)

    async def press(self, name: str) -> float:
        """Press a button by its label or key; returns the seconds until the page is complete
        again."""
        if (button := self.button(name)) is None:
            raise SystemExit(f"The page has no button {name!r}.")
        self.states["pressed"] = WidgetState(id=button.id, trigger_value=True)
        try:
            return await self.view(button.fragment)
        finally:
            del self.states["pressed"]

    async def open(self, page: str, **address: str) -> float:
        """Go from Home to a page; returns the seconds until it is complete."""
        await self.view()
        self.page = self.pages[page]
        self.address = address
        return await self.view()

    async def visit(self, end: float) -> dict[str, list[float]]:
        """Open Home, go to Compare, and change a setting there now and then; returns the seconds of
        each view by kind."""
        next_action = time.monotonic() + PAUSE
        durations = {"Home": [await self.view()]}
        # The page reports the size of its window, and runs again.
        viewport = json.dumps({"size": [1280, 720]})
        self.states["viewport"] = WidgetState(id=self.ids["viewport"], json_value=viewport)
        await self.view()
        await sleep_until(next_action)
        self.page = self.pages["Compare"]
        durations["Compare"] = [await self.view()]
        if "left_bias" not in self.ids:
            raise SystemExit(
                "Compare has no maps to show: train the models of the usual image set first."
            )
        durations["change"] = []
        while (next_action := next_action + PAUSE) < end:
            await sleep_until(next_action)
            name = self.random.choice(list(CHANGES))
            values = [value for value in CHANGES[name] if value != self.chosen.get(name)]
            self.chosen[name] = self.random.choice(values)
            self.set(name, self.chosen[name])
            durations["change"].append(await self.view())
        return durations


Visitor = TypeVar("Visitor", bound=Browser)


def dial(port: int, cookies: Mapping[str, str] | None = None, session: str = "") -> connect:
    """Return the connection that a page opens to a server on this machine.

    Args:
        port: of the server.
        cookies: of the browser.
        session: that the page had; empty for a page that is opened or reloaded.
    """
    address = f"127.0.0.1:{port}"
    pairs = [f"{name}={value}" for name, value in (cookies or {}).items()]
    return connect(
        f"ws://{address}/_stcore/stream",
        origin=f"http://{address}",
        additional_headers={"Cookie": "; ".join(pairs)} if pairs else None,
        subprotocols=["streamlit", "no-token", session] if session else ["streamlit"],
        max_size=None,
        create_connection=CountingConnection,
    )


@asynccontextmanager
async def connected(kind: type[Visitor], port: int, number: int) -> AsyncIterator[Visitor]:
    """Connect a visitor to a server on this machine."""
    async with dial(port) as connection:
        yield kind(connection, number)


async def sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))
