"""``manage.py demo_next``: the demo, and one of its papers as a Next.js site."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from demo_project.stack import next_site
from demo_project.stack.parts import MANAGE, MissingProgram

_STARTS_WITHIN = 180.0  # seconds
_STOPS_WITHIN = 20.0


class Command(BaseCommand):
    """Run the demo and the Next.js site as child processes, and end both."""

    help = (
        "Run the demo newsroom and the Next.js example beside it: in development (the page "
        "follows by the socket), or with --production. Ctrl-C stops everything."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--next-port", type=int, default=3000, help="Port of the Next.js site.")
        parser.add_argument(
            "--production",
            action="store_true",
            help="next build and next start: the page changes when a signed webhook says so.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            ready_file = Path(folder) / "ready.json"
            demo = subprocess.Popen(  # noqa: S603 - ourselves
                (sys.executable, str(MANAGE), "demo", "--ready-file", str(ready_file)),
                start_new_session=True,
            )
            site: subprocess.Popen[bytes] | None = None
            try:
                next_site.install()
                ready = _wait(ready_file, demo)
                variables = next_site.environment(ready, options["next_port"])
                site = next_site.start(variables, production=options["production"])
                self.stdout.write(
                    f"\n  The paper by Next.js: http://localhost:{variables['PORT']}/\n"
                )
                site.wait()
            except KeyboardInterrupt:
                pass
            except MissingProgram as error:
                raise CommandError(str(error)) from error
            except subprocess.CalledProcessError as error:
                raise CommandError(f"npm failed with status {error.returncode}.") from error
            finally:
                # Ctrl-C comes twice under tox: from the terminal and from tox.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                _stop(site, demo)


def _wait(ready_file: Path, demo: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + _STARTS_WITHIN
    while not ready_file.exists():
        if demo.poll() is not None or time.monotonic() > deadline:
            raise CommandError("The demo did not start: see what it says above.")
        time.sleep(0.2)
    ready: dict[str, Any] = json.loads(ready_file.read_text())
    return ready


def _stop(*processes: subprocess.Popen[bytes] | None) -> None:
    running = [process for process in processes if process and process.poll() is None]
    for process in running:
        os.killpg(process.pid, signal.SIGINT)
    for process in running:
        try:
            process.wait(_STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
