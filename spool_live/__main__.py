"""``python -m spool_live live_init``: the same as ``manage.py live_init``, but it also works before
``spool_live`` is in ``INSTALLED_APPS``."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

COMMAND = "live_init"
MISUSED = 2
"""The exit status of a wrong call."""
NEEDED = ("django", "celery", "psycopg", "rest_framework", "supabase")
"""Packages of the extra ``[django]``."""
_SETTINGS = re.compile(r"""["']DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")


def main(arguments: Sequence[str]) -> int:
    """Run ``live_init`` and return the exit status: 2 for a wrong call, without the packages of the
    extra, or without settings.

    ``DJANGO_SETTINGS_MODULE`` names the settings, or ``manage.py`` in the current folder does.
    """
    if list(arguments[:1]) != [COMMAND]:
        return _refuse(f"usage: python -m spool_live {COMMAND} [--write] [...]")
    for package in NEEDED:
        if find_spec(package) is None:
            return _refuse(f"live_init needs {package}: pip install 'spool-live[django]'")
    from django.conf import settings
    from django.core.management import execute_from_command_line

    manage = Path("manage.py")
    found = _SETTINGS.search(manage.read_text("utf-8")) if manage.exists() else None
    if found is not None:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", found[1])
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        return _refuse(
            "There is no manage.py here that names the settings: run this in the project's "
            'folder ("django-admin startproject NAME ." makes one), or set DJANGO_SETTINGS_MODULE.'
        )
    sys.path.insert(0, str(Path.cwd()))
    apps = list(settings.INSTALLED_APPS)
    if not any(app == "spool_live" or app.startswith("spool_live.apps.") for app in apps):
        settings.INSTALLED_APPS = [*apps, "spool_live"]
    execute_from_command_line(["python -m spool_live", *arguments])
    return 0


def _refuse(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return MISUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
