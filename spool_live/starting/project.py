"""The project that ``live_init`` completes: its files, and its own apps."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path

from django.apps import AppConfig, apps
from django.conf import settings


@dataclass(frozen=True)
class Project:
    """A project in ``folder``. Only files in this folder may be written."""

    folder: Path

    @classmethod
    def here(cls) -> Project:
        """Return the project of the current folder, where ``manage.py`` is."""
        return cls(Path.cwd())

    @cached_property
    def settings_file(self) -> Path | None:
        """The file of the settings module, if it is the project's."""
        return self.module_file(os.environ.get("DJANGO_SETTINGS_MODULE", ""))

    @cached_property
    def urls_file(self) -> Path | None:
        """The file of the module that ``ROOT_URLCONF`` names, if it is the project's."""
        return self.module_file(getattr(settings, "ROOT_URLCONF", "") or "")

    @property
    def env_file(self) -> Path:
        """The file with the environment's variables for development."""
        return self.folder / ".env"

    def lists_app(self, name: str) -> bool:
        """Return whether the settings module itself has the app ``name`` in ``INSTALLED_APPS``.

        ``settings.INSTALLED_APPS`` may have more: ``python -m spool_live`` adds ours while it runs.
        """
        module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
        source = import_module(module) if module else settings
        listed = getattr(source, "INSTALLED_APPS", ())
        return any(one == name or one.startswith(f"{name}.apps.") for one in listed)

    def own_apps(self) -> Iterator[AppConfig]:
        """Yield the apps that are written for this project."""
        for app in apps.get_app_configs():
            if app.name != "spool_live" and self.owns(Path(app.path)):
                yield app

    def module_file(self, name: str) -> Path | None:
        """Return the file of the module ``name``, or ``None`` if it is not the project's."""
        if not name:
            return None
        try:
            path = Path(import_module(name).__file__ or "")
        except ImportError:
            return None
        return path if self.owns(path) else None

    def owns(self, path: Path) -> bool:
        """Return whether ``path`` is in the project's folder, but not in a virtual environment."""
        resolved = path.resolve()
        is_installed = "site-packages" in resolved.parts or resolved.is_relative_to(sys.prefix)
        return resolved.is_relative_to(self.folder.resolve()) and not is_installed

    def name_of(self, path: Path) -> str:
        """Return ``path`` relative to the project's folder."""
        return str(path.resolve().relative_to(self.folder.resolve()))
