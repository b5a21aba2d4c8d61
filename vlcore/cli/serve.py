"""Commands that run the app: on this machine, also where the library was installed without a clone;
and for a class, as Streamlit processes behind nginx, which keeps each browser with one of them."""

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
from functools import partial
from pathlib import Path
from string import Template
from typing import Any

from vlcore.cli.common import CommandError, Document, add_command, whole_number
from vlcore.experiment.files import (
    allow_open_files,
    home,
    project_folder,
    scratch_folder,
    text_beside,
)
from vlcore.jobs.queue import default_workers

APP = project_folder() / "app.py"
STREAMLIT = (sys.executable, "-m", "streamlit", "run", str(APP))
FIRST_PORT = 8501  # of the processes in a configuration that is only printed
PATIENCE = 120.0  # seconds without an answer after which a process is replaced
LOOK_SECONDS = 1.0  # between looks at the processes
_PARENT_DEATH_SIGNAL = 1  # of prctl
# Asks processes of this machine, which no proxy of the environment reaches.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class _Configuration(Template):
    delimiter = "@"  # nginx uses the dollar


class _StreamlitProcess:
    """One Streamlit process on a port of this machine."""

    def __init__(self, port: int, workers: int) -> None:
        self._port, self._workers = port, workers
        self.start()

    def start(self) -> None:
        command = [*STREAMLIT, "--server.headless", "true"]
        command += ["--server.address", "127.0.0.1", "--server.port", str(self._port)]
        self.running = _start(
            command,
            signal.SIGKILL,
            cwd=APP.parent,
            env={**os.environ, "VLCORE_WORKERS": str(self._workers), "VLCORE_HOME": str(home())},
            stdout=subprocess.DEVNULL,  # it prints an address that no visitor can open
        )
        self._answered = time.monotonic()
        self.is_healthy = False

    def is_gone(self) -> bool:
        """Whether it has ended or has not answered for long."""
        with suppress(OSError):
            address = f"http://127.0.0.1:{self._port}/_stcore/health"
            _DIRECT.open(address, timeout=2).close()
            self._answered, self.is_healthy = time.monotonic(), True
        is_late = time.monotonic() - self._answered > PATIENCE
        return is_late or self.running.poll() is not None

    def replace(self) -> None:
        self.running.kill()
        self.running.wait()
        self.start()


def add_app(commands: Any) -> None:
    option = add_command(commands, app)
    option("--port", type=whole_number(1, 65_535), default=8501)
    option("--no-browser", action="store_true", help="open no browser")


def add_commands(commands: Any) -> None:
    option = add_command(commands, serve)
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


def app(options: Namespace) -> Document:
    """Run the app; its models and image sets are kept in the current folder."""
    _check_app()
    command = [*STREAMLIT, "--server.port", str(options.port)]
    command += ["--server.headless", str(options.no_browser).lower()]
    # Streamlit reads its settings in the folder where it is started, which is not the home then.
    environment = {**os.environ, "VLCORE_HOME": str(home())}
    try:
        ended = subprocess.run(command, cwd=APP.parent, env=environment)
    except KeyboardInterrupt:
        return {"app": "ended"}
    if ended.returncode:
        raise CommandError(f"Streamlit ended with {ended.returncode}; what it said is above.")
    return {"app": "ended"}


def _address(text: str) -> str:
    try:
        return f"[{text}]" if ipaddress.ip_address(text).version == 6 else text
    except ValueError:
        raise ArgumentTypeError(f"{text} is not an address such as 127.0.0.1 or ::") from None


