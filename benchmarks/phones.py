"""What goes on beside a class in `benchmarks.load`: phones that upload pictures, and models that
are trained."""

import asyncio
import io
import os
import re
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing, contextmanager
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from benchmarks.visitors import PAUSE, Browser, until
from vlcore.api.training import train_condition
from vlcore.artifacts import artifact
from vlcore.data.catalogue import open_set
from vlcore.data.subset import usual_condition
from vlcore.experiment.files import data_folder
from vlcore.experiment.options import PRESETS
from vlcore.jobs.queue import worker_pool

NAME = re.compile(rb"phone(\d{2})x\d{3}")


class Phone(Browser):
    """A visitor who gives one picture after the other, and looks at whose names come back."""

    token = ""  # that Streamlit wants back with what is given

    async def visit(self, ends: float) -> dict[str, list[float]]:
        """Open Upload and give pictures, two pauses between them; the seconds until each was
        placed."""
        self.token = await asyncio.to_thread(self._token)
        photo = _photo(self.number)
        await self.view()
        self.page = self.pages["Upload"]
        await self.view()
        taken: dict[str, list[float]] = {"upload": []}
        given, number = None, 0
        while (acts := time.monotonic() + 2 * PAUSE) < ends:
            number, before = number + 1, given
            name = f"phone{self.number:02}x{number:03}.jpg"
            given = await self._addresses(name)
            started = time.perf_counter()
            await asyncio.to_thread(self._ask, "PUT", given.upload_url, photo, name)
            state = self.states["files"] = WidgetState(id=self.ids["files"])
            one = state.file_uploader_state_value.uploaded_file_info.add(name=name, size=len(photo))
            one.file_id = given.file_id
            one.file_urls.CopyFrom(given)
            await self.view()
            taken["upload"].append(time.perf_counter() - started)
            seen = b"".join(self.said)
            if name.encode() not in seen:
                raise SystemExit(f"{name} was given and is not on the page.")
            if others := set(NAME.findall(seen)) - {b"%02d" % self.number}:
                raise SystemExit(f"Phone {self.number} was shown names of {others}.")
            if before is not None:
                await asyncio.to_thread(self._ask, "DELETE", before.delete_url)
            await until(acts)
        return taken

    def _token(self) -> str:
        return (
            str(self._ask("GET", "/_stcore/health")["Set-Cookie"])
            .split(";")[0]
            .removeprefix("_streamlit_xsrf=")
        )

    async def _addresses(self, name: str) -> FileURLs:
        asked = BackMsg()
        asked.file_urls_request.request_id = name
        asked.file_urls_request.session_id = self.session
        asked.file_urls_request.file_names.append(name)
        await self.connection.send(asked.SerializeToString())
        while True:
            message = ForwardMsg.FromString(await self.connection.recv())
            if message.WhichOneof("type") == "file_urls_response":
                return message.file_urls_response.file_urls[0]

    def _ask(self, method: str, path: str, content: bytes | None = None, name: str = "") -> Message:
        headers = {"X-Xsrftoken": self.token, "Cookie": f"_streamlit_xsrf={self.token}"}
        if content is not None:
            head = (
                f'--cut\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'
            )
            content = head.encode() + content + b"\r\n--cut--\r\n"
            headers["Content-Type"] = "multipart/form-data; boundary=cut"
        with closing(HTTPConnection(self.server, timeout=60)) as connection:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            if answer.status >= 300:
                raise SystemExit(f"{method} {path} was answered with {answer.status}.")
            return answer.headers


def _photo(number: int) -> bytes:
    """A picture as large as a phone's: 3000 x 2000 px, about a megabyte, another one for each
    phone."""
    coarse = np.random.default_rng(number).integers(0, 256, (100, 150, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((3000, 2000), Image.Resampling.BICUBIC).save(
        file, "JPEG", quality=90
    )
    return file.getvalue()


def _train(home: str, seed: int) -> float:
    """Seconds that a short training takes, in a home of its own."""
    os.environ["VLCORE_HOME"] = home
    usual = usual_condition(open_set("scenes"))
    condition = usual.replace(steps=PRESETS["live"], bias=0.5, data_seed=seed, init_seed=seed)
    train_condition(condition)
    return float(artifact.read(condition.key).manifest["seconds"])


class Trainings:
    """So many models in training at once, as the server's workers would be; how long each took
    alone and beside."""

    def __init__(self, pool: Any, home: str, count: int) -> None:
        self._pool, self._home, self._count, self._seed = pool, home, count, 1000
        self._round()  # what workers import
        self.alone = self._round()
        self.beside: list[float] = []
        self._stop = Event()

    def _next(self) -> Future[float]:
        self._seed += 1
        future: Future[float] = self._pool.submit(_train, self._home, self._seed)
        return future

    def _round(self) -> list[float]:
        return [one.result() for one in [self._next() for _ in range(self._count)]]

    def _go_on(self) -> None:
        running = {self._next() for _ in range(self._count)}
        while not self._stop.is_set():
            done, running = wait(running, 1.0, FIRST_COMPLETED)
            self.beside += [one.result() for one in done]
            running |= {self._next() for _ in done}

    @contextmanager
    def going_on(self) -> Iterator[None]:
        thread = Thread(target=self._go_on)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()


@contextmanager
def trainings(count: int) -> Iterator[Trainings | None]:
    """Workers that train, with the pictures of this home; None of none."""
    if not count:
        yield None
        return
    open_set("scenes").ensure_rendered(
        range(len(open_set("scenes").table)), lambda _done, _of: None
    )
    with tempfile.TemporaryDirectory() as home:
        Path(home, "data").symlink_to(data_folder())
        pool: Any = worker_pool(count)
        try:
            yield Trainings(pool, home, count)
        finally:
            pool.shutdown(kill_workers=True)
