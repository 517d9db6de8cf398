"""``manage.py build_demo_page``: styles and scripts of the demo's pages."""

from __future__ import annotations

import subprocess
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from demo_project.stack.pages import build_pages
from demo_project.stack.parts import MissingProgram


class Command(BaseCommand):
    help = "Build the styles and scripts of the demo's pages, unless they are up to date."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(f"Pages: {build_pages()}.")
        except MissingProgram as error:
            raise CommandError(str(error)) from error
        except subprocess.CalledProcessError as error:
            raise CommandError(f"npm failed with status {error.returncode}.") from error
