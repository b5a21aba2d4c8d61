"""The command that serves a class: some Streamlit processes behind nginx, which keeps each browser
with one of them."""

import base64
import ctypes
import hashlib
import importlib.util
import ipaddress
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import Template
from typing import Any

from vlcore.cli.common import CommandError, add_command, whole_number
from vlcore.experiment.files import allow_open_files, scratch_folder, text_beside
from vlcore.jobs.queue import default_workers

FIRST_PORT = 8501  # of the processes in a configuration that is only printed
START, HUNG = (
    120.0,
    60.0,
)  # seconds that a process has to become healthy, and without an answer until it is replaced
_PARENT_DEATH_SIGNAL = 1  # of prctl
LOOK = 1.0  # seconds between looks at them
APP = Path(__file__).parents[2] / "app.py"


class _Configuration(Template):
    delimiter = "@"  # nginx has the dollar


@dataclass
class _Process:
    """One Streamlit process on a port of this machine."""

    port: int
    running: subprocess.Popen[bytes]
    answered: float  # when it was last healthy; of one that never was, when it was started
    begun: bool = False  # whether it ever was

    def is_gone(self) -> bool:
        """Whether it has ended or has not answered for long."""
        with suppress(OSError):
            urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/_stcore/health", timeout=2
            ).close()
            self.answered, self.begun = time.monotonic(), True
        return self.running.poll() is not None or time.monotonic() - self.answered > (
            HUNG if self.begun else START
        )


def add_commands(commands: Any) -> None:
    help_text = (
        "serve a class: Streamlit processes behind nginx, with limits; `streamlit run app.py` is"
        " one without"
    )
    option = add_command(commands, "serve", help_text, serve)
    option(
        "--processes",
        type=whole_number(1, 64),
        default=1,
        help="about one for two cores; each takes 0.5 GB",
    )
    everywhere = "0.0.0.0"  # noqa: S104
    option("--host", type=_address, default=everywhere, help="address to listen at; default: all")
    option("--port", type=whole_number(1, 65_535), default=8080)
    option(
        "--print-config",
        action="store_true",
        help="print the configuration of nginx, start nothing",
    )


def _address(text: str) -> str:
    try:
        return f"[{text}]" if ipaddress.ip_address(text).version == 6 else text
    except ValueError:
        raise ArgumentTypeError(f"{text} is not an address such as 127.0.0.1 or ::") from None


def serve(options: Namespace) -> dict[str, Any]:
    """Serve until told to end; a process that dies or answers no more is replaced."""
    listens = f"{options.host}:{options.port}"
    if options.print_config:
        fixed = [FIRST_PORT + number for number in range(options.processes)]
        text = configuration(listens, fixed, Path("/var/lib/nginx"))
        if not options.json:
            print(text, end="")
        return {"config": text} if options.json else {}
    nginx = shutil.which(
        "nginx",
        path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin{os.pathsep}/usr/local/sbin",
    )
    if nginx is None:
        raise CommandError(
            "There is no nginx: install it (`apt install nginx-light`), or start `streamlit run"
            " app.py`."
        )
    if not APP.is_file():
        raise CommandError(
            "The app is not here: start this in a clone of the project, as `python -m vlcore"
            " serve`."
        )
    _check_free(options.host, options.port)
    allow_open_files()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), _children() as children:
        folder = scratch_folder()
        folder.chmod(0o711)  # started by root, nginx does its work as a user without rights
        ports = _free_ports(options.processes)
        os.environ.setdefault(
            "VLCORE_ADDRESS_KEY", secrets.token_hex(16)
        )  # an address counts once for all processes
        (folder / "nginx.conf").write_text(configuration(listens, ports, folder))
        processes = [_start(children, port, options.processes) for port in ports]
        while not all(one.begun for one in processes):
            if any([one.is_gone() for one in processes]):
                raise CommandError(
                    "A Streamlit process does not become healthy; what it says of it stands above."
                )
            time.sleep(0.1)
        command = [
            nginx,
            "-p",
            str(folder),
            "-e",
            "stderr",
            "-c",
            str(folder / "nginx.conf"),
            "-g",
            "daemon off;",
        ]
        children.append(proxy := _begin(command, signal.SIGTERM))
        print(
            f"Serving at http://{listens} with {len(ports)} processes; Ctrl-C ends it.",
            file=sys.stderr,
            flush=True,
        )
        while proxy.poll() is None:
            time.sleep(LOOK)
            for place, one in enumerate(processes):
                if one.is_gone():
                    print(
                        "A process does not answer; another one takes its place.",
                        file=sys.stderr,
                        flush=True,
                    )
                    one.running.kill()
                    one.running.wait()
                    children.remove(one.running)
                    processes[place] = _start(children, one.port, options.processes)
        raise CommandError("nginx has ended; what it says of it stands above.")
    return {}


