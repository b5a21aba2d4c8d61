"""A visitor of the app without a browser: a websocket client that speaks Streamlit's protocol."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

PAUSE = 8.0  # seconds between what one of them does
CHANGES = {
    **dict.fromkeys(("left_bias", "right_bias"), ("0 %", "25 %", "50 %", "75 %", "90 %")),
    "colour": ("group", "right or wrong", "prediction"),
}


class Counted(ClientConnection):
    """A connection that knows how many bytes came over it, compressed as they are."""

    received = 0

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        super().data_received(data)


class Browser:
    """One visitor: the connection, and what a page of Streamlit keeps: hashes, widgets, pages, the
    address."""

    def __init__(self, connection: Counted, server: str, number: int) -> None:
        self.connection, self.server, self.number = connection, server, number
        self.random = random.Random(number)  # noqa: S311  # no secret
        self.session = ""
        self.said: list[bytes] = []  # of the last view
        self.kept: dict[str, int] = {}  # large messages by hash, with the run that last showed them
        self.run = self.oldest = 0
        self.pages: dict[str, str] = {}
        self.page = ""
        self.ids: dict[str, str] = {}  # of widgets, by their names in the address
        self.states: dict[str, WidgetState] = {}
        self.address: dict[str, str] = {}
        self.numbers: dict[str, str] = {}  # of a page, in large type, by what they are
        self.again: dict[
            str, float
        ] = {}  # parts of the page that are drawn anew, and after how many seconds

    async def view(self, part: str = "") -> float:
        """Ask for the page as it is set, or for a part of it, and take what comes until it is
        whole; the seconds that took."""
        if not part:
            self.again = {}
        asked = BackMsg()
        state = asked.rerun_script
        state.fragment_id, state.is_auto_rerun = part, bool(part)
        state.page_script_hash, state.query_string = self.page, urlencode(self.address)
        state.cached_message_hashes.extend(self.kept)
        state.widget_states.widgets.extend(self.states.values())
        started = time.perf_counter()
        await self.connection.send(asked.SerializeToString())
        self.said = []
        while True:
            self.said.append(await self.connection.recv(decode=False))
            message = ForwardMsg.FromString(self.said[-1])
            kind = message.WhichOneof("type")
            if message.metadata.cacheable or kind == "ref_hash":
                self.kept[message.ref_hash or message.hash] = self.run
            if kind == "new_session":
                self.oldest = message.new_session.config.max_cached_message_age
                self.session = message.new_session.initialize.session_id
            elif kind == "auto_rerun":
                self.again[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                self._note(message.delta.new_element)
            elif (
                kind == "script_finished"
                and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
            ):
                self.run += 1
                self.kept = {
                    one: run for one, run in self.kept.items() if self.run - run <= self.oldest
                }
                return time.perf_counter() - started

    async def follow(self) -> None:
        """What a page does by itself after a while: have its parts drawn anew."""
        await asyncio.sleep(min(self.again.values()))
        said = []
        for part in [*self.again]:
            await self.view(part)
            said += self.said
        self.said = said

    def _note(self, element: object) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            raise SystemExit(f"The page failed: {element.exception.message}")
        one = getattr(element, kind)
        if kind == "page_link":
            self.pages[one.label] = one.page_script_hash
        elif kind == "button":
            self.ids[one.label] = one.id
        elif kind == "metric":
            self.numbers[one.label] = one.body
        if name := getattr(one, "query_param_key", ""):
            self.ids[name] = one.id
        elif kind == "file_uploader":
            self.ids["files"] = one.id
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

    async def press(self, label: str) -> float:
        """Press a button; the seconds until the page is whole again."""
        if label not in self.ids:
            raise SystemExit(f"The page has no button {label!r}.")
        self.states["pressed"] = WidgetState(id=self.ids[label], trigger_value=True)
        try:
            return await self.view()
        finally:
            del self.states["pressed"]

    async def open(self, page: str, **address: str) -> float:
        """Go from Home to a page, at an address; the seconds until it is whole."""
        await self.view()
        self.page, self.address = self.pages[page], address
        return await self.view()

    async def visit(self, ends: float) -> dict[str, list[float]]:
        """Open Home, go to Compare, change something now and then; the seconds that each view
        took."""
        acts = time.monotonic() + PAUSE
        taken = {"Home": [await self.view()]}
        self.set(
            "viewport", json.dumps({"size": [1280, 720]})
        )  # the page says how large it is, and is drawn again
        await self.view()
        await until(acts)
        self.page = self.pages["Compare"]
        taken["Compare"] = [await self.view()]
        if "left_bias" not in self.ids:
            raise SystemExit(
                "Compare has no maps to show: train the models of the usual image set first."
            )
        taken["change"] = []
        while (acts := acts + PAUSE) < ends:
            await until(acts)
            name = self.random.choice(list(CHANGES))
            self.set(
                name,
                self.random.choice([one for one in CHANGES[name] if one != self.address.get(name)]),
            )
            taken["change"].append(await self.view())
        return taken


Visitor = TypeVar("Visitor", bound=Browser)


@asynccontextmanager
async def connected(kind: type[Visitor], port: int, number: int) -> AsyncIterator[Visitor]:
    """A visitor of a server on this machine, with a connection of its own."""
    address = f"127.0.0.1:{port}"
    settings: dict[str, Any] = {
        "subprotocols": ["streamlit"],
        "max_size": None,
        "create_connection": Counted,
    }
    async with connect(
        f"ws://{address}/_stcore/stream", origin=f"http://{address}", **settings
    ) as connection:
        yield kind(connection, address, number)


async def until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))