def serve(options: Namespace) -> Document:
    """Serve a class: Streamlit processes behind nginx, with limits; `streamlit run app.py` is one
    without.

    A process that dies or no longer answers is replaced.
    """
    listens = f"{options.host}:{options.port}"
    if options.print_config:
        ports = [FIRST_PORT + number for number in range(options.processes)]
        text = configuration(listens, ports, Path("/var/lib/nginx"))
        if options.json:
            return {"config": text}
        print(text, end="")
        return {}
    nginx = _find_nginx()
    _check_app()
    _check_free(options.host, options.port)
    allow_open_files()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # The processes hash the address of a voter in the same way.
    os.environ.setdefault("VLCORE_ADDRESS_KEY", secrets.token_hex(16))
    ports = _free_ports(options.processes)
    with suppress(KeyboardInterrupt), _streamlit_processes(ports) as processes:
        folder = scratch_folder()
        folder.chmod(0o711)  # started by root, nginx does its work as a user without rights
        (folder / "nginx.conf").write_text(configuration(listens, ports, folder))
        _wait_until_healthy(processes)
        command = [nginx, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
        proxy = _start([*command, "-g", "daemon off;"], signal.SIGTERM)
        try:
            _say(f"Serving at http://{listens} with {len(ports)} processes; Ctrl-C ends it.")
            _supervise(proxy, processes)
        finally:
            _end(proxy)
    return {}


def _check_app() -> None:
    if not APP.is_file():
        raise CommandError(
            "The app is not here; install vl-bias-lab again, or start this in a clone of it."
        )


def _find_nginx() -> str:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    nginx = shutil.which("nginx", path=path)
    if nginx is None:
        raise CommandError(
            "There is no nginx: install it (`apt install nginx-light`), or start `streamlit run"
            " app.py`."
        )
    return nginx


@contextmanager
def _streamlit_processes(ports: list[int]) -> Iterator[list[_StreamlitProcess]]:
    """Start a process a port, which share the workers for trainings; end them afterwards."""
    workers = max(1, default_workers() // len(ports))
    processes: list[_StreamlitProcess] = []
    try:
        for port in ports:
            processes.append(_StreamlitProcess(port, workers))
        yield processes
    finally:
        _end(*(process.running for process in processes))


def _wait_until_healthy(processes: list[_StreamlitProcess]) -> None:
    while not all(process.is_healthy for process in processes):
        if any([process.is_gone() for process in processes]):
            raise CommandError("A Streamlit process does not become healthy; see its log above.")
        time.sleep(0.1)


def _supervise(proxy: subprocess.Popen[bytes], processes: list[_StreamlitProcess]) -> None:
    """Replace processes that are gone, as long as nginx runs."""
    while proxy.poll() is None:
        time.sleep(LOOK_SECONDS)
        for process in processes:
            if process.is_gone():
                _say("A process does not answer; another one takes its place.")
                process.replace()
    raise CommandError("nginx has ended; see its log above.")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def configuration(listens: str, ports: list[int], folder: Path) -> str:
    """Return the configuration of nginx before the processes at ports; `folder` is its own."""
    servers = {
        number: f"server 127.0.0.1:{port} max_fails=1 fail_timeout=5s"
        for number, port in enumerate(ports, 1)
    }
    upstreams = ["upstream any {", *(f"  {server};" for server in servers.values()), "}"]
    for number, server in servers.items():
        # Where a process is gone, another one takes its visitors.
        backups = [f"  {servers[backup]} backup;" for backup in servers if backup != number]
        upstreams += [f"upstream process_{number} {{", f"  {server};", *backups, "}"]
    by_address = [f'"~127\\.0\\.0\\.1:{port}$" {number};' for number, port in enumerate(ports, 1)]
    by_cookie = [f"{number} process_{number};" for number in servers]
    return _Configuration(text_beside(__file__, "nginx.conf")).substitute(
        address=listens,
        folder=folder,
        scripts=_inline_script_hashes(),
        upstreams=_indented(upstreams, 2),
        by_address=_indented(by_address, 4),
        by_cookie=_indented(by_cookie, 4),
    )


def _indented(lines: list[str], indent: int) -> str:
    return "\n".join(" " * indent + line for line in lines)


def _inline_script_hashes() -> str:
    """Return the hashes of inline scripts in Streamlit's page, for a Content-Security-Policy."""
    streamlit = importlib.util.find_spec("streamlit")
    page = Path(str(streamlit and streamlit.origin)).with_name("static") / "index.html"
    scripts = re.findall(r"<script>(.*?)</script>", page.read_text(encoding="utf-8"), re.DOTALL)
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def _check_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    try:
        socket.create_server((host.strip("[]"), port), family=family).close()
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise CommandError(
            f"{host}:{port} cannot be listened at ({reason}); give another --port."
        ) from error


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [bound.getsockname()[1] for bound in sockets]
    for bound in sockets:
        bound.close()
    return ports


def _start(command: list[str], end: signal.Signals, **options: Any) -> subprocess.Popen[bytes]:
    """Start a process to which the kernel of Linux sends `end` when this one has ended, however."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    return subprocess.Popen(
        command, preexec_fn=prctl and partial(prctl, _PARENT_DEATH_SIGNAL, end), **options
    )


def _end(*processes: subprocess.Popen[bytes]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
