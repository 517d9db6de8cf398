"""Appends to files. No existing line changes, and a project that started before still does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from spool_live.exceptions import SpoolLiveError
from spool_live.starting.additions import Addition
from spool_live.starting.environment import SECRETS
from spool_live.starting.project import Project

TRIED_FOR = 120
"""Seconds that the project may take to start."""
_IMPORTS = re.compile(r"(?:(?:import|from) [^(\n]+\n|\n)*")
"""The imports and empty lines that a piece of Python begins with."""
_START = "import django; django.setup(); from django.core.management import call_command; "
_CHECK = f"{_START}call_command('check', tag=['urls', 'models'])"


class CannotWriteError(SpoolLiveError):
    """What would be written does not work here: the message says why. Nothing was changed."""


def write_all(project: Project, additions: Sequence[Addition]) -> list[Path]:
    """Append each addition that has a file, in their order, and return those files.

    Then the project is started in a process of its own. If it does not start any more, all files
    are restored, and ``CannotWriteError`` is raised.
    """
    chosen = [one for one in additions if one.path is not None]
    paths = list(dict.fromkeys(one.path for one in chosen if one.path is not None))
    before = {path: path.read_bytes() if path.exists() else None for path in paths}
    texts = {path: _appended(path, [one for one in chosen if one.path == path]) for path in paths}
    made: list[Path] = []
    try:
        for path in paths:
            made += _make_folder(path.parent)
        for path, text in texts.items():
            _replace(path, text.encode())
        _start(project)
    except BaseException:
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                _replace(path, content)
        for folder in reversed(made):
            shutil.rmtree(folder, ignore_errors=True)  # with what Python compiled in it
        raise
    return paths


def _make_folder(folder: Path) -> list[Path]:
    """Make ``folder`` and its parents; return those that did not exist, the highest first."""
    above = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return above[::-1]


def _appended(path: Path, additions: Sequence[Addition]) -> str:
    """Return the new text of ``path``, which begins with the old one."""
    text = path.read_text("utf-8") if path.exists() else ""
    is_python = path.suffix == ".py"
    for one in additions:
        if text and not text.endswith("\n"):
            text += "\n"
        fresh = _without_known_imports(one.text, text) if is_python else one.text
        text += "\n" + fresh if text and is_python else fresh
    if is_python:
        try:
            compile(text, str(path), "exec")
        except SyntaxError as error:
            raise CannotWriteError(f"{path.name} would not be Python any more: {error}") from error
    return text


def _without_known_imports(fresh: str, text: str) -> str:
    """Return ``fresh`` without the imports at its beginning that are lines of ``text``."""
    start = _IMPORTS.match(fresh)
    head = fresh[: start.end()] if start else ""
    known = {line for line in text.splitlines() if line}
    kept = [line for line in head.splitlines() if line not in known]
    imports = "\n".join(kept).strip("\n") + "\n\n" if any(kept) else ""
    after_class = "\n" if head.endswith("\n\n\n") and imports else ""
    return imports + after_class + fresh[len(head) :]


def _replace(path: Path, content: bytes) -> None:
    """Write all of ``content`` or nothing; the file keeps its mode."""
    mode = path.stat().st_mode & 0o777 if path.exists() else None
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        is_secret = path.name == ".env"
        Path(name).chmod(mode or (SECRETS if is_secret else 0o666 & ~_umask()))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _start(project: Project) -> None:
    path = os.pathsep.join([str(project.folder), *sys.path])
    done = subprocess.run(  # noqa: S603 - Python itself, with a constant
        [sys.executable, "-c", _CHECK],
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=TRIED_FOR,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        raise CannotWriteError(
            f"The project would not start any more ({lines[-1] if lines else 'no reason given'}). "
            "Nothing was changed: add by hand what live_init shows."
        )
