"""Projects of adopters', each in a folder of its own: made, migrated and used as they would."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SETTINGS: dict[str, Any] = {
    "SECRET_KEY": "only for tests",
    "DATABASES": {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": "content.sqlite3",
            "OPTIONS": {"transaction_mode": "IMMEDIATE"},
        }
    },
    "INSTALLED_APPS": ["django.contrib.auth", "django.contrib.contenttypes", "spool_live"],
    "SPOOL_LIVE": {
        "BROADCASTER": "spool_live.broadcasters.memory.MemoryBroadcaster",
        "NUDGE": False,
    },
    "USE_TZ": True,
    "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
}


class Project:
    """A project with nothing but SQLite. ``apps`` are its own, each with the texts of its modules;
    ``settings`` are put in place of the usual ones."""

    def __init__(self, folder: Path, apps: dict[str, dict[str, str]], **settings: Any) -> None:
        self.folder = folder
        for app, modules in apps.items():
            for package in (app, f"{app}/migrations"):
                (folder / package).mkdir()
                (folder / package / "__init__.py").touch()
            for module, text in modules.items():
                self.write(f"{app}/{module}.py", text)
        self.settings = {
            **SETTINGS,
            "INSTALLED_APPS": [*SETTINGS["INSTALLED_APPS"], *apps],
            **settings,
        }
        self.configure()

    def configure(self, **settings: Any) -> None:
        """Changes settings."""
        self.settings |= settings
        lines = (f"{name} = {value!r}" for name, value in self.settings.items())
        self.write("settings.py", "\n".join(lines))

    def write(self, path: str, text: str) -> None:
        """Makes ``text`` the content of a file."""
        (self.folder / path).write_text(textwrap.dedent(text), "utf-8")

    def manage(self, *arguments: str, fails: bool = False) -> str:
        """Runs a command of Django's, and returns what it prints; with ``fails`` what it says on
        the error stream."""
        return self._run("-m", "django", *arguments, fails=fails)

    def run(self, code: str) -> str:
        """Runs code with Django set up, and returns what it prints."""
        return self._run("-c", f"import django\ndjango.setup()\n{textwrap.dedent(code)}")

    def pytest(self, *arguments: str) -> str:
        """Runs pytest, and returns what it prints. Other plugins' warnings are not errors."""
        return self._run("-m", "pytest", "-p", "no:cacheprovider", *arguments, warnings="default")

    def _run(self, *arguments: str, fails: bool = False, warnings: str = "error") -> str:
        done = subprocess.run(
            [sys.executable, "-W", warnings, *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT}{os.pathsep}{self.folder}",
                "DJANGO_SETTINGS_MODULE": "settings",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (done.returncode != 0) is fails, f"{done.stdout}\n{done.stderr}"
        return done.stderr if fails else done.stdout
