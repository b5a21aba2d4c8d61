"""Command that runs the app, also where the library was installed without a clone."""

import os
import subprocess
import sys
from argparse import Namespace
from typing import Any

from vlcore.cli.common import CommandError, Document, add_command, whole_number
from vlcore.experiment.files import home, project_folder

APP = project_folder() / "app.py"


def add_commands(commands: Any) -> None:
    option = add_command(commands, app)
    option("--port", type=whole_number(1, 65_535), default=8501)
    option("--no-browser", action="store_true", help="open no browser")


def app(options: Namespace) -> Document:
    """Run the app; its models and image sets are kept in the current folder."""
    if not APP.is_file():
        raise CommandError(
            "The app is not here; install vl-bias-lab again, or start this in a clone of it."
        )
    command = [sys.executable, "-m", "streamlit", "run", str(APP)]
    command += ["--server.port", str(options.port)]
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
