"""What a wheel has beside the library: the app, its pages, bundled models and published results,
as ``vlcore/project``, where `vlcore.experiment.files.project_folder` finds them."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PARTS = (".streamlit", "app.py", "docs/results", "models/shipped", "pages", "static")


class BuildWithApp(build_py):
    """Copy the parts of the project that the installed app needs."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for part in PARTS:
            target = Path(self.build_lib, "vlcore", "project", part)
            target.parent.mkdir(parents=True, exist_ok=True)
            if Path(part).is_dir():
                without = shutil.ignore_patterns("__pycache__")
                shutil.copytree(part, target, ignore=without, dirs_exist_ok=True)
            else:
                shutil.copyfile(part, target)


setup(cmdclass={"build_py": BuildWithApp})
