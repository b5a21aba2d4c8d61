"""Command `app`: the app on this machine, also where the library was installed without a clone."""

import os
import subprocess
import sys
from argparse import Namespace
from typing import Any

from vlcore.cli.common import CommandError, add_command, whole_number
from vlcore.experiment.files import home, project_folder


def add_commands(commands: Any) -> None:
    help_text = "run the app; its models and image sets are kept in the current folder"
    option = add_command(commands, "app", help_text, app)
    option("--port", type=whole_number(1, 65_535), default=8501)
    option("--no-browser", action="store_true", help="open no browser")


def app(options: Namespace) -> dict[str, Any]:
    """Run Streamlit until it ends."""
    folder = project_folder()
    if not (folder / "app.py").is_file():
        raise CommandError(
            "The app is not here; install vl-bias-lab again, or start this in a clone of it."
        )
    command = [sys.executable, "-m", "streamlit", "run", str(folder / "app.py")]
    command += ["--server.port", str(options.port)]
    command += ["--server.headless", str(options.no_browser).lower()]
    # Streamlit reads its settings in the folder where it is started, which is not the home then.
    environment = {**os.environ, "VLCORE_HOME": str(home())}
    try:
        ended = subprocess.run(command, cwd=folder, env=environment)
    except KeyboardInterrupt:
        return {"app": "ended"}
    if ended.returncode:
        raise CommandError(f"Streamlit ended with {ended.returncode}; what it said is above.")
    return {"app": "ended"}
