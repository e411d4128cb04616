"""Everything is in pyproject.toml; this only puts the project's data/ into a wheel, as ftlab/_data."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class WithData(build_py):
    def run(self):
        super().run()
        target = Path(self.build_lib) / "ftlab" / "_data"
        if Path("data").is_dir() and not self.editable_mode:
            shutil.copytree("data", target, dirs_exist_ok=True)


setup(cmdclass={"build_py": WithData})
