"""WebKit, the engine of Safari, as browser tests start it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from selenium.webdriver import WebKitGTK, WebKitGTKOptions, WebKitGTKService

DRIVER, SCREEN = shutil.which("WebKitWebDriver"), shutil.which("Xvfb")
needs_webkit = pytest.mark.skipif(
    DRIVER is None or SCREEN is None, reason="Debian's webkit2gtk-driver or xvfb is not installed"
)
# Selenium sets its own option.
selenium_warns = pytest.mark.filterwarnings("ignore:setting remote_server_addr:DeprecationWarning")


@contextmanager
def opened_webkit(patience: float) -> Iterator[WebKitGTK]:
    """WebKit as wide as a phone, on a screen without a display; its scripts may take so many
    seconds."""
    assert SCREEN is not None
    reading, writing = os.pipe()
    command = [SCREEN, "-displayfd", str(writing), "-screen", "0", "1280x1024x24"]
    screen = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as number:
            display = f":{number.readline().strip()}"
        environment = os.environ | {"DISPLAY": display, "LIBGL_ALWAYS_SOFTWARE": "1"}
        service = WebKitGTKService(executable_path=DRIVER, env=environment)
        with WebKitGTK(options=WebKitGTKOptions(), service=service) as driver:
            driver.set_window_size(390, 844)
            driver.set_script_timeout(patience)
            yield driver
    finally:
        screen.terminate()
        screen.wait(30)
