"""Participants of a class without browsers: phones and a presenter, who return with their cookies
whenever the server is gone or their network is lost."""

import asyncio
import random
import re
import time
from contextlib import suppress
from http.client import HTTPException

from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import WebSocketException

from benchmarks.visitors import Browser, CountingConnection, dial, sleep_until
from vlcore.classroom import one_room

TRAIN, LOCK, END, ENDED = "Train my two models", "Lock the plan", "End: what did it show?", "Go on"
TRAIN_AGAIN = "Train two models"  # the button of a pair that failed
TRAINED = re.compile(rb"Your two models: seed pair (\d+)")
VOTE, PREDICTION = "vote_", "expect"  # what keys of the buttons begin with
MINE = "(my answer)"
VOTER = "vl-bias-lab-voter"  # the cookie with the name of a phone
ARRIVED = "arrived"  # the stage before the first vote; the others have the names of buttons
ARRIVAL, VOTING = 0.1, 0.1  # shares of the time in which phones come, and vote
PRESSING = 60.0  # seconds in which all phones ask for their models, at most
CHANGED_MINDS = 1 / 3  # share of the votes
LOSSES, AWAY = 3, (1.0, 15.0)  # of a phone's network, and seconds without it
HANGS = 60.0  # seconds after which a participant opens a page again that does not come
PRESS_AGAIN = 2.0, 8.0  # seconds after a press was refused
GONE = (OSError, WebSocketException, HTTPException)  # the server, or the network


class Room:
    """Where a class is: the server, the lesson, the clock, and what its participants met.

    Attributes:
        port: of the server.
        seconds: that the class takes.
        began: when, by the monotonic clock.
        ended: whether all leave.
        invitation: the address of the lesson.
        random: a generator that a seed began.
        answers: seconds of presses.
        returns: seconds until the page of a participant who returns is complete.
        refused: presses that were answered with a sentence.
        cut_off: presses that were not answered.
        hung: pages that did not come.
        losses: of networks.
    """

    def __init__(self, port: int, seconds: float, seed: int) -> None:
        self.port = port
        self.seconds = seconds
        self.began = time.monotonic()
        self.ended = False
        self.invitation: dict[str, str] = {}
        self.random = random.Random(seed)  # noqa: S311  # no secret
        self.answers: list[float] = []
        self.returns: list[float] = []
        self.refused = self.cut_off = self.hung = self.losses = 0

    async def reach(self, cookies: dict[str, str], page: str = "") -> CountingConnection:
        """Connect to the server as soon as it is up."""
        while True:
            with suppress(*GONE):
                return await dial(self.port, cookies, page)
            await asyncio.sleep(0.5)

    async def wait_until(self, share: float) -> None:
        """Wait until a share of the time is over."""
        await sleep_until(self.began + share * self.seconds)


class Participant(Browser):
    """A browser that returns with its cookies whenever its connection ends."""

    def __init__(self, connection: CountingConnection, number: int, room: Room) -> None:
        super().__init__(connection, number)
        self.room = room
        self.random = random.Random(room.random.random())  # noqa: S311  # no secret
        self.accepted: dict[str, str] = {}  # the address of the lesson that it opened

    @property
    def invitation(self) -> dict[str, str]:
        return self.room.invitation

    async def take_part(self) -> None:
        """Follow the lesson and act in it until all leave."""
        returns = False
        while not self.room.ended:
            with suppress(*GONE):
                if returns:
                    await self._return()
                await self._follow_lesson()
                break
            returns = True
            await asyncio.sleep(self.random.uniform(*AWAY))
        await self.connection.close()

    async def _follow_lesson(self) -> None:
        while not self.room.ended:
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
        self.connection = await self.room.reach(self.cookies, "" if is_reloaded else self.session)
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while True:  # what the server still had to say to the page
                    await self.connection.recv()
        if self.page:
            self.room.returns.append(await self.view())

    async def act(self) -> None:
        """Press what is due."""

    async def view(self, fragment: str = "", *, by_itself: bool = False) -> float:
        try:
            async with asyncio.timeout(HANGS):
                return await super().view(fragment, by_itself=by_itself)
        except TimeoutError:
            self.room.hung += 1
            raise

    async def press(self, name: str) -> float:
        try:
            seconds = await super().press(name)
        except GONE:
            self.room.cut_off += 1
            raise
        self.room.answers.append(seconds)
        return seconds


class Presenter(Participant):
    """The presenter, who presses a button until the page shows the one that comes after it."""

    token = ""
    move: tuple[str, str] | None = None  # names of both buttons

    @property
    def invitation(self) -> dict[str, str]:
        return {**self.room.invitation, "presenter": self.token}

    async def act(self) -> None:
        if self.move is None:
            return
        name, following = self.move
        if self.button(following):
            self.move = None
        elif self.button(name):
            if name == LOCK:
                key = f"{self.room.invitation['code']}.expected_{one_room.FIRST}"
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

    def __init__(self, connection: CountingConnection, number: int, room: Room) -> None:
        super().__init__(connection, number, room)
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
                self.room.refused += 1
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
        seconds = VOTING * self.room.seconds
        if stage == TRAIN:
            seconds = min(PRESSING, seconds)
        votes = 1 + (stage != TRAIN and self.random.random() < CHANGED_MINDS)
        moments = sorted(self.random.uniform(0, seconds) for _ in range(votes))
        now = max(time.monotonic(), self.room.began + ARRIVAL * self.room.seconds)
        buttons = self.random.sample(sorted(keys), votes)
        return [(now + moment, key) for moment, key in zip(moments, buttons, strict=True)]

    def _look(self) -> None:
        """Note what the page acknowledges."""
        self.done.add(ARRIVED)
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
            await self.room.wait_until(share)
            self.room.losses += 1
            self.connection.transport.abort()
