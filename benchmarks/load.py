"""Load of a class: browsers that arrive within five seconds, open Home, go on to Compare and change
a setting there every eight seconds, alone or while phones upload images.

python -m benchmarks.load [--browsers 30] [--minutes 1] [--uploading 4]

The browsers are websocket clients that speak Streamlit's protocol and cache large messages by hash,
as its page does. The models are those of VLCORE_HOME; of the usual image set it needs those that
`CHANGES` can ask for, of seed 0. A page that fails, or a phone that is shown another one's image,
ends the run. Memory is that of the server's process, in tenths of the time.
"""

import asyncio
import io
import re
import statistics
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from itertools import pairwise

import numpy as np
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from benchmarks import parse_options, print_aims, processor_seconds, resident
from benchmarks.startup import server
from benchmarks.visitors import PAUSE, Browser, connected, sleep_until

FILE_NAME = re.compile(rb"phone(\d{2})x\d{3}")
ARRIVAL = 5.0  # seconds in which all arrive
VIEWS = {  # durations that visitors report, by name
    "Home": "first view of Home",
    "Compare": "first view of Compare",
    "change": "change",
    "upload": "upload until placed",
}
AIMS = {  # of the browsers alone, and beside uploads
    "start to healthy, s": (2.0, None),
    "first view of Home, p95, s": (3.0, 4.0),
    "first view of Compare, p95, s": (3.0, 4.0),
    "change, p50, s": (0.25, None),
    "change, p95, s": (0.8, 1.2),
    "sent in all, MB": (25.0, None),
    "resident memory, MB": (450.0, None),
    "last tenth, ratio of memory to the second": (1.1, 1.1),
}


@dataclass(frozen=True)
class Visit:
    """Durations of one visitor's views, in seconds by kind, and the bytes that it received."""

    durations: dict[str, list[float]]
    received: int


class Phone(Browser):
    """A visitor who uploads one image after the other, and checks whose names are shown."""

    token = ""  # that Streamlit's upload handler requires

    async def visit(self, end: float) -> dict[str, list[float]]:
        """Open Upload and upload images, two pauses between them; returns the seconds until each
        was placed."""
        self.token = await asyncio.to_thread(self._xsrf_token)
        photo = _photo(self.number)
        await self.open("Upload")
        durations: list[float] = []
        addresses: FileURLs | None = None
        while (next_upload := time.monotonic() + 2 * PAUSE) < end:
            previous = addresses
            name = f"phone{self.number:02}x{len(durations) + 1:03}.jpg"
            addresses = await self._file_addresses(name)
            started = time.perf_counter()
            await asyncio.to_thread(self._request, "PUT", addresses.upload_url, photo, name)
            state = self.states["files"] = WidgetState(id=self.ids["files"])
            files = state.file_uploader_state_value.uploaded_file_info
            file = files.add(name=name, size=len(photo), file_id=addresses.file_id)
            file.file_urls.CopyFrom(addresses)
            await self.view()
            durations.append(time.perf_counter() - started)
            self._check_names(name)
            if previous is not None:
                await asyncio.to_thread(self._request, "DELETE", previous.delete_url)
            await sleep_until(next_upload)
        return {"upload": durations}

    def _check_names(self, name: str) -> None:
        """Exit unless the page shows the name of its own file and no other phone's."""
        content = b"".join(self.messages)
        if name.encode() not in content:
            raise SystemExit(f"{name} was uploaded and is not on the page.")
        if strangers := set(FILE_NAME.findall(content)) - {b"%02d" % self.number}:
            raise SystemExit(f"Phone {self.number} was shown names of {strangers}.")

    def _xsrf_token(self) -> str:
        cookie = str(self._request("GET", "/_stcore/health")["Set-Cookie"])
        return cookie.split(";")[0].removeprefix("_streamlit_xsrf=")

    async def _file_addresses(self, name: str) -> FileURLs:
        message = BackMsg()
        message.file_urls_request.request_id = name
        message.file_urls_request.session_id = self.session
        message.file_urls_request.file_names.append(name)
        await self.connection.send(message.SerializeToString())
        while True:
            reply = ForwardMsg.FromString(await self.connection.recv())
            if reply.WhichOneof("type") == "file_urls_response":
                return reply.file_urls_response.file_urls[0]

    def _request(
        self, method: str, path: str, content: bytes | None = None, name: str = ""
    ) -> Message:
        """Send a request, with a file of a form if content is given; returns the headers."""
        headers = {"X-Xsrftoken": self.token, "Cookie": f"_streamlit_xsrf={self.token}"}
        if content is not None:
            disposition = f'Content-Disposition: form-data; name="{name}"; filename="{name}"'
            content = f"--cut\r\n{disposition}\r\n\r\n".encode() + content + b"\r\n--cut--\r\n"
            headers["Content-Type"] = "multipart/form-data; boundary=cut"
        host, port = self.connection.remote_address[:2]
        with closing(HTTPConnection(host, port, timeout=60)) as connection:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            if response.status >= 300:
                raise SystemExit(f"{method} {path} was answered with {response.status}.")
            return response.headers


