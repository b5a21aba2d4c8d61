"""Debian's chromium, as browser tests start it."""

import shutil

import pytest

# Without a window, the browser made for that does the same work in two thirds of the time.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="Debian's chromium-headless-shell is not installed"
)