def configuration(listens: str, ports: list[int], folder: Path) -> str:
    """The configuration of nginx before the processes at ports, with what it writes in a folder."""
    servers = {
        number: f"server 127.0.0.1:{port} max_fails=1 fail_timeout=5s"
        for number, port in enumerate(ports, 1)
    }
    upstreams = ["upstream any {", *(f"  {server};" for server in servers.values()), "}"]
    for number, own in servers.items():  # where a process is gone, another one takes its visitors
        others = [f"  {server} backup;" for other, server in servers.items() if other != number]
        upstreams += [f"upstream process_{number} {{", f"  {own};", *others, "}"]
    by_address = [f'"~127\\.0\\.0\\.1:{port}$" {number};' for number, port in enumerate(ports, 1)]
    return _Configuration(text_beside(__file__, "nginx.conf")).substitute(
        address=listens,
        folder=folder,
        scripts=_scripts_of_the_page(),
        upstreams=_lines(upstreams, 2),
        by_address=_lines(by_address, 4),
        by_cookie=_lines([f"{number} process_{number};" for number in servers], 4),
    )


def _lines(lines: list[str], indent: int) -> str:
    return "\n".join(" " * indent + line for line in lines)


def _scripts_of_the_page() -> str:
    """The hashes of the scripts that stand in Streamlit's page itself, as a Content-Security-Policy
    names them."""
    found = importlib.util.find_spec("streamlit")
    page = Path(str(found and found.origin)).with_name("static") / "index.html"
    inline = re.findall(r"<script>(.*?)</script>", page.read_text(encoding="utf-8"), re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in inline]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def _check_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host.strip("[]"), port))
        except OSError as error:
            raise CommandError(
                f"{host}:{port} cannot be listened at ({error.strerror}); give another --port."
            ) from error


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


@contextmanager
def _children() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that end with this one, which `_begin` began."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        yield started
    finally:
        for one in reversed(started):  # nginx before those that it asks
            one.terminate()
        for one in started:
            try:
                one.wait(20)
            except subprocess.TimeoutExpired:
                one.kill()


def _start(children: list[subprocess.Popen[bytes]], port: int, processes: int) -> _Process:
    command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    # Each has workers of its own, on the same cores; what it says on standard output is an address
    # for nobody.
    shared = {**os.environ, "VLCORE_WORKERS": str(max(1, default_workers() // processes))}
    running = _begin(command, signal.SIGKILL, cwd=APP.parent, env=shared, stdout=subprocess.DEVNULL)
    children.append(running)
    return _Process(port, running, time.monotonic())


def _begin(command: list[str], end: signal.Signals, **options: Any) -> subprocess.Popen[bytes]:
    """A process to which the kernel sends a signal when this one has ended, though it was killed;
    on Linux."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    return subprocess.Popen(
        command, preexec_fn=prctl and partial(prctl, _PARENT_DEATH_SIGNAL, end), **options
    )
