"""The demo's output in the terminal."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from demo_project.supervision import ServiceFailed

from .ready import Ready

_WHAT = {
    "pages": "Pages built",
    "broker": "Broker",
    "supabase": "PostgreSQL and local Supabase",
    "newsroom": "Migrations and newsroom",
    "worker": "Celery worker",
    "beat": "Celery beat",
    "alerts": "Alerts",
    "web": "Django",
}


class Console:
    """Output of progress, the final banner and failures. ``write`` takes a line without its end."""

    def __init__(self, write: Callable[[str], object], *, colour: bool) -> None:
        self._write = write
        self._colour = colour and "NO_COLOR" not in os.environ
        self._stopping = False

    def starting(self, folder: Path) -> None:
        self._write(f"\n  Starting the newsroom in {_short(folder)}\n")

    def part_ready(self, name: str, seconds: float) -> None:
        what = _WHAT.get(name, name)
        self._write(f"  {self._paint('32', '✓')} {what:<32}{self._dim(f'{seconds:5.1f} s')}")

    def ready(self, ready: Ready, seconds: float) -> None:
        """Write the banner: the addresses to open, and how to sign in."""
        width = max(len(paper.name) for paper in ready.papers) + 3
        lines = [
            "",
            f"  {self._bold('The newsroom is open')}  {self._dim(f'after {seconds:.1f} s')}",
            "",
            f"  {'Both papers':<{width}}{self._link(ready.split_url)}",
            f"  {'Admin':<{width}}{self._link(ready.admin_url)}",
            "",
        ]
        logins = [(paper.name, paper.editor) for paper in ready.papers]
        for title, login in [*logins, ("Everything", ready.administrator)]:
            password = self._bold(ready.passwords[login])
            lines.append(f"  {title:<{width}}{login:<17}{password}")
        lines += ["", f"  {self._dim('Save an article in the admin and watch its paper.')}"]
        lines += [f"  {self._dim('Ctrl-C stops everything.')}", ""]
        self._write("\n".join(lines))

    def stopping(self) -> None:
        self._write(f"\n  {self._dim('Stopping …')}")

    def stopped(self) -> None:
        self._write(f"  {self._dim('Everything has stopped.')}\n")

    def failed(self, failure: ServiceFailed) -> None:
        """Write the end of the log of the process that failed, each line with its name."""
        self._write("")
        for line in failure.lines:
            self._write(f"  {self._paint('31', failure.name)} {self._dim('│')} {line}")
        self._write("")

    def _bold(self, text: str) -> str:
        return self._paint("1", text)

    def _dim(self, text: str) -> str:
        return self._paint("2", text)

    def _link(self, url: str) -> str:
        return self._paint("4;36", url)

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _short(folder: Path) -> str:
    """Return ``folder`` relative to the working directory, if it is inside that."""
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) else str(folder)