def _photo(number: int) -> bytes:
    """An image as large as a phone's, 3000 x 2000 px and about a megabyte, one for each phone."""
    coarse = np.random.default_rng(number).integers(0, 256, (100, 150, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((3000, 2000), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


async def arrive(kind: type[Browser], port: int, number: int, delay: float, end: float) -> Visit:
    await asyncio.sleep(delay)
    async with connected(kind, port, number) as browser:
        return Visit(await browser.visit(end), browser.connection.received)


async def crowd(
    port: int, process: int, browsers: int, phones: int, seconds: float
) -> tuple[list[Visit], list[float]]:
    """The visits of all, and the server's memory every two seconds."""
    end = time.monotonic() + seconds
    arrivals = [arrive(Browser, port, n, n * ARRIVAL / browsers, end) for n in range(browsers)]
    arrivals += [arrive(Phone, port, n, ARRIVAL, end) for n in range(phones)]
    visits = asyncio.gather(*arrivals)
    memory = []
    while not visits.done():
        memory.append(resident(process))
        await asyncio.wait([visits], timeout=2.0)
    return await visits, memory


def view_figures(visits: list[Visit]) -> dict[str, float]:
    durations = defaultdict(list)
    for visit in visits:
        for kind, times in visit.durations.items():
            durations[kind] += times
    figures: dict[str, float] = {}
    for kind, name in VIEWS.items():
        if len(durations[kind]) > 1:
            median, slow = np.percentile(durations[kind], [50, 95])
            figures |= {f"{name}, p50, s": median, f"{name}, p95, s": slow}
            figures[f"{kind}s"] = len(durations[kind])
    return figures


def main() -> None:
    options = parse_options(__doc__, browsers=30, minutes=1.0, uploading=0)
    with server() as (healthy, port, process):
        load = crowd(port, process, options.browsers, options.uploading, 60 * options.minutes)
        visits, memory = asyncio.run(load)
        busy = processor_seconds(process)
    cuts = [round(len(memory) * tenth / 10) for tenth in range(11)]
    tenths = [statistics.median(memory[a:b] or memory[-1:]) for a, b in pairwise(cuts)]
    figures = {"start to healthy, s": healthy, **view_figures(visits)}
    figures["sent in all, MB"] = sum(visit.received for visit in visits) / 1e6
    figures["resident memory, MB"] = memory[-1]
    figures["last tenth, ratio of memory to the second"] = tenths[-1] / tenths[1]
    figures["processor time of the server, s"] = busy
    aims = {name: aim[options.uploading > 0] for name, aim in AIMS.items()}
    print_aims((name, value, aims.get(name)) for name, value in figures.items())


if __name__ == "__main__":
    main()
