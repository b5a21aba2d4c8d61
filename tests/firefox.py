"""Firefox, as browser tests drive it: Node runs the journeys of `firefox.mjs` in it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.pages.serving import PATIENCE, RUN_TO_ITS_END, STILL

FIREFOX, NPM = shutil.which("firefox-esr"), shutil.which("npm")
needs_firefox = pytest.mark.skipif(
    FIREFOX is None or NPM is None, reason="Debian's firefox-esr or npm is not installed"
)
PUPPETEER = "puppeteer-core@^24"  # 25 needs a newer Node than Debian's
JOURNEYS = Path(__file__).with_suffix(".mjs")


class Firefox:
    """Journeys in Firefox, as wide as a phone; npm installs what they need in a folder."""

    def __init__(self, folder: Path) -> None:
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", PUPPETEER]
        subprocess.run(command, cwd=folder, check=True)
        self.module = shutil.copy(JOURNEYS, folder)

    def go(self, journey: str, address: str, **facts: str) -> dict[str, Any]:
        """Return the facts that a visitor meets on a journey of `firefox.mjs`.

        The journey must reach its end, with no error or warning in the console, no request to
        another host, and no request that fails.
        """
        settled = f"({RUN_TO_ITS_END})() && ({STILL})()"
        task = {"firefox": FIREFOX, "patience": PATIENCE, "settled": settled}
        task |= {"journey": journey, "address": address, **facts}
        command = ["node", self.module, json.dumps(task)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, f"The journey {journey} stopped in Firefox. {done.stderr}"
        seen: dict[str, Any] = json.loads(done.stdout)
        complaints = seen.pop("complaints")
        assert not complaints, f"Firefox complains on the journey {journey}: {complaints}"
        return seen
